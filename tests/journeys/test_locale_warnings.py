"""Warnings about locales, in `validate`, `plan` and `catalogs list`; an error or off where a catalog says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Shop, open_shop, product

FIELDS = [
    {"name": "Title__c", "type": "string", "length": 200},
    {"name": "Title_de__c", "type": "string", "length": 200},
    {"name": "Language__c", "type": "string", "length": 10},
]
MAIN = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name", "Title__c": "title"}}
TRANSLATED = {
    "from": "products",
    "for_each": "locale",
    "to": "Item__c",
    "key": {"Key__c": "{{ sku }}-{{ locale }}"},
    "fields": {"Name": "name", "Title__c": "title", "Language__c": "locale"},
}
BOTH = {"products": MAIN, "translations": TRANSLATED}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A PIM with en_US and de_DE, used by an org in en_US, de and fr."""
    one = product("S1", name="One", title={"en_US": "One", "de_DE": "Eins"})
    with open_shop(tmp_path_factory.mktemp("shop"), fields=FIELDS, products=[one]) as opened:
        write(opened, ["en_US", "de_DE"])
        opened.run("snapshot")
        yield opened


def write(shop: Shop, locales: Sequence[str], streams: Any = None, **rest: Any) -> None:
    source = {"connection": "pim", "channel": "web", "locales": list(locales)}
    shop.write(streams or BOTH, source=source, **rest)


