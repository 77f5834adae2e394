"""A branch of a git repository as files of a project, without ever checking anything out.

A bare mirror is fetched, and of a commit only what a project is made of is read from it: regular files with harmless
names, of bounded number, size and depth. A link, a submodule or an LFS pointer among them is refused, because leaving
it out would look as if a catalog had been removed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sync_engine.gitops.git import LIMITS, GitFailed, Limits, Reach, run_git
from sync_engine.gitops.repository import split_contents
from sync_engine.sdk.errors import Refused, Unavailable
from sync_engine.sdk.masking import Mask
from sync_engine.sdk.values import Secret

PARTS = ("sync-engine.yaml", "catalogs", "environments", "tests", "snapshots")
"""What a project is made of; nothing else is read."""
SUFFIXES = (".yaml", ".yml", ".json")
DEPTH = 200
"""Commits of the branch that the first fetch brings."""
MAX_FILES = 5_000
MAX_FILE_BYTES = 64_000_000
MAX_BYTES = 256_000_000
MAX_LEVELS = 10
MAX_NAME = 200
_HEAD = "refs/watched/head"
_LFS = b"version https://git-lfs.github.com/spec/"
_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!-)[^\s:]+")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_BRANCH = re.compile(r"(?![-/.])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)|[/.]$))[^\x00-\x20\x7f~^:?*\[\\]{1,200}")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a repository lets us in; nothing of it is ever an argument, or in an address.

    Attributes:
        token: for https.
        username: that goes with the token.
        ssh_key: file of the private key; empty for what ssh finds by itself.
        known_hosts: file with the keys of hosts; empty for what ssh knows by itself.
    """

    token: Secret | None = None
    username: str = "x-access-token"
    ssh_key: str = ""
    known_hosts: str = ""


NO_CREDENTIALS = Credentials()


@dataclass(frozen=True, slots=True)
class Mirror:
    """A branch of a repository, and the folder of its bare mirror. Made by ``mirror_of``."""

    address: str
    branch: str
    folder: Path
    reach: Reach = field(repr=False)
    limits: Limits = LIMITS


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as messages show it.

    Attributes:
        id: the whole of it.
        author, subject: as it says; on one line.
        time: ISO 8601.
    """

    id: str
    author: str
    time: str
    subject: str


def mirror_of(
    address: str,
    branch: str,
    folder: Path,
    credentials: Credentials = Credentials(),
    limits: Limits = LIMITS,
) -> Mirror:
    """A branch that may be fetched, from an address that may be used.

    Args:
        address: ``https://…``, ``ssh://…``, ``user@host:path`` or the absolute path of a folder (also ``file://…``).
        branch: its name.
        folder: where mirrors are kept.
        credentials: how to get in.
        limits: what git may take.

    Raises:
        Refused: the address or the branch is none that may be used.
    """
    protocol, base = _judged(address)
    if not _BRANCH.fullmatch(branch):
        raise Refused(f"`{branch}` is no name of a branch", hint="Write its name alone, such as `main`.")
    settings = {}
    if credentials.token is not None and credentials.token.reveal() and protocol in ("https", "http"):
        login = f"{credentials.username}:{credentials.token.reveal()}"
        # For this host alone, wherever a redirect might lead.
        settings[f"http.{base}/.extraHeader"] = f"Authorization: Basic {base64.b64encode(login.encode()).decode()}"
    name = hashlib.sha256(f"{address} {branch}".encode()).hexdigest()[:16]
    reach = Reach(protocol, settings, _ssh(credentials), Mask([credentials.token] if credentials.token else []))
    return Mirror(address.removeprefix("file://"), branch, folder / f"{name}.git", reach, limits)


def _judged(address: str) -> tuple[str, str]:
    """The protocol of an address, and its beginning up to the host."""
    shown = re.sub(r"://[^/@]*@", "://…@", address)
    if _CONTROL.search(address) or not address:
        raise Refused("the address of the repository holds spaces or control characters, or is empty")
    if address.removeprefix("file://").startswith("/"):
        return "file", ""
    if _SCP.fullmatch(address):
        return "ssh", ""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        name = host if parts.port is None else host.rpartition(":")[0]
    except ValueError as error:
        raise Refused(f"`{shown}` is no address of a repository: {error}") from error
    if parts.password or (parts.scheme in ("https", "http") and parts.username):
        raise Refused(
            f"`{shown}` holds credentials, which logs and other processes could see",
            hint="Write the address without them, and the token under `token`.",
        )
    allowed = parts.scheme in ("https", "ssh") or (parts.scheme == "http" and name in _LOCAL)
    user = parts.username is None or _USER.fullmatch(parts.username)
    if not allowed or not _HOST.fullmatch(name) or not user or not parts.path.strip("/"):
        raise Refused(
            f"`{shown}` is no address that sync-engine fetches from",
            hint="https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or the absolute path of a folder.",
        )
    return parts.scheme, f"{parts.scheme}://{host}"


def _ssh(credentials: Credentials) -> str:
    """Ssh as it is to be called: without anybody's configuration, and only to hosts that are known."""
    command = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
    command += ["-o", "StrictHostKeyChecking=yes", "-o", "ForwardAgent=no", "-o", "PermitLocalCommand=no"]
    if credentials.ssh_key:
        command += ["-i", credentials.ssh_key, "-o", "IdentitiesOnly=yes"]
    if credentials.known_hosts:
        command += ["-o", f"UserKnownHostsFile={credentials.known_hosts}"]
    return shlex.join(command)


