"""`schedule export`: files for other schedulers, each read by the tool or library that knows it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml
from cronsim import CronSim
from tests.packaging.tools import PROJECT, ROOT, SCHEDULES, run, sync_engine, tool, write_project

from sync_engine.gitops.exports.kubernetes import object_name
from sync_engine.schedule.model import Cron, Schedule, Times
from sync_engine.schedule.runs import coming_runs

PERCENT = "with 100% and a space"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose name is not easy to quote."""
    made = tmp_path_factory.mktemp("project") / PERCENT
    write_project(made, {**SCHEDULES, "by-hand": "{timezone: UTC}"})
    return made


def export(folder: Path, *arguments: str, code: int = 0) -> str:
    return sync_engine("--project", str(folder), "schedule", "export", *arguments, code=code)


def test_a_crontab_has_times_in_the_zone_of_each_catalog_and_commands_that_a_shell_can_run(
    folder: Path, tmp_path: Path
) -> None:
    text = export(folder, "--to", "crontab", "--env-file", str(tmp_path / "variables.env"))
    if (crontab := shutil.which("crontab")) is not None:
        (tmp_path / "crontab").write_text(text, encoding="utf-8")
        run(crontab, "-n", tmp_path / "crontab")
    zone, found = "", []
    for line in text.splitlines():
        if line.startswith("CRON_TZ="):
            zone = line.removeprefix("CRON_TZ=")
        elif line and line[0] not in "#S":
            fields = line.split(" ", 5)
            CronSim(" ".join(fields[:5]), datetime(2025, 1, 1, tzinfo=UTC))
            found.append((fields[5].split(" apply ")[1].split()[0], zone, " ".join(fields[:5])))
    assert ("nightly", "Europe/Berlin", "30 2 * * *") in found
    assert ("twice", "America/New_York", "0 18 * * 0,1") in found
    assert {name for name, _, _ in found} == set(SCHEDULES)
    # What cron hands to the shell: percent signs are escaped for it.
    command = next(line for line in text.splitlines() if " apply nightly " in line).split(" ", 5)[5].replace("\\%", "%")
    (tmp_path / "variables.env").write_text("PIM_URL=http://nowhere\n", encoding="utf-8")
    asks = command.replace("apply nightly --yes --scheduled", "schedule next --help && pwd && echo $PIM_URL")
    shown = run("/bin/sh", "-c", asks)
    assert f"{PERCENT}\nhttp://nowhere\n" in shown


SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@SYSTEMD
def test_units_of_systemd_are_verified_by_systemd(folder: Path, tmp_path: Path) -> None:
    export(folder, "--to", "systemd", "--out", str(tmp_path), "--env-file", "/etc/hostname")
    units = sorted(tmp_path.iterdir())
    assert {each.name for each in units} == {
        f"sync-engine-{name}.{kind}" for name in SCHEDULES for kind in ("service", "timer")
    }
    found = run("systemd-analyze", "verify", *units)
    assert [line for line in found.splitlines() if "sync-engine" in line] == []
    service = (tmp_path / "sync-engine-nightly.service").read_text(encoding="utf-8")
    assert f"WorkingDirectory={folder.parent}/with 100%% and a space\n" in service
    persistent = {
        name: "Persistent=true" in (tmp_path / f"sync-engine-{name}.timer").read_text(encoding="utf-8")
        for name in ("nightly", "twice")
    }
    assert persistent == {"nightly": True, "twice": False}


@SYSTEMD
@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("nightly", Schedule(Times((time(2, 30),)), "Europe/Berlin")),
        ("last-day", Schedule(Cron("0 4 L * *"), "Asia/Kathmandu")),
    ],
)
def test_systemd_asks_at_the_times_of_the_schedule_and_right_after_the_skipped_hour(
    folder: Path, tmp_path: Path, name: str, schedule: Schedule
) -> None:
    export(folder, name, "--to", "systemd", "--out", str(tmp_path))
    lines = (tmp_path / f"sync-engine-{name}.timer").read_text(encoding="utf-8").splitlines()
    begin, end = datetime(2025, 3, 28, tzinfo=UTC), datetime(2025, 4, 3, tzinfo=UTC)
    asked = sorted(
        moment
        for line in lines
        if line.startswith("OnCalendar=")
        for moment in elapses(line.removeprefix("OnCalendar="), begin)
        if moment < end
    )
    for run_ in takewhile(lambda each: each.at < end, coming_runs(schedule, name, begin)):
        assert any(run_.due <= each <= run_.due + timedelta(hours=1) for each in asked), run_


