"""HTTP responses as crawlers store them: status, headers, and the body without its transfer and content codings."""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

HEAD_BYTES = 2048
FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")
BLANK_COLON = re.compile(rb"[ \t]+:")
UNFOLDED = re.compile(rb"[^\n]*(?:\n[ \t][^\n]*)*")
END = re.compile(rb"\r?\n\r?\n")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:+-]+)", re.I)
MAX_CODINGS = 3
"""So many content codings are undone, one in another; real servers send one."""
MAX_RATIO = 1000
"""A body of more than a megabyte may unpack to at most so many times its size; pages reach 20."""
SMALL = 1 << 20
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Broken(Exception):
    """A response that cannot be decoded; `rule` names the kind."""

    def __init__(self, rule: str, error: str) -> None:
        super().__init__(error)
        self.rule = rule


@dataclass(slots=True)
class Response:
    """A parsed response; the body is still coded."""

    status: int
    headers: Fields
    body: bytes | memoryview


@lru_cache(1024)
def content_type(said: str) -> tuple[str, str | None]:
    """The media type in a Content-Type header, in lower case and without parameters, and the charset that it names."""
    found = CHARSET.search(said)
    return said.split(";")[0].split(",")[0].strip().lower(), found[1].lower() if found else None


class Fields:
    """Header lines behind the first one, found by name when asked for: a record has twenty, and five are of use.

    Case of names does not count, nor white space before the colon; of repeated names the first counts.
    """

    __slots__ = ("_head", "_low")

    def __init__(self, head: bytes) -> None:
        self._head, self._low = head, head.lower()

    @classmethod
    def of(cls, fields: dict[str, str]) -> Fields:
        """Fields with these values."""
        return cls("".join(f"\n{name}: {value}" for name, value in fields.items()).encode("utf-8", "replace"))

    def get(self, name: str, default: str = "") -> str:
        """The value of a field, without white space around it."""
        key = _key(name)
        at = self._low.find(key)
        while at >= 0:
            at += len(key)
            colon = at if self._low[at : at + 1] == b":" else self._colon(at)
            if colon:
                return self._value(colon + 1)
            at = self._low.find(key, at)
        return default

    def _colon(self, at: int) -> int:
        """Where the colon is, behind white space; 0 when the name goes on here."""
        found = BLANK_COLON.match(self._head, at)
        return found.end() - 1 if found else 0

    def _value(self, start: int) -> str:
        """What stands from `start` to the end of the line, and on lines that begin with white space behind it."""
        head = self._head
        end = head.find(b"\n", start)
        if end < 0:
            return head[start:].strip().decode("utf-8", "replace")
        if head[end + 1 : end + 2] in (b" ", b"\t"):
            rest = UNFOLDED.match(head, start)
            assert rest is not None
            return FOLD.sub(b" ", rest[0]).strip().decode("utf-8", "replace")
        return head[start:end].strip().decode("utf-8", "replace")


@cache
def _key(name: str) -> bytes:
    return b"\n" + name.encode()


def parse(block: Any) -> Response:
    """The response in a WARC block."""
    status = STATUS.match(block)
    if not status:
        raise Broken("bad_http", f"no HTTP status line: {bytes(block[:40])!r}")
    head = bytes(block[:HEAD_BYTES])
    end = head.find(b"\n\r\n")
    if end >= 0 and head.find(b"\n\n", 0, end) < 0:
        return Response(int(status[1]), Fields(head[:end]), block[end + 3 :])
    found = END.search(block)
    if not found:
        raise Broken("bad_http", "the HTTP headers do not end")
    return Response(int(status[1]), Fields(bytes(block[: found.start()])), block[found.end() :])


