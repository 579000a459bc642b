"""Putting pieces of documents into rows of one length, and their tokens where they belong."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only

NONE = -1


@njit(nogil=True, cache=True)
def _by_size(sizes, capacity):
    """The pieces from the longest to the shortest, equal ones in their order (counting sort)."""
    ends = np.zeros(capacity + 2, np.int64)
    for size in sizes:
        ends[capacity - size + 1] += 1
    for i in range(1, len(ends)):
        ends[i] += ends[i - 1]
    order = np.empty(len(sizes), np.int64)
    for piece in range(len(sizes)):
        place = capacity - sizes[piece]
        order[ends[place]] = piece
        ends[place] += 1
    return order


@njit(nogil=True, cache=True)
def _least_space(tree, leaves, size):
    """The smallest space of at least `size` that a row has, NONE if no row has as much."""
    node = leaves + size
    while not tree[node]:
        while node & 1:  # a right child: what is larger lies beyond the parent
            node >>= 1
            if node <= 1:
                return NONE
        node += 1
    while node < leaves:
        node = 2 * node if tree[2 * node] else 2 * node + 1
    return node - leaves


@njit(nogil=True, cache=True)
def _put(tree, leaves, heads, below, row, space):
    """Note that a row has so much space: on top of those that have as much."""
    below[row] = heads[space]
    heads[space] = row
    node = leaves + space
    while node and not tree[node]:
        tree[node] = True
        node >>= 1


@njit(nogil=True, cache=True)
def _take(tree, leaves, heads, below, space):
    """The row that was the last to get so much space; it is forgotten."""
    row = heads[space]
    heads[space] = below[row]
    if heads[space] == NONE:
        node = leaves + space
        tree[node] = False
        node >>= 1
        while node and not (tree[2 * node] or tree[2 * node + 1]):
            tree[node] = False
            node >>= 1
    return row


@njit(nogil=True, cache=True)
def _best_fit(sizes, capacity, rows):
    leaves = 1
    while leaves < capacity + 1:
        leaves *= 2
    tree = np.zeros(2 * leaves, np.bool_)
    heads = np.full(capacity + 1, NONE, np.int64)
    below = np.full(len(sizes), NONE, np.int64)
    count = 0
    for piece in _by_size(sizes, capacity):
        space = _least_space(tree, leaves, sizes[piece])
        if space == NONE:
            row, space = count, capacity
            count += 1
        else:
            row = _take(tree, leaves, heads, below, space)
        rows[piece] = row
        if space > sizes[piece]:
            _put(tree, leaves, heads, below, row, space - sizes[piece])
    return count


def best_fit(sizes: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """The row of every piece, and the number of rows; each piece has between 1 and `capacity` tokens.

    Best-fit decreasing, as in Ding et al. 2024, "Fewer Truncations Improve Language Modeling" (section 3, on packing):
    from the longest to the shortest, each goes to the row that it leaves the least space in, or to a new one. As there,
    a tree over spaces finds the row, in time that grows with the logarithm of `capacity`. Among rows with equal space
    it takes the one that came to it last; rows are numbered as they are begun.
    """
    rows = np.empty(len(sizes), np.int64)
    return rows, _best_fit(read_only(np.asarray(sizes, np.int64)), capacity, rows)


@njit(nogil=True, cache=True)
def _order(rows, count):
    ends = np.zeros(count + 1, np.int64)
    for piece in range(len(rows)):
        ends[rows[piece] + 1] += 1
    for row in range(count):
        ends[row + 1] += ends[row]
    offsets = ends.copy()
    order = np.empty(len(rows), np.int64)
    for piece in range(len(rows)):
        order[ends[rows[piece]]] = piece
        ends[rows[piece]] += 1
    return order, offsets


def grouped(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The pieces row by row, those of a row in their order, and the offsets that cut them into `count` rows."""
    return _order(read_only(np.asarray(rows, np.int64)), count)


@njit(nogil=True, cache=True)
def _copy(flat, starts, sizes, places, out):
    for piece in range(len(starts)):
        start, place = starts[piece], places[piece]
        for i in range(sizes[piece]):
            out[place + i] = flat[start + i]


def copy(flat: np.ndarray, starts: np.ndarray, sizes: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """Copies the stretches `flat[start : start + size]` to their places in `out`."""
    starts, sizes, places = (read_only(np.asarray(array, np.int64)) for array in (starts, sizes, places))
    _copy(read_only(np.asarray(flat, np.int32)), starts, sizes, places, out)
