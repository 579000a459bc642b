"""Which of many records with a digest come first among their equals, and how records are laid out by slice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from datacurate.kernels import blake2s
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import hash_bytes, pointer

FIELDS = 3
"""Of a record, 8 bytes each: its digest (two), and its place: `document << 48 | first byte << 16 | bytes`."""
SHORT = 2
"""Of a record without the second half of its digest."""
LONG = 0xFFFF
"""Stands for all lengths from here on; these are kept apart."""
_32 = np.uint64(32)

Lists = tuple[np.ndarray, np.ndarray]
"""`(values, bounds)`: list `k` is `values[bounds[k]:bounds[k + 1]]`."""


@njit(nogil=True, cache=True)
def _with_texts(ranks, data, offsets):
    for i in range(len(ranks)):
        said = hash_bytes(data, offsets[i], offsets[i + 1] - offsets[i])
        ranks[i] = (ranks[i] & ~np.uint64(0xFFFFFFFF)) | (said >> _32)


def ranks(ids: pa.Array | pa.ChunkedArray, text: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A number for every document that says which comes first, wherever documents lie: 32 bits of the digest of its id,
    then 32 of a hash of its text, for inputs that have an id twice. uint64[n]."""
    named, begins = bytes_and_offsets(ids)
    found = np.ascontiguousarray(blake2s.digests(named, begins[:-1], begins[1:])[:, 0])
    _with_texts(found, *bytes_and_offsets(text))
    return found


@njit(nogil=True, cache=True)
def _hashes(data, offsets, chosen, out):
    for k in range(len(chosen)):
        i = chosen[k]
        out[k] = hash_bytes(data, offsets[i], offsets[i + 1] - offsets[i])


def hashes(text: pa.Array | pa.ChunkedArray, chosen: np.ndarray) -> np.ndarray:
    """A hash of the text of every `chosen` document, to tell texts of one id apart. uint64[n]."""
    found = np.empty(len(chosen), np.uint64)
    _hashes(*bytes_and_offsets(text), read_only(chosen.astype(np.int64, copy=False)), found)
    return found


class Dealt(NamedTuple):
    """The parts of a batch by slice of their digests, a list for each slice. Of equal parts only the first is a record.

    A slice's block of records has first all first fields, then all second ones, and so on.
    """

    records: Lists
    ranks: Lists
    """Of the documents of records, as they come."""
    long: Lists
    """Bytes of records with LONG of them or more."""
    copies: Lists
    """Places of the other parts, by the record that they equal."""
    several: Lists
    """Of the records that have some, `position in the block << 32 | copies`."""
    long_copies: Lists
    """Bytes of copies with LONG of them or more."""


@njit(nogil=True, cache=True)
def _bounds(hashes, slices, bounds):
    for i in range(len(hashes)):
        bounds[hashes[i] % slices + np.uint64(1)] += 1
    for k in range(slices):
        bounds[k + 1] += bounds[k]


@njit(nogil=True, cache=True)
def _place(document, start, end):
    return np.uint64(document << 48 | start << 16 | min(end - start, LONG))


@njit(nogil=True, cache=True)
def _deal(some, digests, ranks, documents, starts, ends, slices, fields, bounds, counts, out, present, long, places):
    """A counting sort by slice of the parts `some`; in `places` where each is in its block."""
    at = bounds[:-1].copy()
    last = np.full(slices, -1, np.int64)
    for i in some:
        k = np.int64(digests[i, 0] % slices)
        size = bounds[k + 1] - bounds[k]
        to = fields * bounds[k] + at[k] - bounds[k]
        places[i] = at[k] - bounds[k]
        out[to] = digests[i, 0]
        if fields == FIELDS:
            out[to + size] = digests[i, 1]
        out[to + (fields - 1) * size] = _place(documents[i], starts[i], ends[i])
        at[k] += 1
        if ends[i] - starts[i] >= LONG:
            long[bounds[k] + counts[1, k]] = ends[i] - starts[i]
            counts[1, k] += 1
        if last[k] != documents[i]:
            present[bounds[k] + counts[0, k]] = ranks[documents[i]]
            counts[0, k] += 1
            last[k] = documents[i]


@njit(nogil=True, cache=True)
def _order(values, most):
    """A stable counting sort of numbers below `most`: the positions in order."""
    at = np.zeros(most + 1, np.int64)
    for i in range(len(values)):
        at[values[i] + 1] += 1
    for k in range(most):
        at[k + 1] += at[k]
    order = np.empty(len(values), np.int64)
    for i in range(len(values)):
        order[at[values[i]]] = i
        at[values[i]] += 1
    return order


