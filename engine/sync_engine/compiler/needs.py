"""Which attributes and properties a mapping names."""

from __future__ import annotations

from sync_engine.catalog.mapping import (
    ExpressionRule,
    FieldMapping,
    FindByRule,
    LookupRule,
    MediaRule,
    NewOptions,
    TemplateRule,
    ValueRule,
)
from sync_engine.expressions import compile_expression, compile_template


def mapping_needs(mapping: FieldMapping) -> frozenset[str]:
    """Codes of what a mapping reads.

    Raises:
        InvalidExpression: its expression or template is wrong.
    """
    rule = mapping.rule
    if isinstance(rule, ExpressionRule):
        return compile_expression(rule.text, mapping.origin).names
    if isinstance(rule, TemplateRule):
        return compile_template(rule.text, mapping.origin).names
    if isinstance(rule, (LookupRule, FindByRule)):
        return frozenset({rule.value})
    return frozenset({rule.code}) if isinstance(rule, (ValueRule, MediaRule)) else frozenset()


def mapping_parts(mapping: FieldMapping) -> frozenset[str]:
    """Codes of what a mapping reads beside ``mapping_needs`` if they are attributes of linked records.

    Raises:
        InvalidExpression: likewise.
    """
    rule = mapping.rule
    if isinstance(rule, ExpressionRule):
        return compile_expression(rule.text, mapping.origin).parts
    return compile_template(rule.text, mapping.origin).parts if isinstance(rule, TemplateRule) else frozenset()


def reads_labels(mapping: FieldMapping) -> bool:
    """Whether what a mapping makes may depend on the labels of the codes that it reads."""
    return mapping.labels or isinstance(mapping.rule, ExpressionRule | TemplateRule)


def mapping_labelled(mapping: FieldMapping) -> frozenset[str]:
    """Codes of what a mapping reads with its labels, if it may be more than codes.

    Raises:
        InvalidExpression: likewise.
    """
    if not reads_labels(mapping) and mapping.new_options is not NewOptions.CREATE:
        return frozenset()
    return mapping_needs(mapping) | mapping_parts(mapping)
