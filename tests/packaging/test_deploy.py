"""What people deploy with: image, manifests, hook and workflow, each checked by the tool that knows it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.packaging.tools import ROOT, run, tool

from sync_engine.cli.main import COMMANDS
from sync_engine.cli.serve import serve
from sync_engine.serve.running import PATIENCE
from sync_engine.serve.web import OPEN
from sync_engine_sandbox.sandbox import DEMO_PROJECT

KUBERNETES = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.31", "1.34")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_dockerfile_has_no_findings() -> None:
    assert run(tool("hadolint"), ROOT / "Dockerfile") == ""


def test_the_image_is_made_of_what_the_package_needs_and_runs_as_nobody() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {each for line in copied for each in line.split()}
    assert {each for each in sources if not (ROOT / each).exists()} == set()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {each.removeprefix("!") for each in ignored if each.startswith("!")} == sources
    roots = re.findall(r'"(\w+)[/\w]*"', re.search(r"dev-mode-dirs = \[(.*)\]", pyproject())[1])  # type: ignore[index]
    assert set(roots) <= sources
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in DOCKERFILE


def pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def resources(folder: str) -> list[dict[str, Any]]:
    """What kustomize makes of a folder; without kubectl, the files that it is made of."""
    if shutil.which("kubectl"):
        text = run("kubectl", "kustomize", KUBERNETES / folder)
    else:
        own = "serve" if "serve" in folder else "base"
        files = sorted(each for name in ("common", own) for each in (KUBERNETES / name).glob("*.yaml"))
        text = "\n---\n".join(each.read_text(encoding="utf-8") for each in files)
    found = [each for each in yaml.safe_load_all(text) if each["kind"] != "Kustomization"]
    work = {"Deployment", "Service"} if "serve" in folder else {"CronJob"}
    assert {each["kind"] for each in found} >= {"ServiceAccount", "PersistentVolumeClaim", *work}
    return found


FOLDERS = ("base", "example", "serve", "serve-example")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_manifests_fit_the_schemas_of_kubernetes(folder: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all(resources(folder)), encoding="utf-8")
    run(tool("kubernetes-validate"), "--strict", "-k", version, path)


def test_a_pod_has_no_rights_runs_commands_that_exist_and_starts_alone() -> None:
    jobs = [each for each in resources("base") if each["kind"] == "CronJob"]
    assert len(jobs) == 3
    assert {job["spec"]["concurrencyPolicy"] for job in jobs} == {"Forbid"}
    (server,) = (each for each in resources("serve") if each["kind"] == "Deployment")
    assert (server["spec"]["replicas"], server["spec"]["strategy"]) == (1, {"type": "Recreate"})
    for work in (*(job["spec"]["jobTemplate"] for job in jobs), server):
        pod = work["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["args"][0] in COMMANDS
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        assert mounted == {"/project/.sync-engine", "/tmp"}  # noqa: S108 - of the pod


def test_the_server_is_asked_how_it_is_at_addresses_that_it_answers() -> None:
    (server,) = (each for each in resources("serve") if each["kind"] == "Deployment")
    (service,) = (each for each in resources("serve") if each["kind"] == "Service")
    (container,) = server["spec"]["template"]["spec"]["containers"]
    probes = {name: each["httpGet"]["path"] for name, each in container.items() if name.endswith("Probe")}
    assert probes == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert set(probes.values()) <= set(OPEN)
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    assert service["spec"]["ports"][0]["targetPort"] == "http"
    assert service["spec"]["selector"].items() <= server["spec"]["template"]["metadata"]["labels"].items()
    assert server["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > PATIENCE
    assert_options_are_known(container["args"])


def test_compose_runs_the_server_as_nobody_who_can_write(tmp_path: Path) -> None:
    path = ROOT / "deploy" / "compose" / "compose.yaml"
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path)
    service = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]["sync-engine"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "/healthz" in service["healthcheck"]["test"][-1]
    assert float(service["stop_grace_period"].removesuffix("s")) > PATIENCE
    assert_options_are_known(service["command"])


def assert_options_are_known(arguments: list[str]) -> None:
    """The command takes what it is given; placeholders stand for texts."""
    (command, *rest), known = arguments, {name for each in serve.params for name in each.opts}
    assert command == "serve"
    assert {each for each in rest if each.startswith("--")} <= known


@pytest.mark.parametrize("folder", ["example", "serve-example"])
def test_the_overlay_holds_no_secret_of_anybody(folder: str) -> None:
    lines = (KUBERNETES / folder / "secrets.env").read_text(encoding="utf-8").splitlines()
    values = {each.partition("=")[2] for each in lines}
    assert {each for each in values if each != "replace-me" and not each.startswith("https://shop.")} == set()


def test_the_hook_runs_for_the_files_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    pattern = re.compile(hook["files"])
    for name in (
        "sync-engine.yaml", "shop/sync-engine.yaml", "catalogs/a.yaml", "shop/catalogs/b/c.yml",
        "environments/staging.yaml", "tests/a.yaml", "snapshots/crm.json", "snapshots/staging/crm.json",
    ):  # fmt: skip
        assert pattern.search(name), name
    for name in ("README.md", "src/catalogs.py", "my-sync-engine.yaml", "snapshots/notes.md"):
        assert not pattern.search(name), name
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    shutil.copytree(DEMO_PROJECT, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    run(tool(hook["entry"].split()[0]), *hook["entry"].split()[1:])


def test_the_workflow_of_this_repository_is_what_github_takes() -> None:
    path = ROOT / ".github" / "workflows" / "ci.yml"
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    scripts = [
        step["run"]
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert scripts[0] == ".ci/run"
    assert (ROOT / scripts[0]).stat().st_mode & 0o100
