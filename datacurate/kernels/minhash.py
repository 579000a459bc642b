"""MinHash signatures, true similarity of sets of shingles, and which documents survive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import borrowing
from datacurate.kernels.shingle_units import KINDS, mix, tables
from datacurate.kernels.shingles import longest, shingles_of

HIGH = np.uint64(32)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MOST = np.uint32(0xFFFFFFFF)
WIDTH = 16
"""Permutations that are computed together: a vector of 512 bits, or two of 256."""

CANDIDATES = 256
"""Most survivors of one bucket, the newest first, that a document is compared with, beside the one that a document
with an equal set found. Without a bound, a bucket in which nothing merges would cost the square of its size."""


@intrinsic
def _lower_all(typing, factors, terms, least, at, s0, s1, s2, s3):
    """For `WIDTH` lanes from `at` on: the least of what there is and of `factor * s + term` (mod 2^32) for four s.

    Never bounds-checked: the arrays hold a multiple of `WIDTH`. The loop that numba makes of the same takes 7 ns a
    shingle of 112 lanes, this 5.2.
    """
    lane = ir.VectorType(ir.IntType(32), WIDTH)

    def place(context, builder, kind, array, index):
        data = context.make_array(kind)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [index]), lane.as_pointer())

    def repeated(builder, value):
        none = ir.Constant(lane, ir.Undefined)
        first = builder.insert_element(none, value, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), None))

    def codegen(context, builder, signature, values):
        where = [place(context, builder, signature.args[k], values[k], values[3]) for k in range(3)]
        factor, term, low = (builder.load(one, align=4) for one in where)
        for shingle in values[4:]:
            value = builder.add(builder.mul(factor, repeated(builder, shingle)), term)
            low = builder.select(builder.icmp_unsigned("<", value, low), value, low)
        builder.store(low, where[2], align=4)
        return context.get_dummy_value()

    numbers = (types.int64, types.uint32, types.uint32, types.uint32, types.uint32)
    return types.void(factors, terms, least, *numbers), codegen


@borrowing
def _minima(shingles, count, factors, terms, least):
    """The least value of every lane's `factor * shingle + term` (mod 2^32) over the first `count`, at least one."""
    for k in range(len(least)):
        least[k] = MOST
    last = count - 1
    for i in range(0, count, 4):
        s0 = np.uint32(shingles[i] >> HIGH)
        s1 = np.uint32(shingles[min(i + 1, last)] >> HIGH)
        s2 = np.uint32(shingles[min(i + 2, last)] >> HIGH)
        s3 = np.uint32(shingles[min(i + 3, last)] >> HIGH)
        for k in range(0, len(least), WIDTH):
            _lower_all(factors, terms, least, k, s0, s1, s2, s3)


@borrowing
def _band_hashes(least, rows, bands):
    """Write the hash of every band of minima; the band's number is part of it."""
    for band in range(len(bands)):
        value = mix(np.uint64(band + 1) * GOLDEN)
        for row in range(rows):
            value = mix(value ^ np.uint64(least[band * rows + row])) + GOLDEN
        bands[band] = value


@njit(nogil=True, cache=True)
def _sketch(kind, data, offsets, tables, ngram, rows, factors, terms, bands, counts):
    room = np.empty(longest(offsets) + 1, dtype=np.uint64)
    least = np.empty(len(factors), dtype=np.uint32)
    for i in range(len(offsets) - 1):
        counts[i] = shingles_of(kind, data, offsets[i], offsets[i + 1], tables, ngram, room)
        if counts[i]:
            _minima(room, counts[i], factors, terms, least)
            _band_hashes(least, rows, bands[i])


@njit(nogil=True, cache=True)
def _sketch_sets(hashes, offsets, chosen, rows, factors, terms, bands):
    least = np.empty(len(factors), dtype=np.uint32)
    for k in range(len(chosen)):
        start, end = offsets[chosen[k]], offsets[chosen[k] + 1]
        if end > start:
            _minima(hashes[start:end], end - start, factors, terms, least)
            _band_hashes(least, rows, bands[k])


