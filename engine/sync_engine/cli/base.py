"""``plan --base``: what the catalogs as they are cause, compared with those of another commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.project import PROJECT_FILE
from sync_engine.catalog.validate import ValidationResult, validate_project
from sync_engine.cli.console import Console, Meter
from sync_engine.cli.plan import chosen_streams, remember, with_requests
from sync_engine.cli.session import (
    Connections,
    choose,
    compile_described,
    describe_source,
    describe_target,
    load,
    open_state,
)
from sync_engine.gitops.repository import open_repository
from sync_engine.planner.comparison.compare import compare_catalog
from sync_engine.planner.comparison.config import paired, same_catalog
from sync_engine.planner.comparison.versions import Version
from sync_engine.planner.plan import BaseCommit, CatalogPlan, ConfigChange
from sync_engine.planner.plan_file import PlanFile, PlanWriter
from sync_engine.planner.processes import helping_processes
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.problem import Problem, Severity

YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class _Versions:
    """Two versions of a catalog.

    Attributes:
        catalog: the new one as written, or the old one where there is no new one.
        why_not: why they cannot be compared; empty where they can.
    """

    catalog: Catalog
    base: Version | None
    head: Version | None
    why_not: str = ""


def compare_with_base(
    console: Console, names: Sequence[str], reference: str, path: Path, streams: str | None, *, keep: bool
) -> PlanFile:
    """Compare the catalogs as they are in the project's folder with those of another commit, into a file.

    The other commit is the last one that HEAD and the named one have in common: what others have changed on a branch
    meanwhile does not show.

    Args:
        console: knows the project's folder.
        names: of catalogs; empty means all.
        reference: names the commit.
        path: where the comparison goes.
        streams: names of the only streams to compare, as ``--streams`` takes them.
        keep: whether it is to be saved.

    Raises:
        Refused: there is no such commit.
        InvalidInput: the catalogs as they are have errors. What is wrong with those of the other commit is said in the
            comparison.
    """
    project, every = load(console)
    chosen = choose(every, names)
    selected = chosen_streams(streams, chosen)
    with read_base(project, reference) as (base, old), Connections(project, console) as connections:
        pairs = paired(old.catalogs if old else (), every, lambda each: each.name, same_catalog)
        # A catalog that is written as it was does what it did.
        differing = [(one, two) for one, two in pairs if one is None or two is None or one.digest != two.digest]
        wanted = [pair for pair in differing if pair[1] in chosen or (pair[1] is None and not names)]
        compiled = _compiled(wanted, old, project, connections)
        meter = Meter()
        writer = PlanWriter(path, pack=keep, environment=project.environment, base=base)
        try:
            plans = _compare(console, project, compiled, connections, writer, meter, selected)
            return PlanFile(path, writer.seal(plans), tuple(plans), project.environment, base=base)
        finally:
            writer.close()
            meter.clear()


@contextmanager
def read_base(project: Project, reference: str) -> Iterator[tuple[BaseCommit, ValidationResult | None]]:
    """The catalogs of another commit, as long as this lasts; None when the project was not there."""
    repository = open_repository(project.root)
    commit = repository.common_ancestor(repository.commit(reference), repository.commit("HEAD"))
    with tempfile.TemporaryDirectory(prefix="sync-engine-") as folder:
        repository.export(commit, Path(folder), repository.place_of(project.root), YAML)
        there = (Path(folder) / PROJECT_FILE).is_file()
        yield BaseCommit(reference, commit), validate_project(Path(folder)) if there else None


def _compiled(
    pairs: Sequence[tuple[Catalog | None, Catalog | None]],
    old: ValidationResult | None,
    project: Project,
    connections: Connections,
) -> list[_Versions]:
    """Both versions of each catalog, compiled against the same descriptions.

    Raises:
        InvalidInput: with every problem of the new versions.
    """
    found: list[_Versions] = []
    problems: list[Problem] = []
    for base, head in pairs:
        why_not = _broken(old, head) if base is None and head is not None else ""
        if base is not None and not {base.source, base.target} <= project.connections.keys():
            lost = next(each for each in (base.source, base.target) if each not in project.connections)
            why_not = f"the connection {lost}, which it used, is gone from the project"
        usable = base if base is not None and not why_not else None
        before = _version(usable, head, connections)
        after = _version(head, usable, connections)
        errors = [each for each in before[1] if each.severity is Severity.ERROR]
        if errors:
            why_not = f"the old version does not fit what the connections describe now: {_said(errors)}"
        problems += after[1]
        newest = head or base
        if newest is not None:
            found.append(_Versions(newest, before[0], after[0], why_not))
    if any(each.severity is Severity.ERROR for each in problems):
        raise InvalidInput(problems)
    return found


def _broken(old: ValidationResult | None, head: Catalog) -> str:
    """What was wrong with the old version of a catalog that has none which is valid."""
    problems = [each for each in (old.problems if old else ()) if each.severity is Severity.ERROR]
    own = [each for each in problems if each.origin.file == head.origin.file]
    return f"the old version was not valid: {_said(own)}" if own else ""


def _said(problems: Sequence[Problem]) -> str:
    first = problems[0]
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{first.origin} {first.code} {first.message}{more}"


def _version(
    catalog: Catalog | None, other: Catalog | None, connections: Connections
) -> tuple[Version | None, list[Problem]]:
    """A version of a catalog; described is what both versions need, so that both mean the same."""
    if catalog is None:
        return None, []
    both = [catalog, *(each for each in (other,) if each is not None)]
    source = connections.source(catalog.source)
    described = describe_source(source, *(each for each in both if each.source == catalog.source))
    of_target = [each for each in both if each.target == catalog.target]
    target = describe_target(connections.target(catalog.target), of_target)
    compiled, problems = compile_described(catalog, described, target, connections)
    return None if compiled is None else Version(compiled, source), problems


def _compare(
    console: Console,
    project: Project,
    pairs: Sequence[_Versions],
    connections: Connections,
    writer: PlanWriter,
    meter: Meter,
    selected: frozenset[str] | None,
) -> list[CatalogPlan]:
    beside = helping_processes() if project.mapping_processes is None else project.mapping_processes
    plans: list[CatalogPlan] = []
    counted: dict[str, int] = {}
    with open_state(project, console) as ledger:
        for each in pairs:
            catalog, newest = each.catalog, each.head or each.base
            if each.why_not or newest is None:
                plan = _not_compared(catalog, each.why_not)
                writer.catalog(plan.name, plan.path)
                writer.catalog_end(plan)
                plans.append(plan)
                continue
            target = connections.target(catalog.target)
            known = remember(ledger, catalog.name, newest.source)
            made = compare_catalog(each.base, each.head, target, writer, meter, known, selected, beside)
            plans.append(with_requests(made, catalog.source, newest.source, counted))
    return plans


def _not_compared(catalog: Catalog, why: str) -> CatalogPlan:
    said = ConfigChange("catalog", f"not compared: {why}", str(catalog.origin))
    return CatalogPlan(catalog.name, catalog.origin.file, {"catalog": catalog.digest}, (), config=(said,))
