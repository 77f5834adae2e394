"""Values of the source as plain data: as JSON shows them and as the tests of a catalog write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal

from sync_engine.expressions.values import Quantity
from sync_engine.sdk.values import Localized, Measurement, MediaRef, ParentKey, Price


def plain_value(value: object) -> object:
    """A value as text, number, yes/no, list or mapping.

    A measurement is ``{amount, unit}``, prices are amounts by currency, a file is ``{code, filename}``, with ``asset``
    where it is of one, a parent its key; days and moments are ISO 8601 texts. Numbers stay int or Decimal.
    """
    if value is None or isinstance(value, (bool, int, Decimal)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Measurement):
        return {"amount": value.amount, "unit": value.unit}
    if isinstance(value, Quantity):
        return plain_value(value.measurement)
    if isinstance(value, MediaRef):
        owner = {"asset": value.owner} if value.owner else {}
        return {"code": value.code, "filename": value.filename, **owner} if value.filename or owner else value.code
    if isinstance(value, ParentKey):
        return value.key
    if isinstance(value, (tuple, list)) and not isinstance(value, Localized):
        if value and all(isinstance(each, Price) for each in value):
            return {each.currency: each.amount for each in value}
        return [plain_value(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain_value(each) for key, each in value.items()}
    return str(value)
