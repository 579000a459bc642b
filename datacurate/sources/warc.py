"""WARC and WET files: one document per HTML response or converted text; every other record is accounted for.

Records are cut by us and not by fastwarc (which unpacks zstd, lz4 and Brotli): it stops at the first bad record
header, so that everything behind it is lost, and returns a block that the file cuts short without saying so
(fastwarc 2.0.1 on warcio.js/example-bad-length.warc and fastwarc/clipped.warc.gz).

Detected and quarantined, with what `rule` says:

    gzip              a member that zlib rejects, its checksum included; reading goes on at the next member that
                      starts with `WARC/`. Also what is between members and is not gzip.
    zstd, lz4         a frame that cannot be unpacked, likewise: `.warc.zst` has a frame per record. The size is that of
                      the file that is lost. Of a frame with several records those before the damage are read.
    truncated         the file (or a damaged member) ends inside a record; the error names the byte
    content_length    behind the block there is neither the end of a record (two line ends, or the end of a gzip member
                      or frame) nor the next record: the length is wrong. The record extends to the next line, or
                      member, that starts a record, and reading goes on there.
    bad_header        bytes where a record should start (garbage or zeros between sound records, an unknown version),
                      or a record without a usable Content-Length; also what a file holds that is compressed twice
    segmented         a response whose content goes on in `continuation` records
    too_large         a record or a decoded body longer than `max_bytes`
    bomb              a body or a file that unpacks to more than 1,000 times its size
    bad_http          a response without status line or without end of headers
    bad_chunks        a chunked body whose chunks do not add up
    content_encoding  gzip, deflate, Brotli or zstd that cannot be decoded, and codings that we do not know
    not_utf8          a conversion record (WET) that is not UTF-8
    empty             a file without any byte, or with nothing in its compression

Sound records that are no document are dropped under the name of their kind: `request`, `warcinfo`, `metadata`,
`revisit`, `resource` (unless it is HTML), `continuation`, `dns`, `other_record`; responses under `redirect`,
`not_found` (404, 410), `not_modified`, `http_status` (any other but 200), `robots` (robots.txt) and `not_html`.

Not detected: a Content-Length that ends exactly where a later record ends, and, in files without a gzip member or
frame per record, how many records a damaged stretch held: it counts as one. A response that claims to be chunked or
compressed but is plain text is taken as it is, for crawlers often store decoded bodies under the original headers
(warcio/example-bad-non-chunked.warc.gz). Responses that the crawler itself cut (`WARC-Truncated`) are kept.
Bodies that are binary whatever their type says (PDF, images, archives, and others with many control characters) are
`not_html`. A conversion record that is HTML by its type is a page; one of another type than text is `not_html`.
A response that names no type is a document when its first 4,096 bytes begin like HTML (by WHATWG's table) or are XML
whose first element is `html`; byte order marks, white space and, in XML, comments may stand in front.
A byte order mark in front of the first record (UTF-8) is skipped, and headers may have bare line feeds. In a file whose
line ends were all made line feeds, though, as a transfer in text mode does, lengths no longer say where blocks end, and
bodies that were compressed are broken: each record whose block had other line ends is quarantined
(`content_length`, the last one `truncated`).
A record id that occurs again in the file gets `#2`, `#3`, ... appended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from datacurate.core.paths import file_name
from datacurate.core.source import Read, Source
from datacurate.core.types import Positive
from datacurate.sources._batch import Batch, Unique, quarantined
from datacurate.sources._bytes import Stream
from datacurate.sources._frames import WARC, Format, frames
from datacurate.sources._pages import SCHEMA, add_record, record_id


class Warc(Source):
    """Web pages from WARC files and texts from WET files."""

    version = 3
    suffixes: ClassVar[tuple[str, ...]] = (
        ".warc", ".warc.gz", ".warc.zst", ".warc.lz4", ".wet", ".wet.gz", ".wet.zst", ".wet.lz4",
    )  # fmt: skip
    makes = tuple(SCHEMA.names)
    format: ClassVar[Format] = WARC

    max_bytes: Positive = 64 << 20
    """Longest record, and longest body after decoding; longer ones are quarantined. Common Crawl cuts at 1 MB."""

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one file in bounded batches, in file order."""
        batch, unique = Batch(SCHEMA), Unique()
        for frame in frames(Stream(file), self.max_bytes, self.format):
            add_record(frame, unique(record_id(frame, file)), source, batch, self.max_bytes)
            if batch.full:
                yield batch.take()
        if not unique:
            batch.leave(quarantined(file_name(file), "empty", "the file holds nothing"))
        yield batch.take()
