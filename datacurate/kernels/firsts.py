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
SHORT = 2
"""Of a record without the second half of its digest."""
LONG = 0xFFFF
"""Stands for all lengths from here on; these are kept apart."""


class Dealt(NamedTuple):
    """Records by slice of their digests: slice `k` is `records[k]`, rows of equal length (a field each), as one array.

    `ranks[k]` are those of its documents, as they come, `long[k]` the bytes of records with LONG of them or more.
    """

    records: list[np.ndarray]
    ranks: list[np.ndarray]
    long: list[np.ndarray]


@njit(nogil=True, cache=True)
def _deal(digests, ranks, documents, starts, ends, slices, fields, bounds, counts, out, present, long):
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
        to = fields * bounds[k] + at[k] - bounds[k]
        length = ends[i] - starts[i]
        out[to] = digests[i, 0]
        if fields == FIELDS:
            out[to + size] = digests[i, 1]
        out[to + (fields - 1) * size] = documents[i] << 48 | starts[i] << 16 | min(length, LONG)
        at[k] += 1
        if length >= LONG:
            long[bounds[k] + counts[k, 1]] = length
            counts[k, 1] += 1
        if last[k] != documents[i]:
            present[bounds[k] + counts[k, 0]] = ranks[documents[i]]
            counts[k, 0] += 1
            last[k] = documents[i]


def deal(
    digests: np.ndarray,
    ranks: np.ndarray,
    documents: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    slices: int,
    fields: int = FIELDS,
) -> Dealt:
    """Records of the parts `starts[i]:ends[i]` of documents `documents[i]`, of which a batch has fewer than 2**16.

    `fields` is FIELDS or SHORT.
    """
    if len(ranks) >= 1 << 16:
        raise ValueError(f"a batch of {len(ranks)} documents is too large: 65,535 are the most")
    bounds, counts = np.zeros(slices + 1, np.int64), np.zeros((slices, 2), np.int64)
    out = np.empty(fields * len(documents), np.uint64)
    present, long = np.empty(len(documents), np.uint64), np.empty(len(documents), np.uint64)
    arrays = (read_only(array) for array in (digests, ranks, documents, starts, ends))
    _deal(*arrays, np.uint64(slices), fields, bounds, counts, out, present, long)
    both = list(zip(bounds[:-1].tolist(), counts.tolist(), strict=True))
    return Dealt(
        [out[fields * a : fields * b] for a, b in pairwise(bounds.tolist())],
        [present[a : a + many] for a, (many, _) in both],
        [long[a : a + many] for a, (_, many) in both],
    )


class Runs(NamedTuple):
    """Records of one document in a block: where they begin, how many they are, and the document's rank and number."""

    begins: np.ndarray
    lengths: np.ndarray
    ranks: np.ndarray
    documents: np.ndarray
    blocks: np.ndarray


@njit(nogil=True, cache=True)
def _runs(values, bounds, begins, documents, blocks):
    """The places of a block's records are its second half."""
    n = 0
    for block in range(len(bounds) - 1):
        size = (bounds[block + 1] - bounds[block]) // SHORT
        for i in range(size):
            document = values[bounds[block] + size + i] >> np.uint64(48)
            if i == 0 or document != documents[n - 1]:
                begins[n], documents[n], blocks[n] = bounds[block] + i, document, block
                n += 1
    return n


def runs(values: np.ndarray, bounds: np.ndarray, ranks: np.ndarray) -> Runs:
    """The documents of blocks `values[bounds[k]:bounds[k + 1]]` of SHORT records; `ranks` are as `deal` made them."""
    begins, documents, blocks = (
        np.empty(len(ranks), np.int64),
        np.empty(len(ranks), np.uint64),
        np.empty(len(ranks), np.int64),
    )
    n = _runs(read_only(values), read_only(bounds), begins, documents, blocks)
    if n != len(ranks):
        raise ValueError(f"{n} documents have records, but there are {len(ranks)} ranks")
    halves = bounds[:-1] + np.diff(bounds) // SHORT
    ends = np.append(begins[1:], 0)[:n]
    last = np.append(blocks[1:] != blocks[:-1], True)[:n]
    ends[last] = halves[blocks[last]]
    return Runs(begins, ends - begins, ranks, documents, blocks)


class Places(NamedTuple):
    """Some records of several blocks: the block, the number of the document in it, first byte and bytes."""

    blocks: np.ndarray
    documents: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


@njit(nogil=True, cache=True)
def _long_at(values, bounds, found):
    n = 0
    for block in range(len(bounds) - 1):
        size = (bounds[block + 1] - bounds[block]) // SHORT
        for i in range(bounds[block], bounds[block] + size):
            if values[i + size] & np.uint64(LONG) == LONG:
                found[n] = i
                n += 1


def long_at(values: np.ndarray, bounds: np.ndarray, count: int) -> np.ndarray:
    """Where the hashes of the `count` long records of SHORT blocks stand."""
    found = np.empty(count, np.int64)
    if count:
        _long_at(read_only(values), read_only(bounds), found)
    return found


def places(values: np.ndarray, bounds: np.ndarray, found: np.ndarray, long_at: np.ndarray, long: np.ndarray) -> Places:
    """Where the records of SHORT blocks are whose hashes stand at `found`; `long` are the bytes of those `long_at`."""
    blocks = np.searchsorted(bounds, found, side="right") - 1
    made = values[found + (np.diff(bounds) // SHORT)[blocks]]
    lengths = made & np.uint64(LONG)
    which = np.flatnonzero(lengths == LONG)
    lengths[which] = long[np.searchsorted(long_at, found[which])]
    return Places(blocks, made >> np.uint64(48), made >> np.uint64(16) & np.uint64(0xFFFFFFFF), lengths)


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
