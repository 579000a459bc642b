"""Labels of blocks for `train_blocks.py`: what is known of each block of each page, and how much it counts.

- Pages with a whole article (article-extraction-benchmark, mozilla/readability), and documentation, whose content
  element is known by package: the share of the block's words that stand in runs of four which the article has.
- Pages with segments (trafilatura's evaluation): 1 and 0 where a segment hits, with much weight. Elsewhere, and for
  goose3's pages, which have the first sentence only, the mean of what trafilatura (three settings) and resiliparse
  extract, with half the weight.

A segment of text that is wanted may stand on the page more than once; the place that the extractors agree on is meant.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from datacurate.kernels.block_features import FEATURES, block_features
from datacurate.kernels.blocks import SIZE, Blocks, blocks_of
from datacurate.kernels.html import TEXT
from datacurate.kernels.html_tags import TAG
from datacurate.sources.warc import Warc
from datacurate.stages._blocks import Page, parsed
from datacurate.stages._charset import decoded

TOKEN = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]|\w+")
"""A word, or one character of Chinese, Japanese or Korean."""
EVERY = 5
"""Of docs_pages, whose pages are much alike, one in five is taken."""
CONTENT = {
    "debian-handbook": ("body", "div.banner, ul.docnav"),
    "libreoffice-help": ("#DisplayArea", ".howtoget, #DEBUG"),
    "python3.11-doc": ("div.body", "a.headerlink"),
    "debian-policy": ("div.body", "a.headerlink"),
    "installation-guide": ("body", "div.navheader, div.navfooter"),
    "postgresql": ("body", "div.navheader, div.navfooter"),
    "git-doc": ("body", "#footer"),
}
"""Where documentation has its content, by beginnings of package names, and what in it is not content."""


@dataclass
class Example:
    """A page with labels."""

    set: str
    site: str
    url: str
    html: str
    blocks: Blocks
    features: np.ndarray
    texts: list[str]
    wanted: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    article: str | None = None
    language: str = ""
    label: np.ndarray = field(default_factory=lambda: np.empty(0))
    weight: np.ndarray = field(default_factory=lambda: np.empty(0))


def tokens(text: str) -> list[str]:
    """Words of a text."""
    return TOKEN.findall(text)


def flat(text: str) -> str:
    """Text with white space collapsed."""
    return " ".join(text.split())


def block_texts(page: Page, blocks: Blocks) -> list[str]:
    """The text of each block."""
    kinds, starts, ends, _ = (part.tolist() for part in page.events)

    def part(event: int) -> bytes:
        return (
            page.html[starts[event] : ends[event]] if kinds[event] == TEXT else b" " * (abs(kinds[event]) == TAG["br"])
        )

    rows = blocks.rows[:, 1:3].tolist()
    joined = (b"".join(part(event) for event in range(*row)) for row in rows)
    return [flat(html.unescape(text.decode("utf-8", "replace"))) for text in joined]


def site(url: str) -> str:
    """The registered domain, roughly: hosts of one site must share a fold."""
    host = urlsplit(url).hostname or ""
    parts = host.split(".")
    second = len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in ("co", "com", "org", "net", "gov", "ac")
    return host if host.endswith(".example") else ".".join(parts[-3 if second else -2 :])


def read(folder: Path, name: str) -> list[tuple[dict[str, Any], str]]:
    """The pages of a set with their gold, as strings."""
    rows = map(json.loads, gzip.decompress((folder / f"{name}.gold.jsonl.gz").read_bytes()).splitlines())
    gold = {_id(row["record_id"]): row for row in rows if row.get("record_id") and row.get("kind", "page") == "page"}
    found = []
    for batch in Warc(path=str(folder / f"{name}.warc.gz")).read(folder / f"{name}.warc.gz", "pages"):
        for row in batch.docs.to_pylist():
            about = gold.pop(_id(row["id"]), None)
            if about is not None and row.get("html"):
                found.append((about, decoded(row["html"], row.get("charset"))))
    return found


def _id(text: str) -> str:
    return text.strip("<>").split(":")[-1]


def example(kind: str, where: str, url: str, page: str) -> Example:
    """A page without labels."""
    made = parsed(page)
    blocks, title = blocks_of(made.data, made.events)
    features = block_features(made.data, *made.events[:3], blocks, title)[:, : len(FEATURES)]
    return Example(kind, where, url, page, blocks, features, block_texts(made, blocks))


def covered(texts: list[str], gold: str, lines: set[str]) -> np.ndarray:
    """The share of each block's words that stand, on the page, in a run of four that `gold` has.

    Blocks of less than four words also count when `lines` has them.
    """
    words = tokens(gold)
    known = {tuple(words[at : at + 4]) for at in range(len(words) - 3)}
    parts = [tokens(text) for text in texts]
    stream = [word for part in parts for word in part]
    hit = np.zeros(len(stream) + 4, bool)
    for at in range(len(stream) - 3):
        if tuple(stream[at : at + 4]) in known:
            hit[at : at + 4] = True
    made, at = [], 0
    for text, part in zip(texts, parts, strict=True):
        share = float(hit[at : at + len(part)].mean()) if part else 0.0
        made.append(max(share, 0.8) if len(part) < 4 and text in lines else share)
        at += len(part)
    return np.array(made)


def examples(data: Path) -> list[Example]:
    """All pages with labels."""
    web = [_web(about, page) for about, page in read(data / "web_pages", "web_a")]
    docs = [docs_page(about, page) for about, page in read(data / "docs_pages", "docs_a")[::EVERY]]
    return [one for one in web + docs if len(one.texts)]


def _weights(page: Example) -> np.ndarray:
    """Long blocks weigh more, and long pages less than they are long."""
    return 0.3 + np.minimum(page.blocks.rows[:, SIZE], 600) / 300


def _balanced(weight: np.ndarray, scale: float) -> np.ndarray:
    return weight / np.sqrt(weight.sum()) * scale


def mended(text: str) -> str:
    """Text of UTF-8 that was read as Latin-1, as readability's gold has for pages in other languages than English."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def web_page(about: dict[str, Any], html_page: str) -> Example:
    """A page of web_pages with its gold, not yet labelled."""
    page = example(about["set"], site(about["url"]), about["url"], html_page)
    page.article, page.language = mended(about.get("article_text") or "") or None, about.get("lang_lid") or ""
    page.wanted = [flat(segment) for segment in about.get("with") or []]
    page.unwanted = [flat(segment) for segment in about.get("without") or []]
    return page


