"""From a source value to a value of the target field's type (the matrix of types), or the reason why not.

Nothing is guessed: text becomes a number only through ``number: true`` in the mapping, a number is rounded only through
``round``, a text is cut only through ``truncate``. Text never becomes true or false. Line breaks in a text of one line
are sent as they are; what the target makes of them is its normal form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from sync_engine.catalog.mapping import FieldMapping
from sync_engine.problems import nearest
from sync_engine.sdk.source import Kind
from sync_engine.sdk.target import FieldDescription, FieldType, Owner, Reason
from sync_engine.sdk.values import Measurement, MediaRef, ParentKey, Price, TargetValue

Converter = Callable[[object], TargetValue]


class Unconvertible(Exception):
    """A value cannot be written to a field; the reason is for the record's rejection."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


_TEXTS = (FieldType.TEXT, FieldType.TEXTAREA, FieldType.RICH_TEXT)
_IDS = (FieldType.REFERENCE, FieldType.ID)
_SPECIAL_TEXTS = (FieldType.EMAIL, FieldType.PHONE, FieldType.URL)
_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY)
_SCALARS = frozenset(
    {
        Kind.IDENTIFIER, Kind.TEXT, Kind.TEXTAREA, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME, Kind.SELECT,
        Kind.RECORD, Kind.LINK, Kind.UUID, Kind.FAMILY, Kind.PARENT, Kind.COMPLETENESS, Kind.QUALITY,
    }
)  # fmt: skip
FILES = frozenset({Kind.IMAGE, Kind.FILE})
_LISTS = frozenset({Kind.MULTISELECT, Kind.CATEGORIES, Kind.GROUPS, Kind.RECORDS, Kind.ASSETS})
_TEXTUAL = _SCALARS - {Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME, Kind.COMPLETENESS}
_TAKES: Mapping[FieldType, tuple[frozenset[Kind], str]] = {
    **dict.fromkeys(_TEXTS, (_SCALARS | {Kind.TABLE}, "it takes text")),
    **dict.fromkeys((FieldType.PICKLIST, *_SPECIAL_TEXTS), (_TEXTUAL, "it takes text")),
    **dict.fromkeys(_IDS, (_TEXTUAL - {Kind.UUID}, "it takes ids of the target; a `lookup` finds the record")),
    **dict.fromkeys(
        _NUMBERS,
        (frozenset({Kind.NUMBER, Kind.COMPLETENESS}), "it takes numbers; for numeric text say `number: true`"),
    ),
    **dict.fromkeys(
        (FieldType.DATE, FieldType.DATETIME),
        (frozenset({Kind.DATE, Kind.DATETIME}), "it takes dates; an `expression` may give YYYY-MM-DD"),
    ),
    FieldType.MULTIPICKLIST: (_LISTS | {Kind.SELECT, Kind.TEXT}, "it takes lists and choices"),
    FieldType.BOOLEAN: (
        frozenset({Kind.BOOLEAN}),
        "it takes yes/no values; an `expression` that compares gives one",
    ),
    FieldType.TIME: (frozenset({Kind.TEXT, Kind.IDENTIFIER}), "it takes text such as 14:30"),
    FieldType.FILE: (frozenset(), "files are sent by `media`"),
}
"""Kinds that a type of field takes once the options have been applied, and what to say of the others."""


def compatible(kind: Kind, field: FieldDescription, mapping: FieldMapping) -> str | None:
    """Why values of this kind, after the mapping's options, can never fill the field; None when they can."""
    if mapping.translate is not None:
        return None  # what fills the field are the table's entries, and these are checked one by one
    kind, why = _after_options(kind, mapping)
    if why is not None:
        return why
    if kind in _LISTS and field.type not in (FieldType.MULTIPICKLIST, FieldType.FILE):
        return "a list needs `join` to become one text"
    if field.type not in _TAKES:
        return f"fields of type {field.native_type or field.type} cannot be written"
    kinds, otherwise = _TAKES[field.type]
    return None if kind in kinds else otherwise


def _after_options(kind: Kind, mapping: FieldMapping) -> tuple[Kind, str | None]:
    """What kind of value the options make of a kind, or what is missing."""
    if kind is Kind.MEASUREMENT:
        return (
            (Kind.NUMBER, None)
            if mapping.unit
            else (kind, "a measurement needs `unit` to become a number, or a `template`")
        )
    if kind is Kind.PRICES:
        return (
            (Kind.NUMBER, None)
            if mapping.currency
            else (kind, "prices need `currency` to become a number, or a `template`")
        )
    if kind in FILES:
        return kind, "a file needs a `media` mapping; its code or address is text of a `template`"
    if kind is Kind.TABLE:
        why = None if mapping.table else "a table needs `table: json` or `table: html` to become text"
        return kind, why
    if kind in _LISTS and mapping.join is not None:
        return Kind.TEXT, None
    if mapping.number and kind in _TEXTUAL:
        return Kind.NUMBER, None
    return kind, None