@njit(nogil=True, cache=True)
def _deal_copies(order, slice, leaders, documents, starts, ends, places, bounds, counts, out, several, long):
    """Parts in `order`, that of slices and of the records that they equal, which are in `leaders`."""
    for position in range(len(order)):
        i = order[position]
        k = slice[position]
        out[position] = _place(documents[i], starts[i], ends[i])
        if ends[i] - starts[i] >= LONG:
            long[bounds[k] + counts[1, k]] = ends[i] - starts[i]
            counts[1, k] += 1
        if position == bounds[k] or leaders[i] != leaders[order[position - 1]]:
            several[bounds[k] + counts[0, k]] = np.uint64(places[leaders[i]]) << _32
            counts[0, k] += 1
        several[bounds[k] + counts[0, k] - 1] += np.uint64(1)


@njit(nogil=True, cache=True)
def _packed(values, bounds, counts):
    """Moves the first `counts[k]` values from each of `bounds` together, in place."""
    n = 0
    for k in range(len(counts)):
        for i in range(bounds[k], bounds[k] + counts[k]):
            values[n] = values[i]
            n += 1
    return values[:n]


def _lists(values: np.ndarray, bounds: np.ndarray, counts: np.ndarray) -> Lists:
    return _packed(values, bounds, counts), np.append(0, np.cumsum(counts))


def deal(
    digests: np.ndarray,
    ranks: np.ndarray,
    documents: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    slices: int,
    fields: int = FIELDS,
) -> Dealt:
    """The parts `starts[i]:ends[i]` of documents `documents[i]`, of which a batch has fewer than 2**16.

    `fields` is FIELDS or SHORT. A part that stands in the batch a hundred times costs one record and 8 bytes for each
    of the others, so that one that stands everywhere makes its slice no larger than others, but for these.
    """
    if len(ranks) >= 1 << 16:
        raise ValueError(f"a batch of {len(ranks)} documents is too large: 65,535 are the most")
    parts = [read_only(array) for array in (documents, starts, ends)]
    high, low = np.ascontiguousarray(digests.T)
    leaders, _ = firsts(high, low, ranks[documents], documents.astype(np.uint64), starts.astype(np.uint64))
    is_first = leaders == np.arange(len(leaders))
    some, others = np.flatnonzero(is_first), np.flatnonzero(~is_first)
    bounds, counts = np.zeros(slices + 1, np.int64), np.zeros((2, slices), np.int64)
    _bounds(high[some], np.uint64(slices), bounds)
    out, present, long = (np.empty(size * len(some), np.uint64) for size in (fields, 1, 1))
    places = np.empty(len(leaders), np.int64)
    arrays = (read_only(array) for array in (some, digests, ranks))
    _deal(*arrays, *parts, np.uint64(slices), fields, bounds, counts, out, present, long, places)
    dealt = ((out, fields * bounds), _lists(present, bounds, counts[0]), _lists(long, bounds, counts[1]))

    slice = (high[others] % np.uint64(slices)).astype(np.int64)
    order = _order(bounds[slice] + places[leaders[others]], len(some))
    bounds, counts = np.zeros(slices + 1, np.int64), np.zeros((2, slices), np.int64)
    _bounds(high[others], np.uint64(slices), bounds)
    copies, several, long = np.empty((3, len(others)), np.uint64)
    arrays = (read_only(array) for array in (others[order], slice[order], leaders))
    _deal_copies(*arrays, *parts, places, bounds, counts, copies, several, long)
    return Dealt(*dealt, (copies, bounds), _lists(several, bounds, counts[0]), _lists(long, bounds, counts[1]))


HEAD = 8
"""Numbers at the beginning of a packed block: the batch's first row, how many slices there are, and the lengths of the
lists of `Dealt`."""


class Blocks(NamedTuple):
    """Blocks of several batches that belong to one slice: of each the batch's first row, and its lists."""

    first: np.ndarray
    slices: int
    lists: Dealt


@njit(nogil=True, cache=True)
def _pack(values, bounds, some, row, slices, out, ends):
    """`values` and `bounds` are those of the lists, end to end; `bounds` is int64[lists, slices + 1]."""
    to = 0
    for n in range(len(some)):
        k = some[n]
        out[to], out[to + 1] = row, slices
        head, to = to + 2, to + HEAD
        for own in range(len(bounds)):
            out[head + own] = bounds[own, k + 1] - bounds[own, k]
            for i in range(bounds[own, k], bounds[own, k + 1]):
                out[to] = values[i]
                to += 1
        ends[n + 1] = to


