"""Lists of the PIM, page by page.

Source of the rules: Akeneo REST API, "Pagination". A list ends where ``_links.next`` is missing. Only the cursor is
taken from that link: the address is made again from our own parameters, because versions exist that lose parameters
in their links, and because a link must never lead our token to another host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, cast
from urllib.parse import parse_qs, quote, urlsplit

from sync_engine.sdk.errors import BrokenContract
from sync_engine_akeneo.client import Parameters, PimClient
from sync_engine_akeneo.wire import Malformed, elements, members, text

PAGE_SIZE = 100
"""The largest page the PIM gives."""

MOST_CODES = 100
"""The longest list of codes the PIM takes."""

LONGEST_PARAMETER = 3000
"""Characters of an encoded parameter: two of them must fit into the 8,000 that servers take as an address."""

LONGEST_HEAD = 32_000
"""Bytes of a page in which its links are looked for: two addresses, as long as servers take them."""

_LINKS_FIRST = re.compile(rb'\s*\{\s*"_links"\s*:\s*')
_HEAD = json.JSONDecoder()

Item = dict[str, object]


class Leaf(NamedTuple):
    """Items of one page, and the cursor behind it; None on the last page."""

    items: list[Item]
    cursor: str | None


def listing(client: PimClient, path: str, params: Parameters | None = None) -> Iterator[list[Item]]:
    """Items of a numbered list (``page=1, 2, …``), page by page.

    Raises:
        BrokenContract: a page has another shape, or the list does not end.
        Refused, Unauthorised, Unavailable: see ``PimClient.get``.
    """
    seen: set[str] = set()
    number = 1
    while True:
        asked = {**(params or {}), "limit": str(PAGE_SIZE), "page": str(number)}
        items, link = _page(client, path, client.get(path, asked))
        yield items
        if link is None:
            return
        client.own(link, path)
        first = str(items[0].get("code") or items[0].get("id"))
        if first in seen:
            raise BrokenContract(f"{client.where}: the PIM gives the same page of {path} again and again")
        seen.add(first)
        number += 1


def scroll(client: PimClient, path: str, params: Parameters, cursor: str | None = None) -> Iterator[Leaf]:
    """Pages of a ``search_after`` list; the next one is asked for while the caller works on this one.

    Args:
        client: makes the calls.
        path: the list.
        params: parameters of every page, without the cursor.
        cursor: go on behind the page that gave it; None starts at the beginning.

    Raises:
        BrokenContract: a page has another shape, or a cursor comes again.
        Refused: the link to the next page leads to another host; see also ``PimClient.get``.
    """
    for body, following in scroll_unread(client, path, params, cursor):
        yield Leaf(page_items(client, path, body), following)


def scroll_unread(
    client: PimClient, path: str, params: Parameters, cursor: str | None = None
) -> Iterator[tuple[bytes, str | None]]:
    """The same pages as the PIM wrote them, for ``page_items``, each with the cursor behind it."""
    return _following(client, path, {**params, "pagination_type": "search_after"}, cursor)


def scroll_plain(client: PimClient, path: str, params: Parameters, cursor: str | None = None) -> Iterator[Leaf]:
    """Pages of a list that has a cursor only, so that none has to be asked for: records, assets, mapped products."""
    for body, following in _following(client, path, params, cursor):
        yield Leaf(page_items(client, path, body), following)


def listed_keys(client: PimClient, path: str, params: Parameters, cursor: str | None) -> Iterator[list[str]]:
    """Keys of a list of bare keys, page by page: the products of a catalog for apps are listed so."""
    for body, _ in _following(client, path, params, cursor):
        with _worded(client, path):
            keys = [text(each) for each in page_entries(client.answers.document(path, body))[0]]
        yield keys


def page_items(client: PimClient, path: str, body: bytes) -> list[Item]:
    """Items of a page, whatever link to another one it holds.

    Raises:
        BrokenContract: it has another shape.
    """
    return _page(client, path, client.answers.document(path, body))[0]


def page_entries(document: object) -> tuple[list[object], str | None]:
    """What a page lists, and the link to the next one.

    Raises:
        Malformed: it has not the documented shape.
    """
    envelope = members(document)
    entries = elements(members(envelope.get("_embedded")).get("items"))
    links = envelope.get("_links")
    if not links:
        raise Malformed("`_links` is missing")
    link = _next(links)
    if link is not None and not entries:
        raise Malformed("an empty page announces another one")
    return entries, link


def as_items(entries: list[object]) -> list[Item]:
    """Entries that are objects.

    Raises:
        Malformed: one is not.
    """
    for each in entries:
        if not isinstance(each, dict):
            raise Malformed("an item is no object")
    return cast("list[Item]", entries)


def _following(
    client: PimClient, path: str, fixed: Parameters, cursor: str | None
) -> Iterator[tuple[bytes, str | None]]:
    """Bodies of the pages and the cursors behind them; the next page is asked for before this one is decoded."""
    seen = {cursor}
    asked, started = _after(fixed, cursor), None
    try:
        while True:
            body = client.fetch(path, asked, started)
            link = _link(client, path, body)
            if link is None:
                yield body, None
                return
            cursor = _cursor(client, path, link)
            if cursor in seen:
                raise BrokenContract(f"{client.where}: the PIM gives the same page of {path} again and again")
            seen.add(cursor)
            asked = _after(fixed, cursor)
            started = client.start(path, asked)
            yield body, cursor
    finally:
        if started is not None:
            started.cancel()


def _link(client: PimClient, path: str, body: bytes) -> str | None:
    """The link to the next page. The PIM writes links before items; where it does, there is no need to decode these."""
    if head := _LINKS_FIRST.match(body):
        with suppress(ValueError, RecursionError):
            links, _ = _HEAD.raw_decode(body[head.end() : head.end() + LONGEST_HEAD].decode(errors="ignore"))
            if links:
                return _next(links)
    with _worded(client, path):
        return page_entries(client.answers.document(path, body))[1]


def _next(links: object) -> str | None:
    following = members(links).get("next")
    return None if following is None else text(members(following).get("href"))


def chunks(codes: Iterable[str], longest: int = LONGEST_PARAMETER) -> Iterator[list[str]]:
    """Codes in lists that the PIM takes, and that fit into so many bytes of an address."""
    chunk: list[str] = []
    length = 0
    for code in codes:
        size = len(quote(code)) + len("%22%2C%22")
        if chunk and (len(chunk) == MOST_CODES or length + size > longest):
            yield chunk
            chunk, length = [], 0
        chunk.append(code)
        length += size
    if chunk:
        yield chunk


def _after(params: Parameters, cursor: str | None) -> Parameters:
    return params if cursor is None else {**params, "search_after": cursor}


def _page(client: PimClient, path: str, document: object) -> tuple[list[Item], str | None]:
    """Items of a page and the link to the next one."""
    with _worded(client, path):
        entries, link = page_entries(document)
        return as_items(entries), link


@contextmanager
def _worded(client: PimClient, path: str) -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        raise client.misshapen(f"a page of {path}", error) from None


def _cursor(client: PimClient, path: str, link: str) -> str:
    query = parse_qs(urlsplit(client.own(link, path)).query)
    found = query.get("search_after", [])
    if len(found) != 1 or not found[0]:
        raise BrokenContract(f"{client.where}: the link to the next page of {path} has no `search_after`")
    return found[0]
