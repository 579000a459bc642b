"""Paragraphs and documents most of whose runs of words were seen before."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from datacurate.core.errors import InputError
from datacurate.core.phase import Size, by, each
from datacurate.core.stage import Outcome, Removed, one_array, with_columns
from datacurate.core.task import SHARD_BITS
from datacurate.core.types import Count, Fraction, Positive
from datacurate.stages.dedup import _index, _part_tables, _rows
from datacurate.stages.dedup._part_against import Against
from datacurate.stages.dedup._parts import flat
from datacurate.stages.dedup._text_guard import TextDedup, largest

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

WORDS = ("ngram", "min_ngram")
"""The fields that the n-grams depend on."""


WEIGHT = 4.0
"""An n-gram takes 46 bytes of memory: 120 MB for 33 MB of text in 8 MB of files, one slice's share."""


def spread(stage: NgramBloom, size: Size) -> int:
    """How many slices there are."""
    return stage.slices or _rows.spread(size, WEIGHT)


def slice_numbers(stage: NgramBloom, size: Size) -> list[tuple[int]]:
    """The keys of the slices."""
    return [(number,) for number in range(spread(stage, size))]


class NgramBloom(Against, TextDedup):
    """Keep paragraphs, and documents, of which at most a part of the runs of 13 words was seen before.

    A paragraph goes when more than `threshold` of its n-grams stand in a paragraph before it; a document goes when
    more than `threshold` of all its n-grams do. What was seen is kept in a Bloom filter, which takes a share `fp_rate`
    of new n-grams for seen ones. Documents come in the order of the digests of their ids, so that the result does not
    depend on files, shards or workers. All n-grams of a paragraph count as seen afterwards, also when the paragraph
    goes; BFF adds those of paragraphs that stay, in the order in which its threads happen to come.

    BFF (Groeneveld 2023) as DCLM used it (Li et al. 2024, arXiv:2406.11794, section 4.3; dedup/bff/src/main.rs, mode
    `old-both`): paragraphs are lines, words are what UAX #29 parts, and lines of fewer than `min_ngram` words are left
    alone. The filter is cut into `slices` by the hash of the n-gram: each is filled and asked by one task, which holds
    its n-grams (11 bytes each) and its filter (1.2 bytes each at a rate of 0.01).
    """

    version: ClassVar[int] = 3
    rewrites: ClassVar[bool] = True

    ngram: Positive = 13
    """Words in a run. DCLM uses 13, BFF 20."""
    min_ngram: Positive = 13
    """Fewest words of a line that is compared; one of fewer than `ngram` is compared as a whole. DCLM uses 13."""
    threshold: Fraction = 0.8
    """Largest share of seen n-grams of a paragraph, or a document, that stays."""
    remove: Literal["both", "paragraph"] = "both"
    """Remove paragraphs and documents, or paragraphs alone."""
    fp_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of new n-grams that the filter takes for seen when it is full. DCLM uses 0.01."""
    filter_bytes: Annotated[int, Field(ge=1 << 10)] | None = None
    """Bytes of the whole filter. Each of its `slices` takes its share of them, so that workers together never hold
    more, however many they are. The run stops if the filter then errs more often than `fp_rate`, and says how many it
    would take. `null`: as many as `fp_rate` takes for all n-grams."""
    min_left: Count = 1
    """Fewest characters, white space aside, of a document that something was cut out of; with fewer it is dropped."""
    slices: Positive | None = None
    """Parts of the filter, each one task's, whatever comes out; one takes 46 bytes of memory for each of its n-grams.
    `null`: one for every 8 MB of source files."""

    @model_validator(mode="after")
    def _min_is_least(self) -> NgramBloom:
        if self.min_ngram > self.ngram:
            raise ValueError(f"min_ngram ({self.min_ngram}) is more than ngram ({self.ngram}); make it as much or less")
        return self

    @each(uses=(*WORDS, "slices"))
    def grams(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """A row per slice: the hashes of its n-grams, which paragraphs they are of, and the ranks of its documents."""
        from datacurate.kernels import bff, firsts

        if docs.num_rows >= 1 << 16:
            raise ValueError(f"a batch of {docs.num_rows} documents is too large: 65,535 are the most")
        found = bff.grams(one_array(docs["text"]), self.ngram, self.min_ngram)
        begins = _begins(docs)[found.paragraphs.documents]
        starts = found.paragraphs.starts - begins
        slices = spread(self, size)
        hashes, bounds, runs = bff.deal(found.hashes, found.owners, found.paragraphs.documents, starts, slices)
        some = np.flatnonzero(np.diff(bounds))
        ranks = firsts.ranks(docs["id"], docs["text"])
        mine = [runs[k] for k in some.tolist()]
        theirs = [ranks[np.unique((own >> np.uint64(48)).astype(np.int64))] for own in mine]
        return _rows.table(
            slice=(some, "int32"),
            slices=(np.full(len(some), slices), "int32"),
            first=(np.full(len(some), rows[0] if len(rows) else 0, np.uint64), "uint64"),
            hashes=(_rows.as_lists(hashes, np.append(bounds[:-1][some], len(hashes))), "hashes"),
            runs=(_rows.as_lists(*flat(mine)), "hashes"),
            ranks=(_rows.as_lists(*flat(theirs)), "hashes"),
        )

    @each(uses=WORDS, over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The hashes of the n-grams of another dataset."""
        from datacurate.kernels import bff

        found = bff.grams(one_array(docs["text"]), self.ngram, self.min_ngram).hashes
        hashes, parts = np.unique(found, return_counts=True)
        return _rows.table(slice=(_index.slice_of(hashes), "int32"), hash=(hashes, "uint64"), parts=(parts, "uint32"))

    @by("slice", keys=slice_numbers, uses=("fp_rate", "filter_bytes", "slices"), shardwise=True, streams=("index",))
    def seen(self, grams: pa.Table, slice: int, index: Parts | None = None) -> pa.Table:
        """Of every paragraph how many of this slice's n-grams were seen before, if any were.

        `error` is the share of other n-grams that the filter takes for seen when all are in it.
        """
        from datacurate.kernels import bff, bloom

        hashes, _ = _rows.lists(grams, "hashes")
        row, start, lengths, owners, order = _in_order(grams)
        slices = int(grams["slices"][0].as_py()) if grams.num_rows else 1
        others = partial(_part_tables.others, index if grams.num_rows else None, "hash", slice, slices)
        count = len(hashes) + sum(parts for _, parts in others())
        if self.filter_bytes is None:
            filter = bloom.for_rate(count, self.fp_rate)
        else:
            count = bloom.distinct(chain([hashes], (more for more, _ in others())), count)
            filter = bloom.of_bytes(count, self.filter_bytes // slices)
        for more, _ in others():
            bloom.add_all(filter, more)
        counts = bff.seen(filter, hashes, lengths, owners, order)
        error = filter.error()
        if self.filter_bytes is not None and error > self.fp_rate:
            needed = bloom.bytes_for(count, self.fp_rate) * slices
            raise InputError(_too_small(self.filter_bytes, error, self.fp_rate, needed))
        some = np.flatnonzero(counts)
        return _rows.table(
            shard=(row[some] >> np.uint64(SHARD_BITS), "int32"),
            row=(row[some], "uint64"),
            start=(start[some], "int64"),
            seen=(counts[some], "int64"),
            error=(np.full(len(some), error), "float64"),
        )

    @each(uses=("ngram", "min_ngram", "threshold", "remove"))
    def samples(self, docs: pa.Table, rows: np.ndarray, seen: pa.Table) -> pa.Table:
        """The paragraphs, and documents without such paragraphs, that take most of what goes, for the guard."""
        found = self._judged(docs, rows, seen, last=False)
        paragraphs = found.paragraphs
        starts, ends = paragraphs.starts[found.gone], paragraphs.ends[found.gone]
        documents = paragraphs.documents[found.gone]
        whole = np.setdiff1d(np.flatnonzero(found.whole), documents)
        sizes = np.diff(_begins(docs))[found.touched[whole]]
        documents = found.touched[np.append(documents, whole)]
        order = np.argsort(documents, kind="stable")
        at = np.searchsorted(documents[order], np.arange(docs.num_rows + 1))
        return largest(docs, at, np.append(starts, 0 * whole)[order], np.append(ends, sizes)[order])

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, seen: pa.Table) -> Outcome:
        """The documents of which enough is new, without the paragraphs that are not."""
        import pyarrow as pa

        from datacurate.kernels import edit, lines
        from datacurate.kernels.arrow import bytes_and_offsets

        found = self._judged(docs, rows, seen, last=True)
        if not len(found.touched):
            return Outcome(docs)
        text, paragraphs, gone = found.text, found.paragraphs, found.gone
        at = np.searchsorted(paragraphs.documents[gone], np.arange(len(text) + 1))
        cuts = lines.cuts(*bytes_and_offsets(text), "line", at, paragraphs.starts[gone], paragraphs.ends[gone])
        text = edit.cut(text, pa.LargeListArray.from_arrays(pa.array(2 * at), pa.array(cuts)))
        left = lines.characters(*bytes_and_offsets(text), self.min_left)
        short = (left < self.min_left) & (np.diff(at) > 0) & ~found.whole
        rules = [("seen_ngrams", found.whole, found.share, self.threshold)]
        return _outcome(docs, found.touched, text, [*rules, ("too_little_left", short, left, self.min_left)])

    def _judged(self, docs: pa.Table, rows: np.ndarray, seen: pa.Table, last: bool) -> _Judged:
        """What goes of a batch; found once for the two phases that ask."""
        return _LATEST.of((docs, seen), lambda: self._judge(docs, rows, seen), last)

    def _judge(self, docs: pa.Table, rows: np.ndarray, seen: pa.Table) -> _Judged:
        from datacurate.kernels import bff

        index, mine = _of_batch(seen, rows)
        text = one_array(docs["text"].take(index))
        paragraphs, totals = bff.counts(text, self.ngram, self.min_ngram)
        counts = _by_paragraph(paragraphs, index, mine, rows)
        gone = np.flatnonzero(_share(counts, totals) > self.threshold)
        share = _share(*(np.bincount(paragraphs.documents, each, len(index)) for each in (counts, totals)))
        return _Judged(index, text, paragraphs, gone, share, (share > self.threshold) & (self.remove == "both"))

    def warm(self) -> None:
        """Compile the kernels, on a document that says everything twice."""
        import pyarrow as pa

        line = " ".join(["word"] * self.ngram)
        docs = pa.table({"id": ["a"], "text": [f"{line}\n{line}\nend"], "source": ["a"]})
        rows = np.zeros(1, np.uint64)
        seen = self.seen(self.grams(docs, rows, Size(0, 1)), 0)
        self.samples(docs, rows, seen)
        self.apply(docs, rows, seen)


