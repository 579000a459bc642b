"""Runs of n words, or of n other units (`shingle_units.py`), as 64-bit hashes: shingles, and sets of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import borrowing
from datacurate.kernels.shingle_units import IDENTIFIERS, KINDS, NONE, START, decode, end_word, mix, tables, units

__all__ = ["decode", "lengths", "longest", "mix", "shingle_sets", "shingles_of"]

BASE = np.uint64(0xD6E8FEB86659FD93)


@borrowing
def _shingle_hashes(units, count, ngram):
    """Replace the first `count` hashes by the hashes of the runs of `ngram` of them; return how many."""
    if count < ngram:
        return 0
    oldest = np.uint64(1)
    rolling = np.uint64(0)
    for i in range(ngram - 1):
        oldest *= BASE
        rolling = rolling * BASE + units[i]
    for i in range(count - ngram + 1):
        rolling = rolling * BASE + units[i + ngram - 1]
        first = units[i]
        units[i] = rolling
        rolling -= first * oldest
    for i in range(count - ngram + 1):
        units[i] = mix(units[i])
    return count - ngram + 1


@borrowing
def _without_blanks(shingles, count, ngram):
    """Close up the shingles that are more than `ngram` empty pieces; how many are left.

    Between characters that are no letters of ASCII all pieces are empty: all Chinese texts would be alike.
    """
    blank = np.uint64(0)
    for _ in range(ngram):
        blank = blank * BASE + end_word(START, NONE, 0)
    blank = mix(blank)
    left = 0
    for i in range(count):
        if shingles[i] != blank:
            shingles[left] = shingles[i]
            left += 1
    return left


@borrowing
def shingles_of(kind, data, at, end, tables, ngram, out):
    """Write the shingles of `data[at:end]` to `out`, in order; return how many there are."""
    count = _shingle_hashes(out, units(kind, data, at, end, tables, out), ngram)
    return _without_blanks(out, count, ngram) if kind == IDENTIFIERS else count


@njit(nogil=True, cache=True)
def longest(offsets):
    """The length of the longest document."""
    most = 0
    for i in range(len(offsets) - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return most


@njit(nogil=True, cache=True)
def _flat_shingles(kind, data, offsets, chosen, tables, ngram, out, bounds):
    filled = 0
    bounds[0] = 0
    for k in range(len(chosen)):
        i = chosen[k]
        filled += shingles_of(kind, data, offsets[i], offsets[i + 1], tables, ngram, out[filled:])
        bounds[k + 1] = filled
    return filled


@njit(nogil=True, cache=True)
def _drop_repeats(flat, bounds):
    """Close up the sorted runs of `flat`, without repeated values; the number of values kept."""
    filled = 0
    start = bounds[0]
    for i in range(len(bounds) - 1):
        end = bounds[i + 1]
        for k in range(start, end):
            flat[filled] = flat[k]
            filled += k + 1 == end or flat[k] != flat[k + 1]
        start = end
        bounds[i + 1] = filled
    return filled


def shingle_sets(
    array: pa.Array | pa.ChunkedArray, ngram: int, kind: str = "words", chosen: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The set of shingles of every document, or of the `chosen` ones: `(hashes, offsets)`, each set sorted."""
    data, offsets = bytes_and_offsets(array)
    which = np.arange(len(offsets) - 1) if chosen is None else np.asarray(chosen, np.int64)
    number = KINDS.index(kind)
    # all units of a document stand in `flat` before they become shingles: one for each byte and one more, at most
    flat = np.empty(int((offsets[which + 1] - offsets[which]).sum()) + len(which) + 1, np.uint64)
    bounds = np.zeros(len(which) + 1, np.int64)
    filled = _flat_shingles(number, data, offsets, read_only(which), tables(number), ngram, flat, bounds)
    flat = flat[:filled]
    for start, end in pairwise(bounds.tolist()):
        flat[start:end].sort()  # numpy sorts with vector instructions, ten times as fast as a numba loop
    return flat[: _drop_repeats(flat, bounds)], bounds


def lengths(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Bytes of every text."""
    return np.diff(bytes_and_offsets(array)[1])
