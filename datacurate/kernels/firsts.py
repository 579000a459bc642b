"""Which of many records with a digest come first among their equals, and how records are laid out by slice."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import pointer

FIELDS = 5
"""Of a record, 8 bytes each: its digest (two), its document's rank and number in the batch, its place there."""


@njit(nogil=True, cache=True)
def _deal(digests, ranks, documents, starts, ends, slices, bounds, out):
    """A counting sort by slice; in a slice first all first fields, then all second ones, and so on."""
    total = len(documents)
    for i in range(total):
        bounds[digests[i, 0] % slices + np.uint64(1)] += 1
    for k in range(slices):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    for i in range(total):
        k = np.int64(digests[i, 0] % slices)
        size = bounds[k + 1] - bounds[k]
        to = FIELDS * bounds[k] + at[k] - bounds[k]
        out[to] = digests[i, 0]
        out[to + size] = digests[i, 1]
        out[to + 2 * size] = ranks[documents[i]]
        out[to + 3 * size] = documents[i]
        out[to + 4 * size] = starts[i] << 32 | (ends[i] - starts[i])
        at[k] += 1


def deal(
    digests: np.ndarray, ranks: np.ndarray, documents: np.ndarray, starts: np.ndarray, ends: np.ndarray, slices: int
) -> tuple[np.ndarray, np.ndarray]:
    """`(records, bounds)`: slice `k`, by the first half of the digest, is `records[bounds[k]:bounds[k + 1]]`, uint64.

    A slice is FIELDS rows of equal length; its records are in the order in which they came.
    """
    bounds, out = np.zeros(slices + 1, np.int64), np.empty(FIELDS * len(documents), np.uint64)
    arrays = (read_only(array) for array in (digests, ranks, documents, starts, ends))
    _deal(*arrays, np.uint64(slices), bounds, out)
    return out, FIELDS * bounds


@njit(nogil=True, cache=True)
def _firsts(high, low, rank, row, start, slots, mask, leader, alone):
    """Open addressing on `low`, which nobody can choose: `leader[i]` is the first record equal to record `i`."""
    highs, lows, ranks, rows, begins = pointer(high), pointer(low), pointer(rank), pointer(row), pointer(start)
    table = pointer(slots)
    for i in range(len(high)):
        at = lows[i] & mask
        while True:
            found = np.int64(table[at]) - 1
            if found < 0:
                table[at] = i + 1
                break
            if lows[found] == lows[i] and highs[found] == highs[i]:
                alone[found] = False
                alone[i] = False
                before = ranks[i] < ranks[found]
                if ranks[i] == ranks[found]:
                    before = rows[i] < rows[found] or (rows[i] == rows[found] and begins[i] < begins[found])
                if before:
                    table[at] = i + 1
                break
            at = (at + np.uint64(1)) & mask
    for i in range(len(high)):
        at = lows[i] & mask
        while True:
            found = np.int64(table[at]) - 1
            if lows[found] == lows[i] and highs[found] == highs[i]:
                break
            at = (at + np.uint64(1)) & mask
        leader[i] = found


def firsts(
    high: np.ndarray, low: np.ndarray, rank: np.ndarray, row: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`(leader, alone)`: for every record the first of those with its digest, and whether it is the only one.

    First is the least rank; of one document's records, or of documents with equal ranks, the least row and start.
    """
    size = 1 << max(4, (2 * len(high)).bit_length())
    slots = np.zeros(size, np.uint32 if len(high) < 2**32 - 1 else np.uint64)
    leader, alone = np.empty(len(high), np.int64), np.ones(len(high), np.bool_)
    arrays = (read_only(array) for array in (high, low, rank, row, start))
    _firsts(*arrays, slots, np.uint64(size - 1), leader, alone)
    return leader, alone
