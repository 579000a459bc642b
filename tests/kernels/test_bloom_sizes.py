"""Bloom filters of given size: how many different values there are, and the bytes that are said to be enough."""

from __future__ import annotations

import numpy as np
import pytest

from datacurate.kernels import bloom


@pytest.mark.parametrize("count", [0, 1, 10, 1_000, 100_000])
@pytest.mark.parametrize("copies", [1, 4, 20])
def test_distinct_values_are_counted_whatever_their_copies_and_order(count, copies):
    values = np.random.default_rng(count).integers(0, 2**64, count, dtype=np.uint64)
    every = np.repeat(values, copies)
    found = bloom.distinct([every], len(every))
    assert abs(found - count) <= 1.5 * np.sqrt(count)
    assert bloom.distinct([values[::-1], every[len(values) :], values[:0]], len(every)) == found


@pytest.mark.parametrize("rate", [0.9, 0.5, 0.36, 0.3, 0.01, 1e-5, 1e-12])
@pytest.mark.parametrize("slices", [1, 50])
@pytest.mark.parametrize("count", [3, 100, 2_000])
def test_the_bytes_for_one_slice_are_enough_for_all(count, slices, rate):
    """Values dealt by chance; sized for the least of the slices, with the probes that each one's values take."""
    values = np.random.default_rng(count).integers(0, 2**64, count * slices, dtype=np.uint64)
    mine = [values[values % np.uint64(slices) == number] for number in range(slices)]
    size = bloom.bytes_for(min(map(len, mine)), rate)
    for some in mine:
        filter = bloom.of_bytes(bloom.distinct([some], len(some)), size)
        bloom.add_all(filter, some)
        assert filter.error() <= rate
