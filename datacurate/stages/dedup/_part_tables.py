"""Parts that were found again: by exact digests, or by a Bloom filter, and in other datasets first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.core.stage import one_array
from datacurate.core.task import SHARD_BITS
from datacurate.stages.dedup import _index, _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

DIGEST = ("high", "low")
PIECE = 1 << 16
"""Rows of a table that is made piece by piece."""


def index(docs: pa.Table, digests: np.ndarray, documents: np.ndarray, dataset: str) -> pa.Table:
    """The table of an `over` phase: every different digest of a batch, with the least id that has it."""
    import pyarrow.compute as pc

    from datacurate.kernels import firsts

    ids = one_array(docs["id"])
    ranks = np.empty(len(ids), np.uint64)
    ranks[pc.sort_indices(ids).to_numpy()] = np.arange(len(ids))
    high, low = np.ascontiguousarray(digests.T)
    zeros = np.zeros(len(high), np.uint64)
    leader, _ = firsts.firsts(high, low, ranks[documents], zeros, zeros)
    some = np.flatnonzero(leader == np.arange(len(leader)))
    return _rows.table(
        slice=(_index.slice_of(high[some]), "int32"),
        high=(high[some], "uint64"),
        low=(low[some], "uint64"),
        id=(ids.take(documents[some]), "large_string"),
        dataset=(np.repeat(dataset, len(some)), "large_string"),
    )


def exact(hashed: pa.Table, index: Parts | None, keep: str) -> pa.Table:
    """Every part whose digest a part before it has, or one of another dataset; with `keep` none also the first.

    `survivor` is the row of the document in which it stands first, its own where `elsewhere` names one of `index`.
    """
    import pyarrow as pa

    from datacurate.kernels import firsts

    values, bounds = _rows.lists(hashed, "records")
    blocks = [values[a:b] for a, b in pairwise(bounds)]
    found = firsts.gathered(blocks, _rows.lists(hashed, "ranks")[0], _rows.lists(hashed, "long")[0])
    row = found.document + np.repeat(_rows.numpy(hashed, "first"), np.diff(bounds) // firsts.FIELDS)
    if index is None:
        goes, first = _again(found, row, keep)
        return _cuts(row[goes], found.start[goes], found.length[goes], row[first])
    members = pa.table({"high": found.high, "low": found.low})
    there, names = _index.known(members, DIGEST, index)
    ours = np.ones(len(row), bool)
    ours[there] = False
    mine = np.flatnonzero(ours)
    goes, first = _again(firsts.Records(*(column[mine] for column in found)), row[mine], keep)
    gone = np.append(mine[goes], there)
    cuts = _cuts(row[gone], found.start[gone], found.length[gone], np.append(row[mine[first]], row[there]))
    elsewhere = pa.concat_arrays([pa.nulls(len(goes), pa.large_string()), one_array(names).cast(pa.large_string())])
    return cuts.append_column("elsewhere", elsewhere)


def _again(found: Any, row: np.ndarray, keep: str) -> tuple[np.ndarray, np.ndarray]:
    """Which records go, and the first of those that each is equal to."""
    from datacurate.kernels import firsts

    leader, alone = firsts.firsts(found.high, found.low, found.rank, row, found.start)
    goes = np.flatnonzero(~alone if keep == "none" else leader != np.arange(len(leader)))
    return goes, leader[goes]


def _cuts(row: np.ndarray, start: np.ndarray, length: np.ndarray, survivor: np.ndarray | str) -> pa.Table:
    """A table of cuts; one text may stand for all survivors."""
    import pyarrow as pa

    made = _rows.table(
        shard=(row >> np.uint64(SHARD_BITS), "int32"),
        row=(row, "uint64"),
        start=(start, "int64"),
        end=(start + length, "int64"),
    )
    if not isinstance(survivor, str):
        return made.append_column("survivor", pa.array(survivor, pa.uint64()))
    said = pa.DictionaryArray.from_arrays(np.zeros(len(row), np.int8), pa.array([survivor], pa.large_string()))
    return made.append_column("survivor", said)


def bloomed(hashed: pa.Table, index: Parts | None, number: int, rate: float) -> Iterator[pa.Table]:
    """Every part that a Bloom filter takes for one that came before it, or stands in another dataset, piece by piece.

    Instead of a survivor it says that a filter did: what came before is forgotten but for its bits.
    """
    from datacurate.kernels import bloom, firsts

    values, bounds = _rows.lists(hashed, "records")
    runs = firsts.runs(values, bounds, _rows.lists(hashed, "ranks")[0])
    first = _rows.numpy(hashed, "first")
    slices = int(hashed["slices"][0].as_py()) if hashed.num_rows else 1
    count = len(values) // firsts.SHORT + sum(len(piece) for piece in others(index, "high", number, slices))
    filter = bloom.for_rate(count, rate)
    for piece in others(index, "high", number, slices):
        bloom.add_all(filter, piece)
    order = np.lexsort((first[runs.blocks] + runs.documents, runs.ranks))
    found = bloom.again(filter, values, runs.begins, runs.lengths, order)
    found.sort()
    long = _rows.lists(hashed, "long")[0]
    long_at = firsts.long_at(values, bounds, len(long))
    for at in range(0, max(len(found), 1), PIECE):
        records = firsts.places(values, bounds, found[at : at + PIECE].astype(np.int64), long_at, long)
        yield _cuts(first[records.blocks] + records.documents, records.starts, records.lengths, _by_filter(rate))


def _by_filter(rate: float) -> str:
    return f"a document before it, by a Bloom filter that errs at {rate:g}"


def others(index: Parts | None, column: str, number: int, slices: int) -> Iterator[np.ndarray]:
    """The hashes of other datasets that belong to slice `number` of `slices`, piece by piece."""
    if index is None:
        return
    step = int(np.gcd(slices, _index.SLICES))
    for piece in index.only([(key,) for key in range(number % step, _index.SLICES, step)]):
        hashes = _rows.numpy(piece, column)
        yield hashes[hashes % np.uint64(slices) == np.uint64(number)]
