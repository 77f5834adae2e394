"""Reading products and product models (CONTRACTS A3 to A7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sync_engine_sandbox.pim.calls import ApiCall, Reply
from sync_engine_sandbox.pim.completeness import completenesses, quality_scores
from sync_engine_sandbox.pim.errors import ApiError, not_found, refused
from sync_engine_sandbox.pim.fields import Predicate
from sync_engine_sandbox.pim.paging import (
    Paging,
    check_depth,
    cursor_envelope,
    href,
    offset_envelope,
    read_paging,
)
from sync_engine_sandbox.pim.search import (
    check_activated,
    check_locales,
    check_size,
    compile_search,
    narrowed,
    read_search,
)
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.pim.store import EntityStore
from sync_engine_sandbox.pim.values import Reduction, reduce_values

Json = dict[str, Any]
UUIDS, IDENTIFIERS, MODELS = "products-uuid", "products", "product-models"
_SEARCH_BODY = ("search", "scope", "locales", "attributes", "search_locale", "search_scope", "with_attribute_options")


def list_entities(call: ApiCall) -> Reply:
    """One page of products or product models, by the query's parameters."""
    return _page(call, call.query, call.query)


def search_products(call: ApiCall) -> Reply:
    """``POST /products-uuid/search``: the paging is in the query, the rest in the body."""
    body = call.object()
    asked: dict[str, str] = {}
    for name in (*_SEARCH_BODY, "with_completenesses", "with_quality_scores", "with_quality_scores__products"):
        value = body.get(name)
        if value is not None:
            asked[name.removesuffix("__products")] = _as_parameter(value)
    check_size(read_search(asked.get("search")), _codes(asked.get("attributes")) or [])
    return _page(call, {**call.query, **asked}, call.query)


def get_product(call: ApiCall) -> Reply:
    """One product by its uuid."""
    product = call.state.products.get(call.keys["uuid"].lower())
    if product is None:
        raise not_found(call.keys["uuid"])
    return Reply(_decorated(call.state, product, _reduction(call.query), UUIDS))


def get_by_identifier(call: ApiCall) -> Reply:
    """One product by its main identifier."""
    product = by_identifier(call.state, call.keys["identifier"])
    if product is None:
        raise not_found(call.keys["identifier"])
    return Reply(_decorated(call.state, product, _reduction(call.query), IDENTIFIERS))


def get_model(call: ApiCall) -> Reply:
    """One product model by its code."""
    model = call.state.models.get(call.keys["code"])
    if model is None:
        raise not_found(call.keys["code"])
    return Reply(_decorated(call.state, model, _reduction(call.query), MODELS))


def by_identifier(state: PimState, identifier: str) -> Json | None:
    """The product with a main identifier; the database compares without case."""
    uuid = state.identifiers.get(identifier.casefold())
    return state.products.get(uuid) if uuid else None


def _page(call: ApiCall, asked: Mapping[str, str], repeated: Mapping[str, str]) -> Reply:
    state, kind = call.state, call.path.split("/")[0]
    paging = read_paging(asked, search_after=True)
    check_depth(paging)
    reduction = _reduction(asked)
    _check(state, reduction, asked)
    store = state.models if kind == MODELS else state.products
    search = read_search(asked.get("search"))
    if reduction.scope is not None and "categories" not in search:
        tree = state.table("channels")[reduction.scope]["category_tree"]
        search = {**search, "categories": [{"operator": "IN CHILDREN", "value": [tree]}]}
    check_locales(state, search, asked.get("search_locale"))
    filters = compile_search(
        state,
        search,
        models=kind == MODELS,
        locale=asked.get("search_locale"),
        scope=asked.get("search_scope"),
    )
    keys = None if kind == MODELS else narrowed(state, search)
    found = list(_slice(state, store, keys, filters, paging))
    items = [_listed(state, store.by_key[key], reduction, kind) for key in found]
    if paging.page is None:
        return Reply(cursor_envelope(call.path, repeated, paging, items, found[-1] if found else None))
    count = sum(1 for _ in _matches(state, store, keys, filters, "")) if paging.with_count else None
    return Reply(offset_envelope(call.path, repeated, paging, items, count))