def _web(about: dict[str, Any], html_page: str) -> Example:
    """A page of web_pages with its labels."""
    page = web_page(about, html_page)
    weight = _weights(page)
    if page.article:
        made = mended(about.get("article_html") or "")
        lines = set(example("", "", "", made).texts) if made else {flat(line) for line in page.article.split("\n")}
        page.label = covered(page.texts, page.article, lines)
    else:
        page.label, agreed = weak(page)
        weight *= 0.5
        by_segments(page, weight, agreed)
    page.weight = _balanced(weight, 5.0)
    return page


def weak(page: Example) -> tuple[np.ndarray, np.ndarray]:
    """What four extractions make of each block, as a mean, and as a vote on places of segments."""
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    usual = {"include_comments": False}
    made = [
        trafilatura.extract(page.html, **usual) or "",
        trafilatura.extract(page.html, **usual, favor_precision=True) or "",
        trafilatura.extract(page.html, **usual, favor_recall=True) or "",
        extract_plain_text(page.html, main_content=True),
    ]
    shares = [covered(page.texts, text, {flat(line).lstrip("- ") for line in text.split("\n")}) for text in made]
    mean = (1.3 * shares[0] + 0.7 * shares[1] + 0.7 * shares[2] + 0.3 * shares[3]) / 3
    return mean, shares[0] + shares[2] + 0.5 * shares[3]


def by_segments(page: Example, weight: np.ndarray, agreed: np.ndarray) -> None:
    """Labels and weights of the blocks that segments hit."""
    joined = " ".join(page.texts)
    offsets = np.cumsum([0] + [len(text) + 1 for text in page.texts])

    def places(segment: str) -> list[slice]:
        found, at = [], joined.find(segment)
        while at >= 0 and len(found) < 50:
            last = int(np.searchsorted(offsets, at + len(segment) - 1, "right"))
            found.append(slice(int(np.searchsorted(offsets, at, "right")) - 1, last))
            at = joined.find(segment, at + 1)
        return found

    for segment in page.unwanted:
        for place in places(segment):
            page.label[place], weight[place] = 0, 8
    for segment in page.wanted:
        if found := places(segment):
            best = max(found, key=lambda at: (agreed[at].mean(), page.blocks.rows[at, SIZE].sum()))
            page.label[best], weight[best] = 1, 8


def docs_page(about: dict[str, Any], html_page: str) -> Example:
    """A page of docs_pages; its content is cut out by the rules of CONTENT."""
    from resiliparse.parse.html import HTMLTree

    name = next(name for name in CONTENT if about["package"].startswith(name))
    wanted, unwanted = CONTENT[name]
    tree = HTMLTree.parse(html_page)
    for node in list(tree.body.query_selector_all(f"{unwanted}, script, style")):
        node.decompose()
    content = tree.body if wanted == "body" else tree.body.query_selector(wanted)
    page = example("docs_pages", name, about["url"], html_page)
    texts = example("", "", "", content.html if content is not None else "").texts
    page.article, page.language = "\n".join(texts), about["lang_package"][:2]
    short = np.array([len(tokens(text)) < 4 for text in page.texts])
    share = covered(page.texts, page.article, set(texts))
    there = np.array([text in set(texts) for text in page.texts])
    page.label = np.where(short & ~there, np.minimum(share, 0.3), share)
    page.weight = _balanced(_weights(page), 2.0)
    _segments(page)
    return page


def _segments(page: Example) -> None:
    """Segments for documentation: up to three of its content and three of what is not, spread over the page."""
    inside = [t for t, y in zip(page.texts, page.label, strict=True) if y > 0.9 and len(t) >= 15]
    outside = [
        t
        for t, y in zip(page.texts, page.label, strict=True)
        if y < 0.3 and len(t) >= 8 and t not in (page.article or "")
    ]
    page.wanted = [text[:80] for text in inside[:: max(len(inside) // 3, 1)][:3]]
    page.unwanted = [text[:80] for text in outside[:: max(len(outside) // 3, 1)][:3]]
