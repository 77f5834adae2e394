"""``python -m sync_engine``."""

from sync_engine.cli import main

main()
