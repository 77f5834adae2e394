"""Files under the codes that the PIM gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

HOST = "https://pim.example.test"
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "pdf": "application/pdf"}


def media_code(content: bytes, filename: str) -> str:
    """``a/b/c/d/<sha1>_<name>``: a to d are the hash's first digits, odd characters of the name become ``_``."""
    digest = sha1(content + filename.encode(), usedforsecurity=False).hexdigest()
    return "/".join(digest[:4]) + f"/{digest}_" + re.sub(r"[^A-Za-z0-9.]", "_", filename)


def download_link(code: str, collection: str = "media-files", tail: str = "/download") -> dict[str, Any]:
    """The ``_links`` object of a media value."""
    return {"download": {"href": f"{HOST}/api/rest/v1/{collection}/{code}{tail}"}}


@dataclass(slots=True)
class Media:
    """The files made so far.

    Attributes:
        files: bytes by code, of products, records and assets alike.
        rows: description by code of the products' files: what the PIM lists under ``media-files``.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, content: bytes, filename: str) -> str:
        """Keep a file of a record or an asset; gives its code."""
        code = media_code(content, filename)
        self.files[code] = content
        return code

    def add_listed(self, content: bytes, filename: str, *, lost: bool = False) -> str:
        """Keep a file of a product; ``lost``: the PIM lists it, but its bytes are gone."""
        code = media_code(content, filename)
        if not lost:
            self.files[code] = content
        extension = filename.rpartition(".")[2].lower()
        self.rows[code] = {
            "code": code,
            "original_filename": filename,
            "mime_type": _TYPES[extension],
            "size": len(content),
            "extension": extension,
            "_links": download_link(code),
        }
        return code