class _Judged(NamedTuple):
    """Documents of a batch with seen n-grams (`touched`), their texts and paragraphs, and what goes of them."""

    touched: np.ndarray
    text: Any
    paragraphs: Any
    gone: np.ndarray
    """Paragraphs."""
    share: np.ndarray
    """Of every document, of all its n-grams, those that were seen."""
    whole: np.ndarray
    """Documents that go as a whole."""


_LATEST = _rows.Latest()


def _in_order(grams: pa.Table) -> tuple[np.ndarray, ...]:
    """Of every run of n-grams its document, paragraph, n-grams and owner, a number for each paragraph; and the order in
    which runs come: that of the ranks of documents, and of paragraphs in them."""
    from datacurate.kernels import bff

    runs, bounds = _rows.lists(grams, "runs")
    start = (runs >> np.uint64(bff.RUN)) & np.uint64(0xFFFFFFFF)
    row = np.repeat(_rows.numpy(grams, "first"), np.diff(bounds)) + (runs >> np.uint64(48))
    documents = np.cumsum(np.append(False, row[1:] != row[:-1])[: len(row)])
    order = np.lexsort((start, row, _rows.lists(grams, "ranks")[0][documents]))
    new = np.ones(len(order), bool)
    new[1:] = (row[order][1:] != row[order][:-1]) | (start[order][1:] != start[order][:-1])
    owners = np.empty(len(order), np.int64)
    owners[order] = np.cumsum(new)
    lengths = (runs & np.uint64((1 << bff.RUN) - 1)).astype(np.int64)
    return row, start, lengths, owners, order


