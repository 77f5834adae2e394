"""What was told when, so that the same thing is not told all day.

It is kept in a small file beside the ledger and not in it, because a ledger that cannot be reached is one of the things
to be told. A file that cannot be read or written holds nothing back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sync_engine.catalog.model import Project

VERSION = 1


@dataclass(frozen=True, slots=True)
class Told:
    """When something was told last, and how often it has happened since without being told."""

    at: datetime
    held: int = 0


def throttle_path(project: Project) -> Path:
    """The file; environments do not hold back each other's messages."""
    name = f"notified-{project.environment.name}.json" if project.environment else "notified.json"
    return project.home / ".sync-engine" / name


def read_told(path: Path) -> dict[str, Told]:
    """What was told, by receiver and event; empty when the file says nothing that can be used."""
    try:
        data: Any = json.loads(path.read_bytes())
        return {key: Told(datetime.fromisoformat(each["at"]), int(each["held"])) for key, each in data["told"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_told(path: Path, told: Mapping[str, Told]) -> None:
    """Replace the file as a whole.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "version": VERSION,
        "told": {key: {"at": each.at.isoformat(), "held": each.held} for key, each in told.items()},
    }
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(body, indent=1), encoding="utf-8")
    fresh.replace(path)


def held_back(last: Told | None, every: int, now: datetime) -> Told | None:
    """What to remember of an event that is not told; None when it is to be told.

    Args:
        last: when the same event was told last.
        every: seconds within which it is told once.
        now: the time. A last time that lies ahead of it (a clock was set back) holds nothing back.
    """
    if last is None or not timedelta(0) <= now - last.at < timedelta(seconds=every):
        return None
    return replace(last, held=last.held + 1)
