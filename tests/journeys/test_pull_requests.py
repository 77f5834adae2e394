"""Plans at pull requests, and the digest that merging approved, against imitations of both platforms' APIs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine.repositories import commit, git
from tests.journeys.conftest import ROOT
from tests.journeys.platforms import Platform, platform
from tests.journeys.small import Shop, open_shop, product

HEAD = "a" * 40
MERGED = "b" * 40


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in [each for each in os.environ if each.startswith(("GITHUB_", "CI_", "GITLAB_"))]:
        monkeypatch.delenv(name)
    products = [product("A", name="Cup"), product("B", name="<!-- Mug -->")]
    with open_shop(tmp_path, products=products) as opened:
        items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
        opened.write({"items": items})
        yield opened


@pytest.fixture(params=["github", "gitlab"])
def hosted(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with platform(request.param) as opened:
        yield opened


def in_job(shop: Shop, hosted: Platform, head: str = HEAD) -> None:
    """The variables that the platform gives to the job of a pull request."""
    if hosted.kind == "github":
        event = shop.project.folder.parent / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": head}}}), encoding="utf-8")
        shop.project.environment.update(
            GITHUB_ACTIONS="true",
            GITHUB_API_URL=hosted.url,
            GITHUB_REPOSITORY="shop/catalogs",
            GITHUB_EVENT_PATH=str(event),
            GITHUB_SHA=MERGED,
            GITHUB_TOKEN=hosted.token,
        )
    else:
        shop.project.environment.update(
            GITLAB_CI="true",
            CI_API_V4_URL=hosted.url,
            CI_PROJECT_ID="42",
            CI_MERGE_REQUEST_IID="7",
            CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=head,
            CI_COMMIT_SHA=MERGED,
            GITLAB_TOKEN=hosted.token,
        )


def planned(shop: Shop) -> tuple[str, str]:
    """A saved plan and its digest."""
    path = str(shop.project.folder / "next.plan")
    shop.run("plan", "--out", path)
    return path, shop.run("show", path, "--format", "json").data["digest"]


def test_one_comment_follows_the_plan_and_merging_approves_its_digest(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    hosted.say("Looks good!", "jane")
    path, first = planned(shop)
    done = shop.run("pull-request", "comment", path, "--report-url", "https://ci.example/report")
    assert "Written: " in done.err
    shop.change("A", name="Cup, large")
    path, second = planned(shop)
    shop.run("pull-request", "comment", path)
    (_, comment) = hosted.comments
    assert first not in comment["body"]
    assert comment["body"].startswith(f"<!-- sync-engine plan digest={second} head={HEAD} -->\n## sync-engine plan\n")
    assert "Merging approves this plan" in comment["body"]
    hosted.merge(MERGED, HEAD)
    assert shop.run("pull-request", "digest").out == f"{second}\n"
    shop.run("apply", "--approve", second)
    assert shop.rows()["A"]["Name"] == "Cup, large"
    assert hosted.token not in done.out + done.err


def test_plans_of_several_environments_stand_side_by_side(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    path, digest = planned(shop)
    for name in ("plan-staging", "plan-production", "plan-staging"):
        shop.run("pull-request", "comment", path, "--name", name)
    assert len(hosted.comments) == 2
    hosted.merge(MERGED, HEAD)
    assert shop.run("pull-request", "digest", "--name", "plan-staging").out == f"{digest}\n"
    done = shop.run("pull-request", "digest", code=1)
    assert "has no plan named `plan`" in done.err


def test_a_mark_that_somebody_else_wrote_counts_for_nothing(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    hosted.merge(MERGED, HEAD)
    mark = f"<!-- sync-engine plan digest={'0' * 64} head={HEAD} -->"
    hosted.say(mark, "mallory")
    hosted.say(f"see below\n{mark}", "github-actions[bot]" if hosted.kind == "github" else "us")
    shop.run("pull-request", "digest", code=1)
    path, _ = planned(shop)
    shop.run("pull-request", "comment", path)
    assert len(hosted.comments) == 3
    assert hosted.comments[0]["body"] == mark


def test_a_commit_after_the_plan_is_not_approved(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    path, _ = planned(shop)
    shop.run("pull-request", "comment", path)
    hosted.merge(MERGED, "c" * 40)
    done = shop.run("pull-request", "digest", code=1)
    assert f"one that was made before its last commit {'c' * 40}" in done.err
    done = shop.run("pull-request", "digest", "d" * 40, code=1)
    assert "no merged pull request brought the commit" in done.err


def test_the_comment_is_found_behind_many_others_and_stays_below_the_limit(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    for number in range(230):
        hosted.say(f"comment {number}", "jane")
    path, _ = planned(shop)
    shop.run("pull-request", "comment", path, "--report-url", "https://ci.example/" + "x" * 70_000)
    shop.run("pull-request", "comment", path)
    assert len(hosted.comments) == 231
    assert sum("page=3" in each for each in hosted.calls) == 2


def test_the_comment_begins_with_what_the_change_of_the_catalogs_causes(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    began = branched(shop)
    path, digest = planned(shop)
    change = str(shop.project.folder / "change.plan")
    shop.run("plan", "--base", began, "--out", change)
    shop.run("pull-request", "comment", path, "--base", change)
    (comment,) = hosted.comments
    mark = f"<!-- sync-engine plan digest={digest} head={HEAD} -->\n"
    assert comment["body"].startswith(f"{mark}## What the change of the catalogs causes\n")
    assert comment["body"].index(CAUSED) < comment["body"].index("## sync-engine plan")
    assert "no plan that can be applied" in shop.run("pull-request", "comment", change, code=1).err
    assert "is a plan, no comparison" in shop.run("pull-request", "comment", path, "--base", path, code=1).err


def test_what_the_platform_refuses_is_said_without_the_token(shop: Shop, hosted: Platform) -> None:
    in_job(shop, hosted)
    path, _ = planned(shop)
    for status, code, text in ((403, 1, "answered 403"), (502, 69, "answered 502"), (422, 1, "answered 422")):
        hosted.status = status
        done = shop.run("pull-request", "comment", path, code=code)
        assert text in done.err
    hosted.status = 0
    name = "GITHUB_TOKEN" if hosted.kind == "github" else "GITLAB_TOKEN"
    shop.project.environment[name] = "wrong-token"
    done = shop.run("pull-request", "comment", path, code=1)
    assert "answered 401" in done.err
    assert "wrong-token" not in done.err
    del shop.project.environment[name]
    assert f"the variable {name} is not set" in shop.run("pull-request", "comment", path, code=1).err
    shop.project.environment.update({name: hosted.token, "GITHUB_EVENT_PATH": "/nowhere", "CI_MERGE_REQUEST_IID": ""})
    assert "this job is not for a pull request" in shop.run("pull-request", "comment", path, code=1).err
    for each in ("GITHUB_ACTIONS", "GITLAB_CI"):
        shop.project.environment.pop(each, None)
    assert "no job of GitHub Actions or GitLab CI" in shop.run("pull-request", "comment", path, code=1).err


def run_script(script: str, shop: Shop, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a job as the platforms do, with the command as it is installed here; nothing is installed."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name, text in (("pip", "exit 0"), ("python", "exit 0")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **shop.project.environment, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def branched(shop: Shop) -> str:
    """Put the project into git, with a change of the catalog on a branch; gives the commit where that began."""
    folder = shop.project.folder
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / ".gitignore").write_text(".sync-engine/\n", encoding="utf-8")
    began = commit(folder)
    git(folder, "update-ref", "refs/remotes/origin/main", began)
    items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "{{ name }}!"}}
    shop.write({"items": items})
    commit(folder)
    return began


CAUSED = "- Name: mapping changed"


def test_the_action_checks_plans_and_comments(shop: Shop, tmp_path: Path) -> None:
    branched(shop)
    with platform("github") as hosted:
        in_job(shop, hosted)
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        output = tmp_path / "output"
        values = {f"inputs.{name}": str(each["default"]) for name, each in action["inputs"].items()}
        values |= {
            "inputs.project": str(shop.project.folder),
            "inputs.base": "main",
            "inputs.token": hosted.token,
            "steps.report.outputs.artifact-url": "https://github.example/artifact",
        }
        for step in action["runs"]["steps"]:
            if "run" not in step:
                continue
            variables = {
                name: values[text.removeprefix("${{ ").removesuffix(" }}")]
                for name, text in step.get("env", {}).items()
            }
            done = run_script(
                step["run"], shop, tmp_path, RUNNER_TEMP=str(tmp_path), GITHUB_OUTPUT=str(output),
                GITHUB_ACTION_PATH=str(ROOT), **variables,
            )  # fmt: skip
            assert done.returncode == 0, (step["name"], done.stdout, done.stderr)
            if output.exists():
                values["steps.plan.outputs.code"] = output.read_text(encoding="utf-8").strip().removeprefix("code=")
        (comment,) = hosted.comments
        assert "[Report](https://github.example/artifact)" in comment["body"]
        assert comment["body"].index(CAUSED) < comment["body"].index("## sync-engine plan")
        for name in ("plan.html", "change.html"):
            assert (tmp_path / name).read_text(encoding="utf-8").startswith("<!doctype html>")


def reviewed_and_merged(shop: Shop, hosted: Platform, run: Callable[..., str], link: str) -> None:
    """What happens to a pull request, by the jobs of a platform: ``run`` takes the name of one and its exit code."""
    run("plan")
    assert link in hosted.comments[0]["body"]
    assert CAUSED in hosted.comments[0]["body"]
    hosted.merge(MERGED, HEAD)
    shop.change("A", name="Changed after the plan")
    assert "not the approved" in run("apply", 6)
    assert shop.rows() == {}
    run("plan")
    run("apply")
    assert shop.rows()["A"]["Name"] == "Changed after the plan!"
    run("drift")
    items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
    shop.write({"items": items}, safety={"expect": {"min": 100}})
    assert "expect.min" in run("plan", 5)
    assert "**Gate tripped:**" in hosted.comments[0]["body"]


@pytest.mark.slow
def test_the_workflow_plans_applies_what_was_merged_and_looks_for_drift(shop: Shop) -> None:
    branched(shop)
    folder = shop.project.folder
    shop.run("init", str(folder), "--ci", "github")
    shop.run("snapshot")
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "sync-engine.yml").read_text(encoding="utf-8"))
    with platform("github") as hosted:
        in_job(shop, hosted)
        given = {
            "${{ github.token }}": hosted.token,
            "${{ steps.report.outputs.artifact-url }}": "https://github.example/artifact",
            "${{ inputs.digest }}": "",
        }

        def run(name: str, code: int = 0) -> str:
            ended, said = 0, ""
            for step in workflow["jobs"][name]["steps"]:
                if "run" in step and (not ended or "!cancelled()" in step.get("if", "")):
                    variables = {key: given[value] for key, value in step.get("env", {}).items()}
                    done = run_script(step["run"], shop, folder, **workflow["env"], **variables, GITHUB_BASE_REF="main")
                    ended, said = ended or done.returncode, said + done.stdout + done.stderr
            assert ended == code, said
            return said

        run("validate")
        reviewed_and_merged(shop, hosted, run, "[Report](https://github.example/artifact)")


def component(**inputs: str) -> dict[str, Any]:
    """The jobs of the component as GitLab makes them of its inputs."""
    head, body = (ROOT / "templates" / "catalogs.yml").read_text(encoding="utf-8").split("\n---\n")
    for name, each in yaml.safe_load(head)["spec"]["inputs"].items():
        body = body.replace(f"$[[ inputs.{name} ]]", inputs.get(name, each["default"]))
    assert "$[[" not in body
    jobs: dict[str, Any] = yaml.safe_load(body)
    return jobs


@pytest.mark.slow
def test_the_component_plans_and_applies_what_was_merged(shop: Shop, tmp_path: Path) -> None:
    began = branched(shop)
    with platform("gitlab") as hosted:
        in_job(shop, hosted)
        jobs = component(project=str(shop.project.folder))
        variables = {
            **jobs[".sync-engine"]["variables"],
            "CI_PROJECT_URL": "https://gitlab.example/x",
            "CI_JOB_ID": "9",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": began,
        }

        def run(name: str, code: int = 0) -> str:
            script = "\n".join((*jobs[".sync-engine"]["before_script"], *jobs[f"catalogs-{name}"]["script"]))
            done = run_script(script, shop, tmp_path, **variables)
            assert done.returncode == code, (name, done.stdout, done.stderr)
            return done.stdout + done.stderr

        shop.run("snapshot")
        run("validate")
        report = json.loads((tmp_path / "gl-code-quality-report.json").read_text(encoding="utf-8"))
        assert {"description", "check_name", "fingerprint", "severity", "location"} == set(report[0])
        reviewed_and_merged(shop, hosted, run, "https://gitlab.example/x/-/jobs/9/artifacts/file/plan.html")


@pytest.fixture(params=[".", "shop"])
def repository(request: pytest.FixtureRequest, shop: Shop, tmp_path: Path) -> Path:
    """A git repository whose root, or a folder of it, is the project."""
    root = tmp_path / "repository"
    shutil.copytree(shop.project.folder, root / request.param, dirs_exist_ok=True)
    (root / ".git").mkdir()
    return root


def schema_check(path: Path, schema: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_init_writes_workflows_that_the_platforms_take(shop: Shop, repository: Path, tmp_path: Path) -> None:
    project = next(each.parent for each in repository.rglob("sync-engine.yaml"))
    folder = project.relative_to(repository).as_posix()
    done = shop.run("init", str(project), "--ci", "github")
    path = repository / ".github" / "workflows" / "sync-engine.yml"
    assert done.out == f"{path}\n"
    schema_check(path, "vendor.github-workflows")
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?<!actions/checkout)(?<!setup-python)(?<!restore)(?<!save)(?<!upload-artifact)@", text) == []
    workflow = yaml.safe_load(text)
    assert workflow["jobs"]["plan"]["env"]["CRM_SECRET"] == "${{ secrets.CRM_SECRET }}"
    assert "env" not in workflow["jobs"]["validate"]
    assert workflow["env"].get("SYNC_ENGINE_PROJECT", ".") == folder
    assert "is there already" in shop.run("init", str(project), "--ci", "github", code=1).err
    shop.run("init", str(project), "--ci", "gitlab")
    main = yaml.safe_load((repository / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    assert main == {"include": [{"local": ".gitlab/sync-engine.yml"}]}
    head, body = (repository / ".gitlab" / "sync-engine.yml").read_text(encoding="utf-8").split("\n---\n")
    assert yaml.safe_load(head)["spec"]["inputs"]["project"]["default"] == folder
    jobs = tmp_path / "jobs.yml"
    jobs.write_text(body, encoding="utf-8")
    schema_check(jobs, "vendor.gitlab-ci")


def test_a_workflow_is_made_for_an_environment_and_a_ledger_elsewhere(shop: Shop, tmp_path: Path) -> None:
    folder = shop.project.folder / "environments"
    folder.mkdir()
    (folder / "live.yaml").write_text(
        'version: 1\nconnections:\n  crm: {url: "${LIVE_URL}"}\nstate: "${LEDGER}"\n', encoding="utf-8"
    )
    shop.run("--env", "live", "init", str(shop.project.folder), "--ci", "github")
    text = (shop.project.folder / ".github" / "workflows" / "sync-engine.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["env"]["SYNC_ENGINE_ENV"] == "live"
    assert workflow["env"]["PLAN"] == "plan-live"
    assert {"LIVE_URL", "LEDGER"} <= set(workflow["jobs"]["apply"]["env"])
    assert "CRM_URL" not in text
    assert "cache" not in text


def test_init_makes_a_project_with_its_workflows_at_once(shop: Shop, tmp_path: Path) -> None:
    done = shop.run("init", str(tmp_path / "new"), "--ci", "gitlab")
    assert [Path(each).name for each in done.out.splitlines()] == [
        "sync-engine.yaml", "products.yaml", ".gitignore", "sync-engine.yml", ".gitlab-ci.yml",
    ]  # fmt: skip


def test_annotations_name_files_by_their_path_in_the_repository(shop: Shop, repository: Path) -> None:
    project = next(each.parent for each in repository.rglob("sync-engine.yaml"))
    catalog = project / "catalogs" / "shop.yaml"
    catalog.write_text(catalog.read_text(encoding="utf-8").replace('"fields"', '"feilds"'), encoding="utf-8")
    expected = catalog.relative_to(repository).as_posix()
    found = Shop(type(shop.project)(project, shop.project.environment), shop.sandbox)
    assert f"::error file={expected},line=" in found.run("validate", "--format", "github", code=3).out
    report = found.run("validate", "--format", "gitlab", code=3).data
    assert {each["location"]["path"] for each in report if each["severity"] == "major"} == {expected}
    assert "error file=catalogs" not in found.run("validate", code=3).out


def test_the_action_and_the_component_are_what_the_platforms_take_and_what_init_writes() -> None:
    from sync_engine import __version__
    from sync_engine.gitops.workflows import gitlab_component

    schema_check(ROOT / "action.yml", "vendor.github-actions")
    assert (ROOT / "templates" / "catalogs.yml").read_text(encoding="utf-8") == gitlab_component(__version__)
