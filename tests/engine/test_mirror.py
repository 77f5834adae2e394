"""A branch of a repository is read without checking anything out, whatever is in it."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.repositories import BareRepository, bare_repository

from sync_engine.gitops.git import GitFailed, Limits, Reach, run_git
from sync_engine.gitops.mirror import (
    Credentials,
    Mirror,
    fetch,
    is_ancestor,
    mirror_of,
    recent,
    write_project,
)
from sync_engine.sdk.errors import Interrupted, Refused, Unavailable
from sync_engine.sdk.values import Secret

FILES: dict[str, str | bytes] = {"sync-engine.yaml": "version: 1\n", "catalogs/a.yaml": "name: a\n"}
TOKEN = "ghp_not-a-real-token"


@pytest.fixture
def origin(tmp_path: Path) -> BareRepository:
    return bare_repository(tmp_path / "origin.git")


def watched(origin: BareRepository | str, place: Path, branch: str = "main", **limits: float) -> Mirror:
    address = origin if isinstance(origin, str) else str(origin.path)
    return mirror_of(address, branch, place / "mirrors", limits=Limits(**limits))  # type: ignore[arg-type]


def written(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}


def take(origin: BareRepository, folder: Path, inside: str = "") -> dict[str, bytes]:
    mirror = watched(origin, folder)
    write_project(mirror, fetch(mirror), inside, folder / "project")
    return written(folder / "project")


def test_the_files_of_a_project_are_written_as_they_are_in_git(origin: BareRepository, tmp_path: Path) -> None:
    rest = {"snapshots/crm.json": "{}", "tests/a.yaml": b"a: \xc3\xa4\r\n", "environments/staging.yaml": "version: 1\n"}
    ignored = {"README.md": "no", "src/app.py": "no", "catalogs/notes.md": "no", "catalogs/.hidden.yaml": "no"}
    origin.push({**FILES, **rest, **ignored})
    expected = {name: text.encode() if isinstance(text, str) else text for name, text in {**FILES, **rest}.items()}
    assert take(origin, tmp_path) == dict(sorted(expected.items()))
    assert (tmp_path / "project/catalogs/a.yaml").stat().st_mode & 0o777 == 0o600


def test_a_project_may_lie_in_a_folder_of_its_repository(origin: BareRepository, tmp_path: Path) -> None:
    origin.push({f"teams/shop/{name}": text for name, text in FILES.items()} | {"catalogs/other.yaml": "x"})
    assert set(take(origin, tmp_path, "teams/shop")) == set(FILES)


def test_later_commits_are_found_with_what_lies_between(origin: BareRepository, tmp_path: Path) -> None:
    first = origin.push(FILES, "Add a\x1b[31m catalog")
    mirror = watched(origin, tmp_path)
    assert fetch(mirror) == first
    middle = origin.push({**FILES, "catalogs/b.yaml": "name: b\n"}, "Add b")
    last = origin.push(FILES, "Remove b")
    assert fetch(mirror) == last
    assert [each.subject for each in recent(mirror, last, 2)] == ["Remove b", "Add b"]
    assert "\x1b" not in recent(mirror, first, 1)[0].subject
    assert is_ancestor(mirror, first, last)
    assert is_ancestor(mirror, middle, middle)
    assert not is_ancestor(mirror, last, first)


def test_a_rewritten_history_is_seen(origin: BareRepository, tmp_path: Path) -> None:
    first = origin.push(FILES)
    mirror = watched(origin, tmp_path)
    fetch(mirror)
    second = origin.push({**FILES, "catalogs/b.yaml": "x"}, rewrite=True)
    assert fetch(mirror) == second
    assert not is_ancestor(mirror, first, second)
    assert not is_ancestor(mirror, "0" * 40, second)


def test_a_branch_that_is_not_there_is_told_apart_from_a_host_that_is_not(
    origin: BareRepository, tmp_path: Path
) -> None:
    origin.push(FILES)
    with pytest.raises(Refused, match=r"has no branch `nope`"):
        fetch(watched(origin, tmp_path, "nope"))
    with pytest.raises(Unavailable, match="git could not fetch"):
        fetch(watched(str(tmp_path / "nothing.git"), tmp_path))


# What is hostile: the address and the name of the branch.


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ext::sh -c id",
        "ext::sh",
        "--upload-pack=id",
        "-u./payload",
        "http://example.com/a.git",
        "git://example.com/a.git",
        "ftp://example.com/a.git",
        "https://example.com",
        "https://user:secret@example.com/a.git",
        "https://token@example.com/a.git",
        "ssh://-oProxyCommand=id/a.git",
        "ssh://-u@example.com/a.git",
        "git@-oProxyCommand=id:a.git",
        "git@example.com:--upload-pack=id",
        "https://example.com/a.git\n--upload-pack=id",
        "https://[::1/a.git",
        "https://example.com:port/a.git",
        "relative/path.git",
        "fd::3",
    ],
)
def test_an_address_that_could_run_something_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        mirror_of(address, "main", tmp_path)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/team/a.git",
        "https://example.com:8443/a",
        "ssh://git@example.com:22/a.git",
        "git@example.com:team/a.git",
        "/srv/a.git",
        "file:///srv/a.git",
        "http://127.0.0.1:8080/a.git",
    ],
)
def test_usual_addresses_are_taken(address: str, tmp_path: Path) -> None:
    assert mirror_of(address, "main", tmp_path).branch == "main"


@pytest.mark.parametrize(
    "branch", ["", "-x", "--output=x", "a..b", "a b", "a:b", "refs/../x", "a.lock", "/a", "a/", "a@{1}", "a\nb", "a*"]
)
def test_a_branch_that_is_no_name_is_refused(branch: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no name of a branch"):
        mirror_of("/srv/a.git", branch, tmp_path)


def test_git_speaks_no_protocol_but_that_of_the_address(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "mirror").mkdir()
    run_git("make a mirror", ["init", "-q", "--bare"], tmp_path / "mirror")
    for address in (f"ext::touch {marker}", f"file://{tmp_path}/x.git"):
        with pytest.raises(GitFailed, match="not allowed"):
            run_git("fetch", ["fetch", "--", address], tmp_path / "mirror", reach=Reach("https"))
    assert not marker.exists()


# What is hostile: the tree of a commit.


def test_links_and_submodules_among_the_files_of_a_project_are_refused(origin: BareRepository, tmp_path: Path) -> None:
    blob, link = origin.blob("version: 1\n"), origin.blob("/etc")
    inner = [
        [("120000", link, "a.yaml")],
        [("120000", link, "folder")],
        [("160000", "1" * 40, "module")],
    ]
    trees = [[("100644", blob, "sync-engine.yaml"), ("040000", origin.tree(*entries), "catalogs")] for entries in inner]
    trees += [
        [("100644", blob, "sync-engine.yaml"), ("120000", link, "catalogs")],
        [("120000", link, "sync-engine.yaml")],
    ]
    for number, entries in enumerate(trees):
        modules = origin.blob('[submodule "x"]\n\tpath = catalogs/module\n\turl = -u./payload\n')
        origin.commit_tree(origin.tree(*entries, ("100644", modules, ".gitmodules")))
        with pytest.raises(Refused, match=r"symbolic link|submodule"):
            take(origin, tmp_path / str(number))
        assert not (tmp_path / str(number) / "project").exists()


@pytest.mark.parametrize("name", ["..", "-x.yaml", "a\\b.yaml", "a\nb.yaml", "a\x1b[2J.yaml", "x" * 201 + ".yaml"])
def test_a_name_that_is_none_for_a_file_is_refused(name: str, origin: BareRepository, tmp_path: Path) -> None:
    blob = origin.blob("x")
    inner = origin.tree(("100644", blob, name))
    if name == "..":
        inner = origin.tree(("040000", origin.tree(("100644", blob, "up.yaml")), ".."))
    origin.commit_tree(origin.tree(("040000", inner, "catalogs")))
    with pytest.raises(Refused) as refused:
        take(origin, tmp_path)
    assert not any(each in refused.value.message for each in "\n\x1b")
    assert not (tmp_path / "up.yaml").exists()


def test_a_path_that_leads_out_of_the_repository_is_refused(origin: BareRepository, tmp_path: Path) -> None:
    origin.push(FILES)
    for inside in ("../x", "a/../..", "-x", "--output=x"):
        with pytest.raises(Refused, match="no name for a file"):
            take(origin, tmp_path, inside)


def test_files_and_folders_without_end_are_refused(origin: BareRepository, tmp_path: Path) -> None:
    deep = origin.tree(("100644", origin.blob("x"), "a.yaml"))
    for _ in range(11):
        deep = origin.tree(("040000", deep, "f"))
    origin.commit_tree(origin.tree(("040000", deep, "catalogs")))
    with pytest.raises(Refused, match="folders deep"):
        take(origin, tmp_path / "deep")
    bomb = origin.tree(("100644", origin.blob("x"), "a.yaml"))
    for _ in range(7):  # ten million files in a few hundred bytes
        bomb = origin.tree(*(("040000", bomb, f"f{number}") for number in range(10)))
    origin.commit_tree(origin.tree(("040000", bomb, "catalogs")))
    with pytest.raises(Refused, match=r"more than 5,000 files|within 2 MB"):
        take(origin, tmp_path / "bomb")


def test_a_file_in_lfs_is_refused(origin: BareRepository, tmp_path: Path) -> None:
    origin.push({**FILES, "snapshots/crm.json": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"})
    with pytest.raises(Refused, match=r"snapshots/crm\.json is kept in Git LFS"):
        take(origin, tmp_path)


def test_a_repository_that_is_too_large_is_not_taken(origin: BareRepository, tmp_path: Path) -> None:
    origin.push({**FILES, "large.bin": os.urandom(3_000_000)})
    with pytest.raises(Refused, match="within 2 MB"):
        fetch(watched(origin, tmp_path, folder=2_000_000))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("while :; do head -c 100000 /dev/zero >> ever; sleep 0.01; done", "within 2 MB"),
        ("cat /dev/zero", "within 1 MB"),
        ("cat /dev/zero >&2", "within 1 MB"),
        ("sleep 60 & echo $! > child; sleep 60", "within 1 seconds"),
    ],
)
def test_git_that_does_not_come_to_an_end_is_ended_with_all_that_it_has_started(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_front(tmp_path / "bin", "git", script, monkeypatch)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    limits = Limits(seconds=1 if "child" in script else 30, output=10**6, folder=2 * 10**6)
    with pytest.raises((Refused, Unavailable), match=said):
        run_git("fetch", ["fetch"], mirror, limits=limits)
    if "child" in script:
        child = int((mirror / "child").read_text())
        deadline = time.monotonic() + 10  # it has been told to; the system takes its time
        while is_alive(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_alive(child)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_no_hook_filter_or_setting_of_the_machine_is_used(
    origin: BareRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, home = tmp_path / "ran", tmp_path / "home"
    (home / "hooks").mkdir(parents=True)
    payload = f"#!/bin/sh\ntouch {marker}\ncat\n"
    for name in ("reference-transaction", "post-checkout", "pre-auto-gc", "fsmonitor-watchman", "evil"):
        (home / "hooks" / name).write_text(payload)
        (home / "hooks" / name).chmod(0o755)
    evil = home / "hooks" / "evil"
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {home}/hooks\n\tsshCommand = {evil}\n\tfsmonitor = {evil}\n\taskPass = {evil}\n"
        f"[init]\n\ttemplateDir = {home}\n[filter \"evil\"]\n\tsmudge = {evil}\n\tclean = {evil}\n\trequired = true\n"
        f"[credential]\n\thelper = {evil}\n[protocol \"ext\"]\n\tallow = always\n"
        f"[url \"ext::{evil} \"]\n\tinsteadOf = {origin.path}\n"
    )  # fmt: skip
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_PARAMETERS": f"'core.hooksPath={home}/hooks'",
        "GIT_SSH_COMMAND": str(evil),
        "GIT_PROXY_COMMAND": str(evil),
        "GIT_EXTERNAL_DIFF": str(evil),
        "GIT_PAGER": str(evil),
        "GIT_EXEC_PATH": str(home),
        "GIT_DIR": str(home),
        "GIT_TEMPLATE_DIR": str(home),
        "GIT_TRACE": str(marker),
    }.items():
        monkeypatch.setenv(name, value)
    attributes = "* filter=evil diff=evil text eol=crlf ident\n"
    origin.push(
        {**FILES, ".gitattributes": attributes, "catalogs/.gitattributes": attributes, "catalogs/b.yaml": "$Id$\n"}
    )
    assert take(origin, tmp_path)["catalogs/b.yaml"] == b"$Id$\n"
    assert not marker.exists()


# Over HTTP and SSH, with credentials.


@contextmanager
def serving(origin: BareRepository, *, redirect: str = "") -> Iterator[tuple[str, list[str | None]]]:
    """The repository over git's HTTP protocol for whoever has the token; the answers to all are noted."""
    login = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(b"", ["--http-backend-info-refs"], b"001e# service=git-upload-pack\n0000")

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])), [], b"")

        def answer(self, body: bytes, options: list[str], start: bytes) -> None:
            seen.append(self.headers.get("Authorization"))
            if redirect:
                self.send_response(302)
                self.send_header("Location", redirect + self.path)
                self.end_headers()
                return
            if self.headers.get("Authorization") != login:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.end_headers()
                return
            done = subprocess.run(
                ["git", "upload-pack", "--stateless-rpc", *options, str(origin.path)],
                input=body,
                capture_output=True,
                check=True,
            )
            self.send_response(200)
            kind = "advertisement" if start else "result"
            self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
            self.end_headers()
            self.wfile.write(start + done.stdout)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/shop.git", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_front(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of that name before the real one on the PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_token_lets_us_in_and_is_no_argument(
    origin: BareRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, log = origin.push(FILES), tmp_path / "arguments"
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    in_front(tmp_path / "bin", "git", f'echo "$@" >> {log}\nexec {real} "$@"', monkeypatch)
    with serving(origin) as (address, seen):
        mirror = mirror_of(address, "main", tmp_path / "mirrors", Credentials(Secret(TOKEN)))
        assert fetch(mirror) == commit
        with pytest.raises(Unavailable) as refused:
            fetch(mirror_of(address, "main", tmp_path / "others", Credentials(Secret("wrong-token"))))
    assert "wrong-token" not in refused.value.message
    assert any(each and TOKEN not in each for each in seen)  # encoded, as HTTP has it
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    kept = b"".join(each.read_bytes() for each in (tmp_path / "mirrors").rglob("*") if each.is_file())
    for secret in (TOKEN, encoded):
        assert secret not in log.read_text()
        assert secret not in repr(mirror)
        assert secret.encode() not in kept


