"""Transfers of the ledger as text and JSON; rejections grouped by cause."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from sync_engine.ledger.records import OutcomeRecord, Recording, Status, TransferRecord
from sync_engine.planner.plan import WAITS
from sync_engine.report.plan_text import Paint
from sync_engine.report.values import around_difference, plural, quoted
from sync_engine.transfer.causes import causes

VERSION = 1
HINTS = {
    "mapping": "Change the mapping in the catalog; `sync-engine transfers retry` sends these records again.",
    "data": "Correct the records in the source; `sync-engine transfers retry` sends them again.",
    "org": "Ask who looks after the target; then `sync-engine transfers retry --force` sends these records again.",
}
"""What to do, by who has to act."""
WAITS_HINT = "The transfer that finds the parent sends the record."
UNCERTAIN_HINT = (
    "`sync-engine transfers resume` asks the target now; the next transfer does so before it writes anything."
)
COLOURS = {Status.DONE: "green", Status.REJECTED: "yellow", Status.RUNNING: "cyan"}


def summary_line(summary: dict[str, int], paint: Paint) -> str:
    """The counts of a transfer on one line."""
    colours = {"created": "green", "updated": "yellow", "deactivated": "magenta", "deleted": "red", "rejected": "red"}
    colours["stale"] = "red"
    parts = [
        paint(f"{count:,} {word}", colours[word]) if count and word in colours else f"{count:,} {word}"
        for word, count in summary.items()
        if count or word in ("created", "updated", "unchanged", "rejected")
    ]
    return ", ".join(parts)


def list_lines(transfers: Sequence[TransferRecord], paint: Paint) -> Iterator[str]:
    """One line per transfer, newest first."""
    if not transfers:
        yield "No transfers yet."
        return
    width = max(len(each.catalog) for each in transfers)
    for each in transfers:
        status = paint(f"{each.status:<11}", COLOURS.get(each.status, "red"))
        yield f"{each.id}  {each.catalog:<{width}}  {status}  {summary_line(dict(each.summary), paint)}"


def show_lines(
    transfer: TransferRecord, unwritten: Iterable[OutcomeRecord], stale: Iterable[OutcomeRecord], paint: Paint
) -> Iterator[str]:
    """One transfer: head, counts, what was rejected or waits by cause, stale records."""
    yield paint(f"Transfer {transfer.id}", "bold") + f"  catalog {transfer.catalog}"
    yield f"  status    {paint(str(transfer.status), COLOURS.get(transfer.status, 'red'))}"
    who = f" ({transfer.who})" if transfer.who else ""
    yield f"  started   {transfer.started} by {transfer.trigger}{who}"
    if transfer.finished:
        yield f"  finished  {transfer.finished}"
    yield f"  plan      {transfer.digest}"
    yield f"  outcome   {summary_line(dict(transfer.summary), paint)}"
    for each in transfer.overrides:
        passed = f"{each['gate']} = {each['limit']}, found {each['found']}"
        yield paint(f"  allowed   {each['allowed']} ({passed}): {each['reason']}", "yellow")
    if transfer.error:
        yield paint(f"  error     {transfer.error}", "red")
    if transfer.recording is Recording.DUE:
        why = f": {transfer.recording_error}" if transfer.recording_error else ""
        yield paint(f"  record    not written into the target yet; the next transfer writes it{why}", "yellow")
    for line in flapping_lines(transfer.flapping):
        yield paint(f"  {line}", "yellow")
    for cause in causes(unwritten):
        field = f" {cause.field}" if cause.field else ""
        waits = cause.code == WAITS
        what, colour = ("…", "yellow") if waits else ("✗", "red")
        yield ""
        solved = "" if waits else f", {cause.solved}"
        yield paint(f"  {what} {cause.code}{field}: {plural(cause.count, 'record')}{solved}", colour)
        for key, message in cause.examples:
            yield f"      {key}: {message}"
        if cause.count > len(cause.examples):
            yield f"      … and {cause.count - len(cause.examples):,} more"
        yield f"      → {WAITS_HINT if waits else UNCERTAIN_HINT if cause.uncertain else HINTS[cause.owner]}"
    for outcome in stale:
        reasons = "; ".join(f"{each['field']} {each['message']}".strip() for each in outcome.reasons)
        yield paint(f"  ! stale {outcome.stream} {outcome.key}: {reasons}", "yellow")


def flapping_lines(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The fields that did not take what was written, with the likely reason and what settles them."""
    for each in found:
        wrote, holds = around_difference(quoted(each["wrote"]), quoted(each["holds"]))
        count = plural(each["records"], "record")
        yield f"≈ flapping: {each['stream']}.{each['field']} did not take what was written ({each['why']}, {count})"
        yield f"    {each['key']}: wrote {wrote}, holds {holds}"
        yield f"    {each['advice']}"


