"""Akeneo PIM as a source: what the entry point ``sync_engine.sources: akeneo`` names."""

from sync_engine_akeneo.adapter import adapter

__all__ = ["adapter"]
