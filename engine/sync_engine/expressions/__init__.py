"""Expressions and templates of the catalog language: compiled once, evaluated on each record's values.

The language is that of Jinja's expressions without anything that could run away or reach out: no statements, no calls,
no attributes of Python objects, filters from one short list, numbers that are exact, results of bounded size.
Start-up stays quick because jinja2 is imported by the first expression only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_engine.expressions.errors import EvaluationFailed, InvalidExpression
from sync_engine.sdk.problem import NOWHERE, Origin

if TYPE_CHECKING:
    from sync_engine.expressions.compiled import Expression, Template

__all__ = [
    "EvaluationFailed",
    "Expression",
    "InvalidExpression",
    "Template",
    "compile_expression",
    "compile_template",
]


def compile_expression(text: str, origin: Origin = NOWHERE, linked: frozenset[str] = frozenset()) -> Expression:
    """Compile an expression such as ``release_date and release_date >= '2025-01-01'``.

    Args:
        text: as written, without ``{{ }}``.
        origin: where the text starts in its file.
        linked: codes of the attributes that link to other records, whose parts (``brand.country``) are variables, too.

    Raises:
        InvalidExpression: with the problem (SE4xx) and its place.
    """
    from sync_engine.expressions import compiled

    return compiled.compile_expression(text, origin, linked)


def compile_template(text: str, origin: Origin = NOWHERE, linked: frozenset[str] = frozenset()) -> Template:
    """Compile a template such as ``{{ name }} ({{ sku }})``.

    Args:
        text: as written.
        origin: where the text starts in its file.
        linked: see ``compile_expression``.

    Raises:
        InvalidExpression: with the problem (SE4xx) and its place.
    """
    from sync_engine.expressions import compiled

    return compiled.compile_template(text, origin, linked)


def __getattr__(name: str) -> object:
    """The two classes on demand, so that importing this package does not import jinja2."""
    if name in ("Expression", "Template"):
        from sync_engine.expressions import compiled

        return getattr(compiled, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
