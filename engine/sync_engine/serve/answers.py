"""What the API answers: plain data, versioned, in pages. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

from sync_engine.catalog.model import Catalog, PlanBudget
from sync_engine.ledger.records import ServedCatalog
from sync_engine.ledger.store import Ledger
from sync_engine.planner.describe import describe
from sync_engine.report import schedule as times
from sync_engine.report.coming import look_ahead, planned_of
from sync_engine.report.transfers import as_data, outcome_data
from sync_engine.sdk.errors import Refused
from sync_engine.serve.deciding import Order
from sync_engine.serve.running import DONE, Child
from sync_engine.serve.status import Status
from sync_engine.serve.watching import Revision, Trouble
from sync_engine.transfer.causes import causes

VERSION = 1
PAGE = 50
LARGEST_PAGE = 200

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for.

    Attributes:
        limit: entries.
        after: the last entry of the page before; empty for the first page.
    """

    limit: int = PAGE
    after: str = ""


def status_data(status: Status) -> Json:
    """How the process is, and what of git it runs."""
    seen = status.seen
    return {
        "version": VERSION,
        "ready": not status.not_ready(),
        "not_ready": status.not_ready() or None,
        "started": status.started,
        "source": status.source,
        "environment": status.project.environment.name if status.project and status.project.environment else None,
        "revision": _revision(seen.good),
        "trouble": _trouble(seen.trouble),
        "looked": seen.looked or None,
        "reached": seen.reached or None,
        "ledger_error": status.ledger_error or None,
        "running": [_child(each) for each in status.running.values()],
        "queue": [_order(each) for each in status.orders],
        "gone": list(status.gone),
    }


def catalogs_data(status: Status, ledger: Ledger, page: Page) -> Json:
    """The catalogs of the revision that counts, by name."""
    served = ledger.served()
    ordered = sorted(status.catalogs, key=lambda each: each.name)
    rest = [each for each in ordered if each.name > page.after]
    shown = rest[: page.limit]
    return {
        "version": VERSION,
        "catalogs": [_catalog(each, status, ledger, served.get(each.name)) for each in shown],
        "next": shown[-1].name if len(rest) > len(shown) else None,
    }


def catalog_data(status: Status, ledger: Ledger, name: str) -> Json | None:
    """One catalog; None when the revision that counts has none of that name."""
    found = next((each for each in status.catalogs if each.name == name), None)
    if found is None:
        return None
    newest = [as_data(each) for each in ledger.transfers(name, 10)]
    return {
        "version": VERSION,
        "catalog": _catalog(found, status, ledger, ledger.served().get(name)) | {"transfers": newest},
    }


def transfers_data(ledger: Ledger, catalog: str | None, page: Page) -> Json:
    """The transfers, the newest first."""
    found = ledger.transfers(catalog, page.limit + 1, before=page.after)
    shown = found[: page.limit]
    return {
        "version": VERSION,
        "transfers": [as_data(each) for each in shown],
        "next": shown[-1].id if len(found) > len(shown) else None,
    }


def transfer_data(ledger: Ledger, id_: str, page: Page) -> Json | None:
    """One transfer: rejections by cause, and the outcomes of records in pages by stream and key; None for none."""
    try:
        transfer = ledger.transfer(id_)
    except Refused:
        return None
    if transfer.id != id_:
        return None
    rejected = chain.from_iterable(ledger.outcomes(id_, word) for word in ("rejected", "uncertain"))
    stream, _, key = page.after.partition("/")
    rest = ledger.outcomes(id_, after=(stream, key))
    shown = list(islice(rest, page.limit + 1))
    last = shown[page.limit - 1] if len(shown) > page.limit else None
    return {
        "version": VERSION,
        "transfer": as_data(transfer),
        "causes": [
            {
                "code": each.code,
                "field": each.field,
                "owner": each.owner,
                "records": each.count,
                "examples": [{"key": key, "message": message} for key, message in each.examples],
            }
            for each in causes(rejected)
        ],
        "outcomes": [outcome_data(each) for each in shown[: page.limit]],
        "next": f"{last.stream}/{last.key}" if last else None,
    }


def schedule_data(status: Status, ledger: Ledger, ahead: int) -> Json:
    """The coming runs of some days, as `schedule next --format json` has them."""
    now = datetime.now(UTC)
    budget = status.project.budget if status.project else PlanBudget()
    return times.data(look_ahead(ledger, status.catalogs, budget, now, now + timedelta(days=ahead), {}))


def _revision(revision: Revision | None) -> Json | None:
    if revision is None:
        return None
    commit = revision.commit
    return {
        "id": revision.id,
        "author": commit.author if commit else None,
        "time": commit.time if commit else None,
        "subject": commit.subject if commit else None,
    }


def _trouble(trouble: Trouble | None) -> Json | None:
    if trouble is None:
        return None
    return {
        "kind": trouble.kind,
        "revision": trouble.revision or None,
        "message": trouble.message,
        "hint": trouble.hint or None,
        "since": trouble.since,
        "problems": [dict(each) for each in trouble.problems[:LARGEST_PAGE]],
    }


def _child(child: Child) -> Json:
    return {"catalog": child.catalog, "trigger": child.trigger, "since": child.since, "revision": child.revision}


def _order(order: Order) -> Json:
    return {
        "catalog": order.facts.name,
        "reasons": list(order.reasons),
        "due": order.facts.due.isoformat() if order.facts.due else None,
        "waits": order.waits,
    }


def _catalog(catalog: Catalog, status: Status, ledger: Ledger, served: ServedCatalog | None) -> Json:
    last = ledger.transfers(catalog.name, 1)
    (planned,) = planned_of(ledger, [catalog], datetime.now(UTC))
    running = status.running.get(catalog.name)
    waiting = next((each for each in status.orders if each.facts.name == catalog.name), None)
    return {
        "name": catalog.name,
        "file": catalog.origin.file,
        "description": catalog.description,
        "source": catalog.source,
        "target": catalog.target,
        "channel": catalog.channel,
        "locales": list(catalog.locales),
        "source_catalog": catalog.source_catalog,
        "filter": [describe(each) for each in catalog.filter],
        "streams": [{"name": each.name, "object": each.object} for each in catalog.streams],
        "state": "running" if running else "waiting" if waiting else "idle",
        "running": _child(running) if running else None,
        "waiting": _order(waiting) if waiting else None,
        "last_change": _served(served),
        **times.schedule_data(planned),
        "last_attempt": _ended(status, catalog.name),
        "last_transfer": as_data(last[0]) if last else None,
    }


def _served(served: ServedCatalog | None) -> Json | None:
    if served is None:
        return None
    return {
        "revision": served.revision,
        "outcome": served.outcome,
        "message": served.message or None,
        "at": served.at,
    }


def _ended(status: Status, name: str) -> Json | None:
    found = status.ends.get(name)
    if found is None:
        return None
    transfers: Sequence[Mapping[str, Any]] = found.report.get("transfers") or ()
    return {
        "since": found.child.since,
        "trigger": found.child.trigger,
        "code": found.code,
        "seconds": round(found.seconds, 1),
        "error": None if found.code in DONE else found.why,
        "transfer": transfers[-1]["id"] if transfers else None,
    }
