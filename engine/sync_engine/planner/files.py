"""Whether the file that the target holds is the one that the source has: told by their content, fetched once at most.

What a code of the source contains never changes (a replaced file gets another code), so the ledger remembers it. Only a
file that was never seen, for a record that is there already, is fetched while planning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from sync_engine.compiler.compiled import CompiledStream
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.wanted import Wanted
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.files import MD5, OpenMedia
from sync_engine.sdk.target import FieldType, Owner, Reason
from sync_engine.sdk.values import Blank, MediaRef

Recall = Callable[[str], str | None]
"""From a file's code to what is known of its content, as ``MD5`` writes it."""

Learn = Callable[[str, str], None]
"""Keeps a code and its content."""

PIECE = 1 << 18


class Files:
    """What the files of one source contain.

    Args:
        recall, learn: of the ledger.
        open_media: of the source.
    """

    def __init__(self, recall: Recall, learn: Learn, open_media: OpenMedia) -> None:
        self._recall = recall
        self._learn = learn
        self._open = open_media

    def content(self, media: MediaRef) -> str:
        """What a file contains; it is fetched where that is not known.

        Raises:
            Refused: the source does not give it.
            Unavailable, BrokenContract: it could not be read.
        """
        known = self._recall(media.code)
        if known is None:
            digest = hashlib.md5(usedforsecurity=False)
            with self._open(media) as stream:
                while piece := stream.read(PIECE):
                    digest.update(piece)
            known = MD5 + digest.hexdigest()
            self._learn(media.code, known)
        return known


def file_places(stream: CompiledStream) -> tuple[int, ...]:
    """The places of a stream's fields that hold files."""
    return tuple(place for place, each in enumerate(stream.fields) if each.description.type is FieldType.FILE)


def leave_same_files(
    stream: CompiledStream,
    wanted: Wanted,
    held: Sequence[Encoded],
    files: Files | None,
) -> tuple[Wanted, Reason | None]:
    """Leave alone each file that the target holds already; and why that cannot be told of one.

    Args:
        stream: of the row.
        wanted: what the record is to hold.
        held: for each field of the stream, what the target holds.
        files: what the files of the source contain; None takes all for different ones.
    """
    fields = list(wanted.fields)
    for place in file_places(stream):
        value, now = fields[place], held[place]
        if files is None or not isinstance(value, list) or not isinstance(now, str):
            continue
        try:
            if files.content(MediaRef(*value)) == now:
                fields[place] = Blank.LEAVE
        except Refused as error:
            return wanted, Reason("FILE_REFUSED", error.message, stream.fields[place].name, Owner.DATA)
    return wanted._replace(fields=tuple(fields)), None
