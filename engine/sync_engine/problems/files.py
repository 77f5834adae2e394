"""SE1: the file itself: reading it and its YAML."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE101": Code(
        "`{file}` cannot be read: {reason}",
        "The file does not exist, or this user may not read it.",
    ),
    "SE102": Code(
        "`{file}` is not a regular file",
        "Folders, pipes and devices cannot be read as documents.",
    ),
    "SE103": Code(
        "`{file}` lies outside the project folder",
        "A project reads only files inside its own folder, also when a symbolic link or `..` points elsewhere.",
    ),
    "SE104": Code(
        "`{file}` is larger than 1 MB",
        "No catalog needs that much; split it into several catalogs.",
    ),
    "SE105": Code(
        "the byte {byte} is not UTF-8",
        "Documents are UTF-8 text. Save the file again as UTF-8 in your editor.",
    ),
    "SE106": Code(
        "the character {character} is not allowed",
        "Control characters and those that change the direction of writing are invisible: a line with them says "
        "something else than it shows. Delete the character.",
    ),
    "SE107": Code(
        "this is not valid YAML: {reason}",
        "The structure of the file breaks at this place, often because of the indentation or a missing quote.",
    ),
    "SE108": Code(
        "`{file}` is empty",
        "A document needs at least its mandatory keys; `sync-engine init` writes an example.",
    ),
    "SE109": Code(
        "a second document starts here",
        "A file holds one document. Move what follows `---` to a file of its own.",
    ),
    "SE110": Code(
        "anchors and aliases are not allowed: `{written}`",
        "Every value stands where it is used, so that a change in one place changes one thing. Write the value out. A "
        "text that starts with `&` or `*` needs quotes.",
    ),
    "SE111": Code(
        "tags are not allowed: `{tag}`",
        "The type of a value follows from the key it stands under. A text that starts with `!` needs quotes.",
    ),
    "SE112": Code(
        "merge keys (`<<`) are not allowed",
        "Every mapping is complete where it stands. Write the keys out.",
    ),
    "SE113": Code(
        "the key `{key}` is written twice; the first one is in line {line}, column {column}",
        "Only one of them could count. Delete or rename one.",
    ),
    "SE114": Code(
        "a key must be a text, not {key}",
        "Numbers, true, false and null as keys are read differently by different programs. Write the key in quotes.",
    ),
    "SE115": Code(
        "this is nested deeper than {limit} levels",
        "No document of this language is that deep; a bracket is probably not closed.",
    ),
    "SE116": Code(
        "`{text}` can be read as a number or as a text",
        "Exponents, hexadecimal and octal numbers, a leading `+`, and numbers of more than 38 digits may be article "
        "numbers. In quotes it is a text; as a number it is written like `120000` or `0.5`.",
    ),
    "SE117": Code(
        "lines that start with `%` are not allowed",
        "Directives change how YAML is read. Documents are always YAML 1.2.",
    ),
    "SE118": Code(
        "the file holds more than {limit} values",
        "No catalog needs that many; split it into several catalogs.",
    ),
}
