"""Near-duplicates that other datasets hold: proposed by bands, compared by sets of shingles, the best one taken.

Documents of other datasets go by the hash of their whole set of shingles (`mark`), which is the same however they are
dealt out to files. A document's own mark names those with an equal set, so that no crowd of others hides these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from datacurate.core.phase import Size
from datacurate.core.task import SHARD_BITS
from datacurate.stages.dedup import _index, _rows
from datacurate.stages.dedup._base import about, removed

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

SLICES = 512
"""What the tables are laid out by. A run has at most so many tasks that compare; a power of two, as their number is."""
BUCKET = 256
"""Most sets of other datasets in one bucket that are proposed, those with the least marks."""
TRIED = 32
"""Most sets of other datasets that a document is compared with: an equal one, then those with the most bands in common,
then those with the least marks. What shares most bands is most alike."""


def tasks(size: Size) -> int:
    """How many tasks compare."""
    return min(SLICES, _rows.spread(size))


def bands(hashes: np.ndarray, marks: np.ndarray) -> pa.Table:
    """The table of an index that proposes: every band's hash (a row of `hashes` per document) and the mark."""
    flat = hashes.reshape(-1)
    return _rows.table(
        slice=(_index.slice_of(flat, SLICES), "int32"),
        hash=(flat, "uint64"),
        mark=(np.repeat(marks, hashes.shape[1]), "uint64"),
    )


def sets(docs: pa.Table, dataset: str, values: np.ndarray, offsets: np.ndarray) -> pa.Table:
    """The table of an index that verifies: every document's set of shingles, unless that is empty."""
    from datacurate.kernels import minhash

    some = np.flatnonzero(np.diff(offsets))
    mark = minhash.prints(values, offsets, some)
    return _rows.table(
        slice=(_index.slice_of(mark, SLICES), "int32"),
        mark=(mark, "uint64"),
        id=(docs["id"].take(some), "large_string"),
        dataset=(np.repeat(dataset, len(some)), "large_string"),
        hashes=(_rows.as_lists(values, np.append(0, offsets[1:][some])), "hashes"),
    )


def met(sketch: pa.Table, index: Parts) -> Iterator[pa.Table]:
    """Shard by shard, `row` and `mark` of documents that share a band's hash (`hash` and `row` of `sketch`)."""
    hashes, rows = _rows.numpy(sketch, "hash"), _rows.numpy(sketch, "row")
    own = np.unique(hashes)
    place, mark = _proposed(own, index)
    starts = np.searchsorted(place, np.arange(len(own) + 1))
    shards = rows >> np.uint64(SHARD_BITS)
    yield _pairs(rows[:0], mark[:0])
    for shard in np.unique(shards):
        mine = shards == shard
        bucket = np.searchsorted(own, hashes[mine])
        first, many = starts[bucket], np.diff(starts)[bucket]
        which = np.repeat(first - np.cumsum(many) + many, many) + np.arange(many.sum())
        yield _pairs(np.repeat(rows[mine], many), mark[which])


def _proposed(own: np.ndarray, index: Parts) -> tuple[np.ndarray, np.ndarray]:
    """`(position in own, mark)` of what an index has in buckets of these hashes, sorted, at most BUCKET of each."""
    place, mark = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    for piece in index.only(_index.slices_of(own, SLICES)):
        at, hits = _index.positions([own], [_rows.numpy(piece, "hash")])
        place, mark = np.append(place, at), np.append(mark, _rows.numpy(piece, "mark")[hits])
        order = np.lexsort((mark, place))
        place, mark = place[order], mark[order]
        new = np.append(True, (place[1:] != place[:-1]) | (mark[1:] != mark[:-1])) if len(place) else place != 0
        place, mark = place[new], mark[new]
        few = np.arange(len(place)) - np.searchsorted(place, place) < BUCKET
        place, mark = place[few], mark[few]
    return place, mark


def _pairs(rows: np.ndarray, mark: np.ndarray) -> pa.Table:
    return _rows.table(shard=(rows >> np.uint64(SHARD_BITS), "int32"), row=(rows, "uint64"), mark=(mark, "uint64"))


