"""Whether a saved plan still fits what is there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sync_engine.catalog.model import Catalog, Environment, Project
from sync_engine.cli.session import Connections, compile_live
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.planner.cost import judge_budget
from sync_engine.planner.fingerprint import differences, fingerprint
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.values import plural
from sync_engine.sdk.errors import PlanStale, Refused
from sync_engine.transfer.stale import Recheck, find_stale

SHOWN = 5
"""Stale records that a message names."""


def refuse_comparison(file: PlanFile) -> None:
    """Refuse what compares two versions of the catalogs: it says nothing of what the target holds."""
    if file.base is not None:
        raise Refused(
            f"{file.path} compares the catalogs with those of {file.base.reference}; it is no plan that can be applied",
            hint="Make one with `sync-engine plan --out FILE`, without --base.",
        )


def same_environment(planned: Environment | None, now: Environment | None) -> None:
    """Refuse a plan that was made for other connections."""
    if planned is None and now is None:
        return
    names = [f"environment {each.name}" if each else "the project file alone" for each in (planned, now)]
    if planned is None or now is None or planned.name != now.name:
        chosen = f"--env {planned.name} " if planned else ""
        raise PlanStale(
            f"the plan was made for {names[0]}, and this is {names[1]}; nothing was written",
            hint=f"Apply it with: sync-engine {chosen}apply FILE",
        )
    before, after = ({each.place: each.after for each in one.overrides} for one in (planned, now))
    changed = [place for place in sorted({*before, *after}) if before.get(place) != after.get(place)]
    if changed:
        raise PlanStale(
            f"{names[0]} has changed since the plan was made; nothing was written: {', '.join(changed)}",
            hint="Make a new plan with `sync-engine plan --out FILE`.",
        )


def still_valid(file: PlanFile, catalogs: tuple[Catalog, ...], connections: Connections) -> list[CompiledCatalog]:
    """Refuse a plan that was made for something else than what is there now; returns what is there."""
    compiled, _ = compile_live(catalogs, connections)
    now = {each.catalog.name: each for each in compiled}
    changed = [
        f"{planned.name}: {each}"
        for planned in file.catalogs
        for each in differences(planned.fingerprint, fingerprint(now[planned.name]))
    ]
    if changed:
        raise PlanStale(
            f"the plan was made for something else; nothing was written. Changed since: {'; '.join(changed)}",
            hint="Make a new plan with `sync-engine plan --out FILE`.",
        )
    return compiled


def judge_again(file: PlanFile, project: Project, catalogs: Sequence[Catalog], connections: Connections) -> PlanFile:
    """The plan with what the targets' daily limits leave now, and the budget as the project has it now."""
    targets = {each.name: each.target for each in catalogs}
    left = {name: connections.target(name).budget().requests_remaining for name in dict.fromkeys(targets.values())}
    plans = tuple(
        replace(each, cost=replace(each.cost, requests_remaining=left[targets[each.name]])) for each in file.catalogs
    )
    budget = judge_budget(project.budget, [(targets[each.name], each.cost) for each in plans])
    return replace(file, catalogs=plans, budget=budget)


def refuse_stale(
    file: PlanFile, catalogs: Sequence[Catalog], connections: Connections, rechecks: Mapping[str, Recheck]
) -> None:
    """Refuse a plan as a whole when any of its records is not as it saw them.

    Raises:
        PlanStale: with how many, and what became of the first of them.
    """
    targets = {each.name: connections.target(each.target) for each in catalogs}
    found: list[str] = []
    count = 0
    for plan in file.catalogs:
        for stream, each in find_stale(file, plan, targets[plan.name], rechecks[plan.name]):
            count += 1
            if count <= SHOWN:
                why = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in each.reasons)
                found.append(f"{stream} {each.change.key}: {why}")
    if count:
        more = f"; and {count - SHOWN} more" if count > SHOWN else ""
        raise PlanStale(
            f"{plural(count, 'record')} changed since the plan was made; nothing was written: {'; '.join(found)}{more}",
            hint="Make a new plan; or leave out --strict, which writes the others.",
        )
