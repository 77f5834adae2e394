"""The words for the rows of a plan, and for those of a comparison of two versions of the catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync_engine.planner.plan import CatalogPlan, ChangeKind, ConfigChange, Summary
from sync_engine.planner.plan_file import PlanFile


@dataclass(frozen=True, slots=True)
class Wording:
    """How rows are named.

    Attributes:
        title: of a page.
        verbs: of a single row.
        counts: what is behind a count, and its colour; in this order.
        columns: short names of the same.
        nothing: said where there is no row.
    """

    title: str
    verbs: Mapping[ChangeKind, str]
    counts: Mapping[str, tuple[str, str]]
    columns: Mapping[str, str]
    nothing: str


PLAN = Wording(
    title="sync-engine plan",
    verbs={each: each.value for each in ChangeKind},
    counts={
        "create": ("to create", "green"),
        "update": ("to update", "yellow"),
        "deactivate": ("to deactivate", "magenta"),
        "delete": ("to delete", "red"),
        "unchanged": ("unchanged", ""),
        "rejected": ("rejected", "red"),
    },
    columns={each: each for each in ("create", "update", "deactivate", "delete", "unchanged", "rejected")},
    nothing="Nothing to do.",
)
COMPARISON = Wording(
    title="What the change of the catalogs causes",
    verbs={
        ChangeKind.CREATE: "enters",
        ChangeKind.UPDATE: "differs",
        ChangeKind.DEACTIVATE: "deactivate",
        ChangeKind.DELETE: "delete",
        ChangeKind.LEAVE: "leaves",
    },
    counts={
        "create": ("enter", "green"),
        "update": ("differ", "yellow"),
        "deactivate": ("to deactivate", "magenta"),
        "delete": ("to delete", "red"),
        "leave": ("leave", "magenta"),
        "unchanged": ("the same", ""),
        "rejected": ("rejected now", "red"),
    },
    columns={
        "create": "enter",
        "update": "differ",
        "deactivate": "deactivate",
        "delete": "delete",
        "leave": "leave",
        "unchanged": "the same",
        "rejected": "rejected now",
    },
    nothing="The change of the catalogs causes nothing.",
)


def wording(file: PlanFile) -> Wording:
    """The words for a file."""
    return PLAN if file.base is None else COMPARISON


def base_line(file: PlanFile) -> str:
    """What a comparison is with; empty for a plan."""
    if file.base is None:
        return ""
    return f"Compared with {file.base.reference}, at {file.base.commit[:12]}; data and the org are left out of account"


def total_of(catalogs: Sequence[CatalogPlan]) -> Summary:
    """The counts of several catalogs together."""
    total = Summary()
    for each in catalogs:
        total = total + each.summary
    return total


def config_lines(config: Sequence[ConfigChange]) -> Iterator[str]:
    """What differs between two versions, a line each."""
    return (f"{each.part}: {each.said}  ({each.place})" for each in config)
