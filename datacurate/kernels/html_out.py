"""Text as it is written: line breaks, spaces and what starts a line come before the next character that needs them.

What has been written and what must come next is kept in `w`, a small array (names below).
"""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing

TO, GAP, SPACE, LINE, LISTS, QUOTES, MARKED, MARKDOWN, QUOTED = range(9)
"""Where to write next; line breaks due; a space due; whether a line starts; depth of lists and of quotations; whether
the item's marker is due; whether Markdown is wanted; depth of quotations in the last line."""
IN_TABLE, CELLS, ROW_ANY, ROW_START, ROWS, CELL_ANY, TABLES = range(9, 16)
"""Depth of the table of data that is open, or 0; cells of its row, whether the row has text, where it started; rows;
whether the cell has text; depth of all tables."""
FORMULA, FORMULA_END, HREF, HREF_END, LINK_START, IN_PRE, FENCE, PRE_END, HASHES = range(16, 25)
"""The last formula; the target of the link that is open, and where its text started; in code; backticks around it;
where the first `pre` that is open ends;
where the marks of a heading end."""
CODE_START, CODE_END, GARBAGE, LINEAR_START, LINEAR_END, CAPTIONED, COLUMN, COLUMNS = range(25, 33)
"""Where code starts, and where its last character that is no white space ends; whether this element only shows a
formula; where the last formula that was written from MathML in such an element starts, and where it ends;
the depth of the table of data whose caption is open, or 0; the column of the next cell of its row; columns of the
table."""
STATE = 33
MAX_LISTS, MAX_QUOTES = 8, 4
"""Deepest nesting that is shown by indentation."""


@borrowing
def put(out, w, byte):
    out[w[TO]] = byte
    w[TO] += 1


@borrowing
def _prefix(out, w, counts):
    """What starts a line: quotation marks, indentation, and the marker of an item whose first line this is."""
    if w[MARKDOWN]:
        for _ in range(min(w[QUOTES], MAX_QUOTES)):
            put(out, w, 0x3E)
            put(out, w, 0x20)
    depth = min(max(w[LISTS], w[MARKED]), MAX_LISTS)
    if depth:
        for _ in range(2 * (depth - 1)):
            put(out, w, 0x20)
        if w[MARKED]:
            number_of = counts[w[LISTS]]
            if number_of < 0:
                put(out, w, 0x2D)
            else:
                _digits(out, w, number_of)
                put(out, w, 0x2E)
            put(out, w, 0x20)
            w[MARKED] = 0
        else:
            put(out, w, 0x20)
            put(out, w, 0x20)
    w[LINE] = 0
    w[QUOTED] = w[QUOTES]


@borrowing
def _digits(out, w, value):
    base = 1
    while value // base >= 10:
        base *= 10
    while base:
        put(out, w, 0x30 + value // base % 10)
        base //= 10


@borrowing
def open_line(out, w, counts):
    """Writes what is due before text: line breaks and the start of the line, or a space."""
    if w[IN_TABLE]:
        if w[SPACE] and w[CELL_ANY]:
            put(out, w, 0x20)
        w[SPACE] = 0
        w[CELL_ANY] = w[ROW_ANY] = 1
        return
    if w[GAP] and w[TO]:
        put(out, w, 0x0A)
        if w[GAP] > 1:
            if w[MARKDOWN] and w[QUOTES]:
                for _ in range(min(w[QUOTED], w[QUOTES], MAX_QUOTES)):
                    put(out, w, 0x3E)
            put(out, w, 0x0A)
        w[LINE] = 1
    elif w[SPACE] and w[TO] and not w[LINE]:
        put(out, w, 0x20)
    w[GAP] = w[SPACE] = 0
    if w[LINE]:
        _prefix(out, w, counts)


@borrowing
def entity(data, i, end):
    """The character of an entity at `i`, and its width; a lone `&` stands for itself."""
    if i + 4 <= end and data[i + 2] == 0x74 and data[i + 3] == 0x3B:
        if data[i + 1] == 0x6C:
            return 0x3C, 4
        if data[i + 1] == 0x67:
            return 0x3E, 4
    if i + 5 <= end and data[i + 1] == 0x61 and data[i + 2] == 0x6D and data[i + 3] == 0x70 and data[i + 4] == 0x3B:
        return 0x26, 5
    if i + 6 <= end and data[i + 5] == 0x3B:
        if data[i + 1] == 0x6E and data[i + 2] == 0x62 and data[i + 3] == 0x73 and data[i + 4] == 0x70:
            return 0x20, 6
        if data[i + 1] == 0x71 and data[i + 2] == 0x75 and data[i + 3] == 0x6F and data[i + 4] == 0x74:
            return 0x22, 6
    return 0x26, 1


@borrowing
def write_text(data, i, end, out, w, counts):
    """Text with white space collapsed."""
    while i < end:
        c = np.int64(data[i])
        width = 1
        if c == 0x26:
            c, width = entity(data, i, end)
        if c == 0x20 or 0x09 <= c <= 0x0D:
            w[SPACE] = 1
            i += width
            continue
        if w[SPACE] or w[GAP] or w[LINE] or w[IN_TABLE]:
            open_line(out, w, counts)
        if c == 0x7C and w[IN_TABLE] and w[MARKDOWN]:
            put(out, w, 0x5C)
        put(out, w, c)
        i += width


@borrowing
def write_code(data, i, end, out, w, counts):
    """Text of `pre`, as it is."""
    while i < end:
        c = np.int64(data[i])
        width = 1
        if c == 0x26:
            c, width = entity(data, i, end)
        i += width
        if c == 0x0D:
            continue
        if c == 0x0A:
            code_line(w)
            continue
        blanks = w[GAP]
        for line in range(blanks):
            if w[TO]:
                put(out, w, 0x0A)
            w[LINE] = 1
            if w[MARKDOWN] and line + 1 < blanks:  # an empty line without its marks would end the quotation
                for _ in range(min(w[QUOTES], MAX_QUOTES)):
                    put(out, w, 0x3E)
        w[GAP] = 0
        if w[LINE]:
            _prefix(out, w, counts)
        put(out, w, c)
        if c > 0x20:
            w[CODE_END] = w[TO]


@borrowing
def code_line(w):
    """A line of code ends. It is written with the next character, and not at all if only blanks came before."""
    if w[CODE_END] > w[CODE_START]:
        w[GAP] += 1
        return
    w[TO] = w[CODE_START]
    w[GAP] = w[FENCE] > 0
    w[LINE] = 0


@borrowing
def copy(data, i, end, out, w):
    while i < end:
        c, width = np.int64(data[i]), 1
        if c == 0x26:
            c, width = entity(data, i, end)
        put(out, w, c if c >= 0x20 else 0x20)
        i += width
