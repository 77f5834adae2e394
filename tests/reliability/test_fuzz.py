"""What anybody may write: YAML, catalogs and expressions end in problems with their place, in time, and reach nothing.

Each form runs the same inputs every time; the longer ones are more of them.
"""

from __future__ import annotations

import json
import random
import socket
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.journeys.conftest import ROOT, Project
from tests.journeys.small import Shop
from tests.reliability.canaries import token

from sync_engine.expressions import EvaluationFailed, InvalidExpression, compile_expression, compile_template
from sync_engine.expressions.filters import FILTERS, METHODS, TESTS
from sync_engine.problems import CODES
from sync_engine.sdk.values import Measurement, Price

LONGEST = 1.0
"""Seconds of processor time for one input."""
LARGEST = 65_536
"""Characters of a result."""


def in_three_lengths(short: int, slow: int, soak: int) -> pytest.MarkDecorator:
    """A test with so many inputs."""
    counts = [
        pytest.param(short, id="short"),
        pytest.param(slow, id="slow", marks=pytest.mark.slow),
        pytest.param(soak, id="soak", marks=pytest.mark.soak),
    ]
    return pytest.mark.parametrize("count", counts)


def inputs(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same inputs each time; how long one may take is measured in the test, by the processor's time."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )


of_files = in_three_lengths(25, 150, 3000)
of_expressions = in_three_lengths(200, 1000, 20_000)


@contextmanager
def in_time(what: object) -> Iterator[None]:
    """It takes no longer than it may."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < LONGEST, what


# Files


EXAMPLES = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("catalogs/*/catalogs/*.yaml"))]
PROJECT = (ROOT / "catalogs" / "icecat" / "sync-engine.yaml").read_text(encoding="utf-8")
ODD: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        10**40,
        1.5,
        "",
        " ",
        "x" * 100_000,
        "\u2028",
        "\ud7ff\ufffe\u202e",
        "é" * 300,
        "{{",
        "{{ a",
        "}}",
    ),
    *(
        "${",
        "${X}",
        "{{ name | upper }}",
        "[",
        "*",
        "&a",
        "!!python/object:os.system",
        "<<",
        "0x1F",
        "1_000",
        "2024-01-01",
    ),
    *([], {}, [[]], {"": None}, {"a": {"b": [1]}}, list(range(2000)), {str(each): each for each in range(500)}),
]
SCRAPS = [
    *("\t", "\n", ": ", "- ", "#", "'", '"', "{", "}", "[", "]", "&a ", "*a", "!!str ", "---\n", "...\n", "%YAML 9\n"),
    *("? ", "|\n", ">\n", "\x00", "\ufeff", "\u0085", "<<: ", "é", "\U0001f600"),
]


def altered(chance: random.Random, document: Any) -> Any:
    """A document with something in it dropped, renamed, moved or replaced by something odd."""
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        node = pending.pop()
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in children:
            places.append((node, key))
            pending.append(value)
    if not places:
        return deepcopy(chance.choice(ODD))
    node, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[str(chance.choice([f"{key}x", str(key)[1:], "", "Ä", "k" * 5000, "version", "streams"]))] = node.pop(
                key
            )
        case 2:
            other, place = chance.choice(places)
            node[key] = json.loads(json.dumps(other[place], default=str)) if _holds(other, place) else None
        case 3:
            for _ in range(chance.choice([1, 30, 400])):
                node[key] = {"a": node[key]} if chance.random() < 0.5 else [node[key]]
        case _:
            node[key] = deepcopy(chance.choice(ODD))
    return document


def _holds(node: Any, key: Any) -> bool:
    return key in node if isinstance(node, dict) else key < len(node)


def written(chance: random.Random, text: str) -> bytes:
    """A file that is like an example: its data altered, or its text."""
    if chance.random() < 0.6:
        document = yaml.safe_load(text)
        for _ in range(chance.randrange(1, 4)):
            document = altered(chance, document)
        try:
            made = json.dumps(document) if chance.random() < 0.5 else yaml.safe_dump(document, allow_unicode=True)
        except RecursionError:
            made = "[" * 1000
        return made.encode("utf-8", "surrogatepass")
    content = bytearray(text.encode())
    for _ in range(chance.randrange(1, 6)):
        start = chance.randrange(len(content) + 1)
        end = start + chance.choice([0, 0, 1, 5, 80])
        content[start:end] = chance.choice(
            [chance.choice(SCRAPS).encode(), bytes(content[end : end + 60]), chance.randbytes(3), b"a: " * 50]
        )
    return bytes(content)


class Folder:
    """A project, of which one file is written anew each time."""

    def __init__(self, folder: Path) -> None:
        (folder / "catalogs").mkdir()
        self._files = {name: folder / name for name in ("sync-engine.yaml", "catalogs/shop.yaml")}
        self._shop = Shop(Project(folder, {}), None)  # type: ignore[arg-type] # nothing is asked

    def judge(self, **files: bytes) -> None:
        """``validate`` says what is wrong with them, and where."""
        content = {"sync-engine.yaml": PROJECT.encode(), "catalogs/shop.yaml": EXAMPLES[0].encode()}
        content |= {"sync-engine.yaml" if name == "project" else "catalogs/shop.yaml": files[name] for name in files}
        for name, path in self._files.items():
            path.write_bytes(content[name])
        with in_time(files):
            done = self._shop.run("validate", "--format", "json", code=None)
        assert done.code in (0, 3), (files, done)
        problems = done.data["problems"]
        assert (done.code == 3) == any(each["severity"] == "error" for each in problems), files
        for each in problems:
            assert each["file"] in content, each
            assert each["line"] >= 1, each
            assert each["column"] >= 1, each
            assert each["code"] in CODES, each
            assert each["message"], each


@of_files
def test_any_bytes_and_any_text_are_a_document_or_a_problem(tmp_path: Path, count: int) -> None:
    folder = Folder(tmp_path)
    anything = st.binary(max_size=200) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
    scraps = st.lists(st.sampled_from([*SCRAPS, "a", "b: 1\n", "version: 1\n"]), max_size=60).map(
        lambda found: "".join(found).encode()
    )

    @inputs(count)
    @given(anything | scraps)
    def judged(content: bytes) -> None:
        folder.judge(catalog=content)

    judged()


@of_files
def test_any_catalog_that_is_like_one_is_judged_with_its_places(tmp_path: Path, count: int) -> None:
    folder = Folder(tmp_path)

    @inputs(count)
    @given(st.randoms(use_true_random=False), st.sampled_from(EXAMPLES))
    def judged(chance: random.Random, example: str) -> None:
        folder.judge(catalog=written(random.Random(chance.getrandbits(64)), example))

    judged()


@of_files
def test_any_project_file_that_is_like_one_is_judged_with_its_places(tmp_path: Path, count: int) -> None:
    folder = Folder(tmp_path)

    @inputs(count)
    @given(st.randoms(use_true_random=False))
    def judged(chance: random.Random) -> None:
        folder.judge(project=written(random.Random(chance.getrandbits(64)), PROJECT))

    judged()


# Expressions


VARIABLES: dict[str, object] = {
    "name": "Cup & <saucer> 'é'",
    "sku": "012",
    "big": "a," * 32_000,
    "price": (Price(Decimal("10.50"), "EUR"), Price(Decimal(12), "USD")),
    "weight": Measurement(Decimal("533.0000"), "GRAM"),
    "number": Decimal("-1234567890.123456789"),
    "count": 10**30,
    "uses": ("home", "trip"),
    "table": ({"a": "1", "b": None},),
    "empty": None,
    "yes": True,
}
ATTACKS = [
    "__class__", "''.__class__.__mro__[1].__subclasses__()", "cycler.__init__.__globals__.os.environ", "lipsum", "self",
    "'{0.__class__}'.format(1)", "'%999999999d' % 1", "namespace()", "range(10**9)", "dict(a=1)", "joiner()", "config",
    "9**9**9", "10 ** 100000", "'a' * 10**9", "big * 99999", "big ~ big", "(1).real", "sku.__getattribute__('x')",
    "open('/etc/passwd')", "request", "{% import 'os' as o %}", "{# #}", "{{ 1 }}", "name[::-1]", "[1,2][10**20]",
    "1e999999", "1/0", "0 // 0", "-7 % 0", "not", "is", "in", "lambda: 1", "f'{name}'", "'\\x00'", "'\\ud800'", "1 if",
    "big|replace('a',big)|replace('a',big)", "name|map('attr','x')",
    "'" + "a" * 3000 + "'", "(" * 150 + "1" + ")" * 150,
]  # fmt: skip
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "~",
    "==",
    "<",
    ">=",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    ",",
]
MARKS = ["(", ")", "[", "]", "{", "}", "|", ".", ":", "{{", "}}", "{%", "%}", "'", '"', "\\", "\n", "#"]
LITERALS = [
    "0",
    "1",
    "-1",
    "99999999999999999999",
    "0.1",
    "1e9",
    "''",
    "'a'",
    "'%s'",
    "none",
    "true",
    "[]",
    "{}",
    "'é\u2028'",
]
atoms = st.sampled_from([*VARIABLES, *LITERALS, *ATTACKS])
tokens = st.lists(
    atoms | st.sampled_from([*OPERATORS, *MARKS, *FILTERS, *METHODS, *TESTS, *string.printable]), max_size=25
).map(" ".join)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    filters = st.sampled_from(sorted(FILTERS))
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return (
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda each: f"({each[0]} {each[1]} {each[2]})")
        | st.tuples(inner, filters, arguments).map(lambda each: f"{each[0]} | {each[1]}({each[2]})")
        | st.tuples(inner, filters).map(lambda each: f"({each[0]} | {each[1]})")
        | st.tuples(inner, st.sampled_from(sorted(METHODS)), arguments).map(
            lambda each: f"{each[0]}.{each[1]}({each[2]})"
        )
        | st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} if {each[1]} else {each[2]})")
        | st.lists(inner, max_size=4).map(lambda each: f"[{', '.join(each)}]")
    )


expressions = st.recursive(atoms, _combined, max_leaves=12) | tokens
_reached: list[str] = []
_watching = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event.startswith(
        ("open", "socket.", "os.", "subprocess.", "shutil.", "ctypes.", "tempfile.", "import")
    ):
        _reached.append(f"{event} {arguments!r}"[:200])


@contextmanager
def alone() -> Iterator[list[str]]:
    """What is reached from within: files, sockets, processes, modules, by Python's own audit events (PEP 578)."""
    global _watching  # because a hook cannot be taken away again
    if not hasattr(sys, "_fuzz_hook"):
        sys._fuzz_hook = True  # type: ignore[attr-defined]
        sys.addaudithook(_hook)
    _reached.clear()
    _watching = True
    try:
        yield _reached
    finally:
        _watching = False


def test_what_reaches_out_is_seen(tmp_path: Path) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: (tmp_path / "x").write_text("x"),
        lambda: list(tmp_path.iterdir()),
        lambda: socket.socket().close(),
        lambda: subprocess.run(["true"], check=True),
        lambda: __import__("this_is_no_module"),
    ]
    for attempt in attempts:
        with alone() as reached, suppress(ImportError):
            attempt()
        assert reached


