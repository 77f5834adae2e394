"""The record of each transfer in the target (``log.to``): written at its end, and again when more is known of it.

What is due stands in the ledger first, so a crash before the writing leaves it to the next transfer of the catalog.
Records are found by the transfer's id, so whoever writes one again changes it, and there is never a second one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from sync_engine.compiler.conversion import Unconvertible, converter
from sync_engine.compiler.transfer_record import RecordForm
from sync_engine.ledger.records import TransferRecord
from sync_engine.ledger.store import Ledger
from sync_engine.sdk.errors import SyncEngineError
from sync_engine.sdk.target import Batch, FieldDescription, Operation, Outcome, RecordResult, Row, Target
from sync_engine.sdk.transfer_record import COUNTS, MOMENTS, TransferFact
from sync_engine.sdk.values import Blank, TargetValue
from sync_engine.transfer.causes import Cause, causes
from sync_engine.transfer.sending import await_results

_UTC = ZoneInfo("UTC")


def record_transfers(
    form: RecordForm, due: Sequence[TransferRecord], target: Target, ledger: Ledger, redact: Callable[[str], str]
) -> dict[str, str]:
    """Write the records of transfers, and note in the ledger what came of it.

    Args:
        form: where to, and how.
        due: the transfers, at most as many as go into one batch.
        target: of their catalog.
        ledger: holds their rejections.
        redact: replaces secrets in a text.

    Returns:
        By transfer, why its record could not be written; empty when all were. Data are never touched by that.

    Raises:
        SyncEngineError: the ledger cannot be written.
    """
    rows = []
    found: dict[str, str] = {}
    for each in due:
        try:
            rows.append(_row(form, each, ledger, redact))
        except Unconvertible as error:
            found[each.id] = error.reason.message
    try:
        found |= {each.key: _why(each) for each in _send(form, rows, target)} if rows else {}
    except SyncEngineError as error:
        found |= dict.fromkeys((each.key for each in rows), error.message)
    for why in sorted(set(found.values())):
        ledger.keep_recorded([key for key, each in found.items() if each == why], redact(why))
    return {key: redact(why) for key, why in found.items() if why}


def _send(form: RecordForm, rows: Sequence[Row], target: Target) -> list[RecordResult]:
    """Upsert the records; that can be repeated, so no journal is kept of it."""
    mode = target.batching(form.object.name, Operation.UPSERT, len(rows)).mode
    columns = tuple(field.name for field, _ in form.fields)
    batch = Batch(
        f"record-{rows[0].key}", form.object.name, Operation.UPSERT, form.key.name, mode, columns, tuple(rows)
    )
    return await_results(target.submit(batch, lambda *_: None), batch, target, threading.Event())


def _why(result: RecordResult) -> str:
    if result.outcome not in (Outcome.REJECTED, Outcome.UNCERTAIN):
        return ""
    return "; ".join(f"{each.code} {each.field} {each.message}".replace("  ", " ") for each in result.reasons)


def _row(form: RecordForm, transfer: TransferRecord, ledger: Ledger, redact: Callable[[str], str]) -> Row:
    values = {field.name: _value(field, fact, transfer, ledger, redact) for field, fact in form.fields}
    return Row(transfer.id, values)


def _value(
    field: FieldDescription,
    fact: TransferFact,
    transfer: TransferRecord,
    ledger: Ledger,
    redact: Callable[[str], str],
) -> TargetValue | Blank:
    if fact in COUNTS:
        return converter(field, _UTC)(transfer.summary.get(fact, 0))
    if fact in MOMENTS:
        moment = transfer.started if fact is TransferFact.STARTED else transfer.finished
        return datetime.fromisoformat(moment) if moment else Blank.CLEAR
    text = _fitting(redact(_text(fact, transfer, ledger)), field.length)
    return converter(field, _UTC)(text) if text else Blank.CLEAR


def _text(fact: TransferFact, transfer: TransferRecord, ledger: Ledger) -> str:
    match fact:
        case TransferFact.PLAN:
            return transfer.digest
        case TransferFact.REJECTIONS:
            outcomes = (ledger.outcomes(transfer.id, each) for each in (Outcome.REJECTED, Outcome.UNCERTAIN))
            return "\n".join(_cause_lines(causes(chain.from_iterable(outcomes)), transfer.id))
        case _:
            return str(getattr(transfer, fact))


def _cause_lines(found: Sequence[Cause], transfer: str) -> Iterable[str]:
    for each in found:
        key, message = each.examples[0]
        where = f"{each.code} {each.field}".rstrip()
        yield f"{each.count:,} × {where}, {each.solved}, such as {key}: {message}"
    if found:
        yield f"sync-engine transfers show {transfer}"


def _fitting(text: str, length: int) -> str:
    """The text without control characters, cut visibly where the field takes no more."""
    plain = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return plain if not length or len(plain) <= length else f"{plain[: length - 1]}…"
