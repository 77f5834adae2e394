"""From the short notation of the content files to the PIM's value entries (Akeneo REST API, "Product values")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from demo_source.media import download_link

LOCALES = ("en_US", "de_DE", "fr_FR")  # the order of the texts in threes
_RATES = {"EUR": Decimal(1), "GBP": Decimal("0.86"), "USD": Decimal("1.09")}
_CENT = Decimal("0.01")

Json = dict[str, Any]


def texts(three: list[str | None]) -> dict[str, str]:
    """Texts by locale, sorted by locale; those left out are left out."""
    return {locale: text for locale, text in sorted(zip(LOCALES, three, strict=True)) if text is not None}


def entries(attribute: Json, literal: Any) -> list[Json]:
    """The entries of one attribute, per locale and channel where it has them.

    Args:
        attribute: as the PIM describes it.
        literal: a scalar or list as the content files write it; by channel if scopable, in threes if localizable.
    """
    by_channel = sorted(literal.items()) if attribute["scopable"] else [(None, literal)]
    found = []
    for channel, part in by_channel:
        by_locale = texts(part).items() if attribute["localizable"] else [(None, part)]
        for locale, data in by_locale:
            entry = {"locale": locale, "scope": channel, "data": _data(attribute, data)}
            if attribute["type"] in ("pim_catalog_image", "pim_catalog_file"):
                entry["_links"] = download_link(data)
            found.append(entry)
    return found


def _data(attribute: Json, literal: Any) -> Any:
    encode = _ENCODERS.get(attribute["type"])
    return encode(attribute, literal) if encode else literal


def _number(attribute: Json, literal: Any) -> int | str:
    return f"{Decimal(str(literal)):.4f}" if attribute["decimals_allowed"] else int(literal)


def _metric(attribute: Json, literal: str) -> Json:
    amount, unit = literal.split()
    return {"amount": _number(attribute, amount), "unit": unit}


def _prices(attribute: Json, literal: Any) -> list[Json]:
    """A number is a price in euro, from which the others are reckoned; a mapping is taken as it is."""
    if not isinstance(literal, Mapping):
        euro = Decimal(str(literal))
        literal = {currency: (euro * rate).quantize(_CENT) for currency, rate in _RATES.items()}

    def amount(value: Any) -> int | str | None:
        if value is None:
            return None
        return f"{Decimal(value):.2f}" if attribute["decimals_allowed"] else int(value)

    return [{"amount": amount(value), "currency": currency} for currency, value in sorted(literal.items())]


def _date(_attribute: Json, literal: str) -> str:
    return f"{literal}T00:00:00+00:00"


def _codes(_attribute: Json, literal: list[str]) -> list[str]:
    return sorted(literal)


def _table(attribute: Json, literal: list[Json]) -> list[Json]:
    """Numbers in cells are texts; empty cells are left out (Akeneo, "Table attribute")."""
    types = {column["code"]: column["data_type"] for column in attribute["table_configuration"]}

    def cell(code: str, value: Any) -> Any:
        if types[code] == "number":
            return str(value)
        if types[code] == "measurement":
            amount, unit = value.split()
            return {"amount": amount, "unit": unit}
        return value

    return [{code: cell(code, value) for code, value in row.items()} for row in literal]


_ENCODERS: dict[str, Callable[[Json, Any], Any]] = {
    "pim_catalog_number": _number,
    "pim_catalog_metric": _metric,
    "pim_catalog_price_collection": _prices,
    "pim_catalog_date": _date,
    "pim_catalog_multiselect": _codes,
    "pim_reference_data_multiselect": _codes,
    "pim_catalog_table": _table,
}
