"""Tables of contents: containers in which nearly every block is a link into the same page. Never kept."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.blocks import FIRST, LAST, LINKED, LINKS, NODE, SIZE
from datacurate.kernels.html_attributes import attribute
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.memory import borrowing

FEWEST = 3
"""Links that are a table of contents, at least."""
TITLE = 60
"""Characters of its title, at most: the one block of the container that is no link."""
_A, _BODY, _HTML = TAG["a"], TAG["body"], TAG["html"]
_HREF = np.frombuffer(b"href", np.uint8)
_HASH = 0x23


@borrowing
def _points_inside(data, kinds, starts, ends, row):
    """Whether nearly all text of a block is links, and all of them lead to a place on the page itself."""
    if row[LINKS] == 0 or row[LINKED] * 10 < row[SIZE] * 7:
        return False
    for e in range(row[FIRST], row[LAST]):
        if kinds[e] == _A:
            start, stop = attribute(data, starts[e], ends[e], _HREF)
            if stop - start < 2 or data[start] != _HASH:
                return False
    return True


@njit(nogil=True, cache=True)
def contents(data, kinds, starts, ends, rows, parents, codes, out):
    """Sets `out[block]` for the blocks of tables of contents: of containers with three links into the page and more
    and, besides them, a title or one block in ten."""
    n_nodes = len(parents)
    links, others, size = np.zeros(n_nodes, np.int32), np.zeros(n_nodes, np.int32), np.zeros(n_nodes, np.int64)
    any_link = False
    for b in range(len(rows)):
        n = rows[b, NODE]
        out[b] = _points_inside(data, kinds, starts, ends, rows[b])
        if out[b]:
            links[n] += 1
            any_link = True
        else:
            others[n] += 1
            size[n] += rows[b, SIZE]
    if not any_link:
        out[:] = False
        return
    for n in range(n_nodes - 1, 0, -1):
        up = parents[n]
        links[up] += links[n]
        others[up] += others[n]
        size[up] += size[n]
    inside = np.zeros(n_nodes, np.bool_)
    for n in range(1, n_nodes):
        titled = others[n] == 1 and size[n] <= TITLE
        own = links[n] >= FEWEST and codes[n] != _BODY and codes[n] != _HTML and (titled or others[n] * 10 <= links[n])
        inside[n] = own or inside[parents[n]]
    for b in range(len(rows)):
        out[b] = inside[rows[b, NODE]]


def contents_of(data: np.ndarray, events: tuple[np.ndarray, ...], blocks: tuple[np.ndarray, ...]) -> np.ndarray:
    """Which blocks are of tables of contents."""
    rows, parents, codes = blocks[:3]
    out = np.zeros(len(rows), np.bool_)
    contents(data, *events[:3], rows, parents, codes, out)
    return out
