"""Which tables hold data, and which only lay out a page."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html import TEXT
from datacurate.kernels.html_tags import TAG

LAYOUT, DATA = 0, 1
MAX_TABLES = 64
MAX_CELL = 200
"""Mean bytes of a cell in a table of data, at most, unless it has header cells: cells of layout hold articles."""
_TABLE, _TR, _TD, _TH, _CAPTION, _PRE = (TAG[name] for name in ("table", "tr", "td", "th", "caption", "pre"))
_ROWS, _CELLS, _WIDEST, _ROW, _HEADS, _BYTES, _NESTED, _OPENED, _CODE = range(9)


@njit(nogil=True, cache=True)
def table_roles(kinds, starts, ends):
    """For each event, DATA if it opens a table of data: two columns and two rows at least, none nested, no code, short cells."""
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
        elif kind == _TD or kind == _TH:
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
