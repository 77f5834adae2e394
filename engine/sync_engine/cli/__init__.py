"""The command line: click, exit codes, wiring of the rooms."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    from sync_engine.cli.main import run

    run()
