"""CSV for Bulk API 2.0 (Bulk API 2.0 Guide, "Prepare CSV Files"): written so that every text comes back exactly.

Every cell is quoted, columns are declared and not taken from the data, lines end in LF. ``#N/A`` empties a field and an
empty cell leaves it alone; so a text that *is* ``#N/A`` cannot be sent and is refused, as is NUL, which Salesforce
drops. Text that a spreadsheet would take for a formula is data here and never altered.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import Batch, Operation, Reason, Row
from sync_engine_salesforce.rows import RowText

CLEAR = "#N/A"
LONGEST_FIELD = 32_000
LONGEST_RECORD = 400_000

# Python's own limit of 131,072 is lower than a record may be; there is one for the whole process.
csv.field_size_limit(max(csv.field_size_limit(), 4 * LONGEST_RECORD))


def unsendable(content: RowText) -> list[Reason]:
    """Why a row cannot be sent as CSV; empty when it can."""
    whole = content.whole
    if len(whole) <= LONGEST_FIELD and "\0" not in whole and CLEAR not in whole:
        return []
    reasons: list[Reason] = []
    size = 0
    for name, text in content.named:
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
    return reasons


def key_column(batch: Batch) -> str:
    """The column by which Salesforce, and we in its answers, find a record."""
    return batch.key_field if batch.operation is Operation.UPSERT else "Id"


def key_cell(batch: Batch, row: Row) -> str:
    """What stands in the key column."""
    return row.key if batch.operation is Operation.UPSERT else row.target_id or ""


def write(batch: Batch, rows: Iterable[RowText], names: Mapping[str, str]) -> bytes:
    """The upload of a batch.

    Args:
        batch: its columns are the columns; a delete has the key column only, as Salesforce wants it.
        rows: those of its rows that can be sent.
        names: column name by field.
    """
    columns = () if batch.operation is Operation.DELETE else batch.columns
    lines = [_line([key_column(batch), *(names[each] for each in columns)])]
    left_alone = dict.fromkeys(columns, "")
    for content in rows:
        cells = {**left_alone, **content.texts}
        if len(content.texts) < len(content.row.values):
            cells.update(dict.fromkeys(content.emptied(), CLEAR))
        if len(cells) > len(columns):
            cells = {name: cells[name] for name in columns}
        lines.append(_line([key_cell(batch, content.row), *cells.values()]))
    return b"".join(lines)


def _line(cells: Sequence[str]) -> bytes:
    # The library's writer looks at every character by itself, which takes several times as long.
    # No cell holds NUL (see ``unsendable``), so it can part the cells while their quotes are doubled all at once; in
    # bytes, where both are one byte each, because texts with rare characters take twice as long.
    line = "\0".join(cells).encode()
    return b'"' + line.replace(b'"', b'""').replace(b"\0", b'","') + b'"\n'


class ResultSet:
    """A result file of a job: its columns, then its rows one by one.

    Args:
        content: the file; may be empty when it has no rows.
        what: names it in messages.
    """

    def __init__(self, content: bytes, what: str) -> None:
        self._what = what
        # Read line by line: as one text the file would take up to four times its size in memory.
        # Lines end in LF and not as splitlines has it: a quoted text may hold line breaks of every kind.
        lines = io.BytesIO(content.replace(b"\0", b"").removeprefix(codecs.BOM_UTF8))
        self._lines = csv.reader(map(bytes.decode, lines), strict=True)
        self._header = {name.casefold(): place for place, name in enumerate(self._next() or ())}

    def column(self, name: str) -> int:
        """Where the cells of a column stand in a row.

        Raises:
            BrokenContract: there is no such column.
        """
        place = self._header.get(name.casefold())
        if place is None:
            raise BrokenContract(f"{self._what} has no column {name}")
        return place

    def __iter__(self) -> Iterator[list[str]]:
        """The rows.

        Raises:
            BrokenContract: the file is cut off or no CSV.
        """
        while (cells := self._next()) is not None:
            if len(cells) != len(self._header):
                raise BrokenContract(f"{self._what} has a row of {len(cells)} cells under {len(self._header)} columns")
            yield cells

    def __bool__(self) -> bool:
        """Whether there is a header; a file without one has no rows either."""
        return bool(self._header)

    def _next(self) -> list[str] | None:
        try:
            return next(self._lines, None)
        except csv.Error as error:
            raise BrokenContract(f"{self._what} is cut off or no CSV: {error}") from None
        except UnicodeDecodeError:
            raise BrokenContract(f"{self._what} is not UTF-8") from None
