"""Both ways to page, and the HAL envelope around a page (CONTRACTS A3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sync_engine_sandbox.pim.errors import SEARCH_AFTER_GUIDE, ApiError, refused

HOST = "http://pim.invalid"
"""Stands in stored links for the host that the client called; the response puts the real one in its place."""
BASE = "/api/rest/v1"
DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_DEPTH = 10_000
TOO_DEEP = (
    'You have reached the maximum number of pages you can retrieve with the "page" pagination type. '
    "Please use the search after pagination type instead"
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Paging:
    """The part of a list that a call asks for.

    Args:
        limit: items on a page, 1 to 100.
        page: the page by offset, from 1; None under ``search_after``.
        with_count: whether the envelope tells the number of all items.
        search_after: the primary key after which the page starts; "" for the first page.
    """

    limit: int
    page: int | None
    with_count: bool = False
    search_after: str = ""


def href(path: str, query: Mapping[str, str] | None = None) -> Json:
    """A HAL link to a path below the API's base."""
    tail = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return {"href": f"{HOST}{BASE}/{quote(path)}{tail}"}


def linked(path: str, item: Json) -> Json:
    """An item as lists show it: its own link first."""
    return {
        "_links": {**item.get("_links", {}), "self": href(path)},
        **{k: v for k, v in item.items() if k != "_links"},
    }


def read_paging(query: Mapping[str, str], *, search_after: bool = False) -> Paging:
    """The paging that query parameters ask for.

    Args:
        query: the call's query parameters.
        search_after: whether the list supports ``pagination_type=search_after``.

    Raises:
        ApiError: 422 with the message of the rule that is broken.
    """
    kind = query.get("pagination_type", "page")
    if kind not in {"page", "search_after"}:
        raise refused("Pagination type does not exist.")
    if kind == "search_after" and not search_after:
        raise refused("Pagination type is not supported.")
    limit = _positive(query.get("limit", str(DEFAULT_LIMIT)), "limit")
    if limit > MAX_LIMIT:
        raise refused(f"You cannot request more than {MAX_LIMIT} items.")
    if kind == "search_after":
        return Paging(limit, None, search_after=query.get("search_after", ""))
    count = query.get("with_count", "false")
    if count not in {"true", "false"}:
        raise refused(f'Parameter "with_count" has to be a boolean. Only "true" or "false" allowed, "{count}" given.')
    return Paging(limit, _positive(query.get("page", "1"), "page"), count == "true")


def check_depth(paging: Paging) -> None:
    """Refuse an offset that the search index cannot reach.

    Raises:
        ApiError: 422, the page ends beyond 10,000 items.
    """
    if paging.page is not None and paging.page * paging.limit > MAX_DEPTH:
        raise ApiError(422, TOO_DEEP, documentation=SEARCH_AFTER_GUIDE)


def offset_envelope(path: str, query: Mapping[str, str], paging: Paging, items: list[Json], count: int | None) -> Json:
    """The envelope of a page by offset. A full page has a ``next``, even when that one will be empty."""
    page = paging.page or 1
    given = {"page": str(page), "limit": str(paging.limit), "with_count": "false", **query}
    links = {"self": href(path, {**given, "page": str(page)}), "first": href(path, {**given, "page": "1"})}
    if page > 1:
        links["previous"] = href(path, {**given, "page": str(page - 1)})
    if len(items) == paging.limit:
        links["next"] = href(path, {**given, "page": str(page + 1)})
    envelope: Json = {"_links": links, "current_page": page}
    if paging.with_count:
        envelope["items_count"] = count
    return {**envelope, "_embedded": {"items": items}}


def cursor_envelope(path: str, query: Mapping[str, str], paging: Paging, items: list[Json], last: str | None) -> Json:
    """The envelope of a page under ``search_after``.

    Args:
        path: the list, below the API's base.
        query: the call's parameters; links repeat them.
        paging: what was asked.
        items: the page.
        last: the primary key of the page's last item, or None on an empty page.
    """
    bare = {name: value for name, value in query.items() if name != "search_after"}
    own = {"search_after": paging.search_after} if paging.search_after else {}
    links = {"self": href(path, {**bare, **own}), "first": href(path, bare)}
    if last is not None and len(items) == paging.limit:
        links["next"] = href(path, {**bare, "search_after": last})
    return {"_links": links, "_embedded": {"items": items}}


def _positive(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and str(int(text)) == text and int(text) > 0):
        raise refused(f'"{text}" is not a valid {name} number.')
    return int(text)
