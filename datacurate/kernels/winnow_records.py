"""Anchors on their way from documents to classes of equal blocks: laid out by slice, then sorted.

A record is FIELDS numbers of 8 bytes. Records travel as rows of one array and not as columns of a table: all that a
comparison looks at is in one place, and the store writes and reads a slice of a batch as one value.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import pointer
from datacurate.kernels.winnow import ANCHOR, BYTE, COLUMNS, DOCUMENT, HIGH, LEAD, LOW, START, WINDOWS
from datacurate.kernels.winnow_match import SPAN, Classes, Members

FIELDS = 6
_ANCHOR, _HIGH, _LOW, _ORDER, _AT, _PLACE = range(FIELDS)
"""Fields of a record: the hash of the anchor, the digest of its block, the order of its document,
`number of the document in its batch << 32 | first byte of the block`, and
`first symbol of the block << 32 | symbols to the anchor << 16 | windows`."""
_NUMBER = _ANCHOR
"""While records are sorted within their group: which of all it is."""
BUCKET = 1 << 12
MIDDLE = np.uint64(16)
SHORT = 12
"""So many indices are sorted by insertion."""


@njit(nogil=True, cache=True)
def _packed(found, orders, out):
    for i in range(len(found)):
        doc = np.int64(found[i, DOCUMENT])
        out[i, _ANCHOR], out[i, _HIGH], out[i, _LOW], out[i, _ORDER] = (
            found[i, ANCHOR],
            found[i, HIGH],
            found[i, LOW],
            orders[doc],
        )
        out[i, _AT] = found[i, DOCUMENT] << np.uint64(32) | found[i, BYTE]
        around = found[i, LEAD] << np.uint64(16) | found[i, WINDOWS]
        out[i, _PLACE] = found[i, START] << np.uint64(32) | around


def packed(found: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Records of what `winnow.anchors` found in documents of these orders: uint64[n, FIELDS]."""
    out = np.empty((len(found), FIELDS), np.uint64)
    _packed(found, read_only(orders), out)
    return out


@njit(nogil=True, cache=True)
def _deal(records, slices, bounds, out):
    """A counting sort: records of one slice keep their order."""
    for i in range(len(records)):
        bounds[slices[i] + 1] += 1
    for k in range(len(bounds) - 1):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    for i in range(len(records)):
        to = at[slices[i]]
        at[slices[i]] += 1
        for field in range(records.shape[1]):
            out[to, field] = records[i, field]


