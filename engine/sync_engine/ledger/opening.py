"""Which database holds the ledger: the address in the project's ``state:`` says."""

from __future__ import annotations

from pathlib import Path

from sync_engine.ledger.database import Database
from sync_engine.ledger.sqlite import open_sqlite
from sync_engine.problems import coded
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret, reveal

_FILE = "sqlite:///"
_SERVER = "postgresql://"


def open_database(state: str | Secret, root: Path) -> Database:
    """Open the database of a ledger, make the ledger when there is none, and bring an older one forward.

    Args:
        state: ``sqlite:///`` and a path, relative to the project, or an address of PostgreSQL.
        root: the project's folder.

    Raises:
        Refused: it cannot be used, or the address is of another kind; what is there was left as it is.
        Unavailable: the server cannot be reached.
    """
    address = reveal(state)
    if address.startswith(_FILE):
        return open_sqlite(root / address.removeprefix(_FILE))
    if not address.startswith(_SERVER):
        raise coded(Refused, "SE815")
    try:
        from sync_engine.ledger.postgresql import open_postgresql
    except ImportError:
        raise coded(Refused, "SE811") from None
    return open_postgresql(address)
