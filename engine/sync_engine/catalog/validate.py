"""Everything that can be said of a project's files without asking its connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sync_engine.catalog.checks import check_catalog
from sync_engine.catalog.environments import environment_names
from sync_engine.catalog.findings import Findings
from sync_engine.catalog.mapping import FieldMapping
from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.parse import build_catalog, expressions_of
from sync_engine.catalog.project import PROJECT_FILE, ProjectReading, catalog_files, display_name, read_project
from sync_engine.catalog.registry import Side, adapter_sides
from sync_engine.catalog.schemas import catalog_validator
from sync_engine.catalog.settings import plain_secrets
from sync_engine.catalog.shape import check_shape
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
        expressions: those of catalogs with errors, also in their broken parts.
        sources: text of each file by the name that problems use, for excerpts; secrets in plain text are masked.
    """

    project: Project | None
    catalogs: tuple[Catalog, ...]
    problems: tuple[Problem, ...]
    incomplete: tuple[Catalog, ...] = ()
    expressions: tuple[FieldMapping, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def valid(self) -> bool:
        """Whether there are no errors; warnings do not count."""
        return not any(each.severity is Severity.ERROR for each in self.problems)


def validate_project(
    start: Path, paths: Sequence[Path] | None = None, environment: str | None = None
) -> ValidationResult:
    """Read a project and its catalogs and find every problem in one pass.

    Args:
        start: the project's folder or a folder in it.
        paths: catalog files, or folders with some; None for all of the project.
        environment: the one that is laid over the project file.
    """
    reading = read_project(start, environment)
    if reading.root is None:
        return ValidationResult(None, (), reading.problems)
    read = _read_catalogs(reading.root, reading.sides, paths)
    return ValidationResult(
        project=reading.project,
        catalogs=tuple(read.catalogs),
        problems=(*reading.problems, *read.problems),
        incomplete=tuple(read.incomplete),
        expressions=tuple(read.expressions),
        sources={**read.sources, **settings_texts(reading)},
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
    read = _read_catalogs(project.root, sides, paths)
    return tuple(read.catalogs), tuple(read.problems)


@dataclass(slots=True)
class _Read:
    """Catalogs without errors, the usable parts of the others, all problems, and the files' texts."""

    problems: list[Problem]
    catalogs: list[Catalog] = field(default_factory=list)
    incomplete: list[Catalog] = field(default_factory=list)
    expressions: list[FieldMapping] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)


def _read_catalogs(root: Path, sides: Mapping[str, frozenset[Side]] | None, paths: Sequence[Path] | None) -> _Read:
    files, problems = catalog_files(root, paths)
    read = _Read(problems)
    names: dict[str, Origin] = {}
    for path in files:
        document = load_document(path, display_name(path, root), root=root)
        if not isinstance(document, Document):
            read.problems += document
            continue
        read.sources[document.name] = document.text
        findings = check_document(document, sides)
        _check_name(findings, names)
        read.problems += findings.sorted()
        catalog = build_catalog(findings)
        if findings.problems:
            read.expressions += expressions_of(document)
        if catalog is not None:
            (read.incomplete if findings.problems else read.catalogs).append(catalog)
    return read


def check_document(document: Document, sides: Mapping[str, frozenset[Side]] | None) -> Findings:
    """Every problem of a catalog that can be found in its own document."""
    findings = Findings(document)
    check_shape(document.data, catalog_validator(), findings, private=False)
    check_catalog(findings, sides)
    return findings


def _check_name(findings: Findings, names: dict[str, Origin]) -> None:
    name = text(table(findings.document.data).get("name"))
    if name is None:
        return
    origin = findings.document.origin(("name",))
    first = names.setdefault(name, origin)
    if first != origin:
        findings.add("SE606", ("name",), name=name, other=str(first))


def check_environments(start: Path) -> tuple[list[Problem], dict[str, str]]:
    """What is wrong in the files of all environments, each laid over the project file, and the texts of these files.

    Problems of the project file itself are left out, because ``validate_project`` reports them.
    """
    root = read_project(start).root
    problems: list[Problem] = []
    texts: dict[str, str] = {}
    for name in environment_names(root) if root is not None else ():
        reading = read_project(start, name)
        problems += [each for each in reading.problems if each.origin.file != PROJECT_FILE]
        texts |= settings_texts(reading)
    return problems, texts


def settings_texts(reading: ProjectReading) -> dict[str, str]:
    """The texts of the project file and of the environment's, without the secrets that stand in them."""
    found = {}
    for document in (reading.document, reading.overlay):
        shown = None if document is None else _masked(document)
        if document is not None and shown is not None:
            found[document.name] = shown
    return found


def _masked(document: Document) -> str | None:
    shown = document.text
    for secret, _ in plain_secrets(document.data):
        if secret not in shown:  # written with line breaks or escapes: better no excerpt than a secret in it
            return None
        shown = shown.replace(secret, "*" * len(secret))
    return shown
