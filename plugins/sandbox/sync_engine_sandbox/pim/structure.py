"""Families, attributes, options, categories, channels and the like: one set of handlers over a table of resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sync_engine_sandbox.pim.calls import ApiCall, Handler, Reply, batch, collection, written
from sync_engine_sandbox.pim.categories import tree_order
from sync_engine_sandbox.pim.errors import (
    ApiError,
    invalid,
    not_found,
    php_type,
    refused,
    unexpected,
    unknown_property,
)
from sync_engine_sandbox.pim.paging import linked, offset_envelope, read_paging
from sync_engine_sandbox.pim.search import read_search
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.pim.structure_search import OPERATORS, structure_filter

Json = dict[str, Any]
Order = Callable[[PimState, list[Json]], list[Json]]


def _by_code(_state: PimState, rows: list[Json]) -> list[Json]:
    return sorted(rows, key=lambda row: row["code"])


def _by_sort_order(_state: PimState, rows: list[Json]) -> list[Json]:
    return sorted(rows, key=lambda row: (row.get("sort_order") or 0, row["code"]))


def _by_tree(state: PimState, _rows: list[Json]) -> list[Json]:
    return tree_order(state)


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of row that the API lists.

    Args:
        path: of the list, below ``/api/rest/v1/``; a ``{…}`` part names the owner.
        table: first part of the table's name; the owner is the second.
        owner: the table in which the owner must exist; None when there is none.
        defaults: the properties a row has, with what a new row gets.
        filters: the properties that ``search`` takes; empty when the list takes none.
        order: how the list is sorted.
        optional: properties shown only when a query parameter asks, by that parameter.
    """

    path: str
    table: str
    owner: str | None = None
    defaults: Json = field(default_factory=dict)
    filters: frozenset[str] = frozenset()
    order: Order = _by_code
    optional: dict[str, str] = field(default_factory=dict)

    def name(self, call: ApiCall) -> tuple[str, ...]:
        """The name of the table that a call means.

        Raises:
            ApiError: 404, the owner does not exist.
        """
        if self.owner is None:
            return (self.table,)
        code = call.keys["owner"]
        if code not in call.state.table(self.owner):
            raise not_found(code)
        return (self.table, code)

    def shown(self, call: ApiCall, row: Json) -> Json:
        """A row with the optional properties that the call asks for, and without the others."""
        hidden = {name for parameter, name in self.optional.items() if call.query.get(parameter) != "true"}
        if row.get("table_configuration") and call.query.get("with_table_select_options") != "true":
            columns = [{key: each[key] for key in each if key != "options"} for each in row["table_configuration"]]
            row = {**row, "table_configuration": columns}
        return {key: value for key, value in row.items() if key not in hidden} if hidden & row.keys() else row


FAMILIES = Resource(
    "families",
    "families",
    defaults={
        "attributes": [],
        "attribute_as_label": None,
        "attribute_as_image": None,
        "attribute_requirements": {},
        "labels": {},
        "parent": None,
    },
    filters=frozenset({"code", "updated", "has_products"}),
)
VARIANTS = Resource(
    "families/{owner}/variants",
    "family-variants",
    "families",
    defaults={"labels": {}, "variant_attribute_sets": [], "common_attributes": []},
)
ATTRIBUTES = Resource(
    "attributes",
    "attributes",
    defaults={
        "type": None,
        "group": "other",
        "unique": False,
        "useable_as_grid_filter": False,
        "allowed_extensions": [],
        "metric_family": None,
        "default_metric_unit": None,
        "reference_data_name": None,
        "available_locales": [],
        "max_characters": None,
        "validation_rule": None,
        "validation_regexp": None,
        "wysiwyg_enabled": None,
        "number_min": None,
        "number_max": None,
        "decimals_allowed": None,
        "negative_allowed": None,
        "date_min": None,
        "date_max": None,
        "max_file_size": None,
        "minimum_input_length": None,
        "sort_order": 0,
        "localizable": False,
        "scopable": False,
        "labels": {},
        "auto_option_sorting": None,
        "default_value": None,
        "group_labels": {},
        "table_configuration": [],
        "is_main_identifier": False,
        "is_mandatory": False,
        "decimal_places_strategy": None,
        "decimal_places": None,
    },
    filters=frozenset({"code", "updated", "type", "is_main_identifier"}),
)
OPTIONS = Resource(
    "attributes/{owner}/options",
    "attribute-options",
    "attributes",
    defaults={"attribute": None, "sort_order": 0, "labels": {}},
    order=_by_sort_order,
)
GROUPS = Resource(
    "attribute-groups",
    "attribute-groups",
    defaults={"sort_order": 0, "attributes": [], "labels": {}},
    filters=frozenset({"code", "updated"}),
)
TYPES = Resource(
    "association-types", "association-types", defaults={"labels": {}, "is_quantified": False, "is_two_way": False}
)
CHANNELS = Resource(
    "channels",
    "channels",
    defaults={"currencies": [], "locales": [], "category_tree": None, "conversion_units": {}, "labels": {}},
)
CATEGORIES = Resource(
    "categories",
    "categories",
    defaults={"parent": None, "updated": None, "position": 1, "labels": {}},
    filters=frozenset({"code", "parent", "is_root", "updated"}),
    order=_by_tree,
    optional={
        "with_position": "position",
        "with_enriched_attributes": "values",
    },
)
LOCALES = Resource("locales", "locales", filters=frozenset({"enabled"}))
CURRENCIES = Resource("currencies", "currencies", filters=frozenset({"enabled"}))
WRITABLE = (FAMILIES, VARIANTS, ATTRIBUTES, OPTIONS, GROUPS, TYPES, CHANNELS, CATEGORIES)
READABLE = (LOCALES, CURRENCIES)


