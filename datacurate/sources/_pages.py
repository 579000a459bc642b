"""Records of web archives as documents, or why they are none."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from datacurate.core.paths import file_name
from datacurate.core.source import PAYLOAD_BYTES, Unread
from datacurate.sources import _http
from datacurate.sources._batch import Batch, digest, quarantined
from datacurate.sources._content import LOOKED_AT, binary
from datacurate.sources._frames import Frame

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
BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
HTML_TYPES = ("text/html", "application/xhtml+xml")
PAGE_TYPES = (*HTML_TYPES, "text/plain")
ROBOTS = re.compile(r"https?://[^/]*/robots\.txt(?:[?#]|$)", re.I)
UNKNOWN = ("unknown/unknown", "application/unknown", "*/*")
"""Types that say nothing, by the same standard as MARKUP."""
SNIFFED = 4096
"""Bytes of a body without type that are looked at; browsers look at 1,445."""
MARKUP = re.compile(
    rb"<(?:!--|(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)(?=[\s/>]))", re.I
)
"""What HTML begins with behind white space: WHATWG MIME Sniffing, section 7.1; here `/` may follow a name, too."""
XHTML = re.compile(rb"<(?:!doctype\s+html|html)(?=[\s/>])", re.I)
PROLOGUE = re.compile(rb"\s+|<\?[^>]{0,2048}>|<!--.*?-->", re.S)
KINDS = ("request", "warcinfo", "metadata", "revisit", "resource", "continuation", "filedesc", "dns")
"""Records that are no pages, by the names of the WARC standard (ISO 28500) and, the last two, of ARC files; others are
`other_record`."""


About = tuple[str | None, str | None]
"""URL and date of a record."""


def add_record(frame: Frame, id: str, source: str, batch: Batch, most: int) -> None:
    """Add one record to the batch, as a document or as unread."""
    kind = frame.headers.get("warc-type").lower()
    try:
        if frame.rule:
            raise _http.Broken(frame.rule, frame.error)
        if kind == "response":
            _response(frame, id, source, batch, most)
        elif kind in ("conversion", "resource") and _type(frame) in HTML_TYPES:
            fields = _http.Fields.of({"content-type": frame.headers.get("content-type")})
            _page(frame, id, source, batch, _http.Response(200, fields, frame.block), most, about(frame))
        elif kind == "conversion":
            _text(frame, id, source, batch)
        else:
            batch.leave(Unread(id, "dropped", kind if kind in KINDS else "other_record", frame.size))
    except _http.Broken as broken:
        payload = bytes(frame.block[:PAYLOAD_BYTES])
        batch.leave(quarantined(id, broken.rule, str(broken), payload, frame.size))


def _text(frame: Frame, id: str, source: str, batch: Batch) -> None:
    """A WET record: text that somebody else extracted."""
    type_ = _type(frame)
    if "/" in type_ and not type_.startswith("text/") and type_ not in UNKNOWN:
        batch.leave(Unread(id, "dropped", "not_html", frame.size, f"content type {type_}"))
        return
    try:
        text = bytes(frame.block).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _http.Broken("not_utf8", str(error)) from None
    url, date = about(frame)
    batch.add(id, text, source, url, date, None, None, "text/plain", size=frame.size)


def _response(frame: Frame, id: str, source: str, batch: Batch, most: int) -> None:
    """A response: a page when it is HTTP with status 200, whole, and not robots.txt."""
    if frame.block[:5] != b"HTTP/" and _type(frame) == "text/dns":
        batch.leave(Unread(id, "dropped", "dns", frame.size))
        return
    if frame.headers.get("warc-segment-number"):
        raise _http.Broken("segmented", "the record's content goes on in other records; such parts are not joined")
    response = _http.parse(frame.block)
    where = about(frame)
    if rule := refused(response.status, where[0]):
        batch.leave(Unread(id, "dropped", rule, frame.size, f"HTTP status {response.status}"))
        return
    _page(frame, id, source, batch, response, most, where)


def refused(status: int, url: str | None) -> str:
    """Why a response is no page, by its status and address; empty if these are no reason."""
    if status != 200:
        known = {404: "not_found", 410: "not_found", 304: "not_modified"}
        return known.get(status) or ("redirect" if 300 <= status < 400 else "http_status")
    return "robots" if url and ROBOTS.match(url) else ""


def _page(frame: Frame, id: str, source: str, batch: Batch, response: _http.Response, most: int, where: About) -> None:
    """A document, when the content is HTML or plain text."""
    kind, charset = _http.content_type(response.headers.get("content-type"))
    if "/" not in kind or kind in UNKNOWN:
        kind = frame.headers.get("warc-identified-payload-type").lower()
    if kind and kind not in PAGE_TYPES:
        batch.leave(Unread(id, "dropped", "not_html", frame.size, f"content type {kind}"))
        return
    html = _http.decode(response, most)
    if found := binary(bytes(html[:LOOKED_AT])):
        batch.leave(Unread(id, "dropped", "not_html", frame.size, f"content is {found}"))
        return
    if not kind and not is_html(bytes(html[:SNIFFED])):
        batch.leave(Unread(id, "dropped", "not_html", frame.size, "no content type, and no HTML in front"))
        return
    batch.add(id, None, source, *where, html, charset, kind or "text/html", size=len(html))


def is_html(head: bytes) -> bool:
    """Whether a body is HTML, by its first bytes: MARKUP; or XML whose first element is `html`, which browsers do
    not ask for."""
    for mark, codec in BOMS:
        if head.startswith(mark):
            head = head[len(mark) :].decode(codec, "replace").encode()
            break
    head = head.lstrip(b" \t\r\n\x0c")
    if not head.startswith(b"<?xml"):
        return bool(MARKUP.match(head))
    at = 0
    while found := PROLOGUE.match(head, at):
        at = found.end()
    return bool(XHTML.match(head, at))


def _type(frame: Frame) -> str:
    return _http.content_type(frame.headers.get("content-type"))[0]


def about(frame: Frame) -> About:
    """URL (wget writes it in angle brackets) and date of a record."""
    url = frame.headers.get("warc-target-uri")
    if url and url[0] == "<":
        url = url.removeprefix("<").removesuffix(">")
    return url or None, frame.headers.get("warc-date") or None


def record_id(frame: Frame, file: Path) -> str:
    """The record's own id without `<urn:uuid:` and `>`; a digest of URL, date and offset; or file name and offset."""
    own = frame.headers.get("warc-record-id").strip("<> \t")
    if own:
        return own.removeprefix("urn:uuid:")
    url, date = about(frame)
    return digest(url, date, frame.position) if url else f"{file_name(file)}@{frame.position}"
