"""Nothing waits for ever: every call over a network or to a process has a limit, every endless loop a reason to end."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "engine" / "sync_engine", ROOT / "plugins" / "akeneo", ROOT / "plugins" / "salesforce"]

LOOPS = {
    "planner/mapping_process.py _read": "its tasks come from a pipe, whose end ends it",
    "planner/prefetch.py prefetch": "its thread puts a mark at the end, also when it fails",
    "ledger/written.py written_pages": "keys of the ledger, in ascending order",
    "ledger/store.py owned": "keys of the ledger, in ascending order",
    "ledger/outcomes.py read_outcomes": "keys of the ledger, in ascending order",
    "schedule/moments.py _walls": "a generator of days, of which the caller takes some",
    "transfer/sending.py _wait": "POLL_DEADLINE",
    "transfer/recovery.py _look": "as long as the target says that a call may come late",
    "sync_engine_akeneo/client.py _insist": "`retry_minutes`",
    "sync_engine_akeneo/paging.py listing": "each page has records, and none that came before",
    "sync_engine_akeneo/paging.py _following": "each page has records, and a cursor that did not come before",
    "sync_engine_salesforce/session.py _insist": "`retry_minutes`",
    "sync_engine_salesforce/bulk.py submit": "`retry_minutes`",
    "sync_engine_salesforce/bulk.py finish_upload": "`retry_minutes`",
    "sync_engine_salesforce/files.py _post": "`retry_minutes`",
    "sync_engine_salesforce/reading.py pages": "each page has an address that did not come before",
}
"""Every `while True` and what ends it, but for its `return` or `break`."""

LIMITED = {
    "httpx.Client": "timeout",
    "smtplib.SMTP": "timeout",
    "smtplib.SMTP_SSL": "timeout",
    "subprocess.run": "timeout",
    "socket.create_connection": "timeout",
    "open_client": "timeout",
}
"""Calls that take a limit, and its name."""

OTHERS = {
    "sync_engine_salesforce/session.py requests.Session": "sends through `Transport`, which sets the limits",
    "planner/processes.py subprocess.Popen": "a process of ours that ends with its pipe; it is killed at the end",
    "gitops/git.py subprocess.Popen": "`_await` kills it after its seconds",
    "serve/running.py subprocess.Popen": "`serve` asks it to stop and then kills it",
    "ledger/postgresql.py psycopg.connect": "`_NETWORK`, `_SESSION` and a timer that cuts the connection",
}
"""Calls that take none, and why they end."""

_UNLIMITED = {"httpx", "requests", "subprocess", "psycopg", "urllib.request", "smtplib"}


@cache
def modules() -> list[tuple[str, ast.Module]]:
    return [*_modules()]


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for source in SOURCES:
        for path in sorted(source.rglob("*.py")):
            yield str(path.relative_to(source)), ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the innermost function that holds it."""
    for node in ast.iter_child_nodes(tree):
        name = node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else inside
        yield name, node
        yield from functions(node, name)


def test_every_endless_loop_has_a_reason_to_end() -> None:
    found = {
        f"{module} {function}"
        for module, tree in modules()
        for function, node in functions(tree)
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
    }
    assert found == set(LOOPS)


def calls() -> Iterator[tuple[str, str, set[str | None]]]:
    """Calls of libraries that can wait: module, what is called, names of the arguments."""
    for module, tree in modules():
        for _, node in functions(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                owner, _, name = called.rpartition(".")
                if called in LIMITED or (owner in _UNLIMITED and name not in ("Request", "BasicAuth")):
                    yield module, called, {each.arg for each in node.keywords}


def test_every_call_that_can_wait_has_a_limit() -> None:
    without = set()
    for module, called, arguments in calls():
        if called not in LIMITED:
            without.add(f"{module} {called}")
        elif LIMITED[called] not in arguments:
            pytest.fail(f"{module}: {called} without {LIMITED[called]}")
    assert without == set(OTHERS)


def test_clients_are_opened_where_whole_answers_have_a_limit() -> None:
    opened = {module for module, called, _ in calls() if called.startswith("httpx.")}
    assert opened == {"sdk/http.py"}
