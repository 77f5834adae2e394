"""``plan`` and ``show``: exactly what would be written, before anything is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.console import Console, Meter
from sync_engine.cli.recall import recall, since_complete
from sync_engine.cli.session import Connections, compile_live, load, open_state
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.ledger.store import Ledger
from sync_engine.planner.cost import judge_budget
from sync_engine.planner.files import Files
from sync_engine.planner.plan import CatalogPlan
from sync_engine.planner.plan_file import PlanFile, PlanWriter, read_plan
from sync_engine.planner.planner import plan_catalog
from sync_engine.planner.processes import helping_processes
from sync_engine.planner.remembered import Remembered, Since
from sync_engine.problems import nearest
from sync_engine.report.values import plural
from sync_engine.sdk.errors import GateTripped, Refused
from sync_engine.sdk.source import CountsRequests, Source, SourceSchema

CHANGES_PRESENT = 2
FORMATS = ("text", "json", "markdown", "html")


def make_plan(
    console: Console,
    project: Project,
    catalogs: Sequence[Catalog],
    connections: Connections,
    path: Path,
    streams: str | None = None,
    *,
    keep: bool = False,
    changed: bool | None = None,
) -> tuple[PlanFile, list[CompiledCatalog]]:
    """Plan catalogs, or only some of their streams, into a file.

    With ``keep`` it is to be saved. With ``changed`` only what may have changed in the source since the last complete
    transfer is read, where that is enough; None leaves that to each catalog.

    Returns:
        The plan, and the catalogs as they were compiled for it.
    """
    selected = chosen_streams(streams, catalogs)
    meter = Meter()
    beside = helping_processes() if project.mapping_processes is None else project.mapping_processes
    writer = PlanWriter(path, pack=keep, environment=project.environment)
    try:
        with open_state(project, console) as ledger:

            def recalled(catalog: Catalog, source: SourceSchema) -> CompiledCatalog | None:
                return recall(catalog, source, connections, ledger, selected) if _wants(catalog, changed) else None

            compiled, warnings = compile_live(catalogs, connections, recalled)
            if warnings:
                count = plural(len(warnings), "warning")
                console.say(f"{count} about the catalogs; `sync-engine validate --live` shows them.")
            plans: list[CatalogPlan] = []
            counted: dict[str, int] = {}
            for each in compiled:
                catalog = each.catalog
                source, target = connections.source(catalog.source), connections.target(catalog.target)
                remembered = remember(ledger, catalog.name, source)
                if _wants(catalog, changed):
                    remembered = replace(remembered, since=_since(console, ledger, each))
                made = plan_catalog(each, source, target, writer, meter, remembered, selected, beside)
                plans.append(with_requests(made, catalog.source, source, counted))
        budget = judge_budget(
            project.budget, [(each.catalog.target, plan.cost) for each, plan in zip(compiled, plans, strict=True)]
        )
        digest = writer.seal(plans, budget)
        return PlanFile(path, digest, tuple(plans), project.environment, budget), compiled
    finally:
        writer.close()
        meter.clear()


def remember(ledger: Ledger, catalog: str, source: Source) -> Remembered:
    """What the ledger remembers of a catalog; it learns what files of the source contain."""

    def learn(code: str, content: str) -> None:
        ledger.keep_file_contents(catalog, {code: content})

    return Remembered(
        partial(ledger.owned, catalog),
        partial(ledger.count_owned, catalog),
        partial(ledger.owners, catalog),
        ledger.matched(catalog),
        partial(ledger.written, catalog),
        ledger.mappings(catalog),
        ledger.rate(catalog),
        files=Files(partial(ledger.file_content, catalog), learn, source.open_media),
    )


def _wants(catalog: Catalog, changed: bool | None) -> bool:
    """Whether a catalog is to read only what may have changed; None leaves that to the catalog."""
    return catalog.compares_changed if changed is None else changed


def _since(console: Console, ledger: Ledger, compiled: CompiledCatalog) -> Since:
    """What may have changed in the source since everything was written."""
    found = since_complete(ledger, compiled)
    if found.moment is None:
        console.say(f"{compiled.catalog.name}: all records are read: {found.because}.")
    return found


def with_requests(plan: CatalogPlan, connection: str, source: Source, counted: dict[str, int]) -> CatalogPlan:
    """The plan with the requests to its source; describing it counts for the first plan that reads it."""
    if not isinstance(source, CountsRequests):
        return plan
    sent = source.requests
    asked = sent - counted.get(connection, 0)
    counted[connection] = sent
    return replace(plan, cost=replace(plan.cost, source_requests=asked))


def print_plan(console: Console, file: PlanFile, format_: str, most: int) -> None:
    """Print a plan on stdout."""
    for piece in pieces(console, file, format_, most):
        console.out(piece, newline=format_ == "text")


def pieces(console: Console, file: PlanFile, format_: str, most: int) -> Iterator[str]:
    """A plan in one of the formats, piece by piece; lines where the format is text."""
    if format_ == "json":
        from sync_engine.report.plan_json import render as render_json

        return render_json(file)
    if format_ == "markdown":
        from sync_engine.report.plan_markdown import render as render_markdown

        return render_markdown(file)
    if format_ == "html":
        from sync_engine.report.plan_html import render as render_html

        return render_html(file)
    from sync_engine.report.plan_text import render as render_text

    return render_text(file, most, console.paint)


def chosen_streams(names: str | None, catalogs: Sequence[Catalog]) -> frozenset[str] | None:
    """The streams that ``--streams`` names; None when it was not given.

    Raises:
        Refused: no catalog has a stream of that name.
    """
    if names is None:
        return None
    chosen = frozenset(each.strip() for each in names.split(",") if each.strip())
    known = {stream.name for catalog in catalogs for stream in catalog.streams}
    for name in sorted(chosen - known):
        hint = nearest(name, known) or f"There are: {', '.join(sorted(known))}"
        raise Refused(f"no catalog has a stream `{name}`", hint=hint)
    return chosen


changed_option = click.option(
    "--changed/--all",
    default=None,
    help="Read only what may have changed in the PIM since the last complete transfer, where that is enough; or all. "
    "Default: as the catalog's `compare:` says.",
)
streams_option = click.option("--streams", metavar="A,B", help="Only these streams; a selection never widens deletes.")
format_option = click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
show_option = click.option(
    "--show", "most", type=click.IntRange(min=0), default=5, show_default=True, help="Records in full per kind; 0: all."
)


@click.command()
@click.argument("catalogs", nargs=-1)
@click.option("--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for `apply FILE`.")
@streams_option
@changed_option
@click.option(
    "--base",
    metavar="GITREF",
    help="Compare the catalogs with those of a commit (where HEAD left it): only what their change causes.",
)
@format_option
@show_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.pass_obj
def plan(
    console: Console,
    catalogs: tuple[str, ...],
    path: Path | None,
    streams: str | None,
    changed: bool | None,
    base: str | None,
    format_: str,
    most: int,
    detailed_exitcode: bool,
) -> int:
    """Show what applying CATALOGS (all by default) would change in the target, field by field.

    Reads both sides; writes nothing to either.
    """
    if base is not None and changed:
        raise click.UsageError("--base compares all records; leave out --changed")
    with tempfile.TemporaryDirectory(prefix="sync-engine-") as folder:
        made, keep = Path(folder) / "plan", path is not None
        if base is not None:
            from sync_engine.cli.base import compare_with_base

            file = compare_with_base(console, catalogs, base, made, streams, keep=keep)
        else:
            project, chosen = load(console, catalogs)
            with Connections(project, console) as connections:
                file, _ = make_plan(console, project, chosen, connections, made, streams, keep=keep, changed=changed)
        print_plan(console, file, format_, most)
        if path is not None:
            save(console, made, path, "apply exactly this" if base is None else "show it")
    if file.tripped:
        return GateTripped.exit_code
    if detailed_exitcode and any(each.summary.changes for each in file.catalogs):
        return CHANGES_PRESENT
    return 0


def save(console: Console, made: Path, path: Path, use: str = "apply exactly this") -> None:
    """Put a plan where the user wants it: whole, or not at all; ``use``: what it is for."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        shutil.copyfile(made, partial)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Refused(f"the plan could not be saved as {path}: {error.strerror}") from error
    console.say(f"Saved {path}; {use} with: sync-engine {use.split()[0]} {path}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@format_option
@show_option
@click.pass_obj
def show(console: Console, file: Path, format_: str, most: int) -> None:
    """Print a saved plan."""
    print_plan(console, read_plan(file), format_, most)
