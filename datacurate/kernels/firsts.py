"""Which of many records with a digest come first among their equals, and how records are laid out by slice."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import pointer

FIELDS = 3
"""Of a record, 8 bytes each: its digest (two), and `document << 48 | first byte << 16 | bytes`."""
LONG = 0xFFFF
"""Stands for all lengths from here on; these are kept apart."""


class Dealt(NamedTuple):
    """Records by slice of their digests: slice `k` is `records[k]`, FIELDS rows of equal length, as one array.

    `ranks[k]` are those of its documents, as they come, `long[k]` the bytes of records with LONG of them or more.
    """

    records: list[np.ndarray]
    ranks: list[np.ndarray]
    long: list[np.ndarray]


@njit(nogil=True, cache=True)
def _deal(digests, ranks, documents, starts, ends, slices, bounds, counts, out, present, long):
    """A counting sort by slice; in a slice first all first fields, then all second ones, and so on."""
    total = len(documents)
    for i in range(total):
        bounds[digests[i, 0] % slices + np.uint64(1)] += 1
    for k in range(slices):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    last = np.full(slices, -1, np.int64)
    for i in range(total):
        k = np.int64(digests[i, 0] % slices)
        size = bounds[k + 1] - bounds[k]
        to = FIELDS * bounds[k] + at[k] - bounds[k]
        length = ends[i] - starts[i]
        out[to] = digests[i, 0]
        out[to + size] = digests[i, 1]
        out[to + 2 * size] = documents[i] << 48 | starts[i] << 16 | min(length, LONG)
        at[k] += 1
        if length >= LONG:
            long[bounds[k] + counts[k, 1]] = length
            counts[k, 1] += 1
        if last[k] != documents[i]:
            present[bounds[k] + counts[k, 0]] = ranks[documents[i]]
            counts[k, 0] += 1
            last[k] = documents[i]


def deal(
    digests: np.ndarray, ranks: np.ndarray, documents: np.ndarray, starts: np.ndarray, ends: np.ndarray, slices: int
) -> Dealt:
    """Records of the parts `starts[i]:ends[i]` of documents `documents[i]`, of which a batch has fewer than 2**16."""
    if len(ranks) >= 1 << 16:
        raise ValueError(f"a batch of {len(ranks)} documents is too large: 65,535 are the most")
    bounds, counts = np.zeros(slices + 1, np.int64), np.zeros((slices, 2), np.int64)
    out = np.empty(FIELDS * len(documents), np.uint64)
    present, long = np.empty(len(documents), np.uint64), np.empty(len(documents), np.uint64)
    arrays = (read_only(array) for array in (digests, ranks, documents, starts, ends))
    _deal(*arrays, np.uint64(slices), bounds, counts, out, present, long)
    both = list(zip(bounds[:-1].tolist(), counts.tolist(), strict=True))
    return Dealt(
        [out[FIELDS * a : FIELDS * b] for a, b in pairwise(bounds.tolist())],
        [present[a : a + many] for a, (many, _) in both],
        [long[a : a + many] for a, (_, many) in both],
    )


class Records(NamedTuple):
    """Parts of many batches: digests, and of each the rank and number of its document, its first byte and bytes."""

    high: np.ndarray
    low: np.ndarray
    rank: np.ndarray
    document: np.ndarray
    start: np.ndarray
    length: np.ndarray


def gathered(records: list[np.ndarray], ranks: np.ndarray, long: np.ndarray) -> Records:
    """The records of one slice from several batches, and what of theirs `deal` kept apart, end to end."""
    blocks = [block.reshape(FIELDS, -1) for block in records]
    high, low, place = np.concatenate([*blocks, np.empty((FIELDS, 0), np.uint64)], axis=1)
    document = place >> np.uint64(48)
    new = np.ones(len(place), bool)
    new[1:] = document[1:] != document[:-1]
    new[np.cumsum([0, *(block.shape[1] for block in blocks[:-1])])[: len(new)]] = True
    length = place & np.uint64(LONG)
    length[length == LONG] = long
    start = place >> np.uint64(16) & np.uint64(0xFFFFFFFF)
    return Records(high, low, ranks[np.cumsum(new) - 1], document, start, length)


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
