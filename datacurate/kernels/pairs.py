"""Similarity of many pairs of sets of shingles."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.minhash import containment, jaccard


@njit(nogil=True, cache=True)
def _similarities(left, right, a, a_offsets, b, b_offsets, contained, found):
    for k in range(len(left)):
        mine = a[a_offsets[left[k]] : a_offsets[left[k] + 1]]
        theirs = b[b_offsets[right[k]] : b_offsets[right[k] + 1]]
        found[k] = containment(mine, theirs) if contained else jaccard(mine, theirs)


def similarities(
    left: np.ndarray,
    right: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    others: tuple[np.ndarray, np.ndarray],
    contained: bool = False,
) -> np.ndarray:
    """Of every pair `(left, right)` of sets of `own` and of `others` (`(hashes, offsets)` each, sets sorted) Jaccard's
    similarity, or if `contained` the share of the left one that the right one has."""
    found = np.zeros(len(left), dtype=np.float64)
    arrays = (read_only(array) for array in (*own, *others))
    _similarities(left.astype(np.int64), right.astype(np.int64), *arrays, contained, found)
    return found
