"""Bloom filters: what was seen before, but for a stated share of accidents."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import count_bits

MOST_BITS = 2**32
"""Places in a filter are 32 bits of a hash."""
MOST_PROBES = 32
"""Of a filter of given size, which may be far larger than its values need."""


class Bloom(NamedTuple):
    """A filter (Bloom 1970): its bits, how many of them count, and how many of them every value sets."""

    words: np.ndarray
    bits: np.uint64
    probes: int

    def error(self) -> float:
        """The share of values that are not in it which it takes for seen: of all its bits being set by chance."""
        return (_set_bits(self.words) / float(self.bits)) ** self.probes


def filter_size(count: int, rate: float, most: int | None = None) -> tuple[int, int]:
    """`(bits, probes)` of a filter that takes `count` different values with a share `rate` of accidents.

    `most` are the most probes, if there is a bound.
    """
    probes = max(1, round(-math.log2(rate)))
    probes = probes if most is None else min(most, probes)
    bits = math.ceil(-probes * max(count, 1) / math.log1p(-(rate ** (1 / probes))))
    return max(64, bits), probes


def for_rate(count: int, rate: float) -> Bloom:
    """An empty filter that errs at `rate` when it holds `count` different values; ValueError if that is too many."""
    bits, probes = filter_size(count, rate)
    return _empty(bits, probes)


def of_bytes(count: int, size: int) -> Bloom:
    """An empty filter of `size` bytes, with the probes that are best for `count` different values, at most 32."""
    bits = 64 * max(1, size // 8)
    return _empty(bits, min(MOST_PROBES, max(1, round(bits / max(count, 1) * math.log(2)))))


def bytes_for(count: int, rate: float) -> int:
    """Bytes that let `of_bytes` err at most at `rate`, for `count` different values and for slices dealt like them.

    Values dealt by hash differ from slice to slice by the square root of their number, the bits that they set by less.
    Eight of these roots lead from one of the emptiest slices to more than the fullest, among thousands.
    """
    bits, _ = filter_size(math.ceil(count + 8 * math.sqrt(count)) + 16, rate, MOST_PROBES)
    return bits // 8 + 8


def distinct(pieces: Iterable[np.ndarray], count: int) -> int:
    """About how many different values are in `pieces`, of at most `count` with copies, in a byte for each of these.

    Linear counting (Whang, Vander-Zanden and Taylor 1990): one bit per value, and what is lost to bits that are taken
    follows from how many are set. With 8 bits for each value it is wrong by a quarter of the root of their number.
    It depends only on which values there are and on `count`, not on their order.
    """
    bits = min(max(64, 8 * count), MOST_BITS - 1)
    bloom = _empty(bits, 1)
    for values in pieces:
        add_all(bloom, values)
    return round(-bits * math.log1p(-min(_set_bits(bloom.words), bits - 1) / bits))


def _empty(bits: int, probes: int) -> Bloom:
    if bits >= MOST_BITS:
        raise ValueError(f"a filter of {bits:,} bits is too large for one task: take more slices")
    return Bloom(np.zeros(-(-bits // 64), np.uint64), np.uint64(bits), probes)


@njit(nogil=True, cache=True, forceinline=True)
def place(value, probe, bits):
    """One bit of a hash, by double hashing (Kirsch and Mitzenmacher 2006)."""
    step = (value >> np.uint64(32)) | np.uint64(1)
    mixed = (value + np.uint64(probe) * step * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(32)) * bits) >> np.uint64(32)


@njit(nogil=True, cache=True, forceinline=True)
def holds(words, bits, probes, value):
    """Whether a hash was added, or seems to have been."""
    for probe in range(probes):
        bit = place(value, probe, bits)
        if (words[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1) == 0:
            return False
    return True


@njit(nogil=True, cache=True, forceinline=True)
def add(words, bits, probes, value):
    """Sets the bits of a hash."""
    for probe in range(probes):
        bit = place(value, probe, bits)
        words[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))


@njit(nogil=True, cache=True)
def _add_all(words, bits, probes, values):
    for i in range(len(values)):
        add(words, bits, probes, values[i])


def add_all(bloom: Bloom, values: np.ndarray) -> None:
    """Adds hashes to a filter, in place."""
    _add_all(bloom.words, bloom.bits, bloom.probes, read_only(values))


@njit(nogil=True, cache=True)
def _set_bits(words):
    count = 0
    for i in range(len(words)):
        count += count_bits(words[i])
    return count


@njit(nogil=True, cache=True)
def _again(words, bits, probes, values, begins, lengths, order, found):
    """Looks every value up and adds it, run after run; writes the positions of those that were there."""
    n = 0
    for k in range(len(order)):
        begin = begins[order[k]]
        for i in range(begin, begin + lengths[order[k]]):
            if holds(words, bits, probes, values[i]):
                found[n] = i
                n += 1
            else:
                add(words, bits, probes, values[i])
    return n


def again(bloom: Bloom, values: np.ndarray, begins: np.ndarray, lengths: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Positions of the values that the filter held when their turn came, which are added to it.

    Run `j` is `values[begins[j]:][:lengths[j]]`; `order` lists the runs as they come.
    """
    found = np.empty(int(lengths.sum()), np.uint32 if len(values) < 2**32 else np.int64)
    arrays = (read_only(array) for array in (values, begins, lengths, order))
    return found[: _again(bloom.words, bloom.bits, bloom.probes, *arrays, found)].copy()
