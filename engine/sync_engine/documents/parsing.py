"""From text to plain data: a constructor on the parser's events, so that a bomb is refused at its first anchor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from sync_engine.documents.plain import Document, Plain, Pointer
from sync_engine.documents.reading import FORBIDDEN, read_text, refuse_characters
from sync_engine.documents.scalars import Ambiguous, plain_scalar
from sync_engine.problems import problem
from sync_engine.sdk.problem import Origin, Problem

MAX_DEPTH = 50
MAX_VALUES = 30_000
MAX_PROBLEMS = 1_000
# The parser in C is about ten times as fast; both give the same events.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SYNTAX_HINTS = {
    "a tab stands": "Indent with spaces.",
    "could not find expected ':'": "A `:` is missing behind a key, or a text with line breaks needs quotes.",
    "mapping values are not allowed": "A text that holds `: ` needs quotes, or the line is indented too far.",
    "expected <block end>": "Keys of one block must start in the same column.",
    "did not find expected key": "Keys of one block must start in the same column.",
    "expected ',' or": "A `,` or the closing bracket is missing.",
    "cannot start any token": "A text that starts with this character needs quotes.",
    "unexpected end of stream": "A closing quote or bracket is missing.",
}
_MERGE_MARK = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)


class _Stop(Exception):
    """Reading further makes no sense; the problem is recorded."""


def load_document(path: Path, display_name: str, *, root: Path | None = None) -> Document | list[Problem]:
    """Read one YAML file.

    Args:
        path: the file.
        display_name: how messages call it, as the user would type it.
        root: folder that the file must lie in when links are followed; None for anywhere.

    Returns:
        The document with what was refused in it, or the problems when it has no readable structure. Whatever the bytes
        are, nothing is raised.
    """
    text = read_text(path, display_name, root)
    return parse_document(text, display_name, path) if isinstance(text, str) else text


def parse_document(text: str, name: str, path: Path = Path()) -> Document | list[Problem]:
    """The document that a text holds, or the problems when it has no readable structure; see ``load_document``."""
    if characters := refuse_characters(text, name):
        return characters
    builder = _Builder(name)
    data = builder.build(text)
    problems = sorted(builder.problems, key=lambda each: each.origin)
    if not builder.complete:
        return problems
    refused = frozenset(builder.refused)
    return Document(path, name, text, data, builder.places, builder.key_places, tuple(problems), refused)


class _Builder:
    """Builds the data of one document and notes each place; a refused node is noted and becomes None."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.refused: set[Pointer] = set()
        self.complete = False
        self.places: dict[Pointer, Origin] = {}
        self.key_places: dict[Pointer, Origin] = {}
        self._events: Iterator[yaml.Event] = iter(())

    def build(self, text: str) -> Plain:
        self._events = yaml.parse(text, Loader=_LOADER)
        try:
            data = self._document()
        except _Stop:
            return None
        except yaml.YAMLError as error:
            self._syntax(error, text)
            return None
        self.complete = True
        return data

    def _document(self) -> Plain:
        next(self._events)  # start of the stream
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            self._stop("SE108", Origin(self.name, 1, 1), file=self.name)
        if getattr(start, "version", None) or getattr(start, "tags", None):
            self._refuse("SE117", start)
        first = next(self._events)
        data = self._node(first, (), 1)
        if data is None and not self.problems:
            self._stop("SE108", self._origin(first), file=self.name)
        next(self._events)  # end of the document
        behind = next(self._events)
        if not isinstance(behind, yaml.StreamEndEvent):
            self._refuse("SE109", behind)
        return data

    def _node(self, event: yaml.Event, pointer: Pointer, depth: int) -> Plain:
        """The value that starts with this event, its children included."""
        self.places[pointer] = self._origin(event)
        if depth > MAX_DEPTH:
            self._stop("SE115", self._origin(event), limit=MAX_DEPTH)
        if len(self.places) > MAX_VALUES:
            self._stop("SE118", self._origin(event), limit=MAX_VALUES)
        if isinstance(event, yaml.AliasEvent):
            self._refuse("SE110", event, written=f"*{event.anchor}")
            self.refused.add(pointer)
            return None
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise TypeError(f"the parser gave {type(event).__name__} where a value starts")
        if event.anchor is not None:
            self._refuse("SE110", event, written=f"&{event.anchor}")
        if event.tag is not None:
            self._refuse("SE111", event, tag=event.tag.replace("tag:yaml.org,2002:", "!!"))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(pointer, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, pointer)
        return self._sequence(pointer, depth)

    def _mapping(self, pointer: Pointer, depth: int) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, pointer, depth)
            child = (*pointer, key if key is not None else "?")
            again = key is not None and key in found
            if key is not None and again:
                first = self.key_places[child]
                self._refuse("SE113", event, key=key, line=first.line, column=first.column)
            origins = (self.places.get(child), self.key_places.get(child))
            self.key_places[child] = self._origin(event)
            value = self._node(next(self._events), child, depth + 1)
            if again and origins[0] is not None and origins[1] is not None:
                self.places[child], self.key_places[child] = origins[0], origins[1]
            elif key is not None:
                found[key] = value
        return found

    def _key(self, event: yaml.Event, pointer: Pointer, depth: int) -> str | None:
        """The text of a key; None when it was refused."""
        if isinstance(event, yaml.ScalarEvent) and not event.style and event.value == "<<":
            self._refuse("SE112", event)
            return None
        before = len(self.problems)
        key = self._node(event, (*pointer, "?"), depth + 1)
        if isinstance(key, str):
            return key
        if len(self.problems) == before:
            written = event.value if isinstance(event, yaml.ScalarEvent) else "a list or a mapping"
            self._refuse("SE114", event, key=written or "nothing")
        return None

    def _sequence(self, pointer: Pointer, depth: int) -> list[Plain]:
        found: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._node(event, (*pointer, len(found)), depth + 1))
        return found

    def _scalar(self, event: yaml.ScalarEvent, pointer: Pointer) -> Plain:
        # A control character can also be written as an escape: "\0".
        if forbidden := FORBIDDEN.search(event.value):
            self._refuse("SE106", event, character=f"U+{ord(forbidden[0]):04X}")
            self.refused.add(pointer)
            return None
        if event.style:
            return str(event.value)
        try:
            return plain_scalar(event.value)
        except Ambiguous:
            self._refuse("SE116", event, hint=f'Write it in quotes if it is a text: "{event.value}".', text=event.value)
            self.refused.add(pointer)
            return None

    def _origin(self, event: yaml.Event) -> Origin:
        mark = event.start_mark
        return Origin(self.name, mark.line + 1, mark.column + 1) if mark else Origin(self.name, 1, 1)

    def _refuse(self, code: str, event: yaml.Event, hint: str = "", **values: object) -> None:
        self.problems.append(problem(code, self._origin(event), hint, **values))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def _stop(self, code: str, origin: Origin, **values: object) -> None:
        self.problems.append(problem(code, origin, "", **values))
        raise _Stop

    def _syntax(self, error: yaml.YAMLError, text: str) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        origin = Origin(self.name, mark.line + 1, mark.column + 1) if mark else Origin(self.name, 1, 1)
        reason = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "this is not YAML")
        if mark and text[mark.index : mark.index + 1] == "\t":
            reason = "a tab stands where only spaces may"
        hint = next((hint for part, hint in _SYNTAX_HINTS.items() if part in reason), "")
        if marks := _MERGE_MARK.search(text):
            line = text.count("\n", 0, marks.start()) + 1
            hint = f"Line {line} is a mark of a merge that was not finished: decide for one side, and remove the marks."
        self.problems.append(problem("SE107", origin, hint, reason=reason))
