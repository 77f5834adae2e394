"""``serve`` with a real repository, real HTTP and the sandbox: what is pushed arrives, what is broken stays out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from tests.journeys.between import between
from tests.journeys.receivers import http_receiver
from tests.journeys.serving import Served, serving
from tests.journeys.small import KEY, LOCALES, PROJECT_FILE, Shop, open_shop, product
from tests.postgresql import Server
from tests.repositories import BareRepository, bare_repository

from sync_engine.ledger.store import open_ledger

FIELDS = [{"name": "Note__c", "type": "string", "length": 80}, {"name": "Ean__c", "type": "string", "length": 20}]
SQLITE = "sqlite:///.sync-engine/ledger.db"
POLL = ("--poll-seconds", "1")


def catalog(name: str = "shop", to: str = "Item__c", **fields: Any) -> str:
    """A catalog as a file; JSON is YAML."""
    stream = {"from": "products", "to": to, "key": {"Key__c": "sku"}, "fields": {"Name": "sku", **fields}}
    document = {
        "version": 1,
        "name": name,
        "source": {"connection": "pim", "channel": "web", "locales": list(LOCALES)},
        "target": {"connection": "crm"},
        "streams": {"items": stream},
    }
    return json.dumps(document, indent=2)


@dataclass
class Held:
    """The first write to the org waits: ``reached`` is set then, and ``release`` lets it go on."""

    url: str
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


@dataclass
class World:
    """A PIM, an org, a repository, and the folder where ``serve`` is started."""

    shop: Shop
    origin: BareRepository
    home: Path
    snapshots: dict[str, str]
    notifications: str = ""
    edits: dict[str, str] = field(default_factory=dict)

    def push(self, rewrite: bool = False, **files: str) -> str:
        """Push the project with these catalogs."""
        text = PROJECT_FILE.read_text(encoding="utf-8") + self.notifications
        for old, new in self.edits.items():
            text = text.replace(old, new)
        project = {"sync-engine.yaml": text, **self.snapshots}
        named = {f"catalogs/{name}.yaml": text for name, text in files.items()}
        return self.origin.push({**project, **named}, f"Push {', '.join(files)}", rewrite=rewrite)

    def serve(
        self, *arguments: str, name: str = "serve", home: Path | None = None, **environment: str
    ) -> AbstractContextManager[Served]:
        options = ("--git", str(self.origin.path), *POLL, *arguments)
        return serving(home or self.home, {**self.shop.project.environment, **environment}, *options, name=name)

    @contextmanager
    def held_before_writing(self) -> Iterator[Held]:
        """The org behind a server that keeps the first write waiting."""
        held = Held("")

        def answer(request: Request) -> None:
            if "/composite/" in request.url.path and not held.reached.is_set():
                held.reached.set()
                held.release.wait(60)

        with between(self.shop.project.environment["CRM_URL"], answer) as held.url:
            yield held

    def transfers(self, served: Served) -> list[Any]:
        return list(served.api("transfers")["transfers"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    products = [
        product(f"p{number:02}", ean=f"40{number:02}", **({"notes": f"note {number}"} if number % 2 else {}))
        for number in range(12)
    ]
    others = [{"name": name, "fields": [KEY]} for name in ("Other__c", *(f"Other{number}__c" for number in range(4)))]
    with open_shop(tmp_path, fields=FIELDS, objects=others, products=products) as shop:
        for name, to in (("shop", "Item__c"), *((each["name"].lower(), each["name"]) for each in others)):
            (shop.project.folder / "catalogs" / f"{name}.yaml").write_text(
                catalog(name.replace("__", "-"), to), encoding="utf-8"
            )
        shop.run("snapshot")
        saved = (shop.project.folder / "snapshots").iterdir()
        snapshots = {f"snapshots/{each.name}": each.read_text(encoding="utf-8") for each in saved}
        yield World(shop, bare_repository(tmp_path / "origin.git"), tmp_path / "home", snapshots)


def test_what_is_pushed_arrives_and_what_is_broken_changes_nothing(world: World) -> None:
    first = world.push(shop=catalog(Ean__c="ean"))
    with world.serve() as served:
        served.until_idle_at(first)
        before = world.shop.rows()
        assert {row["Ean__c"] for row in before.values()} == {f"40{number:02}" for number in range(12)}

        # A mistake: the commit before it goes on, and says so.
        broken = world.push(shop=catalog(Ean__c="eam"))
        status = served.until(lambda status: status["trouble"])
        assert status["revision"]["id"] == first
        assert (status["trouble"]["kind"], status["trouble"]["revision"]) == ("invalid", broken)
        assert status["trouble"]["problems"][0]["file"] == "catalogs/shop.yaml"
        assert "TROUBLE (invalid)" in served.said
        assert served.metric("sync_engine_trouble", kind="invalid") == 1
        assert served.get("/readyz").status_code == 200

        # A change of the mapping: exactly the records that it changes.
        mended = world.push(shop=catalog(Ean__c="ean", Note__c="notes"))
        assert served.until_idle_at(mended)["trouble"] is None
        after = world.shop.rows()
        notes = {key: f"note {int(key[1:])}" if int(key[1:]) % 2 else None for key in before}
        assert {key: row.get("Note__c") for key, row in after.items()} == notes
        assert {key for key, row in after.items() if row != before[key]} == {key for key in notes if notes[key]}
        summary = world.transfers(served)[0]["summary"]
        assert (summary["updated"], summary["unchanged"]) == (6, 6)
        assert served.metric("sync_engine_trouble", kind="invalid") == 0

        # Layout is no change.
        same = json.loads(catalog(Ean__c="ean", Note__c="notes"))
        formatted = "# Reviewed by Pat\n" + json.dumps(dict(reversed(same.items())), indent=7)
        served.until_idle_at(world.push(shop=formatted))
        assert len(world.transfers(served)) == 2

        # A catalog that is gone deletes nothing; nor does an empty tree.
        served.until_idle_at(world.push(other=catalog("other", to="Other__c")))
        status = served.until(lambda status: status["gone"] == ["shop"])
        assert "shop is not in" in served.said
        world.origin.commit_tree(world.origin.tree(), world.origin.head())
        served.until(lambda status: status["trouble"])
        assert world.shop.rows() == after
        assert [each["catalog"] for each in world.transfers(served)] == ["other", "shop", "shop"]
    assert served.process.returncode == 0


@pytest.mark.slow
def test_a_process_that_begins_at_a_broken_commit_runs_the_good_one_before_it(world: World) -> None:
    good = world.push(shop=catalog())
    world.push(shop=catalog(Ean__c="eam"))
    broken = world.push(shop="<<<<<<< HEAD\n" + catalog() + "\n=======\n" + catalog(Ean__c="ean") + "\n>>>>>>> b\n")
    with world.serve() as served:
        status = served.until_idle_at(good)
        assert status["trouble"]["revision"] == broken
        assert len(world.shop.rows()) == 12


@pytest.mark.slow
def test_a_rewritten_history_is_followed_only_when_that_is_accepted(world: World) -> None:
    first = world.push(shop=catalog())
    with world.serve() as served:
        served.until_idle_at(first)
        rewritten = world.push(shop=catalog(Ean__c="ean"), rewrite=True)
        status = served.until(lambda status: status["trouble"])
        assert status["trouble"]["kind"] == "rewritten"
        assert f"--accept {rewritten[:12]}" in status["trouble"]["hint"]
        world.origin.git("update-ref", "-d", "refs/heads/main")
        served.until(lambda status: status["trouble"]["kind"] == "unreachable")
        assert "has no branch `main`" in served.said
    assert all("Ean__c" not in row for row in world.shop.rows().values())

    # The next process still knows which commit was good.
    world.origin.git("update-ref", "refs/heads/main", rewritten)
    with world.serve() as served:
        status = served.until(lambda status: status["trouble"])
        assert (status["revision"]["id"], status["trouble"]["kind"]) == (first, "rewritten")
    with world.serve("--accept", rewritten[:12]) as served:
        served.until_idle_at(rewritten)
    assert all(row.get("Ean__c") for row in world.shop.rows().values())


@pytest.mark.slow
def test_a_change_that_a_gate_refuses_is_said_and_told_and_not_tried_again(world: World) -> None:
    with http_receiver() as chat:
        world.notifications = f"notifications:\n  chat: {{kind: webhook, url: '{chat.url}'}}\n"
        first = world.push(shop=catalog())
        with world.serve() as served:
            served.until_idle_at(first)
            gated = catalog(Ean__c="ean").replace('"streams"', '"safety": {"max_update_percent": 10}, "streams"')
            served.until_idle_at(world.push(shop=gated))
            found = served.api("catalogs/shop")["catalog"]
            assert found["last_change"]["outcome"] == "gate"
            assert "max_update_percent" in found["last_change"]["message"]
            assert served.metric("sync_engine_runs_total", catalog="shop", outcome="gate") == 1
            (message,) = chat.requests
            assert (message.data["event"], message.data["catalog"], message.data["project"]) == ("gate", "shop", "home")
            world.push(shop=f"<<<<<<< HEAD\n{gated}")
            served.until(lambda status: status["trouble"] and len(chat.requests) == 2)
            broken = chat.requests[1].data
            assert (broken["event"], broken["catalog"]) == ("failure", None)
            assert "catalogs/shop.yaml:" in broken["message"]
            assert all("Ean__c" not in row for row in world.shop.rows().values())
            # Who decides that it is right changes the limit, in git.
            served.until_idle_at(world.push(shop=gated.replace("10}", "100}")))
    assert all(row.get("Ean__c") for row in world.shop.rows().values())


@pytest.mark.slow
def test_a_transfer_that_was_killed_with_its_server_is_brought_to_its_end_by_the_next(world: World) -> None:
    commit = world.push(shop=catalog(Ean__c="ean"))
    with world.held_before_writing() as held, world.serve(CRM_URL=held.url) as served:
        held.reached.wait(30)
        served.kill_all()
        assert served.process.returncode == -9
        held.release.set()
    with world.serve() as served:
        served.until_idle_at(commit)
        newest, killed = world.transfers(served)
        assert (newest["status"], killed["status"]) == ("done", "interrupted")
    assert {row["Ean__c"] for row in world.shop.rows().values()} == {f"40{number:02}" for number in range(12)}


def test_a_transfer_whose_server_is_killed_goes_on_and_is_not_done_again(world: World) -> None:
    commit = world.push(shop=catalog())
    with world.held_before_writing() as held, world.serve(CRM_URL=held.url) as served:
        held.reached.wait(30)
        served.process.kill()
        served.process.wait()
        with world.serve(name="second") as second:
            second.until(lambda status: status["queue"])
            assert "writes to catalog shop" in second.api("status")["queue"][0]["waits"]
            held.release.set()
            second.until_idle_at(commit)
            assert [each["status"] for each in world.transfers(second)][-1] == "done"
            assert len(world.shop.rows()) == 12


@pytest.mark.slow
def test_it_checkpoints_and_ends_within_seconds_when_asked_to(world: World) -> None:
    world.push(shop=catalog())
    with world.held_before_writing() as held, world.serve(CRM_URL=held.url) as served:
        held.reached.wait(30)
        children = served.children()
        began = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - began < 10
        assert children
        assert "shop: ended with 130" in served.said
        assert all(not Path(f"/proc/{each}").exists() for each in children)
        held.release.set()


@pytest.mark.slow
def test_a_paused_catalog_waits_with_its_change_until_it_is_resumed(world: World) -> None:
    first = world.push(shop=catalog())
    home = ("--home", str(world.home))
    with world.serve() as served:
        served.until_idle_at(first)
        world.shop.run(*home, "schedule", "pause", "shop", "--reason", "stocktaking", "--by", "Pat")
        world.push(shop=catalog(Ean__c="ean"))
        status = served.until(lambda status: status["queue"])
        assert "paused by Pat since" in status["queue"][0]["waits"]
        assert served.metric("sync_engine_queue_length") == 1
        world.shop.run(*home, "schedule", "resume", "shop")
        served.until(lambda status: not status["queue"] and not status["running"])
    assert all(row.get("Ean__c") for row in world.shop.rows().values())


@pytest.mark.slow
def test_a_project_cannot_refer_to_what_the_server_itself_is_let_in_with(world: World) -> None:
    world.edits["${PIM_PASSWORD}"] = "${SYNC_ENGINE_SERVE_TOKEN}"
    commit = world.push(shop=catalog())
    with world.serve(SYNC_ENGINE_SERVE_TOKEN="a-token-of-ours") as served:
        served.headers = {"Authorization": "Bearer a-token-of-ours"}
        served.until_idle_at(commit)
        last = served.api("catalogs/shop")["catalog"]["last_change"]
        assert last["outcome"] == "failed"
        assert "SYNC_ENGINE_SERVE_TOKEN is not set" in last["message"].replace("`", "")
        served.get("/api/status", 401, Authorization="")


@pytest.mark.slow
def test_a_folder_is_followed_as_a_branch_is(world: World) -> None:
    folder = world.shop.project.folder
    for each in (folder / "catalogs").glob("other*.yaml"):
        each.unlink()
    path = folder / "catalogs" / "shop.yaml"
    with serving(folder, world.shop.project.environment, *POLL) as served:
        status = served.until(lambda status: status["revision"] and not status["running"] and world.shop.rows())
        path.write_text(catalog(Ean__c="eam"), encoding="utf-8")
        served.until(lambda status: status["trouble"])
        path.write_text(catalog(Ean__c="ean"), encoding="utf-8")
        served.until(lambda now: now["revision"] != status["revision"] and not now["running"] and not now["queue"])
    assert all(row.get("Ean__c") for row in world.shop.rows().values())


@pytest.mark.slow
def test_a_ledger_that_is_away_is_said_and_used_again_once_it_is_back(world: World, postgresql: Server) -> None:
    world.edits[SQLITE] = postgresql.new_ledger()
    first = world.push(shop=catalog())
    with world.serve() as served:
        served.until_idle_at(first)
        postgresql.stop()
        try:
            status = served.until(lambda status: not status["ready"])
            assert "127.0.0.1" in status["ledger_error"]
            assert served.get("/readyz", 503).text == "not ready\n"
            assert served.get("/api/transfers", 503).json()["error"]
            assert served.get("/healthz").text == "ok\n"
            second = world.push(shop=catalog(Ean__c="ean"))
            served.until(lambda status: status["revision"]["id"] == second)
        finally:
            postgresql.start()
        served.until(lambda status: status["ready"] and not status["running"] and not status["queue"])
        assert all(row.get("Ean__c") for row in world.shop.rows().values())


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_two_servers_on_one_ledger_share_the_work_and_do_nothing_twice(
    world: World, count: int, ledger_address: str
) -> None:
    catalogs = {f"c{number:02}": catalog(f"c{number:02}", f"Other{number % 4}__c") for number in range(count)}
    # An SQLite file is for one machine, PostgreSQL for several, which have nothing else in common.
    world.edits[SQLITE] = ledger_address
    homes = (world.home, world.home if ledger_address.startswith("sqlite") else world.home.with_name("elsewhere"))
    commit = world.push(**catalogs)
    with world.serve(home=homes[0]) as one, world.serve(name="second", home=homes[1]) as two:
        for each in (one, two):
            each.until_idle_at(commit, 20.0 * count)
        assert sorted(each["catalog"] for each in world.transfers(one)) == sorted(catalogs)
        assert world.transfers(one) == world.transfers(two)

        # Schedules are no change of what is transferred; a run of each has been due since midnight.
        with open_ledger(ledger_address, world.home) as ledger:
            for name in catalogs:
                ledger.schedule_known_since(name, "daily at 00:00 (UTC)", datetime.now(UTC) - timedelta(days=2))
        scheduled = {
            name: json.dumps(json.loads(text) | {"schedule": {"daily": "00:00"}}) for name, text in catalogs.items()
        }
        commit = world.push(**scheduled)
        for each in (one, two):
            each.until_idle_at(commit, 20.0 * count)
        due = [each["catalog"] for each in world.transfers(one) if each["trigger"] == "schedule"]
        assert sorted(due) == sorted(catalogs)
        assert len(world.transfers(one)) == 2 * count
        assert count < 20 or all("(schedule)" in each.said for each in (one, two))