def deal(records: np.ndarray, slices: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`(records, bounds)`: the records of slice `k` are `records[bounds[k]:bounds[k + 1]]`, in the order given."""
    out, bounds = np.empty_like(records), np.zeros(count + 1, np.int64)
    _deal(records, read_only(slices.astype(np.int64, copy=False)), bounds, out)
    return out, bounds


@njit(nogil=True, cache=True, forceinline=True)
def _before(records, one, other, by_digest):
    """Whether record `one` stands before `other`: by the digest, if asked for, then as documents and records do."""
    a, b = one * FIELDS, other * FIELDS
    if by_digest and records[a + _LOW] != records[b + _LOW]:
        return records[a + _LOW] < records[b + _LOW]
    if by_digest and records[a + _HIGH] != records[b + _HIGH]:
        return records[a + _HIGH] < records[b + _HIGH]
    if records[a + _ORDER] != records[b + _ORDER]:
        return records[a + _ORDER] < records[b + _ORDER]
    return records[a + _NUMBER] < records[b + _NUMBER]


@njit(nogil=True, cache=True)
def _sort(records, index, first, last, by_digest, spare):
    """Sorts `index[first:last]`: short runs by insertion, then merged two by two, so that no order takes long."""
    for low in range(first, last, SHORT):
        high = min(low + SHORT, last)
        for i in range(low + 1, high):
            one, to = index[i], i
            while to > low and _before(records, one, index[to - 1], by_digest):
                index[to] = index[to - 1]
                to -= 1
            index[to] = one
    size = SHORT
    while size < last - first:
        for low in range(first, last, 2 * size):
            middle, high = min(low + size, last), min(low + 2 * size, last)
            left, right = low, middle
            for to in range(low, high):
                if right < high and (left >= middle or _before(records, index[right], index[left], by_digest)):
                    spare[to] = index[right]
                    right += 1
                else:
                    spare[to] = index[left]
                    left += 1
        for at in range(first, last):
            index[at] = spare[at]
        size *= 2


@njit(nogil=True, cache=True)
def _met(data, order, fewest, out, bounds):
    """Copies the records whose anchor at least `fewest` have, group by group, with their numbers for their anchors.

    `order` sorts the records by anchor; `bounds` says where each group begins. Returns how many groups there are.
    """
    records, to = pointer(data), pointer(out)
    count = groups = i = 0
    while i < len(order):
        end = i + 1
        while end < len(order) and records[order[end] * FIELDS] == records[order[i] * FIELDS]:
            end += 1
        if end - i >= fewest:
            bounds[groups] = count
            groups += 1
            for k in range(i, end):
                for field in range(1, FIELDS):
                    to[count * FIELDS + field] = records[order[k] * FIELDS + field]
                to[count * FIELDS + _NUMBER] = np.uint64(order[k])
                count += 1
        i = end
    bounds[groups] = count
    return groups


@njit(nogil=True, cache=True, forceinline=True)
def _same_block(records, one, other):
    a, b = one * FIELDS, other * FIELDS
    return records[a + _LOW] == records[b + _LOW] and records[a + _HIGH] == records[b + _HIGH]


@njit(nogil=True, cache=True)
def _classes(data, index, bounds, groups, spare, heads, begins, members, of_group, firsts, starts, numbers):
    """Writes the members of all classes; of the classes their groups, first members, where their members begin, and a
    number where the group has several. Returns how many classes there are."""
    records = pointer(data)
    index, spare, heads, begins = pointer(index), pointer(spare), pointer(heads), pointer(begins)
    count = to = contested = 0
    for group in range(groups):
        first, last = bounds[group], bounds[group + 1]
        _sort(records, index, first, last, True, spare)
        several = 0
        for at in range(first, last):
            if at == first or not _same_block(records, index[at], index[at - 1]):
                heads[several] = index[at]
                begins[index[at]] = at
                several += 1
        _sort(records, heads, 0, several, False, spare)
        for k in range(several):
            of_group[count], firsts[count], starts[count] = group, heads[k], to
            numbers[count] = contested if several > 1 else -1
            contested += several > 1
            count += 1
            at = begins[heads[k]]
            while at < last and _same_block(records, index[at], heads[k]):
                members[to] = index[at]
                to += 1
                at += 1
    starts[count] = to
    return count


@njit(nogil=True, cache=True)
def _dealt(anchors, buckets, bounds, keys, order):
    for anchor in anchors:
        bounds[np.int64(anchor >> MIDDLE) % buckets + 1] += 1
    for k in range(buckets):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    for i in range(len(anchors)):
        k = np.int64(anchors[i] >> MIDDLE) % buckets
        keys[at[k]], order[at[k]] = anchors[i], i
        at[k] += 1


def _by_anchor(anchors: np.ndarray) -> np.ndarray:
    """An order in which equal anchors are neighbours: by some bits of theirs, then by all of them.

    Sorting BUCKET anchors at a time stays in the processor's cache. Their high bits are mostly 0, because anchors are
    the smallest of many hashes, and the low ones tell slices apart.
    """
    buckets = 1 << (len(anchors) // BUCKET).bit_length()
    bounds, keys, order = (
        np.zeros(buckets + 1, np.int64),
        np.empty(len(anchors), np.uint64),
        np.empty(len(anchors), np.int64),
    )
    _dealt(anchors, buckets, bounds, keys, order)
    for first, last in pairwise(bounds.tolist()):
        order[first:last] = order[first:last][np.argsort(keys[first:last])]
    return order


@njit(nogil=True, cache=True)
def _described(records, members, bases, rows, places, orders, blocks):
    small = np.uint64(0xFFFFFFFF)
    for m in range(len(members)):
        record = records[members[m]]
        place, lead = record[_PLACE], (record[_PLACE] >> np.uint64(16)) & np.uint64(0xFFFF)
        rows[m] = bases[np.int64(record[_NUMBER])] + (record[_AT] >> np.uint64(32))
        orders[m], places[m] = record[_ORDER], (place >> np.uint64(32)) + lead
        blocks[m] = (record[_AT] & small) << np.uint64(32) | place >> np.uint64(32)


def grouped(records: np.ndarray, bases: np.ndarray, fewest: int = 2) -> tuple[Classes, Members, np.ndarray, np.ndarray]:
    """The records with an anchor that `fewest` have, as classes of equal blocks, groups in the order of anchors.

    In a group classes stand in the order of their first members, and members in that of documents and, among equals, of
    records; that is the order of rows and symbols, if records come in it. The third value is a number for every class
    of a group that has several, -1 for the others, the fourth the record of every class's first member. `records` is
    one array, FIELDS numbers to a record; `bases` has for each the row of the first document of its batch.
    """
    order = _by_anchor(records[_ANCHOR::FIELDS])
    met, bounds = np.empty(len(records), np.uint64), np.empty(len(order) + 1, np.int64)
    groups = _met(read_only(records), order, fewest, met, bounds)
    count = int(bounds[groups])
    # half the room of int64, which takes a while to be had
    kind = np.int32 if len(order) < 1 << 31 else np.int64
    index, spare, heads, begins, members, of_group, firsts, numbers = np.empty((8, count), kind)
    index[:], starts = np.arange(count), np.empty(count + 1, np.int64)
    classes = _classes(met, index, bounds, groups, spare, heads, begins, members, of_group, firsts, starts, numbers)
    met = met[: count * FIELDS].reshape(-1, FIELDS)
    around = met[firsts[:classes], _PLACE].astype(np.int64)
    described = Members(np.empty(count, np.uint64), np.empty(count, np.int64), *np.empty((2, count), np.uint64))
    _described(met, members, read_only(bases), *described)
    about = Classes(of_group[:classes].astype(np.int64), around & 0xFFFF, around >> 16 & 0xFFFF, starts[: classes + 1])
    return about, described, numbers[:classes], met[firsts[:classes], _NUMBER].astype(np.int64)


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    one = np.zeros(2, np.uint64)
    records = packed(np.zeros((2, COLUMNS), np.uint64), one)
    deal(np.zeros((2, SPAN), np.uint64), one, 1)
    grouped(deal(records, one, 1)[0].reshape(-1), one)
