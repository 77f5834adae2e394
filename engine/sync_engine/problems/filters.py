"""SE5: filters and their criteria."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE501": Code(
        "`{name}` is no attribute and no property that a filter can name",
        "Filters name attributes and properties by their code; `sync-engine attributes` lists them.",
    ),
    "SE502": Code(
        "`{name}` ({kind}) cannot be filtered on",
        "The PIM has no operators for this kind of field.",
    ),
    "SE503": Code(
        "there is no operator `{operator}` for `{name}` ({kind})",
        "Each kind of field has operators of its own, as in the PIM's product filters.",
    ),
    "SE504": Code(
        "`{name} {operator}` takes {shape}, not {value!r}",
        "Write the value in the shape that the operator takes.",
    ),
    "SE505": Code(
        "`{value}` is none of the codes of `{name}`",
        "Filters name options, families and categories by their code, not by their label.",
    ),
    "SE506": Code(
        "`{name} {operator}` needs a {part} beside the amount",
        "Measurements and prices are compared in one unit or currency: `value: {amount: 2, unit: KILOGRAM}`.",
    ),
    "SE507": Code(
        "`{name}` has the same value in every {part}, so none can be named",
        "Only attributes that the PIM calls localizable or scopable have a value per locale or channel.",
    ),
    "SE530": Code(
        "`{name} {operator}` cannot stand in `any` or `not`: only the source can evaluate it",
        "What stands in `any` or `not` is evaluated by the engine, which does not know the source's trees. Use it "
        "outside, or name the codes with IN.",
    ),
}
