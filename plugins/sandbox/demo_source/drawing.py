"""Small real files without an imaging library: PNG pictures of silhouettes, JPEG swatches, one-page PDF.

The bytes must not depend on the machine, so nothing here compresses with zlib's matcher, whose output differs between
builds of zlib: picture data is stored.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from hashlib import sha1

Color = tuple[int, int, int]

SIDE = 96  # pixels of a picture
FINE = SIDE * 2  # drawn twice as fine, then averaged into soft edges

ROLES = ("paper", "hill", "sun", "body", "shade", "light", "line", "accent")
# Half-and-half colors for the edges between roles; any other edge takes the upper left role's color.
BLENDS = ((0, 3), (1, 3), (0, 4), (1, 4), (3, 4), (3, 5), (0, 6), (0, 1))

# (paper, hill, sun): calm backgrounds, so that pictures side by side look like one catalogue.
SCENES: tuple[tuple[Color, Color, Color], ...] = (
    ((241, 238, 230), (214, 219, 205), (250, 223, 160)),
    ((229, 237, 240), (196, 213, 219), (255, 244, 214)),
    ((245, 234, 226), (224, 203, 189), (247, 197, 150)),
    ((234, 232, 242), (207, 204, 224), (252, 231, 200)),
    ((232, 240, 230), (200, 217, 196), (255, 240, 190)),
)
PAINT: dict[str, Color] = {
    "nh_031": (92, 118, 72),
    "nh_042": (48, 96, 138),
    "nh_058": (196, 74, 46),
    "nh_077": (104, 114, 126),
    "nh_095": (222, 158, 52),
    "nh_110": (226, 222, 208),
    "nh_140": (205, 178, 132),
    "sand": (214, 190, 150),
    "heather": (150, 104, 140),
    "nh_200": (44, 52, 50),
}
LINE: Color = (52, 50, 48)
ACCENT: Color = (248, 240, 222)


def mix(one: Color, other: Color, share: float) -> Color:
    """The color ``share`` (0 to 1) of the way from ``one`` to ``other``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def palette(paint: Color, scene: int) -> list[Color]:
    """The sixteen colors of a picture: eight roles, then the blends between them."""
    paper, hill, sun = SCENES[scene % len(SCENES)]
    pure = [paper, hill, sun, paint, mix(paint, (0, 0, 0), 0.28), mix(paint, (255, 255, 255), 0.35), LINE, ACCENT]
    return pure + [mix(pure[a], pure[b], 0.5) for a, b in BLENDS]


def picture(shapes: Sequence[str], paint: Color, seed: str) -> bytes:
    """A PNG of a silhouette in front of a hill and a sun.

    Args:
        shapes: drawn one over the other, each ``role x,y x,y …`` (a polygon) or ``role oval x,y rx,ry``; the
            coordinates run from 0,0 (upper left) to 100,100.
        paint: the product's color.
        seed: chooses the background; the same text gives the same picture.
    """
    dice = sha1(seed.encode(), usedforsecurity=False).digest()
    grid = [bytearray(FINE) for _ in range(FINE)]
    ridge, peak = 60 + dice[0] % 16, 10 + dice[1] % 80
    backdrop = (
        f"sun oval {15 + dice[2] % 70},{16 + dice[3] % 14} 9,9",
        f"hill 0,{ridge} {peak},{ridge - 14} 100,{ridge + dice[4] % 8} 100,100 0,100",
    )
    for shape in (*backdrop, *shapes):
        _draw(grid, shape)
    return _png(_soften(grid), palette(paint, dice[5]))


def _draw(grid: list[bytearray], shape: str) -> None:
    role, *points = shape.split()
    index = ROLES.index(role)
    if points[0] == "oval":
        (x, y), (rx, ry) = (_pair(point) for point in points[1:])
        for row in range(FINE):
            height = ((row + 0.5) / FINE * 100 - y) / ry
            if abs(height) < 1:
                half = rx * (1 - height * height) ** 0.5
                _span(grid[row], x - half, x + half, index)
        return
    corners = [_pair(point) for point in points]
    for row in range(FINE):
        y = (row + 0.5) / FINE * 100
        crossings = sorted(
            x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True)
            if (y1 <= y) != (y2 <= y)
        )
        for left, right in zip(crossings[::2], crossings[1::2], strict=True):
            _span(grid[row], left, right, index)


