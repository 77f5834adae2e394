"""Tables of text on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from sync_engine.cli.console import Console


def print_table(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text on stdout, each column as wide as its longest cell."""
    widths = [max(len(str(row[index])) for row in (head, *rows)) for index in range(len(head))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    console.out(console.paint(line(head), "bold"))
    for row in rows:
        console.out(line(row))
