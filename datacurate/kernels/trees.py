"""Evaluates boosted regression trees, kept as flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit


class Trees(NamedTuple):
    """Trees whose values add up. Node `i` sends a row left, to `left[i]`, if its `feature[i]` is at most `value[i]`, and else
    to the node behind that; a leaf's `left` is 0, and its `value` is what it adds."""

    roots: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    left: np.ndarray
    base: np.ndarray
    """One number, added to every sum."""


@njit(nogil=True, cache=True)
def evaluate(roots, feature, value, left, base, rows, out):
    """The sum of all trees for each row of features."""
    for r in range(len(rows)):
        made = base[0]
        for t in range(len(roots)):
            at = np.int64(roots[t])
            child = np.int64(left[at])
            while child:
                at = child + (rows[r, feature[at]] > value[at])
                child = np.int64(left[at])
            made += value[at]
        out[r] = made