def found(shop: Shop, *arguments: str, code: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The problems about locales by code, as `validate` reports them."""
    problems = shop.run("validate", "--format", "json", *arguments, code=code).data["problems"]
    by_code: dict[str, list[dict[str, Any]]] = {}
    for each in problems:
        by_code.setdefault(each["code"], []).append(each)
    return by_code


# The org is used in en_US, de and fr; the channel has en_US and de_DE.
EXPECTED = {
    "as they should be, but for French": (["en_US", "de_DE"], {"L3": ["fr"], "L8": ["de_DE"], "L10": ["name"]}),
    "forgotten": (["en_US"], {"L3": ["fr"], "L4": ["de_DE"]}),
    "not active": (
        ["en_US", "de_DE", "it_IT"],
        {"L1": ["it_IT"], "L2": ["it_IT"], "L3": ["fr"], "L8": ["de_DE"], "L10": []},
    ),
    "the default is not active": (
        ["en_GB", "de_DE"],
        {name: ["en_GB"] for name in ("L1", "L2", "L7", "L8")} | {"L3": ["fr"], "L4": ["en_US"], "L10": []},
    ),
    "by case only": (
        ["en_us", "de_DE"],
        {name: ["en_us"] for name in ("L1", "L2", "L7", "L8")} | {"L3": ["fr"], "L4": ["en_US"], "L10": []},
    ),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_the_locales_of_source_target_and_catalog_are_compared(shop: Shop, case: str) -> None:
    locales, expected = EXPECTED[case]
    streams = {"products": MAIN} if len(locales) == 1 else BOTH
    write(shop, locales, streams)
    problems = found(shop)
    for code, names in expected.items():
        messages = [each["message"] for each in problems[code]]
        assert [name for name in names if not any(f"`{name}`" in each for each in messages)] == [], messages
    assert {code for code in problems if code.startswith("L")} == set(expected)
    for each in (each for code, some in problems.items() if code.startswith("L") for each in some):
        assert each["severity"] == "warning"
        assert each["line"] > 1


def test_a_warning_stands_at_the_locale_that_it_is_about(shop: Shop) -> None:
    write(shop, ["en_US", "de_DE", "it_IT"])
    lines = (shop.project.folder / "catalogs" / "shop.yaml").read_text(encoding="utf-8").splitlines()
    (never,) = found(shop)["L1"]
    assert lines[never["line"] - 1].strip() == '"it_IT"'
    (near,) = found(shop)["L8"]
    assert lines[near["line"] - 1].strip() == '"de_DE",'
    assert "`de`" in near["message"] + near["hint"]


def test_a_catalog_can_make_a_warning_an_error_or_switch_it_off(shop: Shop) -> None:
    write(shop, ["en_US", "de_DE"], warnings={"L3": "error", "L8": "off"})
    problems = found(shop, code=3)
    assert problems["L3"][0]["severity"] == "error"
    assert "L8" not in problems
    refused = shop.run("plan", code=3)
    assert "error L3" in refused.err
    write(shop, ["en_US", "de_DE"], warnings={"L3": "off"})
    assert "L3" not in found(shop)
    write(shop, ["en_US", "de_DE"], warnings={"L11": "off"})
    assert "L11" in found(shop, code=3)["SE201"][0]["message"]
    write(shop, ["en_US", "de_DE"], warnings={"L3": "loud"})
    assert found(shop, code=3)


def test_the_plan_shows_them(shop: Shop) -> None:
    write(shop, ["en_US", "de_DE", "it_IT"])
    warnings = shop.plan()["warnings"]
    assert [each.partition(":")[0] for each in warnings] == ["L1", "L8", "L2", "L3", "L10"]
    assert "Warning: L1: `it_IT` is not active" in shop.run("plan").out


def test_a_locale_that_is_not_active_is_not_asked_for(shop: Shop) -> None:
    """The PIM refuses the whole request otherwise, and the other locales would not arrive either."""
    write(shop, ["en_US", "de_DE", "it_IT"])
    streams = shop.streams()
    assert streams["products"]["summary"]["create"] == 1
    (translated,) = streams["translations"]["changes"]
    assert translated["key"] == "S1-de_DE"


def test_a_stream_with_a_locale_of_its_own_is_compared_too(shop: Shop) -> None:
    write(shop, ["en_US"], {"products": {**MAIN, "locale": "de_DE"}})
    (found_,) = found(shop)["L6"]
    assert "`products`" in found_["message"]
    assert "`de_DE`" in found_["message"]


def test_a_stream_in_a_locale_that_is_not_there_would_empty_its_fields_and_is_refused(shop: Shop) -> None:
    write(shop, ["en_US"], {"products": {**MAIN, "locale": "it_IT"}})
    for live in ((), ("--live",)):
        (refused,) = found(shop, *live, code=3)["SE312"]
        assert refused["hint"] == "There are: `de_DE`, `en_US`."
    assert "SE312: the source has no active locale `it_IT`" in shop.run("plan", code=3).err


def test_one_text_for_all_languages_and_one_language_only_are_told(shop: Shop) -> None:
    write(shop, ["en_US", "de_DE"])
    (same,) = found(shop)["L10"]
    assert "`name` has no value per locale" in same["message"]
    write(shop, ["en_US", "de_DE"], {"products": MAIN})
    (only,) = found(shop)["L10"]
    assert "`title` has a value per locale, but no stream delivers `de_DE`" in only["message"]
    in_fields = {"Title__c": "title", "Title_de__c": {"value": "title", "locale": "de_DE"}, "Name": "name"}
    write(shop, ["en_US", "de_DE"], {"products": {**MAIN, "fields": in_fields}})
    assert "L10" not in found(shop)


def test_a_locale_that_the_target_does_not_know_either_is_content_that_nobody_gets(shop: Shop) -> None:
    pim = shop.sandbox.pim
    channel = pim.table("channels")["web"]
    for code in ("fr_FR", "pl_PL"):
        pim.put_row(("locales",), {"code": code, "enabled": True})
    pim.put_row(("channels",), {**channel, "locales": [*channel["locales"], "fr_FR", "pl_PL"]})
    try:
        write(shop, ["en_US", "de_DE"])
        problems = found(shop, "--live")
        assert "`pl_PL`" in problems["L5"][0]["message"]
        assert "`fr_FR`" in problems["L4"][0]["message"]
    finally:
        pim.put_row(("channels",), channel)
        for code in ("fr_FR", "pl_PL"):
            pim.put_row(("locales",), {"code": code, "enabled": False})


def test_a_locale_deactivated_since_the_snapshot_is_told_when_the_source_is_asked(shop: Shop) -> None:
    pim = shop.sandbox.pim
    channel = pim.table("channels")["web"]
    pim.put_row(("channels",), {**channel, "locales": ["en_US"]})
    try:
        write(shop, ["en_US", "de_DE"])
        assert "L9" not in found(shop)
        (gone,) = found(shop, "--live")["L9"]
        assert "`de_DE` was deactivated in the source in the channel web" in gone["message"]
        assert any(each.startswith("L9:") for each in shop.plan()["warnings"])
    finally:
        pim.put_row(("channels",), channel)


def test_catalogs_are_listed_with_what_is_doubtful_about_them(shop: Shop) -> None:
    write(shop, ["en_US", "de_DE"], description="All of the shop")
    (listed,) = shop.run("catalogs", "list", "--json").data["catalogs"]
    assert listed["name"] == "shop"
    assert listed["file"] == str(Path("catalogs") / "shop.yaml")
    assert listed["streams"] == ["products", "translations"]
    assert listed["objects"] == ["Item__c"]
    assert (listed["schedule"], listed["last_transfer"], listed["errors"]) == (None, None, [])
    assert {each["code"] for each in listed["warnings"]} >= {"L3", "L8", "L10"}
    text = shop.run("catalogs", "list").out
    assert "shop     catalogs/shop.yaml  products, translations  Item__c" in text
    assert f"{len(listed['warnings'])} warnings" in text
    assert "L3: people use the target in `fr`" in text


def test_a_catalog_with_errors_is_listed_as_such(shop: Shop) -> None:
    write(shop, ["en_US", "de_DE"], {"products": {**MAIN, "fields": {"Name": "nome"}}})
    (listed,) = shop.run("catalogs", "list", "--json").data["catalogs"]
    assert [each["code"] for each in listed["errors"]] == ["SE302"]
    text = shop.run("catalogs", "list").out
    assert "1 error" in text
    assert "SE302: `nome` is no attribute" in text


@contextmanager
def channel_with(shop: Shop, *locales: str) -> Iterator[None]:
    """The channel has these locales for a while."""
    pim = shop.sandbox.pim
    before, enabled = pim.table("channels")["web"], list(pim.table("locales").values())
    for code in locales:
        pim.put_row(("locales",), {"code": code, "enabled": True})
    pim.put_row(("channels",), {**before, "locales": list(locales)})
    try:
        yield
    finally:
        pim.put_row(("channels",), before)
        for each in enabled:
            pim.put_row(("locales",), each)


PROVOKED: dict[str, tuple[list[str], Any, tuple[str, ...]]] = {
    "L1": (["en_US", "it_IT"], BOTH, ("en_US", "de_DE")),
    "L2": (["en_US", "it_IT"], BOTH, ("en_US", "de_DE")),
    "L3": (["en_US"], {"products": MAIN}, ("en_US", "de_DE")),
    "L4": (["en_US"], {"products": MAIN}, ("en_US", "de_DE")),
    "L5": (["en_US"], {"products": MAIN}, ("en_US", "pl_PL")),
    "L6": (["en_US"], {"products": {**MAIN, "locale": "de_DE"}}, ("en_US", "de_DE")),
    "L7": (["it_IT", "en_US"], BOTH, ("en_US", "de_DE")),
    "L8": (["en_US", "de_DE"], BOTH, ("en_US", "de_DE")),
    "L9": (["en_US", "de_DE"], BOTH, ("en_US",)),
    "L10": (["en_US", "de_DE"], BOTH, ("en_US", "de_DE")),
}
"""Locales of the catalog, its streams, locales of the channel."""


@pytest.mark.parametrize("code", PROVOKED)
def test_each_warning_is_in_all_three_places_and_can_be_an_error_or_off(shop: Shop, code: str) -> None:
    locales, streams, active = PROVOKED[code]
    with channel_with(shop, *active):

        def said(exit_code: int, **warnings: str) -> list[bool]:
            """Whether the code is in what `validate`, `plan` and `catalogs list` say."""
            write(shop, locales, streams, **({"warnings": warnings} if warnings else {}))
            plan = shop.run("plan", code=exit_code)
            (listed,) = shop.run("catalogs", "list", "--live", "--json").data["catalogs"]
            told = [each["code"] for each in (*listed["warnings"], *listed["errors"])]
            return [code in found(shop, "--live", code=exit_code), f" {code}: " in plan.out + plan.err, code in told]

        assert said(0) == [True, True, True]
        assert said(3, **{code: "error"}) == [True, True, True]
        assert said(0, **{code: "off"}) == [False, False, False]
