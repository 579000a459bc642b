"""What `extract` does with one page, by engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from datacurate.stages._charset import decoded

MAX_DEPTH = 4000
"""Deepest nesting that resiliparse's extraction gets. It takes time quadratic in it: 0.35 s here, 7.7 s at 16,000
elements, 20 minutes at 200,000; browsers stop at 512. Its parser takes linear time, so `blocks` needs no limit."""

Found = tuple[str, dict[str, str] | None]
"""The text, and what the page says of itself, if that was asked for."""


class Options(NamedTuple):
    """The options of `Extract` that a page's text depends on."""

    engine: str
    format: str
    comments: bool
    links: bool
    alt_texts: bool
    metadata: bool


def extractor(options: Options | tuple) -> Callable[..., Found]:
    """A function from bytes, charset and content type to the text and the metadata."""
    options = Options(*options)
    text_of = {"resiliparse": _resiliparse, "trafilatura": _trafilatura, "blocks": _blocks}[options.engine](options)

    def extract(html: bytes, charset: str | None = None, content_type: str | None = None) -> Found:
        page = decoded(html, charset)
        if content_type == "text/plain":
            return valid(page), {} if options.metadata else None
        text, about = text_of(page)
        return valid(text), about

    return extract


def _about(page: str, options: Options) -> dict[str, str] | None:
    """Metadata for engines that do not parse the page our way."""
    if not options.metadata:
        return None
    from datacurate.stages._blocks import parsed
    from datacurate.stages._metadata import metadata

    return metadata(parsed(page))


def _resiliparse(options: Options) -> Callable[[str], Found]:
    from resiliparse.extract.html2text import extract_plain_text

    chosen: dict[str, Any] = {"alt_texts": options.alt_texts, "links": options.links, "comments": options.comments}

    def text_of(page: str) -> Found:
        check_depth(page)
        return extract_plain_text(page, main_content=True, **chosen), _about(page, options)

    return text_of


def _trafilatura(options: Options) -> Callable[[str], Found]:
    import trafilatura

    chosen: dict[str, Any] = {"include_links": options.links, "include_comments": options.comments}
    chosen["output_format"] = "markdown" if options.format == "markdown" else "txt"
    return lambda page: (trafilatura.extract(page, **chosen) or "", _about(page, options))


def _blocks(options: Options) -> Callable[[str], Found]:
    from datacurate.kernels.html_text import ALT_TEXTS, LINKS, MARKDOWN_FORMAT
    from datacurate.stages._blocks import extract, parsed, warm
    from datacurate.stages._metadata import metadata

    bits = MARKDOWN_FORMAT * (options.format == "markdown") | LINKS * options.links | ALT_TEXTS * options.alt_texts
    warm()

    def text_of(page: str) -> Found:
        made = parsed(page)
        return extract(made, bits, options.comments), metadata(made) if options.metadata else None

    return text_of


def check_depth(page: str) -> None:
    """Raise ValueError for pages whose elements are nested too deep; only pages with as many tags are looked at."""
    if page.count("<") - page.count("</") <= MAX_DEPTH:
        return
    from resiliparse.parse.html import HTMLTree, traverse_dom

    depths = [0]
    body = HTMLTree.parse(page).body
    if body is not None:
        traverse_dom(body, lambda at: depths.append(at.depth), elements_only=True)
    if max(depths) > MAX_DEPTH:
        raise ValueError(f"elements are nested {max(depths):,} deep; at most {MAX_DEPTH:,} are extracted")


def valid(text: Any) -> str:
    """The text with every lone surrogate (they cannot be stored) replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
