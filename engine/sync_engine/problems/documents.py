"""SE2: the shape of a document: what its JSON Schema and its cross references ask."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE201": Code(
        "unknown key `{key}` in {place}",
        "A key that nobody reads would be ignored silently, so it is refused. `sync-engine schema` lists the keys.",
    ),
    "SE202": Code(
        "{place} lacks the key `{key}`",
        "The key is mandatory here.",
    ),
    "SE203": Code(
        "{place} must be {expected}, not {found}",
        "The value has the wrong type.",
    ),
    "SE204": Code(
        "{place} must be {allowed}, not {found}",
        "Only certain values are allowed here.",
    ),
    "SE205": Code(
        "{place} {rule}",
        "The text does not have the form that is needed here.",
    ),
    "SE206": Code(
        "{place} must be {rule}, not {found}",
        "The number is outside the range that makes sense here.",
    ),
    "SE207": Code(
        "{place} must have {rule}",
        "A list or a mapping has too few or too many entries, or the same one twice.",
    ),
    "SE208": Code(
        "{place}: {rule}",
        "These keys do not go together, or none of several alternatives is given.",
    ),
    "SE209": Code(
        "`{option}` has no effect in {place}: {why}",
        "An option that does nothing is probably a mistake. Delete it, or use the kind of mapping that it belongs to.",
    ),
    "SE210": Code(
        "{place} cannot be {rule}",
        "The key identifies a record, so it must be computed from the record and be different for each one.",
    ),
    "SE211": Code(
        "{place} looks up `{stream}`, which is no stream of this catalog",
        "A lookup names the stream that writes the record it refers to.",
    ),
    "SE212": Code(
        "the streams look each other up in a circle: {circle}",
        "None of them could be written first. A stream may look up itself; two streams may not look up each other.",
    ),
    "SE213": Code(
        "the field `{field}` of {place} is mapped twice; the first time in line {line}",
        "Only one of the mappings could count. Names of fields are compared without regard to case.",
    ),
    "SE214": Code(
        "the stream `{stream}` writes the same records as the stream `{other}`",
        "Both read the same collection with the same filter and write to the same object with the same key, so they "
        "would overwrite each other. Put the fields into one stream.",
    ),
    "SE215": Code(
        "the test names `{stream}`, which is no stream of this catalog",
        "`given.stream` says which stream's mappings are tested.",
    ),
    "SE216": Code(
        "the time zone `{timezone}` does not exist",
        "Time zones are named as in the IANA data base: `Europe/Berlin`, `UTC`.",
    ),
    "SE217": Code(
        "`{low}` is greater than `{high}` in {place}",
        "No number can be both.",
    ),
    "SE218": Code(
        "in the cron expression `{cron}` the {name} cannot be `{field}`",
        "The five fields are minute (0-59), hour (0-23), day of the month (1-31, `L` for the last), month (1-12 or a "
        "name) and day of the week (0-7 or a name; 0 and 7 are Sunday). Each takes `*`, lists, ranges, steps (`*/15`).",
    ),
    "SE219": Code(
        "the cron expression `{cron}` never happens",
        "No month that it names has such a day, so the catalog would never be transferred.",
    ),
    "SE220": Code(
        "there is no day `{day}` in the calendar",
        "Days are written as year, month and day: `2025-11-28`.",
    ),
    "SE221": Code(
        "the blackout window ends on {last}, before it begins on {first}",
        "Both days are part of the window.",
    ),
    "SE222": Code(
        "every run of the schedule falls into a blackout window",
        "The catalog would never be transferred. Runs within a window are left out, so name times outside of it.",
    ),
    "SE231": Code(
        "the project has no environment `{name}`",
        "An environment is a file `environments/NAME.yaml` with the settings in which it differs from the project "
        "file. Its name is of small letters, digits, hyphens and underscores.",
    ),
    "SE232": Code(
        "the project has no connection `{name}` that could be changed",
        "Catalogs name the connections of `sync-engine.yaml`; an environment changes settings of these. One that names "
        "its `adapter` replaces the connection as a whole.",
    ),
    "SE233": Code(
        "the environment does not say where its ledger is kept",
        "The project file names a ledger, and an environment never shares it: it remembers what was written to which "
        "org. Write `state`, such as `state: sqlite:///.sync-engine/staging.db`.",
    ),
    "SE234": Code(
        "the environment would use the ledger of the project file",
        "A ledger remembers what was written to which org: two environments need two.",
    ),
    "SE235": Code(
        "templates of notifications cannot read `{name}`",
        "They read what is known of the event: what happened, to which catalog, in which environment, and the counts "
        "of the transfer. Attributes of records are not among it.",
    ),
}
