"""Files of the source on their way through a transfer: what each contained is remembered, so that it goes once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, cast

from sync_engine.planner.encoding import Encoded
from sync_engine.sdk.files import MD5, OpenMedia
from sync_engine.sdk.target import FieldType
from sync_engine.sdk.values import MediaRef
from sync_engine.transfer.content import Carried

CONTENTS = "contents"
"""What the files of a batch contained, by code, beside what the target keeps in the journal to find it again."""


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

    def known(self, codes: Collection[str]) -> dict[str, str]:
        """What these files contained, by code; only those that have been read to their end."""
        return {each: self._read[each] for each in codes if each in self._read}

    def forget(self, codes: Collection[str]) -> None:
        """These files are known elsewhere."""
        for each in codes:
            self._read.pop(each, None)


def files_of(carried: Carried) -> frozenset[str]:
    """Codes of the files that a batch sends."""
    if all(each.type is not FieldType.FILE for each in carried.stream.fields):
        return frozenset()
    rows = carried.batch.rows
    return frozenset(value.code for row in rows for value in row.values.values() if isinstance(value, MediaRef))


def as_held(value: Encoded, contents: Mapping[str, str]) -> Encoded:
    """A value as the target holds it once it is written: a file by what it contains."""
    return contents.get(value[0], value) if isinstance(value, list) and value else value


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
