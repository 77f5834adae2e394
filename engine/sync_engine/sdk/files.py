"""Files on their way from a source to a target: named by a ``MediaRef``, compared by what they contain.

A target that holds files gives, for a field of the type FILE, the MD5 of its content as ``read`` finds it; a row to be
written carries the ``MediaRef`` instead, and the target fetches the bytes while it sends them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

from sync_engine.sdk.target import Batch, BatchRef, Checkpoint
from sync_engine.sdk.values import MediaRef

OpenMedia: TypeAlias = Callable[[MediaRef], AbstractContextManager[BinaryIO]]
"""Opens the bytes of a file of the source, to be read once; see ``Source.open_media`` for what it raises.

Where the stream has a ``name``, the file is called so.
"""

MD5 = "md5:"
"""How the content of a file that the target holds begins: ``md5:`` and 32 hexadecimal digits, small letters."""


@runtime_checkable
class SendsFiles(Protocol):
    """What a target can do beside ``Target``: take rows with files."""

    def submit_files(self, batch: Batch, checkpoint: Checkpoint, open_media: OpenMedia) -> BatchRef:
        """Hand over a batch in which a value may be a ``MediaRef``; see ``Target.submit``.

        Sent again after a lost answer, a file that has arrived is not sent twice. A file that the source refuses is a
        rejection of its row.
        """
