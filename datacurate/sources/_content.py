"""What a body is, by its bytes: servers call PDF, images and archives `text/html`."""

from __future__ import annotations

import re

LOOKED_AT = 1024
MAGIC: tuple[tuple[str, bytes], ...] = (
    ("PDF", rb"%PDF-"), ("PostScript", rb"%!PS-Adobe"), ("PNG", rb"\x89PNG\r\n"), ("JPEG", rb"\xff\xd8\xff"),
    ("GIF", rb"GIF8[79]a"), ("RIFF (WebP, WAV, AVI)", rb"RIFF....(?:WEBP|WAVE|AVI )"), ("TIFF", rb"II\*\0|MM\0\*"),
    ("icon", rb"\0\0[\x01\x02]\0.\0"), ("MP4", rb"\0\0..ftyp"), ("MPEG audio", rb"ID3[\x02-\x04]\0"),
    ("Ogg", rb"OggS\0"),
    ("FLAC", rb"fLaC\0"), ("Matroska", rb"\x1a\x45\xdf\xa3"), ("Flash", rb"(?:[CF]WS[\x01-\x30]|FLV\x01)"),
    ("ZIP", rb"PK(?:\x03\x04|\x05\x06)"), ("gzip", rb"\x1f\x8b\x08"), ("bzip2", rb"BZh[1-9]1AY&SY"),
    ("xz", rb"\xfd7zXZ\0"),
    ("zstd", rb"\x28\xb5\x2f\xfd"), ("7z", rb"7z\xbc\xaf\x27\x1c"), ("RAR", rb"Rar!\x1a\x07"), ("ELF", rb"\x7fELF"),
    ("Windows program", rb"MZ[^\t\n\r -~].{0,60}\0"), ("Office document", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("font", rb"wOF[F2]|\0\x01\0\0\0|OTTO\0"), ("SQLite", rb"SQLite format 3\0"), ("Java class", rb"\xca\xfe\xba\xbe"),
)  # fmt: skip
"""Names and first bytes: WHATWG MIME Sniffing, sections 6.1 to 6.4, and the formats' own specifications."""
KINDS = re.compile(b"|".join(b"(" + re.sub(rb"\((?!\?)", b"(?:", begin) + b")" for _, begin in MAGIC), re.S)
CONTROL = bytes((*range(8), 0x0B, *range(0x10, 0x1B), 0x1C, 0x1D, 0x1E, 0x1F, 0x7F))
"""Bytes that no text has, in any encoding but UTF-16 and UTF-32: WHATWG MIME Sniffing, section 3, without the bytes
that switch character sets (0E, 0F, 1B)."""
MOST_CONTROL = 0.05
"""Compressed data has a tenth; pages with stray zeros and form feeds stay far below."""
WIDE = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")


def binary(head: bytes) -> str:
    """What kind of binary content begins so; empty for text, and for what begins like markup."""
    if head.startswith(b"<"):
        return ""
    if found := KINDS.match(head):
        return MAGIC[(found.lastindex or 1) - 1][0]
    odd = len(head) - len(head.translate(None, CONTROL))
    if odd <= MOST_CONTROL * len(head) or odd < 4 or head.startswith(WIDE):
        return ""
    zeros = [head[at::4].count(0) for at in range(4)]
    if sum(zeros) > 0.9 * odd and (min(zeros[1], zeros[3]) or min(zeros[0], zeros[2])) > 0.2 * len(head) / 4:
        return ""  # every second byte, or three of four, is zero: UTF-16 or UTF-32
    return "bytes that no text has"
