"""Mapping schemas of catalogs: which ones are taken (CONTRACTS A9), and products in the shape of one.

A schema that is refused is refused as a whole: the API does not say what is wrong with it.
"""

from __future__ import annotations

from typing import Any

from sync_engine_sandbox.pim.errors import invalid
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.pim.values import data_at

Json = dict[str, Any]
MAX_TARGETS = 600
VERSIONS = ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4")
ADDRESS = "https://api.akeneo.com/mapping/product/{}/schema"
_TOP = {"$id", "$schema", "$comment", "$defs", "title", "description", "type", "properties", "required"}
_TARGET = {"title", "description", "type", "format", "items", "enum", "enumLink", "properties", "required"}
_OF_TYPE = {"string": {"minLength", "maxLength", "pattern", "format"}, "number": {"minimum", "maximum"}}
_TYPES = {"string", "number", "boolean", "array", "object"}
_FORMATS = {"date-time", "uri", "regex"}
_SHAPES = ({"amount", "currency"}, {"value", "unit"}, {"locale", "value"})
_MODEL_ONLY = {"variation_axes", "variants"}


def check_schema(schema: Json) -> None:
    """Refuse a schema that the PIM would refuse.

    Raises:
        ApiError: 422.
    """
    address = schema.get("$schema")
    if not isinstance(address, str):
        raise _wrong("You must provide a $schema reference.")
    if address not in {ADDRESS.format(version) for version in VERSIONS}:
        raise _wrong("You must provide a valid $schema reference.")
    targets = schema.get("properties", {})
    fits = schema.get("type") == "object" and schema.keys() <= _TOP and isinstance(targets, dict)
    if not fits or len(targets) > MAX_TARGETS or not _one_of_both(targets):
        raise _wrong("You must provide a valid schema.")
    special = _MODEL_ONLY | {"pim_associations"} if "variants" in targets else {"pim_associations"}
    if not all(name in special or _target_fits(each) for name, each in targets.items()):
        raise _wrong("You must provide a valid schema.")


def mapped(state: PimState, schema: Json, mapping: dict[str, Json], product: Json) -> Json:
    """A product in the shape of a schema; targets without a value are left out."""
    found: Json = {"uuid": product["uuid"]}
    for name, target in schema.get("properties", {}).items():
        source = mapping.get(name)
        value = None if source is None or name == "uuid" else _value(state, source, target, product)
        if value not in (None, "", []):
            found[name] = value
    return found


def _one_of_both(targets: Json) -> bool:
    """Whether it is flat, with ``uuid``, or one of models and variants, with ``code``."""
    if _MODEL_ONLY & targets.keys():
        return "code" in targets and "uuid" not in targets and targets.keys() >= _MODEL_ONLY
    uuid = targets.get("uuid")
    return isinstance(uuid, dict) and uuid.get("type") == "string"


def _target_fits(target: Any) -> bool:
    if not isinstance(target, dict) or target.get("type") not in _TYPES:
        return False
    kind = target["type"]
    allowed = _TARGET | set().union(*_OF_TYPE.values())
    of_others = set().union(*(keys for name, keys in _OF_TYPE.items() if name != kind))
    if not target.keys() <= allowed or of_others & target.keys() or {"enum", "enumLink"} <= target.keys():
        return False
    if target.get("format", "uri") not in _FORMATS:
        return False
    if kind == "array":
        items = target.get("items")
        return isinstance(items, dict) and items.get("type") in {"string", "object"}
    if kind == "object":
        return any(set(target.get("properties", ())) == each == set(target.get("required", ())) for each in _SHAPES)
    return "items" not in target and "properties" not in target


def _value(state: PimState, source: Json, target: Json, product: Json) -> Any:
    code, parameters = str(source.get("source", "")), source.get("parameters", {})
    if code in ("enabled", "family", "categories"):
        data = product[code]
    else:
        data = data_at(product["values"], code, source.get("locale"), source.get("scope"))
    if data is None:
        return source.get("default")
    kind = state.table("attributes").get(code, {}).get("type", "")
    if kind == "pim_catalog_price_collection":
        amount = next((each["amount"] for each in data if each["currency"] == parameters.get("currency")), None)
        return _amount(amount, "amount", "currency", parameters.get("currency"), target["type"])
    if kind == "pim_catalog_metric":
        return _amount(data["amount"], "value", "unit", data["unit"], target["type"])
    if parameters.get("label_locale"):
        options = state.table("attribute-options", code)
        data = (
            [_label(options, each, parameters["label_locale"]) for each in data]
            if isinstance(data, list)
            else _label(options, data, parameters["label_locale"])
        )
    return _shaped(data, target["type"])


def _amount(amount: Any, first: str, second: str, unit: Any, kind: str) -> Any:
    if amount is None:
        return None
    number = float(amount)
    return {first: number, second: unit} if kind == "object" else number if kind == "number" else f"{amount} {unit}"


def _label(options: Json, code: str, locale: str) -> str:
    return str(options.get(code, {}).get("labels", {}).get(locale) or f"[{code}]")


def _shaped(data: Any, kind: str) -> Any:
    if kind == "array":
        return data if isinstance(data, list) else [data]
    if kind == "string":
        return ", ".join(map(str, data)) if isinstance(data, list) else str(data)
    return float(data) if kind == "number" and not isinstance(data, bool) else data


def _wrong(message: str) -> Exception:
    return invalid({"property": "schema", "message": message})
