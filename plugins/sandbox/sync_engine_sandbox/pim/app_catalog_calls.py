"""The calls below ``/catalogs`` (CONTRACTS A9), for apps only: a connection has no permission for them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sync_engine_sandbox.pim.app_catalogs import MAX_CATALOGS, new_catalog, selected, set_up, settle, visible
from sync_engine_sandbox.pim.calls import ApiCall, Reply, json_object
from sync_engine_sandbox.pim.errors import ApiError, invalid, unexpected
from sync_engine_sandbox.pim.mapping_schema import check_schema, mapped
from sync_engine_sandbox.pim.paging import Paging, cursor_envelope, offset_envelope
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]
READ, WRITE, DELETE, PRODUCTS = "read_catalogs", "write_catalogs", "delete_catalogs", "read_products"
_DENIED = {
    READ: "access app catalogs",
    WRITE: "edit app catalogs",
    DELETE: "delete app catalogs",
    PRODUCTS: "access products",
}
LONGEST_NAME = 255
MOST_PRODUCTS = 1000
MOST_MAPPED = 100


def list_catalogs(call: ApiCall) -> Reply:
    """The app's catalogs, page by page, in the order of their making."""
    _may(call, READ)
    paging = Paging(_limit(call, MOST_MAPPED), _number(call, "page", 1, 1_000_000))
    rows = [settle(call.state, each) for each in call.state.app_catalogs.values()]
    start = ((paging.page or 1) - 1) * paging.limit
    items = [_shown(each) for each in rows[start : start + paging.limit]]
    return Reply(offset_envelope(call.path, call.query, paging, items, None))


def post_catalog(call: ApiCall) -> Reply:
    """Make a catalog; it starts disabled."""
    _may(call, WRITE)
    name, locales, currencies = _properties(call, call.object(), {})
    return Reply(_shown(_new(call.state, name, locales, currencies)), 201)


def duplicate_catalog(call: ApiCall) -> Reply:
    """A copy, disabled, with the selection, the schema and the mapping of the first."""
    _may(call, WRITE)
    row = _catalog(call)
    body = json_object(call.body) if call.body else {}
    name, locales, currencies = _properties(call, body, row)
    copy = _new(call.state, name, locales, currencies)
    copy |= {key: row[key] for key in row if key.startswith("_")}
    return Reply(_shown(copy), 201)


def get_catalog(call: ApiCall) -> Reply:
    """One catalog."""
    _may(call, READ)
    return Reply(_shown(_catalog(call)))


def patch_catalog(call: ApiCall) -> Reply:
    """Change its name, or what it manages; nothing enables it from here."""
    _may(call, WRITE)
    row = _catalog(call)
    row["name"], row["managed_locales"], row["managed_currencies"] = _properties(call, call.object(), row)
    return Reply(_shown(row))


def delete_catalog(call: ApiCall) -> Reply:
    """Delete it."""
    _may(call, DELETE)
    del call.state.app_catalogs[_catalog(call)["id"]]
    return Reply(status=204)


def put_schema(call: ApiCall) -> Reply:
    """Put a schema in the place of the one before; what was mapped to targets that are gone is forgotten."""
    _may(call, WRITE)
    row, schema = _catalog(call), call.object()
    check_schema(schema)
    kept = schema.get("properties", {})
    row["_schema"] = schema
    row["_mapping"] = {name: each for name, each in row["_mapping"].items() if name in kept}
    return Reply(status=201)


def get_schema(call: ApiCall) -> Reply:
    """The schema as it was put."""
    _may(call, READ)
    return Reply(_schema(_catalog(call)))


def delete_schema(call: ApiCall) -> Reply:
    """Take the schema away, and with it what was mapped."""
    _may(call, WRITE)
    row = _catalog(call)
    _schema(row)
    row["_schema"], row["_mapping"] = None, {}
    return Reply(status=204)


def list_uuids(call: ApiCall) -> Reply:
    """Keys of the selected products: bare texts."""
    return _products(call, MOST_PRODUCTS, lambda keys, _row: list(keys))


def list_products(call: ApiCall) -> Reply:
    """The selected products, with the values that the catalog lets the app see."""
    by_key = call.state.products.by_key
    return _products(call, MOST_PRODUCTS, lambda keys, row: [visible(row, by_key[key]) for key in keys])


def list_mapped(call: ApiCall) -> Reply:
    """The selected products in the shape of the schema."""
    state = call.state
    return _products(
        call,
        MOST_MAPPED,
        lambda keys, row: [mapped(state, row["_schema"], row["_mapping"], state.products.by_key[key]) for key in keys],
        with_schema=True,
    )


def get_product(call: ApiCall) -> Reply:
    """One selected product."""
    return _product(call, lambda row, product: visible(row, product))


def get_mapped(call: ApiCall) -> Reply:
    """One selected product in the shape of the schema."""
    return _product(
        call,
        lambda row, product: mapped(call.state, row["_schema"], row["_mapping"], product),
        with_schema=True,
    )


def set_up_catalog(state: PimState, identifier: str, body: bytes) -> None:
    """What a person does at the PIM's screen, from a JSON body; see ``app_catalogs.set_up``.

    Raises:
        ApiError: 404 or 422.
    """
    try:
        set_up(state, identifier, **json_object(body))
    except KeyError:
        raise _unknown(identifier) from None
    except (ValueError, TypeError) as error:
        raise ApiError(422, str(error)) from error


