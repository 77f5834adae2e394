"""Reference entities with their records, and asset families with their assets (CONTRACTS A4, A5, A7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_engine_sandbox.pim.calls import ApiCall, Handler, Reply, collection, written
from sync_engine_sandbox.pim.errors import not_found, refused, unknown_property
from sync_engine_sandbox.pim.linked_search import item_filters
from sync_engine_sandbox.pim.paging import BASE, HOST, Paging, cursor_envelope, linked
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entity:
    """One of the two kinds of linked data.

    Args:
        path: of the entities, below ``/api/rest/v1/``.
        items: last part of the path of an entity's items: ``records`` or ``assets``.
        table: of the items.
        attributes: table of the items' attributes.
        options: table of the options of those attributes.
        media: path of their media files.
        media_type: the type of the attributes that hold a media file.
        defaults: the properties of an entity.
    """

    path: str
    items: str
    table: str
    attributes: str
    options: str
    media: str
    media_type: str
    defaults: Json


RECORDS = Entity(
    "reference-entities",
    "records",
    "reference-entity-records",
    "reference-entity-attributes",
    "reference-entity-attribute-options",
    "reference-entities-media-files",
    "image",
    {"labels": {}, "image": None},
)
ASSETS = Entity(
    "asset-families",
    "assets",
    "assets",
    "asset-attributes",
    "asset-attribute-options",
    "asset-media-files",
    "media_file",
    {
        "labels": {},
        "attribute_as_main_media": None,
        "naming_convention": {},
        "product_link_rules": [],
        "transformations": [],
    },
)


def list_entities(entity: Entity) -> Handler:
    """The handler of the list of reference entities or asset families."""

    def handle(call: ApiCall) -> Reply:
        rows = [_shown_entity(entity, row) for row in call.state.table(entity.path).values()]
        return _cursor_page(call, rows)

    return handle


def get_entity(entity: Entity) -> Handler:
    """The handler of one reference entity or asset family."""
    return lambda call: Reply(_shown_entity(entity, _owner(entity, call)))


def patch_entity(entity: Entity) -> Handler:
    """The handler that changes or creates a reference entity or asset family."""

    def handle(call: ApiCall) -> Reply:
        code = call.keys["owner"]
        created = _merge(call.state, (entity.path,), code, call.object(), entity.defaults)
        return written(call.path, created=created)

    return handle


def list_attributes(entity: Entity) -> Handler:
    """The handler of an entity's attributes: a plain array."""

    def handle(call: ApiCall) -> Reply:
        _owner(entity, call)
        return Reply(list(call.state.table(entity.attributes, call.keys["owner"]).values()))

    return handle


def get_attribute(entity: Entity) -> Handler:
    """The handler of one attribute of an entity."""
    return lambda call: Reply(_attribute(entity, call))


def list_options(entity: Entity) -> Handler:
    """The handler of the options of an entity's attribute: a plain array."""

    def handle(call: ApiCall) -> Reply:
        _attribute(entity, call)
        return Reply(list(call.state.table(entity.options, call.keys["owner"], call.keys["attribute"]).values()))

    return handle


def get_option(entity: Entity) -> Handler:
    """The handler of one option of an entity's attribute."""

    def handle(call: ApiCall) -> Reply:
        _attribute(entity, call)
        options = call.state.table(entity.options, call.keys["owner"], call.keys["attribute"])
        if call.keys["code"] not in options:
            raise not_found(call.keys["code"])
        return Reply(options[call.keys["code"]])

    return handle


def patch_part(entity: Entity, *, option: bool) -> Handler:
    """The handler that changes or creates an attribute of an entity, or an option of such an attribute."""

    def handle(call: ApiCall) -> Reply:
        _owner(entity, call)
        owner, code = call.keys["owner"], call.keys["code" if option else "attribute"]
        name = (entity.options, owner, call.keys["attribute"]) if option else (entity.attributes, owner)
        return written(call.path, created=_merge(call.state, name, code, call.object(), None))

    return handle


def list_items(entity: Entity) -> Handler:
    """The handler of an entity's records, or a family's assets."""

    def handle(call: ApiCall) -> Reply:
        _owner(entity, call)
        rows = list(call.state.table(entity.table, call.keys["owner"]).values())
        for keeps in item_filters(call, entity.table, entity.attributes):
            rows = [row for row in rows if keeps(row)]
        return _cursor_page(call, [_shown_item(entity, call, row) for row in rows])

    return handle


def get_item(entity: Entity) -> Handler:
    """The handler of one record or asset."""

    def handle(call: ApiCall) -> Reply:
        _owner(entity, call)
        row = call.state.table(entity.table, call.keys["owner"]).get(call.keys["code"])
        if row is None:
            raise not_found(call.keys["code"])
        return Reply(_shown_item(entity, call, row))

    return handle


