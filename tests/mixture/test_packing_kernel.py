from __future__ import annotations

import time

import numpy as np
import oracle_packing as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import packing


@st.composite
def pieces(draw):
    capacity = draw(st.integers(1, 70))
    return draw(st.lists(st.integers(1, capacity), max_size=60)), capacity


@settings(max_examples=400, deadline=None)
@given(pieces())
def test_best_fit_equals_its_twin(case):
    sizes, capacity = case
    rows, count = packing.best_fit(np.array(sizes, np.int64), capacity)
    assert rows.tolist() == oracle.best_fit(sizes, capacity)
    assert count == len(set(rows.tolist()))


@settings(max_examples=100, deadline=None)
@given(pieces())
def test_no_two_rows_could_be_one(case):
    """Any piece of a row that was begun later did not fit into the rows before it, so no two rows are half empty."""
    sizes, capacity = case
    rows, count = packing.best_fit(np.array(sizes, np.int64), capacity)
    filled = np.bincount(rows, sizes, count)
    assert (filled <= capacity).all() and (2 * filled <= capacity).sum() <= 1


@given(st.lists(st.integers(0, 5), max_size=40))
def test_grouped_is_a_stable_sort(rows):
    rows = np.array(rows, np.int64)
    order, offsets = packing.grouped(rows, 6)
    assert order.tolist() == np.argsort(rows, kind="stable").tolist()
    assert offsets.tolist() == [(rows < r).sum() for r in range(7)]


def test_copy_puts_stretches_in_their_places():
    out = np.zeros(8, np.int32)
    packing.copy(np.arange(10, dtype=np.int32), np.array([7, 0]), np.array([2, 3]), np.array([0, 4]), out)
    assert out.tolist() == [7, 8, 0, 0, 0, 1, 2, 0]


def test_time_hardly_grows_with_the_capacity():
    packing.best_fit(np.ones(3, np.int64), 4)
    for capacity in (64, 2**20):
        sizes = np.resize(np.array([capacity, 1, capacity // 2 + 1, capacity // 3], np.int64), 200_000)
        started = time.process_time()
        _, count = packing.best_fit(sizes, capacity)
        assert time.process_time() - started < 2 and count >= 100_000
