"""What stands at a pull request: one comment with the plan, kept up to date, and the digest that merging approved.

Only the API of the platform is used, with the addresses and tokens that the platform gives to its jobs:

| | GitHub Actions | GitLab CI |
|---|---|---|
| address | ``GITHUB_API_URL`` | ``CI_API_V4_URL`` |
| repository | ``GITHUB_REPOSITORY`` | ``CI_PROJECT_ID`` |
| pull request | number and head in the file ``GITHUB_EVENT_PATH`` | ``CI_MERGE_REQUEST_IID``, ``CI_COMMIT_SHA`` |
| token | ``GITHUB_TOKEN`` (``github.token``) | ``GITLAB_TOKEN``: of the project; the job's own may not comment |

A comment is known by a mark at its very start. Anybody may write such a mark into a comment, so only those count that
the token's own user wrote; plans can hold anything, too, but never at the start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sync_engine.sdk.errors import BrokenContract, Refused, Unauthorised, Unavailable

if TYPE_CHECKING:
    import httpx

LONGEST = 65_000
"""Characters of a comment; GitHub takes 65,536, GitLab a million."""
TIMEOUT = 30
"""Seconds to connect, and between two bytes."""
SLOWEST_ANSWER = 120.0
"""Seconds for a call."""
_MOST_PAGES = 50
_MARK = re.compile(
    r"<!-- sync-engine (?P<name>[a-z0-9._-]+) digest=(?P<digest>[0-9a-f]{64}) head=(?P<head>[0-9a-f]{7,64}) -->"
)
_BOT = "github-actions[bot]"
_TOKENS = {
    True: ("GITHUB_TOKEN", "In the workflow: `env: GITHUB_TOKEN: ${{ github.token }}`."),
    False: ("GITLAB_TOKEN", "Make a project access token with the scope `api`, and keep it as a masked variable."),
}


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at a pull request.

    Attributes:
        mine: whether the user of the token wrote it.
    """

    id: int
    body: str
    mine: bool


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request (GitLab: merge request).

    Attributes:
        head: the last commit of its branch.
    """

    number: int
    head: str


@dataclass(frozen=True, slots=True)
class GitHub:
    """GitHub, as a job of GitHub Actions reaches it."""

    client: httpx.Client = field(repr=False)
    repository: str
    bot: str

    def comments(self, number: int) -> Iterator[Comment]:
        """All comments of a pull request, the oldest first."""
        for each in _pages(self.client, f"repos/{self.repository}/issues/{number}/comments"):
            yield Comment(each["id"], each["body"] or "", (each["user"] or {}).get("login") == self.bot)

    def create(self, number: int, body: str) -> str:
        """Write a comment; gives its address."""
        answer = _call(self.client, "POST", f"repos/{self.repository}/issues/{number}/comments", body)
        return str(answer["html_url"])

    def update(self, number: int, comment: int, body: str) -> str:  # noqa: ARG002 - the other platform needs it
        """Replace a comment; gives its address."""
        answer = _call(self.client, "PATCH", f"repos/{self.repository}/issues/comments/{comment}", body)
        return str(answer["html_url"])

    def merged(self, commit: str) -> list[PullRequest]:
        """The pull requests that brought a commit."""
        found = _pages(self.client, f"repos/{self.repository}/commits/{commit}/pulls")
        return [PullRequest(each["number"], each["head"]["sha"]) for each in found if each["merged_at"]]


@dataclass(frozen=True, slots=True)
class GitLab:
    """GitLab, as a job of its CI reaches it."""

    client: httpx.Client = field(repr=False)
    project: str

    def comments(self, number: int) -> Iterator[Comment]:
        """All comments of a merge request."""
        me = _call(self.client, "GET", "user")["id"]
        for each in _pages(self.client, f"projects/{self.project}/merge_requests/{number}/notes"):
            if not each["system"]:
                yield Comment(each["id"], each["body"] or "", each["author"]["id"] == me)

    def create(self, number: int, body: str) -> str:
        """Write a comment; gives what is known of its address."""
        answer = _call(self.client, "POST", f"projects/{self.project}/merge_requests/{number}/notes", body)
        return f"!{number}#note_{answer['id']}"

    def update(self, number: int, comment: int, body: str) -> str:
        """Replace a comment; gives what is known of its address."""
        _call(self.client, "PUT", f"projects/{self.project}/merge_requests/{number}/notes/{comment}", body)
        return f"!{number}#note_{comment}"

    def merged(self, commit: str) -> list[PullRequest]:
        """The merge requests that brought a commit."""
        found = _pages(self.client, f"projects/{self.project}/repository/commits/{commit}/merge_requests")
        return [PullRequest(each["iid"], each["sha"]) for each in found if each["state"] == "merged"]


@contextmanager
def open_platform(environ: Mapping[str, str]) -> Iterator[GitHub | GitLab]:
    """The platform whose job this is.

    Raises:
        Refused: it is no job of either, or its token is missing.
    """
    from sync_engine.sdk.http import open_client

    hub = environ.get("GITHUB_ACTIONS") == "true"
    if not hub and environ.get("GITLAB_CI") != "true":
        raise Refused(
            "this is no job of GitHub Actions or GitLab CI",
            hint="Pull requests are reached with the variables that the platform sets in its jobs.",
        )
    name, hint = _TOKENS[hub]
    token = environ.get(name)
    if not token:
        raise Refused(f"the variable {name} is not set", hint=hint)
    if hub:
        address = environ.get("GITHUB_API_URL", "https://api.github.com")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    else:
        address = _needed(environ, "CI_API_V4_URL")
        headers = {"PRIVATE-TOKEN": token}
    with open_client(SLOWEST_ANSWER, timeout=TIMEOUT, base_url=address.rstrip("/") + "/", headers=headers) as client:
        if hub:
            yield GitHub(client, _needed(environ, "GITHUB_REPOSITORY"), environ.get("SYNC_ENGINE_BOT", _BOT))
        else:
            yield GitLab(client, quote(_needed(environ, "CI_PROJECT_ID"), safe=""))


def current_pull_request(environ: Mapping[str, str]) -> PullRequest:
    """The pull request that the job is for.

    Raises:
        Refused: it is for none.
    """
    none = Refused("this job is not for a pull request", hint="Comment in jobs of pull requests (merge requests) only.")
    if environ.get("GITHUB_ACTIONS") == "true":
        try:
            event = json.loads(Path(_needed(environ, "GITHUB_EVENT_PATH")).read_bytes())
            return PullRequest(event["pull_request"]["number"], event["pull_request"]["head"]["sha"])
        except (OSError, ValueError, KeyError, TypeError):
            raise none from None
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    if not number.isdecimal():
        raise none
    # In a pipeline of merged results the job's commit is one that GitLab made; the branch's own is given, too.
    head = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or _needed(environ, "CI_COMMIT_SHA")
    return PullRequest(int(number), head)


def write_comment(platform: GitHub | GitLab, request: PullRequest, name: str, digest: str, text: str) -> str:
    """Write the plan at a pull request, into the comment that is there already if there is one.

    Args:
        platform: from ``open_platform``.
        request: where.
        name: tells apart the comments of several projects or environments.
        digest: of the plan.
        text: Markdown; what is too long is cut.

    Returns:
        The comment's address.
    """
    body = f"<!-- sync-engine {name} digest={digest} head={request.head} -->\n{text}"
    if len(body) > LONGEST:
        body = body[:LONGEST] + "\n\n… cut off here; the full plan is in the report.\n"
    known = next((each for each in _ours(platform, request.number, name)), None)
    if known is None:
        return platform.create(request.number, body)
    return platform.update(request.number, known.id, body)


def approved_digest(platform: GitHub | GitLab, commit: str, name: str) -> str:
    """The digest of the plan that stood at the pull request which brought a commit.

    Raises:
        Refused: no pull request brought it, it had no plan, or its last commit came after the plan.
    """
    requests = platform.merged(commit)
    if not requests:
        raise Refused(
            f"no merged pull request brought the commit {commit}, so nobody has approved a plan",
            hint="Look at a new plan, and apply it with `sync-engine apply --approve DIGEST`.",
        )
    old = ""
    for request in requests:
        for comment in _ours(platform, request.number, name):
            mark = _MARK.match(comment.body)
            if mark and mark["head"] == request.head:
                return mark["digest"]
            old = f", but one that was made before its last commit {request.head}"
    numbers = ", ".join(f"{each.number}" for each in requests)
    raise Refused(
        f"the pull request {numbers} has no plan named `{name}`{old}",
        hint="Look at a new plan, and apply it with `sync-engine apply --approve DIGEST`.",
    )


def _ours(platform: GitHub | GitLab, number: int, name: str) -> Iterator[Comment]:
    for comment in platform.comments(number):
        mark = _MARK.match(comment.body) if comment.mine else None
        if mark and mark["name"] == name:
            yield comment


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise Refused(f"the variable {name} is not set", hint="The platform sets it in its jobs.")
    return value


def _pages(client: httpx.Client, path: str) -> Iterator[Any]:
    """All items of a list: both platforms take ``per_page`` and ``page``, and the last page is not full."""
    for page in range(1, _MOST_PAGES + 1):
        found = _call(client, "GET", f"{path}?per_page=100&page={page}")
        if not isinstance(found, list):
            raise BrokenContract(f"{client.base_url.host} answered {path} with no list")
        yield from found
        if len(found) < 100:
            return


def _call(client: httpx.Client, method: str, path: str, body: str | None = None) -> Any:
    """One call; errors name the platform and the path, never the token."""
    import httpx

    host = client.base_url.host
    try:
        answer = client.request(method, path, json=None if body is None else {"body": body})
    except httpx.HTTPError as error:
        raise Unavailable(f"{host} cannot be reached ({type(error).__name__})") from None
    where = f"{method} {path.partition('?')[0]}"
    match answer.status_code:
        case 401 | 403 | 404:
            raise Unauthorised(
                f"{host} answered {answer.status_code} to {where}",
                hint="The token may not do this: on GitHub the job needs `pull-requests: write`, on GitLab the token "
                "needs the scope `api` and the role Reporter or higher.",
            )
        case status if status == 429 or status >= 500:
            raise Unavailable(f"{host} answered {status} to {where}")
        case status if status >= 300:
            raise Refused(f"{host} answered {status} to {where}")
    try:
        return answer.json()
    except ValueError:
        raise BrokenContract(f"{host} answered {where} with something that is no JSON") from None