def _too_small(size: int, error: float, rate: float, needed: int) -> str:
    step = 10 ** max(0, len(str(needed)) - 3)
    return (
        f"ngram_bloom: a filter of {size:,} bytes takes {100 * error:.3g}% of new n-grams for seen, more than fp_rate: "
        f"{rate:g} allows. Set filter_bytes to {-(-needed // step) * step:,}, leave it out, or raise fp_rate."
    )


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


def _begins(docs: pa.Table) -> np.ndarray:
    from datacurate.kernels.arrow import bytes_and_offsets

    return bytes_and_offsets(one_array(docs["text"]))[1]


def _of_batch(seen: pa.Table, rows: np.ndarray) -> tuple[np.ndarray, pa.Table]:
    """The positions in the batch of documents with seen n-grams, and what was seen of them."""
    rows = np.asarray(rows, dtype=np.uint64)
    mine = _rows.between(seen, rows[0], rows[-1]) if len(rows) else seen.slice(0, 0)
    return np.unique(np.searchsorted(rows, _rows.numpy(mine, "row"))), mine


def _by_paragraph(paragraphs, index: np.ndarray, mine: pa.Table, rows: np.ndarray) -> np.ndarray:
    """Seen n-grams of every paragraph, over all slices."""
    document = np.searchsorted(index, np.searchsorted(rows, _rows.numpy(mine, "row")))
    places = paragraphs.documents << 32 | paragraphs.starts
    which = np.searchsorted(places, document << 32 | _rows.numpy(mine, "start"))
    return np.bincount(which, _rows.numpy(mine, "seen"), len(places))


def _outcome(docs: pa.Table, index: np.ndarray, text: pa.Array, rules: list[tuple]) -> Outcome:
    """The documents with the texts of those at `index` replaced, and without those that a rule condemns."""
    import pyarrow as pa

    where = np.arange(docs.num_rows)
    where[index] = docs.num_rows + np.arange(len(index))
    old = one_array(docs["text"])
    both = pa.concat_arrays([old, text.cast(old.type)])
    docs = with_columns(docs, {"text": both.take(pa.array(where))})
    removed = []
    keep = np.ones(docs.num_rows, bool)
    for rule, gone, value, bound in rules:
        keep[index[gone]] = False
        removed.append(Removed(index[gone], "dropped", rule, None, value[gone], np.full(gone.sum(), bound, np.float64)))
    return Outcome(docs.filter(pa.array(keep)), removed)
