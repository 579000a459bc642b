"""Blocks that a classifier leaves out of something it keeps: rows, cells, items, the last one of many.

Each block is compared with its likes: the blocks with the same elements and classes around them, up to a container
that holds them all.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.blocks import CUES, LINKED, NODE, SIZE
from datacurate.kernels.blocks_chrome import slot, table_size
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.html_words import TEXT_BIT
from datacurate.kernels.memory import inlined

TABLE_SHARE, TABLE_MEAN, FEWEST_CELLS = 0.6, 0.35, 4
"""Of the cells of a table, those that are kept at least for all to be; or the mean value of the cells of a table that
stands right behind what is kept."""
ITEM_SHARE, LIKE_SHARE, LIKES = 0.5, 0.6, 3
"""Of items of a list, and of other containers that are alike, those in which the block is kept at least for it to be
in all; how many there must be."""
LOW = 0.05
"""Blocks of a lower value stay out."""
CLOSING_SIZE, CLOSING = 120, 0.35
"""Characters that a closing paragraph has at most, and its value at least."""
DEPTH = 4
"""Levels of the tree over which blocks are compared, at most; items are over three."""
_TABLE, _P = TAG["table"], TAG["p"]
_ITEM, _CELL, _DIV = (np.zeros(256, np.bool_) for _ in range(3))
for _names, _flags in (
    ("li dd dt", _ITEM),
    ("td th tr thead tbody tfoot", _CELL),
    ("div section article", _DIV),
):
    for _name in _names.split():
        _flags[TAG[_name]] = True
_ASIDE = np.int64(sum(bit for name, bit in TEXT_BIT.items() if name not in ("meta", "photo")))
"""What words say in blocks that are no article's."""


@njit(nogil=True, cache=True)
def fill_gaps(rows, parents, codes, words, values, out, chosen):
    """Adds to `chosen` the blocks, but those in `out`, that their likes say are kept."""
    open_ = False
    for b in range(len(rows)):
        open_ |= not chosen[b] and not out[b] and values[b] > LOW
    if not open_:
        return
    _tables(rows, parents, codes, values, out, chosen)
    top, paths = np.empty(len(parents), np.int32), np.empty(len(parents), np.uint64)
    for n in range(len(parents)):
        top[n], paths[n] = n, _own(codes, words, n)
    for depth in range(1, DEPTH + 1):
        _vote(rows, parents, codes, values, out, chosen, top, paths, depth)
        for n in range(len(parents)):
            up = parents[top[n]]
            paths[n] = paths[n] * np.uint64(0x100000001B3) + _own(codes, words, up)
            top[n] = up
    _closing(rows, parents, codes, values, out, chosen)


@inlined
def _own(codes, words, n):
    """What of a node its likes have too."""
    return np.uint64(codes[n]) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(words[n]) * np.uint64(0xBF58476D1CE4E5B9)


@njit(nogil=True, cache=True)
def _tables(rows, parents, codes, values, out, chosen):
    """Cells of tables without tables in them of which most is kept, or which stand behind what is kept and nearly are.

    Tables of layout hold others, or several blocks in a cell.
    """
    inside = np.zeros(len(parents), np.int32)
    layout = np.zeros(len(parents), np.bool_)
    any_table = False
    for n in range(1, len(parents)):
        inside[n] = inside[parents[n]]
        if codes[n] == _TABLE:
            layout[inside[n]] = True
            inside[n] = n
            any_table = True
    if not any_table:
        return
    cells, kept = np.zeros(len(parents), np.int32), np.zeros(len(parents), np.int32)
    value = np.zeros(len(parents), np.float64)
    behind = np.zeros(len(parents), np.bool_)
    for b in range(len(rows)):
        table = inside[rows[b, NODE]]
        behind[table] |= cells[table] == 0 and b > 0 and chosen[b - 1]
        layout[table] |= cells[table] > 0 and rows[b, NODE] == rows[b - 1, NODE]
        cells[table] += 1
        kept[table] += chosen[b]
        value[table] += values[b]
    for b in range(len(rows)):
        table = inside[rows[b, NODE]]
        if not table or layout[table] or out[b]:
            continue
        near = behind[table] and cells[table] >= FEWEST_CELLS and value[table] >= TABLE_MEAN * cells[table]
        chosen[b] |= near or kept[table] >= TABLE_SHARE * cells[table]


@njit(nogil=True, cache=True)
def _vote(rows, parents, codes, values, out, chosen, top, paths, depth):
    """Compares blocks over `depth` levels: those whose like is kept in most of the containers that are alike stay.

    `top` is the container around each node that has its likes beside it, `paths` what is between. Blocks are in
    document order, so that those of one container are counted one after the other.
    """
    keys = np.zeros(table_size(len(rows)), np.uint64)
    places = np.empty(len(rows), np.int32)
    likes, with_ = np.zeros(len(keys), np.int32), np.zeros(len(keys), np.int32)
    last, last_with = np.zeros(len(keys), np.int32), np.zeros(len(keys), np.int32)
    for b in range(len(rows)):
        n = rows[b, NODE]
        places[b] = -1
        if not _is_compared(codes[top[n]], depth):
            continue
        key = (paths[n] ^ (np.uint64(parents[top[n]]) * np.uint64(0x94D049BB133111EB))) | np.uint64(1)
        at = slot(keys, key)
        places[b] = at
        if at < 0:
            continue
        keys[at] = key
        likes[at] += last[at] != top[n]
        last[at] = top[n]
        if chosen[b]:
            with_[at] += last_with[at] != top[n]
            last_with[at] = top[n]
    for b in range(len(rows)):
        at = places[b]
        if at < 0 or chosen[b] or out[b] or values[b] <= LOW or likes[at] < LIKES:
            continue
        item = _ITEM[codes[top[rows[b, NODE]]]]
        if item and rows[b, CUES] & _ASIDE:
            continue
        chosen[b] = with_[at] >= (ITEM_SHARE if item else LIKE_SHARE) * likes[at]


@inlined
def _is_compared(code, depth):
    """Whether containers of a tag are compared with their likes. Paragraphs are not: what they say is not alike."""
    if _ITEM[code]:
        return depth < DEPTH
    return code > 0 and not _CELL[code] and (depth > 1 or _DIV[code])


@njit(nogil=True, cache=True)
def _closing(rows, parents, codes, values, out, chosen):
    """Short paragraphs without links right behind what is kept, in the same container or the one around it."""
    for b in range(1, len(rows)):
        if chosen[b] or out[b] or not chosen[b - 1] or values[b] <= CLOSING:
            continue
        n, before = rows[b, NODE], rows[b - 1, NODE]
        near = parents[n] == parents[before] or parents[n] == parents[parents[before]]
        short = rows[b, SIZE] <= CLOSING_SIZE and rows[b, LINKED] == 0 and not rows[b, CUES] & _ASIDE
        chosen[b] = near and short and codes[n] == _P
