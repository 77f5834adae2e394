"""Pages whose records need nothing but the page itself: whoever maps them, in whatever process, reads them first."""

from __future__ import annotations

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.source import SourceRecord
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.paging import Item, as_items, page_entries, page_items
from sync_engine_akeneo.records import RecordForm, RecordReader
from sync_engine_akeneo.wire import Malformed, decode


class PageReader:
    """See ``sync_engine.sdk.source.ReadsRecords``.

    Args:
        path: of the list, for messages.
        form: of its records.
        client: words the errors; None in another process, which gets no secrets and whose errors nobody sees.
    """

    def __init__(self, path: str, form: RecordForm, client: PimClient | None = None) -> None:
        self._path = path
        self._form = form
        self._client = client
        self._record = RecordReader(form, client.misshapen if client else _unworded).record

    def __reduce__(self) -> tuple[type[PageReader], tuple[str, RecordForm]]:
        """For pickle: without the client."""
        return PageReader, (self._path, self._form)

    def __call__(self, body: bytes) -> tuple[SourceRecord, ...]:
        """The records of a page.

        Raises:
            BrokenContract: the page, or one of them, has not the documented shape.
        """
        return tuple(map(self._record, self._items(body)))

    def _items(self, body: bytes) -> list[Item]:
        if self._client is not None:
            return page_items(self._client, self._path, body)
        return as_items(page_entries(decode(body))[0])


def _unworded(what: str, _error: Malformed) -> BrokenContract:
    return BrokenContract(what)
