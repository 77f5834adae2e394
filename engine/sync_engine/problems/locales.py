"""L: locales and languages of a catalog, its source and its target; each can be an error or off in a catalog."""

from __future__ import annotations

from sync_engine.problems.code import Code
from sync_engine.sdk.problem import Severity

CODES: dict[str, Code] = {
    "L1": Code(
        "`{locale}` is not active in the source{channel}, so it can never receive data",
        "A locale gets values only while it is active in the PIM, in the channel that the catalog reads. Activate it "
        "there, or take it out of `source.locales`.",
        Severity.WARNING,
    ),
    "L2": Code(
        "the target is not used in the language `{locale}`: it has nowhere standard to show it",
        "Nobody can choose this language in the target, so its texts are seen only where a page shows them on purpose. "
        "Enable the language in the target, or take the locale out of `source.locales`.",
        Severity.WARNING,
    ),
    "L3": Code(
        "people use the target in {locales}, which the source does not have{channel}: they see nothing translated",
        "Activate these locales in the PIM, in the channel that the catalog reads, if these people shall read their "
        "own language.",
        Severity.WARNING,
    ),
    "L4": Code(
        "the source has and the target shows {locales}, but the catalog leaves it out",
        "Add it to `source.locales` if it was forgotten.",
        Severity.WARNING,
    ),
    "L5": Code(
        "the source has {locales}{channel}, which neither catalog nor target knows: this content is not delivered",
        "Add the locale to `source.locales`, and the language to the target, if this content is wanted there.",
        Severity.WARNING,
    ),
    "L6": Code(
        "the stream `{stream}` reads its values in `{locale}`, which is not among the locales of the catalog",
        "The main fields of its records are in a language that no other stream delivers. Add the locale to "
        "`source.locales`, or read the stream in one of them.",
        Severity.WARNING,
    ),
    "L7": Code(
        "the default locale `{locale}` is not active in the source{channel}: main fields get no values",
        "The first of `source.locales` is the one that values are read in where nothing else is said. Every catalog of "
        "this connection that begins with it has the same problem. Put a locale first that is active.",
        Severity.WARNING,
    ),
    "L8": Code(
        "`{locale}` and `{other}` of the {side} differ in region or case only",
        "They may mean the same language. The source and the target write locales in their own ways, and values are "
        "found only under the exact name.",
        Severity.WARNING,
    ),
    "L9": Code(
        "`{locale}` was deactivated in the source{channel} since the snapshot was saved",
        "Its values are no longer given, and a catalog that the PIM itself keeps for the connection may be disabled by "
        "this. Activate the locale again, or take it out of `source.locales` and save a new snapshot.",
        Severity.WARNING,
    ),
    "L10": Code(
        "`{name}` {why}",
        "A translation that is filled from an attribute without locales says the same in all languages; an attribute "
        "with locales that is read in one only leaves the other languages behind. Make a stream `for_each: locale`, "
        "or read each locale into a field of its own.",
        Severity.WARNING,
    ),
}
