"""Unit vectors of whole numbers: cosines, spherical k-means, and which documents survive.

A component is stored as the nearest multiple of 1 / 32767, in 16 bits. The product of two such vectors is a whole
number of at most 2^30, and so is every part of the sum: in 64-bit floats nothing is rounded. Whatever the size of a
block, the order of a sum, the processor or the number of threads, the result is the same to the last bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ONE = 32767
"""What stands for 1."""
BLOCK = 1024
"""Vectors that are compared with others at a time."""
CELLS = 1 << 22
"""Most cosines in memory at a time: 32 MB."""
ROUNDS = 100
"""Most rounds of k-means; SemDeDup's `niter` (clustering/configs/openclip/clustering_configs.yaml)."""


def whole(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors as 16-bit whole numbers."""
    return np.rint(vectors * ONE).astype(np.int16)


def _wide(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors as 64-bit floats, and the squares of their lengths."""
    wide = vectors.astype(np.float64)
    return wide, (wide * wide).sum(axis=1)


def _cosines(some: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    lengths = np.outer(some[1], others[1])
    np.sqrt(lengths, out=lengths)
    found = some[0] @ others[0].T
    found /= lengths
    return found


def cosines(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The cosine of every vector of `some` with every one of `others`; exactly 1 for equal ones."""
    return _cosines(_wide(some), _wide(others))


def _highest(cosines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(position, value)` of the highest of every row; the first among equals."""
    at = cosines.argmax(axis=1)
    return at, cosines[np.arange(len(at)), at]


def nearest(vectors: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(number of the centroid with the highest cosine, that cosine)` of every vector; the first among equals."""
    numbers = np.zeros(len(vectors), dtype=np.int64)
    values = np.zeros(len(vectors), dtype=np.float64)
    wide = _wide(centroids)
    step = max(1, CELLS // max(1, len(centroids)))
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        numbers[part], values[part] = _highest(_cosines(_wide(vectors[part]), wide))
    return numbers, values


def _distinct(vectors: np.ndarray, count: int) -> np.ndarray:
    """The first vectors that differ, at most `count`."""
    first: dict[bytes, int] = {}
    for at, vector in enumerate(vectors):
        first.setdefault(vector.tobytes(), at)
        if len(first) == count:
            break
    return vectors[list(first.values())]


@njit(nogil=True, cache=True)
def _add(vectors, numbers, sums):
    for i in range(len(vectors)):
        into = sums[numbers[i]]
        for k in range(vectors.shape[1]):
            into[k] += vectors[i, k]


@njit(nogil=True, cache=True)
def _directions(sums, centroids):
    """The unit vectors in the direction of `sums`; a centroid without vectors stays where it is."""
    for c in range(len(sums)):
        square = 0.0
        for k in range(sums.shape[1]):
            square += np.float64(sums[c, k]) * np.float64(sums[c, k])
        for k in range(sums.shape[1] if square > 0 else 0):
            centroids[c, k] = np.int16(np.rint(sums[c, k] * (ONE / np.sqrt(square))))


def kmeans(vectors: np.ndarray, count: int) -> np.ndarray:
    """At most `count` centroids: spherical k-means from the first vectors that differ.

    The order of the vectors decides where it starts, and nothing else. It ends when no centroid moves.
    """
    centroids = _distinct(vectors, count)
    for _ in range(ROUNDS if len(centroids) > 1 else 1):
        numbers, _ = nearest(vectors, centroids)
        sums = np.zeros(centroids.shape, dtype=np.int64)
        _add(vectors, numbers, sums)
        moved = centroids.copy()
        _directions(sums, moved)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


def _most_alike(block: np.ndarray, vectors: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(cosine, position)` of the vector among the kept ones that each of `block` is most like; the first of equals."""
    best = np.full(len(block), -np.inf)
    which = np.full(len(block), -1, dtype=np.int64)
    step = CELLS // BLOCK
    for start in range(0, len(kept), step):
        some = kept[start : start + step]
        at, value = _highest(cosines(block, vectors[some]))
        better = value > best
        best[better], which[better] = value[better], some[at[better]]
    return best, which


def stars(vectors: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """`(position of the survivor or -1, cosine with it)` of every vector.

    Vectors come in their order of standing. Each is compared with those before it that are kept; when its cosine
    with the most alike of them is at least `threshold`, that is its survivor, otherwise it is kept itself.
    """
    survivors = np.full(len(vectors), -1, dtype=np.int64)
    similarities = np.zeros(len(vectors), dtype=np.float64)
    kept = np.empty(len(vectors), dtype=np.int64)
    filled = 0
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        best, which = _most_alike(block, vectors, kept[:filled])
        among = cosines(block, block)
        for at in range(len(block)):
            if best[at] >= threshold:
                survivors[start + at], similarities[start + at] = which[at], best[at]
                continue
            kept[filled] = start + at
            filled += 1
            later = slice(at + 1, None)
            better = among[at, later] > best[later]
            best[later][better], which[later][better] = among[at, later][better], start + at
    return survivors, similarities
