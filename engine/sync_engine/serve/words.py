"""What the log of the process says: one line, or a few, for each thing that happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_engine.catalog.model import Catalog
from sync_engine.serve.running import DONE, Ended
from sync_engine.serve.watching import Revision, Trouble


def counting_line(good: Revision, catalogs: Sequence[Catalog]) -> str:
    """Another revision counts."""
    commit = f" ({good.commit.author}: {good.commit.subject})" if good.commit else ""
    return f"{good.id[:12]}{commit} counts from now on; catalogs: {', '.join(each.name for each in catalogs)}"


def gone_lines(good: Revision, before: Sequence[Catalog], now: Sequence[Catalog]) -> Iterator[str]:
    """The catalogs that a revision has no more."""
    names = {each.name for each in now}
    for each in before:
        if each.name not in names:
            yield (
                f"{each.name} is not in {good.id[:12]} any more: it is not transferred any more, and nothing that it "
                "wrote is changed or deleted"
            )


def trouble_line(trouble: Trouble) -> str:
    """What is wrong with what is watched."""
    return f"TROUBLE ({trouble.kind}): {trouble.message}{f' {trouble.hint}' if trouble.hint else ''}"


def ended_line(found: Ended) -> str:
    """How a transfer ended."""
    name, seconds = found.child.catalog, f"{found.seconds:.0f} s"
    if found.code in DONE:
        transfers = found.report.get("transfers") or ()
        counts = transfers[-1]["summary"] if transfers else {}
        did = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        word = "done" if found.code == 0 else "done, but NOT ALL,"
        return f"{name}: {word} in {seconds}: {did or 'nothing to do'}"
    return f"{name}: ended with {found.code} after {seconds}: {found.why}"
