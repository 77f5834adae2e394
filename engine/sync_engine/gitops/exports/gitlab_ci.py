"""A job of GitLab CI that asks for all catalogs at once, and what makes its pipeline schedules, which no file can."""

from __future__ import annotations

import json
from importlib.resources import files as resources

from sync_engine.gitops.exports.job import MARK, Job, Setting, distinct_knocks


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """The job, and the script."""
    times = "".join(f"    ({json.dumps(knock.cron)}, {json.dumps(zone)}),\n" for zone, knock in distinct_knocks(jobs))
    values = {
        "MARK": MARK,
        "CATALOGS": "\n".join(f"# {each.name}: {each.said}" for each in jobs),
        "TIMES": times,
        "VERSION": setting.version,
        "PROJECT": json.dumps(setting.inside),
        "LEDGER": json.dumps(f"{setting.inside}/.sync-engine/"),
        "ENVIRONMENT": json.dumps(setting.environment or ""),
    }
    return {
        "sync-engine-schedule.yml": _filled("gitlab_ci.yml", values),
        "make_pipeline_schedules.py": _filled("pipeline_schedules.txt", values),
    }


def _filled(name: str, values: dict[str, str]) -> str:
    text = resources(__package__).joinpath(name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
