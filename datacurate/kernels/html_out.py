"""Text as it is written: line breaks, spaces and what starts a line come before the next character that needs them.

What has been written and what must come next is kept in `w`, a small array (names below).
"""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined

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
TICKS, TICKS_END, DIGITS, IN_LINK = range(33, 37)
"""Backticks around the code in a line that is open, and where they end; whether a line has digits alone so far; whether
the text is that of a link."""
STATE = 37
_ESCAPED = np.zeros(256, np.bool_)
_ESCAPED[list(b"`\\*_[]<&~.)#>-+=")] = True
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
        for level in range(max(w[LISTS] - depth, 0) + 1, max(w[LISTS] - depth, 0) + depth):
            _indent(out, w, counts[level])
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
            _indent(out, w, counts[w[LISTS]])
    w[LINE] = 0
    w[QUOTED] = w[QUOTES]
    w[DIGITS] = 1


@borrowing
def _indent(out, w, number_of):
    """Spaces below the marker of an item: as many as it is wide in Markdown, which needs them, and two in text."""
    put(out, w, 0x20)
    put(out, w, 0x20)
    if w[MARKDOWN] and number_of >= 0:
        put(out, w, 0x20)
        while number_of >= 10:
            put(out, w, 0x20)
            number_of //= 10


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
        begins = (w[LINE] or (w[GAP] and w[TO])) and not w[IN_TABLE]
        if w[TICKS] and w[TO] == w[TICKS_END]:
            w[SPACE] = 0
        if w[SPACE] or w[GAP] or w[LINE] or w[IN_TABLE]:
            open_line(out, w, counts)
        if w[MARKDOWN]:
            marks = c < 0x80 and _ESCAPED[c] and not w[TICKS] and _is_mark(data, i, i + width, end, c, begins, out, w)
            if marks or (c == 0x7C and w[IN_TABLE]):
                put(out, w, 0x5C)
            w[DIGITS] &= 0x30 <= c <= 0x39
        put(out, w, c)
        i += width


@borrowing
def _is_mark(data, i, after, end, c, begins, out, w):
    """Whether Markdown would take a character of a text for a mark: anywhere, or where a line begins.

    What stands behind the run of text is not known: then it might be.
    """
    ahead = np.int64(data[after]) if after < end else 0x20
    white = ahead <= 0x20
    before = np.int64(out[w[TO] - 1]) if w[TO] and not begins else 0x20
    if c == 0x60:
        return True
    if c == 0x5C:  # a backslash before what it escapes; \( and \[ start formulas
        return _is_sign(ahead) and ahead not in (0x28, 0x29, 0x5B, 0x5D)
    if c == 0x2A:  # * and _ that may start emphasis: without a start no end is one
        return begins or after >= end or not (white or (_is_sign(ahead) and _is_word(before)))
    if c == 0x5F:
        return not _is_word(before) and (after >= end or not white)
    if c == 0x5B:  # [
        return w[IN_LINK] > 0
    if c == 0x5D:  # ]
        return w[IN_LINK] > 0 or ahead == 0x28 or ahead == 0x5B or ahead == 0x3A
    if c == 0x3C:  # < before a name, /, ! or ?
        return 0x41 <= ahead | 0x20 <= 0x7A or ahead == 0x2F or ahead == 0x21 or ahead == 0x3F
    if c == 0x26:  # & before what could be an entity
        return 0x61 <= ahead | 0x20 <= 0x7A or ahead == 0x23
    if c == 0x7E:  # ~~
        return ahead == c
    if c == 0x2E or c == 0x29:  # 1. 1)
        return w[DIGITS] > 0 and white and not begins
    if c == 0x23:
        return begins and (white or ahead == c)
    if c == 0x3E:
        return begins > 0
    return begins and (white or ahead == c)  # - + =


@inlined
def _is_sign(c):
    """Whether a byte is one of ASCII's punctuation marks."""
    return 0x21 <= c <= 0x7E and not _is_word(c)


@inlined
def _is_word(c):
    return c >= 0x80 or 0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A


@borrowing
def close_ticks(out, w):
    """Ends the code in a line, or takes it back if it is empty."""
    if w[TO] == w[TICKS_END]:
        w[TO] -= w[TICKS]
    else:
        if out[w[TO] - 1] == 0x60:
            put(out, w, 0x20)
        for _ in range(w[TICKS]):
            put(out, w, 0x60)
    w[TICKS] = 0


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
