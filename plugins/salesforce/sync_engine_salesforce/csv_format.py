"""CSV for Bulk API 2.0 (Bulk API 2.0 Guide, "Prepare CSV Files"): written so that every text comes back exactly.

Every cell is quoted, columns are declared and not taken from the data, lines end in LF. ``#N/A`` empties a field and an
empty cell leaves it alone; so a text that *is* ``#N/A`` cannot be sent and is refused, as is NUL, which Salesforce
drops.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import Batch, Reason, Row
from sync_engine.sdk.values import Blank
from sync_engine_salesforce.values import to_text

CLEAR = "#N/A"
LONGEST_FIELD = 32_000
LONGEST_RECORD = 400_000


def unsendable(row: Row) -> tuple[Reason, ...]:
    """Why a row cannot be sent as CSV; empty when it can."""
    reasons: list[Reason] = []
    size = 0
    for name, value in (("", row.key), *row.values.items()):
        if isinstance(value, Blank):
            continue
        text = to_text(value)
        size += len(text)
        if text == CLEAR:
            reasons.append(Reason("NOT_SENDABLE", f"the text {CLEAR} means an empty field to Bulk API 2.0", name))
        if "\0" in text:
            reasons.append(Reason("CONTROL_CHARACTER", "the text holds NUL, which Salesforce drops", name))
        if len(text) > LONGEST_FIELD:
            message = f"the text has {len(text):,} characters, Bulk API 2.0 takes {LONGEST_FIELD:,}"
            reasons.append(Reason("TOO_LONG", message, name))
    if size > LONGEST_RECORD:
        message = f"the record has {size:,} characters, Bulk API 2.0 takes {LONGEST_RECORD:,}"
        reasons.append(Reason("TOO_LONG", message))
    return tuple(reasons)


def write(batch: Batch, rows: Sequence[Row], key_column: str, names: Mapping[str, str]) -> bytes:
    """The upload of a batch.

    Args:
        batch: its columns are the columns.
        rows: those of its rows that can be sent.
        key_column: ``Id``, or the external id field.
        names: column name by field, where a reference is written by its parent's key.
    """
    by_id = key_column == "Id"
    lines = [_line([key_column, *(names.get(each, each) for each in batch.columns)])]
    for row in rows:
        cells = [(row.target_id or "") if by_id else row.key]
        for column in batch.columns:
            value = row.values.get(column, Blank.LEAVE)
            cells.append("" if value is Blank.LEAVE else CLEAR if value is Blank.CLEAR else to_text(value))
        lines.append(_line(cells))
    return b"".join(lines)


def _line(cells: Iterable[str]) -> bytes:
    """All cells quoted."""
    # The library's writer looks at every character by itself, which takes twice as long.
    return ('"' + '","'.join([cell.replace('"', '""') for cell in cells]) + '"\n').encode("utf-8")


def read(content: bytes, columns: Collection[str]) -> Iterator[dict[str, str]]:
    """Rows of a result set: the cells of these columns, as far as they are there; names are found in any case.

    Raises:
        BrokenContract: it is no complete CSV.
    """
    csv.field_size_limit(10_000_000)
    # newline="" and not splitlines: a quoted text may hold line breaks of every kind.
    text = io.TextIOWrapper(io.BytesIO(content.replace(b"\0", b"")), encoding="utf-8", newline="")
    lines = csv.reader(text, strict=True)
    wanted = {each.casefold(): each for each in columns}
    try:
        head = next(lines, None)
        if head is None:
            return
        places = [(wanted[name.casefold()], place) for place, name in enumerate(head) if name.casefold() in wanted]
        for cells in lines:
            if len(cells) != len(head):
                raise BrokenContract(f"a result set has a row of {len(cells)} cells under {len(head)} columns")
            yield {name: cells[place] for name, place in places}
    except (csv.Error, UnicodeDecodeError) as error:
        raise BrokenContract(f"a result set is cut off or no CSV: {error}") from error
