"""The CSV files of bulk jobs, read strictly and written with every cell quoted."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CELL_MAX = 32_000
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class InvalidBatch(ValueError):
    """The data cannot be worked on at all; the message becomes the job's ``errorMessage``."""


def read_csv(data: bytes, delimiter: str, line_ending: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a job's data; empty lines are passed over.

    Args:
        data: the file.
        delimiter: the name of its delimiter, such as ``COMMA``.
        line_ending: ``LF`` or ``CRLF``; the first row decides whether the file has it.

    Raises:
        InvalidBatch: the data is not a CSV of the declared form.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidBatch("InvalidBatch : The data is not valid UTF-8") from error
    first = text.find("\n")
    if first >= 0 and (text[first - 1 : first] == "\r") != (line_ending == "CRLF"):
        message = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is"
        raise InvalidBatch(f"{message} {line_ending}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter], strict=True)
    try:
        lines = [line for line in reader if line]
    except csv.Error as error:
        raise InvalidBatch(f"InvalidBatch : Failed to parse input file: {error}") from error
    if not lines:
        raise InvalidBatch("InvalidBatch : The job has no data")
    header = lines.pop(0)
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            found = f"row {number} has {len(line)} columns, the header {len(header)}"
            raise InvalidBatch(f"InvalidBatch : Failed to parse input file: {found}")
        if max(map(len, line)) > CELL_MAX:
            raise InvalidBatch(f"InvalidBatch : Row {number} has a field longer than {CELL_MAX} characters")
    return header, lines


def write_csv(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str, line_ending: str) -> str:
    """A result file."""
    between, end = f'"{DELIMITERS[delimiter]}"', f'"{LINE_ENDINGS[line_ending]}'
    # The library's writer looks at every character by itself, which takes several times as long.
    lines = (between.join([cell.replace('"', '""') for cell in row]) for row in (header, *rows))
    return "".join([f'"{line}{end}' for line in lines])
