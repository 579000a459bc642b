"""Documents that share most of their word runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datacurate.core.phase import Size, by, each, once
from datacurate.core.stage import one_array
from datacurate.core.types import Count, Fraction, Positive
from datacurate.stages.dedup import _rows
from datacurate.stages.dedup._base import CHOICE, DocumentDedup, about, removed

if TYPE_CHECKING:
    import pyarrow as pa

SIGNATURE = ("ngram", "bands", "rows", "seed")
"""The fields that signatures depend on: another `verify` or `keep` does not sketch again."""


def band_numbers(stage: Minhash, size: Size) -> list[tuple[int]]:
    """One key per band."""
    return [(band,) for band in range(stage.bands)]


class Minhash(DocumentDedup):
    """Keep one document of all that are near-duplicates of it.

    Banded signatures only say which documents to compare. A document is removed when its true similarity (Jaccard,
    of the sets of runs of `ngram` words) with one that is kept is at least `verify`: chains of similar documents
    and accidental buckets remove nothing. Documents of fewer than `ngram` words are all kept. The signatures of
    one band are held by one task (16 bytes per document); splitting bands is left for inputs of more than some
    billion documents.
    Broder 1997; 14 x 8 bands over word 5-grams as in FineWeb (Penedo et al. 2024, arXiv:2406.17557).
    """

    ngram: Positive = 5
    """Words per shingle. FineWeb and data-prep-kit use 5."""

    bands: Positive = 14
    """Groups of minima; two documents are compared when they agree in one. FineWeb uses 14."""

    rows: Positive = 8
    """Minima per band. With 14 x 8, 92 % of pairs of similarity 0.8 are compared. FineWeb uses 8."""

    seed: Count = 1
    """Draws the permutations."""

    verify: Fraction | None = 0.7
    """Least similarity with the survivor that a removal needs; null trusts the bands. 14 x 8 bands are as likely
    as not to bring together a pair of similarity 0.7."""

    version: ClassVar[int] = 2
    rule: ClassVar[str] = "near_duplicate"

    @each(uses=SIGNATURE)
    def sketch(self, docs: pa.Table, rows: np.ndarray) -> pa.Table:
        """The hash of every band of every document, band by band."""
        from datacurate.kernels import minhash

        hashes, counts = minhash.sketch(one_array(docs["text"]), self.ngram, self.bands, self.rows, self.seed)
        some = np.flatnonzero(counts)
        return _rows.table(
            band=(np.repeat(np.arange(self.bands), len(some)), "int32"),
            hash=(hashes[some].T.reshape(-1), "uint64"),
            row=(np.tile(np.asarray(rows, dtype=np.uint64)[some], self.bands), "uint64"),
        )

    @by("band", keys=band_numbers, uses=())
    def buckets(self, sketch: pa.Table) -> pa.Table:
        """The rows of every hash that at least two documents have."""
        hashes, rows = _rows.numpy(sketch, "hash"), _rows.numpy(sketch, "row")
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        again = hashes[1:] == hashes[:-1]
        met = np.append(again, False) | np.append(False, again) if len(order) else np.zeros(0, bool)
        return _rows.table(bucket=(hashes[met], "uint64"), row=(rows[order[met]], "uint64"))

    @once(uses=())
    def groups(self, buckets: pa.Table) -> pa.Table:
        """The rows that buckets link, directly or through others: what must be compared in one place."""
        from datacurate.kernels import minhash

        rows, groups = minhash.groups(_rows.numpy(buckets, "bucket"), _rows.numpy(buckets, "row"))
        return _rows.table(row=(rows, "uint64"), group=(groups, "uint64"))

    @each(uses=(*SIGNATURE, *CHOICE))
    def shingles(self, docs: pa.Table, rows: np.ndarray, groups: pa.Table) -> pa.Table:
        """Of the documents that met another one: their buckets and their sets of shingles."""
        from datacurate.kernels import minhash, shingles

        index, named = _rows.found(rows, groups)
        docs = docs.take(index)
        text = one_array(docs["text"])
        hashes, _ = minhash.sketch(text, self.ngram, self.bands, self.rows, self.seed)
        values, offsets = shingles.shingle_sets(text, self.ngram)
        group = _rows.numpy(named, "group")
        bounds = np.arange(len(index) + 1) * self.bands
        return _rows.table(
            slice=(_rows.slice_of(group), "int32"),
            row=(_rows.numpy(named, "row"), "uint64"),
            **self.standing(docs),
            **about(docs),
            bucket=(_rows.as_lists(hashes.reshape(-1), bounds), "hashes"),
            hashes=(_rows.as_lists(values, offsets), "hashes"),
        )

    @by("slice", keys=_rows.slices, uses=("bands", "verify", *CHOICE), shardwise=True)
    def verdict(self, shingles: pa.Table) -> pa.Table:
        """The documents that are near-duplicates of a survivor, with that survivor and their similarity."""
        from datacurate.kernels import minhash

        buckets = _rows.lists(shingles, "bucket")[0].reshape(-1, self.bands)
        hashes, offsets = _rows.lists(shingles, "hashes")
        survivors, similarities = minhash.stars(self.order(shingles), buckets, hashes, offsets, self.verify or 0.0)
        gone = np.flatnonzero(survivors >= 0)
        return removed(shingles, gone, survivors[gone], similarities[gone])

    def warm(self) -> None:
        """Compile the kernels."""
        import pyarrow as pa

        from datacurate.kernels import minhash, shingles

        text = pa.array(["a", "a"])
        hashes, _ = minhash.sketch(text, 1, self.bands, self.rows, self.seed)
        minhash.groups(hashes[:, 0], np.arange(2, dtype=np.uint64))
        values, offsets = shingles.shingle_sets(text, 1)
        minhash.stars(np.arange(2), hashes, values, offsets, 0.0)
