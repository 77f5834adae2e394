"""Whatever a server answers: an error that names the connection, never an empty source."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from tests.plugins.akeneo.standin import StandIn

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.source import Query, Source, SourceRecord

SKU = {"code": "sku", "type": "pim_catalog_identifier"}
NAME = {"code": "name", "type": "pim_catalog_text"}


def product(uuid: str, **values: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "enabled": True,
        "values": {code: [{"locale": None, "scope": None, "data": data}] for code, data in values.items()},
    }


def read(source: Source, **query: Any) -> list[SourceRecord]:
    asked = {"attributes": frozenset({"name"}), "properties": frozenset({"uuid", "enabled"})} | query
    pushdown = source.pushdown(Query(collection="products", locales=(), channels=frozenset(), filters=(), **asked))
    return [record for part in pushdown.partitions for page in source.read(part) for record in page.records]


def failure(pim: StandIn, *answers: Any, **settings: Any) -> SyncEngineError:
    """The error of reading products when the PIM answers so."""
    pim.structure([SKU, NAME])
    pim.on("products-uuid", *answers)
    source = pim.open(**settings)
    try:
        with pytest.raises(SyncEngineError) as caught:
            read(source)
    finally:
        source.close()
    assert 'connection "pim"' in str(caught.value)
    assert "canary" not in str(caught.value) + caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTMLResponse("<h1>Welcome</h1>"), "text/html"),
        (Response(b'{"_links": {}, "_embedded": {"ite', media_type="application/json"), "cannot be read"),
        (Response(b"", media_type="application/json"), "cannot be read"),
        (Response(b'{"a": NaN}', media_type="application/json"), "NaN is not JSON"),
        (Response(b'{"a": 1, "a": 2}', media_type="application/json"), "same key twice"),
        (Response(b'{"a": "\\ud800"}', media_type="application/json"), "surrogate"),
        (Response(b'{"a": "\xff"}', media_type="application/json"), "not UTF-8"),
        (Response(b"[" * 100_000, media_type="application/json"), "nested too deep"),
        (Response(b'{"a": ' + b"9" * 5000 + b"}", media_type="application/json"), "cannot be read"),
        ({"_links": {"self": {"href": "x"}}}, "documented shape"),
        ({"_embedded": {"items": []}}, "`_links` is missing"),
        ({"_links": {"self": {"href": "x"}}, "_embedded": {"items": "none"}}, "documented shape"),
        ({"_links": {"self": {"href": "x"}}, "_embedded": {"items": ["one"]}}, "documented shape"),
        ({"_links": {"self": {"href": "x"}}, "_embedded": {}}, "documented shape"),
        ([], "documented shape"),
        (Response(status_code=204), "204"),
    ],
)
def test_an_answer_of_another_shape_breaks_the_contract(pim: StandIn, answer: Any, words: str) -> None:
    error = failure(pim, answer)
    assert type(error) is BrokenContract
    assert words in str(error)


def test_an_error_with_status_200_is_refused(pim: StandIn) -> None:
    error = failure(pim, {"error": "No products to synchronize. The catalog has been disabled."})
    assert type(error) is Refused
    assert "has been disabled" in str(error)


def test_a_next_link_to_another_host_is_never_followed(pim: StandIn) -> None:
    page = pim.page([product("1")], "https://elsewhere.example/api/rest/v1/products-uuid?search_after=1")
    error = failure(pim, page)
    assert type(error) is Refused
    assert "another host" in str(error)
    assert pim.paths().count("products-uuid") == 1


@pytest.mark.parametrize("scheme_and_port", ["https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_a_next_link_to_another_scheme_or_port_is_never_followed(pim: StandIn, scheme_and_port: str) -> None:
    base = scheme_and_port.format(port=pim.url.rpartition(":")[2])
    assert type(failure(pim, pim.page([product("1")], f"{base}/api?search_after=1"))) is Refused


def test_a_cursor_that_comes_again_breaks_the_contract(pim: StandIn) -> None:
    looping = pim.page([product("1")], pim.link("products-uuid", search_after="1"))
    error = failure(pim, looping)
    assert type(error) is BrokenContract
    assert "again and again" in str(error)


def test_an_empty_page_that_announces_another_breaks_the_contract(pim: StandIn) -> None:
    error = failure(pim, pim.page([], pim.link("products-uuid", search_after="1")))
    assert type(error) is BrokenContract
    assert "empty page" in str(error)


def test_a_next_link_without_a_cursor_breaks_the_contract(pim: StandIn) -> None:
    assert type(failure(pim, pim.page([product("1")], pim.link("products-uuid", page="2")))) is BrokenContract


def test_a_page_is_asked_for_before_the_one_before_it_is_decoded(pim: StandIn) -> None:
    """And where the PIM does not write the links first, they are found all the same."""
    first = pim.page([product("1", name="one")], pim.link("products-uuid", search_after="1"))
    last = pim.page([product("2", name="two")])
    pim.structure([SKU, NAME])
    for envelope in (first, dict(reversed(first.items()))):
        pim.on("products-uuid", envelope, last)
        source = pim.open()
        try:
            assert [each.key for each in read(source)] == ["1", "2"]
        finally:
            source.close()
    whole = JSONResponse(first).body
    pim.asked.clear()
    failure(pim, Response(whole[:-20], media_type="application/json"), last)
    assert ("products-uuid", "1") in [(path, query.get("search_after")) for path, query in pim.asked]


def test_a_page_whose_end_takes_back_what_its_beginning_says_is_not_read(pim: StandIn) -> None:
    body = b'{"_links": {"self": {"href": "x"}}, "_embedded": {"items": []}, "_links": {"self": {"href": "y"}}}'
    error = failure(pim, Response(body, media_type="application/json"))
    assert isinstance(error, BrokenContract)
    assert "same key twice" in str(error)


def test_a_numbered_list_that_repeats_its_page_breaks_the_contract(pim: StandIn) -> None:
    pim.structure([])
    pim.on("families", pim.page([{"code": "a", "labels": {}}], pim.link("families", page="2")))
    source = pim.open()
    with pytest.raises(BrokenContract, match="again and again"):
        source.describe({"family"})
    source.close()


def test_a_token_that_dies_between_two_pages_is_replaced(pim: StandIn) -> None:
    def first(_: Request) -> Response:
        pim.dead = {"canary-token-1"}
        return JSONResponse(pim.page([product("1", name="a")], pim.link("products-uuid", search_after="1")))

    pim.structure([SKU, NAME])
    pim.on("products-uuid", first, pim.page([product("2", name="b")]))
    source = pim.open()
    assert [record.key for record in read(source)] == ["1", "2"]
    source.close()
    assert pim.grants == ["password", "refresh_token"]


def test_an_access_that_ends_between_two_pages_ends_the_read(pim: StandIn) -> None:
    following = pim.page([product("1")], pim.link("products-uuid", search_after="1"))
    error = failure(pim, following, JSONResponse({"code": 401, "message": "Authentication is required"}, 401))
    assert type(error) is Unauthorised


def test_only_the_cursor_of_a_next_link_is_used(pim: StandIn) -> None:
    """Versions exist that lose parameters in their links."""
    pim.structure([SKU, NAME])
    link = pim.link("elsewhere", search_after="u%2F1+x", limit="1", attributes="other")
    pim.on("products-uuid", pim.page([product("1", name="a")], link), pim.page([]))
    source = pim.open()
    read(source)
    source.close()
    (_, first), (_, second) = [call for call in pim.asked if call[0] == "products-uuid"]
    assert second == first | {"search_after": "u/1 x"}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"enabled": True, "values": {}}, "`uuid`"),
        ({"uuid": "u-1", "values": {}}, "enabled of products record 'u-1'"),
        ({"uuid": "u-1", "enabled": 1, "values": {}}, "enabled"),
        ({"uuid": "u-1", "enabled": True}, "`values` of products record 'u-1'"),
        ({"uuid": "u-1", "enabled": True, "values": [1]}, "`values`"),
        ({"uuid": "u-1", "enabled": True, "values": {"name": "plain"}}, "name of products record 'u-1'"),
        ({"uuid": "u-1", "enabled": True, "values": {"name": [{"locale": None, "scope": None}]}}, "name"),
        ({"uuid": "u-1", "enabled": True, "values": {"name": [{"locale": None, "scope": None, "data": 5}]}}, "name"),
    ],
)
def test_an_item_of_another_shape_is_named(pim: StandIn, item: dict[str, Any], words: str) -> None:
    error = failure(pim, pim.page([product("u-0", name="a"), item]))
    assert type(error) is BrokenContract
    assert words in str(error)


def test_values_printed_as_an_empty_list_are_an_empty_object(pim: StandIn) -> None:
    pim.structure([SKU, NAME])
    pim.on("products-uuid", pim.page([{"uuid": "u-1", "enabled": True, "values": []}]))
    source = pim.open()
    assert [record.values for record in read(source)] == [{}]
    source.close()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"code": 400, "message": "Search query parameter should be valid JSON."}, Refused, "valid JSON"),
        (
            403,
            {"code": 403, "message": "Access forbidden. You are not allowed to list products."},
            Unauthorised,
            "list",
        ),
        (403, None, Refused, "403"),
        (404, {"code": 404, "message": "Resource does not exist."}, Refused, "404"),
        (406, None, Refused, "406"),
        (
            422,
            {
                "code": 422,
                "message": "Validation failed.",
                "errors": [{"property": "values", "attribute": "brand", "message": "Brand is gone."}],
            },
            Refused,
            "brand: Brand is gone.",
        ),
        (418, None, Refused, "418"),
        (408, None, Unavailable, "408"),
        (429, {"code": 429, "message": "You have exceeded the limit."}, Unavailable, "exceeded"),
        (500, None, Unavailable, "500"),
        (503, None, Unavailable, "503"),
    ],
)
def test_a_status_becomes_the_error_that_says_what_to_do(
    pim: StandIn, status: int, body: Any, kind: type, words: str
) -> None:
    answer = HTMLResponse("<h1>Oops</h1>", status) if body is None else JSONResponse(body, status)
    error = failure(pim, answer)
    assert type(error) is kind
    assert words in str(error)


def test_a_redirect_of_the_api_is_not_followed(pim: StandIn) -> None:
    assert type(failure(pim, RedirectResponse("https://elsewhere.example/"))) is Refused


def test_a_server_that_echoes_our_secrets_does_not_get_them_into_the_message(pim: StandIn) -> None:
    echo = " ".join(["canary-client-secret", "canary-password", "canary-token-1", "canary-refresh-1"])
    error = failure(pim, JSONResponse({"code": 422, "message": f"Not with {echo}"}, 422))
    assert "Not with *** *** *** ***" in str(error)


def test_control_characters_do_not_reach_the_message(pim: StandIn) -> None:
    error = failure(pim, JSONResponse({"code": 422, "message": "a\nERROR fake\x1b[2J"}, 422))
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)


@pytest.mark.parametrize("parents", [{"a": "b", "b": "a"}, {"a": "a"}, {"a": "gone"}])
def test_categories_that_hang_in_no_tree_are_no_categories(pim: StandIn, parents: dict[str, str]) -> None:
    pim.structure([SKU])
    items = [{"code": code, "parent": parent, "labels": {}} for code, parent in parents.items()]
    pim.on("categories", pim.page([{"code": "master", "parent": None, "labels": {}}, *items]))
    source = pim.open()
    asked = Query("categories", frozenset(), frozenset({"code", "path"}), (), frozenset(), ())
    [partition] = source.pushdown(asked).partitions
    with pytest.raises(BrokenContract, match="category 'a' hangs in no tree"):
        list(source.read(partition))
    source.close()
