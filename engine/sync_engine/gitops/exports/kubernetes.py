"""A CronJob for each catalog and time, as those in deploy/kubernetes/base are."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files as resources

from sync_engine.gitops.exports.job import MARK, Job, Setting

_LONGEST = 52
"""Characters of the name of a CronJob: those of its jobs add eleven."""
_DAY, _HOUR = 86_400, 3_600


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """All CronJobs in one file."""
    template = resources(__package__).joinpath("cronjob.yaml").read_text(encoding="utf-8")
    found = []
    for each in jobs:
        for number, knock in enumerate(each.knocks):
            text = template
            for name, value in (
                ("NAME", object_name(each.name, number)),
                ("CATALOG", f"{each.name}: {each.said}"),
                ("SCHEDULE", json.dumps(knock.cron)),
                ("TIMEZONE", json.dumps(each.timezone)),
                ("DEADLINE", str(_DAY if each.makes_up else _HOUR)),
                ("IMAGE", json.dumps(setting.image)),
                ("ARGUMENTS", json.dumps(setting.arguments(each.name))),
            ):
                text = text.replace(f"@{name}@", value)
            found.append(text)
    return {"schedules.yaml": f"# {MARK}; `kubectl apply --filename FILE`, or write it anew.\n" + "---\n".join(found)}


def object_name(catalog: str, number: int) -> str:
    """The name of a CronJob: that of the catalog, shortened where it is too long."""
    name = f"sync-engine-{catalog}" + (f"-{number + 1}" if number else "")
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9].rstrip('-')}-{digest}"
