"""Every code a problem can have: one table, from which docs/errors.md is written.

Ranges: SE1 the file itself · SE2 shape of a document (schema) · SE3 names and types against the connections' schemas ·
SE4 expressions and templates · SE5 filters · SE6 project, connections, secrets · SE7 what is found when planning ·
SE9 accepted by the language but not supported yet.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from sync_engine.sdk.problem import NOWHERE, Origin, Problem, Severity


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means.

    Attributes:
        message: one sentence with ``{placeholders}``.
        explanation: why this is a problem and what to do, for docs/errors.md.
        severity: of every problem with this code.
    """

    message: str
    explanation: str
    severity: Severity = Severity.ERROR


CODES: dict[str, Code] = {
    # SE3: names and types against the schemas of the connections.
    "SE301": Code(
        "the source has no collection `{name}`",
        "`from:` names the records a stream reads, such as `products`, `product_models` or `categories`.",
    ),
    "SE302": Code(
        "`{name}` is no attribute and no property of {collection}",
        "Mappings and filters name attributes and properties by their code. `sync-engine attributes` lists them; after a "
        "change in the PIM, `sync-engine snapshot` refreshes what is known offline.",
    ),
    "SE303": Code(
        "the target has no object `{name}`, or hides it from this user",
        "`to:` names an object by its API name. An object that the integration user may not see looks the same as one "
        "that does not exist.",
    ),
    "SE304": Code(
        "{object} has no field `{name}`, or hides it from this user",
        "Fields are named by their API name; custom ones end in `__c`. A field hidden by field-level security looks the "
        "same as one that does not exist.",
    ),
    "SE305": Code(
        "{object}.{name} cannot be written: {why}",
        "Formulas, roll-ups, automatic numbers and compound fields are computed by the target.",
    ),
    "SE306": Code(
        "{object}.{name} is no external id, so records cannot be found by it",
        "The key of a stream must be a field marked External ID and Unique: only then is a repeated write safe.",
    ),
    "SE307": Code(
        "{object}.{name} is an external id but not unique, so two records could have the same key",
        "Mark the field Unique. Without it a repeated write can make a second record.",
    ),
    "SE308": Code(
        "{object}.{name} is required, but the stream does not map it",
        "A record cannot be created without this field. Map it, or give it a constant.",
    ),
    "SE309": Code(
        "`{name}` ({kind}) cannot fill {field} ({type}): {why}",
        "Each kind of attribute fits some types of field directly and others through an option such as `labels`, `join`, "
        "`unit`, `currency` or `number`.",
    ),
    "SE310": Code(
        "`{name}` has a value per channel, and neither the mapping nor `source.channel` names one",
        "Name the channel in the mapping or in `source.channel`.",
    ),
    "SE311": Code(
        "`{name}` has a value per locale, and neither the mapping nor `source.locales` names one",
        "Name the locale in the mapping or in `source.locales`.",
    ),
    "SE312": Code(
        "the source has no active locale `{name}`",
        "Locales are written as in the PIM, such as `en_US`, and must be active there.",
    ),
    "SE313": Code("the source has no channel `{name}`", "Channels are named by their code."),
    "SE314": Code(
        "`{name}` is no unit of the family {family}",
        "A measurement can only be converted to a unit of its own family.",
    ),
    "SE315": Code("the source has no active currency `{name}`", "Currencies are ISO 4217 codes, such as `EUR`."),
    "SE316": Code(
        "`{option}` does not apply to `{name}`, which is {kind}",
        "Options work on certain kinds only: `labels` on coded values, `unit` on measurements, `currency` on prices, "
        "`join` on lists.",
    ),
    "SE317": Code(
        "{field} refers to {expected}, but the stream `{stream}` writes {object}",
        "A lookup fills a reference field, which takes records of certain objects only.",
    ),
    "SE318": Code(
        "names and types were not checked: there is no snapshot of {connections}",
        "Save one with `sync-engine snapshot`, or ask the connections themselves with `--live`.",
        Severity.WARNING,
    ),
    "SE319": Code(
        "{value!r} does not fit {field}: {why}",
        "A constant, a default or an entry of a `translate` table must be a value that the target field takes.",
    ),
    "SE320": Code(
        "`{name}` ({kind}) cannot be used in mappings",
        "Attributes of this type are not supported as sources.",
    ),
    "SE321": Code(
        "{field} is no reference field, so a lookup cannot fill it",
        "A lookup writes a relationship. Map the attribute itself to write its text.",
    ),
    "SE322": Code(
        "the snapshot {file} cannot be read: {why}",
        "Save it anew with `sync-engine snapshot`.",
    ),
    "SE323": Code(
        "the option `{option}` of `{name}` has no label in {locale}; its code is used",
        "Add the label in the PIM, or map codes.",
        Severity.WARNING,
    ),
    "SE324": Code(
        "`{name}` allows up to {source} characters, {field} only {target}",
        "Longer values will be rejected; `truncate` cuts them if that is what you want.",
        Severity.WARNING,
    ),
}


def problem(code: str, origin: Origin = NOWHERE, hint: str = "", **values: object) -> Problem:
    """Make a problem from the table.

    Args:
        code: a key of ``CODES``.
        origin: where it was written.
        hint: what to do, when more can be said than the explanation does.
        values: fill the placeholders of the code's message.
    """
    entry = CODES[code]
    return Problem(code, entry.message.format(**values), origin, hint, entry.severity)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or an empty text when none is near."""
    candidates = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(name.casefold(), candidates, n=1, cutoff=0.6)
    return f"Did you mean `{candidates[found[0]]}`?" if found else ""
