"""A workflow of GitHub Actions that asks for all catalogs at once."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files as resources

from sync_engine.gitops.exports.job import MARK, Job, Setting, distinct_knocks
from sync_engine.schedule.knocks import Knock

_LEDGER = " #@ledger"
_APART = 5
"""Minutes that GitHub leaves between two jobs at least."""


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """The workflow."""
    times = dict.fromkeys(_time(zone, knock) for zone, knock in distinct_knocks(jobs))
    secrets = "".join(f"      {each}: ${{{{ secrets.{each} }}}}\n" for each in setting.variables)
    text = resources(__package__).joinpath("github_actions.yml").read_text(encoding="utf-8")
    if setting.ledger is None:
        text = "".join(line for line in text.splitlines(keepends=True) if _LEDGER not in line)
    for name, value in (
        ("MARK", MARK),
        ("CATALOGS", "\n".join(f"# {each.name}: {each.said}" for each in jobs)),
        ("TIMES", "\n".join(times)),
        ("VERSION", setting.version),
        ("PROJECT", json.dumps(setting.inside)),
        ("ENVIRONMENT", json.dumps(setting.environment or "")),
        ("SECRETS", f"    env:\n{secrets}" if secrets else ""),
        ("LEDGER", json.dumps(setting.ledger or "")),
    ):
        text = text.replace(f"@{name}@", value)
    return {"sync-engine-schedule.yml": text.replace(_LEDGER, "")}


def _time(zone: str, knock: Knock) -> str:
    """A time; UTC is what GitHub takes when no zone is named."""
    cron = json.dumps(replace(knock, minutes=_apart(knock.minutes)).cron)
    return f"    - cron: {cron}" + (f"\n      timezone: {json.dumps(zone)}" if zone != "UTC" else "")


def _apart(minutes: frozenset[int]) -> frozenset[int]:
    """Of minutes that are too close to each other the later one, which makes up for the earlier one."""
    kept: list[int] = []
    for each in sorted(minutes, reverse=True):
        if not kept or kept[-1] - each >= _APART:
            kept.append(each)
    return frozenset(kept)
