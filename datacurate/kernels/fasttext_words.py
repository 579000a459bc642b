"""The dictionary of a fastText model, from its file into tables."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.fasttext_sums import OFFSET, _hashed


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


@njit(nogil=True, cache=True)
def _filled(slots, hashes):
    mask = np.int64(len(slots) - 1)
    for k in range(len(hashes)):
        at = np.int64(hashes[k]) & mask
        while slots[at] >= 0:
            at = (at + 1) & mask
        slots[at] = k


def entries(data: np.ndarray, at: int, count: int) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where the dictionary ends (-1: the file ends first), the words' bytes, where each starts, counts and kinds."""
    room = min(len(data) - at, 1 << 34)
    starts, counts, kinds = np.zeros(count + 1, np.int64), np.zeros(count, np.int64), np.zeros(count, np.uint8)
    texts = np.empty(max(room, 0), np.uint8)
    end = _entries(data, at, starts, counts, kinds, texts)
    return end, texts[: starts[-1]].copy(), starts, counts, kinds


def slots(texts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """An open-addressing table of all words, by their hashes; -1 where there is none."""
    made = np.full(1 << max(4, int(2 * len(starts) - 1).bit_length()), -1, np.int32)
    hashes = np.zeros(len(starts) - 1, np.uint32)
    _hash_all(texts, starts, hashes)
    _filled(made, hashes)
    return made


@njit(nogil=True, cache=True)
def _hash_all(texts, starts, hashes):
    for k in range(len(hashes)):
        h = OFFSET
        for i in range(starts[k], starts[k + 1]):
            h = _hashed(h, texts[i])
        hashes[k] = h
