"""WAT files (metadata of a crawl): one document per HTML response that they describe.

A WAT file holds a JSON record for every record of a WARC file. Of those that describe an HTML response with status
200 the text is the page's title and description; `meta` has all that is said of the page: title, metas, links,
scripts, headers and status. `id`, `url` and `date` are the page's, so that they meet those of the WARC file. The others
are dropped under the rules of `warc`: `request`, `metadata`, `warcinfo`, `redirect`, `not_found`, `not_html`, `robots`,
and so on. JSON that cannot be read is `not_json`, JSON of another form `not_wat`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from datacurate.core.paths import file_name
from datacurate.core.source import PAYLOAD_BYTES, Read, Source, Unread
from datacurate.core.types import Positive
from datacurate.sources._batch import Batch, Unique, quarantined
from datacurate.sources._bytes import Stream
from datacurate.sources._frames import Frame, frames
from datacurate.sources._http import Broken
from datacurate.sources._pages import KINDS, record_id, refused

SCHEMA = pa.schema({name: pa.string() for name in ("id", "text", "source", "url", "date", "meta")})
STATUS_DIGITS = 100
"""Longest status; real ones have three characters. Python makes no number of more than 4,300 digits."""
DESCRIPTIONS = ("description", "og:description", "twitter:description")


class Wat(Source):
    """Titles, descriptions, links and headers of web pages, from WAT files."""

    version = 2  # records are judged as in WARC files, a byte order mark in front is skipped
    suffixes = (".wat", ".wat.gz", ".wat.zst", ".wat.lz4")
    makes = tuple(SCHEMA.names)

    max_bytes: Positive = 64 << 20
    """Longest record; longer ones are quarantined."""

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one file in bounded batches, in file order."""
        batch, unique = Batch(SCHEMA), Unique()
        for frame in frames(Stream(file), self.max_bytes):
            try:
                self._record(frame, unique, file, source, batch)
            except Broken as broken:
                id, payload = unique(record_id(frame, file)), bytes(frame.block[:PAYLOAD_BYTES])
                batch.leave(quarantined(id, broken.rule, str(broken), payload, frame.size))
            if batch.full:
                yield batch.take()
        if not unique:
            batch.leave(quarantined(file_name(file), "empty", "the file holds nothing"))
        yield batch.take()

    def _record(self, frame: Frame, unique: Unique, file: Path, source: str, batch: Batch) -> None:
        if frame.rule:
            raise Broken(frame.rule, frame.error)
        kind = frame.headers.get("warc-type").lower()
        if kind != "metadata":
            rule = kind if kind in KINDS else "other_record"
            batch.leave(Unread(unique(record_id(frame, file)), "dropped", rule, frame.size))
            return
        envelope = _envelope(bytes(frame.block))
        head = _part(envelope, "WARC-Header-Metadata")
        id = unique(
            str(head.get("WARC-Record-ID", "")).strip("<> ").removeprefix("urn:uuid:") or record_id(frame, file)
        )
        rule, page = _page(envelope, head)
        if page is None:
            batch.leave(Unread(id, "dropped", rule, frame.size))
            return
        meta = json.dumps(page, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        url, date = _string(head.get("WARC-Target-URI")), _string(head.get("WARC-Date"))
        row = (id, _text(page), source, url, date, meta)
        batch.add(*(_valid(value) for value in row), size=len(frame.block))


def _envelope(block: bytes) -> dict[str, Any]:
    try:
        return _part(json.loads(block), "Envelope", must=True)
    except (ValueError, RecursionError) as error:
        raise Broken("not_json", str(error)[:300]) from None


def _part(value: Any, name: str, must: bool = False) -> dict[str, Any]:
    """An object inside an object; empty, or an error, where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, dict):
        return found
    if must:
        raise Broken("not_wat", f"no object '{name}' in it")
    return {}


def _page(envelope: dict[str, Any], head: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """What a record says of a page; or the rule under which it is dropped."""
    kind = str(head.get("WARC-Type", "")).lower()
    if kind != "response":
        return (kind if kind in KINDS else "other_record"), None
    http = _part(_part(envelope, "Payload-Metadata"), "HTTP-Response-Metadata")
    status = str(_part(http, "Response-Message").get("Status", ""))
    if len(status) > STATUS_DIGITS:
        raise Broken("not_wat", f"a status of {len(status):,} characters: {status[:20]}")
    rule = refused(int(status) if status.isascii() and status.isdigit() else 0, _string(head.get("WARC-Target-URI")))
    html = http.get("HTML-Metadata")
    if rule or not isinstance(html, dict):
        return rule or "not_html", None
    top = _part(html, "Head")
    page = {
        "title": _string(top.get("Title")),
        "metas": top.get("Metas"),
        "head_links": top.get("Link"),
        "scripts": top.get("Scripts"),
        "base": top.get("Base"),
        "links": html.get("Links"),
        "headers": http.get("Headers"),
        "status": int(status),
    }
    return "", {name: value for name, value in page.items() if value is not None}


def _text(page: dict[str, Any]) -> str:
    """Title and description."""
    metas = page.get("metas")
    said: dict[str, str] = {}
    for meta in metas if isinstance(metas, list) else ():
        name = str(meta.get("name") or meta.get("property") or "").lower() if isinstance(meta, dict) else ""
        if name in DESCRIPTIONS and isinstance(meta.get("content"), str):
            said.setdefault(name, meta["content"].strip())
    description = next((said[name] for name in DESCRIPTIONS if said.get(name)), "")
    return "\n\n".join(part for part in ((page.get("title") or "").strip(), description) if part)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _valid(value: str | None) -> str | None:
    """Lone surrogates, which JSON can hold and UTF-8 cannot, become U+FFFD."""
    return value and value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
