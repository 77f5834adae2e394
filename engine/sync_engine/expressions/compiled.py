"""Compiled expressions and templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import jinja2
from jinja2 import nodes
from jinja2.exceptions import TemplateError

from sync_engine.expressions.errors import EvaluationFailed
from sync_engine.expressions.language import VALUES, Reader, Source
from sync_engine.expressions.sandbox import SANDBOX
from sync_engine.expressions.values import MAX_SIZE, kind_of, result
from sync_engine.sdk.problem import Origin

_RESULT = "result of the expression"  # no attribute can have this name
_FAILURES = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        text: as written.
        names: the attributes and properties it reads.
    """

    text: str
    names: frozenset[str]
    _code: jinja2.Template = field(repr=False, compare=False)
    _uses_values: bool = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, object]) -> object:
        """Its value: text, int, Decimal, bool, None, a tuple of these, or a Measurement.

        Args:
            variables: one for each of ``names``, as ``variables.variable_maker`` makes them.

        Raises:
            EvaluationFailed: there is none.
        """
        try:
            context = self._code.new_context(_seen(variables, self._uses_values), shared=True)
            for _ in self._code.root_render_func(context):
                pass
            return result(context.vars[_RESULT_NAME])
        except EvaluationFailed:
            raise
        except _FAILURES as error:
            raise _failure(error, variables) from error


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; see ``Expression``."""

    text: str
    names: frozenset[str]
    _code: jinja2.Template = field(repr=False, compare=False)
    _uses_values: bool = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, object]) -> str:
        """Its text; what has no value is written as nothing.

        Raises:
            EvaluationFailed: there is none.
        """
        try:
            context = self._code.new_context(_seen(variables, self._uses_values), shared=True)
            return _collected(self._code.root_render_func(context))
        except EvaluationFailed:
            raise
        except _FAILURES as error:
            raise _failure(error, variables) from error