def lanes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd factors and terms of `count` permutations of 32-bit numbers (splitmix64 from the seed).

    More lanes, which count for nothing, follow until there is a multiple of `WIDTH`.
    """
    state = np.arange(1, 2 * count + 1, dtype=np.uint64) * GOLDEN + np.uint64(seed)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn = ((state ^ (state >> np.uint64(31))) >> HIGH).astype(np.uint32)
    padding = np.ones(-count % WIDTH, np.uint32)
    factors, terms = drawn[:count] | np.uint32(1), drawn[count:]
    return np.concatenate([factors, padding]), np.concatenate([terms, padding])


def sketch(
    array: pa.Array | pa.ChunkedArray, ngram: int, bands: int, rows: int, seed: int, kind: str = "words"
) -> tuple[np.ndarray, np.ndarray]:
    """`(hash of every band, number of shingles)` of every document.

    A document with fewer than `ngram` words has no shingle (count 0) and no signature: its hashes, all zero, say
    nothing and must not be compared. Equal hashes in different bands never mean the same bucket: the band is
    part of the hash.
    """
    data, offsets = bytes_and_offsets(array)
    hashes = np.zeros((len(offsets) - 1, bands), dtype=np.uint64)
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    number = KINDS.index(kind)
    _sketch(number, data, offsets, tables(number), ngram, rows, *lanes(bands * rows, seed), hashes, counts)
    return hashes, counts


def sketch_sets(
    hashes: np.ndarray, offsets: np.ndarray, chosen: np.ndarray, bands: int, rows: int, seed: int
) -> np.ndarray:
    """The hashes of all bands of the `chosen` documents, as `sketch` has them, from sets of shingles."""
    made = np.zeros((len(chosen), bands), dtype=np.uint64)
    _sketch_sets(read_only(hashes), read_only(offsets), read_only(chosen), rows, *lanes(bands * rows, seed), made)
    return made


@njit(nogil=True, cache=True)
def _prints(hashes, offsets, chosen, found):
    for k in range(len(chosen)):
        total = np.uint64(0)
        for at in range(offsets[chosen[k]], offsets[chosen[k] + 1]):
            total += hashes[at]
        found[k] = mix(total)


def prints(hashes: np.ndarray, offsets: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """One hash of the whole set of shingles of every `chosen` document: equal sets have equal prints.

    Shingles are hashes already, so that their sum is as good as any of these; a chain of mixed ones takes 7 times as
    long.
    """
    found = np.zeros(len(chosen), dtype=np.uint64)
    _prints(read_only(hashes), read_only(offsets), read_only(chosen), found)
    return found


@borrowing
def _equal(left, right):
    """Whether two arrays are equal and not empty."""
    if len(left) != len(right):
        return False
    for i in range(len(left)):
        if left[i] != right[i]:
            return False
    return len(left) > 0


@borrowing
def _common(left, right):
    """Size of the intersection of two sorted arrays without repeats."""
    i = 0
    j = 0
    common = 0
    while i < len(left) and j < len(right):
        a = left[i]
        b = right[j]
        common += a == b
        i += a <= b
        j += b <= a
    return common


@njit(nogil=True, cache=True)
def jaccard(left, right):
    """Size of the intersection over size of the union of two sorted arrays without repeats."""
    common = _common(left, right)
    union = len(left) + len(right) - common
    return common / union if union else 0.0


@njit(nogil=True, cache=True)
def containment(left, right):
    """Size of the intersection over size of the left one of two sorted arrays without repeats."""
    return _common(left, right) / len(left) if len(left) else 0.0


@njit(nogil=True, cache=True)
def root(parents, node):
    """The least node of a node's group; halves the way there."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@njit(nogil=True, cache=True)
def join(parents, left, right):
    """Link the groups of every pair of nodes."""
    for i in range(len(left)):
        a = root(parents, left[i])
        b = root(parents, right[i])
        if a < b:
            parents[b] = a
        else:
            parents[a] = b


@njit(nogil=True, cache=True)
def settle(parents, linked):
    """Give every node the least node of its group; `linked` says which ones are in a group with another."""
    for i in range(len(parents)):
        parents[i] = root(parents, i)
        if parents[i] != i:
            linked[i] = True
            linked[parents[i]] = True


@njit(nogil=True, cache=True)
def _stars(order, buckets, twins, hashes, offsets, verify, contained, heads, survivors, similarities):
    width = buckets.shape[1]
    entries = np.empty((len(order) * width, 2), dtype=np.int64)
    seen = np.full(len(survivors), -1, dtype=np.int64)
    firsts = np.full(len(order), -1, dtype=np.int64)
    filled = 0
    for turn in range(len(order)):
        one = order[turn]
        mine = hashes[offsets[one] : offsets[one + 1]]
        best = -1.0
        chosen = np.int64(-1)
        twin = firsts[twins[turn]]
        if twin < 0:
            firsts[twins[turn]] = one
        elif _equal(mine, hashes[offsets[twin] : offsets[twin + 1]]):
            chosen = survivors[twin] if survivors[twin] >= 0 else twin
            best = similarities[twin] if survivors[twin] >= 0 else 1.0
        for band in range(width):
            entry = heads[buckets[turn, band]]
            for _ in range(CANDIDATES):
                if entry < 0 or best == 1.0:
                    break
                other = entries[entry, 0]
                entry = entries[entry, 1]
                if seen[other] == one:
                    continue
                seen[other] = one
                size = offsets[other + 1] - offsets[other]
                bound = min(size, len(mine)) / max(len(mine) if contained else max(size, len(mine)), 1)
                if bound < verify or bound <= best:
                    continue
                theirs = hashes[offsets[other] : offsets[other + 1]]
                found = containment(mine, theirs) if contained else jaccard(mine, theirs)
                if found >= verify and found > best:
                    best = found
                    chosen = other
        survivors[one] = chosen
        similarities[one] = best
        for band in range(width if chosen < 0 else 0):
            bucket = buckets[turn, band]
            entries[filled, 0] = one
            entries[filled, 1] = heads[bucket]
            heads[bucket] = filled
            filled += 1


def stars(
    order: np.ndarray, buckets: np.ndarray, hashes: Any, offsets: Any, verify: float, contained: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """`(survivor of every document or -1, similarity with it)`.

    Documents come in `order`, which may leave some out. Each is compared with the survivors so far that share one of
    its `buckets` (one row for each of `order`). It is merged into the most similar one if the similarity is at least
    `verify`, otherwise it survives itself. Of one bucket, at most the `CANDIDATES` newest survivors are tried (in the
    order of length, those nearest in length); but documents of equal sets, which must have equal buckets, always find
    each other: the first one, or what that was merged into, is tried before all.
    Similarity is Jaccard's or, if `contained`, the share of the document's own shingles that the survivor has.
    """
    names, numbers = np.unique(buckets, return_inverse=True)
    heads = np.full(len(names), -1, dtype=np.int64)
    survivors = np.full(len(offsets) - 1, -1, dtype=np.int64)
    similarities = np.zeros(len(offsets) - 1, dtype=np.float64)
    numbers = numbers.reshape(buckets.shape).astype(np.int64)
    sets = read_only(hashes), read_only(offsets)
    twins = np.unique(prints(*sets, order), return_inverse=True)[1].reshape(-1).astype(np.int64)
    _stars(order.astype(np.int64), numbers, twins, *sets, verify, contained, heads, survivors, similarities)
    return survivors, similarities