def fetch(mirror: Mirror, stop: threading.Event | None = None) -> str:
    """Bring the mirror up to date; returns the newest commit of the branch.

    Raises:
        Refused: there is no such branch, or the repository is too large.
        Unavailable: it cannot be reached now, or does not let us in.
        Interrupted: ``stop`` was set.
    """
    if not (mirror.folder / "HEAD").is_file():
        mirror.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        run_git("make a mirror", ["init", "--quiet", "--bare", "--template="], mirror.folder)
    head = f"refs/heads/{mirror.branch}"
    # A first fetch is shallow; later ones bring all that is new, so that it can be seen whether history was rewritten.
    depth = [] if _resolve(mirror, _HEAD) else [f"--depth={DEPTH}"]
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force", *depth]
    try:
        run_git(
            f"fetch {head} of {mirror.address}",
            ["fetch", *options, "--", mirror.address, f"+{head}:{_HEAD}"],
            mirror.folder,
            reach=mirror.reach,
            limits=mirror.limits,
            stop=stop,
        )
    except GitFailed as error:
        if "couldn't find remote ref" in error.said:
            raise Refused(
                f"{mirror.address} has no branch `{mirror.branch}`",
                hint="It was removed or renamed, or its name is misspelt.",
            ) from error
        raise Unavailable(error.message, hint="Check the address, the network and the credentials.") from error
    found = _resolve(mirror, _HEAD)
    if found is None:
        raise Refused(f"the branch `{mirror.branch}` of {mirror.address} names no commit")
    return found


