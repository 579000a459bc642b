"""Which tables hold data, and which only lay out a page; rows and cells as they are written."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html import TEXT
from datacurate.kernels.html_out import (
    CAPTIONED,
    CELL_ANY,
    CELLS,
    GAP,
    IN_TABLE,
    LINE,
    MARKDOWN,
    ROW_ANY,
    ROW_START,
    ROWS,
    SPACE,
    TO,
    open_line,
    put,
)
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.memory import borrowing

LAYOUT, DATA = 0, 1
MAX_TABLES = 64
MAX_CELL = 200
"""Mean bytes of a cell in a table of data, at most, unless it has header cells: cells of layout hold articles."""
_TABLE, _TR, _TD, _TH, _CAPTION, _PRE = (TAG[name] for name in ("table", "tr", "td", "th", "caption", "pre"))
_ROWS, _CELLS, _WIDEST, _ROW, _HEADS, _BYTES, _NESTED, _OPENED, _CODE = range(9)


@njit(nogil=True, cache=True)
def table_roles(kinds, starts, ends):
    """For each event, DATA if it opens a table of data: two columns and rows, none nested, no code, short cells."""
    roles = np.zeros(len(kinds), np.int8)
    stack = np.zeros((MAX_TABLES, 9), np.int64)
    depth = beyond = 0
    for e in range(len(kinds)):
        kind = np.int64(kinds[e])
        if depth == 0 and kind != _TABLE:
            continue
        top = stack[depth]
        if kind == TEXT:
            top[_BYTES] += np.int64(ends[e]) - np.int64(starts[e])
        elif kind == _TABLE:
            top[_NESTED] = 1
            if depth + 1 >= MAX_TABLES:
                beyond += 1
                continue
            depth += 1
            stack[depth, :] = 0
            stack[depth, _OPENED] = e
        elif kind == -_TABLE:
            if beyond:
                beyond -= 1
                continue
            roles[top[_OPENED]] = _is_data(top)
            depth -= 1
        elif kind == _TR:
            top[_ROWS] += 1
            top[_ROW] = 0
        elif kind in (_TD, _TH):
            top[_CELLS] += 1
            top[_ROW] += 1
            top[_WIDEST] = max(top[_WIDEST], top[_ROW])
            top[_HEADS] += kind == _TH
        elif kind == _PRE:
            top[_CODE] = 1
    return roles


@njit(nogil=True, cache=True)
def _is_data(top):
    if top[_NESTED] or top[_CODE] or top[_ROWS] < 2 or top[_WIDEST] < 2 or top[_CELLS] < 4:
        return LAYOUT
    return DATA if top[_HEADS] or top[_BYTES] < MAX_CELL * top[_CELLS] else LAYOUT


@borrowing
def table_event(kind, out, w, counts):
    """Rows and cells of a table of data; other elements in it part words."""
    if kind == _TR:
        _open_row(out, w, counts)
    elif kind == -_TR:
        _close_row(out, w)
    elif kind in (_TD, _TH):
        _open_cell(out, w)
    elif kind == _CAPTION:
        w[CAPTIONED], w[IN_TABLE] = w[IN_TABLE], 0
        w[SPACE], w[GAP] = 0, 2
    else:
        w[SPACE] = 1


@borrowing
def close_caption(w):
    """A caption ends, which is a paragraph of its own before the rows."""
    w[IN_TABLE], w[CAPTIONED] = w[CAPTIONED], 0
    w[SPACE], w[GAP] = 0, 2


@borrowing
def _open_row(out, w, counts):
    table = w[IN_TABLE]
    w[ROW_START] = w[TO]
    gap = 1 if w[ROWS] else w[GAP]
    w[GAP] = gap
    w[IN_TABLE] = w[SPACE] = 0
    open_line(out, w, counts)
    w[IN_TABLE] = table
    w[GAP] = gap
    w[CELLS] = w[ROW_ANY] = 0


@borrowing
def _close_row(out, w):
    """Ends a row, or takes it back if nothing is in it. Markdown wants a line below the first one."""
    if not w[ROW_ANY]:
        w[TO] = w[ROW_START]
        w[LINE] = w[TO] == 0
        w[CELLS] = 0
        return
    if w[MARKDOWN]:
        put(out, w, 0x20)
        put(out, w, 0x7C)
        if w[ROWS] == 0:
            put(out, w, 0x0A)
            for _ in range(w[CELLS]):
                for byte in (0x7C, 0x20, 0x2D, 0x2D, 0x2D, 0x20):
                    put(out, w, byte)
            put(out, w, 0x7C)
    w[ROWS] += 1
    w[GAP] = 1
    w[CELLS] = w[ROW_ANY] = 0


@borrowing
def _open_cell(out, w):
    if w[MARKDOWN]:
        if w[CELLS]:
            put(out, w, 0x20)
        put(out, w, 0x7C)
        put(out, w, 0x20)
    elif w[CELLS]:
        put(out, w, 0x09)
    w[CELLS] += 1
    w[CELL_ANY] = w[SPACE] = 0