def packed(dealt: Dealt, row: int) -> tuple[np.ndarray, Lists]:
    """The slices that have records, and a block for each of them: a table of few columns is read fast."""
    slices = len(dealt.records[1]) - 1
    some = np.flatnonzero(np.diff(dealt.records[1]))
    sizes = np.array([len(values) for values, _ in dealt])
    bounds = np.stack([own for _, own in dealt]) + (np.cumsum(sizes) - sizes)[:, None]
    values = np.concatenate([values for values, _ in dealt])
    out, ends = np.empty(len(values) + HEAD * len(some), np.uint64), np.zeros(len(some) + 1, np.int64)
    _pack(read_only(values), bounds, some, np.uint64(row), np.uint64(slices), out, ends)
    return some, (out, ends)


@njit(nogil=True, cache=True)
def _unpack(values, bounds, own, ends, out):
    to = 0
    for block in range(len(bounds) - 1):
        at = bounds[block] + HEAD
        for before in range(own):
            at += np.int64(values[bounds[block] + 2 + before])
        for i in range(at, at + np.int64(values[bounds[block] + 2 + own])):
            out[to] = values[i]
            to += 1
        ends[block + 1] = to


def unpacked(blocks: Lists) -> Blocks:
    """What was packed, of blocks that belong to one slice."""
    values, bounds = blocks
    heads = values[bounds[:-1, None] + np.arange(HEAD)].astype(np.int64)
    lists = []
    for own, total in enumerate(heads[:, 2:].sum(axis=0).tolist()):
        out, ends = np.empty(total, np.uint64), np.zeros(len(bounds), np.int64)
        _unpack(read_only(values), read_only(bounds), own, ends, out)
        lists.append((out, ends))
    return Blocks(heads[:, 0].astype(np.uint64), int(heads[0, 1]) if len(heads) else 1, Dealt(*lists))


class Records(NamedTuple):
    """Parts of some blocks: digests, the rank and row of the document of each, its first byte and bytes."""

    high: np.ndarray
    low: np.ndarray
    rank: np.ndarray
    row: np.ndarray
    start: np.ndarray
    length: np.ndarray


@njit(nogil=True, cache=True)
def _records(values, bounds, first, ranks, long, fields, high, low, rank, row, start, length):
    n = 0
    document_at, long_at = -1, 0
    for block in range(len(bounds) - 1):
        size = (bounds[block + 1] - bounds[block]) // fields
        last = np.uint64(LONG + 1)
        for i in range(bounds[block], bounds[block] + size):
            place = values[i + (fields - 1) * size]
            document = place >> np.uint64(48)
            if document != last:
                document_at += 1
                last = document
            high[n] = values[i]
            if fields == FIELDS:
                low[n] = values[i + size]
            if len(ranks):
                rank[n] = ranks[document_at]
            row[n] = first[block] + document
            start[n] = place >> np.uint64(16) & np.uint64(0xFFFFFFFF)
            length[n] = place & np.uint64(LONG)
            if length[n] == LONG:
                length[n] = long[long_at]
                long_at += 1
            n += 1


def records(blocks: Lists, first: np.ndarray, ranks: np.ndarray, long: np.ndarray, fields: int = FIELDS) -> Records:
    """The records of blocks from several batches, whose first rows are in `first`, end to end.

    `ranks` and `long` are as `deal` made them, end to end; without ranks that column means nothing, nor does `low`
    where `fields` is SHORT. With `fields` 1, blocks hold places alone, as those of copies do, and `high` is the place.
    """
    values, bounds = blocks
    columns = np.empty((6, len(values) // fields), np.uint64)
    arrays = (read_only(array) for array in (values, bounds, first, ranks, long))
    _records(*arrays, fields, *columns)
    return Records(*columns)


class Runs(NamedTuple):
    """The first halves of digests of some blocks, end to end, and the records of one document in a block: where they
    begin, how many they are, and the document's rank and row."""

    hashes: np.ndarray
    begins: np.ndarray
    lengths: np.ndarray
    ranks: np.ndarray
    rows: np.ndarray


@njit(nogil=True, cache=True)
def _runs(values, bounds, first, hashes, begins, rows):
    n = k = 0
    for block in range(len(bounds) - 1):
        size = (bounds[block + 1] - bounds[block]) // SHORT
        for i in range(bounds[block], bounds[block] + size):
            row = first[block] + (values[i + size] >> np.uint64(48))
            if i == bounds[block] or row != rows[n - 1]:
                begins[n], rows[n] = k, row
                n += 1
            hashes[k] = values[i]
            k += 1


def runs(blocks: Lists, first: np.ndarray, ranks: np.ndarray) -> Runs:
    """The documents of blocks of SHORT records."""
    values, bounds = blocks
    hashes, begins = np.empty(len(values) // SHORT, np.uint64), np.empty(len(ranks), np.int64)
    rows = np.empty(len(ranks), np.uint64)
    _runs(read_only(values), read_only(bounds), read_only(first), hashes, begins, rows)
    return Runs(hashes, begins, np.diff(np.append(begins, len(hashes))), ranks, rows)


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
