"""A workflow of GitHub Actions that asks for all catalogs at once."""

from __future__ import annotations

import json
from importlib.resources import files as resources

from sync_engine.gitops.exports.job import MARK, Job, Setting, distinct_knocks

_LEDGER = " #@ledger"


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """The workflow."""
    times = "\n".join(
        f"    - cron: {json.dumps(knock.cron)}\n      timezone: {json.dumps(zone)}"
        for zone, knock in distinct_knocks(jobs)
    )
    secrets = "".join(f"      {each}: ${{{{ secrets.{each} }}}}\n" for each in setting.variables)
    text = resources(__package__).joinpath("github_actions.yml").read_text(encoding="utf-8")
    if setting.ledger is None:
        text = "".join(line for line in text.splitlines(keepends=True) if _LEDGER not in line)
    for name, value in (
        ("MARK", MARK),
        ("CATALOGS", "\n".join(f"# {each.name}: {each.said}" for each in jobs)),
        ("TIMES", times),
        ("VERSION", setting.version),
        ("PROJECT", json.dumps(setting.inside)),
        ("ENVIRONMENT", json.dumps(setting.environment or "")),
        ("SECRETS", f"    env:\n{secrets}" if secrets else ""),
        ("LEDGER", setting.ledger or ""),
    ):
        text = text.replace(f"@{name}@", value)
    return {"sync-engine-schedule.yml": text.replace(_LEDGER, "")}
