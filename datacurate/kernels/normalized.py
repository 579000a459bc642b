"""Words of normalised text: without ASCII punctuation, in lower case, decomposed (NFD), cut at white space.

What RedPajama-v2 calls normalised words (`app/src/utilities/text/normalization.py`): Python's `str.lower`, final sigma
and all, then Unicode's canonical decomposition with its order of marks (UAX #15).
"""

from __future__ import annotations

import string
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.folding import CASED, CHANGED, HANGUL, IGNORED, SPACE, SYLLABLES, folding
from datacurate.kernels.text import Words
from datacurate.kernels.utf8 import decode, encode

if TYPE_CHECKING:
    import pyarrow as pa

_GAP, _NOTHING = -1, -2
_SIGMA, _FINAL = 0x3A3, 0x82


class Normalized(NamedTuple):
    """Normalised documents, `data[offsets[i]:offsets[i + 1]]`, and their words."""

    data: np.ndarray
    offsets: np.ndarray
    words: Words


@cache
def _ascii() -> np.ndarray:
    """What a byte of ASCII becomes: its lower case, a gap between words, or nothing."""
    made = np.arange(128, dtype=np.int16)
    for code in range(128):
        char = chr(code)
        made[code] = _NOTHING if char in string.punctuation else _GAP if char.isspace() else ord(char.lower())
    return read_only(made)


@njit(nogil=True, cache=True)
def _reorder(out, begin, end, order):
    """Sorts a run of combining marks by class, equal ones as they came (a counting sort: runs may be long)."""
    points = np.empty(end - begin, np.int32)
    counts = np.zeros(257, np.int64)
    size = 0
    i = begin
    while i < end:
        point, width = decode(out, i, end)
        points[size] = point
        counts[order[point] + 1] += 1
        size += 1
        i += width
    for k in range(256):
        counts[k + 1] += counts[k]
    ordered = np.empty(size, np.int32)
    for k in range(size):
        rank = order[points[k]]
        ordered[counts[rank]] = points[k]
        counts[rank] += 1
    for k in range(size):
        begin = encode(ordered[k], out, begin)


@njit(nogil=True, cache=True)
def _put(point, out, to, order, run):
    """Writes one decomposed code point; `run` holds the start of the marks before it, their last class, disorder."""
    rank = order[point]
    if rank == 0:
        if run[2]:
            _reorder(out, run[0], to, order)
        run[1] = run[2] = 0
    else:
        if run[1] == 0:
            run[0] = to
        run[2] |= rank < run[1]
        run[1] = rank
    return encode(point, out, to)


@njit(nogil=True, cache=True)
def _decomposed(point, out, to, folding, run):
    """Writes the lower case of a character, decomposed."""
    flags, order, slot, at, pool = folding
    if HANGUL <= point < HANGUL + SYLLABLES:
        syllable = point - HANGUL
        to = _put(0x1100 + syllable // 588, out, to, order, run)
        to = _put(0x1161 + syllable % 588 // 28, out, to, order, run)
        return _put(0x11A7 + syllable % 28, out, to, order, run) if syllable % 28 else to
    if not flags[point] & CHANGED:
        return _put(point, out, to, order, run)
    for k in range(at[slot[point]], at[slot[point] + 1]):
        to = _put(np.int64(pool[k]), out, to, order, run)
    return to


@njit(nogil=True, cache=True)
def _normalize(data, begin, end, ascii, folding, out, to, starts, ends, words):
    """One document; returns where its text and its words end."""
    flags, order = folding[0], folding[1]
    home = start = to
    sigma = -1  # a sigma that is final unless a cased letter follows
    cased = False  # the last character that counts is cased
    run = np.zeros(3, np.int64)
    i = begin
    while i <= end:
        c = data[i] if i < end else np.uint8(0x20)
        if c < 0x80:
            point, width = np.int64(c), 1
            low = ascii[c]
            if low == _NOTHING:
                i += 1
                continue
            gap = low == _GAP
        else:
            point, width = decode(data, i, end)
            low = np.int16(0)
            gap = flags[point] & SPACE != 0
        i += width
        kind = flags[point] & (CASED | IGNORED)
        if kind != IGNORED:
            if sigma >= 0 and kind != CASED:
                out[sigma + 1] = _FINAL
            sigma = -1
        if gap:
            if run[1]:
                _put(np.int64(0x20), out, to, order, run)
            if to > start:
                starts[words] = start - home
                ends[words] = to - home
                words += 1
                out[to] = 0x20
                to += 1
                start = to
            cased = False
            continue
        if c < 0x80 and run[1] == 0:
            out[to] = low
            to += 1
        elif c < 0x80:
            to = _put(np.int64(low), out, to, order, run)
        else:
            if point == _SIGMA and cased:
                sigma = to
            to = _decomposed(point, out, to, folding, run)
        if kind != IGNORED:
            cased = kind == CASED
    return to, words


@njit(nogil=True, cache=True)
def _normalize_all(data, offsets, ascii, folding, out, places, starts, ends, counts):
    to = words = 0
    for doc in range(len(offsets) - 1):
        places[doc] = to
        counts[doc] = words
        begin, end = offsets[doc], offsets[doc + 1]
        to, words = _normalize(data, begin, end, ascii, folding, out, to, starts, ends, words)
    places[len(offsets) - 1] = to
    counts[len(offsets) - 1] = words
    return to, words


def normalized(text: pa.Array | pa.ChunkedArray) -> Normalized:
    """Every document normalised, one space after each word; bytes that are not UTF-8 are U+FFFD."""
    data, offsets = bytes_and_offsets(text)
    size = int(offsets[-1] - offsets[0])
    # a byte becomes three at most: U+0390, U+1D160, bytes that are not UTF-8
    out = np.empty(3 * size + len(offsets) + 8, np.uint8)
    starts, ends = np.empty(size, np.int32), np.empty(size, np.int32)
    places, counts = np.empty(len(offsets), np.int64), np.empty(len(offsets), np.int64)
    to, words = _normalize_all(data, offsets, _ascii(), folding(), out, places, starts, ends, counts)
    return Normalized(read_only(out[: to + 8]), read_only(places), Words(starts[:words], ends[:words], counts))


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    normalized(pa.array(["A b\u0301"]))
