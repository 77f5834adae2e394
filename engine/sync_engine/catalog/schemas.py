"""JSON Schemas and what they find wrong with plain data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sync_engine.documents import Plain, Pointer

if TYPE_CHECKING:
    from jsonschema import TypeChecker
    from jsonschema.protocols import Validator

JsonSchema = Mapping[str, Any]


class Reference(str):
    """A text whose value is known only later; offline it satisfies every scalar type and every rule for its value."""

    __slots__ = ()


@cache
def read_schema(name: str) -> JsonSchema:
    """A schema of the package ``sync_engine_schemas``.

    Args:
        name: ``catalog``, ``project``, …
    """
    schema: JsonSchema = json.loads(files("sync_engine_schemas").joinpath(f"{name}.v1.json").read_bytes())
    return schema


@cache
def catalog_validator() -> Validator:
    """The validator of catalogs."""
    return make_validator(read_schema("catalog"))


def make_validator(schema: JsonSchema) -> Validator:
    """A draft-07 validator that knows ``Reference``, takes ``1.0`` for no whole number, and never fetches a schema."""
    from referencing import Registry

    return _dialect()(schema, registry=Registry())


@cache
def _dialect() -> Callable[..., Validator]:
    from jsonschema import Draft7Validator, validators

    def skipping_references(check: Callable[..., Any]) -> Callable[..., Any]:
        def checked(validator: Any, rule: Any, instance: Any, schema: Any) -> Any:
            return () if isinstance(instance, Reference) else check(validator, rule, instance, schema)

        return checked

    def scalar(*types: type) -> Callable[[TypeChecker, object], bool]:
        def is_one(_checker: TypeChecker, instance: object) -> bool:
            if isinstance(instance, bool):
                return bool in types
            return isinstance(instance, (*types, Reference))

        return is_one

    types = Draft7Validator.TYPE_CHECKER.redefine_many(
        {"integer": scalar(int), "number": scalar(int, Decimal), "boolean": scalar(bool)}
    )
    of_values = ("pattern", "minLength", "maxLength", "enum", "const", "minimum", "maximum", "format", "multipleOf")
    rules = {name: skipping_references(Draft7Validator.VALIDATORS[name]) for name in of_values}
    extend: Callable[..., Callable[..., Validator]] = validators.extend
    return extend(Draft7Validator, rules, type_checker=types)


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule of a schema that a value breaks.

    Attributes:
        pointer: the value.
        rule: keyword of JSON Schema.
        limit: what the keyword says.
        value: the value that breaks it; of a rule for names, the name.
        schema: the schema that holds the keyword.
        of_name: the rule is for a key and not for what stands behind it.
    """

    pointer: Pointer
    rule: str
    limit: Any
    value: Any
    schema: JsonSchema
    of_name: bool

    @property
    def message(self) -> str:
        """The sentence that the schema itself has for this; editors show it, too."""
        return str(self.schema.get("errorMessage", ""))


def violations(data: Plain, validator: Validator) -> Iterator[Violation]:
    """Every rule that the data breaks."""
    errors: Iterator[Any] = validator.iter_errors(data)  # type: ignore[arg-type]  # the stubs know no Decimal
    for error in errors:
        of_name = "propertyNames" in error.absolute_schema_path
        pointer = (*error.absolute_path, error.instance) if of_name else tuple(error.absolute_path)
        yield Violation(pointer, error.validator, error.validator_value, error.instance, error.schema, of_name)