def patch_item(entity: Entity) -> Handler:
    """The handler that changes or creates one record or asset."""

    def handle(call: ApiCall) -> Reply:
        _owner(entity, call)
        return written(call.path, created=_write_item(entity, call, call.keys["code"], call.object()))

    return handle


def patch_items(entity: Entity) -> Handler:
    """The handler that changes or creates an array of records or assets."""

    def handle(call: ApiCall) -> Reply:
        _owner(entity, call)
        return collection(call.body, lambda code, body: 201 if _write_item(entity, call, code, body) else 204)

    return handle


def delete_item(entity: Entity) -> Handler:
    """The handler that deletes one record or asset."""

    def handle(call: ApiCall) -> Reply:
        name = (entity.table, call.keys["owner"])
        if call.keys["code"] not in call.state.table(*name):
            raise not_found(call.keys["code"])
        call.state.delete_row(name, call.keys["code"])
        return Reply(status=204)

    return handle


def _cursor_page(call: ApiCall, rows: list[Json]) -> Reply:
    paging = Paging(call.state.settings.linked_page, None, search_after=call.query.get("search_after", ""))
    rest = sorted((row for row in rows if row["code"] > paging.search_after), key=lambda row: row["code"])
    page = rest[: paging.limit]
    items = [linked(f"{call.path}/{row['code']}", row) for row in page]
    return Reply(cursor_envelope(call.path, call.query, paging, items, page[-1]["code"] if page else None))


def _owner(entity: Entity, call: ApiCall) -> Json:
    row = call.state.table(entity.path).get(call.keys["owner"])
    if row is None:
        raise not_found(call.keys["owner"])
    return row


def _attribute(entity: Entity, call: ApiCall) -> Json:
    _owner(entity, call)
    row = call.state.table(entity.attributes, call.keys["owner"]).get(call.keys["attribute"])
    if row is None:
        raise not_found(call.keys["attribute"])
    return row


def _shown_entity(entity: Entity, row: Json) -> Json:
    if not row.get("image"):
        return row
    return {"_links": {"image_download": {"href": f"{HOST}{BASE}/{entity.media}/{row['image']}"}}, **row}


def _shown_item(entity: Entity, call: ApiCall, row: Json) -> Json:
    attributes = call.state.table(entity.attributes, call.keys["owner"])
    channel, locales = call.query.get("channel"), call.query.get("locales")
    wanted = set(locales.split(",")) if locales else None
    values = {}
    for code, entries in row["values"].items():
        kept = [
            entry
            for entry in entries
            if (channel is None or entry["channel"] in {None, channel})
            and (wanted is None or entry["locale"] is None or entry["locale"] in wanted)
        ]
        if attributes.get(code, {}).get("type") == entity.media_type:
            kept = [{**entry, "_links": _download(entity, entry["data"])} for entry in kept]
        if kept:
            values[code] = kept
    return {**row, "values": values}


def _download(entity: Entity, code: str) -> Json:
    return {"download": {"href": f"{HOST}{BASE}/{entity.media}/{code}"}}


def _write_item(entity: Entity, call: ApiCall, code: str, body: Json) -> bool:
    for prop in body:
        if prop not in {"code", "values", "created", "updated"}:
            raise unknown_property(prop)
    name = (entity.table, call.keys["owner"])
    before = call.state.table(*name).get(code)
    values = dict(before["values"]) if before else {}
    attributes = call.state.table(entity.attributes, call.keys["owner"])
    for attribute, entries in (body.get("values") or {}).items():
        if attribute not in attributes:
            raise refused(f'The attribute "{attribute}" does not exist.')
        kept = {(entry["locale"], entry["channel"]): entry for entry in values.get(attribute, ())}
        for entry in entries:
            place = (entry.get("locale"), entry.get("channel"))
            kept.pop(place, None)
            if entry.get("data") not in (None, "", []):
                kept[place] = {"locale": place[0], "channel": place[1], "data": entry["data"]}
        values[attribute] = list(kept.values())
    values = {attribute: entries for attribute, entries in values.items() if entries}
    if before is not None and before["values"] == values:
        return False
    now = call.state.now_text()
    created = (before or {}).get("created", now)
    call.state.put_row(name, {"code": code, "values": values, "created": created, "updated": now})
    return before is None


def _merge(state: PimState, name: tuple[str, ...], code: str, body: Json, defaults: Json | None) -> bool:
    if body.get("code", code) != code:
        raise refused(f'The code provided in the URI ("{code}") must match the one of the body.')
    before = state.table(*name).get(code)
    row = {"code": code, **(defaults or {"labels": {}}), **(before or {})}
    for prop, value in body.items():
        if defaults is not None and prop not in row:
            raise unknown_property(prop)
        both = isinstance(row.get(prop), dict) and isinstance(value, dict)
        row[prop] = {**row[prop], **value} if both else value
    if row != before:
        state.put_row(name, row)
    return before is None
