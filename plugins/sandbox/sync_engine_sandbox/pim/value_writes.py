"""Checking product values that are written, and bringing their data into the form in which it is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sync_engine_sandbox.pim.errors import ApiError, invalid, php_type, unexpected, value_row
from sync_engine_sandbox.pim.state import MEDIA_TYPES, PimState, media_link

Json = dict[str, Any]
TEXT_LENGTHS = {"pim_catalog_identifier": 255, "pim_catalog_text": 255, "pim_catalog_textarea": 65_535}


def merge_values(state: PimState, values: Json, body: Any) -> Json:
    """Values with a body's values merged in, one attribute, locale and channel at a time (CONTRACTS A4).

    Args:
        state: the PIM.
        values: what is there; it is not touched.
        body: the ``values`` of a write; ``data: null`` erases.

    Raises:
        ApiError: 422, a value breaks a rule.
    """
    if body == []:
        return values
    if not isinstance(body, dict):
        raise unexpected(f'Property "values" expects an array as data, "{php_type(body)}" given.')
    result = dict(values)
    for code, entries in body.items():
        attribute = state.table("attributes").get(code)
        if attribute is None:
            raise unexpected(f"The {code} attribute does not exist in your PIM.")
        if not isinstance(entries, list):
            raise unexpected(f'Property "{code}" expects an array as data, "{php_type(entries)}" given.')
        kept = list(values.get(code, ()))
        for entry in entries:
            kept = _merge_entry(state, attribute, kept, entry)
        result[code] = sorted(kept, key=lambda entry: (entry["scope"] or "", entry["locale"] or ""))
    return {code: result[code] for code in sorted(result) if result[code]}


def _merge_entry(state: PimState, attribute: Json, kept: list[Json], entry: Any) -> list[Json]:
    if not isinstance(entry, dict) or not {"locale", "scope", "data"} <= entry.keys():
        missing = next(key for key in ("locale", "scope", "data") if not isinstance(entry, dict) or key not in entry)
        raise unexpected(f'Property "{attribute["code"]}" expects an array with the key "{missing}".')
    _check_place(state, attribute, entry)
    place = (entry["locale"], entry["scope"])
    rest = [other for other in kept if (other["locale"], other["scope"]) != place]
    if entry["data"] in (None, "", []):
        return rest
    data = _normalised(state, attribute, entry)
    value = {"locale": entry["locale"], "scope": entry["scope"], "data": data}
    if attribute["type"] in MEDIA_TYPES:
        value["_links"] = media_link(data)
    return [*rest, value]


def _check_place(state: PimState, attribute: Json, entry: Json) -> None:
    name, locale, scope = attribute["code"], entry["locale"], entry["scope"]
    for wanted, given, what in (
        (attribute["localizable"], locale, "locale"),
        (attribute["scopable"], scope, "channel"),
    ):
        if wanted and given is None:
            raise unexpected(f"The {name} attribute requires a {what}.")
        if not wanted and given is not None:
            raise unexpected(f"The {name} attribute does not require a {what}, {given} was detected.")
    if locale is not None and not state.table("locales").get(locale, {}).get("enabled"):
        raise unexpected(f"The {name} attribute requires a valid locale. The {locale} locale does not exist.")
    channel = state.table("channels").get(scope or "")
    if scope is not None and channel is None:
        raise unexpected(f"The {name} attribute requires a valid channel. The {scope} channel does not exist.")
    if locale is not None and channel is not None and locale not in channel["locales"]:
        raise invalid(value_row(f'The "{locale}" locale is not bound to the "{scope}" channel.', name, entry))


def _normalised(state: PimState, attribute: Json, entry: Json) -> Any:
    form = _FORMS.get(attribute["type"])
    return form(state, attribute, entry) if form else entry["data"]


def _wrong(attribute: Json, wanted: str, value: Any) -> ApiError:
    return unexpected(f"The {attribute['code']} attribute requires {wanted}, a {php_type(value)} was detected.")


def _text(_state: PimState, attribute: Json, entry: Json) -> str:
    if not isinstance(entry["data"], str):
        raise _wrong(attribute, "a string", entry["data"])
    limit = attribute.get("max_characters") or TEXT_LENGTHS[attribute["type"]]
    if len(entry["data"]) > limit:
        message = f"The {attribute['code']} attribute must not contain more than {limit} characters."
        raise invalid(value_row(f"{message} The submitted value is too long.", attribute["code"], entry))
    return entry["data"]


def _number(_state: PimState, attribute: Json, entry: Json) -> int | str:
    return _amount(attribute, entry, entry["data"], 4)


def _amount(attribute: Json, entry: Json, amount: Any, places: int) -> int | str:
    """Text with decimals where the attribute allows them, else an integer (CONTRACTS, trap 5)."""
    try:
        if isinstance(amount, bool):
            raise InvalidOperation
        number = Decimal(str(amount))
    except InvalidOperation:
        raise _wrong(attribute, "a numeric value", amount) from None
    if attribute["decimals_allowed"]:
        return f"{number:.{places}f}" if -number.as_tuple().exponent <= places else format(number, "f")  # type: ignore[operator]
    if number != number.to_integral_value():
        message = f"The {attribute['code']} attribute requires a non-decimal value, and {amount} is not a valid value."
        raise invalid(value_row(message, attribute["code"], entry))
    return int(number)


def _metric(state: PimState, attribute: Json, entry: Json) -> Json | None:
    data = entry["data"]
    if not isinstance(data, dict) or not {"amount", "unit"} <= data.keys():
        raise _wrong(attribute, "an array with the keys amount and unit", data)
    units = state.table("measurement-families").get(attribute["metric_family"] or "", {}).get("units", {})
    if data["unit"] not in units:
        raise invalid(value_row("Please specify a valid measurement unit", attribute["code"], entry))
    return {"amount": _amount(attribute, entry, data["amount"], 4), "unit": data["unit"]}


def _prices(state: PimState, attribute: Json, entry: Json) -> list[Json]:
    data = entry["data"]
    if not isinstance(data, list) or not all(isinstance(row, dict) and "currency" in row for row in data):
        raise _wrong(attribute, "an array of amounts and currencies", data)
    for row in data:
        if not state.table("currencies").get(row["currency"], {}).get("enabled"):
            message = f"The {attribute['code']} attribute requires a valid currency. {row['currency']} does not exist."
            raise invalid(value_row(message, attribute["code"], entry))
    filled = {row["currency"]: row.get("amount") for row in data if row.get("amount") is not None}
    return [
        {"amount": _amount(attribute, entry, filled[currency], 2), "currency": currency} for currency in sorted(filled)
    ]


def _boolean(_state: PimState, attribute: Json, entry: Json) -> bool:
    if not isinstance(entry["data"], bool):
        raise _wrong(attribute, "a boolean value", entry["data"])
    return entry["data"]


def _date(_state: PimState, attribute: Json, entry: Json) -> str:
    try:
        return f"{date.fromisoformat(entry['data'][:10])}T00:00:00+00:00"
    except (TypeError, ValueError):
        name = attribute["code"]
        raise unexpected(f"The {name} attribute requires a valid date. Please use the yyyy-mm-dd format.") from None


def _option(state: PimState, attribute: Json, entry: Json) -> str:
    if not isinstance(entry["data"], str):
        raise _wrong(attribute, "a string", entry["data"])
    return _known_option(state, attribute, entry, entry["data"])


def _options(state: PimState, attribute: Json, entry: Json) -> list[str]:
    if not isinstance(entry["data"], list):
        raise _wrong(attribute, "an array", entry["data"])
    return sorted({_known_option(state, attribute, entry, code) for code in entry["data"]})


def _known_option(state: PimState, attribute: Json, entry: Json, code: Any) -> str:
    name = attribute["code"]
    known = {option.casefold(): option for option in state.table("attribute-options", name)}
    option = known.get(code.casefold()) if isinstance(code, str) else None
    if option is None:
        raise invalid(value_row(f"The {code} value is not in the {name} attribute option list.", name, entry))
    return option


def _media(state: PimState, attribute: Json, entry: Json) -> str:
    if entry["data"] not in state.table("media-files"):
        raise unexpected(f'Property "{attribute["code"]}" expects a valid pathname as data, "{entry["data"]}" given.')
    return str(entry["data"])


_FORMS: dict[str, Callable[[PimState, Json, Json], Any]] = {
    "pim_catalog_identifier": _text,
    "pim_catalog_text": _text,
    "pim_catalog_textarea": _text,
    "pim_catalog_number": _number,
    "pim_catalog_metric": _metric,
    "pim_catalog_price_collection": _prices,
    "pim_catalog_boolean": _boolean,
    "pim_catalog_date": _date,
    "pim_catalog_simpleselect": _option,
    "pim_catalog_multiselect": _options,
    "pim_catalog_image": _media,
    "pim_catalog_file": _media,
}