def _slice(
    state: PimState, store: EntityStore, keys: list[str] | None, filters: list[Predicate], paging: Paging
) -> Iterator[str]:
    matches = _matches(state, store, keys, filters, paging.search_after)
    start = ((paging.page or 1) - 1) * paging.limit
    return islice(matches, start, start + paging.limit)


def _matches(
    state: PimState, store: EntityStore, keys: list[str] | None, filters: list[Predicate], cursor: str
) -> Iterator[str]:
    now = state.settings.clock()
    for key in store.keys_after(cursor) if keys is None else (key for key in keys if key > cursor):
        entity = store.indexed(key, now)
        if entity is not None and all(passes(entity) for passes in filters):
            yield key


def _reduction(asked: Mapping[str, str]) -> Reduction:
    attributes, locales = _codes(asked.get("attributes")), _codes(asked.get("locales"))
    return Reduction(
        attributes=None if attributes is None else frozenset(attributes),
        locales=None if locales is None else frozenset(locales),
        scope=asked.get("scope") or None,
        options=asked.get("with_attribute_options") == "true",
        completenesses=asked.get("with_completenesses") == "true",
        quality_scores=asked.get("with_quality_scores") == "true",
    )


def _check(state: PimState, reduction: Reduction, asked: Mapping[str, str]) -> None:
    unknown = [code for code in _codes(asked.get("attributes")) or () if code not in state.table("attributes")]
    if len(unknown) > 1:
        raise refused(f'Attributes "{", ".join(unknown)}" do not exist.')
    if unknown:
        raise refused(f'Attribute "{unknown[0]}" does not exist.')
    channel = state.table("channels").get(reduction.scope or "")
    if reduction.scope is not None and channel is None:
        raise refused(f'Scope "{reduction.scope}" does not exist.')
    locales = _codes(asked.get("locales")) or []
    check_activated(state, locales)
    foreign = [code for code in locales if channel is not None and code not in channel["locales"]]
    if foreign:
        subject = f'Locales "{", ".join(foreign)}" are' if len(foreign) > 1 else f'Locale "{foreign[0]}" is'
        raise refused(f'{subject} not activated for the scope "{reduction.scope}".')


def _listed(state: PimState, entity: Json, reduction: Reduction, kind: str) -> Json:
    key = {UUIDS: "uuid", MODELS: "code"}.get(kind)
    name = entity[key] if key else state.identifier_of(entity) or ""
    return {"_links": {"self": href(f"{kind}/{name}")}, **_decorated(state, entity, reduction, kind)}


def _decorated(state: PimState, entity: Json, reduction: Reduction, kind: str) -> Json:
    shown = entity
    locales = reduction.locales
    if reduction.scope is not None and locales is None:
        locales = frozenset(state.table("channels")[reduction.scope]["locales"])
    if not reduction.keeps_values:
        wanted = Reduction(reduction.attributes, locales, reduction.scope, reduction.options)
        shown = {**shown, "values": reduce_values(state, entity["values"], wanted)}
    if kind == IDENTIFIERS:
        shown = _with_identifiers(state, shown, state.identifier_of(entity))
    if reduction.quality_scores:
        shown = {**shown, "quality_scores": quality_scores(state, entity, reduction.scope, locales)}
    if reduction.completenesses and kind != MODELS:
        shown = {**shown, "completenesses": completenesses(state, entity, reduction.scope, locales)}
    return shown


def _with_identifiers(state: PimState, product: Json, identifier: str | None) -> Json:
    rest = {name: value for name, value in product.items() if name != "uuid"}
    rest["associations"] = {
        kind: {**sides, "products": [_identifier(state, uuid) for uuid in sides.get("products", ())]}
        for kind, sides in product["associations"].items()
    }
    rest["quantified_associations"] = {
        kind: {
            **sides,
            "products": [
                {"identifier": _identifier(state, link["uuid"]), "quantity": link["quantity"]}
                for link in sides.get("products", ())
            ],
        }
        for kind, sides in product["quantified_associations"].items()
    }
    return {"uuid": product["uuid"], "identifier": identifier, **rest}


def _identifier(state: PimState, uuid: str) -> str | None:
    product = state.products.get(uuid)
    return state.identifier_of(product) if product else None


def _codes(text: str | None) -> list[str] | None:
    return None if text is None else [code.strip() for code in text.split(",")]


def _as_parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if not isinstance(value, str):
        raise ApiError(422, "Search query parameter has to be a string.")
    return value
