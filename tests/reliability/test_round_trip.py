"""Any text of the PIM, by Collections and by Bulk API, into the org and back: equal, or rejected with a reason.

Equal means the normal form of a text field: without the blanks at its ends, which the platform trims, line breaks as
LF, and null where nothing is left. The expectations here are computed without a line of the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from tests.journeys.between import between
from tests.journeys.small import Shop, open_shop, product
from tests.reliability.worlds import FREE

LONG = 131_072
"""Characters that the field takes."""
BULK_CELL = 32_000
"""Characters that Bulk API 2.0 takes in one cell."""
REFUSED = frozenset({*range(0x20), 0x7F, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF} - {0x09, 0x0A, 0x0D})
"""Code points that no text may hold: control characters, halves of pairs, and the two that XML excludes."""
FIELDS = ({"name": "Long__c", "type": "longtextarea", "length": LONG},)
STREAMS = {
    "items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Long__c": "notes"}},
}
AWKWARD = (
    *("\r", "a\rb", "a\r\nb", "a\n\rb", "a\n\nb\n", "\na", "a\n", "\r\na\r\n", "\x85a\x85b", "a\vb", "a\fb"),
    *("\u2028", "a\u2028b\u2029c", "\u2028a\u2029", "\0", "a\0b", "\0a", "a\0", "\x1a", "\x7f", "\ufffe", "a\uffffb"),
    *('"', '""', 'a"b', '"a"', '"a","b"', "'", "\\", '\\"', "\\n", 'a"\n"b', "a,b", ",", ";", "a\tb", "\ta", "a\t"),
    *("#N/A", "#n/a", " #N/A ", "#N/A#N/A", "a #N/A", "null", "NULL", "true", "0", "007", "1e5", "=1+1", "+1", "-1"),
    *("@SUM(A1)", " a", "a ", "  a  b  ", " ", "   ", "\n", "\u00a0", "\u00a0a\u00a0", "\u3000a\u3000"),
    *("\u200ba\u200b", "\u180ea\u180e"),
    *("\ufeff", "\ufeffa", "a\ufeff", "\ufeff\ufeffa", "é", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    *("\u202eabc\u202c", "\U0010ffff", "\ufdd0", "\U0001fffe", "\ufffd", "<b>a</b>", "&amp;", "&#0;", "%00", "\\u0000"),
    *("{{ sku }}", "{% raw %}", "${HOME}", "\U0001f600" * 255),
)
LENGTHS = (BULK_CELL - 1, BULK_CELL, BULK_CELL + 1, 131_071, LONG, LONG + 1, 2 * LONG)


@dataclass(frozen=True)
class Way:
    """A way into the org.

    Attributes:
        shop: with an empty org.
        bulk: whether texts travel as CSV.
    """

    shop: Shop
    bulk: bool

    def code(self, text: str) -> str | None:
        """Why a text is rejected; None for one that is written."""
        held = kept(text) or ""
        return refused(text) or (
            "TOO_LONG"
            if self.bulk and len(held) > BULK_CELL
            else "NOT_SENDABLE"
            if self.bulk and held == "#N/A"
            else None
        )


@contextmanager
def open_way(folder: Path, *, bulk: bool) -> Iterator[Way]:
    with open_shop(folder, fields=FIELDS) as shop:
        shop.write(STREAMS, safety=FREE)
        shop.connect(bulk_threshold=0 if bulk else 10_000)
        yield Way(shop, bulk)


@pytest.fixture(scope="module", params=[False, True], ids=["collections", "bulk"])
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with open_way(tmp_path_factory.mktemp("way"), bulk=request.param) as opened:
        yield opened


def kept(text: str) -> str | None:
    """What a text field holds of a text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() or None


def refused(text: str) -> str | None:
    """Why no record can have this text; None where one can."""
    if not REFUSED.isdisjoint(map(ord, text)):
        return "CONTROL_CHARACTER"
    return "TOO_LONG" if len(text) > LONG else None


def carry(way: Way, texts: Sequence[str]) -> None:
    """Create a record of each text, and change each into the text of another; see what arrives and what does not."""
    pim, org = way.shop.sandbox.pim, way.shop.sandbox.org
    for uuid in list(pim.products.by_key):
        pim.delete_product(uuid)
    for row in org.rows("Item__c"):
        org.remove("Item__c", row["Id"])
    for number, text in enumerate(texts):
        pim.add_product(**product(f"p{number}", notes=text))
    held = arrive(way, {}, texts)
    turned = [*texts[1:], *texts[:1]]
    for number, text in enumerate(turned):
        way.shop.change(f"p{number}", notes=text)
    arrive(way, held, turned)


