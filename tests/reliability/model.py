"""A model of a shop in which anything may happen in any order, and of what must be true all the same.

People edit, create, delete and rename in the PIM; others edit and delete in the org, and change its schema; plans are
made, saved and applied; runs die at any point, meet each other, and begin anew. After each step those of the invariants
are checked that hold at every moment, at the end all of them, after at most two runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.journeys.crashing import Crashing, Ended
from tests.journeys.small import category
from tests.reliability import invariants
from tests.reliability.anything import CODES, COLOURS, SHORT, SKUS, open_anything
from tests.reliability.invariants import holds
from tests.reliability.killing import KILLED, settle
from tests.reliability.worlds import LOCALES, Held

from sync_engine.planner.plan_file import read_plan

narrow = st.integers(1, 3).map(lambda each: ("--changed",) if each > 1 else ())
"""Of three runs one reads everything."""

texts = st.sampled_from(["a", "b", "é\u2028\nz", "longer than five", "#N/A!", "=1+1", '"', "ABC", "abc"])
places = st.integers(0, 5)
points = st.integers(0, 110)


class Model(RuleBasedStateMachine):
    """One shop, from its first products to its end."""

    def __init__(self, processes: Crashing, change: str = "", seen: Callable[[str], None] = lambda _: None) -> None:
        """Open it.

        Args:
            processes: run the commands.
            change: a function that breaks the engine in them; see ``Crashing.run``.
            seen: told of each step by its name.
        """
        super().__init__()
        self.opened = ExitStack()
        folder = self.opened.enter_context(tempfile.TemporaryDirectory())
        self.world = self.opened.enter_context(open_anything(Path(folder)))
        self.processes, self.change, self.seen = processes, change, seen
        self.saved: dict[tuple[str, str], Held] = {}
        self.fields = {each.name: each for each in self.org.objects.by_name["item__c"].fields}
        self.narrowed = self.hidden = False

    @property
    def org(self) -> Any:
        return self.world.shop.sandbox.org

    @property
    def pim(self) -> Any:
        return self.world.shop.sandbox.pim

    def run(self, *command: str, **how: Any) -> Ended:
        """A command in a process of its own, which must end as one of the documented ways."""
        return self.ended(self.processes.run(self.world.shop.project, *command, change=self.change, **how), command)

    def ended(self, ended: Ended, command: tuple[str, ...]) -> Ended:
        self.seen(f"{command[0]} ended by {ended.code}")
        fitting: set[int | None] = {0, 4, 7, None, KILLED}
        if any(each.endswith("plan.gz") for each in command):
            fitting.add(6)  # something has changed of what the saved plan, or the stopped run, saw
        if self.hidden:
            fitting |= {3, 6}
        assert ended.code in fitting, f"{command} ended with {ended.code}\n{ended.err}"
        assert "Traceback" not in ended.err, ended.err
        invariants.no_secret(self.world, ended.out, ended.err)
        if ended.code in (0, 4):
            invariants.books_balance(self.world)
            invariants.deletes_need_proof(self.world)
        if command == ("apply", "--yes") and ended.code in (0, 4):
            if ended.code == 0:
                invariants.nothing_is_lost(self.world)
            # What was taken away without being deleted still is as people left it.
            held, wanted = self.held(gone=True), self.world.wanted()
            self.world.by_hand = {each for each in self.world.by_hand if self.values(held, each) != wanted.get(each)}
        return ended

    def held(self, *, gone: bool = False) -> dict[tuple[str, str], Held]:
        return {(each[0], each[1]): each for each in self.world.held(gone=gone)}

    def values(self, held: dict[tuple[str, str], Held], key: tuple[str, str]) -> tuple[Any, ...] | None:
        return held[key][2] if key in held else None

    @initialize(bulk=st.booleans())
    def choose_the_way(self, bulk: bool) -> None:
        """By Bulk API, or by Collections."""
        self.world.shop.connect(bulk_threshold=0 if bulk else 1_000)

    # In the PIM

    @rule(place=places, text=texts, colour=st.sampled_from(COLOURS))
    def create_a_product(self, place: int, text: str, colour: str) -> None:
        if SKUS[place] not in self.world.skus:
            self.world.create(SKUS[place], text, colour)

    @precondition(lambda self: self.world.skus)
    @rule(place=places, what=st.sampled_from(["name", "notes", "title"]), text=texts)
    def edit_a_product(self, place: int, what: str, text: str) -> None:
        self.world.edit_values(self._uuid(place), **{what: dict.fromkeys(LOCALES, text) if what == "title" else text})

    @precondition(lambda self: self.world.skus)
    @rule(place=places, colour=st.sampled_from(COLOURS))
    def empty_notes_and_change_the_colour(self, place: int, colour: str) -> None:
        self.world.edit_values(self._uuid(place), notes=None, colour=colour)

    @precondition(lambda self: self.world.skus)
    @rule(place=places)
    def delete_a_product(self, place: int) -> None:
        self.pim.delete_product(self._uuid(place))

    @precondition(lambda self: self.world.skus)
    @rule(place=places, new=st.sampled_from(SKUS))
    def rename_a_product(self, place: int, new: str) -> None:
        if new not in self.world.skus:
            self.world.edit_values(self._uuid(place), sku=new)

    @precondition(lambda self: len(self.world.skus) > 1)
    @rule(place=places)
    def swap_two_skus(self, place: int) -> None:
        (one, first), (two, second) = (
            list(self.world.skus.items())[(place + each) % len(self.world.skus)] for each in (0, 1)
        )
        self.world.edit_values(first, sku="other")
        self.world.edit_values(second, sku=one)
        self.world.edit_values(first, sku=two)

    @rule(colour=st.sampled_from(COLOURS), text=st.sampled_from(["Red", "Rot", "Farbe"]))
    def rename_a_colour(self, colour: str, text: str) -> None:
        option = self.pim.table("attribute-options", "colour")[colour]
        self.pim.put_row(("attribute-options", "colour"), {**option, "labels": {"en_US": text}})
        self.world.relabelled[colour] = self.pim.now_text()

    @rule(code=st.sampled_from(CODES), below=places, text=texts)
    def rename_or_move_or_create_a_category(self, code: str, below: int, text: str) -> None:
        above = [each for each in self.world.codes if each == "master" or each < code]
        row = category(code, above[below % len(above)], en_US=text)
        self.pim.put_row(("categories",), {**row, "updated": self.pim.now_text()})

    @rule(code=st.sampled_from(CODES))
    def delete_a_category_and_those_below(self, code: str) -> None:
        table = self.pim.table("categories")
        gone = {code} & table.keys()
        while below := {each for each, row in table.items() if row["parent"] in gone} - gone:
            gone |= below
        for each in gone:
            self.pim.delete_row(("categories",), each)

    def _uuid(self, place: int) -> str:
        found = list(self.world.skus.values())
        return found[place % len(found)]

    # In the org

    @rule(place=st.integers(0, 20), text=texts)
    def edit_a_record_by_hand(self, place: int, text: str) -> None:
        held = [each for each in self.world.held() if each[0] != "nodes"]
        if held:
            stream, key, _, id_ = held[place % len(held)]
            name = {"items": "Item__c", "marks": "Mark__c", "pairs": "Pair__c"}[stream]
            self.org.edit(name, id_, {"Name" if stream == "items" else "Title__c": text})
            self.world.by_hand.add((stream, key))

    @rule(place=places)
    def delete_a_record_by_hand(self, place: int) -> None:
        """Its pairs go with it, its marks forget it."""
        items = self.org.rows("Item__c")
        if items:
            before = self.world.held(gone=True)
            self.org.remove("Item__c", items[place % len(items)]["Id"])
            after = {each[3]: each for each in self.world.held(gone=True)}
            for each in before:
                if after.get(each[3]) != each:
                    self.world.by_hand.add((each[0], each[1]))
                if each[3] not in after:
                    self.world.deleted[each[0], each[1]] += 1

    @precondition(lambda self: not self.hidden)
    @rule()
    def make_a_field_shorter_or_longer_again(self) -> None:
        self.narrowed = not self.narrowed
        self.org.change_field("Item__c", self._notes())

    @precondition(lambda self: not self.hidden)
    @rule()
    def remove_a_field(self) -> None:
        self.hidden = True
        self.org.hide_field("Item__c", "Notes__c")

    def put_the_field_back(self) -> None:
        """What was removed is there again after a step in which commands ran."""
        if self.hidden:
            self.hidden = False
            self.org.show_field("Item__c", self._notes())

    def _notes(self) -> Any:
        return replace(self.fields["Notes__c"], length=SHORT if self.narrowed else 80)

    # The engine

    @rule(options=narrow)
    def apply(self, options: tuple[str, ...]) -> None:
        self.run("apply", "--yes", *options)
        self.put_the_field_back()

    @precondition(lambda self: not self.hidden)
    @rule()
    def save_a_plan_twice_in_the_same_bytes(self) -> None:
        before = self.held()
        files = [self.world.shop.project.folder / each for each in ("plan.gz", "again")]
        for each in files:
            self.world.shop.run("plan", "--out", str(each))
        digests = {read_plan(each).digest for each in files}
        holds("same input, same bytes", len(digests) == 1, "two plans of the same differ")
        holds("a plan applies only to what it was made for", self.held() == before, "a plan has written")
        self.saved = before

    @precondition(lambda self: self.saved)
    @rule()
    def apply_the_saved_plan(self) -> None:
        """Whatever was changed in the org since is left alone."""
        before = self.held()
        self.run("apply", str(self.world.shop.project.folder / "plan.gz"), "--yes")
        self.put_the_field_back()
        after = self.held()
        for key in self.saved | before:
            then, now, left = (self.values(each, key) for each in (self.saved, before, after))
            kept = left == now if then is None or now is None else left and _changed(then, now) <= _changed(then, left)
            holds("a plan applies only to what it was made for", then == now or kept, (key, then, now, left))

    @rule(point=points, options=narrow, again=st.one_of(st.none(), points))
    def die(self, point: int, options: tuple[str, ...], again: int | None) -> None:
        """A run is killed, and perhaps the one that begins anew, too."""
        command = ("apply", "--yes", *options)
        if self.run(*command, at=("", point)).code == KILLED and again is not None:
            self.run(*command, at=("", again))
        self.put_the_field_back()

    @rule(point=points)
    def meet(self, point: int) -> None:
        """A run is stopped, another begins, and the first goes on."""
        first = self.run("apply", "--yes", at=("", point), how="stop")
        try:
            # Whoever is stopped within a transaction keeps all others from the ledger, as they say after half a minute.
            if first.code is not None or first.points[-1] not in ("before commit", "before rollback"):
                before = invariants.read_books(self.world)
                if self.run("apply", "--yes").code == 7:
                    invariants.one_writer(self.world, before)
        finally:
            if first.code is None:
                self.ended(self.processes.go_on(first.pid), ("apply", "plan.gz"))
        self.put_the_field_back()

    # What is true

    @invariant()
    def at_every_moment(self) -> None:
        invariants.one_record_per_key(self.world)
        invariants.intent_before_effect(self.world)
        invariants.watermark_after_ledger(self.world)

    def teardown(self) -> None:
        with self.opened:
            self.narrowed = False
            self.put_the_field_back()
            self.org.change_field("Item__c", self._notes())
            settle(self.world, self.processes)
            invariants.intent_before_effect(self.world)
            invariants.no_secret(self.world)


def _changed(before: tuple[Any, ...], after: tuple[Any, ...]) -> set[tuple[int, Any]]:
    """Places of values that differ, with what is there then."""
    return {(place, new) for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
