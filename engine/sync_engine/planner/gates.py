"""Safety gates: numbers that forbid to apply a plan (PRODUCT defaults; catalogs set their own under ``safety``)."""

from __future__ import annotations

from collections.abc import Mapping

from sync_engine.catalog.model import Safety
from sync_engine.planner.plan import Gate, Summary

FEWEST = 10
"""A percentage of fewer records than this says nothing, so it trips no gate."""


def judge(
    safety: Safety, summary: Summary, held: int, emptied: Mapping[str, int], filled: Mapping[str, int]
) -> tuple[Gate, ...]:
    """Every gate of a catalog with what was counted.

    Args:
        safety: the catalog's limits.
        summary: counts of all streams.
        held: records of these streams that the target holds.
        emptied: by field: values that would become empty.
        filled: by field: held records with a value, among those that were compared.
    """
    gone = summary.delete + summary.deactivate
    gates = [
        _share("max_rejected_percent", safety.max_rejected_percent, summary.rejected, summary.matched),
        _share("max_update_percent", safety.max_update_percent, summary.update, held),
        _share("max_delete_percent", safety.max_delete_percent, gone, held),
    ]
    if safety.max_deletes is not None:
        gates.append(Gate("max_deletes", f"{safety.max_deletes}", f"{gone}", gone > safety.max_deletes))
    for field, count in sorted(emptied.items()):
        gate = _share("max_emptied_percent", safety.max_emptied_percent, count, filled.get(field, 0))
        if gate.tripped:
            gates.append(Gate(gate.name, gate.limit, f"{field}: {gate.actual}", tripped=True))
    matched = summary.matched
    gates.append(Gate("expect.min", f"{safety.expect_min}", f"{matched} records", matched < safety.expect_min))
    if safety.expect_max is not None:
        gates.append(Gate("expect.max", f"{safety.expect_max}", f"{matched} records", matched > safety.expect_max))
    return tuple(gates)


def _share(name: str, limit: int, part: int, whole: int) -> Gate:
    tripped = whole >= FEWEST and part * 100 > limit * whole
    percent = f" ({part * 100 / whole:.1f} %)" if whole else ""
    return Gate(name, f"{limit} %", f"{part} of {whole}{percent}", tripped)
