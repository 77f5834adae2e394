"""``validate``: every problem of every file in one pass."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from sync_engine.catalog.mapping_tests import read_test_files
from sync_engine.catalog.project import read_project
from sync_engine.catalog.validate import check_environments, validate_project
from sync_engine.cli.checking import check_live, check_offline
from sync_engine.cli.console import Console, colour_wanted
from sync_engine.compiler.catalog import check_syntax
from sync_engine.gitops.workflows import repository_root
from sync_engine.notifications.wording import check_templates
from sync_engine.report.problems import FORMATS
from sync_engine.report.values import plural
from sync_engine.sdk.problem import Problem, Severity

INVALID = 3
IN_REPOSITORY = ("github", "gitlab", "sarif")
"""Formats whose readers know files by their path in the repository."""


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--live", is_flag=True, help="Ask the connections instead of the snapshots.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text")
@click.pass_obj
def validate(console: Console, paths: tuple[str, ...], live: bool, format_: str) -> int:
    """Check the project and its catalogs: all problems in one pass, offline where snapshots are saved.

    PATHS are catalog files; without any, every file under catalogs/ is checked, and every one under environments/
    unless one of them was chosen with --env. Exit code 0 or 3.
    """
    from sync_engine.report.problems import render

    result = validate_project(Path(console.folder), [Path(each) for each in paths] or None, console.environment)
    problems, sources = list(result.problems), dict(result.sources)
    if console.environment is None and not paths:
        found, texts = check_environments(Path(console.folder))
        problems += found
        sources |= texts
    # The usable parts of broken catalogs are checked too: a mistake in one place hides none elsewhere.
    catalogs = (*result.catalogs, *result.incomplete)
    problems += check_syntax(result.expressions)
    if result.project is not None:
        problems += check_templates(result.project.notifications)
        if live:
            problems += check_live(console, result.project, catalogs)
        else:
            problems += check_offline(result.project, catalogs)
        if not paths and not result.incomplete:  # of a broken catalog it is not known what can be tested
            _, found, texts = read_test_files(result.project.root, result.catalogs)
            problems += found
            sources |= texts
    if format_ in IN_REPOSITORY:
        problems = _in_repository(problems, Path(console.folder))
    problems = list(dict.fromkeys(problems))  # of an expression both its document and its catalog say what is wrong
    problems.sort(key=lambda each: (each.origin.file, each.origin.line, each.origin.column))
    text = render(problems, format_, colour=format_ == "text" and colour_wanted(sys.stdout), sources=sources)
    console.out(text, newline=not text.endswith("\n"))
    if format_ == "text" and not problems:
        console.say(f"{plural(len(catalogs), 'catalog')} checked.")
    if any(each.severity is Severity.ERROR for each in problems):
        return INVALID
    return 0


def _in_repository(problems: list[Problem], start: Path) -> list[Problem]:
    """The problems with the paths that their files have in the repository, where the project is not its root."""
    root = read_project(start).root
    inside = root.resolve().relative_to(repository_root(root)).as_posix() if root is not None else "."
    if inside == ".":
        return problems

    def placed(each: Problem) -> Problem:
        if not each.origin.file or Path(each.origin.file).is_absolute():
            return each
        return replace(each, origin=replace(each.origin, file=f"{inside}/{each.origin.file}"))

    return [placed(each) for each in problems]
