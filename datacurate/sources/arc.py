"""ARC files, versions 1 and 2 (the format of the Internet Archive before WARC): pages as in `warc`.

A record is one line of fields (address, IP, date, type, length; version 2 has more), then the response as it came. The
length is the last field and the address the first, so that addresses with spaces in them can be told from the rest.
Rules are those of `warc`, with these differences: `filedesc` is the record in front of the file; what is no HTTP
response but has an address of another kind (`dns:`, `ftp:`, `filedesc:`) is dropped under the name of that kind
(`dns`, `other_record`). Ids are digests of address, date and offset, for records have none.
"""

from __future__ import annotations

import re
from typing import ClassVar

from datacurate.sources._frames import Format
from datacurate.sources._http import Fields
from datacurate.sources.warc import Warc

LINE = re.compile(
    rb"(?P<url>[A-Za-z][A-Za-z0-9+.-]{0,20}:[^\s][^\r\n]{0,8192}?) "
    rb"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*|-) "
    rb"(?P<date>\d{8,18}) "
    rb"(?P<type>[^\r\n]{0,512}?) ?(?P<more>(?:[^ \r\n]{1,8192} ){0,4}?)(?P<length>[^ \r\n]{1,20})[ \t]*\r?\n"
)
"""The line in front of a record, of either version."""


def arc_header(ahead: bytes) -> tuple[Fields, int] | str | None:
    """The line's fields under the names of WARC, and its length."""
    found = LINE.match(ahead)
    if not found:
        return None
    url = found["url"].decode("utf-8", "replace")
    scheme = url.partition(":")[0].lower()
    kind = "response" if scheme in ("http", "https") else "filedesc" if scheme == "filedesc" else scheme
    headers = {
        "warc-type": kind,
        "warc-target-uri": url,
        "warc-date": _date(found["date"].decode()),
        "content-type": found["type"].decode("latin-1"),
        "content-length": found["length"].decode("latin-1"),
    }
    return Fields.of(headers), found.end()


def _date(digits: str) -> str:
    """`20140216050221` as in WARC; what has other digits stays as it is."""
    if len(digits) != 14:
        return digits
    year, rest = digits[:4], [digits[at : at + 2] for at in range(4, 14, 2)]
    return f"{year}-{rest[0]}-{rest[1]}T{':'.join(rest[2:])}Z"


class Arc(Warc):
    """Web pages from ARC files."""

    version = 2
    suffixes: ClassVar[tuple[str, ...]] = (".arc", ".arc.gz", ".arc.zst", ".arc.lz4")
    format: ClassVar[Format] = Format("ARC", LINE, re.compile(rb"\n" + LINE.pattern), arc_header)