def _products(call: ApiCall, most: int, make: Any, *, with_schema: bool = False) -> Reply:
    _may(call, READ, PRODUCTS)
    row = _catalog(call)
    limit, cursor = _limit(call, most), call.query.get("search_after", "")
    if cursor and not _is_uuid(cursor):
        raise invalid({"property": "searchAfter", "message": "This value is not a valid UUID."})
    bounds = (_moment(call, "updated_after"), _moment(call, "updated_before"))
    if (refusal := _unreadable(row, with_schema=with_schema)) is not None:
        return refusal
    keys = list(islice(selected(call.state, row, cursor, *bounds), limit))
    paging = Paging(limit, None, search_after=cursor)
    envelope = cursor_envelope(call.path, call.query, paging, make(keys, row), keys[-1] if keys else None)
    if call.query.get("with_count") == "true":
        envelope["items_count"] = sum(1 for _ in selected(call.state, row, "", *bounds))
    return Reply(envelope)


def _product(call: ApiCall, make: Any, *, with_schema: bool = False) -> Reply:
    _may(call, READ, PRODUCTS)
    row, uuid = _catalog(call), call.keys["uuid"].lower()
    if (refusal := _unreadable(row, with_schema=with_schema)) is not None:
        return refusal
    if uuid not in selected(call.state, row):
        raise ApiError(
            404,
            f'Either catalog "{row["id"]}" does not exist or you can\'t access it, '
            f'or product "{uuid}" does not exist or you do not have permission to access it.',
        )
    return Reply(make(row, call.state.products.by_key[uuid]))


def _unreadable(row: Json, *, with_schema: bool) -> Reply | None:
    """What stands in the place of products: status 200, and nothing but an error."""
    if not row["enabled"]:
        return Reply(
            {
                "error": f'No products to synchronize. The catalog "{row["id"]}" has been disabled on the PIM side. '
                "Note that you can get catalogs status with the GET /api/rest/v1/catalogs endpoint."
            }
        )
    if with_schema and row["_schema"] is None:
        return Reply({"error": "Impossible to map products: no product mapping schema available for this catalog."})
    return None


def _may(call: ApiCall, *scopes: str) -> None:
    app = call.state.tokens.connection(call.authorization) == "app"
    for scope in scopes:
        if not app or scope not in call.state.settings.app_scopes:
            raise ApiError(403, f"Access forbidden. You are not allowed to {_DENIED[scope]}.")


def _catalog(call: ApiCall) -> Json:
    row = call.state.app_catalogs.get(call.keys["id"].lower())
    if row is None:
        raise _unknown(call.keys["id"])
    return settle(call.state, row)


def _unknown(identifier: str) -> ApiError:
    return ApiError(404, f'Catalog "{identifier}" does not exist or you can\'t access it.')


def _schema(row: Json) -> Json:
    if row["_schema"] is None:
        raise ApiError(404, f'Catalog "{row["id"]}" has not any mapping schema.')
    schema: Json = row["_schema"]
    return schema


def _shown(row: Json) -> Json:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _new(state: PimState, name: str, locales: list[str], currencies: list[str]) -> Json:
    if len(state.app_catalogs) >= MAX_CATALOGS:
        raise invalid({"property": "", "message": f"You can create up to {MAX_CATALOGS} catalogs per app."})
    return new_catalog(state, name, locales, currencies)


def _properties(call: ApiCall, body: Json, before: Json) -> tuple[str, list[str], list[str]]:
    """Name, managed locales and managed currencies of a body; what it does not say stays."""
    name = body.get("name", before.get("name"))
    if not isinstance(name, str) or not name.strip():
        raise invalid({"property": "name", "message": "This value should not be blank."})
    if len(name) > LONGEST_NAME:
        text = f"This value is too long. It should have {LONGEST_NAME} characters or less."
        raise invalid({"property": "name", "message": text})
    tables = {"managed_locales": "locales", "managed_currencies": "currencies"}
    managed = []
    for key, table in tables.items():
        codes = body.get(key, before.get(key, []))
        if not isinstance(codes, list):
            raise unexpected(f'Property "{key}" expects an array.')
        known = call.state.table(table)
        unknown = [each for each in codes if not known.get(each, {}).get("enabled")]
        if unknown:
            message = f'"{unknown[0]}" does not exist or is not activated.'
            raise invalid({"property": key, "message": message})
        managed.append(codes)
    return name, managed[0], managed[1]


def _limit(call: ApiCall, most: int) -> int:
    return _number(call, "limit", MOST_MAPPED, most)


def _number(call: ApiCall, name: str, default: int, most: int) -> int:
    text = call.query.get(name, str(default))
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= value <= most:
        raise invalid({"property": name, "message": f"This value should be between 1 and {most}."})
    return value


def _moment(call: ApiCall, name: str) -> str:
    text = call.query.get(name, "")
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
    except ValueError:
        start, _, end = name.partition("_")
        message = "This value is not a valid datetime."
        raise invalid({"property": start + end.capitalize(), "message": message}) from None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
