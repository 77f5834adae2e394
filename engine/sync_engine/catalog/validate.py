"""Everything that can be said of a project's files without asking its connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sync_engine.catalog.checks import check_catalog
from sync_engine.catalog.findings import Findings
from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.parse import build_catalog
from sync_engine.catalog.project import ProjectReading, catalog_files, display_name, read_project
from sync_engine.catalog.registry import Side, adapter_sides
from sync_engine.catalog.schemas import catalog_validator
from sync_engine.catalog.settings import plain_secrets
from sync_engine.catalog.shape import check_shape
from sync_engine.catalog.unsupported import check_supported
from sync_engine.documents import Document, load_document, table, text
from sync_engine.sdk.problem import Origin, Problem, Severity


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What was found.

    Attributes:
        project: None when its file has errors.
        catalogs: those without errors; they may be planned.
        problems: of all files, by file and line.
        incomplete: catalogs with errors, without their broken parts: for finding more problems, never to be run.
        sources: text of each file by the name that problems use, for excerpts; secrets in plain text are masked.
    """

    project: Project | None
    catalogs: tuple[Catalog, ...]
    problems: tuple[Problem, ...]
    incomplete: tuple[Catalog, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def valid(self) -> bool:
        """Whether there are no errors; warnings do not count."""
        return not any(each.severity is Severity.ERROR for each in self.problems)


def validate_project(start: Path, paths: Sequence[Path] | None = None) -> ValidationResult:
    """Read a project and its catalogs and find every problem in one pass.

    Args:
        start: the project's folder or a folder in it.
        paths: catalog files, or folders with some; None for all of the project.
    """
    reading = read_project(start)
    if reading.root is None:
        return ValidationResult(None, (), reading.problems)
    catalogs, incomplete, problems, sources = _read_catalogs(reading.root, reading.sides, paths)
    return ValidationResult(
        project=reading.project,
        catalogs=tuple(catalogs),
        problems=(*reading.problems, *problems),
        incomplete=tuple(incomplete),
        sources={**sources, **_project_source(reading)},
    )


def load_catalogs(
    project: Project, paths: Sequence[Path] | None = None
) -> tuple[tuple[Catalog, ...], tuple[Problem, ...]]:
    """The catalogs of a project that have no errors, and the problems of all.

    Args:
        project: from ``load_project``.
        paths: catalog files, or folders with some; None for all of the project.
    """
    sides = {name: adapter_sides(each.adapter) for name, each in project.connections.items()}
    catalogs, _, problems, _ = _read_catalogs(project.root, sides, paths)
    return tuple(catalogs), tuple(problems)


def _read_catalogs(
    root: Path, sides: Mapping[str, frozenset[Side]] | None, paths: Sequence[Path] | None
) -> tuple[list[Catalog], list[Catalog], list[Problem], dict[str, str]]:
    """Catalogs without errors, the usable parts of the others, all problems, and the files' texts."""
    files, problems = catalog_files(root, paths)
    catalogs: list[Catalog] = []
    incomplete: list[Catalog] = []
    sources: dict[str, str] = {}
    names: dict[str, Origin] = {}
    for path in files:
        document = load_document(path, display_name(path, root), root=root)
        if not isinstance(document, Document):
            problems += document
            continue
        sources[document.name] = document.text
        findings = check_document(document, sides)
        _check_name(findings, names)
        problems += findings.sorted()
        catalog = build_catalog(findings)
        if catalog is not None:
            (incomplete if findings.problems else catalogs).append(catalog)
    return catalogs, incomplete, problems, sources


def check_document(document: Document, sides: Mapping[str, frozenset[Side]] | None) -> Findings:
    """Every problem of a catalog that can be found in its own document."""
    findings = Findings(document)
    check_shape(document.data, catalog_validator(), findings, private=False)
    check_catalog(findings, sides)
    check_supported(findings)
    return findings


def _check_name(findings: Findings, names: dict[str, Origin]) -> None:
    name = text(table(findings.document.data).get("name"))
    if name is None:
        return
    origin = findings.document.origin(("name",))
    first = names.setdefault(name, origin)
    if first != origin:
        findings.add("SE606", ("name",), name=name, other=str(first))


def _project_source(reading: ProjectReading) -> dict[str, str]:
    """The text of the project file without the secrets that stand in it."""
    if reading.document is None:
        return {}
    shown = reading.document.text
    for secret, _ in plain_secrets(reading.document.data):
        if secret not in shown:  # written with line breaks or escapes: better no excerpt than a secret in it
            return {}
        shown = shown.replace(secret, "*" * len(secret))
    return {reading.document.name: shown}
