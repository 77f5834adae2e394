"""What a person says when applying a plan: this very one, and these gates nevertheless."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sync_engine.planner.plan import Gate
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.plan_text import examples_line, gate_line
from sync_engine.sdk.errors import GateTripped, PlanStale

Overrides = dict[str, list[dict[str, str]]]
"""By catalog, the gates that were passed, as the ledger keeps them."""

approve_option = click.option(
    "--approve", metavar="DIGEST", help="Apply only the plan with this digest, which `plan` prints; asks no more."
)
allow_option = click.option(
    "--allow",
    "allowed",
    metavar="NAME=NUMBER",
    multiple=True,
    help="Pass a tripped gate, as the plan spells it, for this plan only. Needs --reason.",
)
reason_option = click.option("--reason", metavar="TEXT", help="Why --allow; kept in the transfer log.")


def check_options(allowed: Sequence[str], reason: str | None, *, pinned: bool) -> None:
    """Refuse options that do not go together.

    Args:
        allowed: of ``--allow``.
        reason: of ``--reason``.
        pinned: whether it is certain which plan is meant: that of a file, or the one with the approved digest.
    """
    if allowed and not (reason or "").strip():
        raise click.UsageError('--allow needs --reason "…": it is kept in the transfer log')
    if reason is not None and not allowed:
        raise click.UsageError("--reason goes with --allow")
    if allowed and not pinned:
        raise click.UsageError(
            "--allow is valid for one plan only: apply a saved plan FILE, or add --approve DIGEST, which `plan` prints"
        )


def check_digest(file: PlanFile, approved: str | None) -> None:
    """Refuse a plan that is not the approved one.

    Raises:
        PlanStale: its digest is another one; nothing was written.
    """
    if approved is not None and file.digest != approved.strip().lower():
        raise PlanStale(
            f"the plan has the digest {file.digest}, not the approved {approved}; nothing was written",
            hint="What would be written has changed since it was approved. Look at the new plan.",
        )


def pass_gates(file: PlanFile, allowed: Sequence[str], reason: str | None, command: str) -> Overrides:
    """The tripped gates that a person allows.

    Args:
        file: the plan.
        allowed: of ``--allow``.
        reason: of ``--reason``.
        command: what applies this very plan.

    Raises:
        GateTripped: others have tripped, too, or with another number, or the budget has no room; nothing was written.
    """
    over = [gate_line(each) for each in file.budget if each.tripped]
    if over:
        raise GateTripped(
            f"the plan would take more than the project's budget; nothing was written: {'; '.join(over)}",
            hint="Plan fewer catalogs or streams at a time, wait a day, or raise `budget:` in sync-engine.yaml.",
        )
    tripped = [(plan.name, gate) for plan in file.catalogs for gate in plan.tripped]
    left = [(name, gate) for name, gate in tripped if gate.allow not in allowed]
    if left:
        said = "; ".join(f"catalog {name}: {_said(gate)}" for name, gate in left)
        hint = _hint([gate for _, gate in left], allowed, command)
        raise GateTripped(f"refused by a safety gate; nothing was written: {said}", hint=hint)
    useless = [each for each in allowed if each not in {gate.allow for _, gate in tripped}]
    if useless:
        raise click.UsageError(f"--allow {useless[0]} passes no gate: none of that name and number has tripped")
    passed: Overrides = {}
    for name, gate in tripped:
        passed.setdefault(name, []).append(
            {
                "gate": gate.name,
                "limit": gate.limit,
                "found": gate.actual,
                "allowed": gate.allow,
                "reason": reason or "",
            }
        )
    return passed


def _said(gate: Gate) -> str:
    return f"{gate_line(gate)} ({examples_line(gate)})" if gate.records else gate_line(gate)


def _hint(left: Sequence[Gate], allowed: Sequence[str], command: str) -> str:
    names = {each.allow.partition("=")[0] for each in left}
    wrong = [each for each in allowed if each.partition("=")[0] in names]
    number = f"The plan has another number than --allow {', '.join(wrong)}. " if wrong else ""
    options = " ".join(f"--allow {each}" for each in dict.fromkeys(each.allow for each in left))
    return (
        f"{number}Look at the plan. To write it nevertheless, this once:\n"
        f'    {command} {options} --reason "…"\n'
        "  If it is right for good, change the limit under `safety:` in the catalog."
    )
