"""Every code a problem can have: one table, from which docs/errors.md is written.

Ranges: SE1 the file itself · SE2 shape of a document (schema) · SE3 names and types against the connections' schemas ·
SE4 expressions and templates · SE5 filters · SE6 project, connections, secrets · SE7 what is found when planning ·
SE9 accepted by the language but not supported yet.
"""

from __future__ import annotations

import difflib
import re
import sys
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

    @property
    def title(self) -> str:
        """The message without what differs from case to case."""
        return re.sub(r"\{[^{}]*\}", "…", self.message)


CODES: dict[str, Code] = {
    # SE1: the file itself.
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
    # SE2: the shape of a document, and what its parts say of each other.
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
    # SE3: names and types against the schemas of the connections.
    "SE301": Code(
        "the source has no collection `{name}`",
        "`from:` names the records a stream reads, such as `products`, `product_models` or `categories`.",
    ),
    "SE302": Code(
        "`{name}` is no attribute and no property of {collection}",
        "Mappings and filters name attributes and properties by their code. `sync-engine attributes` lists them; after "
        "a change in the PIM, `sync-engine snapshot` refreshes what is known offline.",
    ),
    "SE303": Code(
        "the target has no object `{name}`, or hides it from this user",
        "`to:` names an object by its API name. An object that the integration user may not see looks the same as one "
        "that does not exist.",
    ),
    "SE304": Code(
        "{object} has no field `{name}`, or hides it from this user",
        "Fields are named by their API name; custom ones end in `__c`. A field hidden by field-level security looks "
        "the same as one that does not exist.",
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
        "Each kind of attribute fits some types of field directly and others through an option such as `labels`, "
        "`join`, `unit`, `currency` or `number`.",
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
    # SE6: project, connections, secrets.
    "SE601": Code(
        "there is no `sync-engine.yaml` in {folder} or above it",
        "A project is a folder with this file; `sync-engine init` writes one.",
    ),
    "SE602": Code(
        "the adapter `{adapter}` is not installed",
        "`sync-engine adapters` lists what is installed. Adapters come with packages.",
    ),
    "SE603": Code(
        "{reason}",
        "The package that brings the adapter is broken, or was made for another version of sync-engine.",
    ),
    "SE604": Code(
        "{place} names the connection `{connection}`, which the project does not have",
        "Connections are listed in `sync-engine.yaml` under `connections`.",
    ),
    "SE605": Code(
        "the connection `{connection}` cannot be the {side}: its adapter is no {side} adapter",
        "Source and target may have been confused.",
    ),
    "SE606": Code(
        "the name `{name}` belongs to another catalog: {other}",
        "Plans, transfers and the log name a catalog, so its name is unique in the project.",
    ),
    "SE607": Code(
        "{place} holds a malformed reference: {reason}",
        "References are `${NAME}` for a variable of the environment and `${file:/path}` for the content of a file. A "
        "text that really holds `${` writes it as `$${`.",
    ),
    "SE608": Code(
        "the environment variable `{variable}` is {state}",
        "The value is taken from the environment when a connection is opened. Set the variable before the command.",
    ),
    "SE609": Code(
        "the secret file `{file}` cannot be read: {reason}",
        "The value is taken from the file when a connection is opened. The path is absolute, the content UTF-8 text of "
        "at most 64 kB; one line break at the end is dropped.",
    ),
    "SE610": Code(
        "{place} must be {expected}, and the value of its reference is not",
        "The value itself is not shown, because it may be a secret.",
    ),
    "SE611": Code(
        "{place} is a secret in plain text",
        "Whoever can read the repository can read it, now and in its history. Write `${NAME}` or `${file:/path}`.",
        Severity.WARNING,
    ),
    "SE612": Code(
        "{folder} holds no catalog",
        "Catalogs are the `.yaml` and `.yml` files under `catalogs/`.",
        Severity.WARNING,
    ),
    "SE325": Code(
        "{collection} cannot be exploded by {each}",
        "`for_each` needs records that have what it explodes: products and models have locales, categories, prices, "
        "files and associations.",
    ),
    "SE326": Code(
        "`{name}` ({kind}) makes no rows for `for_each: {each}`",
        "`price` takes price attributes, `media` takes images and files.",
    ),
    "SE327": Code(
        "`for_each: locale` leaves nothing: the catalog has no locale but its default one",
        "Add locales to `source.locales`, or name them: `for_each: {{locale: [en_US]}}`.",
    ),
    "SE328": Code(
        "`root` is for categories, not for {collection}",
        "`root` limits a stream of categories to one tree.",
    ),
    "SE329": Code(
        "records cannot be matched by {field}, which is {type}",
        "`match` compares texts and ids; choose a field that tells records apart, such as a product code.",
    ),
    "SE330": Code(
        "the labels of `{name}` are not known, so its codes are sent",
        "The source gives no labels for this kind of code; map the code, or translate it with a table.",
        Severity.WARNING,
    ),
    "SE331": Code(
        "records of `{stream}` cannot be looked up: its key is computed",
        "A lookup compares with the value of the other stream's key, so that key must be an attribute or property as "
        "it is.",
    ),
    "SE332": Code(
        "`{row}` is a property of the rows, `{record}` of the record; one `any` or `not` cannot hold both",
        "Criteria on the rows of `for_each` are evaluated row by row, those on records before. Write them as two "
        "entries of the filter.",
    ),
    # SE4: expressions and templates.
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
    # SE5: filters.
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
    # SE7: what is found when planning.
    "SE701": Code(
        "the catalog `{catalog}` could not be checked against its connections: {why}",
        "`sync-engine doctor` checks the connections one by one.",
    ),
    # SE9: accepted by the language but not supported yet.
    "SE901": Code(
        "{feature} is not supported yet",
        "The language has a place for it, but this version cannot run it, and ignoring it would transfer something "
        "else than the catalog says. Delete it, or wait for a version that supports it.",
    ),
}


_PAGE_HEAD = """# Problems and their codes

Every problem that sync-engine finds in a file has a code that never changes its meaning. This page is written from the
table in `engine/sync_engine/problems.py`.
"""


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


def errors_page() -> str:
    """The page docs/errors.md: every code, what it means and what to do. `python -m sync_engine.problems` prints it."""
    entries = [
        f"## {code}\n\n{_kind(entry)}: {entry.title}\n\n{entry.explanation}\n" for code, entry in sorted(CODES.items())
    ]
    return "\n".join([_PAGE_HEAD, *entries])


def _kind(entry: Code) -> str:
    return entry.severity.value.capitalize()


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or an empty text when none is near."""
    candidates = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(name.casefold(), candidates, n=1, cutoff=0.6)
    return f"Did you mean `{candidates[found[0]]}`?" if found else ""


if __name__ == "__main__":
    sys.stdout.write(errors_page())
