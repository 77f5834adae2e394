"""The reaper: aborts bulk jobs that were opened and never closed.

When the answer to the creation of a job is lost, or a process dies before it knows the job's id, an open job stays
behind. It has no effect, but it is listed in Setup for a week and may look like work that hangs. No job is aborted
that another program may still be filling: only those of the same user and object, an hour older than one made just now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simple_salesforce.api import Salesforce

from sync_engine_salesforce.session import OrgSession

OLD = timedelta(hours=1)
"""By the org's clock; nobody takes that long between creating a job and closing it."""
MOST_PAGES = 20
"""Of the list of jobs; what lies behind them is found another time, when older jobs have gone."""
_JOBS = "jobs/ingest"


def find_orphans(session: OrgSession, made: Mapping[str, Any]) -> Iterator[str]:
    """Ids of jobs to abort.

    Args:
        session: of the org.
        made: what the org said of a job when it was created just now: the user, the object, the time.
    """
    now = _moment(made)
    user, object_name = made.get("createdById"), made.get("object")
    if now is None or not isinstance(user, str) or not isinstance(object_name, str):
        return
    for job in _listed(session):
        created = _moment(job)
        same = (job.get("createdById"), job.get("object"), job.get("state")) == (user, object_name, "Open")
        if same and created is not None and now - created > OLD and isinstance(job.get("id"), str):
            yield job["id"]


def _listed(session: OrgSession) -> Iterator[Mapping[str, Any]]:
    """All ingest jobs of the org, in pages."""
    asked = {"jobType": "V2Ingest"}
    for _ in range(MOST_PAGES):
        answer = session.call(partial(Salesforce.restful, path=_JOBS, params=dict(asked)))
        if not isinstance(answer, dict) or not isinstance(answer.get("records"), list):
            return
        yield from (each for each in answer["records"] if isinstance(each, dict))
        further = parse_qs(urlsplit(str(answer.get("nextRecordsUrl") or "")).query).get("queryLocator")
        if answer.get("done") is not False or not further or further[0] == asked.get("queryLocator"):
            return
        asked["queryLocator"] = further[0]


def _moment(job: Mapping[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(job.get("createdDate")))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
