"""Which tables hold data, and which only lay out a page; rows and cells as they are written."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html import TEXT
from datacurate.kernels.html_attributes import number
from datacurate.kernels.html_out import (
    CAPTIONED,
    CELL_ANY,
    CELLS,
    COLUMN,
    COLUMNS,
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

LAYOUT = 0
MAX_TABLES = 64
MAX_COLUMNS = 64
"""Columns in which spans are followed; cells beyond are written one after the other."""
MAX_CELL = 200
"""Mean bytes of a cell in a table of data, at most, unless it has header cells: cells of layout hold articles."""
_TABLE, _TR, _TD, _TH, _CAPTION, _PRE, _THEAD, _TBODY, _TFOOT = (
    TAG[name] for name in ("table", "tr", "td", "th", "caption", "pre", "thead", "tbody", "tfoot")
)
_COLSPAN, _ROWSPAN = np.frombuffer(b"colspan", np.uint8), np.frombuffer(b"rowspan", np.uint8)
_ALL = 1 << 30
"""Rows that `rowspan="0"` reaches over: all of the group."""
_ROWS, _CELLS, _WIDEST, _ROW, _HEADS, _BYTES, _NESTED, _OPENED, _CODE, _CELL, _LONGEST = range(11)
LONG_CELL = 300
"""Bytes of a cell that is an article if it holds more than half of the table's text, and none is a header cell."""


@njit(nogil=True, cache=True)
def table_roles(kinds, starts, ends):
    """For each event, the cells of the widest row if it opens a table of data: two columns and rows, none nested, no
    code, short cells."""
    roles = np.zeros(len(kinds), np.int16)
    stack = np.zeros((MAX_TABLES, 11), np.int64)
    depth = beyond = 0
    for e in range(len(kinds)):
        kind = np.int64(kinds[e])
        if depth == 0 and kind != _TABLE:
            continue
        top = stack[depth]
        if kind == TEXT:
            size = np.int64(ends[e]) - np.int64(starts[e])
            top[_BYTES] += size
            top[_CELL] += size
            top[_LONGEST] = max(top[_LONGEST], top[_CELL])
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
            roles[top[_OPENED]] = min(top[_WIDEST], MAX_COLUMNS) if _is_data(top) else LAYOUT
            depth -= 1
        elif kind == _TR:
            top[_ROWS] += 1
            top[_ROW] = 0
        elif kind in (_TD, _TH):
            top[_CELLS] += 1
            top[_CELL] = 0
            top[_ROW] += 1
            top[_WIDEST] = max(top[_WIDEST], top[_ROW])
            top[_HEADS] += kind == _TH
        elif kind == _PRE:
            top[_CODE] = 1
    return roles


@njit(nogil=True, cache=True)
def _is_data(top):
    if top[_NESTED] or top[_CODE] or top[_ROWS] < 2 or top[_WIDEST] < 2 or top[_CELLS] < 4:
        return False
    if top[_HEADS] > 0:
        return True
    return top[_BYTES] < MAX_CELL * top[_CELLS] and not (top[_LONGEST] > LONG_CELL and top[_LONGEST] * 2 > top[_BYTES])


@borrowing
def table_event(data, kind, i, end, out, w, counts, spans):
    """Rows and cells of a table of data; other elements in it part words.

    `spans` says for how many rows more a cell above reaches into each column.
    """
    if kind == _TR:
        _open_row(out, w, counts)
    elif kind == -_TR:
        for column in range(w[COLUMN], MAX_COLUMNS):
            spans[column] = max(spans[column] - 1, 0)
        _close_row(out, w)
    elif kind in (_TD, _TH):
        _open_cell(data, i, end, out, w, spans)
    elif kind in (-_THEAD, -_TBODY, -_TFOOT):
        spans[:] = 0
        w[SPACE] = 1
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
    w[CELLS] = w[ROW_ANY] = w[COLUMN] = 0


@borrowing
def _close_row(out, w):
    """Ends a row, or takes it back if nothing is in it. Markdown wants a line below the first one."""
    if not w[ROW_ANY]:
        w[TO] = w[ROW_START]
        w[LINE] = w[TO] == 0
        w[CELLS] = 0
        return
    if w[MARKDOWN]:
        while w[CELLS] < min(w[COLUMN], w[COLUMNS]):  # a span at the end of the first row says how wide the table is
            _mark_cell(out, w)
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
def _open_cell(data, i, end, out, w, spans):
    """Starts a cell in the next column that no cell above reaches into; columns passed over are empty cells.

    A cell is at most as wide as the row with most cells, so that no number in an attribute makes a row long.
    """
    while w[COLUMN] < MAX_COLUMNS and spans[w[COLUMN]]:
        spans[w[COLUMN]] -= 1
        w[COLUMN] += 1
    while w[CELLS] < min(w[COLUMN], MAX_COLUMNS):
        _mark_cell(out, w)
    _mark_cell(out, w)
    across = min(max(number(data, i, end, _COLSPAN, 1), 1), w[COLUMNS])
    down = number(data, i, end, _ROWSPAN, 1) - 1
    for column in range(w[COLUMN], min(w[COLUMN] + across, MAX_COLUMNS)):
        spans[column] = max(spans[column] - 1, down if down >= 0 else _ALL)
    w[COLUMN] += across


@borrowing
def _mark_cell(out, w):
    """What stands before a cell."""
    if w[MARKDOWN]:
        if w[CELLS]:
            put(out, w, 0x20)
        put(out, w, 0x7C)
        put(out, w, 0x20)
    elif w[CELLS]:
        put(out, w, 0x09)
    w[CELLS] += 1
    w[CELL_ANY] = w[SPACE] = 0
