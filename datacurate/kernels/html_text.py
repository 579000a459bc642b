"""Writes the chosen blocks of a page as plain text or Markdown: paragraphs, lists, tables, code and formulas.

One pass over the events. What has been written and what must come next is kept in `w`, a small array (names below).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.blocks import FIRST, LAST
from datacurate.kernels.html import TEXT
from datacurate.kernels.html_attributes import attribute, number, same, starts_with
from datacurate.kernels.html_formulas import formula
from datacurate.kernels.html_tags import BLOCK, KIND, TAG
from datacurate.kernels.html_tables import DATA, table_roles
from datacurate.kernels.memory import borrowing

TO, GAP, SPACE, LINE, LISTS, QUOTES, MARKED, IN_TABLE, CELLS, ROW_ANY, ROW_START, ROWS, CELL_ANY, MARKDOWN, QUOTED = range(15)
"""Where to write next; line breaks due; a space due; whether a line starts; depth of lists and quotations; whether the
item's marker is due; in a table of data; cells and text of its row; where the row started; rows; text of the cell."""
_STATE = 15
MAX_LISTS, MAX_QUOTES = 8, 4
"""Deepest nesting that is shown by indentation."""
MARKDOWN_FORMAT, LINKS, ALT_TEXTS = 1, 2, 4
"""Bits of `options`."""

_GAP = np.zeros(256, np.int64)
for _name in "p h1 h2 h3 h4 h5 h6 blockquote pre table ul ol dl figure hr article section details center".split():
    _GAP[TAG[_name]] = 2
_LEVEL = np.zeros(256, np.int64)
for _n in range(1, 7):
    _LEVEL[TAG[f"h{_n}"]] = _n
(_A, _BR, _IMG, _MATH, _CODE, _PRE, _LI, _UL, _OL, _TABLE, _TR, _TD, _TH, _QUOTE, _SPAN, _HR, _DIV, _CUSTOM) = (
    TAG[name] for name in ("a", "br", "img", "math", "code", "pre", "li", "ul", "ol", "table", "tr", "td", "th", "blockquote",
                           "span", "hr", "div", "custom-element")
)  # fmt: skip


