"""MinHash signatures, true Jaccard similarity, and which documents survive."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.casefold import tables
from datacurate.kernels.shingles import longest, mix, shingle_hashes, word_hashes

HIGH = np.uint64(32)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

CANDIDATES = 256
"""Most survivors of one bucket, the newest first, that a document is compared with. Without a bound, a bucket in
which nothing merges would cost the square of its size."""


@njit(nogil=True, cache=True)
def _lower(least, new):
    return new if new < least else least


@njit(nogil=True, cache=True)
def _minima(shingles, count, factors, terms, least):
    """The least value of every lane's `factor * shingle + term` (mod 2^32)."""
    least[:] = np.uint32(0xFFFFFFFF)
    whole = count - count % 4
    for i in range(0, whole, 4):
        s0 = np.uint32(shingles[i] >> HIGH)
        s1 = np.uint32(shingles[i + 1] >> HIGH)
        s2 = np.uint32(shingles[i + 2] >> HIGH)
        s3 = np.uint32(shingles[i + 3] >> HIGH)
        for k in range(len(least)):
            a = factors[k]
            b = terms[k]
            low = _lower(np.uint32(a * s0 + b), np.uint32(a * s1 + b))
            low = _lower(low, _lower(np.uint32(a * s2 + b), np.uint32(a * s3 + b)))
            least[k] = _lower(least[k], low)
    for i in range(whole, count):
        s0 = np.uint32(shingles[i] >> HIGH)
        for k in range(len(least)):
            least[k] = _lower(least[k], np.uint32(factors[k] * s0 + terms[k]))


@njit(nogil=True, cache=True)
def _sketch(data, offsets, ascii, pages, entries, ngram, rows, factors, terms, bands, counts):
    words = np.empty(longest(offsets) // 2 + 2, dtype=np.uint64)
    least = np.empty(len(factors), dtype=np.uint32)
    for i in range(len(offsets) - 1):
        count = word_hashes(data, offsets[i], offsets[i + 1], ascii, pages, entries, words)
        count = shingle_hashes(words, count, ngram)
        counts[i] = count
        if count == 0:
            continue
        _minima(words, count, factors, terms, least)
        for band in range(bands.shape[1]):
            value = mix(np.uint64(band + 1) * GOLDEN)
            for row in range(rows):
                value = mix(value ^ np.uint64(least[band * rows + row])) + GOLDEN
            bands[i, band] = value


def lanes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd factors and terms of `count` permutations of 32-bit numbers (splitmix64 from the seed)."""
    state = np.arange(1, 2 * count + 1, dtype=np.uint64) * GOLDEN + np.uint64(seed)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn = ((state ^ (state >> np.uint64(31))) >> HIGH).astype(np.uint32)
    return drawn[:count] | np.uint32(1), drawn[count:].copy()


def sketch(
    array: pa.Array | pa.ChunkedArray, ngram: int, bands: int, rows: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """`(hash of every band, number of shingles)` of every document.

    A document with fewer than `ngram` words has no shingle (count 0) and no signature: its hashes, all zero, say
    nothing and must not be compared. Equal hashes in different bands never mean the same bucket: the band is
    part of the hash.
    """
    data, offsets = bytes_and_offsets(array)
    hashes = np.zeros((len(offsets) - 1, bands), dtype=np.uint64)
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    _sketch(data, offsets, *tables(), ngram, rows, *lanes(bands * rows, seed), hashes, counts)
    return hashes, counts


@njit(nogil=True, cache=True)
def jaccard(left, right):
    """Size of the intersection over size of the union of two sorted arrays without repeats."""
    i = 0
    j = 0
    common = 0
    while i < len(left) and j < len(right):
        a = left[i]
        b = right[j]
        common += a == b
        i += a <= b
        j += b <= a
    union = len(left) + len(right) - common
    return common / union if union else 0.0


@njit(nogil=True, cache=True)
def _root(parents, node):
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@njit(nogil=True, cache=True)
def _join(parents, buckets, nodes):
    """Link the nodes of every run of equal buckets; then give every node the least node of its group."""
    for i in range(1, len(buckets)):
        if buckets[i] == buckets[i - 1]:
            a = _root(parents, nodes[i - 1])
            b = _root(parents, nodes[i])
            parents[max(a, b)] = min(a, b)
    for i in range(len(parents)):
        parents[i] = _root(parents, i)


def groups(buckets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(row, group)` of all rows that buckets link, directly or through others; rows sorted, groups from 0."""
    order = np.argsort(buckets, kind="stable")
    known, nodes = np.unique(rows[order], return_inverse=True)
    parents = np.arange(len(known), dtype=np.int64)
    _join(parents, buckets[order], nodes.astype(np.int64))
    return known, np.unique(parents, return_inverse=True)[1].astype(np.uint64)


@njit(nogil=True, cache=True)
def _stars(order, buckets, hashes, offsets, verify, heads, survivors, similarities):
    width = buckets.shape[1]
    entries = np.empty((len(order) * width, 2), dtype=np.int64)
    seen = np.full(len(order), -1, dtype=np.int64)
    filled = 0
    for one in order:
        mine = hashes[offsets[one] : offsets[one + 1]]
        best = -1.0
        chosen = np.int64(-1)
        for band in range(width):
            entry = heads[buckets[one, band]]
            for _ in range(CANDIDATES):
                if entry < 0 or best == 1.0:
                    break
                other = entries[entry, 0]
                entry = entries[entry, 1]
                if seen[other] == one:
                    continue
                seen[other] = one
                size = offsets[other + 1] - offsets[other]
                bound = min(size, len(mine)) / max(size, len(mine), 1)
                if bound < verify or bound <= best:
                    continue
                found = jaccard(mine, hashes[offsets[other] : offsets[other + 1]])
                if found >= verify and found > best:
                    best = found
                    chosen = other
        survivors[one] = chosen
        similarities[one] = best
        for band in range(width if chosen < 0 else 0):
            bucket = buckets[one, band]
            entries[filled, 0] = one
            entries[filled, 1] = heads[bucket]
            heads[bucket] = filled
            filled += 1


def stars(
    order: np.ndarray, buckets: np.ndarray, hashes: np.ndarray, offsets: np.ndarray, verify: float
) -> tuple[np.ndarray, np.ndarray]:
    """`(survivor of every document or -1, similarity with it)`.

    Documents come in `order`. Each is compared with the survivors so far that share one of its `buckets` (one row
    per document); with a Jaccard similarity of at least `verify` to the best of them it is merged into that
    survivor, otherwise it survives itself. Of one bucket, at most the `CANDIDATES` newest survivors are tried.
    """
    names, numbers = np.unique(buckets, return_inverse=True)
    heads = np.full(len(names), -1, dtype=np.int64)
    survivors = np.full(len(buckets), -1, dtype=np.int64)
    similarities = np.zeros(len(buckets), dtype=np.float64)
    numbers = numbers.reshape(buckets.shape).astype(np.int64)
    _stars(
        order.astype(np.int64), numbers, read_only(hashes), read_only(offsets), verify, heads, survivors, similarities
    )
    return survivors, similarities
