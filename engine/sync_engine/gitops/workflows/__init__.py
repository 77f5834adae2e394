"""The files that make a platform's CI check, plan and apply catalogs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

_MARK = " #@ledger"


def repository_root(folder: Path) -> Path:
    """The folder of the git repository that a folder belongs to; the folder itself when there is none."""
    absolute = folder.resolve()
    return next((each for each in (absolute, *absolute.parents) if (each / ".git").exists()), absolute)


def github_workflow(
    version: str, project: str, environment: str | None, variables: Sequence[str], ledger: str | None
) -> str:
    """A workflow of GitHub Actions.

    Args:
        version: of sync-engine.
        project: the project's folder inside the repository; ``.`` for its root.
        environment: the one that is applied; None for the project file alone.
        variables: names that the connections refer to; each becomes a secret of the repository.
        ledger: folder of an SQLite ledger, relative to the repository, that is kept between jobs; None when it is
            somewhere else.
    """
    settings = [f"PLAN: {plan_name(environment)}"]
    settings += [f"SYNC_ENGINE_PROJECT: {_quoted(project)}"] if project != "." else []
    settings += [f"SYNC_ENGINE_ENV: {_quoted(environment)}"] if environment else []
    secrets = [f"      {each}: ${{{{ secrets.{each} }}}}" for each in variables] or ['      NO_COLOR: "1"']
    text = _text("github.yml")
    if ledger is None:
        text = "".join(line for line in text.splitlines(keepends=True) if _MARK not in line)
    return (
        text.replace(_MARK, "")
        .replace("@VERSION@", version)
        .replace("@SETTINGS@", "\n".join(f"  {each}" for each in settings))
        .replace("@VARIABLES@", "\n".join(secrets))
        .replace("@LEDGER@", _quoted(ledger or ""))
    )


def gitlab_component(version: str, project: str = ".", environment: str | None = None) -> str:
    """A component of GitLab CI with these defaults; see ``github_workflow``."""
    return (
        _text("gitlab.yml")
        .replace("@VERSION@", version)
        .replace("@PROJECT@", project)
        .replace("@ENVIRONMENT@", environment or "")
        .replace("@PLAN@", plan_name(environment))
    )


def plan_name(environment: str | None) -> str:
    """What tells apart the plans of several environments at one pull request."""
    return f"plan-{environment}" if environment else "plan"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
