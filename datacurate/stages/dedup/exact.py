"""Documents that say the same, character for character."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from datacurate.core.stage import Outcome, Size, Stage, by, each, once, one_array
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

SLICES = 16
"""Tasks that the digests are spread over. One holds a sixteenth of them: 40 bytes and an id per document."""


def slices(stage: Stage, size: Size) -> list[tuple[int]]:
    """The keys of the slices."""
    return [(number,) for number in range(SLICES)]


class Exact(Stage):
    """Keep one document of all that have the same text.

    Copies come first in any crawl and are cheap to find. Texts are compared after runs of white space became one
    space and none at the ends; what is compared is their 128-bit BLAKE2b digest. Documents without text are all
    kept: two empty documents say nothing alike, and a filter should drop them for being empty.
    Exact deduplication as in Lee et al. 2021 (arXiv:2107.06499), section 4, at the level of documents.
    """

    ignore_case: bool = False
    """Whether upper and lower case count as the same. Off: what differs in case is left to `minhash`."""

    keep: Literal["first"] = "first"
    """Which copy survives: the first in the order of shards and rows."""

    @each(uses=("ignore_case",))
    def digest(self, docs: pa.Table, rows: np.ndarray) -> pa.Table:
        """The digest and id of every document that has text."""
        from datacurate.kernels import content

        digests, lengths = content.digests(one_array(docs["text"]), self.ignore_case)
        some = np.flatnonzero(lengths)
        high, low = digests[some, 0], digests[some, 1]
        return _rows.table(
            slice=(high % np.uint64(SLICES), "int32"),
            high=(high, "uint64"),
            low=(low, "uint64"),
            row=(np.asarray(rows, dtype=np.uint64)[some], "uint64"),
            id=(docs["id"].take(some), "large_string"),
        )

    @by("slice", keys=slices, uses=("keep",))
    def duplicates(self, digest: pa.Table) -> pa.Table:
        """Every document whose text an earlier one has, with the first that has it."""
        high, low, rows = (_rows.numpy(digest, name) for name in ("high", "low", "row"))
        order = np.lexsort((rows, low, high))
        high, low = high[order], low[order]
        again = np.zeros(len(order), dtype=bool)
        again[1:] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
        first = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
        return _rows.table(
            row=(rows[order[again]], "uint64"),
            survivor=(digest["id"].take(order[first[again]]), "large_string"),
            similarity=(np.ones(again.sum()), "float64"),
        )

    @once(uses=())
    def verdict(self, duplicates: pa.Table) -> pa.Table:
        """The removed documents in the order of their rows."""
        return _rows.by_row(duplicates)

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, verdict: pa.Table) -> Outcome:
        """The documents without the copies."""
        return _rows.without(docs, rows, verdict, "exact_duplicate")

    def warm(self) -> None:
        """Compile the kernel."""
        import pyarrow as pa

        from datacurate.kernels import content

        content.digests(pa.array(["a"]), self.ignore_case)
