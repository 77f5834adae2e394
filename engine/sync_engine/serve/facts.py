"""What is known of the catalogs of a revision: from their files, and from the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sync_engine.catalog.model import Catalog, Connection, Project
from sync_engine.catalog.parse import digest
from sync_engine.ledger.due import due_now
from sync_engine.ledger.locks import lock_names
from sync_engine.ledger.records import Pause, ServedCatalog
from sync_engine.ledger.store import Ledger
from sync_engine.sdk.values import Secret
from sync_engine.serve.deciding import Facts
from sync_engine.serve.sources import Source
from sync_engine.serve.watching import Seen

CLOCKS = timedelta(minutes=2)
"""By which the clocks of two machines may differ."""


def meaning(project: Project, catalog: Catalog) -> str:
    """A digest of what decides what is transferred: the catalog, and what it is connected to.

    Layout, comments, order of keys, description, tests and times of the schedule do not count; references count as they
    are written.
    """
    ends = {name: _settings(project.connections[name]) for name in (catalog.source, catalog.target)}
    return digest({"catalog": catalog.digest, "connections": ends})  # type: ignore[dict-item] # plain data, too


def _settings(connection: Connection) -> dict[str, object]:
    plain = {key: each.reveal() if isinstance(each, Secret) else each for key, each in connection.settings.items()}
    return {"adapter": connection.adapter, **plain}


def ahead(served: ServedCatalog, *, seen: Seen, source: Source) -> bool:
    """Whether somebody else may have transferred a catalog for a later revision than the one that counts here."""
    if seen.good is None or served.revision == seen.good.id:
        return False
    known = source.is_later(served.revision, seen.good.id)
    if known is not None:
        return known
    # Nobody here has seen that revision: wait until the source was looked at after that transfer.
    reached = datetime.fromisoformat(seen.reached) if seen.reached else datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(served.at) + CLOCKS > reached


def gather(
    project: Project,
    catalogs: Sequence[Catalog],
    ledger: Ledger,
    served: Mapping[str, ServedCatalog],
    is_ahead: Callable[[ServedCatalog], bool],
    now: datetime,
) -> list[Facts]:
    """The facts of every catalog.

    Args:
        project: of the revision that counts.
        catalogs: its catalogs.
        ledger: the project's.
        served: what each catalog was last transferred for.
        is_ahead: see ``ahead``.
        now: the present moment.
    """
    unfinished, pauses = ledger.unfinished(), ledger.pauses()
    return [
        replace(
            _facts(project, each, served, is_ahead),
            unfinished=each.name in unfinished,
            blocked=_blocked(each, pauses.get(each.name), now),
            due=_due(each, ledger, now),
        )
        for each in catalogs
    ]


def _blocked(catalog: Catalog, paused: Pause | None, now: datetime) -> str:
    """Why nothing may be written now: a pause and a blackout window keep changes waiting, too."""
    if paused is not None:
        return f"paused by {paused.who} since {paused.since}: {paused.reason}"
    if catalog.schedule is not None and catalog.schedule.blacked_out(now):
        return "nothing starts in a blackout window"
    return ""


def _due(catalog: Catalog, ledger: Ledger, now: datetime) -> datetime | None:
    if catalog.schedule is None:
        return None
    found = due_now(ledger, catalog.name, catalog.schedule, now, watching=True)
    return found.due if found is not None else None


def _facts(
    project: Project,
    catalog: Catalog,
    served: Mapping[str, ServedCatalog],
    is_ahead: Callable[[ServedCatalog], bool],
) -> Facts:
    last = served.get(catalog.name)
    wanted = meaning(project, catalog)
    differs = last is not None and last.meaning != wanted
    return Facts(
        name=catalog.name,
        writes=lock_names([catalog]),
        meaning=wanted,
        transferred_for=last.meaning if last else "",
        behind=differs and last is not None and is_ahead(last),
    )