def _ascii(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


_CLASS, _HREF, _SRC, _ALT, _START, _VALUE = (_ascii(name) for name in ("class", "href", "src", "alt", "start", "value"))
_GARBAGE = tuple(_ascii(name) for name in ("katex-html", "MathJax", "mjx-chtml", "mathjax-preview", "MJX"))
_KATEX, _MATHJAX, _MJX = _ascii("katex-html"), _ascii("MathJax"), _ascii("mjx-")
_LANGUAGE, _LANG, _HIGHLIGHT, _BRUSH = _ascii("language-"), _ascii("lang-"), _ascii("highlight-source-"), _ascii("brush:")


@borrowing
def _put(out, w, byte):
    out[w[TO]] = byte
    w[TO] += 1


@borrowing
def _prefix(out, w, marks, counts):
    """What starts a line: quotation marks, indentation, and the marker of an item whose first line this is."""
    if w[MARKDOWN]:
        for _ in range(min(w[QUOTES], MAX_QUOTES)):
            _put(out, w, 0x3E)
            _put(out, w, 0x20)
    depth = min(w[LISTS], MAX_LISTS)
    if depth:
        for _ in range(2 * (depth - 1)):
            _put(out, w, 0x20)
        if w[MARKED]:
            number_of = counts[w[LISTS]]
            if number_of < 0:
                _put(out, w, 0x2D)
            else:
                _digits(out, w, number_of)
                _put(out, w, 0x2E)
            _put(out, w, 0x20)
            w[MARKED] = 0
        else:
            _put(out, w, 0x20)
            _put(out, w, 0x20)
    w[LINE] = 0
    w[QUOTED] = w[QUOTES]


@borrowing
def _digits(out, w, value):
    base = 1
    while value // base >= 10:
        base *= 10
    while base:
        _put(out, w, 0x30 + value // base % 10)
        base //= 10


@borrowing
def _open_line(out, w, marks, counts):
    """Writes what is due before text: line breaks and the start of the line, or a space."""
    if w[IN_TABLE]:
        if w[SPACE] and w[CELL_ANY]:
            _put(out, w, 0x20)
        w[SPACE] = 0
        w[CELL_ANY] = w[ROW_ANY] = 1
        return
    if w[GAP] and w[TO]:
        _put(out, w, 0x0A)
        if w[GAP] > 1:
            if w[MARKDOWN] and w[QUOTES]:
                for _ in range(min(w[QUOTED], w[QUOTES], MAX_QUOTES)):
                    _put(out, w, 0x3E)
            _put(out, w, 0x0A)
        w[LINE] = 1
    elif w[SPACE] and w[TO] and not w[LINE]:
        _put(out, w, 0x20)
    w[GAP] = w[SPACE] = 0
    if w[LINE]:
        _prefix(out, w, marks, counts)


@borrowing
def _entity(data, i, end):
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
def _write_text(data, i, end, out, w, marks, counts):
    """Text with white space collapsed."""
    while i < end:
        c = np.int64(data[i])
        width = 1
        if c == 0x26:
            c, width = _entity(data, i, end)
        if c == 0x20 or 0x09 <= c <= 0x0D:
            w[SPACE] = 1
            i += width
            continue
        if w[SPACE] or w[GAP] or w[LINE] or w[IN_TABLE]:
            _open_line(out, w, marks, counts)
        if c == 0x7C and w[IN_TABLE] and w[MARKDOWN]:
            _put(out, w, 0x5C)
        _put(out, w, c)
        i += width


@borrowing
def _write_code(data, i, end, out, w, marks, counts):
    """Text of `pre`, as it is."""
    while i < end:
        c = np.int64(data[i])
        width = 1
        if c == 0x26:
            c, width = _entity(data, i, end)
        i += width
        if c == 0x0D:
            continue
        if c == 0x0A:
            w[GAP] += 1  # written with the next character, so that none end the code
            continue
        blanks = w[GAP]
        for _ in range(blanks):
            if w[TO] and w[ROWS] >= 0:
                _put(out, w, 0x0A)
            w[LINE] = 1
        w[GAP] = 0
        if w[LINE]:
            _prefix(out, w, marks, counts)
        _put(out, w, c)


@borrowing
def _language(data, kinds, starts, ends, e, out, w):
    """Writes the language that the class of a `pre`, or of a `code` or element around it, names."""
    for at in range(e, min(e + 3, len(kinds))):
        if kinds[at] != _PRE and kinds[at] != _CODE:
            continue
        i, end = attribute(data, starts[at], ends[at], _CLASS)
        while i < end:
            skip = 0
            if starts_with(data, i, end, _LANGUAGE):
                skip = 9
            elif starts_with(data, i, end, _LANG):
                skip = 5
            elif starts_with(data, i, end, _HIGHLIGHT):
                skip = 17
            elif starts_with(data, i, end, _BRUSH):
                skip = 6
            if skip:
                i += skip
                while i < end and data[i] == 0x20:
                    i += 1
                while i < end and data[i] > 0x20 and data[i] != 0x3B and data[i] != 0x60 and data[i] != 0x26:
                    _put(out, w, data[i])
                    i += 1
                return
            while i < end and data[i] != 0x20:
                i += 1
            i += 1


@borrowing
def _backticks(data, kinds, starts, ends, e):
    """The length of the longest run of backticks up to the end of a `pre`."""
    longest = run = 0
    while e < len(kinds) and kinds[e] != -_PRE:
        if kinds[e] == TEXT:
            for i in range(starts[e], ends[e]):
                run = run + 1 if data[i] == 0x60 else 0
                longest = max(longest, run)
        e += 1
    return longest


@borrowing
def _is_garbage(data, i, end):
    """Whether an element's class says that it only shows a formula which is written elsewhere in TeX."""
    start, stop = attribute(data, i, end, _CLASS)
    return (
        starts_with(data, start, stop, _KATEX)
        or starts_with(data, start, stop, _MATHJAX)
        or starts_with(data, start, stop, _MJX)
    )


@borrowing
def _row_ends(out, w, columns):
    """Ends a row of a table, or takes it back if nothing is in it."""
    if not w[ROW_ANY]:
        w[TO] = w[ROW_START]
        return
    if w[MARKDOWN]:
        _put(out, w, 0x20)
        _put(out, w, 0x7C)
        if w[ROWS] == 0:
            _put(out, w, 0x0A)
            for _ in range(w[CELLS]):
                for byte in (0x7C, 0x20, 0x2D, 0x2D, 0x2D, 0x20):
                    _put(out, w, byte)
            _put(out, w, 0x7C)
    w[ROWS] += 1


@borrowing
def _cell(out, w, ahead):
    """Starts a cell."""
    if w[MARKDOWN]:
        if w[CELLS]:
            _put(out, w, 0x20)
        _put(out, w, 0x7C)
        _put(out, w, 0x20)
    elif w[CELLS]:
        _put(out, w, 0x09)
    w[CELLS] += 1
    w[CELL_ANY] = w[SPACE] = 0


@borrowing
def _copy(data, i, end, out, w):
    while i < end:
        c, width = np.int64(data[i]), 1
        if c == 0x26:
            c, width = _entity(data, i, end)
        _put(out, w, c if c >= 0x20 else 0x20)
        i += width


@njit(nogil=True, cache=True)
def write(data, kinds, starts, ends, rows, chosen, options, out):
    """Writes the chosen blocks to `out`; returns the number of bytes. `out` has the room that `room` says."""
    w = np.zeros(_STATE, np.int64)
    w[MARKDOWN] = options & MARKDOWN_FORMAT
    w[LINE] = 1
    counts = np.full(MAX_DEPTH, -1, np.int64)
    marks = counts
    roles = table_roles(kinds, starts, ends)
    b = 0
    in_pre = False
    fence = 0
    skip_code = skip_depth = 0
    formula_from = formula_to = 0
    href_start = href_end = -1
    link_from = 0
    tables = 0
    for e in range(len(kinds)):
        kind = np.int64(kinds[e])
        code = abs(kind)
        while b < len(rows) and rows[b, LAST] <= e:
            b += 1
        here = in_pre or (b < len(rows) and rows[b, FIRST] <= e and chosen[b])
        if skip_code:
            if code == skip_code:
                skip_depth += 1 if kind > 0 else -1
                if skip_depth == 0:
                    skip_code = 0
            if code != _MATH:
                continue
        if kind == TEXT:
            if in_pre:
                _write_code(data, np.int64(starts[e]), np.int64(ends[e]), out, w, marks, counts)
            elif here:
                _write_text(data, np.int64(starts[e]), np.int64(ends[e]), out, w, marks, counts)
            continue
        if code == _MATH:
            if here:
                start, end, display = formula(data, starts[e], ends[e])
                if end > start:
                    _open_line(out, w, marks, counts)
                    for _ in range(1 + display):
                        _put(out, w, 0x24)
                    _copy(data, start, end, out, w)
                    for _ in range(1 + display):
                        _put(out, w, 0x24)
                    formula_from, formula_to = start, end
            continue
        if code == _BR:
            if in_pre:
                w[GAP] += 1
            elif here and not w[IN_TABLE]:
                w[GAP] = max(w[GAP], 1)
            else:
                w[SPACE] = 1
            continue
        if code == _IMG:
            if here and not in_pre:
                start, end = attribute(data, starts[e], ends[e], _ALT)
                from_class, to_class = attribute(data, starts[e], ends[e], _CLASS)
                is_tex = end > start and (
                    starts_with(data, from_class, to_class, _MWE)
                    or same(data, from_class, to_class, _TEX)
                    or starts_with(data, from_class, to_class, _LATEX)
                )
                if is_tex:
                    if not _equal(data, start, end, formula_from, formula_to):
                        _open_line(out, w, marks, counts)
                        _put(out, w, 0x24)
                        _copy(data, start, end, out, w)
                        _put(out, w, 0x24)
                elif options & ALT_TEXTS and end > start:
                    _open_line(out, w, marks, counts)
                    if w[MARKDOWN]:
                        _put(out, w, 0x21)
                        _put(out, w, 0x5B)
                    _copy(data, start, end, out, w)
                    if w[MARKDOWN]:
                        start, end = attribute(data, starts[e], ends[e], _SRC)
                        _put(out, w, 0x5D)
                        _put(out, w, 0x28)
                        _copy(data, start, end, out, w)
                        _put(out, w, 0x29)
            continue
        if (code == _SPAN or code == _DIV or code == _CUSTOM) and kind > 0:
            if _is_garbage(data, starts[e], ends[e]):
                skip_code, skip_depth = code, 1
                continue
        if code == _CODE:
            if here and not in_pre and w[MARKDOWN]:
                if kind > 0:
                    _open_line(out, w, marks, counts)
                    _put(out, w, 0x60)
                else:
                    _put(out, w, 0x60)
            continue
        if code == _A and options & LINKS and not in_pre:
            if kind > 0:
                href_start, href_end = attribute(data, starts[e], ends[e], _HREF)
                link_from = w[TO]
                if here and href_end > href_start and w[MARKDOWN]:
                    _open_line(out, w, marks, counts)
                    link_from = w[TO]
                    _put(out, w, 0x5B)
            elif here and href_end > href_start and w[TO] > link_from:
                if w[MARKDOWN]:
                    _put(out, w, 0x5D)
                else:
                    _put(out, w, 0x20)
                _put(out, w, 0x28)
                _copy(data, href_start, href_end, out, w)
                _put(out, w, 0x29)
                href_start = href_end = -1
            continue
        if not (KIND[code] & BLOCK or code == _HR):
            continue
        if in_pre:
            if code == _PRE and kind < 0:
                in_pre = False
                w[GAP] = 0
                if fence:
                    w[GAP] = 1
                    _open_line(out, w, marks, counts)
                    for _ in range(fence):
                        _put(out, w, 0x60)
                w[GAP] = 2
                fence = 0
            elif kind < 0 and w[GAP] == 0 and not w[LINE]:
                w[GAP] = 1
            continue
        if code == _TABLE:
            if kind > 0:
                tables += 1
                if roles[e] == DATA and not w[IN_TABLE]:
                    w[IN_TABLE] = tables
                    w[ROWS] = 0
                    w[GAP] = 2
            else:
                if w[IN_TABLE] == tables:
                    w[IN_TABLE] = 0
                    w[GAP] = 2
                    w[SPACE] = 0
                tables -= 1
                w[GAP] = max(w[GAP], 1)
            continue
        if w[IN_TABLE]:
            if code == _TR and kind > 0:
                w[ROW_START] = w[TO]
                was = w[IN_TABLE]
                if w[ROWS]:
                    w[GAP] = 1
                w[IN_TABLE] = 0
                w[SPACE] = 0
                gap = w[GAP]
                _open_line(out, w, marks, counts)
                w[GAP] = gap if not w[ROWS] else 1
                w[IN_TABLE] = was
                w[CELLS] = w[ROW_ANY] = 0
            elif code == _TR:
                _row_ends(out, w, 0)
                if w[ROW_ANY]:
                    w[GAP] = 1
                else:
                    w[LINE] = w[ROW_START] == 0
                w[CELLS] = w[ROW_ANY] = 0
            elif (code == _TD or code == _TH) and kind > 0:
                _cell(out, w, 0)
            else:
                w[SPACE] = 1
            continue
        gap = _GAP[code]
        if gap == 0:
            gap = 2 if w[MARKDOWN] and code != _LI else 1
        if w[LISTS] and code != _PRE:
            gap = 1
        w[SPACE] = 0
        if code == _UL or code == _OL:
            if kind > 0:
                if w[LISTS] + 1 < MAX_DEPTH:
                    w[LISTS] += 1
                    first = number(data, starts[e], ends[e], _START, 1) - 1
                    counts[w[LISTS]] = first if code == _OL else -1
                w[MARKED] = 0
            elif w[LISTS]:
                w[LISTS] -= 1
                w[MARKED] = 0
                if w[LISTS] == 0:
                    gap = 2
        elif code == _LI:
            if kind > 0:
                if counts[w[LISTS]] >= 0:
                    counts[w[LISTS]] = number(data, starts[e], ends[e], _VALUE, counts[w[LISTS]] + 1)
                w[MARKED] = 1
            else:
                w[MARKED] = 0
        elif code == _QUOTE:
            w[QUOTES] = max(w[QUOTES] + (1 if kind > 0 else -1), 0)
        w[GAP] = max(w[GAP], gap)
        if kind > 0 and code == _PRE:
            following = b
            while following < len(rows) and rows[following, LAST] <= e + 1:
                following += 1
            if following < len(rows) and chosen[following] and rows[following, FIRST] < _pre_end(kinds, e):
                in_pre = True
                _open_line(out, w, marks, counts)
                w[ROWS] = 0
                fence = 0
                if w[MARKDOWN]:
                    fence = max(3, _backticks(data, kinds, starts, ends, e) + 1)
                    for _ in range(fence):
                        _put(out, w, 0x60)
                    _language(data, kinds, starts, ends, e, out, w)
                    w[GAP] = 1
        elif kind > 0 and _LEVEL[code] and w[MARKDOWN]:
            if b < len(rows) and chosen[b] and rows[b, FIRST] <= e + 1 or _chosen_next(rows, chosen, b, e):
                _open_line(out, w, marks, counts)
                for _ in range(_LEVEL[code]):
                    _put(out, w, 0x23)
                w[SPACE] = 1
    return w[TO]


@borrowing
def _equal(data, i, end, other, other_end):
    if end - i != other_end - other:
        return False
    for k in range(end - i):
        if data[i + k] != data[other + k]:
            return False
    return True


@borrowing
def _chosen_next(rows, chosen, b, e):
    """Whether the block that starts right behind event `e` is chosen."""
    while b < len(rows) and rows[b, LAST] <= e + 1:
        b += 1
    return b < len(rows) and rows[b, FIRST] == e + 1 and chosen[b]


@borrowing
def _pre_end(kinds, e):
    while e < len(kinds) and kinds[e] != -_PRE:
        e += 1
    return e


_MWE, _TEX, _LATEX = _ascii("mwe-math"), _ascii("tex"), _ascii("latex")
MAX_DEPTH = 256


def room(size: int, events: int) -> int:
    """Bytes that `write` may need at most for a page of `size` bytes."""
    return 2 * size + 64 * (events + 1)


def text_of(data: np.ndarray, events: tuple[np.ndarray, ...], rows: np.ndarray, chosen: np.ndarray, options: int = 0) -> bytes:
    """The chosen blocks as text."""
    kinds, starts, ends, _ = events
    out = np.empty(room(len(data), len(kinds)), np.uint8)
    return out[: write(data, kinds, starts, ends, rows, chosen, options, out)].tobytes()
