"""Write a test of what a record becomes now: a text that is appended to a file, so that nothing in it is rewritten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.documents import Document, items, parse_document, table
from sync_engine.planner.encoding import Encoded
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.source import LINKS, SourceRecord, SourceSchema
from sync_engine.sdk.target import FieldType
from sync_engine.sdk.values import Blank
from sync_engine.trace.given import written_record
from sync_engine.trace.model import FieldTrace, RowTrace

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_NUMBERS = (FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY)
_WIDTH = 100


def recorded(
    name: str,
    stream: CompiledStream,
    record: SourceRecord,
    row: RowTrace,
    compiled: CompiledCatalog,
    snapshot: SourceSchema,
) -> dict[str, object]:
    """A test, as plain data, that expects what the row is now.

    Args:
        name: of the record, for the name of the test.
        stream: that makes the row.
        record: with all that the stream reads.
        row: what is expected.
        compiled: the catalog, with the labels that the source has now.
        snapshot: what it does not hold of these labels goes into the test.
    """
    given: dict[str, object] = {"stream": stream.name, "record": written_record(record, stream, stream.query)}
    if row.source_key != record.key:
        given["row"] = row.source_key.removeprefix(f"{record.key}/")
        name = f"{name} {given['row']}"
    labels = dict(_labels(stream, record, compiled, snapshot))
    if labels:
        given["labels"] = labels
    expect = {each.name: _plain(each) for each in row.fields if each.reason is None and each.result is not Blank.LEAVE}
    reject = {each.reason.field: each.reason.code for each in row.fields if each.reason is not None}
    test: dict[str, object] = {"name": f"{stream.name} {name}"[:255], "given": given}
    return {**test, **({"expect": expect} if expect else {}), **({"reject": reject} if reject else {})}


def _plain(field: FieldTrace) -> object:
    value: Encoded | Blank = field.result
    if isinstance(value, str) and field.compiled.description.type in _NUMBERS:
        return Decimal(value)
    return value


def _labels(
    stream: CompiledStream, record: SourceRecord, compiled: CompiledCatalog, snapshot: SourceSchema
) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """Labels of the linked records that the record names, as far as the snapshot does not know them."""
    for code in sorted(stream.query.attributes):
        attribute = stream.known[code]
        known = snapshot.attributes.get(code)
        if attribute.kind not in LINKS or not attribute.options or (known and known.options):
            continue
        named = {
            each
            for entry in record.values.get(code, ())
            for each in (entry.data if isinstance(entry.data, tuple) else (entry.data,))
        }
        wanted = compiled.catalog.locales
        found = {
            option.code: {locale: label for locale, label in option.labels.items() if locale in wanted}
            for option in attribute.options
            if option.code in named
        }
        if found:
            yield code, found


def append_test(path: Path, catalog: str, test: Mapping[str, object]) -> None:
    """Add a test to the end of a file, which is made if it is not there; what is in it stays as it is.

    Raises:
        Refused: the file does not end with its list of tests, or cannot be read.
    """
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"version: 1\ncatalog: {catalog}\ntests:\n" + _item(test, 2), encoding="utf-8")
        return
    before = parse_document(path.read_text(encoding="utf-8"), path.name, path)
    if isinstance(before, Document):
        held = items(table(before.data).get("tests"))
        column = before.origin(("tests", 0)).column if held else 5
        text = f"{before.text.rstrip()}\n{_item(test, max(column - 3, 0))}"
        after = parse_document(text, path.name, path)
        longer = items(table(after.data).get("tests")) if isinstance(after, Document) and not after.problems else []
        if len(longer) == len(held) + 1 and longer[:-1] == held:
            path.write_text(text, encoding="utf-8")
            return
    raise Refused(
        f"{path} does not end with a list of tests to which one could be added",
        hint="Put `tests:` last, with a `-` before each test, or move the file away.",
    )


def _item(test: Mapping[str, object], indent: int) -> str:
    lines = list(_block(test, 0))
    return "".join(f"{' ' * indent}{'- ' if number == 0 else '  '}{each}\n" for number, each in enumerate(lines))


def _block(value: Mapping[str, object], indent: int) -> Iterator[str]:
    """A table, each entry on a line of its own where it is short enough, else in a block of its own."""
    for key, each in value.items():
        head = f"{' ' * indent}{_word(key)}:"
        flow = _flow(each)
        if isinstance(each, Mapping) and each and (len(head) + len(flow) > _WIDTH or (indent < 4 and key != "labels")):
            yield head
            yield from _block(each, indent + 2)
        else:
            yield f"{head} {flow}"


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str):
        return _word(value)
    return json.dumps(value)


def _word(text: str) -> str:
    """A text without quotes where nobody could take it for something else."""
    return text if _PLAIN.match(text) and text.casefold() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """The text in double quotes, where JSON and YAML agree; what does not print is escaped."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04X}" for each in written)
