"""Words of UTF-8 text as hashes, and runs of n words as shingles.

A word is a run of letters, marks, digits and underscores, in lower case; in scripts without spaces every such
character is a word. A byte that is not valid UTF-8 separates words.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets
from datacurate.kernels.casefold import tables

START = np.uint64(0x243F6A8885A308D3)
STEP = np.uint64(0x9E3779B97F4A7C15)
BASE = np.uint64(0xD6E8FEB86659FD93)
MIX_A = np.uint64(0xFF51AFD7ED558CCD)
MIX_B = np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(33)


@njit(nogil=True, cache=True)
def mix(value):
    """MurmurHash3's finaliser: every bit of the value reaches every bit of the result."""
    value ^= value >> HALF
    value *= MIX_A
    value ^= value >> HALF
    value *= MIX_B
    return value ^ (value >> HALF)


@njit(nogil=True, cache=True)
def decode(data, at, end):
    """The code point at `at` and its length in bytes; -1 and one byte where the text is not valid UTF-8."""
    lead = np.int32(data[at])
    if lead < 0x80:
        return lead, 1
    if lead < 0xC2 or lead > 0xF4:
        return np.int32(-1), 1
    more = 1 + (lead >= 0xE0) + (lead >= 0xF0)
    if at + more >= end:
        return np.int32(-1), 1
    code = lead & (0x3F >> more)
    for k in range(1, more + 1):
        byte = np.int32(data[at + k])
        if byte & 0xC0 != 0x80:
            return np.int32(-1), 1
        code = (code << 6) | (byte & 0x3F)
    if more == 2 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
        return np.int32(-1), 1
    if more == 3 and (code < 0x10000 or code > 0x10FFFF):
        return np.int32(-1), 1
    return np.int32(code), more + 1


@njit(nogil=True, cache=True)
def word_hashes(data, at, end, ascii, pages, entries, out):
    """Write the hash of every word of `data[at:end]` to `out`; return how many there are."""
    count = 0
    inside = False
    word = START
    while at < end:
        low = ascii[data[at]]
        if low != 0:
            word = (word ^ np.uint64(low)) * STEP
            inside = True
            at += 1
            continue
        kind = 0
        code, size = decode(data, at, end)
        at += size
        if code >= 128:
            entry = entries[pages[code >> 8], code & 255]
            kind = entry & 3
            code += entry >> 2
        if kind == 1:
            word = (word ^ np.uint64(code)) * STEP
            inside = True
            continue
        if inside:
            out[count] = mix(word)
            count += 1
            word = START
            inside = False
        if kind == 2:
            out[count] = mix((START ^ np.uint64(code)) * STEP)
            count += 1
    if inside:
        out[count] = mix(word)
        count += 1
    return count


@njit(nogil=True, cache=True)
def shingle_hashes(words, count, ngram):
    """Replace the first `count` word hashes by the hashes of the runs of `ngram` words; return how many."""
    if count < ngram:
        return 0
    oldest = np.uint64(1)
    rolling = np.uint64(0)
    for i in range(ngram - 1):
        oldest *= BASE
        rolling = rolling * BASE + words[i]
    for i in range(count - ngram + 1):
        rolling = rolling * BASE + words[i + ngram - 1]
        first = words[i]
        words[i] = rolling
        rolling -= first * oldest
    for i in range(count - ngram + 1):
        words[i] = mix(words[i])
    return count - ngram + 1


@njit(nogil=True, cache=True)
def longest(offsets):
    """The length of the longest document."""
    most = 0
    for i in range(len(offsets) - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return most


@njit(nogil=True, cache=True)
def _flat_shingles(data, offsets, ascii, pages, entries, ngram, bounds):
    room = np.empty((offsets[-1] - offsets[0]) // 2 + len(offsets) + 1, dtype=np.uint64)
    filled = 0
    bounds[0] = 0
    for i in range(len(offsets) - 1):
        count = word_hashes(data, offsets[i], offsets[i + 1], ascii, pages, entries, room[filled:])
        filled += shingle_hashes(room[filled:], count, ngram)
        bounds[i + 1] = filled
    return room[:filled]


@njit(nogil=True, cache=True)
def _drop_repeats(flat, bounds):
    """Close up the sorted runs of `flat`, without repeated values; the number of values kept."""
    filled = 0
    start = bounds[0]
    for i in range(len(bounds) - 1):
        end = bounds[i + 1]
        for k in range(start, end):
            if k == start or flat[k] != flat[k - 1]:
                flat[filled] = flat[k]
                filled += 1
        start = end
        bounds[i + 1] = filled
    return filled


def shingle_sets(array: pa.Array | pa.ChunkedArray, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """The set of shingles of every document: `(hashes, offsets)`, each document's hashes sorted and unique."""
    data, offsets = bytes_and_offsets(array)
    bounds = np.zeros(len(offsets), dtype=np.int64)
    flat = _flat_shingles(data, offsets, *tables(), ngram, bounds)
    for start, end in pairwise(bounds.tolist()):
        flat[start:end].sort()  # numpy sorts with vector instructions, ten times as fast as a numba loop
    return flat[: _drop_repeats(flat, bounds)].copy(), bounds


def lengths(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Bytes of every text."""
    return np.diff(bytes_and_offsets(array)[1])
