"""What a page says of itself: title, author, publication date, language and licence.

Read from JSON-LD (schema.org), OpenGraph, Dublin Core and Highwire `meta` tags, `rel=license`, microdata and the tags
that HTML has for it. For each of them the first source that says something is believed, in the order of SOURCES.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datacurate.stages._blocks import Page

COLUMNS = ("title", "author", "published", "page_language", "license")
"""Columns that `metadata: true` makes; strings, null where the page says nothing."""
_NAMES = {
    "title": "og:title ld:headline citation_title dc.title dcterms.title twitter:title ld:name title",
    "author": (
        "ld:author author citation_author dc.creator dcterms.creator article:author parsely-author byl itemprop:author"
    ),
    "published": (
        "ld:datepublished article:published_time citation_publication_date citation_date datepublished "
        "itemprop:datepublished dc.date.issued dcterms.issued dc.date dcterms.created dcterms.date pubdate publishdate "
        "publish-date og:published_time sailthru.date parsely-pub-date date ld:datecreated time"
    ),
    "page_language": "lang content-language dc.language dcterms.language language ld:inlanguage og:locale",
    "license": "rel:license ld:license dcterms.license dc.rights.license license cc dc.rights dcterms.rights",
}
SOURCES = {column: names.split() for column, names in _NAMES.items()}
MAX_CHARS = 300
"""A title or name that is longer is cut."""
MAX_JSON = 1 << 20
"""Bytes of one JSON-LD script that are read at most."""
_ATTRIBUTE = re.compile(r'([^\s=]+)="([^"]*)"')
_BY = re.compile(r"^(?:(?:written|posted)\s+)?by(?:\s*:\s*|\s+)(?=\w)", re.IGNORECASE)
"""What bylines have before a name. Von and de are parts of names."""
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_CREATIVE = re.compile(
    rb'href="([^"]{0,40}creativecommons\.org/(?:licenses/[a-z-]+/[0-9.]+|publicdomain/(?:zero|mark)/[0-9.]+)[^"]{0,40})"'
)
_CC = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/([0-9.]+))?", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_ARTICLES = (
    "Article", "BlogPosting", "Posting", "Report", "Recipe", "Book", "CreativeWork", "WebPage", "VideoObject",
    "Dataset",
)  # fmt: skip


def metadata(page: Page) -> dict[str, str]:
    """The columns that the page says something for."""
    said: dict[str, str] = {}
    for name, value in _statements(page):
        if (value := " ".join(value.split())) and name not in said:
            said[name] = value
    found = {}
    for column, names in SOURCES.items():
        values = (_normal(column, said[name]) for name in names if name in said)
        if usable := next((value for value in values if value), None):
            found[column] = usable
    return found


def _normal(column: str, value: str) -> str | None:
    """A value as the column has it, or None when it is none."""
    if column == "published":
        return day(value)
    if column == "page_language":
        return language(value)
    if column == "license":
        return license_of(value)
    if column == "author":
        value = _BY.sub("", value)
    if column == "author" and (value.startswith(("http://", "https://", "@", "www.")) or len(value) > MAX_CHARS):
        return None
    return value[:MAX_CHARS]


def day(value: str) -> str | None:
    """The first date in a text, as YYYY-MM-DD; year, month and day must stand in this order."""
    for year, month, number in _DAY.findall(value):
        try:
            return date(int(year), int(month), int(number)).isoformat()
        except ValueError:
            continue
    return None


def language(value: str) -> str | None:
    """A language tag: `en_us` is `en-US`."""
    found = _LANGUAGE.match(value)
    if not found:
        return None
    first, *rest = re.split("[-_]", found[0])
    parts = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest]
    return "-".join([first.lower(), *parts])


def license_of(value: str) -> str:
    """A licence by its SPDX name where the address is one of Creative Commons', else as it stands."""
    found = _CC.search(value)
    if not found:
        return value[:MAX_CHARS]
    family, name, version = found[1].lower(), found[2].upper(), found[3]
    name = {"ZERO": "CC0", "MARK": "CC-PDM"}.get(name, f"CC-{name}") if family == "publicdomain" else f"CC-{name}"
    return f"{name}-{version}" if version else name


