"""Any text as a key: its record is made once, found again, referred to, changed and deleted, or it is rejected.

An external id is compared without regard to case when it was made Unique with 'Treat "ABC" and "abc" as duplicate
values' (SOAP API Developer Guide, "upsert()"), which describe says as ``caseSensitive``. Beyond ASCII the platform does
not say what that means, so two keys that are equal in full case folding (Unicode 5.18) are taken for the same:
whichever it means, neither of the two records can overwrite the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.journeys.small import KEY, Json, Shop, open_shop, product, uuid_of
from tests.reliability.worlds import FREE

KEYS = (
    *('"', '""', 'a"b', '"a"', "'", "a'b", "''", "\\", "a\\b", "a\\nb", "\\'", "a,b", ",", '","', "a;b", "a|b", "a\tb"),
    *("a\nb", "a\rb", "a\r\nb", "a\n\nb", "a\u2028b", "a\u2029b", "a\x85b", "a b", "a  b", "a\u00a0b", "a\u200bb"),
    *("a/b", "a?b", "a#b", "a%b", "a%2Fb", "a+b", "a&b", "a=b", ".", "..", "../b", "%", "_", "*", ":a", "@{a}", "{0}"),
    *("{{ sku }}", "=1+1", "-1", "+1", "null", "true", "0", "00", "0.0", "1e5", "001000000000001", "a -- b", "a / b"),
    *("é", "e\u0301", "ü", "日本語", "\U0001f600", "\U0001f468\u200d\U0001f469", "\u202ea", "\ufeffa", "a\ufeffb"),
    *("#N/A#", "<a>", "&amp;", "İ", "ı", "\ufdd0", "\U0010ffff", "x" * 80, "é" * 80, "\U0001f600" * 80),
)
TWINS = (
    *(("blank", "blank "), ("abc", "ABC"), ("straße", "STRASSE"), ("ς", "Σ"), ("k", "\u212a"), ("ﬁn", "FIN")),
    *(("ǆ", "ǅ"), ("ſun", "sun"), ("Ω", "\u2126")),
)
MARK = {
    "name": "Mark__c",
    "fields": [
        KEY,
        {"name": "Thing__c", "type": "reference", "references": ["Thing__c"], "relationship": "Thing__r"},
    ],
}
STREAMS: Json = {
    "things": {
        "from": "products",
        "to": "Thing__c",
        "key": {"Key__c": "notes"},
        "fields": {"Name": "name"},
        "on_missing": "delete",
    },
    "marks": {
        "from": "products",
        "to": "Mark__c",
        "key": {"Key__c": "sku"},
        "fields": {"Thing__c": {"lookup": "things", "value": "notes"}},
        "on_missing": "delete",
    },
}


@contextmanager
def keys_shop(folder: Path, *, bulk: bool, keys: Iterable[str] = (), **key: bool) -> Iterator[Shop]:
    products = [product(f"p{number}", name="new", notes=text) for number, text in enumerate(keys)]
    thing = {"name": "Thing__c", "fields": [{**KEY, **key}]}
    with open_shop(folder, objects=[thing, MARK], products=products) as shop:
        shop.write(STREAMS, safety=FREE)
        shop.connect(bulk_threshold=0 if bulk else 10_000)
        yield shop


@pytest.fixture(params=[False, True], ids=["collections", "bulk"])
def bulk(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def things(shop: Shop) -> dict[str, Json]:
    """The records by key."""
    return shop.rows("Thing__c")


def rejected(shop: Shop) -> list[str]:
    """The codes with which records are rejected themselves, and not for want of their parent."""
    outcomes = shop.shown("--records")["outcomes"]
    found = [each["reasons"][0]["code"] for each in outcomes if each["stream"] == "things" and each["reasons"]]
    return sorted(found)


def test_awkward_keys_make_one_record_each_which_is_found_again(tmp_path: Path, bulk: bool) -> None:
    with keys_shop(tmp_path, bulk=bulk, keys=KEYS) as shop:
        shop.apply()
        ids = {key: row["Id"] for key, row in things(shop).items()}
        assert ids.keys() == set(KEYS)
        assert len(shop.sandbox.org.rows("Thing__c")) == len(KEYS)
        referred = {key: row["Thing__c"] for key, row in shop.rows("Mark__c").items()}
        assert referred == {f"p{number}": ids[key] for number, key in enumerate(KEYS)}
        shop.settled()
        for number in range(len(KEYS)):
            shop.change(f"p{number}", name="changed")
        (shop.project.folder / ".sync-engine" / "ledger.db").unlink()  # the org alone says what is there
        shop.apply()
        changed = {key: (row["Id"], row["Name"]) for key, row in things(shop).items()}
        assert changed == {key: (id_, "changed") for key, id_ in ids.items()}
        shop.settled()
        for number in range(1, len(KEYS)):
            shop.sandbox.pim.delete_product(uuid_of(f"p{number}"))
        shop.apply()
        assert things(shop).keys() == {KEYS[0]}
        shop.settled()


def test_keys_that_cannot_be_sent_are_rejected(tmp_path: Path, bulk: bool) -> None:
    codes = {"a\0b": "CONTROL_CHARACTER", "a\x1bb": "CONTROL_CHARACTER", "x" * 81: "TOO_LONG", " ": "KEY_EMPTY"}
    if bulk:
        codes["#N/A"] = "NOT_SENDABLE"  # it empties a field
    with keys_shop(tmp_path, bulk=bulk, keys=[*codes, "good"]) as shop:
        shop.apply(code=4)
        assert things(shop).keys() == {"good"}
        assert rejected(shop) == sorted(codes.values())


@pytest.mark.parametrize("case_sensitive", [False, True], ids=["case does not count", "case counts"])
def test_keys_that_are_equal_to_the_target_are_rejected_as_doubles(
    tmp_path: Path, bulk: bool, case_sensitive: bool
) -> None:
    keys = [each for twins in TWINS for each in twins]
    doubles = TWINS[0] if case_sensitive else keys
    with keys_shop(tmp_path, bulk=bulk, keys=keys, caseSensitive=case_sensitive) as shop:
        shop.apply(code=4)
        assert things(shop).keys() == set(keys).difference(doubles)
        assert rejected(shop) == ["DUPLICATE_KEY"] * len(doubles)


def test_a_key_that_the_target_holds_in_another_case_is_found_and_referred_to(tmp_path: Path, bulk: bool) -> None:
    """What was there before keeps its key; a reference is sent as the target spells it, and differs no more."""
    held = ("ABC", "STRASSE", "éé")
    with keys_shop(tmp_path, bulk=bulk, keys=["abc", "straße", "ÉÉ"]) as shop:
        ids = [shop.sandbox.org.add("Thing__c", {"Key__c": each, "Name": "old"}) for each in held]
        shop.apply()
        assert {key: (row["Id"], row["Name"]) for key, row in things(shop).items()} == {
            key: (id_, "new") for key, id_ in zip(held, ids, strict=True)
        }
        assert [row["Thing__c"] for _, row in sorted(shop.rows("Mark__c").items())] == ids
        shop.settled()
        assert "nothing, because the target holds it as it is" in shop.run("explain", "shop", "p0").out


def test_a_key_that_changes_its_case_in_the_pim_is_the_same_record(tmp_path: Path, bulk: bool) -> None:
    with keys_shop(tmp_path, bulk=bulk, keys=["abc", "def"]) as shop:
        shop.apply()
        before = things(shop)
        shop.change("p0", name="changed", notes="Abc")
        shop.apply()
        assert {key: row["Id"] for key, row in things(shop).items()} == {key: row["Id"] for key, row in before.items()}
        assert things(shop)["abc"]["Name"] == "changed"
        shop.settled()


def test_each_of_several_records_with_one_key_is_in_the_record_of_the_transfer(tmp_path: Path, bulk: bool) -> None:
    with keys_shop(tmp_path, bulk=bulk, keys=["same", "same", "same", "other"]) as shop:
        assert shop.apply(code=4)["summary"]["rejected"] == 6
        assert things(shop).keys() == {"other"}
        assert rejected(shop) == ["DUPLICATE_KEY"] * 3
        again = shop.run("transfers", "retry", "--yes", code=4).err
        assert "Of 6 records: 0 to send" in again
        assert "0 without anything to do" in again


def test_a_record_that_cannot_be_written_keeps_its_key_from_others(tmp_path: Path, bulk: bool) -> None:
    """Else the other would be written in its place until it is mended."""
    with keys_shop(tmp_path, bulk=bulk, keys=["same", "same", "other"]) as shop:
        for sku in ("p0", "p2"):
            shop.change(sku, name="n" * 81)
        shop.apply(code=4)
        assert things(shop) == {}
        assert rejected(shop) == ["DUPLICATE_KEY", "TOO_LONG", "TOO_LONG"]
