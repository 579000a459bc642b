"""Evaluates boosted regression trees, kept as flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

ROWS = 32
"""Rows that go through the trees together: their steps do not wait for each other, and they stay in the nearest
cache."""


class Trees(NamedTuple):
    """Trees whose values add up. Node `i` sends a row to `left[i]` if its `feature[i]` is at most `bound[i]`, and else
    to the node behind that. A leaf sends every row to itself, and adds `value[i]`."""

    roots: np.ndarray
    depths: np.ndarray
    """Steps from each root to its farthest leaf."""
    feature: np.ndarray
    bound: np.ndarray
    left: np.ndarray
    value: np.ndarray
    base: np.ndarray
    """One number, added to every sum."""


@njit(nogil=True, cache=True)
def evaluate(roots, depths, feature, bound, left, value, base, rows, out):
    """The sum of all trees for each row of features."""
    at = np.empty(ROWS, np.uint16)
    for first in range(0, len(rows), ROWS):
        count = min(ROWS, len(rows) - first)
        for r in range(np.uint64(count)):
            out[first + r] = base[0]
        for t in range(len(roots)):
            for r in range(np.uint64(count)):
                at[r] = roots[t]
            for _ in range(depths[t]):
                for r in range(np.uint64(count)):
                    node = at[r]
                    at[r] = left[node] + np.uint16(rows[np.uint64(first + r), feature[node]] > bound[node])
            for r in range(np.uint64(count)):
                out[first + r] += value[at[r]]