def decode(response: Response, most: int) -> Any:
    """The body without chunks and compression, at most `most` bytes.

    Many crawlers store the decoded body and leave the header as it was. So a header is only believed when the body
    looks the part: a chunk size in front, a gzip magic, or at least bytes that cannot be text. A page that is still
    gzip is unpacked without being told.
    """
    body: Any = response.body
    if "chunked" in response.headers.get("transfer-encoding").lower() and CHUNK_SIZE.match(body):
        body = dechunk(body)
    if said := response.headers.get("content-encoding"):
        codings = said.lower().replace(",", " ").split()
        if len(codings) > MAX_CODINGS:
            raise Broken("content_encoding", f"{len(codings)} codings; at most {MAX_CODINGS} are undone")
        for coding in reversed(codings):
            body = _decoded(coding, bytes(body), most)
    undone = 0
    while body[:3] == b"\x1f\x8b\x08":
        if undone == MAX_CODINGS:
            raise Broken("content_encoding", f"gzip in gzip, more than {MAX_CODINGS} deep")
        body, undone = _inflate("gzip", body, most, 31), undone + 1
    if len(body) > most:
        raise Broken("too_large", f"the body has {len(body):,} bytes; max_bytes is {most:,}")
    return body


def dechunk(body: Any) -> bytes:
    """The body of a chunked transfer."""
    parts: list[Any] = []
    at = 0
    while size := CHUNK_SIZE.match(body, at):
        length = int(size[1], 16)
        if not length:
            return b"".join(parts)
        parts.append(body[size.end() : size.end() + length])
        at = size.end() + length
        if (got := len(parts[-1])) < length:
            raise Broken("bad_chunks", f"the chunk at byte {size.start()} of the body has {got} of {length} bytes")
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    raise Broken("bad_chunks", f"no chunk size at byte {at} of the body: {bytes(body[at : at + 20])!r}")


def _decoded(coding: str, body: bytes, most: int) -> bytes:
    """The body without one content coding."""
    if coding in ("identity", "none", "utf-8") or not body:
        return body
    if coding in ("gzip", "x-gzip") and body[:2] == b"\x1f\x8b":
        return _inflate(coding, body, most, 31)
    if not CONTROL.search(body, 0, 512) and _is_text(body):
        return body
    if coding == "deflate":
        zlib_wrapped = body[0] & 15 == 8 and (body[0] * 256 + body[1 if len(body) > 1 else 0]) % 31 == 0
        return _inflate(coding, body, most, 15 if zlib_wrapped else -15)
    if coding == "br":
        return _unpacked(coding, "BrotliReader", body, most)
    if coding in ("zstd", "x-zstd"):
        return _unpacked(coding, "ZstdReader", body, most)
    raise Broken("content_encoding", f"cannot decode '{coding}'; the body starts with {bytes(body[:16])!r}")


def _is_text(body: bytes) -> bool:
    """Whether the first bytes are markup or plain UTF-8, which compressed bytes are not."""
    head = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] == b"<":
        return True
    try:
        body[:509].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > 500
    return True


def bound(body: bytes, most: int) -> int:
    """So many bytes a body may unpack to."""
    return min(most, max(SMALL, MAX_RATIO * len(body)))


def check_size(coding: str, body: bytes, made: bytes, most: int) -> None:
    """Raise Broken when a body has unpacked to more than it may."""
    if len(made) > most:
        raise Broken("too_large", f"{coding}: {len(body):,} bytes unpack to more than max_bytes ({most:,})")
    if len(made) > bound(body, most):
        raise Broken("bomb", f"{coding}: {len(body):,} bytes unpack to more than {MAX_RATIO:,} times as many")


def _inflate(coding: str, body: bytes, most: int, window: int) -> bytes:
    """gzip or deflate, with the bound checked before memory is used."""
    inflate = zlib.decompressobj(window)
    try:
        made = inflate.decompress(body, bound(body, most) + 1)
    except zlib.error as error:
        raise Broken("content_encoding", f"{coding}: {error}") from None
    check_size(coding, body, made, most)
    if not inflate.eof:
        raise Broken("content_encoding", f"{coding}: the stream is cut off after {len(body):,} bytes")
    return made


def _unpacked(coding: str, reader: str, body: bytes, most: int) -> bytes:
    """Brotli or zstd, by one of fastwarc's readers, which say where a stream is cut off."""
    import fastwarc.stream_io

    try:
        made: bytes = getattr(fastwarc.stream_io, reader)(io.BytesIO(body)).read(bound(body, most) + 1)
    except Exception as error:  # the codec's own exception classes are not public
        raise Broken("content_encoding", f"{coding}: {error}") from None
    check_size(coding, body, made, most)
    return made
