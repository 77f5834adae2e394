"""SE6: the project, its connections and its secrets."""

from __future__ import annotations

from sync_engine.problems.code import Code
from sync_engine.sdk.problem import Severity

CODES: dict[str, Code] = {
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
    "SE614": Code(
        "`{name}` is no field that the stream `{stream}` fills",
        "A test can expect something of a stream's key and of its fields only.",
    ),
    "SE615": Code(
        "the project has no catalog `{name}`",
        "A file under `tests/` says in `catalog` whose mappings it tests.",
    ),
    "SE616": Code(
        "`{name}` must be {shape}, not {value}",
        "The record of a test holds what the PIM would: a measurement is {{amount, unit}}, prices are amounts by "
        "currency, days and moments are ISO 8601 texts. What differs by channel or locale is a table by these.",
    ),
    "SE617": Code(
        "`{name}` can never be {value}: {why}",
        "The expected value is converted to the type of the field, as the mapped one is.",
    ),
    "SE618": Code(
        "the stream `{stream}` makes {rows} of this record; `row` must name the one that is tested",
        "A stream with `for_each` makes several rows of a record; a test looks at one of them.",
    ),
    "SE619": Code(
        "tests run without a network, and there is no snapshot of {connections}",
        "Save one with `sync-engine snapshot` and keep it in git, beside the catalogs.",
    ),
}
