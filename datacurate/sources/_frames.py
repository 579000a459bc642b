"""A stream cut into WARC or ARC records, and into what lies between them when the file is damaged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from datacurate.core.source import PAYLOAD_BYTES
from datacurate.core.web import opened
from datacurate.sources._bytes import Damage, Stream
from datacurate.sources._http import END, Fields

PACKED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4"), (b"PK\x03\x04", "zip"),
          (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"))  # fmt: skip
LINE_BYTES = 16 << 10
"""Longest first line of an ARC record that is looked for; browsers take URLs of 2 to 8 KB."""
AHEAD = 256 << 10
"""Bytes that are unpacked ahead of what is asked for, which saves copies; no more than a cache holds."""
HEADER_BYTES = 1 << 20
"""Longest record header that is looked for; WARC itself sets no bound, real ones have 300 to 1,000 bytes."""


NONE = Fields(b"")


@dataclass(slots=True)
class Frame:
    """One record as it lies in the file, or a stretch that is no record (then `rule` and `error` say what is wrong)."""

    position: int
    """Decompressed bytes before it."""
    headers: Fields = NONE
    block: bytes | memoryview = b""
    """The record's content; only its head when `rule` is set."""
    size: int = 0
    """Bytes of the content, or of the whole stretch."""
    rule: str = ""
    error: str = ""


@dataclass(frozen=True)
class Format:
    """How records of a kind of archive begin."""

    name: str
    starts: re.Pattern[bytes]
    """Matches where a record starts."""
    next: re.Pattern[bytes]
    """Finds the next start: a line end (or a zero, with which holes are filled), and what `starts` matches."""
    header: Callable[[bytes], tuple[Fields, int] | str | None]
    """Fields and size of the header in front of some bytes; what is wrong with it; None when it needs more bytes."""


def warc_header(ahead: bytes) -> tuple[Fields, int] | str | None:
    """Fields and size of a WARC record's header."""
    end = END.search(ahead)
    if not end:
        return None
    return Fields(ahead[: end.start()]), end.end()


VERSION = rb"WARC/\d\.\d+[ \t]*\r?\n"
WARC = Format("WARC", re.compile(VERSION), re.compile(rb"[\n\0]" + VERSION), warc_header)


BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"
"""What may lie between records without being one."""
END_MARK = b"\r\n\r\n"
"""What stands behind a record (ISO 28500, section 4)."""
BORDER = re.compile(rb"\r\n\r\nWARC/\d\.\d+\r\n")


def frames(stream: Stream, most: int, format: Format = WARC) -> Iterator[Frame]:
    """The records of a file in order. Every byte of the file but the line ends between records is in one frame.

    A byte order mark in front of the first one, as editors write it, is in none.
    """
    stream.ahead = AHEAD
    if stream.peek(3) == BYTE_ORDER_MARK:
        stream.take(3)
    while True:
        if format is WARC and (sound := _sound(stream, most)) is not None:
            yield sound
            continue
        _skip_line_ends(stream)
        if stream.peek(1):
            frame = _frame(stream, most, format)
            goes_on = True
            if frame.rule and (damage := stream.damage) is not None and _cut_by_damage(stream):
                gap, goes_on = _gap(stream, damage, format)
                frame.size += max(gap.size - (damage.end - damage.start), 0)  # what lies behind is skipped with it
            yield frame
        elif stream.damage is None:
            return
        else:
            gap, goes_on = _gap(stream, stream.damage, format)
            yield gap
        if not goes_on:
            return


def _skip_line_ends(stream: Stream) -> None:
    buffer, at = stream.buffered
    if buffer[at : at + 1] == b"W":
        return
    while ahead := stream.peek(64):
        ends = len(ahead) - len(ahead.lstrip(BLANK))
        stream.take(ends)
        if ends < len(ahead):
            return


def _frame(stream: Stream, most: int, format: Format) -> Frame:
    """The record at the position, or the stretch up to the next one when it is broken."""
    start = stream.position
    found = _header(stream, format)
    if isinstance(found, str):
        return _stretch(stream, format, start, 1, NONE, "bad_header", found)
    headers, header_size = found
    length = int(headers.get("content-length"))
    got, block = _block(stream, header_size, length, most)
    if got == length and _at_border(stream, format):
        block = block if length > most else stream.between(start + header_size, start + header_size + length)
        stream.kept = None
        _skip_line_ends(stream)
        if (damage := stream.damage) is not None and _cut_by_damage(stream):
            return Frame(start, headers, block, length, damage.rule, damage.error)
        if length > most:
            return Frame(start, headers, block, length, "too_large", f"{length:,} bytes; max_bytes is {most:,}")
        return Frame(start, headers, block, length)
    stream.kept = None
    stream.back(start)
    wrong = f"Content-Length says {length:,} bytes"
    if got < length:
        wrong += f", the file has {got:,} from there to its end or damage"
    rule = "content_length" if got == length else "truncated"
    return _stretch(stream, format, start, header_size, headers, rule, wrong)


