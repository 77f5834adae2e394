"""Compiled expressions and templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import jinja2
from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.runtime import Context

from sync_engine.expressions.errors import EvaluationFailed, InvalidExpression
from sync_engine.expressions.language import VALUES, Reader, Source
from sync_engine.expressions.sandbox import SANDBOX, Evaluation
from sync_engine.expressions.values import MAX_SIZE, result
from sync_engine.sdk.problem import NOWHERE, Origin

_RESULT = "result"
_FAILURES = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        text: as written.
        names: the attributes and properties it reads.
        parts: pairs of names such as ``brand.country``: attributes, where the first one links to other records.
    """

    text: str
    names: frozenset[str]
    parts: frozenset[str]
    _code: jinja2.Template = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, object]) -> object:
        """Its value: text, int, Decimal, bool, None, a tuple of these, or a Measurement.

        Args:
            variables: one for each of ``names``, as ``variables.variable_maker`` makes them.

        Raises:
            EvaluationFailed: there is none.
        """
        try:
            context = _context(self._code, variables)
            for _ in self._code.root_render_func(context):
                pass
            found = context.vars[_RESULT]
            if isinstance(found, jinja2.Undefined):
                raise EvaluationFailed("NO_VALUE", "the expression reads something that does not exist")
            return result(found)
        except _FAILURES as error:
            raise _failure(error, variables) from error


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; see ``Expression``."""

    text: str
    names: frozenset[str]
    parts: frozenset[str]
    _code: jinja2.Template = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, object]) -> str:
        """Its text; what has no value is written as nothing.

        Raises:
            EvaluationFailed: there is none.
        """
        try:
            return _collected(self._code.root_render_func(_context(self._code, variables)))
        except _FAILURES as error:
            raise _failure(error, variables) from error


def compile_expression(text: str, origin: Origin, linked: frozenset[str]) -> Expression:
    """See the package."""
    try:
        return _expression(text, linked)
    except InvalidExpression:
        return _read_expression(text, origin, linked)  # raises it again, with the place


def compile_template(text: str, origin: Origin, linked: frozenset[str]) -> Template:
    """See the package."""
    try:
        return _template(text, linked)
    except InvalidExpression:
        return _read_template(text, origin, linked)


@lru_cache(maxsize=1024)
def _expression(text: str, linked: frozenset[str]) -> Expression:
    """What is compiled depends on the text and the links alone, and a catalog is both checked and compiled."""
    return _read_expression(text, NOWHERE, linked)


@lru_cache(maxsize=1024)
def _template(text: str, linked: frozenset[str]) -> Template:
    return _read_template(text, NOWHERE, linked)


def _read_expression(text: str, origin: Origin, linked: frozenset[str]) -> Expression:
    source = Source(text, origin, template=False)
    reader = Reader(source, linked)
    read = reader.read(source.parse())
    tree = nodes.Template([nodes.Assign(nodes.Name(_RESULT, "store"), read, lineno=1)], lineno=1)
    return Expression(text, frozenset(reader.names), frozenset(reader.parts), _code(tree))


def _read_template(text: str, origin: Origin, linked: frozenset[str]) -> Template:
    source = Source(text, origin, template=True)
    reader = Reader(source, linked)
    tree = reader.read(source.parse())  # which collects the names
    return Template(text, frozenset(reader.names), frozenset(reader.parts), _code(tree))


def _code(tree: nodes.Node) -> jinja2.Template:
    if not isinstance(tree, nodes.Template):
        raise TypeError(f"a template was expected, not {type(tree).__name__}")
    return SANDBOX.from_string(tree.set_environment(SANDBOX))  # type: ignore[arg-type]


def _context(code: jinja2.Template, variables: Mapping[str, object]) -> Context:
    # What `code.new_context` would make, without gathering the globals, of which there are none, every time.
    return Evaluation(SANDBOX, {**variables, VALUES: variables}, code.name, code.blocks)


def _collected(pieces: Iterable[str]) -> str:
    found: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_SIZE:
            raise EvaluationFailed("TOO_LARGE", f"the text has more than {MAX_SIZE:,} characters")
        found.append(piece)
    return "".join(found)


def _failure(error: Exception, variables: Mapping[str, object]) -> EvaluationFailed:
    """What went wrong, in the words of the catalog; the usual cause is a value that is not there."""
    if isinstance(error, TypeError):
        empty = sorted(name for name, value in variables.items() if value is None)
        if empty and "NoneType" in str(error):
            names = ", ".join(f"`{name}`" for name in empty)
            return EvaluationFailed("NO_VALUE", f"{names} has no value; test it first: `{empty[0]} and …`")
        return EvaluationFailed("WRONG_TYPE", _in_words(str(error)))
    return EvaluationFailed("WRONG_TYPE", _in_words(str(error)) or type(error).__name__)


_WORDS = {
    "NoneType": "no value",
    "Coded": "text",
    "str": "text",
    "int": "number",
    "decimal.Decimal": "number",
    "Decimal": "number",
    "bool": "true or false",
    "tuple": "list",
    "Quantity": "measurement",
    "mappingproxy": "mapping",
    "dict": "mapping",
}


def _in_words(message: str) -> str:
    """Python's message about types with the catalog's words for them."""
    for name, word in _WORDS.items():
        message = message.replace(f"'{name}'", word)
    return message
