"""What GitHub and GitLab say about pull requests, over HTTP, with their paging and their refusals."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
LONGEST = {"github": 65_536, "gitlab": 1_000_000}


@dataclass
class Platform:
    """One pull request (number 7) of one repository; ``comments`` by id."""

    kind: str
    token: str = "platform-token"
    url: str = ""
    comments: list[Json] = field(default_factory=list)
    merged: dict[str, list[Json]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    status: int = 0

    def say(self, body: str, who: str) -> None:
        """Somebody comments."""
        number = len(self.comments) + 1
        author = {"login": who} if self.kind == "github" else {"id": 1 if who == "us" else 2}
        key = "user" if self.kind == "github" else "author"
        self.comments.append({"id": number, "body": body, key: author, "system": False})

    def merge(self, commit: str, head: str) -> None:
        """The pull request is merged as this commit."""
        row: Json = {"number": 7, "head": {"sha": head}, "merged_at": "2026-01-01T00:00:00Z"}
        if self.kind == "gitlab":
            row = {"iid": 7, "sha": head, "state": "merged"}
        self.merged[commit] = [row]

    def answer(self, method: str, path: str, token: str, body: Json) -> tuple[int, Any]:
        """The answer to a call."""
        self.calls.append(f"{method} {path}")
        if self.status:
            return self.status, {"message": "no"}
        if token != self.token:
            return 401, {"message": "Bad credentials"}
        place = urlsplit(path)
        page = {key: int(value[0]) for key, value in parse_qs(place.query).items()}
        many = (
            "/repos/shop/catalogs/issues/7/comments" if self.kind == "github" else "/projects/42/merge_requests/7/notes"
        )
        one = "/repos/shop/catalogs/issues/comments" if self.kind == "github" else many
        commits = r"/repos/shop/catalogs/commits/(\w+)/pulls|/projects/42/repository/commits/(\w+)/merge_requests"
        if method in ("POST", "PATCH", "PUT") and len(body["body"]) > LONGEST[self.kind]:
            return 422, {"message": "Body is too long"}
        if (method, place.path) == ("GET", "/user") and self.kind == "gitlab":
            return 200, {"id": 1}
        if (method, place.path) == ("GET", many):
            start = (page["page"] - 1) * page["per_page"]
            return 200, self.comments[start : start + page["per_page"]]
        if (method, place.path) == ("POST", many):
            self.say(body["body"], "github-actions[bot]" if self.kind == "github" else "us")
            return 201, {**self.comments[-1], "html_url": "https://github.example/7#1"}
        if method == ("PATCH" if self.kind == "github" else "PUT") and place.path.startswith(f"{one}/"):
            comment = self.comments[int(place.path.rsplit("/", 1)[1]) - 1]
            comment["body"] = body["body"]
            return 200, {**comment, "html_url": "https://github.example/7#1"}
        if method == "GET" and (found := re.fullmatch(commits, place.path)):
            return 200, self.merged.get(found[1] or found[2], [])
        return 404, {"message": "Not Found"}


@contextmanager
def platform(kind: str) -> Iterator[Platform]:
    """Serve one."""
    found = Platform(kind)

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            token = self.headers.get("PRIVATE-TOKEN") or (self.headers.get("Authorization") or "").removeprefix(
                "Bearer "
            )
            status, data = found.answer(self.command, self.path, token, body)
            text = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_PUT = handle_one  # noqa: N815 - the names that the base class looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