def elapses(calendar: str, begin: datetime) -> list[datetime]:
    base = f"--base-time={begin:%Y-%m-%d %H:%M:%S}"
    text = run("systemd-analyze", "calendar", base, "--iterations=8", calendar, TZ="UTC", LC_ALL="C")
    found = [line.partition(": ")[2] for line in text.splitlines() if "Next elapse" in line or "Iter. #" in line]
    return [datetime.strptime(each, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for each in found]


@pytest.mark.parametrize("version", ["1.31", "1.34"])
def test_the_manifests_fit_the_schemas_of_kubernetes(folder: Path, tmp_path: Path, version: str) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(export(folder, "--to", "kubernetes", "--image", "shop/sync:1"), encoding="utf-8")
    run(tool("kubernetes-validate"), "--strict", "-k", version, path)


def test_a_cronjob_is_like_the_one_that_is_deployed_but_for_its_times(folder: Path) -> None:
    jobs = list(yaml.safe_load_all(export(folder, "--to", "kubernetes", "--image", "sync-engine")))
    base = yaml.safe_load((ROOT / "deploy/kubernetes/base/apply.yaml").read_text(encoding="utf-8"))["spec"]
    times = {"schedule", "timeZone", "startingDeadlineSeconds", "jobTemplate"}
    for each in jobs:
        assert {**each["spec"], **{key: base[key] for key in times}} == base
        (container,) = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        name = container["args"][1]
        assert container["args"] == ["apply", name, "--yes", "--scheduled"]
        container["args"] = ["apply", "--yes"]
        assert each["spec"]["jobTemplate"] == base["jobTemplate"]
    told = {(each["metadata"]["name"], each["spec"]["schedule"], each["spec"]["timeZone"]) for each in jobs}
    assert ("sync-engine-nightly", "30 2 * * *", "Europe/Berlin") in told
    assert ("sync-engine-nightly-2", "30 3 * 3 0", "Europe/Berlin") in told
    assert len({name for name, _, _ in told}) == len(jobs)


def test_the_name_of_a_cronjob_is_never_too_long_and_still_tells_catalogs_apart() -> None:
    names = {object_name("a" * 60 + end, number) for end in "xy" for number in (0, 1)}
    assert len(names) == 4
    assert all(len(name) <= 52 for name in names)


def test_the_workflow_is_what_github_takes(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text(export(folder, "--to", "github-actions"), encoding="utf-8")
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"cron": "30 2 * * *", "timezone": "Europe/Berlin"} in workflow[True]["schedule"]  # `on` is true in YAML 1.1
    job = workflow["jobs"]["apply"]
    assert job["env"]["PIM_SECRET"] == "${{ secrets.PIM_SECRET }}"
    assert "sync-engine apply --yes --scheduled" in [step.get("run") for step in job["steps"]]
    assert [step["with"]["path"] for step in job["steps"] if "cache" in step.get("uses", "")] == [".sync-engine"] * 2


def test_a_ledger_in_a_database_needs_no_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "sync-engine.yaml"
    path.write_text(PROJECT + "state: postgresql://ledger.example/shop\n", encoding="utf-8")
    try:
        assert "cache" not in export(folder, "--to", "github-actions")
    finally:
        path.write_text(PROJECT, encoding="utf-8")


def test_the_job_is_what_gitlab_takes(folder: Path, tmp_path: Path) -> None:
    export(folder, "--to", "gitlab-ci", "--out", str(tmp_path))
    path = tmp_path / "sync-engine-schedule.yml"
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", path)
    job = yaml.safe_load(path.read_text(encoding="utf-8"))["sync-engine-schedule"]
    assert job["script"][-1] == "sync-engine apply --yes --scheduled"


Rows = dict[int, dict[str, Any]]


@contextmanager
def gitlab(rows: Rows) -> Iterator[str]:
    """A project's pipeline schedules, one a page."""

    class Answer(BaseHTTPRequestHandler):
        def answer(self, status: int, data: Any, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(b"" if data is None else json.dumps(data).encode())

        def do_GET(self) -> None:
            page = int(self.path.partition("&page=")[2])
            ids = sorted(rows)
            found = [{"id": each, **rows[each]} for each in ids[page - 1 : page]]
            self.answer(200, found, X_Next_Page=str(page + 1) if page < len(ids) else "")

        def do_POST(self) -> None:
            assert self.headers["PRIVATE-TOKEN"] == "secret"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            parts = self.path.split("/")
            if parts[-1] == "variables":
                rows[int(parts[-2])]["variables"] = {body["key"]: body["value"]}
                self.answer(201, body)
                return
            rows[max(rows, default=0) + 1] = body
            self.answer(201, {"id": max(rows), **body})

        def do_DELETE(self) -> None:
            del rows[int(self.path.split("/")[-1])]
            self.answer(204, None)

        def log_message(self, *_: object) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/v4"
        server.shutdown()


def test_the_script_makes_the_pipeline_schedules_and_replaces_only_its_own(folder: Path, tmp_path: Path) -> None:
    export(folder, "--to", "gitlab-ci", "--out", str(tmp_path))
    rows: Rows = {7: {"description": "somebody else's", "cron": "0 0 * * *"}}
    with gitlab(rows) as url:
        known = {"CI_API_V4_URL": url, "CI_PROJECT_ID": "42", "GITLAB_TOKEN": "secret", "REF": "trunk"}
        for _ in range(2):
            run(sys.executable, tmp_path / "make_pipeline_schedules.py", **known)
    assert rows.pop(7)["description"] == "somebody else's"
    assert ("30 2 * * *", "Europe/Berlin") in {(each["cron"], each["cron_timezone"]) for each in rows.values()}
    assert {each["ref"] for each in rows.values()} == {"trunk"}
    assert [each["variables"] for each in rows.values()] == [{"SYNC_ENGINE_RUN": "transfer"}] * len(rows)
    times = [(each["cron"], each["cron_timezone"]) for each in rows.values()]
    assert len(times) == len(set(times))


def test_the_dags_are_python_that_airflow_can_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in that shows what they ask for; the next test asks Airflow itself."""
    text = export(folder, "--to", "airflow")
    made: dict[str, Mapping[str, Any]] = {}

    class Dag:
        def __init__(self, dag_id: str, **given: Any) -> None:
            made[dag_id] = given

        def __enter__(self) -> None:
            """Tasks belong to it."""

        def __exit__(self, *_: object) -> None:
            """No longer."""

    modules = {
        "pendulum": {"datetime": lambda *day, tz: (day, tz)},
        "airflow": {"DAG": Dag},
        "airflow.timetables": {},
        "airflow.timetables.trigger": {"CronTriggerTimetable": lambda cron, timezone: (cron, timezone)},
        "airflow.operators": {},
        "airflow.operators.bash": {"BashOperator": lambda **given: commands.append(given["bash_command"])},
    }
    commands: list[str] = []
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, "dags.py", "exec"), {})  # noqa: S102 - what was just made
    assert made["sync_engine_nightly"]["schedule"] == ("30 2 * * *", "Europe/Berlin")
    assert {each["catchup"] for each in made.values()} == {False}
    assert len(commands) == len(made)
    assert all(each.endswith("--yes --scheduled") for each in commands)


@pytest.mark.slow
def test_airflow_loads_the_dags(folder: Path, tmp_path: Path) -> None:
    if not (python := os.environ.get("AIRFLOW_PYTHON")):
        pytest.skip("Airflow has an environment of its own: name its interpreter in AIRFLOW_PYTHON (.ci/airflow.txt)")
    export(folder, "--to", "airflow", "--out", str(tmp_path / "dags"))
    found = run(
        python,
        "-c",
        "import json, sys; from airflow.models import DagBag; bag = DagBag(sys.argv[1], include_examples=False); "
        "dags = {id: [task.task_id for task in dag.tasks] for id, dag in bag.dags.items()}; "
        "print(json.dumps([bag.import_errors, dags]))",
        tmp_path / "dags",
        AIRFLOW_HOME=str(tmp_path),
    )
    errors, dags = json.loads(next(line for line in found.splitlines() if line.startswith("[{")))
    assert errors == {}
    assert {f"sync_engine_{name}" for name in SCHEDULES} <= set(dags)
    assert all(tasks == ["apply"] for tasks in dags.values())


def test_an_export_replaces_files_of_an_earlier_one_and_no_others(folder: Path, tmp_path: Path) -> None:
    options = ("--to", "gitlab-ci", "--out", str(tmp_path))
    export(folder, *options)
    export(folder, *options)
    (tmp_path / "sync-engine-schedule.yml").write_text("mine", encoding="utf-8")
    assert "written by somebody else; nothing was written" in export(folder, *options, code=1)
    assert (tmp_path / "sync-engine-schedule.yml").read_text(encoding="utf-8") == "mine"


def test_several_files_need_a_folder_and_a_catalog_needs_a_schedule(folder: Path) -> None:
    assert "name a folder for them with --out" in export(folder, "--to", "systemd", code=64)
    assert "none of these catalogs has a schedule" in export(folder, "by-hand", "--to", "crontab", code=1)


@pytest.mark.parametrize("platform", ["crontab", "kubernetes", "github-actions", "airflow"])
def test_the_environment_of_the_project_goes_into_the_command(folder: Path, platform: str) -> None:
    (folder / "environments").mkdir(exist_ok=True)
    (folder / "environments" / "staging.yaml").write_text(
        "version: 1\nconnections: {crm: {url: 'https://staging.example.com'}}\n", encoding="utf-8"
    )
    text = sync_engine("--project", str(folder), "--env", "staging", "schedule", "export", "--to", platform)
    named = 'SYNC_ENGINE_ENV: "staging"' if platform == "github-actions" else "staging"
    assert named in text
