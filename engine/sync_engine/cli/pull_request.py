"""``pull-request``: the plan as a comment, and the digest that was approved by merging. For jobs of CI."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sync_engine.cli.console import Console
from sync_engine.cli.saved import refuse_comparison
from sync_engine.gitops.pull_requests import approved_digest, current_pull_request, open_platform, write_comment
from sync_engine.planner.plan_file import read_plan
from sync_engine.report.plan_markdown import LONGEST, render
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret

HALF = LONGEST // 2
"""Characters for each of two documents in one comment."""

name_option = click.option(
    "--name", default="plan", show_default=True, help="Tells apart the plans of several projects or environments."
)


@click.group("pull-request")
def pull_request() -> None:
    """Show plans at pull requests of GitHub, or merge requests of GitLab, from their CI jobs."""


@pull_request.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--base",
    "comparison",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What `plan --base … --out` saved: the comment begins with it.",
)
@click.option("--report-url", metavar="URL", help="Where the HTML report can be seen.")
@name_option
@click.pass_obj
def comment(console: Console, file: Path, comparison: Path | None, report_url: str | None, name: str) -> None:
    """Write the saved plan FILE at the pull request that the job is for.

    There is one comment, which is replaced by every later plan. It names the digest and the commit.
    """
    plan = read_plan(file)
    refuse_comparison(plan)
    text = "".join(render(plan))
    if comparison is not None:
        caused = read_plan(comparison)
        if caused.base is None:
            raise Refused(
                f"{comparison} is a plan, no comparison", hint="Make one with `sync-engine plan --base GITREF`."
            )
        text = "".join((*render(caused, HALF), "\n", *render(plan, HALF)))
    text += f"\n[Report]({report_url}) · " if report_url else "\n"
    text += "Merging approves this plan: what is applied is refused if it has another digest.\n"
    _hide_token(console)
    with open_platform(os.environ) as platform:
        place = write_comment(platform, current_pull_request(os.environ), _checked(name), plan.digest, text)
    console.say(f"Written: {place}")


@pull_request.command()
@click.argument("commit", required=False)
@name_option
@click.pass_obj
def digest(console: Console, commit: str | None, name: str) -> None:
    """Print the digest of the plan at the merged pull request that brought COMMIT (that of the job by default).

    Exit code 1 when none was approved.
    """
    _hide_token(console)
    sha = commit or os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA")
    if not sha:
        raise click.UsageError("name the COMMIT")
    with open_platform(os.environ) as platform:
        console.out(approved_digest(platform, sha, _checked(name)))


def _hide_token(console: Console) -> None:
    console.mask.hide(Secret(os.environ[each]) for each in ("GITHUB_TOKEN", "GITLAB_TOKEN") if os.environ.get(each))


def _checked(name: str) -> str:
    if not name or set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789._-"):
        raise Refused(f"`{name}` is no name of a plan", hint="Small letters, digits, dots, hyphens and underscores.")
    return name
