"""Files of the source on their way through a transfer: what each contained is remembered, so that it goes once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from sync_engine.sdk.files import MD5, OpenMedia
from sync_engine.sdk.values import MediaRef


class Fetching:
    """Opens files for the target. Threads may share it.

    Args:
        open_media: of the source.
    """

    def __init__(self, open_media: OpenMedia) -> None:
        self._open = open_media
        self._read: dict[str, str] = {}

    @contextmanager
    def open(self, media: MediaRef) -> Iterator[BinaryIO]:
        """The bytes of a file; see ``sdk.files.OpenMedia``."""
        with self._open(media) as stream:
            yield cast("BinaryIO", _Noted(stream, lambda content: self._read.update({media.code: content})))

    def take(self) -> dict[str, str]:
        """What the files contained that have been read to their end since the last call, by code."""
        taken, self._read = self._read, {}
        return taken


class _Noted(io.RawIOBase):
    """A stream that says at its end what it contained."""

    def __init__(self, stream: BinaryIO, note: Callable[[str], None]) -> None:
        self._stream = stream
        self._note = note
        self._digest = hashlib.md5(usedforsecurity=False)

    @property
    def name(self) -> str:
        """Of the file, where the source tells it."""
        return str(getattr(self._stream, "name", ""))

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with what comes next; 0 at the end."""
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self._digest.update(piece)
        if not piece:
            self._note(MD5 + self._digest.hexdigest())
        return len(piece)
