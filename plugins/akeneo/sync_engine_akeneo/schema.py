"""The PIM's structure as a ``SourceSchema``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal

from sync_engine.sdk.errors import Refused, Unauthorised
from sync_engine.sdk.source import Attribute, Channel, Option, RecordCollection, SourceSchema, Unit, UnitFamily
from sync_engine_akeneo.attributes import Attributes, option, read_options
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import COLLECTIONS
from sync_engine_akeneo.paging import listing
from sync_engine_akeneo.records import labels
from sync_engine_akeneo.values import number
from sync_engine_akeneo.wire import Malformed, elements, members, text, texts

_OPERATIONS = ("add", "sub", "mul", "div")


def read_schema(
    client: PimClient,
    attributes: Attributes,
    codes: Collection[str] | None,
    labelled: Collection[str] = (),
    currencies: Collection[str] = (),
) -> SourceSchema:
    """Read the structure, or no more of it than some attributes and properties need.

    Locales are not asked for: a locale is active in the PIM as long as a channel has it. A currency that a channel has
    cannot be deactivated, so the list of currencies is only asked for where one is named that no channel has.

    Args:
        client: makes the calls.
        attributes: knows the attributes.
        codes: attributes and properties that are needed; None means everything.
        labelled: those of them for which the labels of the records that they link to are needed.
        currencies: of which must be known whether they are active.

    Raises:
        Unavailable, Unauthorised, Refused, BrokenContract: it could not be read completely.
    """

    def needed(*names: str) -> bool:
        return codes is None or not set(names).isdisjoint(codes)

    try:
        channels = client.begin(lambda: _channels(client))
        version = client.begin(lambda: " ".join(read_system(client).values())) if codes is None else None
        required = codes is not None and needed("completeness")
        families = (
            client.begin(lambda: _families(client, required=required)) if needed("family", "completeness") else None
        )
        categories = client.begin(lambda: read_options(client, "categories")) if needed("categories") else None
        associations = (
            client.begin(lambda: read_options(client, "association-types")) if needed("associations") else None
        )
        axes = _as_options(attributes.get(None)) if needed("axes") else None  # first: it may know all that is asked
        wanted = None if codes is None else set(codes) - COLLECTIONS["products"].properties.keys()
        asked = attributes.described(wanted, labelled)
        choices = {
            "family": families.result() if families else None,
            "categories": categories.result() if categories else None,
            "associations": associations.result() if associations else None,
            "axes": axes,
        }
        found = channels.result()
        of_channels = tuple(sorted({each for channel in found.values() for each in channel.currencies}))
        known = codes is not None and set(currencies) <= set(of_channels)
        return SourceSchema(
            adapter="akeneo",
            version=version.result() if version else "",
            collections={name: _labelled(each, choices) for name, each in COLLECTIONS.items()},
            attributes=asked,
            families=choices["family"] or (),
            channels=found,
            locales=tuple(sorted({each for channel in found.values() for each in channel.locales})),
            currencies=of_channels if known else _active_currencies(client),
            unit_families=_unit_families(client) if codes is None or _has_units(asked) else {},
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


def _families(client: PimClient, *, required: bool) -> tuple[Option, ...]:
    """Families with their labels and, where it matters, what they require."""
    found = []
    for item in (each for page in listing(client, "families") for each in page):
        try:
            family = option(item)
            found.append(replace(family, requires=_digest(item.get("attribute_requirements"))) if required else family)
        except Malformed as error:
            raise client.misshapen(f"family {item.get('code')!r}", error) from None
    return tuple(found)


def _digest(requirements: object) -> str:
    """A digest of the attributes that a family requires, by channel."""
    by_channel = {channel: sorted(texts(codes)) for channel, codes in members(requirements or {}).items()}
    return hashlib.sha256(json.dumps(by_channel, sort_keys=True).encode()).hexdigest()[:16]


def _active_currencies(client: PimClient) -> tuple[str, ...]:
    """Codes of the active currencies; servers that do not filter are filtered here."""
    search = json.dumps({"enabled": [{"operator": "=", "value": True}]}, separators=(",", ":"))
    return tuple(
        text(item.get("code"))
        for page in listing(client, "currencies", {"search": search})
        for item in page
        if item.get("enabled", item.get("enable", True)) is True
    )


def _has_units(attributes: Mapping[str, Attribute]) -> bool:
    """Whether some of these attributes, or columns of theirs, hold measurements."""
    return any(each.unit_family or any(column.unit_family for column in each.columns) for each in attributes.values())


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
