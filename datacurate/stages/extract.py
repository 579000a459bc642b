"""Text out of HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from datacurate.core.errors import CurateError
from datacurate.core.phase import each
from datacurate.core.stage import Outcome, Removed, Stage, one_array, with_columns
from datacurate.core.types import Positive
from datacurate.stages._charset import decoded

MAX_DEPTH = 4000
"""Deepest nesting that is extracted. Resiliparse takes time quadratic in it: 0.35 s here, 7.7 s at 16,000 elements,
20 minutes at 200,000; browsers stop at 512."""


class Extract(Stage):
    """The main text of every page that has HTML; documents that came as text pass unchanged.

    Navigation, headers and footers are left out. The encoding is the one of the byte order mark, the HTTP header,
    the page's own declaration or what the bytes look like, in this order; where it does not fit, UTF-8 and
    Windows-1252 are tried, and what remains undecodable becomes U+FFFD. Pages without text are dropped.

    Resiliparse (Bevendorff et al. 2018, 2023); trafilatura (Barbaresi 2021) keeps less boilerplate and is slower.
    """

    needs = ()
    rewrites = True
    costly = True

    method: Literal["resiliparse", "trafilatura"] = "resiliparse"
    """The library that extracts."""
    alt_texts: bool = False
    """Keep the alternative texts of images (resiliparse)."""
    links: bool = False
    """Keep the targets of links."""
    min_chars: Positive = 1
    """Fewest characters, white space at the ends not counted, that are a text."""

    def warm(self) -> None:
        """Import the library, so that a missing one is noticed before anything runs."""
        self._extractor()

    @each
    def extracted(self, docs: pa.Table) -> pa.Table | Outcome:
        """The documents with text, without the columns `html`, `charset` and `content_type`."""
        if "html" not in docs.column_names:
            return docs
        extract = self._extractor()
        names = [name for name in ("html", "charset", "content_type") if name in docs.column_names]
        pages = zip(*(docs[name].to_pylist() for name in names), strict=True)
        texts = docs["text"].to_pylist() if "text" in docs.column_names else [None] * docs.num_rows
        errors: dict[int, str] = {}
        for at, (html, *about) in enumerate(pages):
            if html is None:
                continue
            try:
                texts[at] = _valid(extract(html, *about))
            except Exception as error:  # whatever a library does on garbage must not stop the shard
                errors[at], texts[at] = f"{type(error).__name__}: {error}"[:500], None
        made = with_columns(docs, {"text": pa.array(texts, pa.string()), **dict.fromkeys(names)})
        return self._without_empty(made, one_array(docs["html"]), texts, errors)

    def _without_empty(self, made: pa.Table, html: pa.Array, texts: list, errors: dict[int, str]) -> Outcome:
        """The rows that have text; the others with their reason. Rows that had no HTML are never touched."""
        short = [len((text or "").strip()) < self.min_chars for text in texts]
        page = html.is_valid().to_numpy(zero_copy_only=False)
        bad = np.array(sorted(errors), dtype=np.int64)
        empty = np.flatnonzero(page & np.array(short, dtype=bool))
        empty = empty[~np.isin(empty, bad)]
        keep = np.ones(len(texts), dtype=bool)
        keep[bad] = keep[empty] = False
        removed = []
        if len(empty):
            removed.append(Removed(empty, "dropped", "no_text"))
        if len(bad):
            removed.append(Removed(bad, "quarantined", "extraction", error=[errors[at] for at in bad]))
        return Outcome(made.filter(pa.array(keep)), removed)

    def _extractor(self) -> Callable[..., str]:
        """A function from bytes, charset and content type to text."""
        text_of = self._trafilatura() if self.method == "trafilatura" else self._resiliparse()

        def extract(html: bytes, charset: str | None = None, content_type: str | None = None) -> str:
            page = decoded(html, charset)
            return page if content_type == "text/plain" else text_of(page)

        return extract

    def _resiliparse(self) -> Callable[[str], str]:
        from resiliparse.extract.html2text import extract_plain_text

        options = {"main_content": True, "alt_texts": self.alt_texts, "links": self.links}

        def text_of(page: str) -> str:
            _check_depth(page)
            return extract_plain_text(page, **options)  # type: ignore[arg-type]

        return text_of

    def _trafilatura(self) -> Callable[[str], str]:
        try:
            import trafilatura
        except ImportError as error:
            raise CurateError(
                f"extract: method 'trafilatura' needs a library that cannot be imported ({error}): "
                "pip install datacurate[trafilatura]"
            ) from None
        return lambda page: trafilatura.extract(page, include_links=self.links) or ""


def _check_depth(page: str) -> None:
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


def _valid(text: Any) -> str:
    """The text with every lone surrogate (they cannot be stored) replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