def converter(field: FieldDescription, timezone: ZoneInfo) -> Converter:
    """A function that turns values into what the field takes.

    Args:
        field: as the target describes it.
        timezone: in which a moment becomes a day and a day a moment.

    Returns:
        A function that raises Unconvertible with the reason. It is never called with an empty value.
    """
    convert = _CONVERTERS.get(field.type)
    if convert is None:
        why = field.not_writable or f"fields of type {field.native_type or field.type} cannot be written"

        def refuse(_: object) -> TargetValue:
            raise _reject(field, "NOT_WRITABLE", why, Owner.MAPPING)

        return refuse
    return lambda value: convert(value, field, timezone)


def _reject(field: FieldDescription, code: str, message: str, owner: Owner = Owner.DATA) -> Unconvertible:
    return Unconvertible(Reason(code, message, field.name, owner))


# Each quantifier is possessive or of fixed width: source data cannot make a match take long.
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_EMAIL = re.compile(r"[^@\s]++@(?:[^@\s.]++\.)++[^@\s.]++\Z")
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*+://)?+[^\s:/?#]++\S*+\Z")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\Z")
_MOST_DIGITS = 100
"""Digits beyond which a number is not even looked at: no target holds it, and writing it out would fill the memory."""


def _plain_text(value: object, field: FieldDescription) -> str:
    """Scalars as text, the way a person would write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, Decimal)):
        return format(_finite(value, field), "f")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        raise _reject(field, "WRONG_TYPE", "a list needs `join` to become one text", Owner.MAPPING)
    raise _reject(field, "WRONG_TYPE", f"{_named(value)} cannot become text", Owner.MAPPING)


def _named(value: object) -> str:
    words: tuple[tuple[type, str], ...] = (
        (Measurement, "a measurement"),
        (Price, "a price"),
        (MediaRef, "a file"),
        (ParentKey, "a reference"),
        (bool, "a yes/no value"),
        (str, "a text"),
        (datetime, "a moment"),
        (date, "a date"),
        (tuple, "a list"),
        (list, "a list"),
    )
    return next((word for type_, word in words if isinstance(value, type_)), f"a {type(value).__name__}")


def _text(value: object, field: FieldDescription, _: ZoneInfo) -> TargetValue:
    text = _clean(value if type(value) is str else _plain_text(value, field), field)
    if field.length and len(text) > field.length:
        message = f"the text has {len(text):,} characters, {field.name} takes {field.length:,}"
        raise _reject(field, "TOO_LONG", message)
    return text


def _clean(text: str, field: FieldDescription) -> str:
    """The text itself; tab and line breaks are the only control characters that targets take."""
    found = None if text.isprintable() else _REFUSED.search(text)  # the first look is the faster one
    if found:
        message = f"the text holds U+{ord(found.group()):04X}, a control character that the target refuses"
        raise _reject(field, "CONTROL_CHARACTER", message)
    return text


def _picklist(value: object, field: FieldDescription, timezone: ZoneInfo) -> TargetValue:
    text = _text(value, field, timezone)
    _check_choice(str(text), field)
    return text


def _check_choice(text: str, field: FieldDescription) -> None:
    if not field.restricted:
        return
    if not any(each.value == text and each.active for each in field.picklist):
        hint = nearest(text[:255], [each.value for each in field.picklist if each.active])
        message = f"{text[:255]!r} is not in the picklist {field.name}{f'. {hint}' if hint else ''}"
        raise _reject(field, "NOT_IN_PICKLIST", message)


def _multipicklist(value: object, field: FieldDescription, _: ZoneInfo) -> TargetValue:
    items = value if isinstance(value, (tuple, list)) else (value,)
    texts = sorted({_clean(_plain_text(each, field), field) for each in items} - {""})
    for text in texts:
        if ";" in text:
            message = (
                f"{text[:255]!r} holds a semicolon, which separates the values of {field.name}; give them as a list"
            )
            raise _reject(field, "SEPARATOR_IN_VALUE", message)
        _check_choice(text, field)
    joined = ";".join(texts)
    if field.length and len(joined) > field.length:
        raise _reject(
            field, "TOO_LONG", f"the values have {len(joined):,} characters, {field.name} takes {field.length:,}"
        )
    return tuple(texts)


def _boolean(value: object, field: FieldDescription, _: ZoneInfo) -> TargetValue:
    if isinstance(value, bool):
        return value
    raise _reject(field, "WRONG_TYPE", f"{_named(value)} is neither true nor false", Owner.MAPPING)


def _number(value: object, field: FieldDescription, _: ZoneInfo) -> TargetValue:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        hint = "; say `number: true` to read text as a number" if isinstance(value, str) else ""
        raise _reject(field, "NOT_A_NUMBER", f"{_named(value)} is no number{hint}", Owner.MAPPING)
    number = _finite(value, field)
    whole, decimals = _digits(number)
    if decimals > field.scale:
        message = f"{number:f} has {decimals} decimals, {field.name} takes {field.scale}; `round` rounds it"
        raise _reject(field, "TOO_MANY_DECIMALS", message)
    if field.precision and whole > field.precision - field.scale:
        message = f"{number:f} has {whole} digits before the point, {field.name} takes {field.precision - field.scale}"
        raise _reject(field, "OUT_OF_RANGE", message)
    return int(number) if field.type is FieldType.INTEGER else number


def _finite(value: int | Decimal, field: FieldDescription) -> Decimal:
    """The number as Decimal, if it can be written out at all."""
    number = Decimal(value)
    if not number.is_finite():
        raise _reject(field, "NOT_A_NUMBER", f"{number} is no number that can be written")
    exponent = int(number.as_tuple().exponent)
    if number and (number.adjusted() >= _MOST_DIGITS or exponent < -_MOST_DIGITS):
        raise _reject(field, "OUT_OF_RANGE", f"the number has more than {_MOST_DIGITS} digits")
    return number if number else Decimal(0)


def _digits(number: Decimal) -> tuple[int, int]:
    """Digits before and behind the decimal point, without zeros that say nothing."""
    text = format(abs(number), "f")
    whole, _, fraction = text.partition(".")
    return len(whole.lstrip("0")), len(fraction.rstrip("0"))


def _date(value: object, field: FieldDescription, timezone: ZoneInfo) -> TargetValue:
    moment = value if isinstance(value, date) else _iso(value, field)
    return _shifted(moment, timezone, timezone, field).date() if isinstance(moment, datetime) else moment


def _datetime(value: object, field: FieldDescription, timezone: ZoneInfo) -> TargetValue:
    moment = value if isinstance(value, date) else _iso(value, field)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=timezone)
    return _shifted(moment, UTC, timezone, field)


def _shifted(moment: datetime, zone: tzinfo, home: ZoneInfo, field: FieldDescription) -> datetime:
    """The moment in another zone; one that does not say its own is of the catalog's."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=home)).astimezone(zone)
    except OverflowError:
        raise _reject(field, "NOT_A_DATE", f"{moment.isoformat()} is out of range") from None


