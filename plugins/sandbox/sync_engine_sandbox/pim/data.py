"""Read a catalogue from a folder of JSON Lines, one object a line, in the shapes of Akeneo's REST API."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]

FILES = (
    "products",
    "product-models",
    "families",
    "family-variants",
    "attributes",
    "attribute-options",
    "attribute-groups",
    "categories",
    "channels",
    "locales",
    "currencies",
    "association-types",
    "groups",
    "measurement-families",
    "media-files",
    "reference-entities",
    "reference-entity-attributes",
    "reference-entity-attribute-options",
    "reference-entity-records",
    "asset-families",
    "asset-attributes",
    "asset-attribute-options",
    "assets",
)
KEYS = {"products": "uuid"}
OWNERS = {
    "family-variants": ("_family",),
    "attribute-options": ("attribute",),
    "reference-entity-attributes": ("_reference_entity",),
    "reference-entity-attribute-options": ("_reference_entity", "attribute"),
    "reference-entity-records": ("_reference_entity",),
    "asset-attributes": ("_asset_family",),
    "asset-attribute-options": ("_asset_family", "attribute"),
    "assets": ("_asset_family",),
}


class DataError(Exception):
    """A folder that cannot be read as a catalogue: says which file and line, and why."""


@dataclass(frozen=True, slots=True)
class PimData:
    """A catalogue as it was read.

    Args:
        files: rows by file name without its ending; a file that is not there has no rows. Products are sorted by uuid.
        media: the folder with the bytes of media files, each under its code; None when there is none.
    """

    files: dict[str, list[Json]] = field(default_factory=dict)
    media: Path | None = None

    def rows(self, name: str) -> list[Json]:
        """The rows of one file."""
        return self.files.get(name, [])


def load(folder: Path) -> PimData:
    """Read every file of ``FILES`` that is in a folder, as ``.jsonl`` or ``.jsonl.gz``.

    Raises:
        DataError: the folder is missing, or a line is not a JSON object with its key.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; give the folder that holds products.jsonl")
    with _collector_paused():
        files = {name: _read(folder, name) for name in FILES}
        files["products"].sort(key=itemgetter("uuid"))
    media = folder / "media"
    return PimData(files, media if media.is_dir() else None)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking a growing catalogue again and again: that doubles the time of a load."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _read(folder: Path, name: str) -> list[Json]:
    plain, packed = folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz"
    path = plain if plain.exists() else packed
    if not path.exists():
        return []
    needed = (KEYS.get(name, "code"), *OWNERS.get(name, ()))
    rows: list[Json] = []
    shared: Json | None = None
    with path.open("rb") if path is plain else gzip.open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _parse(line, f"{path} line {number}", needed)
                if "associations" in row:
                    # Most products have none and spell that out at length: equal ones hold one object.
                    shared = row["associations"] = shared if row["associations"] == shared else row["associations"]
                rows.append(row)
    return rows


def _parse(line: bytes, where: str, needed: tuple[str, ...]) -> Json:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON ({error}); each line must hold one whole object") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: a JSON object is needed, this is {type(row).__name__}")
    for key in needed:
        if not isinstance(row.get(key), str):
            raise DataError(f"{where}: the key {key!r} is missing or not a text")
    return row
