"""Which documents are linked, directly or through others, in a flat array: at most 9 bytes for each document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from datacurate.core.task import SHARD_BITS
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

ROW = np.uint64((1 << SHARD_BITS) - 1)
NARROW = 1 << 32
"""Fewer documents than that need 4 bytes each to name another one."""


def links(hashes: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(row, least row with the same hash)` of all rows that share a hash with a lesser one, without repeats."""
    order = np.argsort(hashes)
    hashes, rows = hashes[order], rows[order]
    first = np.flatnonzero(np.diff(hashes, prepend=hashes[:1] + np.uint64(1)))
    least = np.repeat(np.minimum.reduceat(rows, first), np.diff(first, append=len(rows))) if len(rows) else rows
    rows, least = rows[rows != least], least[rows != least]
    order = np.lexsort((least, rows))
    rows, least = rows[order], least[order]
    new = np.append(True, (rows[1:] != rows[:-1]) | (least[1:] != least[:-1])) if len(rows) else np.zeros(0, bool)
    return rows[new], least[new]


def groups(found: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Shard by shard, the rows that `found` links with others (`row`, `other`) and the number of their group.

    `found` is gone through twice.
    """
    from datacurate.kernels import minhash

    starts = _starts(found)
    parents = np.arange(starts[-1], dtype=np.uint32 if starts[-1] < NARROW else np.int64)
    for piece in found:
        minhash.join(parents, *(_nodes(_rows.numpy(piece, name), starts) for name in ("row", "other")))
    linked = np.zeros(len(parents), bool)
    minhash.settle(parents, linked)
    yield _table(0, np.zeros(0, np.int64), np.zeros(0, np.uint32))
    for shard in range(len(starts) - 1):
        rows = np.flatnonzero(linked[starts[shard] : starts[shard + 1]])
        if len(rows):
            yield _table(shard, rows, parents[starts[shard] + rows])


def _starts(found: Iterable[pa.Table]) -> np.ndarray:
    """Of every shard, the number of its first document, if each has as many as links name."""
    most: dict[int, int] = {}
    for piece in found:
        for name in ("row", "other"):
            rows = _rows.numpy(piece, name)
            shards = rows >> np.uint64(SHARD_BITS)
            for shard in np.unique(shards).tolist():
                most[shard] = max(most.get(shard, 0), int(rows[shards == shard].max() & ROW) + 1)
    return np.cumsum([0, *(most.get(shard, 0) for shard in range(max(most, default=-1) + 1))])


def _nodes(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return starts[(rows >> np.uint64(SHARD_BITS)).astype(np.int64)] + (rows & ROW).astype(np.int64)


def _table(shard: int, rows: np.ndarray, groups: np.ndarray) -> pa.Table:
    return _rows.table(
        shard=(np.full(len(rows), shard), "int32"),
        row=(rows.astype(np.uint64) | np.uint64(shard << SHARD_BITS), "uint64"),
        group=(groups, "uint64"),
    )
