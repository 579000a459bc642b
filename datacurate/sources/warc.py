"""WARC and WET files: one document per HTML response or converted text; every other record is accounted for.

Records are cut by us and not by fastwarc (which unpacks zstd, lz4 and Brotli): it stops at the first bad record
header, so that everything behind it is lost, and returns a block that the file cuts short without saying so
(fastwarc 2.0.1 on warcio.js/example-bad-length.warc and fastwarc/clipped.warc.gz).

Detected and quarantined, with what `rule` says:

    gzip              a member that zlib rejects, its checksum included; reading goes on at the next member that
                      starts with `WARC/`. Also what is between members and is not gzip.
    truncated         the file (or a damaged member) ends inside a record; the error names the byte
    content_length    behind the block there is neither the next record nor the end: the length is wrong. The record
                      extends to the next line that starts a record, and reading goes on there.
    bad_header        bytes where a record should start, or a record without a usable Content-Length
    too_large         a record or a decoded body longer than `max_bytes` (decompression bombs)
    bad_http          a response without status line or without end of headers
    bad_chunks        a chunked body whose chunks do not add up
    content_encoding  gzip, deflate or Brotli that cannot be decoded, and codings that we do not know
    not_utf8          a conversion record (WET) that is not UTF-8
    empty             a file of zero bytes

Sound records that are no document are dropped: `http_status` (not 200), `not_html`, `revisit`, `not_a_response`
(requests, metadata, warcinfo, DNS, resources, continuations).

Not detected: a Content-Length that ends exactly where a later record ends, and, in files without per-record gzip,
how many records a damaged stretch held: it counts as one. A response that claims to be chunked or compressed but
is plain text is taken as it is, for crawlers often store decoded bodies under the original headers
(warcio/example-bad-non-chunked.warc.gz). Responses that the crawler itself cut (`WARC-Truncated`) are kept.
A record id that occurs again in the file gets `#2`, `#3`, ... appended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from datacurate.core.source import PAYLOAD_BYTES, Read, Source, Unread
from datacurate.core.types import Positive
from datacurate.sources import _http
from datacurate.sources._batch import Batch, Unique, digest, quarantined
from datacurate.sources._bytes import Stream
from datacurate.sources._frames import Frame, frames

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "text": pa.string(),
        "source": pa.string(),
        "url": pa.string(),
        "date": pa.string(),
        "html": pa.binary(),
        "charset": pa.string(),
        "content_type": pa.string(),
    }
)
HTML_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body")


class Warc(Source):
    """Web pages from WARC files and texts from WET files."""

    suffixes = (
        ".warc", ".warc.gz", ".warc.zst", ".warc.lz4", ".wet", ".wet.gz", ".wet.zst", ".wet.lz4",
    )  # fmt: skip
    makes = tuple(SCHEMA.names)

    max_bytes: Positive = 64 << 20
    """Longest record, and longest body after decoding; longer ones are quarantined. Common Crawl cuts at 1 MB."""

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one file in bounded batches, in file order."""
        batch, unique = Batch(SCHEMA), Unique()
        if not file.stat().st_size:
            batch.leave(quarantined(file.name, "empty", "the file is empty"))
        for frame in frames(Stream(file), self.max_bytes):
            self._record(frame, unique(_id(frame, file)), source, batch)
            if batch.full:
                yield batch.take()
        yield batch.take()

    def _record(self, frame: Frame, id: str, source: str, batch: Batch) -> None:
        """Add one record to the batch, as document or as unread."""
        kind = frame.headers.get("warc-type", "").lower()
        try:
            if frame.rule:
                raise _http.Broken(frame.rule, frame.error)
            if kind == "conversion":
                self._text(frame, id, source, batch)
            elif kind == "response" and not _is_dns(frame):
                self._page(frame, id, source, batch)
            else:
                rule = "revisit" if kind == "revisit" else "not_a_response"
                batch.leave(Unread(id, "dropped", rule, frame.size))
        except _http.Broken as broken:
            payload = frame.block[:PAYLOAD_BYTES]
            batch.leave(quarantined(id, broken.rule, str(broken), payload, frame.size))

    def _text(self, frame: Frame, id: str, source: str, batch: Batch) -> None:
        """A WET record: text that somebody else extracted."""
        try:
            text = frame.block.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _http.Broken("not_utf8", str(error)) from None
        url, date = _about(frame)
        batch.add(id, text, source, url, date, None, None, "text/plain", size=frame.size)

    def _page(self, frame: Frame, id: str, source: str, batch: Batch) -> None:
        """A response: a document when it is a page with status 200."""
        response = _http.parse(frame.block)
        if response.status != 200:
            batch.leave(Unread(id, "dropped", "http_status", frame.size, f"HTTP status {response.status}"))
            return
        kind = response.content_type() or frame.headers.get("warc-identified-payload-type", "").lower()
        if kind and kind not in HTML_TYPES:
            batch.leave(Unread(id, "dropped", "not_html", frame.size, f"content type {kind}"))
            return
        html = _http.decode(response, self.max_bytes)
        if not kind and not html[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(MARKUP):
            batch.leave(Unread(id, "dropped", "not_html", frame.size, "no content type, and no HTML in front"))
            return
        url, date = _about(frame)
        kind = kind or "text/html"
        batch.add(id, None, source, url, date, html, response.charset(), kind, size=len(html))


def _is_dns(frame: Frame) -> bool:
    return frame.headers.get("content-type", "").lower().startswith("text/dns")


def _about(frame: Frame) -> tuple[str | None, str | None]:
    """URL (wget writes it in angle brackets) and date of a record."""
    url = frame.headers.get("warc-target-uri")
    return url and url.removeprefix("<").removesuffix(">"), frame.headers.get("warc-date")


def _id(frame: Frame, file: Path) -> str:
    """The record's own id without `<urn:uuid:` and `>`; a digest of URL, date and offset; or file name and offset."""
    own = frame.headers.get("warc-record-id", "").strip("<> \t")
    if own:
        return own.removeprefix("urn:uuid:")
    url, date = _about(frame)
    return digest(url, date, frame.position) if url else f"{file.name}@{frame.position}"
