"""A crontab."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sync_engine.gitops.exports.job import MARK, Job, Setting

_HEAD = f"""\
# {MARK}; install it with `crontab FILE`, or write it anew.
# CRON_TZ is known to cronie (Fedora, RHEL, Arch). Debian's cron takes the times for those of the machine: let the
# machine be in that zone, or ask more often, every quarter of an hour say; what is not due is left alone.
SHELL=/bin/sh
"""


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """The lines of all catalogs."""
    return {"crontab": _HEAD + "".join(f"{line}\n" for line in _lines(jobs, setting))}


def _lines(jobs: tuple[Job, ...], setting: Setting) -> Iterator[str]:
    if setting.variables:
        yield f"# {setting.env_file} gives values to {', '.join(setting.variables)}."
    for zone, found in groupby(
        sorted(jobs, key=lambda each: (each.timezone, each.name)), key=lambda each: each.timezone
    ):
        yield f"CRON_TZ={zone}"
        for each in found:
            yield f"# {each.name}: {each.said}"
            # To cron a percent sign is a line break.
            command = setting.shell(each.name).replace("%", "\\%")
            yield from (f"{knock.cron} {command}" for knock in each.knocks)