def _statements(page: Page) -> Iterator[tuple[str, str]]:
    """Names, with their source as in SOURCES, and values, in the order of the page; JSON-LD first."""
    import numpy as np

    from datacurate.kernels.html_tags import TAG

    kinds, starts, ends, _ = page.all_events
    tags = {TAG[name]: name for name in ("html", "meta", "link", "title", "script", "time")}
    at = np.flatnonzero(np.isin(kinds, list(tags)))
    for event in at.tolist():
        name = tags[int(kinds[event])]
        raw = page.html[starts[event] : ends[event]].decode("utf-8", "replace")
        yield from _READERS[name](raw)
    yield from _licenses(page.html)


def _attributes(raw: str) -> dict[str, str]:
    return {name.lower(): html.unescape(value) for name, value in _ATTRIBUTE.findall(raw.partition(">")[0])}


def _html(raw: str) -> Iterator[tuple[str, str]]:
    about = _attributes(raw)
    yield "lang", about.get("lang") or about.get("xml:lang") or ""


def _meta(raw: str) -> Iterator[tuple[str, str]]:
    about = _attributes(raw)
    if content := about.get("content"):
        for key in ("name", "property", "http-equiv"):
            if key in about:
                yield about[key].lower(), content
        if "itemprop" in about:
            yield f"itemprop:{about['itemprop'].lower()}", content


def _link(raw: str) -> Iterator[tuple[str, str]]:
    about = _attributes(raw)
    if "license" in about.get("rel", "").lower().split():
        yield "rel:license", about.get("href", "")


def _title(raw: str) -> Iterator[tuple[str, str]]:
    yield "title", html.unescape(raw.partition(">")[2])


def _time(raw: str) -> Iterator[tuple[str, str]]:
    about = _attributes(raw)
    if moment := about.get("datetime"):
        yield ("itemprop:datepublished" if "datepublished" in about.get("itemprop", "").lower() else "time"), moment


def _script(raw: str) -> Iterator[tuple[str, str]]:
    """What JSON-LD says."""
    tag, _, text = raw.partition(">")
    if "ld+json" not in tag or len(text) > MAX_JSON:
        return
    try:
        data = json.loads(text.strip().removeprefix("<!--").removesuffix("-->"), strict=False)
    except (ValueError, RecursionError):
        return
    for thing in _things(data):
        for key in ("headline", "name", "datePublished", "dateCreated", "inLanguage", "license", "author"):
            if value := _name(thing.get(key)):
                yield f"ld:{key.lower()}", value


def _things(data: Any) -> Iterator[dict[str, Any]]:
    """The articles in JSON-LD: at the top, in lists and in `@graph`."""
    waiting = [data]
    for one in waiting:  # grows while it is walked
        if isinstance(one, list):
            waiting += one[:100]
        elif isinstance(one, dict):
            kinds = one.get("@type")
            if any(
                isinstance(kind, str) and kind.endswith(_ARTICLES)
                for kind in (kinds if isinstance(kinds, list) else [kinds])
            ):
                yield one
            waiting.append(one.get("@graph"))
        if len(waiting) > 1000:
            return


def _name(value: Any) -> str:
    """A text, the name of a person, or several joined."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _name(value.get("name") or value.get("url") or value.get("@id"))
    if isinstance(value, list):
        return ", ".join(name for name in map(_name, value[:20]) if name)
    return ""


def _licenses(page: bytes) -> Iterator[tuple[str, str]]:
    """Links to licences in the page."""
    at = page.find(b'rel="license')
    if at >= 0:
        start, end = page.rfind(b"<", 0, at), page.find(b">", at)
        about = _attributes(page[start:end].decode("utf-8", "replace"))
        yield "rel:license", about.get("href", "")
    if b"creativecommons.org/" in page and (found := _CREATIVE.search(page)):
        yield "cc", html.unescape(found[1].decode("utf-8", "replace"))


_READERS = {"html": _html, "meta": _meta, "link": _link, "title": _title, "time": _time, "script": _script}
