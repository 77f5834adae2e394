"""Jinja's immutable sandbox with nothing in it but our filters and a few tests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS

from sync_engine.expressions.filters import FILTERS
from sync_engine.expressions.limits import Budget, EvaluationFailed, bounded
from sync_engine.expressions.variables import Amount

CONCAT = "_concat"
_TESTS = ("defined", "divisibleby", "eq", "even", "false", "ge", "gt", "in", "le", "lt", "ne", "none", "number", "odd")
TESTS: Mapping[str, Any] = {name: JINJA_TESTS[name] for name in (*_TESTS, "sequence", "string", "true", "undefined")}
_ATTRIBUTES = frozenset({"amount", "unit"})


class Sandbox(ImmutableSandboxedEnvironment):
    """Numbers calculate exactly, texts are not multiplied, nothing is called, and no attribute is reached but ours."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.budget = Budget()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - Jinja's signature
        """Only amount and unit of a measurement; prices are items, not attributes."""
        return isinstance(obj, Amount) and attr in _ATTRIBUTES

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 - Jinja's signature
        """Nothing is called; the syntax check has refused it already."""
        return False

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An attribute of a measurement, or the price in a currency: ``price.EUR``."""
        if isinstance(obj, dict):
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's
        """Arithmetic on numbers; ``+`` also puts texts and lists together."""
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            raise EvaluationFailed("EXPRESSION_FAILED", f"`{operator}` cannot use what does not exist")
        if left is None or right is None:
            raise EvaluationFailed("EXPRESSION_FAILED", f"`{operator}` cannot use an attribute that has no value")
        if operator == "+" and (isinstance(left, str) and isinstance(right, str)):
            return bounded(str(left) + str(right))
        if operator == "+" and isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
            return bounded((*left, *right))
        if not _is_number(left) or not _is_number(right):
            raise EvaluationFailed("EXPRESSION_FAILED", f"`{operator}` takes numbers")
        if operator == "/" and isinstance(left, int):
            left = Decimal(left)  # two whole numbers would make a binary fraction
        return bounded(self.binop_table[operator](left, right))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def make_environment() -> Sandbox:
    """The environment in which all expressions are compiled; it holds no state but each thread's budget."""
    environment = Sandbox(
        undefined=StrictUndefined, optimized=False, autoescape=False, finalize=_shown, cache_size=0, auto_reload=False
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    environment.filters.update({name: _watched(function, environment.budget) for name, function in FILTERS.items()})
    environment.filters[CONCAT] = _watched(_concat, environment.budget)
    environment.tests.update(TESTS)
    return environment


def _watched(function: Callable[..., object], budget: Budget) -> Callable[..., object]:
    @functools.wraps(function)
    def apply(value: object, *arguments: object, **named: object) -> object:
        budget.check()
        if isinstance(value, Undefined):
            raise EvaluationFailed("EXPRESSION_FAILED", "a filter cannot use what does not exist")
        return bounded(function(value, *arguments, **named))

    return apply


def _concat(items: tuple[object, ...]) -> str:
    """``a ~ b``: every part as text; none leaves nothing."""
    return "".join(_shown(each) for each in items)


def _shown(value: object) -> str:
    """How a value stands in a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (str, int, Amount)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(each) for each in value)
    raise EvaluationFailed("EXPRESSION_FAILED", f"a {type(value).__name__.lower()} cannot stand in a text")
