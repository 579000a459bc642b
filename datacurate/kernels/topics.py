"""The words that tell most about a text, by TF-IDF, and the order in which texts that share some follow each other.

Words are those of `shingle_units` (WORDS): in scripts without spaces every character is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from datacurate.kernels import shingles
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.shingle_units import WORDS, tables

if TYPE_CHECKING:
    import pyarrow as pa

CLASS_BITS = 22
CLASSES = 1 << CLASS_BITS
"""Words are counted by this many bits of their hash: 16 MB of counts, whatever there is to count."""
TERMS = 8
"""Telling words that are kept of a text."""
UNIT = 1024.0
"""Scores are whole numbers of this fraction, so that sums do not depend on their order."""

_SHIFT = np.uint64(64 - CLASS_BITS)


def class_of(words: np.ndarray) -> np.ndarray:
    """The class of each word hash."""
    return (words >> _SHIFT).astype(np.int32)


def classes(text: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """`(classes, counts)`: of words, in ascending order, and how many of the texts have each."""
    found, _ = shingles.shingle_sets(text, 1)
    return np.unique(class_of(found), return_counts=True)


@njit(nogil=True, cache=True)
def _telling(words, bounds, weight, terms, scores):
    """Of each sorted run of word hashes, the TERMS best by score, then hash."""
    for i in range(len(bounds) - 1):
        k = bounds[i]
        end = bounds[i + 1]
        while k < end:
            word = words[k]
            first = k
            while k < end and words[k] == word:
                k += 1
            idf = weight[np.int64(word >> _SHIFT)]
            if idf <= 0:
                continue
            score = np.int32((1.0 + np.log(k - first)) * idf * UNIT)
            at = TERMS
            while at > 0 and score > scores[i, at - 1]:
                at -= 1
            for j in range(TERMS - 1, at, -1):
                scores[i, j], terms[i, j] = scores[i, j - 1], terms[i, j - 1]
            if at < TERMS:
                scores[i, at], terms[i, at] = score, word


def telling(text: pa.Array | pa.ChunkedArray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(hashes, scores)` of the TERMS most telling words of each text, the best first; score 0 where there are fewer.

    `weight` has what an occurrence counts for by class, 0 for words that tell nothing. The score of a word that occurs
    n times is (1 + ln n) times its weight. uint64 and int32 [texts, TERMS].
    """
    data, offsets = bytes_and_offsets(text)
    which = read_only(np.arange(len(offsets) - 1))
    flat = np.empty(int(offsets[-1] - offsets[0]) + len(which) + 1, np.uint64)
    bounds = np.zeros(len(which) + 1, np.int64)
    filled = shingles._flat_shingles(WORDS, data, offsets, which, tables(WORDS), 1, flat, bounds)
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        flat[start:end].sort()
    terms, scores = np.zeros((len(which), TERMS), np.uint64), np.zeros((len(which), TERMS), np.int32)
    _telling(flat[:filled], bounds, read_only(weight), terms, scores)
    return terms, scores


@njit(nogil=True, cache=True)
def _alike(terms, scores, a, b):
    """What two texts share: of each common word the smaller score."""
    total = np.int64(0)
    for i in range(TERMS):
        if scores[a, i] == 0:
            break
        for j in range(TERMS):
            if scores[b, j] and terms[a, i] == terms[b, j]:
                total += min(scores[a, i], scores[b, j])
    return total


@njit(nogil=True, cache=True)
def _path(terms, scores, out):
    count = len(out)
    alike = np.zeros((count, count), np.int64)
    for a in range(count):
        for b in range(a):
            alike[a, b] = alike[b, a] = _alike(terms, scores, a, b)
    degree = alike.sum(axis=1)
    gone = np.zeros(count, np.bool_)
    last = -1
    for step in range(count):
        best = -1
        for k in range(count):
            if not gone[k]:
                if best < 0:
                    best = k
                elif last >= 0 and alike[last, k] != alike[last, best]:
                    best = k if alike[last, k] > alike[last, best] else best
                elif (last < 0 or alike[last, k] == 0) and degree[k] < degree[best]:
                    best = k
        gone[best] = True
        out[step] = best
        last = best


def path(terms: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """An order in which every text is followed by the one that is most like it, of those that are left.

    It begins with the one that has least in common with all, and goes on there where none is alike; among equals the
    first. In-Context Pretraining (Shi et al. 2024), algorithm 1. Time and memory go by the square of the number.
    """
    out = np.empty(len(terms), np.int64)
    _path(read_only(terms), read_only(scores), out)
    return out


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    classes(pa.array(["a b"]))
    path(*telling(pa.array(["a b"]), np.ones(CLASSES, np.float32)))