def _met(rows: np.ndarray, pairs: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """`(position in rows, mark)` of a batch's pairs."""
    row, mark = _rows.numpy(pairs, "row"), _rows.numpy(pairs, "mark")
    low, high = (np.searchsorted(row, rows[0]), np.searchsorted(row, rows[-1], side="right")) if len(rows) else (0, 0)
    return np.searchsorted(rows, row[low:high]), mark[low:high]


def tried(at: np.ndarray, mark: np.ndarray, own: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`(position, mark)` of what a batch is compared with, by position and then by which of `count` tasks.

    `at` and `mark` are of its pairs, `own` are the marks of its documents. With fewer than BUCKET pairs no bucket was
    cut short, and a set equal to a document's own is among them.
    """
    crowded = np.flatnonzero(np.bincount(at, minlength=len(own)) >= BUCKET)
    at, mark = np.append(at, crowded), np.append(mark, own[crowded])
    order = np.lexsort((mark, at))
    at, mark = at[order], mark[order]
    firsts = np.flatnonzero(np.append(True, (at[1:] != at[:-1]) | (mark[1:] != mark[:-1]))) if len(at) else at
    shared = np.diff(firsts, append=len(at))
    at, mark = at[firsts], mark[firsts]
    order = np.lexsort((mark, -shared, mark != own[at], at))
    at, mark = at[order], mark[order]
    few = np.arange(len(at)) - np.searchsorted(at, at) < TRIED
    at, mark = at[few], mark[few]
    order = np.lexsort((mark, _index.slice_of(mark, count), at))
    return at[order], mark[order]


def sought(docs: pa.Table, rows: np.ndarray, pairs: pa.Table, size: Size, sets_of: Callable) -> pa.Table:
    """Documents that met others elsewhere, once for each task that compares these, with their `marks`.

    `sets_of(positions)` makes the sets of shingles of some of `docs`.
    """
    from datacurate.kernels import minhash

    at, mark = _met(np.asarray(rows, np.uint64), pairs)
    index = np.unique(at)
    values, offsets = sets_of(index)
    own = np.zeros(len(rows), np.uint64)
    own[index] = minhash.prints(values, offsets, np.arange(len(index)))
    at, mark = tried(at, mark, own, tasks(size))
    slices = _index.slice_of(mark, tasks(size))
    firsts = np.flatnonzero(np.append(True, (at[1:] != at[:-1]) | (slices[1:] != slices[:-1]))) if len(at) else at
    which = np.searchsorted(index, at[firsts])
    return _rows.table(
        slice=(slices[firsts], "int32"),
        share=(np.asarray(rows, np.uint64)[at[firsts]] % np.uint64(tasks(size)), "int32"),
        row=(np.asarray(rows, np.uint64)[at[firsts]], "uint64"),
        **about(docs.take(at[firsts])),
        marks=(_rows.as_lists(mark, np.append(firsts, len(at))), "hashes"),
        hashes=(_rows.as_lists(values, offsets).take(which), "hashes"),
    )


def compared(sought: pa.Table, index: Parts, verify: float, contained: bool) -> pa.Table:
    """The most alike of the documents of an index that each of `sought` names, if it is alike enough."""
    import pyarrow as pa

    from datacurate.kernels import pairs

    wanted, bounds = _rows.lists(sought, "marks")
    owner = np.repeat(np.arange(sought.num_rows), np.diff(bounds))
    order = np.argsort(wanted, kind="stable")
    wanted, owner = wanted[order], owner[order]
    own = _rows.lists(sought, "hashes")
    best = _best_of(np.zeros(0, np.int64), np.zeros(0), pa.array([], pa.large_string()))
    for piece in index.only(_index.slices_of(wanted, SLICES)):
        piece = _distinct(piece.filter(np.isin(_rows.numpy(piece, "mark"), wanted)))
        mark = _rows.numpy(piece, "mark")
        low, high = np.searchsorted(wanted, mark), np.searchsorted(wanted, mark, side="right")
        theirs = np.repeat(np.arange(len(mark)), high - low)
        which = np.repeat(high - np.cumsum(high - low), high - low) + np.arange((high - low).sum())
        mine = owner[which]
        better = _may_improve(best, mine, theirs, piece["survivor"])
        mine, theirs = mine[better], theirs[better]
        similarity = pairs.similarities(mine, theirs, own, _rows.lists(piece, "hashes"), contained)
        alike = np.flatnonzero(similarity >= verify)
        names = piece["survivor"].take(theirs[alike])
        best = pa.concat_tables([best, _best_of(mine[alike], similarity[alike], names)])
        best = the_best(best, "place")
    place = _rows.numpy(best, "place")
    return _rows.table(
        **{name: (sought[name].take(place), kind) for name, kind in ABOUT.items()},
        survivor=(best["survivor"], "large_string"),
        similarity=(best["similarity"], "float64"),
    )


def _distinct(piece: pa.Table) -> pa.Table:
    """`survivor`, `mark` and `hashes`: of entries with one mark that with the least survivor.

    A set that others share costs but one comparison. Were two sets ever to share a mark, one would not be tried.
    """
    names = _index.named(piece["id"], piece["dataset"])
    piece = piece.select(["mark", "hashes"]).append_column("survivor", names)
    order = piece.select(["mark", "survivor"]).append_column("at", [np.arange(piece.num_rows)])
    order = order.sort_by([("mark", "ascending"), ("survivor", "ascending")])
    mark, at = _rows.numpy(order, "mark"), _rows.numpy(order, "at")
    return piece.take(at[np.append(True, mark[1:] != mark[:-1])] if len(at) else at)


def _may_improve(best: pa.Table, mine: np.ndarray, theirs: np.ndarray, names: pa.ChunkedArray) -> np.ndarray:
    """Which pairs may be better than what there is: a copy that is held often is not compared with each of those."""
    import pyarrow.compute as pc

    wholly = best.filter(pc.equal(best["similarity"], 1.0))
    place = _rows.numpy(wholly, "place")
    pairs = np.flatnonzero(np.isin(mine, place))
    found = np.ones(len(mine), bool)
    if len(pairs):
        known = wholly["survivor"].take(np.searchsorted(place, mine[pairs]))
        found[pairs] = pc.less(names.take(theirs[pairs]), known).to_numpy()
    return np.flatnonzero(found)


ABOUT = {"share": "int32", "row": "uint64", "id": "large_string", "source": "large_string", "excerpt": "large_string"}


def _best_of(place: np.ndarray, similarity: np.ndarray, survivor: pa.Array) -> pa.Table:
    return _rows.table(place=(place, "int64"), similarity=(similarity, "float64"), survivor=(survivor, "large_string"))


def the_best(table: pa.Table, column: str) -> pa.Table:
    """Of the rows with one value of a column the most alike, among equals the one with the least survivor."""
    keys = [(column, "ascending"), ("similarity", "descending"), ("survivor", "ascending")]
    table = table.sort_by(keys).combine_chunks()
    values = _rows.numpy(table, column)
    return table.filter(np.append(True, values[1:] != values[:-1])) if len(values) else table


def verdict(found: pa.Table) -> pa.Table:
    """What `compared` found for some documents in all tasks, as a table of removed documents."""
    best = the_best(found, "row")
    everything = np.arange(best.num_rows)
    return removed(best, everything, best["survivor"], _rows.numpy(best, "similarity"))
