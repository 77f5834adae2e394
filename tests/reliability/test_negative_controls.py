"""Engines that are broken on purpose are found out, each by the invariant that it breaks; the whole one passes."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Figure
from tests.journeys.between import hiding
from tests.journeys.conftest import Project
from tests.journeys.crashing import Crashing, Ended
from tests.journeys.small import uuid_of
from tests.reliability import broken, invariants
from tests.reliability.invariants import NAMES, Violated, holds
from tests.reliability.killing import APPLY, kill, plan_path, settle
from tests.reliability.worlds import SHAPES, Shape, World, open_world

from sync_engine_sandbox.faults import Rule

COLLECTIONS, BULK, FILES = SHAPES
SAVE = "plan", "--out"
BEGUN = ("after commit", 2)
"""The locks are taken, the transfer has begun; nothing was sent."""

pytestmark = pytest.mark.slow


class Changed(Crashing):
    """Real processes with an engine that was changed by a function of ``broken``; an empty name changes nothing."""

    def __init__(self, processes: Crashing, change: str) -> None:
        self._processes = processes
        self._change = f"{broken.__name__}:{change}" if change else ""

    def run(self, project: Project, *arguments: str, **how: Any) -> Ended:
        return self._processes.run(project, *arguments, change=self._change, **how)

    def go_on(self, pid: int) -> Ended:
        return self._processes.go_on(pid)


Scenario = Callable[[World, Crashing], None]


def killed_at(step: str) -> Scenario:
    return lambda world, processes: kill(world, processes, (step, 0))


def stopped_past_its_lease(world: World, processes: Crashing) -> None:
    project = world.shop.project
    project.edit("sync-engine.yaml", ("version: 1\n", "version: 1\nlease_seconds: 1\n"))
    world.edit()
    stopped = processes.run(project, *APPLY, at=BEGUN, how="stop")
    deadline = time.monotonic() + 60
    while (second := processes.run(project, *APPLY)).code == 7 or "lost its lock" in second.err:
        assert time.monotonic() < deadline
    assert second.code == 0, second.err
    before = invariants.read_books(world)
    processes.go_on(stopped.pid)
    invariants.one_writer(world, before)
    settle(world, processes)


def source_fails(world: World, processes: Crashing) -> None:
    """All pages of the source are those of a proxy."""
    with world.shop.sandbox.faults.during(Rule("html", "pim.page")):
        processes.run(world.shop.project, *APPLY)
    invariants.deletes_need_proof(world)
    settle(world, processes)


def list_leaves_one_out(world: World, processes: Crashing) -> None:
    where = world.shop.project.environment
    url = where["PIM_URL"]
    with hiding(url, uuid_of("p3")) as shown:
        where["PIM_URL"] = shown
        processes.run(world.shop.project, *APPLY)
    where["PIM_URL"] = url
    invariants.deletes_need_proof(world)
    settle(world, processes)


def answer_to_an_insert_is_lost(world: World, processes: Crashing) -> None:
    """There are three calls: the item, its pairs, its picture."""
    world.add("p9")
    with world.shop.sandbox.faults.during(Rule("lost", "crm.write", skip=1, times=1)) as happened:
        processes.run(world.shop.project, *APPLY)
    assert happened
    invariants.one_record_per_key(world)
    settle(world, processes)


def rows_come_in_another_order(world: World, processes: Crashing) -> None:
    for _ in range(3):
        world.edit()
    settle(world, processes)


def somebody_edits_what_a_plan_changes(world: World, processes: Crashing) -> None:
    world.edit()
    path = str(plan_path(world))
    assert processes.run(world.shop.project, *SAVE, path).code == 0
    record = next(row for row in world.shop.sandbox.org.rows("Item__c") if row["Key__c"] == "p5")
    world.shop.sandbox.org.edit("Item__c", record["Id"], {"Name": "by hand"})
    processes.run(world.shop.project, "apply", path, "--yes")
    held = {key: values for stream, key, values, _ in world.held() if stream == "items"}
    holds("a plan applies only to what it was made for", (held["p5"] or ("",))[0] == "by hand", held["p5"])
    settle(world, processes)


def blanks_at_the_end(world: World, processes: Crashing) -> None:
    """The org cuts them off."""
    world.shop.change("p3", notes="Notes with a blank ")
    assert processes.run(world.shop.project, *APPLY).code == 0
    done = processes.run(world.shop.project, "plan", "--format", "json")
    summary = json.loads(done.out)["catalogs"][0]["summary"]
    holds("it converges", not any(count for name, count in summary.items() if name != "unchanged"), summary)


def two_plans_of_the_same(world: World, processes: Crashing) -> None:
    world.edit()
    made = []
    for _ in range(2):
        assert processes.run(world.shop.project, *SAVE, str(plan_path(world))).code == 0
        *lines, last = gzip.decompress(plan_path(world).read_bytes()).splitlines()
        made.append((lines, json.loads(last)["end"]["digest"]))  # the last line also says what the day has left
    holds("same input, same bytes", made[0] == made[1])


def a_transfer(world: World, processes: Crashing) -> None:
    world.edit()
    done = processes.run(world.shop.project, *APPLY)
    invariants.no_secret(world, done.out, done.err)


def page_in_place_of_an_answer(world: World, processes: Crashing) -> None:
    world.edit()
    with world.shop.sandbox.faults.during(Rule("html", "crm.write", times=1)) as happened:
        done = processes.run(world.shop.project, *APPLY)
    assert happened
    holds("unknown means stop", done.code == 1, done.err)
    settle(world, processes)


@dataclass(frozen=True)
class Control:
    """A broken engine, where that matters, and what finds it out."""

    broken: Callable[[], None]
    shape: Shape
    scenario: Scenario
    invariant: str


CONTROLS = (
    Control(broken.no_recovery, COLLECTIONS, killed_at("sent PATCH"), "the books balance"),
    Control(broken.results_by_position, BULK, rows_come_in_another_order, "the books balance"),
    Control(broken.inserts_again, FILES, answer_to_an_insert_is_lost, "one record per key"),
    Control(broken.watermark_before_ledger, COLLECTIONS, killed_at("sent PATCH"), "the watermark follows the ledger"),
    Control(broken.effect_before_intent, COLLECTIONS, killed_at("after PATCH"), "intent comes before effect"),
    Control(
        *(broken.no_comparison, COLLECTIONS, somebody_edits_what_a_plan_changes),
        "a plan applies only to what it was made for",
    ),
    Control(broken.believed_empty, COLLECTIONS, source_fails, "deletes need proof"),
    Control(broken.no_last_look, COLLECTIONS, list_leaves_one_out, "deletes need proof"),
    Control(broken.no_fence, COLLECTIONS, stopped_past_its_lease, "one writer"),
    Control(broken.no_normal_form, COLLECTIONS, blanks_at_the_end, "it converges"),
    Control(broken.tells_secrets, COLLECTIONS, a_transfer, "no secret in anything it leaves behind"),
    Control(broken.time_in_plans, COLLECTIONS, two_plans_of_the_same, "same input, same bytes"),
    Control(broken.takes_anything_for_success, COLLECTIONS, page_in_place_of_an_answer, "unknown means stop"),
)
each_control = pytest.mark.parametrize("control", CONTROLS, ids=[each.broken.__name__ for each in CONTROLS])


def run(control: Control, folder: Path, processes: Crashing, change: str) -> None:
    with open_world(folder, control.shape) as world:
        settle(world, processes)
        control.scenario(world, Changed(processes, change))


@each_control
def test_a_broken_engine_is_found_out_by_the_invariant_that_it_breaks(
    tmp_path: Path, processes: Crashing, control: Control, figure: Figure
) -> None:
    with pytest.raises(Violated) as found:
        run(control, tmp_path, processes, control.broken.__name__)
    assert found.value.invariant == control.invariant, found.value
    figure("broken engines found out", 1, f"{control.broken.__name__}: {control.invariant}")


@each_control
def test_the_engine_as_it_is_passes_what_finds_a_broken_one_out(
    tmp_path: Path, processes: Crashing, control: Control
) -> None:
    run(control, tmp_path, processes, "")


def test_there_is_a_broken_engine_for_every_invariant_but_the_first() -> None:
    """Whatever breaks one of the others loses something in the end."""
    assert {each.invariant for each in CONTROLS} >= set(NAMES[1:])
