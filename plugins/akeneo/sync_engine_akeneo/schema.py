"""The PIM's structure as a ``SourceSchema``."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal

from sync_engine.sdk.errors import Refused, Unauthorised
from sync_engine.sdk.source import Attribute, Channel, Option, RecordCollection, SourceSchema, Unit, UnitFamily
from sync_engine_akeneo.attributes import Attributes, read_options
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import COLLECTIONS
from sync_engine_akeneo.paging import listing
from sync_engine_akeneo.records import labels
from sync_engine_akeneo.values import number
from sync_engine_akeneo.wire import Malformed, elements, members, text, texts

_OPERATIONS = ("add", "sub", "mul", "div")


def read_schema(
    client: PimClient, attributes: Attributes, codes: Collection[str] | None, labelled: Collection[str] = ()
) -> SourceSchema:
    """Read the structure.

    Args:
        client: makes the calls.
        attributes: knows the attributes.
        codes: attributes and properties that are needed; None means everything.
        labelled: those of them for which the labels of the records that they link to are needed.

    Raises:
        Unavailable, Unauthorised, Refused, BrokenContract: it could not be read completely.
    """
    wanted = None if codes is None else set(codes) - COLLECTIONS["products"].properties.keys()
    asked = attributes.described(wanted, labelled)
    try:
        version = client.begin(lambda: " ".join(read_system(client).values()))
        families = client.begin(lambda: read_options(client, "families"))
        categories = client.begin(lambda: _listed(client, "categories", codes, "categories"))
        associations = client.begin(lambda: _listed(client, "association-types", codes, "associations"))
        channels = client.begin(lambda: _channels(client))
        locales = client.begin(lambda: _active(client, "locales"))
        currencies = client.begin(lambda: _active(client, "currencies"))
        unit_families = client.begin(lambda: _unit_families(client))
        choices = {
            "family": families.result(),
            "categories": categories.result(),
            "associations": associations.result(),
            "axes": _as_options(attributes.get(None)) if codes is None or "axes" in codes else None,
        }
        return SourceSchema(
            adapter="akeneo",
            version=version.result(),
            collections={name: _labelled(each, choices) for name, each in COLLECTIONS.items()},
            attributes=asked,
            families=families.result(),
            channels=channels.result(),
            locales=locales.result(),
            currencies=currencies.result(),
            unit_families=unit_families.result(),
        )
    except Malformed as error:
        raise client.misshapen("the structure", error) from None


def _labelled(collection: RecordCollection, choices: Mapping[str, tuple[Option, ...] | None]) -> RecordCollection:
    """The collection with labels for those of its properties that hold codes."""
    properties = {
        code: replace(each, options=choices[code]) if code in choices else each
        for code, each in collection.properties.items()
    }
    return replace(collection, properties=properties)


def _listed(client: PimClient, path: str, codes: Collection[str] | None, code: str) -> tuple[Option, ...] | None:
    """What the PIM lists there, where a property that holds its codes is needed."""
    return read_options(client, path) if codes is None or code in codes else None


def _as_options(attributes: Mapping[str, Attribute]) -> tuple[Option, ...]:
    """Attributes as the choices of what holds their codes."""
    return tuple(Option(each.code, each.labels) for each in attributes.values() if not each.through)


def read_system(client: PimClient) -> dict[str, str]:
    """``edition`` and ``version``; empty where the PIM does not say (before 5.0)."""
    try:
        found = members(client.get("system-information"))
        return {key: text(found[key]) for key in ("edition", "version") if found.get(key)}
    except Unauthorised:
        raise
    except Refused:
        return {}
    except Malformed as error:
        raise client.misshapen("system-information", error) from None


def _channels(client: PimClient) -> dict[str, Channel]:
    found = [
        Channel(
            code=text(item.get("code")),
            locales=texts(item.get("locales")),
            currencies=texts(item.get("currencies")),
            category_tree=text(item.get("category_tree")),
            labels=labels(item.get("labels")),
        )
        for page in listing(client, "channels")
        for item in page
    ]
    return {each.code: each for each in found}


def _active(client: PimClient, path: str) -> tuple[str, ...]:
    """Codes of the active locales or currencies; servers that do not filter are filtered here."""
    search = json.dumps({"enabled": [{"operator": "=", "value": True}]}, separators=(",", ":"))
    return tuple(
        text(item.get("code"))
        for page in listing(client, path, {"search": search})
        for item in page
        if item.get("enabled", item.get("enable", True)) is True
    )


def _unit_families(client: PimClient) -> dict[str, UnitFamily]:
    """Measurement families; this list has no pages. Versions before 5.0 have none."""
    try:
        document = client.get("measurement-families")
    except Unauthorised:
        raise
    except Refused:
        return {}
    found = [_unit_family(members(each)) for each in elements(document)]
    return {each.code: each for each in found}


def _unit_family(item: Mapping[str, object]) -> UnitFamily:
    given = item.get("units")
    units = [_unit(members(each)) for each in (given if isinstance(given, list) else members(given).values())]
    return UnitFamily(text(item.get("code")), text(item.get("standard_unit_code")), {each.code: each for each in units})


def _unit(item: Mapping[str, object]) -> Unit:
    """A unit; ``convert_from_standard`` converts to the standard unit, despite its name."""
    operations = []
    for each in elements(item.get("convert_from_standard")):
        step = members(each)
        operator = text(step.get("operator"))
        if operator not in _OPERATIONS:
            raise Malformed(f"a unit is converted by {operator!r}")
        operations.append((operator, Decimal(number(step.get("value")))))
    return Unit(text(item.get("code")), str(item.get("symbol") or ""), tuple(operations))
