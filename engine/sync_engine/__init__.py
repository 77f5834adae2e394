"""sync-engine: catalogs in git say which products go where; a plan shows it; a transfer does exactly that."""

__version__ = "0.1.0"