def test_no_redirect_is_followed(origin: BareRepository, tmp_path: Path) -> None:
    origin.push(FILES)
    with (
        serving(origin) as (elsewhere, seen),
        serving(origin, redirect=elsewhere.removesuffix("/shop.git")) as (url, _),
        pytest.raises(Unavailable),
    ):
        fetch(mirror_of(url, "main", tmp_path, Credentials(Secret(TOKEN))))
    assert seen == []


def test_ssh_is_called_without_anybodys_configuration(
    origin: BareRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, log = origin.push(FILES), tmp_path / "arguments"
    # Runs here what would run there: the last argument is the command line.
    run_here = f'printf "%s\\n" "$@" > {log}\nfor last; do :; done\nexec sh -c "$last"'
    in_front(tmp_path / "bin", "ssh", run_here, monkeypatch)
    credentials = Credentials(ssh_key="/keys/my key", known_hosts="/keys/hosts")
    mirror = mirror_of(f"git@example.com:{origin.path}", "main", tmp_path / "mirrors", credentials)
    assert fetch(mirror) == commit
    said = log.read_text().splitlines()
    assert said[:2] == ["-F", "/dev/null"]
    assert {"StrictHostKeyChecking=yes", "BatchMode=yes", "/keys/my key", "UserKnownHostsFile=/keys/hosts"} <= {*said}


# Hosts that do not answer, or answer what nobody wants to see.


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that says the same to everybody and nothing more; silent when there is nothing to say."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                held.append(connection)
                if answer:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.git"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in held:
        each.close()


def test_a_host_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with answering(b"") as address, pytest.raises(Unavailable, match="within 1 seconds"):
        fetch(watched(address, tmp_path, seconds=1))


def test_git_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with answering(b"") as address, pytest.raises(Interrupted):
        fetch(watched(address, tmp_path), stop)


def test_words_of_a_host_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    said = b"ERR \x1b[2J\x1b]0;owned\x07 gone\nforged line"
    body = b"001e# service=git-upload-pack\n0000%04x%s" % (len(said) + 4, said)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: close\r\n\r\n"
    with answering(head + body) as address, pytest.raises(Unavailable) as refused:
        fetch(watched(address, tmp_path))
    assert "gone" in refused.value.message
    assert not any(each in refused.value.message for each in "\x1b\x07\n")
