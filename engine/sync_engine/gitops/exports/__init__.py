"""Files that let another scheduler ask, at the right times, whether a run is due: `sync-engine apply --scheduled`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync_engine.gitops.exports import airflow, crontab, github_actions, gitlab_ci, kubernetes, systemd
from sync_engine.gitops.exports.job import Job, Setting

PLATFORMS: Mapping[str, Callable[[tuple[Job, ...], Setting], dict[str, str]]] = {
    "crontab": crontab.files,
    "systemd": systemd.files,
    "kubernetes": kubernetes.files,
    "github-actions": github_actions.files,
    "gitlab-ci": gitlab_ci.files,
    "airflow": airflow.files,
}
"""What writes the files of a platform, by its name: texts by name of the file."""
