"""SE36: values that a field will not hold, as far as the described schemas tell."""

from __future__ import annotations

from sync_engine.problems.code import Code
from sync_engine.sdk.problem import Severity

CODES: dict[str, Code] = {
    "SE360": Code(
        "{share} of `{name}` are not in the picklist {field}: {options}",
        "Records with these choices will be rejected. Add the values to the picklist, send labels instead of codes or "
        "the reverse with `labels`, or translate them with `translate`.",
        Severity.WARNING,
    ),
    "SE361": Code(
        "{share} of `{name}` are too long for {field}: {options}",
        "Records with these choices will be rejected. `truncate` cuts them if that is what you want.",
        Severity.WARNING,
    ),
    "SE362": Code(
        "{share} of `{name}` hold a semicolon, which separates the values of {field}: {options}",
        "Records with these choices will be rejected. Rename them in the PIM, or translate them with `translate`.",
        Severity.WARNING,
    ),
    "SE363": Code(
        "{share} of `{name}` are not in the `translate` table of {field}: {options}",
        "Records with these choices will be rejected. Add them to the table, or say with `otherwise` what becomes of "
        "them.",
        Severity.WARNING,
    ),
    "SE364": Code(
        "`{name}` always has 36 characters, {field} takes {length}",
        "No record could be written. Choose a longer field.",
    ),
    "SE366": Code(
        "`new_options` has no effect on {field}, which is {type}",
        "It says what becomes of values that a picklist does not list.",
    ),
    "SE367": Code(
        "{field} is a restricted picklist: the target refuses values that it does not list",
        "Say `new_options: reject`, or `create` where values may be added, or make the picklist unrestricted.",
    ),
    "SE368": Code(
        "no values can be added to {field}: {why}",
        "Say `new_options: reject` and add the values in the target.",
    ),
    "SE369": Code(
        "`{name}` has no part `{part}`",
        "Prices have a part for each active currency (`price.EUR`), measurements `amount` and `unit`, rows of a table "
        "their columns.",
    ),
    "SE365": Code(
        "`{name}` may have decimals, {field} takes none",
        "Numbers with decimals will be rejected; `round: 0` rounds them if that is what you want.",
        Severity.WARNING,
    ),
}
