"""Let one thing go wrong at one step of a transfer, and look what comes of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.journeys.conftest import ROOT, Finished
from tests.reliability import invariants
from tests.reliability.fault_matrix import LOGGED, Fault, Step
from tests.reliability.invariants import holds
from tests.reliability.killing import MOST_RUNS, quiet
from tests.reliability.worlds import FREE, World, open_world
from tests.reliability.worlds import SHAPES as UNLOGGED

from sync_engine_sandbox.crm.org import CrmSettings
from sync_engine_sandbox.faults import Rule
from sync_engine_sandbox.faults.steps import step_of

EDITS = 3
"""Changes of the PIM before each transfer; so that a bulk job has several rows."""

TRANSFERS = next(
    each
    for each in json.loads((ROOT / "catalogs" / "commerce" / "org.json").read_text(encoding="utf-8"))["objects"]
    if each["name"] == "PIM_Transfer__c"
)
"""The object in which transfers are recorded."""

SHAPES = {
    **{each.name: each for each in UNLOGGED},
    LOGGED: replace(UNLOGGED[0], name=LOGGED, objects=(*UNLOGGED[0].objects, TRANSFERS)),
}

ONE_AFTER_THE_OTHER = {"parallel": 1}
"""So that the n-th request of a transfer is the same one each time."""


@dataclass(frozen=True)
class Met:
    """A transfer that met a fault.

    Attributes:
        done: how it ended.
        happened: how often the fault happened.
        seconds: how long it took.
        shown: all that it printed, and what is shown of it afterwards.
        touched: whether the org's records are others than before.
        further: transfers that it took until there was nothing left to do.
    """

    done: Finished
    happened: int
    seconds: float
    shown: str
    touched: bool
    further: int


def shorten(patch: pytest.MonkeyPatch | None = None) -> None:
    """Waits whose length is ours to choose are short; what a service asks for is waited for all the same."""
    patch = patch or pytest.MonkeyPatch()  # in a process under test, for as long as it lives
    patch.setattr("sync_engine_akeneo.client.LONGEST_BACKOFF", 0.05)
    patch.setattr("sync_engine_salesforce.session._LONGEST_PAUSE", 0.05)
    patch.setattr("sync_engine_salesforce.bulk_results.PAUSES", (0.05, 0.05))
    patch.setattr("sync_engine_salesforce.composite.LATE", 2)
    patch.setattr("sync_engine.transfer.recovery.BETWEEN_LOOKS", 0.1)
    patch.setattr("sync_engine.transfer.run.RETRIES", 2)


@contextmanager
def short_waits() -> Iterator[None]:
    """In this process; see ``shorten``."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        yield


@dataclass
class Worlds:
    """A world of each shape, for many faults one after the other; each leaves it as it must be, or is the last.

    Attributes:
        folder: for their files.
        open: by the name of their shape.
        passed: by step, the number of requests at its place before the one that is meant.
    """

    folder: Path
    open: dict[str, tuple[World, ExitStack]] = field(default_factory=dict)
    passed: dict[Step, int] = field(default_factory=dict)

    @contextmanager
    def of(self, shape: str, *, last: bool = False) -> Iterator[World]:
        """The world of a shape, in which all is quiet; ``last`` when it will not be one for others."""
        world, stack = self.open.pop(shape, None) or self._new(shape)
        with stack:
            yield world
            if not last:
                self.open[shape] = world, stack.pop_all()

    def before(self, step: Step, world: World) -> int:
        """How many requests arrive at the place of the step before the one that is meant."""
        if step.last and step not in self.passed:  # a transfer without faults shows it
            edit(world)
            log = world.shop.sandbox.org.requests.log
            start = len(log)
            world.shop.run("apply", "--yes")
            self.passed[step] = sum(step_of(each.method, each.path) == step.at for each in log[start:]) - 1
        return self.passed.get(step, 0)

    def close(self) -> None:
        """Close all of them."""
        for _, stack in self.open.values():
            stack.close()

    def _new(self, name: str) -> tuple[World, ExitStack]:
        shape = SHAPES[name]
        folder = self.folder / f"{name} {time.monotonic_ns()}"
        folder.mkdir()
        with ExitStack() as stack:
            shape = replace(shape, settings={**shape.settings, **ONE_AFTER_THE_OTHER})
            world = stack.enter_context(open_world(folder, shape, CrmSettings(bulk_chunk=1)))
            world.shop.connect("pim", page_size=2)
            if name == LOGGED:
                world.shop.write(dict(shape.streams), safety=FREE, log={"to": TRANSFERS["name"]})
            world.shop.run("apply", "--yes")
            return world, stack.pop_all()
        raise AssertionError


