"""Multipart bodies: the parts of a file upload or of a bulk job that comes with its data."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from sync_engine_sandbox.crm.errors import refuse


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its content type and its bytes."""

    content_type: str
    content: bytes


def read_parts(content_type: str, body: bytes) -> dict[str, Part]:
    """Split a body into its parts by name.

    Raises:
        ApiError: it is not a multipart body.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str):
        raise refuse("UNSUPPORTED_MEDIA_TYPE", "multipart request without a boundary")
    parts: dict[str, Part] = {}
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        headers = HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip("\r\n"))
        name = headers.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise refuse("INVALID_MULTIPART_REQUEST", "every part needs a Content-Disposition header with a name")
        parts[name] = Part(headers.get_content_type(), content)
    return parts
