"""What a schema finds in a document, as problems: one readable sentence per mistake, at the exact key or value.

The schemas help: where a combination of keys or the form of a text is wrong, they say so in ``errorMessage`` (which
editors show, too), so that nothing has to be guessed from the branches of a ``oneOf``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from sync_engine.catalog.findings import Findings, place_name
from sync_engine.catalog.schemas import Violation, violations
from sync_engine.documents import Plain, Pointer
from sync_engine.problems import nearest

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_TYPE_NAMES = {
    "object": "a mapping (keys with values)",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}


def check_shape(data: Plain, validator: Validator, findings: Findings, *, below: Pointer = (), private: bool) -> None:
    """Report everything in which a document differs from its schema.

    Args:
        data: the document's data, or the part of it under ``below``.
        validator: see ``make_validator``.
        findings: where the problems go.
        below: pointer of the part that is checked.
        private: values may be secrets, so messages do not quote them.
    """
    for found in violations(data, validator):
        violation = replace(found, pointer=(*below, *found.pointer))
        if violation.pointer not in findings.document.refused:
            _report(violation, findings, private=private)


def _report(found: Violation, findings: Findings, *, private: bool) -> None:
    place = place_name(found.pointer)
    if found.of_name:
        findings.add("SE205", found.pointer, at_key=True, place=f"the key `{found.value}`", rule=_rule(found))
        return
    match found.rule:
        case "additionalProperties":
            _unknown_keys(found, findings)
        case "required":
            _missing_keys(found.limit, found, findings)
        case "dependencies":
            needed = [key for present, keys in found.limit.items() if present in found.value for key in keys]
            _missing_keys(needed, found, findings)
        case "anyOf" | "oneOf" | "not":
            _combination(found, findings)
        case "maxProperties" if found.message:
            _combination(found, findings)
        case "type":
            _type(found, findings, private=private)
        case "enum" | "const":
            _choice(found, findings, private=private)
        case "pattern" | "minLength" | "maxLength" | "format":
            findings.add("SE205", found.pointer, place=place, rule=_rule(found))
        case "minItems" | "maxItems" | "minProperties" | "maxProperties" | "uniqueItems":
            findings.add("SE207", found.pointer, at_key=True, place=place, rule=_count(found))
        case _:
            value = "what is written here" if private else _shown(found.value)
            findings.add("SE206", found.pointer, place=place, rule=_rule(found), found=value)


def _unknown_keys(found: Violation, findings: Findings) -> None:
    known = found.schema.get("properties", {})
    place = place_name(found.pointer)
    for key in found.value:
        if key not in known:
            hint = nearest(key, known) or f"Known keys: {_listed(known)}."
            findings.add("SE201", (*found.pointer, key), hint, at_key=True, key=key, place=place)


def _missing_keys(needed: Iterable[str], found: Violation, findings: Findings) -> None:
    for key in needed:
        if key not in found.value:
            findings.add("SE202", found.pointer, at_key=True, place=place_name(found.pointer), key=key)


def _combination(found: Violation, findings: Findings) -> None:
    """A rule about several keys; a schema without ``errorMessage`` is explained by what its branches require."""
    place = place_name(found.pointer)
    at_key = isinstance(found.value, dict)
    branches = found.limit if isinstance(found.limit, list) else []
    needed = [each["required"] for each in branches if "required" in each]
    if found.message or not at_key or not needed or len(needed) < len(branches):
        rule = found.message or "this combination is not possible"
        findings.add("SE208", found.pointer, at_key=at_key, place=place, rule=rule)
        return
    # The alternative that the user seems to have begun: the one with the greatest share of its keys.
    begun = max(needed, key=lambda keys: sum(key in found.value for key in keys) / len(keys))
    missing = [key for key in begun if key not in found.value]
    if missing and len(missing) < len(begun):
        _missing_keys(missing, found, findings)
        return
    alternatives = ", or ".join(_listed(keys, " and ") for keys in needed)
    findings.add("SE208", found.pointer, at_key=True, place=place, rule=f"write either {alternatives}")


def _type(found: Violation, findings: Findings, *, private: bool) -> None:
    allowed = [found.limit] if isinstance(found.limit, str) else found.limit
    hint = ""
    if isinstance(found.value, bool | int | Decimal) and not private:
        written = str(found.value).lower()
        if "const" in found.schema.get("properties", {}):
            hint = f"A fixed value is written `{{const: {written}}}`."
        elif "string" in allowed:
            hint = f'Write it in quotes: "{written}".'
    findings.add(
        "SE203",
        found.pointer,
        hint,
        at_key=found.value is None,
        place=place_name(found.pointer),
        expected=" or ".join(_TYPE_NAMES[each] for each in allowed),
        found=_type_name(found.value),
    )


def _choice(found: Violation, findings: Findings, *, private: bool) -> None:
    allowed = [found.limit] if found.rule == "const" else found.limit
    words = [each for each in allowed if isinstance(each, str)]
    hint = nearest(found.value, words) if isinstance(found.value, str) and not private else ""
    findings.add(
        "SE204",
        found.pointer,
        hint,
        place=place_name(found.pointer),
        allowed=("one of " if len(allowed) > 1 else "") + ", ".join(map(_shown, allowed)),
        found="what is written here" if private else _shown(found.value),
    )


def _rule(found: Violation) -> str:
    """What a text or a number must be, in words."""
    words = {
        "minLength": "must not be empty" if found.limit == 1 else f"must have at least {found.limit} characters",
        "maxLength": f"must have at most {found.limit} characters",
        "minimum": f"at least {found.limit}",
        "maximum": f"at most {found.limit}",
    }
    return words.get(found.rule) or found.message or f"does not fit `{found.rule}: {found.limit}`"


def _count(found: Violation) -> str:
    entries = f"{found.limit} {'entry' if found.limit == 1 else 'entries'}"
    if found.rule == "uniqueItems":
        return "each entry once only"
    what = "Items" if found.rule.endswith("Items") else "Properties"
    if found.schema.get(f"min{what}") == found.schema.get(f"max{what}"):
        return f"exactly {entries}"
    return f"at {'least' if found.rule.startswith('min') else 'most'} {entries}"


def _type_name(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | Decimal():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _shown(value: object) -> str:
    """A value in a message, short."""
    if isinstance(value, dict | list):
        return _type_name(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"


def _listed(names: Iterable[str], between: str = ", ") -> str:
    return between.join(f"`{each}`" for each in names)
