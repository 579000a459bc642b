"""Runs of words of paragraphs, and which of them were seen before, as in BFF."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels import bloom, lines, uax29
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.blake2s import digests
from datacurate.kernels.folding import SPACE, folding
from datacurate.kernels.memory import pointer
from datacurate.kernels.uax29 import _JOINS as JOINS
from datacurate.kernels.uax29 import _unit_end as unit_end
from datacurate.kernels.utf8 import decode

if TYPE_CHECKING:
    import pyarrow as pa

RUN = 16
"""Bits of a run's length; a paragraph with more n-grams in one slice has several runs."""
_MOST = np.uint64((1 << RUN) - 1)


class Grams(NamedTuple):
    """N-grams of a batch: their hashes, and the paragraph that each is of, in order."""

    hashes: np.ndarray
    owners: np.ndarray
    paragraphs: lines.Parts


@njit(nogil=True, cache=True)
def _tokens(data, i, end, table, joins, flags, out, to, firsts, lasts):
    """Writes the words of a paragraph, a space between them; how many there are and where they end.

    Words are what UAX #29 puts boundaries around, marks of punctuation too, white space not.
    """
    count = 0
    while i < end:
        stop = unit_end(data, i, end, table, joins)
        point, width = decode(data, i, end)
        if not flags[point] & SPACE or stop > i + width:
            firsts[count] = to
            for k in range(i, stop):
                out[to] = data[k]
                to += 1
            lasts[count] = to
            out[to] = 0x20
            to += 1
            count += 1
        i = stop
    return count, to


@njit(nogil=True, cache=True)
def _grams(data, starts, ends, table, joins, flags, ngram, least, out, room, first, last, owners):
    text, values, pairs, written = pointer(data), pointer(table), pointer(joins), pointer(out)
    firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64)
    to = n = 0
    for paragraph in range(len(starts)):
        count, to = _tokens(text, starts[paragraph], ends[paragraph], values, pairs, flags, written, to, firsts, lasts)
        if count < ngram and count >= least:
            first[n], last[n], owners[n] = firsts[0], lasts[count - 1], paragraph
            n += 1
        for k in range(count - ngram + 1):
            first[n], last[n], owners[n] = firsts[k], lasts[k + ngram - 1], paragraph
            n += 1
    return n


def grams(text: pa.Array | pa.ChunkedArray, ngram: int, least: int) -> Grams:
    """The runs of `ngram` words of every line; a shorter line of at least `least` words is one run.

    A run's hash is the first half of its BLAKE2s-128, so that nobody can bring other people's words under it.
    """
    data, offsets = bytes_and_offsets(text)
    paragraphs = lines.parts(data, offsets, "line")
    sizes = paragraphs.ends - paragraphs.starts
    size = int(sizes.sum())
    out = np.empty(2 * size + 1, np.uint8)
    first, last, owners = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    arrays = (read_only(data), read_only(paragraphs.starts), read_only(paragraphs.ends))
    tables = (uax29.table(), read_only(JOINS.ravel()), folding().flags)
    room = int(sizes.max(initial=0))
    n = _grams(*arrays, *tables, ngram, least, out, room, first, last, owners)
    hashes = np.ascontiguousarray(digests(out, first[:n], last[:n])[:, 0])
    return Grams(hashes, owners[:n], paragraphs)


@njit(nogil=True, cache=True)
def _counts(data, starts, ends, table, joins, flags, ngram, least, out, room, counts):
    text, values, pairs, written = pointer(data), pointer(table), pointer(joins), pointer(out)
    firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64)
    for paragraph in range(len(starts)):
        count, _ = _tokens(text, starts[paragraph], ends[paragraph], values, pairs, flags, written, 0, firsts, lasts)
        counts[paragraph] = count - ngram + 1 if count >= ngram else np.int64(count >= least)


def counts(text: pa.Array | pa.ChunkedArray, ngram: int, least: int) -> tuple[lines.Parts, np.ndarray]:
    """The lines that are not blank, their places counted from the document's first byte, and their n-grams."""
    data, offsets = bytes_and_offsets(text)
    found = lines.parts(data, offsets, "line")
    room = int((found.ends - found.starts).max(initial=0))
    arrays = (read_only(data), read_only(found.starts), read_only(found.ends))
    tables = (uax29.table(), read_only(JOINS.ravel()), folding().flags)
    made = np.empty(len(found.starts), np.int64)
    _counts(*arrays, *tables, ngram, least, np.empty(2 * room + 1, np.uint8), room, made)
    begin = offsets[found.documents]
    return lines.Parts(found.starts - begin, found.ends - begin, found.documents), made


@njit(nogil=True, cache=True)
def _deal(hashes, owners, documents, starts, slices, bounds, sizes, out, runs):
    """A counting sort by slice, and the runs of n-grams of one paragraph in each slice."""
    for i in range(len(hashes)):
        bounds[hashes[i] % slices + np.uint64(1)] += 1
    for k in range(slices):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    owner = np.full(slices, -1, np.int64)
    for i in range(len(hashes)):
        k = np.int64(hashes[i] % slices)
        out[at[k]] = hashes[i]
        at[k] += 1
        last = bounds[k] + sizes[k] - 1
        if owner[k] == owners[i] and runs[last] & _MOST != _MOST:
            runs[last] += np.uint64(1)
            continue
        place = documents[owners[i]] << 32 | starts[owners[i]]
        runs[last + 1] = np.uint64(place) << np.uint64(RUN) | np.uint64(1)
        sizes[k] += 1
        owner[k] = owners[i]


def deal(
    hashes: np.ndarray, owners: np.ndarray, documents: np.ndarray, starts: np.ndarray, slices: int
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """`(hashes, bounds, runs)` by slice: slice `k` has `hashes[bounds[k]:bounds[k + 1]]` and `runs[k]`.

    A run is `document << 48 | first byte << 16 | n-grams`, of a paragraph that the next n-grams of the slice are of.
    """
    bounds, sizes = np.zeros(slices + 1, np.int64), np.zeros(slices, np.int64)
    out, runs = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.uint64)
    arrays = (read_only(array) for array in (hashes, owners, documents, starts))
    _deal(*arrays, np.uint64(slices), bounds, sizes, out, runs)
    return out, bounds, [runs[a : a + size] for a, size in zip(bounds[:-1], sizes, strict=True)]


@njit(nogil=True, cache=True)
def _seen(hashes, begins, lengths, owners, order, bits, probes, words, found):
    """Goes through the runs in order; those of one owner are looked up before any is added."""
    at = 0
    while at < len(order):
        stop = at
        while stop < len(order) and owners[order[stop]] == owners[order[at]]:
            stop += 1
        for position in range(at, stop):
            run = order[position]
            for i in range(begins[run], begins[run] + lengths[run]):
                found[run] += bloom.holds(words, bits, probes, hashes[i])
        for position in range(at, stop):
            run = order[position]
            for i in range(begins[run], begins[run] + lengths[run]):
                bloom.add(words, bits, probes, hashes[i])
        at = stop


def seen(
    filter: bloom.Bloom, hashes: np.ndarray, lengths: np.ndarray, owners: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Of every run how many of its n-grams the filter holds, or stand in a run of another owner before it.

    Run `j` is the next `lengths[j]` hashes. `order` lists the runs as they come, those of one owner together. All are
    added to the filter.
    """
    found = np.zeros(len(lengths), np.int64)
    begins = np.cumsum(lengths) - lengths
    arrays = (read_only(array) for array in (hashes, begins, lengths, owners, order))
    _seen(*arrays, filter.bits, filter.probes, filter.words, found)
    return found
