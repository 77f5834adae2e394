"""Jinja's immutable sandbox, narrowed further: own filters, own operators, no attributes, no callables.

What gets past ``language`` cannot reach a Python attribute: ``getattr`` and ``getitem`` know the few kinds of values
and nothing else. Time and size are checked wherever something may take long or grow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from jinja2 import StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sync_engine.expressions import numbers
from sync_engine.expressions.errors import EvaluationFailed
from sync_engine.expressions.filters import FILTERS, TESTS
from sync_engine.expressions.values import Quantity, kind_of, limited, text_of

TIME_BUDGET = 0.1
"""Seconds of processor time that one evaluation may use; time spent waiting for the processor does not count."""


class Evaluation(Context):
    """One evaluation: the variables it sees and the time it has."""

    _look_at = 0.0
    _until = 0.0

    def check_time(self) -> None:
        """Stop an evaluation whose time is up; it begins with the first check, before anything that may take long.

        Asking for processor time is a call of the operating system, asking for the time of day is not, and hardly any
        evaluation takes long. So the clock of the processor starts only when a time as long as the budget is over.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        if not self._look_at:
            self._look_at = now + TIME_BUDGET
        elif not self._until:
            self._until = time.thread_time() + TIME_BUDGET
        elif time.thread_time() > self._until:
            raise EvaluationFailed("OUT_OF_TIME", f"the evaluation took longer than {TIME_BUDGET * 1000:.0f} ms")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all expressions; nothing in it changes after it is made."""

    context_class = Evaluation
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(self) -> None:
        # Nothing is computed while compiling: a constant part is not to run without time and size being checked.
        super().__init__(undefined=StrictUndefined, finalize=_written, optimized=False, autoescape=False)
        self.globals.clear()
        self.filters = {name: _bounded(function) for name, function in FILTERS.items()}
        self.tests = dict(TESTS)

    def getitem(self, obj: object, argument: object) -> object:
        """A part of a value: an entry, an item or character by position, ``amount`` and ``unit`` of a measurement.

        A part that is not there has no value, and neither has a part of no value.
        """
        if obj is None:
            return None
        if isinstance(obj, Mapping):
            return obj.get(argument) if isinstance(argument, str) else None
        if isinstance(obj, str | tuple | list) and isinstance(argument, int) and not isinstance(argument, bool):
            return obj[argument] if -len(obj) <= argument < len(obj) else None
        if isinstance(obj, Quantity) and argument in ("amount", "unit"):
            return getattr(obj.measurement, str(argument))
        raise EvaluationFailed("WRONG_TYPE", f"{kind_of(obj)} has no part `{str(argument)[:40]}`")

    def getattr(self, obj: object, attribute: str) -> object:
        """The same as ``getitem``: values have parts, not attributes."""
        return self.getitem(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Arithmetic on numbers; ``+`` also puts texts or lists together."""
        _check_time(context)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return limited(left + right)
        if operator == "+" and isinstance(left, tuple | list) and isinstance(right, tuple | list):
            return limited((*left, *right))
        doing = f"`{operator}`"
        return numbers.calculate(operator, numbers.as_number(left, doing), numbers.as_number(right, doing))

    def call_unop(self, context: Context, operator: str, arg: object) -> object:
        """The sign of a number."""
        _check_time(context)
        return numbers.calculate(operator, 0, numbers.as_number(arg, f"`{operator}`"))


def _check_time(context: Context) -> None:
    if isinstance(context, Evaluation):
        context.check_time()


def _bounded(function: Callable[..., object]) -> Callable[..., object]:
    """A filter that takes and gives values of bounded size, and stops when the time is up."""

    @pass_context
    def run(context: Context, value: object, *arguments: object, **named: object) -> object:
        _check_time(context)
        return limited(function(limited(value), *arguments, **named))

    return run


@pass_context
def _written(context: Context, value: object) -> str:
    """What a template writes for a value."""
    _check_time(context)
    return text_of(value)


SANDBOX = Sandbox()
