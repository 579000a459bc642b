"""Documents that say the same, character for character."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datacurate.core.phase import by, each
from datacurate.core.stage import one_array
from datacurate.stages.dedup import _index, _rows
from datacurate.stages.dedup._base import CHOICE, about, removed
from datacurate.stages.dedup._index import IndexedDedup, known

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

DIGEST = ("high", "low")


class Exact(IndexedDedup):
    """Keep one document of all that have the same text.

    Copies come first in any crawl and are cheap to find. Texts are compared after runs of white space became one
    space and none at the ends; what is compared is their 128-bit BLAKE2b digest. Documents without text are all
    kept: two empty documents say nothing alike, and a filter should drop them for being empty.
    Exact deduplication as in Lee et al. 2021 (arXiv:2107.06499), section 4, at the level of documents.
    """

    ignore_case: bool = False
    """Whether upper and lower case count as the same. Off: what differs in case is left to `minhash`."""

    version: ClassVar[int] = 3
    rule: ClassVar[str] = "exact_duplicate"

    @each(uses=("ignore_case",), over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digest and id of every document of another dataset that has text."""
        some, high, low = self._digests(docs)
        return _rows.table(
            slice=(_index.slice_of(high), "int32"),
            high=(high, "uint64"),
            low=(low, "uint64"),
            id=(docs["id"].take(some), "large_string"),
            dataset=(np.repeat(dataset, len(some)), "large_string"),
        )

    @each(uses=("ignore_case", *CHOICE))
    def digest(self, docs: pa.Table, rows: np.ndarray) -> pa.Table:
        """The digest of every document that has text, and what says which copy stays."""
        some, high, low = self._digests(docs)
        docs = docs.take(some)
        return _rows.table(
            slice=(_rows.slice_of(high), "int32"),
            high=(high, "uint64"),
            low=(low, "uint64"),
            row=(np.asarray(rows, dtype=np.uint64)[some], "uint64"),
            **self.standing(docs),
            **about(docs),
        )

    def _digests(self, docs: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the documents that have text, and the halves of their digests."""
        from datacurate.kernels import content

        digests, lengths = content.digests(one_array(docs["text"]), self.ignore_case)
        some = np.flatnonzero(lengths)
        return some, digests[some, 0], digests[some, 1]

    @by("slice", keys=_rows.slices, uses=CHOICE, shardwise=True, streams=("index",))
    def verdict(self, digest: pa.Table, index: Parts | None = None) -> pa.Table:
        """Every document whose text another one has that is more worth keeping, with that one."""
        import pyarrow as pa

        gone, survivors = known(digest, DIGEST, index)
        there = removed(digest, gone, survivors, np.ones(len(gone)))
        left = np.ones(digest.num_rows, bool)
        left[gone] = False
        return pa.concat_tables([there, self._copies(digest.filter(left))])

    def _copies(self, digest: pa.Table) -> pa.Table:
        digest = digest.filter(_rows.met(*(_rows.numpy(digest, name) for name in DIGEST)))
        digest = digest.take(self.order(digest))
        high, low = (_rows.numpy(digest, name) for name in DIGEST)
        order = np.lexsort((low, high))  # stable: the best of equal ones stays first
        again = np.zeros(len(order), dtype=bool)
        again[1:] = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
        first = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
        return removed(digest, order[again], order[first[again]], np.ones(again.sum()))

    def warm(self) -> None:
        """Compile the kernel."""
        import pyarrow as pa

        from datacurate.kernels import content

        content.digests(pa.array(["a"]), self.ignore_case)
