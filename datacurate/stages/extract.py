"""Text out of HTML."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from datacurate.core.errors import CurateError
from datacurate.core.phase import each
from datacurate.core.stage import Outcome, Removed, Stage, one_array, with_columns
from datacurate.core.types import Positive
from datacurate.stages._metadata import COLUMNS
from datacurate.stages._sandbox import Failure, Job, sandbox

FACTORY = "datacurate.stages._engines:extractor"
"""Makes the function of a page; the sandbox imports it by this name."""


class Extract(Stage):
    """The main text of every page that has HTML; documents that came as text pass unchanged.

    Navigation, headers and footers are left out. The encoding is the one of the byte order mark; UTF-8 where the bytes
    are UTF-8; else, of what the HTTP header and the page declare and what the bytes look like, the one that makes the
    likeliest text. What remains undecodable becomes U+FFFD. Pages without text are dropped. Pages that take a library
    too long, or that it dies of, are quarantined: pages are read in a process of their own.

    `blocks` is our own: it classifies the blocks of the page that resiliparse parsed. Resiliparse (Bevendorff et al.
    2018, 2023) goes by rules, trafilatura (Barbaresi 2021) too; it keeps less boilerplate and is slower.
    """

    version = 4
    needs = ()
    rewrites = True
    costly = True

    engine: Literal["blocks", "resiliparse", "trafilatura"] = "blocks"
    """What extracts: `blocks` keeps paragraphs, lists, tables, code and formulas."""
    format: Literal["text", "markdown"] = "text"
    """Plain text, or Markdown (blocks, trafilatura)."""
    comments: bool = False
    """Keep what readers wrote below."""
    alt_texts: bool = False
    """Keep the alternative texts of images (blocks, resiliparse)."""
    links: bool = False
    """Keep the targets of links."""
    metadata: bool = False
    """Make the columns `title`, `author`, `published`, `page_language` and `license` of what the page says."""
    min_chars: Positive = 1
    """Fewest characters, white space at the ends not counted, that are a text."""
    page_seconds: float = Field(20.0, gt=0)
    """CPU seconds that one page may take; then it is quarantined as `timeout`."""
    page_megabytes: Positive = 2048
    """Memory that pages may take beyond what the process has; then the page is quarantined as `memory`."""

    def files(self) -> list[str]:
        """The classifiers of `blocks`."""
        from datacurate.stages._blocks import MODEL

        return [str(MODEL)] if self.engine == "blocks" else []

    def made(self, columns: Any = ()) -> dict[str, Any]:
        """The columns of what the page says, if they are asked for."""
        return dict.fromkeys(COLUMNS, pa.string()) if self.metadata else {}

    def warm(self) -> None:
        """Start the process that reads pages, so that a missing library is noticed before anything runs."""
        if self.engine == "trafilatura":
            _need_trafilatura()
        if self.format == "markdown" and self.engine == "resiliparse":
            raise CurateError(
                "extract: engine 'resiliparse' writes plain text only: say engine: blocks, or format: text"
            )
        if self.alt_texts and self.engine == "trafilatura":
            raise CurateError(
                "extract: engine 'trafilatura' does not write the alternative texts of images: say engine: blocks, or "
                "leave alt_texts out"
            )
        sandbox().results(self._job(), [(b"", None, None)])

    @each
    def extracted(self, docs: pa.Table) -> pa.Table | Outcome:
        """The documents with text, without the columns `html`, `charset` and `content_type`."""
        if "html" not in docs.column_names:
            return docs if not self.metadata else with_columns(docs, self._columns(docs, {}))
        names = [name for name in ("html", "charset", "content_type") if name in docs.column_names]
        columns = {name: docs[name].to_pylist() for name in names}
        nothing = [None] * docs.num_rows
        at = [row for row, html in enumerate(columns["html"]) if html is not None]
        rows = zip(*(columns.get(name, nothing) for name in ("html", "charset", "content_type")), strict=True)
        results = sandbox().results(self._job(), [page for page in rows if page[0] is not None])
        texts = docs["text"].to_pylist() if "text" in docs.column_names else nothing[:]
        failures: dict[int, Failure] = {}
        about: dict[int, dict[str, str]] = {}
        for row, result in zip(at, results, strict=True):
            if isinstance(result, Failure):
                failures[row], texts[row] = result, None
            else:
                texts[row], about[row] = result[0], result[1] or {}
        made = with_columns(docs, {"text": pa.array(texts, pa.string()), **dict.fromkeys(names)})
        made = with_columns(made, self._columns(docs, about)) if self.metadata else made
        return self._without_empty(made, one_array(docs["html"]), texts, failures)

    def _columns(self, docs: pa.Table, about: dict[int, dict[str, str]]) -> dict[str, pa.Array]:
        """The columns of `metadata`; what is there already stays where the page says nothing."""
        made = {}
        for name in COLUMNS:
            old = docs[name].to_pylist() if name in docs.column_names else [None] * docs.num_rows
            values = [about.get(row, {}).get(name, was) for row, was in enumerate(old)]
            made[name] = pa.array(values, pa.string())
        return made

    def _without_empty(self, made: pa.Table, html: pa.Array, texts: list, failures: dict[int, Failure]) -> Outcome:
        """The rows that have text; the others with their reason. Rows that had no HTML are never touched."""
        short = [len((text or "").strip()) < self.min_chars for text in texts]
        page = html.is_valid().to_numpy(zero_copy_only=False)
        bad = np.array(sorted(failures), dtype=np.int64)
        empty = np.flatnonzero(page & np.array(short, dtype=bool))
        empty = empty[~np.isin(empty, bad)]
        keep = np.ones(len(texts), dtype=bool)
        keep[bad] = keep[empty] = False
        removed = [Removed(empty, "dropped", "no_text")] if len(empty) else []
        for rule in sorted({failure.rule for failure in failures.values()}):
            own = [row for row in sorted(failures) if failures[row].rule == rule]
            removed.append(_quarantined(rule, own, [failures[row] for row in own]))
        return Outcome(made.filter(pa.array(keep)), removed)

    def _job(self) -> Job:
        """What the sandbox does."""
        options = (self.engine, self.format, self.comments, self.links, self.alt_texts, self.metadata)
        return Job(FACTORY, options, self.page_seconds, self.page_megabytes)


def _quarantined(rule: str, rows: list[int], failures: list[Failure]) -> Removed:
    """Pages that failed for one reason."""
    figures = [
        [np.nan if figure is None else figure for figure in pair] for pair in ((f.value, f.bound) for f in failures)
    ]
    value, bound = np.array(figures, dtype=np.float64).T
    known = rule != "extraction"
    return Removed(
        np.array(rows, dtype=np.int64),
        "quarantined",
        rule,
        value=value if known else None,
        bound=bound if known else None,
        error=[failure.error for failure in failures],
    )


def _need_trafilatura() -> None:
    """Raise CurateError when trafilatura cannot be imported."""
    try:
        import trafilatura  # noqa: F401
    except ImportError as error:
        raise CurateError(
            f"extract: engine 'trafilatura' needs a library that cannot be imported ({error}): "
            "pip install datacurate[trafilatura]"
        ) from None