def arrive(way: Way, before: Mapping[str, str | None], texts: Sequence[str]) -> dict[str, str | None]:
    """Apply, and see that nothing is left to do.

    Args:
        way: into the org.
        before: texts of its records by key.
        texts: of the PIM's products.

    Returns:
        The texts of its records after that.
    """
    wanted, codes = dict(before), {}
    for number, text in enumerate(texts):
        key, code = f"p{number}", way.code(text)
        if code:
            codes[key] = code
        else:
            wanted[key] = kept(text)
    way.shop.apply(code=4 if codes else 0)
    outcomes = way.shop.shown("--records")["outcomes"]
    rejected = {each["key"]: each["reasons"][0]["code"] for each in outcomes if each["outcome"] == "rejected"}
    assert rejected == codes
    held = {key: row.get("Long__c") for key, row in way.shop.rows().items()}
    assert held.keys() == wanted.keys()
    for key, text in wanted.items():
        assert held[key] == text, (key, codes.get(key), texts[int(key[1:])])
    # What only Bulk API cannot carry is tried again by each run: it would arrive when there is less to transfer.
    again = [key for key in codes if not refused(texts[int(key[1:])])]
    left = way.shop.plan()["summary"]
    assert (left["create"], left["update"]) == (
        sum(key not in before for key in again),
        sum(key in before for key in again),
    )
    assert left["rejected"] == len(codes) - len(again)
    return wanted


def test_awkward_texts_arrive_or_are_rejected(way: Way) -> None:
    carry(way, AWKWARD)


def test_long_texts_arrive_or_are_rejected(way: Way) -> None:
    carry(way, [letter * length for length in LENGTHS for letter in ("a", '"', "é", "\U0001f600")])


@pytest.mark.slow
def test_every_code_point_arrives_or_is_rejected(way: Way) -> None:
    """Those that can arrive many in a text, blanks at its ends too; the others one by one."""
    there = [chr(each) for each in range(0x110000) if each not in REFUSED]
    carry(way, [f"<{''.join(each)}>" for each in parts(there, 4_000)])
    blank = [each for each in there if not each.strip()]
    carry(way, [text for each in blank for text in (each, f"{each}a", f"a{each}", f"a{each}b")])
    carry(way, [f"a{chr(each)}b" for each in sorted(REFUSED) if not 0xD800 <= each < 0xE000])


@contextmanager
def replaced(environment: dict[str, str], **values: str) -> Iterator[None]:
    before = dict(environment)
    environment.update(values)
    yield
    environment.update(before)


def parts(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]


CHARACTERS = st.one_of(
    st.sampled_from("\r\n\t \u00a0\u2028\u2029\ufeff\0\"',;\\#N/A"),
    st.characters(codec="utf-8"),
)
TEXTS = st.lists(
    st.one_of(st.text(CHARACTERS, max_size=30), st.text(st.sampled_from('\r\n",a '), max_size=30)),
    min_size=50,
    max_size=50,
)
relaxed = settings(
    phases=[Phase.explicit, Phase.generate],  # an example takes a second: shrinking would take minutes
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)


@given(texts=TEXTS)
@settings(relaxed, max_examples=2)
def test_random_texts_arrive_or_are_rejected(way: Way, texts: list[str]) -> None:
    carry(way, texts)


@pytest.mark.slow
@given(texts=TEXTS)
@settings(relaxed, max_examples=8)
def test_many_random_texts_arrive_or_are_rejected(way: Way, texts: list[str]) -> None:
    carry(way, texts)


def test_half_of_a_surrogate_pair_stops_the_run(way: Way, tmp_path: Path) -> None:
    """No JSON of a PIM holds one: the answer is broken, and what else it says is not believed."""
    carry(way, ["a", "b"])
    way.shop.change("p0", notes="HALF")
    way.shop.change("p1", notes="c")
    url = way.shop.project.environment["PIM_URL"]

    def halved(request: Request) -> Response | None:
        if not request.url.path.endswith("/products-uuid"):
            return None
        headers = {"authorization": request.headers["authorization"]}
        given = httpx.get(f"{url}{request.url.path}?{request.url.query}", headers=headers, trust_env=False)
        return Response(given.text.replace("HALF", "\\ud83d"), given.status_code, media_type="application/json")

    with between(url, halved) as shown, replaced(way.shop.project.environment, PIM_URL=shown):
        done = way.shop.run("apply", "--yes", code=None)
    assert (done.code, "half of a surrogate pair" in done.err) == (1, True), done.err
    assert {key: row["Long__c"] for key, row in way.shop.rows().items()} == {"p0": "b", "p1": "a"}
