"""A service and a timer of systemd for each catalog."""

from __future__ import annotations

from collections.abc import Iterable

from sync_engine.gitops.exports.job import MARK, Job, Setting
from sync_engine.schedule.knocks import EVERY_DAY_OF_MONTH, EVERY_HOUR, EVERY_MINUTE, EVERY_MONTH, Knock
from sync_engine.schedule.model import DAYS, EVERY_DAY

_SERVICE = """\
# {mark}; put it into /etc/systemd/system, or write it anew.
[Unit]
Description=Transfer of the catalog {name}, when a run is due
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={folder}
{variables}ExecStart={command}
# It stops at a point from which it can go on.
TimeoutStopSec=120
"""
_TIMER = """\
# {mark}; enable it with `systemctl enable --now {unit}.timer`.
[Unit]
Description=Catalog {name}: {said}

[Timer]
{times}
Persistent={persistent}

[Install]
WantedBy=timers.target
"""


def files(jobs: tuple[Job, ...], setting: Setting) -> dict[str, str]:
    """Both units of every catalog."""
    found = {}
    for each in jobs:
        unit = f"sync-engine-{each.name}"
        command = " ".join(map(_quoted, (setting.program, *setting.arguments(each.name))))
        variables = f"EnvironmentFile={_specifiers(setting.env_file)}\n" if setting.variables else ""
        found[f"{unit}.service"] = _SERVICE.format(
            mark=MARK, name=each.name, folder=_specifiers(setting.folder), variables=variables, command=command
        )
        found[f"{unit}.timer"] = _TIMER.format(
            mark=MARK,
            unit=unit,
            name=each.name,
            said=_specifiers(each.said),
            times="\n".join(f"OnCalendar={calendar(knock, each.timezone)}" for knock in each.knocks),
            persistent="true" if each.makes_up else "false",
        )
    return found


def calendar(knock: Knock, timezone: str) -> str:
    """Times as systemd.time(7) writes them: ``Mon,Thu *-*-* 06:30:00 Europe/Berlin``."""
    days = "" if knock.weekdays == EVERY_DAY else ",".join(DAYS[each].title() for each in sorted(knock.weekdays)) + " "
    date = f"*-{_part(knock.months, EVERY_MONTH)}-{_part(knock.days, EVERY_DAY_OF_MONTH)}"
    return f"{days}{date} {_part(knock.hours, EVERY_HOUR)}:{_part(knock.minutes, EVERY_MINUTE)}:00 {timezone}"


def _part(found: Iterable[int], every: Iterable[int]) -> str:
    return "*" if found == every else ",".join(f"{each:02}" for each in sorted(found))


def _quoted(text: str) -> str:
    """An argument of a command line of systemd."""
    escaped = _specifiers(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return escaped if escaped and not set(escaped) & set(" \t\"'\\;") else f'"{escaped}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")
