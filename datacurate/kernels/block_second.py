"""What the second classifier of blocks also looks at: what the first one made of the block and of those around it."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.block_nodes import LEVEL, UP, log
from datacurate.kernels.blocks import NODE, SIZE

SECOND = (
    "p", *(f"p{side}{step}" for side in "-+" for step in range(1, 5)), "p_near", "p_wide",
    *(f"p_up{level}" for level in range(UP)), "p_page", "p_most", "p_before", "p_after", "p_gap_before", "p_gap_after",
    "p_like", "p_heading", "p_section", "p_main",
)  # fmt: skip
"""What the second classifier looks at besides: what the first one made of the block and of those around it."""


@njit(nogil=True, cache=True)
def second_sums(rows, parents, p):
    """What these features need to know of the whole page, and the state before the first block."""
    n_blocks, n_nodes = len(rows), len(parents)
    sums = np.zeros((n_nodes, 2), np.float64)
    total = whole = most = 0.0
    mass = np.empty(n_blocks + 1, np.float64)
    sizes = np.empty(n_blocks + 1, np.float64)
    mass[0] = sizes[0] = 0
    last_after = np.empty(n_blocks, np.int32)
    for b in range(n_blocks):
        weight = np.float64(min(rows[b, SIZE], 400) + 5)
        n = rows[b, NODE]
        sums[n, 0] += p[b] * weight
        sums[n, 1] += weight
        total += p[b] * weight
        whole += weight
        most = max(most, p[b])
        mass[b + 1] = total
        sizes[b + 1] = whole
    for n in range(n_nodes - 1, 0, -1):
        sums[parents[n], 0] += sums[n, 0]
        sums[parents[n], 1] += sums[n, 1]
    at_node = 0
    for n in range(1, n_nodes):
        if parents[n] == at_node and sums[n, 0] >= 0.75 * total and total > 0:
            at_node = n
    following = -1
    for b in range(n_blocks - 1, -1, -1):
        last_after[b] = following
        if p[b] > 0.5:
            following = b
    state = np.full(3, -1, np.int64)
    state[2] = at_node
    return (sums, mass, sizes, last_after, total, whole, most), state


@njit(nogil=True, cache=True)
def second_piece(rows, parents, codes, p, page, state, first, out, at):
    """Fills `out[:, at:]` for the blocks from `first` on; `state` (the last block that the first classifier would keep,
    the last heading, the main node) is carried on from those before."""
    sums, mass, sizes, last_after, total, whole, most = page
    n_blocks = len(rows)
    previous, heading, at_node = state
    for b in range(first, first + len(out)):
        f = out[b - first]
        k = at
        f[k] = p[b]
        k += 1
        for step in range(1, 5):
            f[k] = p[b - step] if b >= step else -1
            f[k + 4] = p[b + step] if b + step < n_blocks else -1
            k += 1
        k += 4
        for reach in (5, 20):
            low, high = max(b - reach, 0), min(b + reach + 1, n_blocks)
            f[k] = (mass[high] - mass[low]) / (sizes[high] - sizes[low])
            k += 1
        n = rows[b, NODE]
        for _ in range(UP):
            f[k] = sums[n, 0] / sums[n, 1]
            n = parents[n]
            k += 1
        f[k] = total / whole
        f[k + 1] = most
        f[k + 2] = mass[b] / total if total > 0 else 0
        f[k + 3] = (total - mass[b + 1]) / total if total > 0 else 0
        f[k + 4] = log(b - previous) if previous >= 0 else np.float32(-1)
        f[k + 5] = log(last_after[b] - b) if last_after[b] >= 0 else np.float32(-1)
        f[k + 6] = 0
        f[k + 7] = p[heading] if heading >= 0 else -1
        high = min(b + 4, n_blocks)
        f[k + 8] = (mass[high] - mass[b]) / (sizes[high] - sizes[b])
        n = rows[b, NODE]
        steps = 0
        while n > at_node:
            n = parents[n]
            steps += 1
        f[k + 9] = steps if n == at_node else -1
        if p[b] > 0.5:
            previous = b
        if LEVEL[codes[rows[b, NODE]]]:
            heading = b
    state[0], state[1] = previous, heading


def second_features(
    rows: np.ndarray, parents: np.ndarray, codes: np.ndarray, p: np.ndarray, out: np.ndarray, at: int
) -> None:
    """Fills `out[:, at:]` with what the first classifier made (`p`) of each block and of those around it."""
    page, state = second_sums(rows, parents, p)
    second_piece(rows, parents, codes, p, page, state, 0, out, at)
