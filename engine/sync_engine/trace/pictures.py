"""Fetch pictures of the source for a page: few enough and small enough that the page stays one that can be mailed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sync_engine.sdk.errors import SyncEngineError
from sync_engine.sdk.source import Source
from sync_engine.sdk.values import MediaRef

LARGEST_PICTURE = 1_500_000
ALL_PICTURES = 24_000_000
"""Bytes of one picture, and of all pictures of a page; what is larger is named instead of shown."""

AT_ONCE = 4

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of the source for a page: its bytes, or why they are not there.

    Attributes:
        type: media type, told by the bytes themselves; empty when there is a ``lack``.
        content: likewise.
        lack: why it is not shown; empty when it is.
    """

    type: str = ""
    content: bytes = field(default=b"", repr=False)
    lack: str = ""


def fetch_pictures(source: Source, wanted: Iterable[MediaRef]) -> Mapping[str, Picture]:
    """The pictures by their code; what cannot be read says why, because a page without one is better than no page."""
    codes = {each.code: each for each in wanted}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pictures") as pool:
        fetched = dict(zip(codes, pool.map(lambda each: _fetch(source, each), codes.values()), strict=True))
    left = ALL_PICTURES
    for code, picture in fetched.items():
        left -= len(picture.content)
        if left < 0:
            fetched[code] = Picture(lack="left out, because the page would become too large")
    return fetched


def _fetch(source: Source, media: MediaRef) -> Picture:
    if "://" in media.code:
        return Picture(lack="a link to a place elsewhere")
    try:
        with source.open_media(media) as stream:
            content = stream.read(LARGEST_PICTURE + 1)
    except SyncEngineError as error:
        return Picture(lack=error.message)
    if len(content) > LARGEST_PICTURE:
        return Picture(lack=f"larger than {LARGEST_PICTURE:,} bytes")
    if not content:
        return Picture(lack="an empty file")
    type_ = media_type(content)
    return Picture(type_, content) if type_ else Picture(lack="a file that is no picture")


def media_type(content: bytes) -> str:
    """The media type of a picture by its first bytes; empty for everything else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((type_ for signature, type_ in _SIGNATURES if content.startswith(signature)), "")
