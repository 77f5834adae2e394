"""SE37: the object of the target that gets a record of each transfer (`log.to`)."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE370": Code(
        "the adapter {adapter} has no names for the fields of a transfer's record",
        "Write under `log` which field is the `key`, and what each of the `fields` holds.",
    ),
    "SE371": Code(
        "{object} cannot take records of transfers, because the stream `{stream}` writes to it",
        "Let `log.to` name an object of its own.",
    ),
    "SE372": Code(
        "`{fact}` of a transfer cannot be written into {field} ({type}): {why}",
        "Counts go into numbers, moments into fields of date and time, the rest into texts and picklists that take any "
        "value. Texts are cut to the length of their field; the id is not.",
    ),
    "SE373": Code(
        "{object}.{name} is required, and nothing of a transfer is written into it",
        "No record could be created. Name it under `log.fields`, such as `Name: id`, or let the target number it.",
    ),
}