def _iso(value: object, field: FieldDescription) -> date | datetime:
    """A date or a moment written as ISO 8601, as expressions see dates; a moment must say its offset."""
    if not isinstance(value, str):
        raise _reject(field, "NOT_A_DATE", f"{_named(value)} is no date", Owner.MAPPING)
    text = value.strip()
    try:
        if _DAY.match(text):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text) if _MOMENT.match(text) else None
    except ValueError:
        raise _reject(field, "NOT_A_DATE", f"{text!r} is no date that exists") from None
    if moment is None:
        raise _reject(field, "NOT_A_DATE", f"{text[:60]!r} is no date (YYYY-MM-DD)")
    if moment.tzinfo is None:
        raise _reject(field, "NOT_A_DATE", f"{text!r} does not say its offset from UTC")
    return moment


def _time(value: object, field: FieldDescription, _: ZoneInfo) -> TargetValue:
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and _TIME.match(value.strip()):
        try:
            return time.fromisoformat(value.strip())
        except ValueError:
            pass
    raise _reject(field, "NOT_A_TIME", f"{str(value)[:60]!r} is no time of day (hh:mm)")


def _email(value: object, field: FieldDescription, timezone: ZoneInfo) -> TargetValue:
    text = str(_text(value, field, timezone)).strip()
    if not _EMAIL.match(text):
        raise _reject(field, "BAD_EMAIL", f"{text[:80]!r} is no e-mail address")
    return text


def _url(value: object, field: FieldDescription, timezone: ZoneInfo) -> TargetValue:
    text = str(_text(value, field, timezone)).strip()
    if not _URL.match(text):
        raise _reject(field, "BAD_URL", f"{text[:80]!r} is no web address")
    return text


def _reference(value: object, field: FieldDescription, timezone: ZoneInfo) -> TargetValue:
    if isinstance(value, ParentKey):
        return value  # the field's length is that of an id, and says nothing of the parent's key
    text = str(_text(value, field, timezone))
    if not _ID.match(text):
        raise _reject(field, "BAD_ID", f"{text[:80]!r} is no record id (15 or 18 letters and digits)")
    return text


def _file(value: object, field: FieldDescription, _: ZoneInfo) -> TargetValue:
    if isinstance(value, MediaRef):
        return value
    raise _reject(field, "WRONG_TYPE", f"{_named(value)} is no file; files are sent by `media`", Owner.MAPPING)


_CONVERTERS: dict[FieldType, Callable[[object, FieldDescription, ZoneInfo], TargetValue]] = {
    **dict.fromkeys((*_TEXTS, FieldType.PHONE), _text),
    **dict.fromkeys(_NUMBERS, _number),
    FieldType.PICKLIST: _picklist,
    FieldType.MULTIPICKLIST: _multipicklist,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.TIME: _time,
    FieldType.EMAIL: _email,
    FieldType.URL: _url,
    FieldType.REFERENCE: _reference,
    FieldType.ID: _reference,
    FieldType.FILE: _file,
}
