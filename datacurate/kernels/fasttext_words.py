"""The dictionary of a fastText model, from its file into tables."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.memory import first_bytes, hash_padded, inlined, load64

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: its products have well-mixed upper bits (Fibonacci hashing)."""
FILTER_BITS = 18
"""Two to this many bits, 32 kB, say of nearly all words of a text that lid.176's 7,235 are not among them."""
FILTER_SHIFT = np.uint64(64 - FILTER_BITS)
TABLE_SHIFT = np.uint64(20)


@njit(nogil=True, cache=True)
def _entries(data, at, starts, counts, kinds, texts):
    """Words one after the other, their counts and kinds; where the entries end, or -1 where the file ends first."""
    to = 0
    for k in range(len(kinds)):
        starts[k] = to
        while at < len(data) and data[at]:
            texts[to] = data[at]
            to += 1
            at += 1
        if at + 10 > len(data):
            return np.int64(-1)
        count = np.uint64(0)
        for b in range(8):
            count |= np.uint64(data[at + 1 + b]) << np.uint64(8 * b)
        counts[k] = np.int64(count)
        kinds[k] = data[at + 9]
        at += 10
    starts[len(kinds)] = to
    return at


def entries(data: np.ndarray, at: int, count: int) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where the dictionary ends (-1: the file ends first), the words' bytes, where each starts, counts and kinds."""
    room = min(len(data) - at, 1 << 34)
    starts, counts, kinds = np.zeros(count + 1, np.int64), np.zeros(count, np.int64), np.zeros(count, np.uint8)
    texts = np.empty(max(room, 0), np.uint8)
    end = _entries(data, at, starts, counts, kinds, texts)
    return end, np.append(texts[: starts[-1]], np.zeros(8, np.uint8)), starts, counts, kinds


@njit(nogil=True, cache=True)
def _filled(texts, starts, filter, table):
    mask = np.uint64(len(table) // 2 - 1)
    for k in range(len(starts) - 1):
        length = starts[k + 1] - starts[k]
        spread = word_key(texts, starts[k], length) * SPREAD
        bit = spread >> FILTER_SHIFT
        filter[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        at = np.int64((spread >> TABLE_SHIFT) & mask)
        while table[2 * at + 1] >= 0:
            at = (at + 1) & np.int64(mask)
        table[2 * at] = np.int64(word_key(texts, starts[k], length))
        table[2 * at + 1] = k


def tables(texts: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A bit for each word by its hash, and an open-addressing table of their keys and rows (-1: none).

    `texts` has eight more bytes behind the last word.
    """
    filter = np.zeros(1 << (FILTER_BITS - 6), np.uint64)
    table = np.full(2 << max(4, int(2 * len(starts) - 1).bit_length()), -1, np.int64)
    _filled(texts, starts, filter, table)
    return filter, table


@inlined
def word_key(data, start, length):
    """What tells a word from most others: its bytes, or a hash of eight or more. Eight more bytes must follow it."""
    if length < 8:
        return load64(data, start) & first_bytes(length)
    return hash_padded(data, start, length)


@inlined
def find_word(data, i, length, key, filter, table, texts, starts):
    """The row of a word of the model's, -1 if it knows it not."""
    spread = key * SPREAD
    bit = spread >> FILTER_SHIFT
    if not (filter[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1):
        return np.int64(-1)
    mask = len(table) // 2 - 1
    at = np.int64(spread >> TABLE_SHIFT) & mask
    while table[2 * at + 1] >= 0:
        row = table[2 * at + 1]
        if table[2 * at] == np.int64(key) and starts[row + 1] - starts[row] == length:
            k = 0
            while k < length and texts[starts[row] + k] == data[i + k]:
                k += 1
            if k == length:
                return row
        at = (at + 1) & mask
    return np.int64(-1)
