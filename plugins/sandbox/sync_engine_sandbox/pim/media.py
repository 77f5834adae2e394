"""Media files: their list, their bytes, and uploads (CONTRACTS A5, media file)."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from email.parser import HeaderParser
from typing import Any
from uuid import uuid4

from sync_engine_sandbox.pim.calls import ApiCall, Handler, Reply, json_object, written
from sync_engine_sandbox.pim.errors import ApiError, refused
from sync_engine_sandbox.pim.paging import linked, offset_envelope, read_paging
from sync_engine_sandbox.pim.product_writes import patch_model, patch_product
from sync_engine_sandbox.pim.products import by_identifier
from sync_engine_sandbox.pim.state import PimState, media_link

Json = dict[str, Any]
MULTIPART = "multipart/form-data"
_UNSAFE = re.compile(r"[^A-Za-z0-9.]")


def list_files(call: ApiCall) -> Reply:
    """One page of media files, in the order in which they came."""
    paging = read_paging(call.query)
    rows = list(call.state.table("media-files").values())
    start = ((paging.page or 1) - 1) * paging.limit
    items = [linked(f"media-files/{row['code']}", row) for row in rows[start : start + paging.limit]]
    return Reply(offset_envelope(call.path, call.query, paging, items, len(rows)))


def get_file(call: ApiCall) -> Reply:
    """What is known about one media file."""
    return Reply(_known(call.state, call.keys["code"]))


def download_file(call: ApiCall) -> Reply:
    """The bytes of one media file, with its own content type."""
    row = _known(call.state, call.keys["code"])
    content = _bytes(call.state, row["code"])
    if content is None:
        raise ApiError(404, f'Media file "{row["code"]}" is not present on the filesystem.')
    name = row["original_filename"].encode("ascii", "replace").decode().replace('"', "")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Reply(content=content, content_type=row["mime_type"], headers=headers)


def download_other(call: ApiCall) -> Reply:
    """The bytes of a file of a record or an asset."""
    code = call.keys["code"]
    content = _bytes(call.state, code)
    if content is None:
        raise ApiError(404, f'Media file "{code}" does not exist.')
    return Reply(content=content, content_type=mimetypes.guess_type(code)[0] or "application/octet-stream")


def upload_file(call: ApiCall) -> Reply:
    """Take in a file for a value of a product or a product model.

    Raises:
        ApiError: 400 or 422, the form is not right.
    """
    parts = form_parts(call.content_type, call.body)
    if "product" in parts and "product_model" in parts:
        raise refused('You should give either a "product" or a "product_model" key.')
    if "product" not in parts and "product_model" not in parts:
        raise refused('You should at least give one of the following properties: "product" or "product_model".')
    kind = "product" if "product" in parts else "product_model"
    target = json_object(parts[kind][1])
    if not {"attribute", "locale", "scope"} <= target.keys():
        names = '"identifier", "attribute", "locale" and "scope"'
        raise refused(f"Product property must contain {names} properties.")
    key = _target(call.state, kind, target)
    code = _store(call.state, parts)
    values = {target["attribute"]: [{"locale": target["locale"], "scope": target["scope"], "data": code}]}
    try:
        if kind == "product":
            patch_product(call.state, key, {"values": values})
        else:
            patch_model(call.state, key, {"values": values})
    except ApiError:
        call.state.delete_row(("media-files",), code)
        raise
    return written(f"media-files/{code}", created=True)


def other_uploader(kind: str) -> Handler:
    """The handler that takes in a file for a record or an asset.

    Args:
        kind: the path, which also names the header that tells the code.
    """
    header = {"reference-entities-media-files": "Reference-entities-media-file-code"}.get(kind, "Asset-media-file-code")

    def handle(call: ApiCall) -> Reply:
        parts = form_parts(call.content_type, call.body)
        name, content = _file(parts)
        code = file_code(name)
        call.state.uploads[code] = content
        return Reply(status=201, location=f"{kind}/{code}", headers={header: code})

    return handle


def file_code(name: str) -> str:
    """A new code for a file: four folders, forty hex digits, and the name with every odd character made ``_``."""
    digest = hashlib.sha256(uuid4().bytes).hexdigest()[:40]
    return f"{'/'.join(digest[:4])}/{digest}_{_UNSAFE.sub('_', name)}"


def form_parts(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """The parts of a multipart form: file name (or "") and bytes, by part name.

    Raises:
        ApiError: 400, the form has no boundary.
    """
    boundary = HeaderParser().parsestr(f"Content-Type: {content_type}\n\n").get_param("boundary")
    if not isinstance(boundary, str):
        raise ApiError(400, "The boundary of the multipart form is missing.")
    parts: dict[str, tuple[str, bytes]] = {}
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
        headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
        name = headers.get_param("name", header="content-disposition")
        parts[str(name)] = (headers.get_filename() or "", content)
    return parts


def _known(state: PimState, code: str) -> Json:
    row = state.table("media-files").get(code)
    if row is None:
        raise ApiError(404, f'Media file "{code}" does not exist.')
    return row


def _bytes(state: PimState, code: str) -> bytes | None:
    if code in state.uploads:
        return state.uploads[code]
    if state.media is None or ".." in code.split("/"):
        return None
    path = state.media / code
    return path.read_bytes() if path.is_file() else None


def _file(parts: dict[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    if "file" not in parts:
        raise refused('Property "file" is required.')
    return parts["file"]


def _store(state: PimState, parts: dict[str, tuple[str, bytes]]) -> str:
    name, content = _file(parts)
    code = file_code(name)
    row = {
        "code": code,
        "original_filename": name,
        "mime_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "size": len(content),
        "extension": name.rpartition(".")[2],
        "_links": media_link(code),
    }
    state.uploads[code] = content
    state.put_row(("media-files",), row)
    return code


def _target(state: PimState, kind: str, target: Json) -> str:
    if kind == "product_model":
        code = str(target.get("code"))
        if state.models.get(code) is None:
            raise refused(f'Product model "{code}" does not exist.')
        return code
    given = str(target.get("uuid") or target.get("identifier"))
    product = state.products.get(given) if "uuid" in target else by_identifier(state, given)
    if product is None:
        raise refused(f'Product "{given}" does not exist.')
    return str(product["uuid"])
