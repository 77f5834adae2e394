"""Text of a catalog → a compiled expression or template.

The syntax tree is checked against an allow-list before Jinja makes code of it, and what it makes runs in its immutable
sandbox with our filters, our tests and no globals at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from functools import cache
from typing import TYPE_CHECKING, Any

from sync_engine.expressions.limits import MOST_CHARACTERS, Budget, EvaluationFailed, bounded
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import NOWHERE, Origin, Problem

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

    from sync_engine.expressions.environment import Sandbox

LONGEST = 4_000
"""Characters of an expression or template; a longer one is a program, and programs do not belong in a catalog."""
DEEPEST = 100
VALUES = "values"
"""The name under which codes that are no identifiers are reached: ``values["3d-code"]``."""


class InvalidExpression(Exception):
    """The text is no expression; ``problem`` says where and why."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.message)
        self.problem = found


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        text: as written.
        names: the attributes and properties it reads.
    """

    text: str
    names: frozenset[str]
    _run: Callable[[Mapping[str, object]], object] = field(repr=False)

    def evaluate(self, variables: Mapping[str, object]) -> object:
        """The value; text, numbers, lists and none keep their types.

        Args:
            variables: a value for each of ``names``.

        Raises:
            EvaluationFailed: it came to no result.
        """
        return self._run(variables)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; see ``Expression``."""

    text: str
    names: frozenset[str]
    _run: Callable[[Mapping[str, object]], str] = field(repr=False)

    def evaluate(self, variables: Mapping[str, object]) -> str:
        """The text; a variable without a value leaves nothing."""
        return self._run(variables)


def compile_expression(text: str, origin: Origin = NOWHERE) -> Expression:
    """Compile an expression such as ``release_date and release_date >= '2025-01-01'``.

    Args:
        text: the expression, without braces.
        origin: where it was written, for the problem.

    Raises:
        InvalidExpression: it is none, or uses what does not exist here.
    """
    from jinja2 import nodes
    from jinja2.parser import Parser

    _check_length(text, origin)
    environment = _environment()

    def parse() -> nodes.Template:
        parser = Parser(environment, text, state="variable")
        parsed = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("there is something behind the expression")
        return nodes.Template([nodes.Output([parsed], lineno=1)], lineno=1)

    tree, names, numbers = _checked(parse, origin)
    # What was checked as something to print is assigned instead: printing would make text of it.
    (parsed,) = tree.body[0].iter_child_nodes()
    tree.body = [nodes.Assign(nodes.Name("result", "store"), parsed, lineno=1)]
    template = _build(environment, tree, origin)

    def run(variables: Mapping[str, object]) -> object:
        context = template.new_context(_visible(variables, numbers))
        _protected(environment.budget, lambda: [*template.root_render_func(context)])
        return _settled(context.vars["result"])

    return Expression(text, names, run)


def compile_template(text: str, origin: Origin = NOWHERE) -> Template:
    """Compile a template such as ``{{ name }}: {{ description | striptags }}``; see ``compile_expression``."""
    _check_length(text, origin)
    environment = _environment()
    tree, names, numbers = _checked(lambda: environment.parse(text), origin)
    template = _build(environment, tree, origin)

    def pieces(context: Any) -> str:
        found: list[str] = []
        size = 0
        for piece in template.root_render_func(context):
            size += len(piece)
            if size > MOST_CHARACTERS:
                bounded(" " * (MOST_CHARACTERS + 1))
            found.append(piece)
        return "".join(found)

    def run(variables: Mapping[str, object]) -> str:
        context = template.new_context(_visible(variables, numbers))
        return str(_protected(environment.budget, lambda: pieces(context)))

    return Template(text, names, run)


def _check_length(text: str, origin: Origin) -> None:
    if len(text) > LONGEST:
        raise InvalidExpression(problem("SE404", origin, length=f"{len(text):,}", limit=f"{LONGEST:,}"))


def _checked(
    parse: Callable[[], nodes.Template], origin: Origin
) -> tuple[nodes.Template, frozenset[str], dict[str, Decimal]]:
    """The parsed text after the allow-list, the names it reads and its decimal numbers."""
    from jinja2 import TemplateSyntaxError

    from sync_engine.expressions.syntax import Forbidden, check

    try:
        tree = parse()
        return check(tree, VALUES, DEEPEST)
    except TemplateSyntaxError as error:
        raise InvalidExpression(problem("SE401", _at(origin, error.lineno), why=error.message or "")) from None
    except RecursionError:
        raise InvalidExpression(problem("SE402", origin, what="such deep nesting")) from None
    except Forbidden as error:
        hint = nearest(error.name, error.known) if error.name else ""
        raise InvalidExpression(problem(error.code, _at(origin, error.line), hint, what=error.what)) from None


def _build(environment: jinja2.Environment, tree: nodes.Template, origin: Origin) -> jinja2.Template:
    try:
        return environment.from_string(tree)
    except (RecursionError, MemoryError, SyntaxError):
        raise InvalidExpression(problem("SE402", origin, what="such deep nesting")) from None


def _at(origin: Origin, line: int) -> Origin:
    """The place of a line of the text: the first is the value's own, of the others only the line is known."""
    return origin if line <= 1 or not origin.line else Origin(origin.file, origin.line + line - 1, 1)


def _visible(variables: Mapping[str, object], numbers: dict[str, Decimal]) -> dict[str, object]:
    return {**variables, **numbers, VALUES: variables}


def _protected(budget: Budget, evaluate: Callable[[], object]) -> object:
    """Run an evaluation; whatever goes wrong in it becomes one kind of failure."""
    from jinja2 import TemplateError

    budget.start()
    try:
        found = evaluate()
    except EvaluationFailed:
        raise
    except TemplateError as error:
        raise EvaluationFailed("EXPRESSION_FAILED", _short(error.message or "it failed")) from None
    except DecimalException as error:
        raise EvaluationFailed("EXPRESSION_FAILED", f"arithmetic failed: {type(error).__name__}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise EvaluationFailed("EXPRESSION_FAILED", _short(str(error))) from None
    budget.check()
    return found


def _short(message: str) -> str:
    return message if len(message) <= 200 else message[:199] + "…"


def _settled(value: object) -> object:
    """A result in the types that mappings know."""
    from jinja2 import Undefined

    if isinstance(value, Undefined):
        raise EvaluationFailed("EXPRESSION_FAILED", "the result does not exist: an attribute or an item is missing")
    if isinstance(value, str):
        return bounded(str(value))
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(value, tuple):
        return bounded(tuple(str(each) if isinstance(each, str) else each for each in value))
    if isinstance(value, float):  # no operation makes one; if one ever does, it must not pass for exact
        raise EvaluationFailed("EXPRESSION_FAILED", "the result is a binary fraction, which is never exact")
    if value is None or isinstance(value, (bool, int, Decimal)):
        return bounded(value)
    raise EvaluationFailed("EXPRESSION_FAILED", "the result is no text, number, yes/no value or list")


@cache
def _environment() -> Sandbox:
    from sync_engine.expressions.environment import make_environment

    return make_environment()
