"""SE4: expressions and templates."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE401": Code(
        "this {what} cannot be read: {reason}",
        "An operator, a bracket or a quote is missing or too many. Texts inside expressions stand in quotes.",
    ),
    "SE402": Code(
        "{construct} does not exist in expressions and templates",
        "They read values, compare them, calculate, choose with `a if b else c` and change values by filters. They are "
        "no programs: no statements, calls, loops or imports.",
    ),
    "SE403": Code(
        "there is no filter `{name}`",
        "Filters come from a fixed list; each is quick and makes values of bounded size.",
    ),
    "SE404": Code(
        "there is no test `{name}`",
        "After `is` stands one of a few words, such as `none`, `string` or `number`.",
    ),
    "SE405": Code(
        "`{name}` is not used correctly: {reason}",
        "What a filter or a test takes is checked before anything runs.",
    ),
    "SE406": Code(
        "`{literal}` can be read as a number or as a text, or would not be exact",
        "Exponents, hexadecimal and octal numbers, underscores and leading zeros may be article numbers. In quotes it "
        "is a text; a number is written like `120000` or `0.5`, with at most 15 digits if it has decimals.",
    ),
    "SE407": Code(
        "this {what} is too large: {reason}",
        "Something that long is a program; compute it in the PIM, or use a `translate` table for many cases.",
    ),
    "SE408": Code(
        "an expression is written without {{{{ }}}}",
        "`expression:` takes the expression itself, and the type of its result survives. `template:` takes text with "
        "braces in it and always yields text.",
    ),
}
