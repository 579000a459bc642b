"""Documents that share most of their word runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from datacurate.core.phase import Size, by, each, once
from datacurate.core.stage import one_array
from datacurate.core.types import Count, Fraction, Positive
from datacurate.stages.dedup import _groups, _index, _neighbours, _rows
from datacurate.stages.dedup._base import CHOICE, EXCERPT, about, removed

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

SHINGLES = ("shingle", "ngram")
SIGNATURE = ("bands", "rows", "seed")
"""The fields that signatures depend on, with SHINGLES: another `verify` or `keep` does not sketch again."""
MOST_MINIMA = 1 << 16
"""`bands` times `rows` at most: each costs a multiplication for every shingle. RefinedWeb uses 9,000
(arXiv:2306.01116)."""
USUAL_BANDS = 14
"""With so many, the band hashes of a document take what `_rows.spread` reckons with."""


def bucket_slices(stage: Minhash, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that hashes of bands are spread over."""
    return [(number,) for number in range(_rows.spread(size, stage.bands / USUAL_BANDS))]


def group_slices(stage: Minhash, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that groups of documents are spread over."""
    return [(number,) for number in range(_rows.spread(size))]


def known_slices(stage: Minhash, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that documents of other datasets are spread over."""
    return [(number,) for number in range(_neighbours.tasks(size))]


class Minhash(_index.IndexedDedup):
    """Keep one document of all that are near-duplicates of it.

    Banded signatures only say which documents to compare. A document is removed when its true similarity (of the sets
    of runs of `ngram` words) with one that is kept is at least `verify`: chains of similar documents and accidental
    buckets remove nothing. Documents of fewer than `ngram` words are all kept.
    Broder 1997; 14 x 8 bands over word 5-grams as in FineWeb (Penedo et al. 2024, arXiv:2406.17557).

    A preset has the shingles and bands of a project, so that the same pairs are proposed, by other hash functions.
    These projects trust the bands and remove all but one document of each chain; here its `verify` is the similarity
    that the project says it looks for. `verify: null` trusts the bands.

    Documents whose sets are equal always find each other. Beyond that, crowds of documents that agree in a band but
    are not similar enough are not compared in full: one is compared with the last 256 that stay, of each band, in the
    order of `keep`; and of other datasets with 32 sets, those that agree in most bands, of the 256 that each band
    proposes at most. In such a crowd, a similar document may stay.
    """

    version: ClassVar[int] = 6
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "datacurate": {},
        "fineweb": {"shingle": "folded", "verify": 0.75},
        "datatrove": {"shingle": "folded", "verify": 0.75},
        "nemo": {"shingle": "characters", "ngram": 24, "bands": 20, "rows": 13, "verify": 0.8},
        "dpk": {"shingle": "folded", "verify": 0.75},
        "bigcode": {"shingle": "identifiers", "bands": 25, "rows": 10, "verify": 0.7},
        "refinedweb": {"shingle": "folded", "bands": 450, "rows": 20, "verify": 0.8},
    }

    preset: str = "datacurate"
    """Whose shingles, bands and similarity: `datacurate`, ours; `fineweb`, `datatrove` (0.10) and `dpk`
    (data-prep-kit), which are the same; `nemo` (NeMo Curator); `bigcode` (The Stack: 256 permutations and 0.7, as in
    huggingface/blog, dedup.md; the best split for 0.7 uses 250); `refinedweb` (9,000 minima of runs of five,
    arXiv:2306.01116, section 3.3, which says 20 buckets of 450; FineWeb, arXiv:2406.17557, appendix E.1, reads 450 of
    20, and only that finds pairs of 0.8. Of words, where the paper has tokens of GPT-2)."""

    shingle: Literal["words", "folded", "identifiers", "characters"] = "words"
    """What a shingle is a run of. `words`: letters and digits, in lower case; one character each in scripts without
    spaces. `folded`: datatrove's words: lower case, numbers as 0, punctuation as spaces, without accents.
    `identifiers`: what is between characters other than A-Z, a-z, 0-9 and `_`; for source code. `characters`."""

    ngram: Annotated[int, Field(ge=1, le=1000)] = 5
    """Words, or what `shingle` says, per shingle. FineWeb and data-prep-kit use 5."""

    bands: Positive = 14
    """Groups of minima; two documents are compared when they agree in one. FineWeb uses 14."""

    rows: Positive = 8
    """Minima per band. With 14 x 8, 92 % of pairs of similarity 0.8 are compared. FineWeb uses 8."""

    seed: Count = 1
    """Draws the permutations."""

    verify: Fraction | None = 0.7
    """Least similarity with the survivor that a removal needs; null trusts the bands. 14 x 8 bands are as likely
    as not to bring together a pair of similarity 0.7."""

    verify_by: Literal["jaccard", "containment"] = "jaccard"
    """What similarity is. `jaccard`: the shingles that both have, as a share of those that one of them has.
    `containment`: as a share of those of the document that goes, so that the survivor holds what it said; as marin
    checks of 3-grams, with a share of 1. Bands propose by Jaccard, and seldom a page with an excerpt of it."""

    rule: ClassVar[str] = "near_duplicate"

    @model_validator(mode="after")
    def _not_too_many_minima(self) -> Minhash:
        if self.bands * self.rows > MOST_MINIMA:
            raise ValueError(
                f"bands: {self.bands:,} bands of {self.rows:,} rows are {self.bands * self.rows:,} minima for each"
                f" document; take at most {MOST_MINIMA:,} (the usual are 14 bands of 8, RefinedWeb has 450 of 20)"
            )
        return self

    @each(uses=(*SHINGLES, *SIGNATURE), over="against")
    def index_bands(self, docs: pa.Table) -> pa.Table:
        """The hash of every band of every document of another dataset."""
        from datacurate.kernels import minhash

        values, offsets = self._sets(docs)
        some = np.flatnonzero(np.diff(offsets))
        hashes = minhash.sketch_sets(values, offsets, some, self.bands, self.rows, self.seed)
        return _neighbours.bands(hashes, minhash.prints(values, offsets, some))

    @each(uses=SHINGLES, over="against")
    def index_sets(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The set of shingles of every document of another dataset."""
        return _neighbours.sets(docs, dataset, *self._sets(docs))

    @each(uses=(*SHINGLES, *SIGNATURE))
    def sketch(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """The hash of every band of every document."""
        some, hashes = self._bands(docs)
        hashes = hashes.reshape(-1)
        return _rows.table(
            slice=(hashes % np.uint64(_rows.spread(size, self.bands / USUAL_BANDS)), "int32"),
            hash=(hashes, "uint64"),
            row=(np.repeat(np.asarray(rows, dtype=np.uint64)[some], self.bands), "uint64"),
        )

    def _bands(self, docs: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the documents that have shingles, and the hashes of their bands."""
        from datacurate.kernels import minhash

        text = one_array(docs["text"])
        hashes, counts = minhash.sketch(text, self.ngram, self.bands, self.rows, self.seed, self.shingle)
        some = np.flatnonzero(counts)
        return some, hashes[some]

    def _sets(self, docs: pa.Table, chosen: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """`(hashes, offsets)` of the sets of shingles of all documents, or of some."""
        from datacurate.kernels import shingles

        return shingles.shingle_sets(one_array(docs["text"]), self.ngram, self.shingle, chosen)

    @by("slice", keys=bucket_slices, uses=("bands",), shardwise=True, streams=("index_bands",))
    def met(self, sketch: pa.Table, index_bands: Parts) -> Iterator[pa.Table]:
        """Which documents of other datasets have a band's hash in common with one of these."""
        return _neighbours.met(sketch, index_bands)

    @each(uses=SHINGLES)
    def sought(self, docs: pa.Table, rows: np.ndarray, met: pa.Table, size: Size) -> pa.Table:
        """The sets of shingles of these documents, and with which others they are to be compared."""
        return _neighbours.sought(docs, rows, met, size, lambda chosen: self._sets(docs, chosen))

    @by("slice", keys=known_slices, uses=("verify", "verify_by"), streams=("index_sets",))
    def compared(self, sought: pa.Table, index_sets: Parts) -> pa.Table:
        """Of a share of the other datasets the most alike document, if it is alike enough."""
        return _neighbours.compared(sought, index_sets, self.verify or 0.0, self.verify_by == "containment")

    @by("share", keys=known_slices, uses=(), shardwise=True)
    def known(self, compared: pa.Table) -> pa.Table:
        """The documents that are near-duplicates of one of another dataset, with that and their similarity."""
        return _neighbours.verdict(compared)

    @by("slice", keys=bucket_slices, uses=("bands",))
    def buckets(self, sketch: pa.Table) -> pa.Table:
        """Which documents share a hash: each of them with the first one."""
        row, other = _groups.links(_rows.numpy(sketch, "hash"), _rows.numpy(sketch, "row"))
        return _rows.table(row=(row, "uint64"), other=(other, "uint64"))

    @once(uses=(), streams=("buckets",), shardwise=True)
    def groups(self, buckets: Parts) -> Iterator[pa.Table]:
        """The documents that buckets link, directly or through others: what must be compared in one place."""
        return _groups.groups(buckets)

    @each(uses=(*SHINGLES, *CHOICE))
    def shingles(
        self, docs: pa.Table, rows: np.ndarray, groups: pa.Table, size: Size, known: pa.Table | None = None
    ) -> pa.Table:
        """Of the documents that met another one: their sets of shingles, and what says which one stays."""
        from datacurate.kernels import firsts

        index, named = _rows.found_but(rows, groups, known)
        values, offsets = self._sets(docs, index)
        group = _rows.numpy(named, "group")
        return _rows.table(
            slice=(group % np.uint64(_rows.spread(size)), "int32"),
            group=(group, "uint64"),
            row=(_rows.numpy(named, "row"), "uint64"),
            **{name: (column.take(index), kind) for name, (column, kind) in self.standing(docs).items()},
            **about(_beginnings(docs).take(index)),
            print=(firsts.hashes(docs["text"], index), "uint64"),  # texts of one id may have the same shingles
            hashes=(_rows.as_lists(values, offsets), "hashes"),
        )

    @by("slice", keys=group_slices, uses=(*SIGNATURE, "verify", "verify_by", *CHOICE), shardwise=True)
    def verdict(self, shingles: pa.Table) -> pa.Table:
        """The documents that are near-duplicates of a survivor, with that survivor and their similarity."""
        from datacurate.kernels import minhash

        sets = _rows.lists(shingles, "hashes")
        rule = self.verify or 0.0, self.verify_by == "containment"
        order, group = self.order(shingles), _rows.numpy(shingles, "group")
        _, number, sizes = np.unique(group, return_inverse=True, return_counts=True)
        # of two that are a group we need no bands: similarity decides, unless any will do. Then bands are all that
        # counts, and what linked the two may be gone, held by another dataset
        crowded = ((sizes[number] > 2) | (not self.verify))[order]
        pairs, others = order[~crowded], order[crowded]
        survivors, similarities = minhash.stars(pairs, group[pairs].reshape(-1, 1), *sets, *rule)
        bands = minhash.sketch_sets(*sets, others, self.bands, self.rows, self.seed)
        more = minhash.stars(others, bands, *sets, *rule)
        survivors[others], similarities[others] = more[0][others], more[1][others]
        gone = np.flatnonzero(survivors >= 0)
        return removed(shingles, gone, survivors[gone], similarities[gone])

    def warm(self) -> None:
        """Compile the kernels."""
        import pyarrow as pa

        from datacurate.kernels import firsts, minhash, shingles

        text = pa.array(["a", "a"])
        firsts.hashes(text, np.arange(2))
        hashes, _ = minhash.sketch(text, 1, self.bands, self.rows, self.seed, self.shingle)
        row, other = _groups.links(hashes[:, 0], np.arange(2, dtype=np.uint64))
        list(_groups.groups([_rows.table(row=(row, "uint64"), other=(other, "uint64"))]))
        sets = shingles.shingle_sets(text, 1, self.shingle)
        bands = minhash.sketch_sets(*sets, np.arange(2), self.bands, self.rows, self.seed)
        minhash.stars(np.arange(2), bands, *sets, 0.0)


def _beginnings(docs: pa.Table) -> pa.Table:
    """The documents with the beginnings of their texts, so that picking some of them does not copy all of these."""
    import pyarrow as pa
    import pyarrow.compute as pc

    begins = pc.utf8_slice_codeunits(one_array(docs["text"]), 0, EXCERPT)
    return pa.table({"id": docs["id"], "source": docs["source"], "text": begins})
