"""Stages that merge documents of which one digest is the same: of the text, of the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datacurate.core.phase import Size, by, each
from datacurate.stages.dedup import _index, _rows
from datacurate.stages.dedup._base import CHOICE, about, prints, removed
from datacurate.stages.dedup._index import IndexedDedup, known

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

DIGEST = ("high", "low")


def slices(stage: DigestDedup, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that digests are spread over."""
    return [(number,) for number in range(_rows.spread(size))]


class DigestDedup(IndexedDedup):
    """Base of stages that compare one 128-bit digest of each document.

    A subclass says which (`digests`), and repeats `index` and `digest` with the fields that it depends on.
    """

    similarity: ClassVar[float] = 1.0
    """What the ledger says of a removed document and its survivor."""

    def digests(self, docs: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """`(digests, positions)`: uint64[n, 2] of the documents that are compared, and which these are."""
        raise NotImplementedError

    def standing(self, docs: pa.Table) -> dict[str, tuple]:
        """Also a hash of the text: two texts may have one id and one address, or differ in white space alone."""
        return super().standing(docs) | prints(docs)

    @each(over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digest and id of every document of another dataset that can be compared."""
        digests, some = self.digests(docs)
        high, low = np.ascontiguousarray(digests.T)
        return _rows.table(
            slice=(_index.slice_of(high), "int32"),
            high=(high, "uint64"),
            low=(low, "uint64"),
            id=(docs["id"].take(some), "large_string"),
            dataset=(np.repeat(dataset, len(some)), "large_string"),
        )

    @each
    def digest(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """The digest of every document that can be compared, and what says which copy stays."""
        digests, some = self.digests(docs)
        high, low = np.ascontiguousarray(digests.T)
        docs = docs if len(some) == docs.num_rows else docs.take(some)
        return _rows.table(
            slice=(high % np.uint64(_rows.spread(size)), "int32"),
            high=(high, "uint64"),
            low=(low, "uint64"),
            row=(np.asarray(rows, dtype=np.uint64)[some], "uint64"),
            **self.standing(docs),
            **about(docs),
        )

    @by("slice", keys=slices, uses=CHOICE, shardwise=True, streams=("index",))
    def verdict(self, digest: pa.Table, index: Parts | None = None) -> pa.Table:
        """Every document whose digest another one has that is more worth keeping, with that one."""
        import pyarrow as pa

        gone, survivors = known(digest, DIGEST, index)
        there = removed(digest, gone, survivors, np.full(len(gone), self.similarity))
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
        return removed(digest, order[again], order[first[again]], np.full(again.sum(), self.similarity))