def _block(stream: Stream, header_size: int, length: int, most: int) -> tuple[int, bytes]:
    """How many bytes of the record's block there are, and the head of one that is over-long; moves behind it.

    Up to `most` bytes stay in the buffer. A block that would end behind the known end of the file is not looked for
    again: a file of a thousand such records would be read a thousand times.
    """
    start, head = stream.position + header_size, b""
    if stream.end is not None and start + length > stream.end:
        return stream.end - start, head
    if length > most:
        head = stream.take(header_size + min(length, PAYLOAD_BYTES))[header_size:]
        got = len(head) + stream.skip(length - len(head))
    else:
        stream.kept = stream.position
        stream.ensure(header_size + length)
        buffer, at = stream.buffered
        got = min(len(buffer) - at - header_size, length)
        stream.forward(header_size + got)
    if got < length:
        stream.end = stream.position
    return got, head


def _sound(stream: Stream, most: int) -> Frame | None:
    """The WARC record at the position, when nothing is odd about it and another one follows; most are so."""
    buffer, at = stream.buffered
    if not WARC.starts.match(buffer, at) or (end := buffer.find(b"\r\n\r\n", at, at + 4096)) < 0:
        return None
    headers = Fields(buffer[at:end])
    length = headers.get("content-length")
    if not (length.isascii() and length.isdecimal()) or len(length) > 15 or int(length) > most:
        return None
    behind = end + 4 - at
    size = behind + int(length)
    if not stream.ensure(size + 32):
        return None
    buffer, at = stream.buffered
    if not BORDER.match(buffer, at + size):
        return None
    start = stream.position
    stream.forward(size + 4)
    return Frame(start, headers, memoryview(buffer)[at + behind : at + size], int(length))


def _header(stream: Stream, format: Format) -> tuple[Fields, int] | str:
    """Header fields and header size of the record at the position, or what is wrong with it."""
    ahead = stream.peek(4096)
    if not format.starts.match(ahead):
        packed = next((name for magic, name in PACKED if ahead.startswith(magic)), None)
        nested = f" The file is compressed twice, or a {packed} file lies in it; unpack it once." if packed else ""
        return f"no {format.name} record starts here: {ahead[:40]!r}.{nested}"
    found = format.header(ahead) or format.header(stream.peek(HEADER_BYTES))
    if found is None or isinstance(found, str):
        return found or "the record's header does not end"
    headers, size = found
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        return f"Content-Length is {length!r}" if length else "the record has no Content-Length"
    return headers, size


def _at_border(stream: Stream, format: Format) -> bool:
    """Whether a record ends here: its mark, a record, a member, the end of the file or damage follows.

    Line ends between do not matter. What follows a mark or ends a member may be garbage: a record of its own.
    """
    ahead = stream.peek(64)
    rest = ahead.lstrip(BLANK)
    if not rest and len(ahead) < 64:
        return True
    if (format is WARC and ahead.startswith(END_MARK)) or stream.members(
        stream.position, stream.position + len(ahead) - len(rest)
    ):
        return True
    return bool(rest) and bool(format.starts.match(stream.peek(LINE_BYTES)[len(ahead) - len(rest) :]))


def _stretch(stream: Stream, format: Format, start: int, behind: int, headers: Fields, rule: str, error: str) -> Frame:
    """Everything from `start` to the next record start (looked for `behind` bytes later) or the end, as one frame."""
    head = stream.take(behind)
    found = False
    while not found and (ahead := stream.peek(1 << 20)):
        at = _next(stream, format, ahead)
        found = at >= 0
        size = at if found else max(len(ahead) - 64, 0) or len(ahead)
        piece = stream.take(size)
        head += piece[: max(PAYLOAD_BYTES + behind - len(head), 0)]
    size = stream.position - start
    if found and rule in ("truncated", "content_length"):
        rule, error = "content_length", f"{error}; the next record starts {size - behind:,} bytes behind the header"
    if not found and (damage := stream.damage) is not None and _cut_by_damage(stream):
        rule, error = damage.rule, f"{error}; {damage.error}"
    elif not found and rule == "truncated":
        error += f"; the file ends at byte {stream.path.stat().st_size:,}"
    return Frame(
        start,
        headers if headers is not NONE else _salvaged_headers(head, format),
        head[behind if headers is not NONE else 0 :],
        size,
        rule,
        error,
    )


def _next(stream: Stream, format: Format, ahead: bytes) -> int:
    """Where in what lies ahead the next record starts: on a line of its own, or with a member; -1 if nowhere."""
    match = format.next.search(ahead)
    at = match.start() + 1 if match else len(ahead)
    for position in stream.members(stream.position, stream.position + at):
        if format.starts.match(ahead, position - stream.position):
            return position - stream.position
    return at if match else -1


def _cut_by_damage(stream: Stream) -> bool:
    """Whether the record that ends the buffer goes on in the damaged member, which then is no record of its own."""
    return stream.damage is not None and stream.damage.begun and not stream.peek(1)


def _salvaged_headers(head: bytes, format: Format) -> Fields:
    """The header's fields as far as they are there."""
    found = format.header(head[:4096] + b"\r\n\r\n") if format.starts.match(head) else None
    return found[0] if isinstance(found, tuple) else NONE


def _gap(stream: Stream, damage: Damage, format: Format) -> tuple[Frame, bool]:
    """The damaged stretch as a frame, and whether the file goes on behind it. The stream moves there."""
    position = stream.position
    with opened(stream.path) as file:
        file.seek(damage.start)
        head = damage.head or file.read(PAYLOAD_BYTES)
    skipped = stream.recover(format.starts)
    size = max(stream.path.stat().st_size - damage.start, 0) if skipped is None else skipped
    return Frame(position, _salvaged_headers(head, format), head, size, damage.rule, damage.error), skipped is not None
