"""Stops a run in which a source loses more of its text than it may: for stages that cut parts out of documents.

What a source lost stands in the books that the stage's ledgers keep anyway, so that it is exact, includes documents
that were dropped because too little was left of them, and is the same however documents are spread. Beside them every
batch leaves the largest parts that go of it (`largest`), for the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datacurate.core.errors import GuardError
from datacurate.core.stage import Stage, one_array
from datacurate.core.types import Fraction
from datacurate.stages.dedup import _rows
from datacurate.stages.dedup._guard import SHOWN, SMALL

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

KEPT = 20
"""Parts that a batch leaves for each source. What is large in a source is so in most of its batches."""
LOOKED_AT = 8_192
"""Parts of a batch that are looked at, about: those of every so many documents."""
REMEMBERED = 100_000
"""Different parts that are counted for the message; with more the smaller half is forgotten."""
EXCERPT = 80
"""Characters of a part that are kept as a sample of it."""


class TextDedup(Stage):
    """Base of stages that take parts out of documents: says when a source has lost too much.

    A subclass has a phase `samples`, an `@each` beside its last one, which returns what `largest` makes.
    """

    unkeyed: ClassVar[tuple[str, ...]] = ("max_loss",)

    max_loss: Fraction | None = 0.95
    """Largest share of the bytes of its text that a source may lose, by what is cut out and with documents that are
    dropped; more stops the run before anything is published, and names the largest parts. Menus and notices can be
    most of what a crawl holds; it is when hardly anything else is left that something is wrong. Sources of fewer than
    100 documents may lose any share. `null`: no limit."""

    def refuse(self, books: dict[str, dict[str, Any]], tables: Callable[[str], Parts]) -> None:
        """GuardError when the books say that a source lost more than `max_loss` of its text."""
        most = self.max_loss
        if most is None:
            return
        came = {name: own["in"] for name, own in books.items() if own["in"]["documents"] >= SMALL}
        lost = {name: amounts["bytes"] - books[name]["out"]["bytes"] for name, amounts in came.items()}
        over = {name: (lost[name], amounts["bytes"]) for name, amounts in came.items()}
        over = {name: (gone, whole) for name, (gone, whole) in over.items() if gone > most * whole}
        if over:
            dropped = {name: came[name]["documents"] - books[name]["out"]["documents"] for name in over}
            raise GuardError(_alarm(self.name(), most, over, dropped, tables("samples")))


def largest(docs: pa.Table, at: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> pa.Table:
    """The parts of a batch that take most bytes of what goes, by source: how they begin, documents, bytes.

    `starts[at[i]:at[i + 1]]` and `ends` are what goes of document `i`, in bytes from its first.
    """
    import pyarrow.compute as pc

    from datacurate.kernels import parts_lost
    from datacurate.kernels.arrow import bytes_and_offsets

    data, offsets = bytes_and_offsets(one_array(docs["text"]))
    sources = one_array(pc.dictionary_encode(one_array(docs["source"]).fill_null("")))
    codes = sources.indices.to_numpy().astype(np.int64)
    found = parts_lost.together(data, offsets, codes, at, starts, ends, max(1, len(starts) // LOOKED_AT))
    best = _most(codes[found.documents], found.bytes)
    documents = found.documents[best]
    begins, ends = offsets[documents] + found.starts[best], offsets[documents] + found.ends[best]
    return _rows.table(
        source=(sources.dictionary.take(codes[documents]), "large_string"),
        part=(found.hashes[best], "uint64"),
        documents=(found.counts[best], "int64"),
        bytes=(found.bytes[best], "int64"),
        excerpt=([_begin(data[a:b]) for a, b in zip(begins, ends, strict=True)], "large_string"),
    )


def _most(groups: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The KEPT largest of every group."""
    order = np.lexsort((-sizes, groups))
    first = np.searchsorted(groups[order], groups[order])
    return order[np.arange(len(order)) - first < KEPT]


def _begin(part: np.ndarray) -> str:
    return part[: 4 * EXCERPT].tobytes().decode("utf-8", "replace")[:EXCERPT]


def _alarm(
    stage: str, most: float, over: dict[str, tuple[int, int]], dropped: dict[str, int], samples: Iterable[pa.Table]
) -> str:
    said = [f"{stage} would take more of a source's text than max_loss: {most:g} allows:"]
    for name, (gone, whole) in over.items():
        drops = f", with {dropped[name]:,} documents that are dropped" if dropped[name] else ""
        said.append(f"  {name}: {gone:,} of {whole:,} bytes ({gone / whole:.1%}){drops}")
    said.append("Largest parts among what goes there:")
    said += [
        f"  {text!r}: in at least {documents:,} documents of {source}, {size:,} bytes in all"
        for source, text, documents, size in _largest(samples, over)
    ]
    said.append(
        "If that is right, raise max_loss (null: no limit); if not, compare more strictly or leave the source out. "
        "What was computed is kept, so that another max_loss takes no time."
    )
    return "\n".join(said)


def _largest(samples: Iterable[pa.Table], sources: Iterable[str]) -> list[tuple[str, str, int, int]]:
    """The parts of some sources that take most bytes: source, how it begins, documents that lose it, bytes."""
    documents: Counter[tuple[str, int]] = Counter()
    sizes: Counter[tuple[str, int]] = Counter()
    texts: dict[tuple[str, int], str] = {}
    wanted = set(sources)
    for piece in samples:
        for row in piece.to_pylist():
            if row["source"] in wanted:
                which = (row["source"], row["part"])
                documents[which] += row["documents"]
                sizes[which] += row["bytes"]
                texts.setdefault(which, row["excerpt"])
        if len(sizes) > REMEMBERED:
            for which in sorted(sizes, key=lambda one: (-sizes[one], one))[REMEMBERED // 2 :]:
                del sizes[which], documents[which], texts[which]
    best = sorted(sizes, key=lambda which: (-sizes[which], which))[:SHOWN]
    return [(which[0], " ".join(texts[which].split()), documents[which], sizes[which]) for which in best]
