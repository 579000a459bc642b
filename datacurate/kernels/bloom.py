"""Bloom filters: what was seen before, but for a stated share of accidents."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import count_bits

MOST_BITS = 2**32
"""Places in a filter are 32 bits of a hash."""


class Bloom(NamedTuple):
    """A filter (Bloom 1970): its bits, how many of them count, and how many of them every value sets."""

    words: np.ndarray
    bits: np.uint64
    probes: int

    def error(self) -> float:
        """The share of values that are not in it which it takes for seen: of all its bits being set by chance."""
        return (_set_bits(self.words) / float(self.bits)) ** self.probes

    def needed(self, rate: float) -> int:
        """Bytes of a filter that errs at `rate` with what is in this one, by its bits that are set."""
        empty = max(1 - _set_bits(self.words) / float(self.bits), 1 / float(self.bits))
        return filter_size(round(-float(self.bits) / self.probes * math.log(empty)), rate)[0] // 8 + 8


def filter_size(count: int, rate: float) -> tuple[int, int]:
    """`(bits, probes)` of a filter that takes `count` different values with a share `rate` of accidents."""
    probes = max(1, round(-math.log2(rate)))
    bits = math.ceil(-probes * max(count, 1) / math.log1p(-(rate ** (1 / probes))))
    return max(64, bits), probes


def for_rate(count: int, rate: float) -> Bloom:
    """An empty filter that errs at `rate` when it holds `count` different values; ValueError if that is too many."""
    bits, probes = filter_size(count, rate)
    return _empty(bits, probes)


def of_bytes(count: int, size: int) -> Bloom:
    """An empty filter of `size` bytes, with the probes that are best for `count` different values, at most 32."""
    bits = 64 * max(1, size // 8)
    return _empty(bits, min(32, max(1, round(bits / max(count, 1) * math.log(2)))))


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
