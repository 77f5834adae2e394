"""How ``sync-engine serve`` runs: the part ``serve`` of the project file, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_engine.catalog.references import Variable, is_plain, parts, substitute, unescaped
from sync_engine.documents import Document, Pointer, items, number, table, text
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.problem import NOWHERE, Origin, Problem
from sync_engine.sdk.values import Secret

SECRET_KEYS = ("token", "git_token", "webhook_secret", "webhook_old_secret")
LISTEN = "127.0.0.1:8080"
BRANCH = "main"
POLL_SECONDS = 60
PARALLEL = 2


@dataclass(frozen=True, slots=True)
class Serving:
    """The settings; references are unresolved until ``resolve_serving``.

    Attributes:
        repository: address of the git repository that is watched; None watches the folder of the project.
        branch: of it.
        path: of the project in it.
        git_username, git_token: for https.
        ssh_key, known_hosts: files, for ssh.
        poll_seconds: how often git is looked at, webhook or not.
        webhook_secret: with which the platform signs; None takes no deliveries.
        webhook_old_secret: that also counts while the other one is being introduced.
        listen: host and port of the web server.
        token: that requests must bring; None lets in whoever reaches it.
        hosts: names by which it may be called, beside addresses and ``localhost``.
        parallel: transfers that this process runs at once.
        origins: place of each setting by key.
    """

    repository: str | None = None
    branch: str = BRANCH
    path: str = ""
    git_username: str = "x-access-token"
    git_token: Secret | None = None
    ssh_key: str = ""
    known_hosts: str = ""
    poll_seconds: int = POLL_SECONDS
    webhook_secret: Secret | None = None
    webhook_old_secret: Secret | None = None
    listen: str = LISTEN
    token: Secret | None = None
    hosts: tuple[str, ...] = ()
    parallel: int = PARALLEL
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False)


USUAL = Serving()


def build_serving(document: Document) -> Serving:
    """The settings of a project file without errors."""
    written = table(table(document.data).get("serve"))
    pointer: Pointer = ("serve",)
    values: dict[str, object] = {}
    for key, value in written.items():
        if key in SECRET_KEYS:
            values[key] = Secret(text(value) or "")
        elif key == "hosts":
            values[key] = tuple(str(each) for each in items(value))
        else:
            values[key] = number(value) if key in ("poll_seconds", "parallel") else text(value)
    origins = {key: document.origin((*pointer, key)) for key in written}
    return Serving(**values, origins=origins)  # type: ignore[arg-type] # the schema has checked them


def variables_of(serving: Serving) -> frozenset[str]:
    """The variables of the environment that the secrets among the settings refer to."""
    secrets = (each.reveal() for key in SECRET_KEYS if (each := getattr(serving, key)) is not None)
    return frozenset(part.name for text in secrets for part in parts(text) if isinstance(part, Variable))


def resolve_serving(serving: Serving, environ: Mapping[str, str]) -> Serving:
    """The settings with their references replaced.

    Raises:
        InvalidInput: every variable that is not set and every file that cannot be read, with its place.
    """
    problems: list[Problem] = []

    def resolved(key: str, value: object) -> object:
        if isinstance(value, tuple):
            return tuple(resolved(key, each) for each in value)
        if isinstance(value, Secret):
            return Secret(str(resolved(key, value.reveal())))
        if not isinstance(value, str):
            return value
        if is_plain(value):
            return unescaped(value)
        found = substitute(value, environ, serving.origins.get(key, NOWHERE))
        if isinstance(found, list):
            problems.extend(found)
            return ""
        return found

    names = (each for each in Serving.__slots__ if each != "origins")
    done = {name: resolved(name, getattr(serving, name)) for name in names}
    if problems:
        raise InvalidInput(problems)
    return Serving(**done, origins=serving.origins)  # type: ignore[arg-type]
