"""SE3: names and types, against the schemas of the connections."""

from __future__ import annotations

from sync_engine.problems.code import Code
from sync_engine.sdk.problem import Severity

CODES: dict[str, Code] = {
    "SE301": Code(
        "the source has no collection `{name}`",
        "`from:` names the records a stream reads: `products`, `product_models`, `categories` or `family_variants`. "
        "`mapped_products` are there only of a catalog that the PIM keeps itself, which `source.catalog` names; after "
        "a change of it, `sync-engine snapshot` refreshes what is known offline.",
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
        "The key of a stream must be unique in the target, best by a field marked External ID and Unique; the key of "
        "records of transfers must be such a field. Only then is a repeated write safe.",
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
        "`{name}` has choices without a label in {locale}: {options}",
        "Their label in another locale of the catalog is used, or their code where there is none. Add the labels in "
        "the PIM, or map codes.",
        Severity.WARNING,
    ),
    "SE324": Code(
        "`{name}` allows up to {source} characters, {field} only {target}",
        "Longer values will be rejected; `truncate` cuts them if that is what you want.",
        Severity.WARNING,
    ),
    "SE325": Code(
        "{collection} cannot be exploded by {each}",
        "`for_each` needs records that have what it explodes: products and models have locales, categories, prices, "
        "files, associations, choices, links, tables and axes, family variants have axes.",
    ),
    "SE326": Code(
        "`{name}` ({kind}) makes no rows for `for_each: {each}`",
        "`price` takes price attributes; `media` images, files and assets that have a main file; `option` selects and "
        "multi-selects; `reference` links to records and assets; `table_row` tables.",
    ),
    "SE327": Code(
        "`for_each: locale` leaves nothing: the catalog has no locale but its default one",
        "Add locales to `source.locales`, or name them: `for_each: {{locale: [en_US]}}`.",
    ),
    "SE328": Code(
        "`root` is for categories, not for {collection}",
        "`root` limits a stream of categories, or of the categories of a record (`for_each: category`), to one tree.",
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
    "SE333": Code(
        "the source has no associations of the type `{name}`",
        "`for_each: {{association: […]}}` names types of associations by their codes.",
    ),
    "SE334": Code(
        "the records that `find` looks for are written by the stream `{stream}`",
        "Write `lookup` with the name of that stream instead, so that they are written before what refers to them.",
    ),
    "SE335": Code(
        "{object}.{name} does not tell records apart",
        "`find` with `value` writes a reference by a field that is marked External ID and Unique.",
    ),
    "SE336": Code(
        "the `translate` table of {field} has entries for what is no choice of `{name}`: {entries}",
        "They are never used. Entries are named by the code of a choice, or by its label where the mapping says "
        "`labels: true`.",
        Severity.WARNING,
    ),
    "SE350": Code(
        "`media` sends files, and `{name}` ({kind}) is none",
        "It takes images, files, the files of linked assets and records, and in rows of `for_each: media` the property "
        "`media`.",
    ),
    "SE351": Code(
        "{field} is of type {type}; `media` fills fields that hold files",
        "To write where a file lies, map the attribute as text. To send it, write to the object that holds files.",
    ),
    "SE355": Code(
        "records of `{stream}` cannot be looked up: its key has several fields",
        "A lookup writes the value of one key field. Look up a stream whose key is an external id.",
    ),
    "SE356": Code(
        "`{stream}` has a key of several fields, so `match` has nothing to add",
        "Records that were there before are found by their key already, because nobody needs to fill it in for them.",
    ),
    "SE357": Code(
        "{object}.{name} is of type {type} and cannot be part of a key",
        "The parts of a key are compared as text: references, texts of one line, picklists, dates, numbers.",
    ),
    "SE358": Code(
        "`find` cannot fill {object}.{name}: it is no reference to one object",
        "It looks for a record of the object that the field refers to, so there must be exactly one.",
    ),
    "SE359": Code(
        "{count} records of {object} have {field} {value}, so none can be referred to",
        "`find` refers to one record. Choose a field and a value that exactly one record has.",
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
}
