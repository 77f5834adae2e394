"""SE8: the ledger: why it cannot be opened, read or written."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE801": Code(
        "the ledger {name} cannot be opened: {reason}",
        "Check that the folder or the database exists, that this user may write there, and that there is space left. "
        "Nothing was changed.",
    ),
    "SE802": Code(
        "{name} is no ledger: {reason}",
        "`state:` names something else. Name another file or an empty database; this one was left as it is.",
    ),
    "SE803": Code(
        "the ledger {name} is damaged: {reason}",
        "Restore it from a backup (`sync-engine transfers backup` makes them), or name a new one in `state:`. Nothing "
        "is written twice then, because a plan compares with what the target holds.",
    ),
    "SE804": Code(
        "the ledger {name} was written by a newer sync-engine (format {found}, this one knows {known})",
        "Upgrade sync-engine; an older version never touches a newer ledger.",
    ),
    "SE805": Code(
        "the ledger {name} is a symbolic link",
        "Somebody else may decide where it leads, and two names for one file are two ledgers for the locks. Name the "
        "file itself in `state:`.",
    ),
    "SE806": Code(
        "the ledger {name} may be {what} by everybody on this machine",
        "It holds product data, and it decides what may be deleted. Look whether it is as you left it, then take these "
        "permissions away: `chmod o= FILE`.",
    ),
    "SE807": Code(
        "the ledger {name} could not be {what}: {reason}",
        "Free disk space or correct the permissions, then run the same command again: what was sent is found again.",
    ),
    "SE808": Code(
        "the ledger {name} is busy: {reason}",
        "Another process has kept it locked for too long; it may have been stopped. Run the same command again later.",
    ),
    "SE809": Code(
        "the ledger {name} cannot be reached: {reason}",
        "Check the server and the network, then run the same command again: it goes on with what is left.",
    ),
    "SE810": Code(
        "the ledger {name} was lost: {reason}",
        "What had been committed is kept, and what was under way is taken up: run the same command again.",
    ),
    "SE811": Code(
        "a ledger in PostgreSQL needs the library psycopg, which is not installed",
        'Install it with sync-engine: `pip install "sync-engine[postgres]"`.',
    ),
    "SE812": Code(
        "the address of the ledger in `state:` cannot be read",
        "It is not shown, because it may hold a password. It is `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`; "
        "characters such as `@`, `/`, `%` and spaces in a password are percent-encoded (`%40`, `%2F`, `%25`, `%20`).",
    ),
    "SE813": Code(
        "the ledger {name} is in PostgreSQL, which brings its own backup",
        "Run `pg_dump --format=custom --file=FILE DATABASE` with the address that `state:` has; it copies the ledger "
        "as it is at one moment, while it is in use, and `pg_restore` brings it back.",
    ),
    "SE814": Code(
        "the ledger {name} cannot be used: {reason}",
        "The ledger relies on this. Change the setting, or name another file or database in `state:`.",
    ),
    "SE815": Code(
        "the project's `state:` names a kind of ledger that there is not",
        "It starts with `sqlite:///` or `postgresql://`.",
    ),
}