def outcome(make: Callable[[str], Any], text: str) -> object:
    """A value; or what is wrong, with its code and, of a text that cannot be compiled, with its place."""
    try:
        return make(text).evaluate(VARIABLES)
    except InvalidExpression as error:
        return error.problem if error.problem.code in CODES and error.problem.origin else None
    except EvaluationFailed as error:
        return f"{error.code}: {error.message}"


def size(value: object) -> int:
    """Characters of all texts in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(size(each) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple)):
        return sum(map(size, value))
    return len(str(value))


@of_expressions
def test_any_expression_has_a_bounded_value_or_a_problem_and_reaches_nothing(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    secret = token("environment")
    monkeypatch.setenv("FUZZ", secret)
    for make in (compile_expression, compile_template):  # what is imported when it is first needed
        for each in [f"name | {each}" for each in FILTERS] + ["number * 2", "", *ATTACKS]:
            outcome(make, each if make is compile_expression else f"{{{{ {each} }}}}")

    @inputs(count)
    @given(expressions, st.booleans())
    def judged(text: str, template: bool) -> None:
        make: Callable[[str], Any] = compile_template if template else compile_expression
        with in_time(text), alone() as reached:
            found = outcome(make, f"a {{{{ {text} }}}} b" if template else text)
        assert not reached, (text, reached)
        assert size(found) <= LARGEST, text
        assert secret[:8] not in repr(found), text

    judged()
