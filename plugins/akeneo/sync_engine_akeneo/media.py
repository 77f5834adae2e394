"""Bytes of the PIM's files, as a stream that is read once.

Source of the addresses: Akeneo REST API, "Media files", "Asset media files" and "Reference entity media files".
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from urllib.parse import quote

import httpx

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.values import MediaRef
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.linked import ASSETS, RECORDS
from sync_engine_akeneo.wire import Malformed, members, text

_MB = 1 << 20

_LINKED = tuple(f"{place.files}/" for place in (RECORDS, ASSETS))


@contextmanager
def open_media(client: PimClient, media: MediaRef) -> Iterator[BinaryIO]:
    """The bytes of a file; its ``name`` is the one with which it came into the PIM, as far as the PIM tells it.

    Args:
        client: makes the call.
        media: its code goes into the address with its slashes; that of an asset's or record's file begins with the path
            of such files.

    Raises:
        Refused: the PIM has no such file, it leads to another host, an asset is but a link to a place elsewhere, the
            file is larger than the connection's ``max_file_mb``, or of another size than the PIM says of it; the last
            two also while the stream is read.
        Unavailable: the download broke off; also while the stream is read.
        BrokenContract: what came is a page instead of the file.
    """
    code = media.code
    what = f'file "{code}"'
    if "://" in code:
        raise Refused(f"{client.where}: {what} is a link; the PIM does not hold the file")
    if not code or any(part in ("", ".", "..") for part in code.split("/")):
        raise Refused(f"{client.where}: {what} is no code of a file")
    name, size = _name_and_size(client, code)
    with client.download(_path(code), what) as response:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/html" and not code.lower().endswith((".html", ".htm")):
            raise BrokenContract(
                f"{client.where}: the PIM answered with an HTML page in place of {what}",
                hint="Is `url` the address of the PIM itself, and no proxy or login page before it?",
            )
        announced = response.headers.get("content-length", "")
        if announced.isdecimal():
            _check_size(client, what, int(announced))
        with _Body(client, what, response, name or media.filename, size) as body:
            yield cast("BinaryIO", body)


def _name_and_size(client: PimClient, code: str) -> tuple[str, int | None]:
    """What the PIM says of a file, as far as it does: of assets and records nothing.

    In the code itself, all of the name that is no ASCII letter or digit is an underscore.
    """
    if code.startswith(_LINKED):
        return "", None
    try:
        said = members(client.get(f"media-files/{quote(code, safe='/')}"))
        size = said.get("size")
        return text(said.get("original_filename")), size if isinstance(size, int) else None
    except (Refused, Malformed):
        return "", None


def _path(code: str) -> str:
    quoted = quote(code, safe="/")
    return quoted if code.startswith(_LINKED) else f"media-files/{quoted}/download"


def _check_size(client: PimClient, what: str, size: int) -> None:
    limit = client.settings.max_file_mb
    if size > limit * _MB:
        raise Refused(
            f"{client.where}: {what} is larger than {limit} MB",
            hint="Set `max_file_mb` of the connection higher, up to 2048, if such files are wanted.",
        )


class _Body(io.RawIOBase):
    """The body of an answer as a file: its size is limited, and what the PIM said; failures are the adapter's."""

    def __init__(self, client: PimClient, what: str, response: httpx.Response, name: str, expected: int | None) -> None:
        self.name = name
        self._client = client
        self._what = what
        self._chunks = response.iter_bytes()
        self._rest = b""
        self._size = 0
        self._expected = expected

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with what has come; 0 at the end."""
        if not self._rest:
            self._rest = self._next_chunk()
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next_chunk(self) -> bytes:
        try:
            chunk = next((each for each in self._chunks if each), b"")
        except httpx.HTTPError as error:
            raise self._client.transport_failure(self._what, error) from None
        self._size += len(chunk)
        _check_size(self._client, self._what, self._size)
        if not chunk and self._expected not in (None, self._size):
            raise Refused(
                f"{self._client.where}: of {self._what} came {self._size} bytes, the PIM says {self._expected}",
                hint="Something between here and the PIM may have cut it off. Run the same command again.",
            )
        return chunk
