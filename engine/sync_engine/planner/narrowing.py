"""A part of a plan as a plan of its own: only some of its changes and rejections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sync_engine.planner.plan import CatalogPlan, Change, Rejection, StreamPlan, Summary
from sync_engine.planner.plan_file import PlanFile, PlanWriter


def narrow(
    file: PlanFile,
    plan: CatalogPlan,
    path: Path,
    change: Callable[[StreamPlan, Change], bool],
    rejection: Callable[[StreamPlan, Rejection], bool],
) -> PlanFile:
    """Write a part of a catalog's plan into another file, in the same order.

    Args:
        file: the whole plan.
        plan: the catalog in it.
        path: where the part goes.
        change: whether a change is part of it; asked once for each.
        rejection: likewise.
    """
    writer = PlanWriter(path, pack=False, environment=file.environment)
    try:
        writer.catalog(plan.name, plan.path)
        streams = []
        for stream in plan.streams:
            counts: Counter[str] = Counter()
            for each in file.changes(plan.name, stream.name):
                if change(stream, each):
                    counts[each.kind] += 1
                    writer.change(stream.name, each.packed())
            kept = [each for each in file.rejections(plan.name, stream.name) if rejection(stream, each)]
            writer.rejections(stream.name, kept)
            waiting = sum(each.waits for each in kept)
            summary = Summary(**{kind: counts[kind] for kind in counts}, rejected=len(kept) - waiting, waiting=waiting)
            streams.append(replace(stream, summary=summary, new_options=stream.new_options if counts else ()))
        part = replace(plan, streams=tuple(streams))
        writer.catalog_end(part)
        return PlanFile(path, writer.seal([part]), (part,), file.environment)
    finally:
        writer.close()