def edit(world: World) -> None:
    """Something to do in every stream, several times."""
    for _ in range(EDITS):
        world.edit()


def meet(
    world: World,
    step: Step,
    fault: Fault,
    before: int = 0,
    *,
    at_least: int = 0,
    after: Callable[[World], str] = lambda _: "",
) -> Met:
    """Let a transfer meet a fault, and then transfer until all is quiet.

    Args:
        world: in which all is quiet.
        step: where it happens.
        fault: happens.
        before: requests at the step's place before the one that is meant.
        at_least: so many transfers follow in any case.
        after: done before they do; gives what was said meanwhile.
    """
    edit(world)
    command = ("apply", "--yes")
    if step.planned:
        path = str(world.shop.project.folder / "plan")
        world.shop.run("plan", "--out", path)
        command = ("apply", path, "--yes")
    held = sorted(world.held(gone=True), key=str)
    rules = [
        Rule(
            name,
            fault.at or step.at,
            skip=fault.skip + {"crm.row": step.rows, "": before}.get(fault.at, 0),
            times=None if fault.lasts else 1,
            seconds=fault.seconds,
            field=_field_of(name, step),
        )
        for name in fault.names
    ]
    began = time.monotonic()
    with (
        _connected(world, fault) if fault.settings else nullcontext(),
        world.shop.sandbox.faults.during(*rules) as happened,
    ):
        done = world.shop.run(*command, code=None)
    seconds = time.monotonic() - began
    shown = done.out + done.err + world.shop.run("transfers", "show", code=None).out + after(world)
    touched = sorted(world.held(gone=True), key=str) != held
    return Met(done, len(happened), seconds, shown, touched, settle(world, at_least=max(at_least, int(done.code != 0))))


def remove_doubles(world: World) -> str:
    """What a person does about records that are there twice, when a transfer has told; gives what it said."""
    world.shop.run("apply", "--yes", code=4)
    said = world.shop.run("transfers", "show").out
    ours = {id_ for id_, _ in invariants.read_books(world).written.values()}
    for stream, _, _, id_ in world.held():
        if stream == "pairs" and id_ not in ours:
            world.shop.sandbox.org.remove("Pair__c", id_)
    return said


def _field_of(fault: str, step: Step) -> str:
    """What the sandbox's rule says of a field: of locked records their object, of fields that change which one."""
    return {"locked": step.text.partition(".")[0], "removed": step.text, "narrowed": step.text}.get(fault, "")


@contextmanager
def _connected(world: World, fault: Fault) -> Iterator[None]:
    path = world.shop.project.folder / "sync-engine.yaml"
    text = path.read_text(encoding="utf-8")
    try:
        for each in ("pim", "crm"):
            world.shop.connect(each, **fault.settings)
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def settle(world: World, *, at_least: int) -> int:
    """Transfer until a plan has nothing to do, see that all is as it must be; gives how many transfers it took."""
    runs = 0
    while runs < at_least or not quiet(world):
        holds("it converges", runs < MOST_RUNS, f"a plan after {runs} further runs is not empty")
        runs += 1
        done = world.shop.run("apply", "--yes", code=None)
        holds("it converges", done.code == 0 or runs < MOST_RUNS, f"exit {done.code}\n{done.err}")
    for check in (
        invariants.one_record_per_key,
        invariants.nothing_is_lost,
        invariants.books_balance,
        invariants.watermark_after_ledger,
    ):
        check(world)
    if TRANSFERS["name"] in (each["name"] for each in world.shape.objects):
        every_transfer_is_recorded(world)
    return runs


def every_transfer_is_recorded(world: World) -> None:
    """Each transfer has a record in the org, and one only."""
    recorded = Counter(row["PIM_Transfer_Id__c"] for row in world.shop.sandbox.org.rows(TRANSFERS["name"]))
    begun = Counter(each["id"] for each in invariants.read_books(world).transfers)
    holds("the books balance", recorded == begun, begun - recorded)