def _pair(text: str) -> tuple[float, float]:
    x, y = text.split(",")
    return float(x), float(y)


def _span(row: bytearray, left: float, right: float, index: int) -> None:
    start, end = max(0, round(left / 100 * FINE)), min(FINE, round(right / 100 * FINE))
    if end > start:
        row[start:end] = bytes([index]) * (end - start)


def _soften(grid: list[bytearray]) -> list[bytes]:
    """Halve the grid; a pixel over the edge between two roles takes their blend."""
    blends = {frozenset(pair): 8 + place for place, pair in enumerate(BLENDS)}
    rows = []
    for upper, lower in zip(grid[::2], grid[1::2], strict=True):
        row = bytearray()
        for four in zip(upper[::2], upper[1::2], lower[::2], lower[1::2], strict=True):
            roles = frozenset(four)
            row.append(four[0] if len(roles) == 1 else blends.get(roles, four[0]))
        rows.append(bytes(row))
    return rows


def _png(rows: list[bytes], colors: list[Color]) -> bytes:
    """A palette PNG with four bits a pixel (PNG specification, third edition, sections 10 and 11)."""
    packed = b"".join(
        b"\0" + bytes(left << 4 | right for left, right in zip(row[::2], row[1::2], strict=True)) for row in rows
    )
    size = len(packed)
    stored = (
        b"\x78\x01\x01" + struct.pack("<HH", size, size ^ 0xFFFF) + packed + struct.pack(">I", zlib.adler32(packed))
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 4, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", bytes(sum(colors, ()))), (b"IDAT", stored), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def swatch(paint: Color, seed: str) -> bytes:
    """A JPEG of a woven fabric: twelve by twelve squares of slightly different shades."""
    dice = sha1(seed.encode(), usedforsecurity=False).digest()
    shades = [
        mix(paint, (255, 255, 255) if (row + column) % 2 else (0, 0, 0), dice[(row * 5 + column * 3) % 20] / 255 * 0.3)
        for row in range(12)
        for column in range(12)
    ]
    return _jpeg(shades, 12)


def _jpeg(blocks: list[Color], width: int) -> bytes:
    """A baseline JPEG of squares of 8 by 8 pixels of one color each, row by row (ITU T.81).

    A block of one color has no detail, so each component is its average (DC) and "end of block". The Huffman tables
    hold just what is needed: nine DC categories of four bits, and one AC symbol of one bit.
    """
    bits = ""
    previous = [0, 0, 0]
    for red, green, blue in blocks:
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        levels = [round(luma - 128), round((blue - luma) * 0.564), round((red - luma) * 0.713)]
        for component, level in enumerate(levels):
            difference = level - previous[component]
            category = abs(difference).bit_length()
            value = difference if difference >= 0 else difference + (1 << category) - 1
            bits += f"{category:04b}" + (f"{value:0{category}b}" if category else "") + "0"
        previous = levels
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    height = len(blocks) // width
    segments = (
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        (0xDB, b"\0" + b"\x08" * 64),
        (0xC0, struct.pack(">BHHB", 8, height * 8, width * 8, 3) + b"\1\x11\0\2\x11\0\3\x11\0"),
        (0xC4, b"\0" + bytes([0, 0, 0, 9, *[0] * 12]) + bytes(range(9))),
        (0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\0"),
        (0xDA, b"\3\1\0\2\0\3\0\0\x3f\0"),
    )
    head = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def document(title: str, lines: Sequence[str]) -> bytes:
    """A one-page PDF (ISO 32000-1) with a title and some lines of text."""
    escaped = [text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for text in (title, *lines)]
    shown = "".join(f" ({text}) Tj 0 -24 Td /F1 12 Tf" for text in escaped)
    content = f"BT /F1 20 Tf 60 760 Td{shown} ET".encode("cp1252", "replace")
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    body, offsets = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(parts) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + trailer