def flapping_data(found: Mapping[str, Any]) -> dict[str, object]:
    """A field that did not take what was written, for JSON output."""
    return {
        "stream": found["stream"],
        "field": found["field"],
        "why": found["why"],
        "advice": found["advice"],
        "records": found["records"],
        "example": {"key": found["key"], "wrote": found["wrote"], "holds": found["holds"]},
    }


def record_lines(outcome: OutcomeRecord) -> Iterator[str]:
    """What became of one record, and what was replaced in it."""
    yield f"  {outcome.outcome:<10} {outcome.stream} {outcome.key} {outcome.target_id}".rstrip()
    for name, before, after in outcome.fields:
        old, new = around_difference(quoted(before), quoted(after))
        yield f"      {name}  {old} → {new}"


HEADER = ("stream", "key", "outcome", "id", "code", "field", "owner", "message")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(outcomes: Iterable[OutcomeRecord]) -> Iterator[str]:
    """Outcomes as CSV, one line for each reason; no spreadsheet takes a text for a formula."""
    yield _csv_line(HEADER)
    for each in outcomes:
        for reason in each.reasons or ({},):
            told = (reason.get(name, "") for name in ("code", "field", "owner", "message"))
            yield _csv_line((each.stream, each.key, each.outcome, each.target_id, *told))


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    guarded = [f"'{each}" if each.startswith(_FORMULA) else each for each in values]
    csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(guarded)
    return line.getvalue()


def json_lines(outcomes: Iterable[OutcomeRecord]) -> Iterator[str]:
    """Outcomes as JSON Lines."""
    for each in outcomes:
        yield orjson.dumps(outcome_data(each)).decode() + "\n"


def outcome_data(outcome: OutcomeRecord) -> dict[str, object]:
    """An outcome for JSON output."""
    return {
        "stream": outcome.stream,
        "key": outcome.key,
        "outcome": outcome.outcome,
        "id": outcome.target_id or None,
        "reasons": list(outcome.reasons),
        "fields": [{"field": name, "before": before, "after": after} for name, before, after in outcome.fields],
    }


def left_lines(transfer: TransferRecord, *, delete_created: bool) -> Iterator[str]:
    """What the rollback of a transfer does not bring back."""
    created, deleted = (transfer.summary.get(word, 0) for word in ("created", "deleted"))
    if created and not delete_created:
        yield f"{plural(created, 'record')} that it created will stay; --delete-created plans to delete them."
    if deleted:
        yield f"{plural(deleted, 'record')} that it deleted cannot be brought back from here; see the recycle bin."
    yield "As long as the source says otherwise, the next transfer of the catalog will write its values again."


def as_data(transfer: TransferRecord) -> dict[str, object]:
    """A transfer for JSON output."""
    return {
        "id": transfer.id,
        "catalog": transfer.catalog,
        "status": transfer.status,
        "started": transfer.started,
        "finished": transfer.finished or None,
        "trigger": transfer.trigger,
        "who": transfer.who or None,
        "digest": transfer.digest,
        "summary": dict(transfer.summary),
        "error": transfer.error or None,
        "overrides": [dict(each) for each in transfer.overrides],
        "flapping": [flapping_data(each) for each in transfer.flapping],
        "recorded": None if transfer.recording is Recording.NONE else transfer.recording is Recording.DONE,
        "recording_error": transfer.recording_error or None,
    }
