"""What goes wrong in the services themselves: tokens die, people edit, fields change, records are locked."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sync_engine_sandbox.crm.errors import Problem
from sync_engine_sandbox.crm.fields import Field
from sync_engine_sandbox.crm.objects import SObject
from sync_engine_sandbox.crm.org import Org
from sync_engine_sandbox.faults.state import Due, Faults
from sync_engine_sandbox.faults.steps import PIM
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """Both services, and what is wrong with them."""

    pim: PimState
    org: Org
    faults: Faults

    def lay(self) -> None:
        """Let the CRM ask before it writes a record or goes on with a job."""
        self.org.store.row_fault = self._of_row
        self.org.chunk_fault = self._of_chunk

    def _of_row(self, sobject: SObject, values: Mapping[str, Any]) -> Problem | None:
        if not self.faults.rules or not self.faults.due("crm.row", sobject.name):
            return None
        what = values.get("Id") or sobject.label
        return Problem("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {what}")

    def _of_chunk(self) -> str:
        due = self.faults.due("crm.chunk") if self.faults.rules else ()
        return due[0].rule.fault if due else ""


def _expired(world: World, side: str, _: Due, __: str) -> None:
    if side == PIM:
        world.pim.tokens.revoke()
    else:
        world.org.end_sessions()


def _clock(world: World, side: str, due: Due, _: str) -> None:
    world.faults.skew[side] = int(due.rule.seconds)


def _edited(world: World, _: str, due: Due, __: str) -> None:
    product = _any_product(world.pim, due.chance)
    if product is None:
        return
    attributes = world.pim.table("attributes")
    texts = [code for code in sorted(product["values"]) if _is_free_text(attributes.get(code, {}))]
    values = dict(product["values"])
    for code in texts[:1] and [due.chance.choice(texts)]:
        marked = f"edited {due.chance.randrange(1000)}"
        values[code] = [{**each, "data": marked} for each in values[code]]
    world.pim.edit_product(product["uuid"], values=values)


def _created(world: World, _: str, due: Due, __: str) -> None:
    product = _any_product(world.pim, due.chance)
    if product is None:
        return
    uuid = str(UUID(int=due.chance.getrandbits(128), version=4))
    main = world.pim.main_identifier()
    entry = {"locale": None, "scope": None, "data": f"new-{uuid[:8]}"}
    now = world.pim.now_text()
    copy = {**product, "uuid": uuid, "values": {**product["values"], main: [entry]}, "created": now, "updated": now}
    world.pim.add_product(**copy)


def _deleted(world: World, _: str, due: Due, __: str) -> None:
    product = _any_product(world.pim, due.chance)
    if product is not None:
        world.pim.delete_product(product["uuid"])


def _any_product(pim: PimState, chance: random.Random) -> Json | None:
    with pim.lock:
        return pim.products.by_key[chance.choice(pim.products.order)] if pim.products.order else None


def _is_free_text(attribute: Mapping[str, Any]) -> bool:
    return attribute.get("type") in ("pim_catalog_text", "pim_catalog_textarea") and not attribute.get("unique")


def _narrowed(world: World, _: str, due: Due, path: str) -> None:
    found = _field(world.org, due, path)
    if found is not None:
        sobject, item = found
        _redefine(world, sobject, replace(item, length=max(1, item.length // 2)))


def _removed(world: World, _: str, due: Due, path: str) -> None:
    found = _field(world.org, due, path)
    if found is not None:
        sobject, item = found
        world.faults.undo_at_end(lambda: world.org.show_field(sobject, item))
        world.org.hide_field(sobject, item.name)


def _redefine(world: World, sobject: str, item: Field) -> None:
    before = world.org.objects.by_name[sobject.lower()].by_name[item.name.lower()]
    world.faults.undo_at_end(lambda: world.org.change_field(sobject, before))
    world.org.change_field(sobject, item)


def _field(org: Org, due: Due, path: str) -> tuple[str, Field] | None:
    """The field of the rule, or any text field of the object in the path that nobody is found by."""
    name, _, wanted = due.rule.field.partition(".")
    if not name:
        parts = path.split("/")
        name = parts[parts.index("sobjects") + 1] if "sobjects" in parts[:-1] else ""
    sobject = org.objects.by_name.get(name.lower())
    if sobject is None:
        return None
    texts = [each for each in sobject.fields if each.type == "string" and each.custom and not each.indexed]
    found = sobject.field(wanted) if wanted else due.chance.choice(texts) if texts else None
    return (sobject.name, found) if found else None


IN_THE_SERVICE: Mapping[str, Callable[[World, str, Due, str], None]] = {
    "expired": _expired,
    "clock": _clock,
    "edited": _edited,
    "created": _created,
    "deleted": _deleted,
    "narrowed": _narrowed,
    "removed": _removed,
}
"""What is done before the request is looked at: given the world, the server, the rule and the request's path."""
