"""A file of DAGs for Airflow, one for each catalog and time."""

from __future__ import annotations

import json
from importlib.resources import files as resources

from sync_engine.gitops.exports.job import MARK, Job, Setting


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """The file, for the folder of DAGs."""
    rows = [
        (f"sync_engine_{each.name}" + (f"_{number + 1}" if number else ""), each, knock)
        for each in jobs
        for number, knock in enumerate(each.knocks)
    ]
    listed = "".join(
        f"    ({', '.join(map(_literal, (name, each.said, knock.cron, each.timezone, setting.shell(each.name))))}),\n"
        for name, each, knock in rows
    )
    text = resources(__package__).joinpath("dags.txt").read_text(encoding="utf-8")
    return {"sync_engine_dags.py": text.replace("@MARK@", MARK).replace("@DAGS@", listed)}


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
