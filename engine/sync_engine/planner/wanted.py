"""What a record is to hold in the target, in the form in which both sides are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sync_engine.compiler.compiled import CompiledStream, MappedRecord
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.sdk.target import FieldDescription, Reason
from sync_engine.sdk.values import Blank, TargetValue

NormalForm = Callable[[FieldDescription, TargetValue], TargetValue]


class Wanted(NamedTuple):
    """A mapped record; a tuple, because that is what goes from one process to another fastest.

    Attributes:
        source_key, key, reasons, match, key_values: as in ``MappedRecord``.
        fields: for each field of the stream its value, encoded in normal form; None where it is emptied,
            ``Blank.LEAVE`` where it is left alone. Empty when there are reasons.
    """

    source_key: str
    key: str
    fields: tuple[Encoded | Blank, ...]
    reasons: tuple[Reason, ...]
    match: tuple[TargetValue | Blank, ...]
    key_values: tuple[TargetValue | Blank, ...]


def wanted(stream: CompiledStream, row: MappedRecord, normal_form: NormalForm) -> Wanted:
    """What a mapped record is to hold."""
    fields: list[Encoded | Blank] = []
    for field, value in zip(stream.fields, row.values, strict=False):
        if value is None or value is Blank.CLEAR:
            fields.append(None)
        elif isinstance(value, Blank):
            fields.append(value)
        else:
            fields.append(encode(normal_form(field.description, value)))
    return Wanted(row.source_key, row.key, tuple(fields), row.reasons, row.match, row.key_values)