def _resolve(mirror: Mirror, name: str) -> str | None:
    """The commit that a name stands for; None when there is none."""
    try:
        said = run_git("look up a commit", ["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], mirror.folder)
    except GitFailed:
        return None
    return said.decode("ascii").strip()


def is_ancestor(mirror: Mirror, old: str, new: str) -> bool:
    """Whether a commit is the other one, or an earlier one of its history; False also when the old one is unknown."""
    old, new = _checked(old), _checked(new)
    if old == new:
        return True
    if _resolve(mirror, old) is None:
        return False
    try:
        run_git("compare two commits", ["merge-base", "--is-ancestor", old, new], mirror.folder)
    except GitFailed as error:
        if error.said:
            raise
        return False
    return True


def has(mirror: Mirror, commit: str) -> bool:
    """Whether the mirror has a commit."""
    return bool(_COMMIT.fullmatch(commit)) and _resolve(mirror, commit) is not None


def recent(mirror: Mirror, commit: str, most: int) -> list[Commit]:
    """A commit and those before it on the branch, the newest first."""
    form = "--format=%H%x00%an%x00%cI%x00%s"
    arguments = ["log", "-z", "--first-parent", f"--max-count={most}", form, _checked(commit), "--"]
    fields = run_git("read the history", arguments, mirror.folder).decode("utf-8", "replace").split("\0")
    rows = zip(*(iter(fields),) * 4, strict=False)
    return [Commit(*(re.sub(r"\s+", " ", _CONTROL.sub(" ", each))[:MAX_NAME] for each in row)) for row in rows]


def _checked(commit: str) -> str:
    if not _COMMIT.fullmatch(commit):
        raise Refused(f"`{commit[:80]}` is no commit", hint="Write the whole of it, 40 hexadecimal digits.")
    return commit


def write_project(mirror: Mirror, commit: str, inside: str, folder: Path) -> None:
    """Write the files of a project as they are in a commit.

    Args:
        mirror: fetched.
        commit: one that the mirror has.
        inside: path of the project in the repository; empty for its root.
        folder: that is made for it; nothing may be there yet.

    Raises:
        Refused: a file is none that may be used, or there are too many, or they are too large.
    """
    listed = list(_entries(mirror, _checked(commit), inside))
    for where, _, size in listed:
        if size > MAX_FILE_BYTES:
            raise Refused(f"{where} has {size:,} bytes; a file of a project has at most {MAX_FILE_BYTES:,}")
    if sum(size for *_, size in listed) > MAX_BYTES:
        raise Refused(f"the files of the project have more than {MAX_BYTES:,} bytes together")
    folder.mkdir(parents=True, mode=0o700)
    for (where, _, _), content in zip(listed, _contents(mirror, [each for _, each, _ in listed]), strict=True):
        if content.startswith(_LFS):
            raise Refused(f"{where} is kept in Git LFS, which is not fetched", hint="Keep it in git itself.")
        path = folder / where
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise Refused(f"{where}: the names of two files differ only in case") from error
        with os.fdopen(handle, "wb") as file:
            file.write(content)


def _entries(mirror: Mirror, commit: str, inside: str) -> Iterator[tuple[str, str, int]]:
    """Path within the project, object and size of each of its files."""
    prefix = f"{inside.strip('/')}/" if inside.strip("/") else ""
    if prefix:
        _refuse_name(prefix.rstrip("/"))
    listing = run_git(
        f"list the files of {commit[:12]}",
        ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", *(f"{prefix}{each}" for each in PARTS)],
        mirror.folder,
        limits=Limits(30, 400 * MAX_FILES, mirror.limits.folder),
    )
    rows = listing.split(b"\0")[:-1]
    if len(rows) > MAX_FILES:
        raise Refused(f"the project has more than {MAX_FILES:,} files")
    for row in rows:
        about, _, name = row.partition(b"\t")
        mode, kind, object_id, size = about.decode("ascii").split()
        try:
            path = name.decode("utf-8").removeprefix(prefix)
        except UnicodeDecodeError as error:
            raise Refused(f"the name of a file is not UTF-8: {name!a}") from error
        if any(part.startswith(".") and part not in (".", "..") for part in path.split("/")):
            continue  # hidden; nothing of a project is
        if mode == "160000" or mode == "120000":
            what = "a submodule" if mode == "160000" else "a symbolic link"
            raise Refused(f"{path} is {what} in git, which is not followed", hint="Put the file itself there.")
        _refuse_name(path)
        if kind == "blob" and path.endswith(SUFFIXES):
            yield path, object_id, int(size)


def _refuse_name(path: str) -> None:
    parts = path.split("/")
    if len(parts) > MAX_LEVELS:
        raise Refused(f"{path[:MAX_NAME]}… lies more than {MAX_LEVELS} folders deep")
    for part in parts:
        if part in ("", ".", "..") or "\\" in part or part.startswith("-") or re.search(r"[\x00-\x1f\x7f-\x9f]", part):
            raise Refused(f"{path!a} is no name for a file of a project")
        if len(part.encode("utf-8")) > MAX_NAME:
            raise Refused(f"{path[:MAX_NAME]}… is longer than {MAX_NAME} bytes")


def _contents(mirror: Mirror, objects: Sequence[str]) -> Iterator[bytes]:
    """The content of each object, as it is in git: no filter and no line ending is applied."""
    whole = run_git("read the files", ["cat-file", "--batch"], mirror.folder, lines=objects)
    return split_contents(whole, len(objects))