def lister(resource: Resource) -> Handler:
    """The handler of a resource's list."""

    def handle(call: ApiCall) -> Reply:
        paging = read_paging(call.query)
        name = resource.name(call)
        rows = resource.order(call.state, list(call.state.table(*name).values()))
        for prop, criteria in read_search(call.query.get("search")).items():
            for criterion in criteria:
                if prop not in resource.filters or criterion["operator"] not in OPERATORS[prop]:
                    operator = criterion["operator"]
                    raise refused(
                        f'Filter on property "{prop}" is not supported or does not support operator "{operator}"'
                    )
                keeps = structure_filter(call.state, name, prop, criterion)
                rows = [row for row in rows if keeps(row)]
        start = ((paging.page or 1) - 1) * paging.limit
        page = rows[start : start + paging.limit]
        items = [linked(f"{call.path}/{row['code']}", resource.shown(call, row)) for row in page]
        return Reply(offset_envelope(call.path, call.query, paging, items, len(rows)))

    return handle


def getter(resource: Resource) -> Handler:
    """The handler of one row."""

    def handle(call: ApiCall) -> Reply:
        row = call.state.table(*resource.name(call)).get(call.keys["code"])
        if row is None and resource is CATEGORIES:
            raise ApiError(404, f"Category '{call.keys['code']}' does not exist.")
        if row is None:
            raise not_found(call.keys["code"])
        return Reply(resource.shown(call, row))

    return handle


def poster(resource: Resource) -> Handler:
    """The handler that creates one row."""

    def handle(call: ApiCall) -> Reply:
        body, name = call.object(), resource.name(call)
        code = body.get("code")
        if not isinstance(code, str) or not code:
            raise invalid({"property": "code", "message": "This value should not be blank."})
        if code in call.state.table(*name):
            raise invalid({"property": "code", "message": "This value is already used."})
        write(call.state, resource, name, code, body)
        return written(f"{call.path}/{code}", created=True)

    return handle


def patcher(resource: Resource) -> Handler:
    """The handler that changes one row, or creates it."""

    def handle(call: ApiCall) -> Reply:
        created = write(call.state, resource, resource.name(call), call.keys["code"], call.object())
        return written(call.path, created=created)

    return handle


def batcher(resource: Resource) -> Handler:
    """The handler that writes one row a line."""

    def handle(call: ApiCall) -> Reply:
        name = resource.name(call)

        def write_line(code: str, body: Json) -> int:
            return 201 if write(call.state, resource, name, code, body) else 204

        return batch(call.body, "code", write_line)

    return handle


def list_measurements(call: ApiCall) -> Reply:
    """All measurement families, as a plain array."""
    return Reply(_by_code(call.state, list(call.state.table("measurement-families").values())))


def write_measurements(call: ApiCall) -> Reply:
    """Write an array of measurement families."""
    resource = Resource(
        "measurement-families",
        "measurement-families",
        defaults={"labels": {}, "standard_unit_code": None, "units": {}},
    )

    def write_item(code: str, body: Json) -> int:
        return 201 if write(call.state, resource, ("measurement-families",), code, body) else 204

    return collection(call.body, write_item)


def write(state: PimState, resource: Resource, name: tuple[str, ...], code: str, body: Json) -> bool:
    """Merge a body into a row, or create the row: objects merge, all else replaces (CONTRACTS A4).

    Returns:
        Whether the row was created.

    Raises:
        ApiError: 422, the body breaks a rule.
    """
    if body.get("code", code) != code:
        raise refused(
            f'The code "{body["code"]}" provided in the request body must match the code "{code}" provided in the url.'
        )
    before = state.table(*name).get(code)
    row = merged(before or {"code": code, **resource.defaults}, body, resource.defaults.keys())
    if resource is OPTIONS:
        row["attribute"] = name[1]
    _check_references(state, resource, row)
    if row == before:
        return False
    if "updated" in resource.defaults:
        row["updated"] = state.now_text()
    if resource is CATEGORIES and (before is None or before["parent"] != row["parent"]):
        siblings = [other for other in state.table(*name).values() if other["parent"] == row["parent"]]
        row["position"] = len(siblings) + 1
    state.put_row(name, row)
    return before is None


def merged(row: Json, body: Json, known: Any) -> Json:
    """A row with a body merged in. The row is not touched.

    Raises:
        ApiError: 422, the body has an unknown property, or null where an object or a list is needed.
    """
    result = dict(row)
    for prop, value in body.items():
        if prop not in known and prop not in row:
            raise unknown_property(prop)
        current = row.get(prop)
        if isinstance(current, dict | list) and not isinstance(value, dict | list):
            raise unexpected(f'Property "{prop}" expects an array as data, "{php_type(value)}" given.')
        if isinstance(current, dict) and isinstance(value, dict):
            both = {**current, **value}
            result[prop] = {key: item for key, item in both.items() if prop != "labels" or item}
        elif prop != "updated":
            result[prop] = value if not (isinstance(current, dict) and value == []) else current
    return result


def _check_references(state: PimState, resource: Resource, row: Json) -> None:
    if resource is CATEGORIES and row["parent"] is not None and row["parent"] not in state.table("categories"):
        raise unexpected(f"The {row['parent']} category does not exist in your PIM.")
    if resource is ATTRIBUTES and not row["type"]:
        raise invalid({"property": "type", "message": "This value should not be blank."})
    if resource is FAMILIES:
        for code in row["attributes"]:
            if code not in state.table("attributes"):
                raise unexpected(f'Property "attributes" expects a valid attribute code. "{code}" given.')
