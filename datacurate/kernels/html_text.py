"""Writes the chosen blocks of a page as plain text or Markdown: paragraphs, lists, tables, code and formulas.

One pass over the events. What has been written and what must come next is kept in `w`, a small array (`html_out`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.blocks import FIRST, LAST
from datacurate.kernels.html import TEXT
from datacurate.kernels.html_attributes import number
from datacurate.kernels.html_inline import (
    backticks,
    close_link,
    is_garbage,
    open_link,
    open_ticks,
    write_formula,
    write_image,
    write_language,
)
from datacurate.kernels.html_out import (
    CAPTIONED,
    CELL_ANY,
    CODE_END,
    CODE_START,
    COLUMN,
    COLUMNS,
    FENCE,
    GAP,
    GARBAGE,
    HASHES,
    IN_PRE,
    IN_TABLE,
    LINE,
    LISTS,
    MARKDOWN,
    MARKED,
    PRE_END,
    QUOTES,
    ROWS,
    SPACE,
    STATE,
    TABLES,
    TICKS,
    TO,
    close_ticks,
    code_line,
    open_line,
    put,
    write_code,
    write_text,
)
from datacurate.kernels.html_permalinks import permalink_end
from datacurate.kernels.html_tables import LAYOUT, MAX_COLUMNS, close_caption, table_event, table_roles
from datacurate.kernels.html_tags import BLOCK, KIND, TAG
from datacurate.kernels.memory import borrowing

MARKDOWN_FORMAT, LINKS, ALT_TEXTS = 1, 2, 4
"""Bits of `options`."""
BESIDE = 6
"""Events from an image that has no text around it to a block that is kept: `<p><a><img></a></p>` and a container."""
MAX_DEPTH = 256
"""Deepest nesting of lists that is counted."""
_GAP = np.zeros(256, np.int64)
for _name in "p h1 h2 h3 h4 h5 h6 blockquote pre table ul ol dl figure hr article section details center".split():  # noqa: SIM905
    _GAP[TAG[_name]] = 2
_LEVEL = np.zeros(256, np.int64)
for _n in range(1, 7):
    _LEVEL[TAG[f"h{_n}"]] = _n
(_A, _BR, _IMG, _MATH, _CODE, _PRE, _LI, _UL, _OL, _TABLE, _QUOTE, _SPAN, _HR, _DIV, _CUSTOM,
 _CAPTION, _TR) = (
    TAG[name] for name in ("a", "br", "img", "math", "code", "pre", "li", "ul", "ol", "table", "blockquote", "span",
                           "hr", "div", "custom-element", "caption", "tr")
)  # fmt: skip
_START, _VALUE = np.frombuffer(b"start", np.uint8), np.frombuffer(b"value", np.uint8)
_TICK, _HASH = 0x60, 0x23


@njit(nogil=True, cache=True)
def write(data, kinds, starts, ends, rows, chosen, options, out):
    """Writes the chosen blocks to `out`; returns the number of bytes. `out` has the room that `room` says."""
    w = np.zeros(STATE, np.int64)
    w[MARKDOWN] = options & MARKDOWN_FORMAT
    w[LINE] = 1
    counts = np.full(MAX_DEPTH, -1, np.int64)
    roles = table_roles(kinds, starts, ends)
    spans = np.zeros(MAX_COLUMNS, np.int64)
    formulas = _has(kinds, _MATH)
    b = skipped = depth = codes = 0
    permalink = -1
    for e in range(len(kinds)):
        kind = np.int64(kinds[e])
        code = abs(kind)
        while b < len(rows) and rows[b, LAST] <= e:
            b += 1
        if skipped:  # an element that shows a formula; only MathML in it is read
            if code == skipped:
                depth += 1 if kind > 0 else -1
                skipped = skipped if depth else 0
            if code != _MATH:
                continue
        w[GARBAGE] = skipped
        if e <= permalink:
            continue
        here = w[IN_PRE] or (b < len(rows) and rows[b, FIRST] <= e and chosen[b])
        i, end = np.int64(starts[e]), np.int64(ends[e])
        if kind == TEXT:
            if w[IN_PRE]:
                write_code(data, i, end, out, w, counts)
            elif here:
                write_text(data, i, end, out, w, counts)
        elif formulas and code in (_SPAN, _DIV, _CUSTOM) and kind > 0 and is_garbage(data, i, end):
            skipped, depth = code, 1
            continue
        elif kind == _MATH:
            if here:
                write_formula(data, i, end, out, w, counts)
                w[CODE_END] = w[TO]
        elif not KIND[code] & BLOCK and code != _HR:
            if kind == _A and _has_begun(w):
                permalink = permalink_end(data, kinds, starts, ends, e)
                if permalink > 0:
                    continue
            if code == _BR and b and rows[b - 1, LAST] == e:
                here = here or chosen[b - 1]  # the second of two ends the block
            if code == _CODE and w[MARKDOWN] and not w[IN_PRE]:
                codes = max(codes + (1 if kind > 0 else -1), 0)
                if kind > 0 and codes == 1 and here:
                    open_ticks(data, kinds, starts, ends, e, out, w, counts)
                elif w[TICKS] and not codes:
                    close_ticks(out, w)
                continue
            if code == _IMG and not here:
                here = _is_beside(rows, chosen, b, e)
            _inline(data, kind, i, end, here, options, out, w, counts)
            continue
        if KIND[code] & BLOCK and w[TICKS]:
            close_ticks(out, w)
        if kind in (TEXT, _MATH) or not (KIND[code] & BLOCK or code == _HR):
            continue
        if w[IN_PRE]:
            _inside_code(kind, out, w, counts)
        elif code == _TABLE:
            _table(kind, np.int64(roles[e]), w, spans)
        elif w[IN_TABLE]:
            table_event(data, kind, i, end, out, w, counts, spans)
        elif kind == -_CAPTION and w[CAPTIONED]:
            close_caption(w)
        else:
            _container(data, kind, i, end, w, counts)
            if kind == _PRE:
                _open_code(data, kinds, starts, ends, rows, chosen, b, e, out, w, counts)
            elif kind > 0 and _LEVEL[code] and w[MARKDOWN] and _chosen_next(kinds, rows, chosen, b, e):
                if w[HASHES] == w[TO] and w[TO]:
                    continue
                open_line(out, w, counts)
                for _ in range(_LEVEL[code]):
                    put(out, w, _HASH)
                w[SPACE] = 1
                w[HASHES] = w[TO]
    return w[TO]


@borrowing
def _is_beside(rows, chosen, b, e):
    """Whether an image in no block, which has no text, stands between chosen blocks or right beside one."""
    before = b > 0 and chosen[b - 1]
    behind = b < len(rows) and chosen[b]
    if before and behind:
        return True
    return (before and e - rows[b - 1, LAST] <= BESIDE) or (behind and 0 <= rows[b, FIRST] - e <= BESIDE)


@borrowing
def _has(kinds, kind):
    """Whether there is an event of a kind."""
    found = False
    for e in range(len(kinds)):
        found |= kinds[e] == kind
    return found


@borrowing
def _has_begun(w):
    """Whether the heading, or whatever is open, has text already."""
    if w[IN_TABLE]:
        return w[CELL_ANY] > 0
    return w[GAP] == 0 and w[LINE] == 0 and w[TO] > w[HASHES]


@borrowing
def _inline(data, kind, i, end, here, options, out, w, counts):
    """An element inside a line."""
    code = abs(kind)
    if code == _BR:
        if w[IN_PRE]:
            code_line(w)
        elif here and not w[IN_TABLE]:
            w[GAP] = 2 if w[GAP] and not w[LISTS] else max(w[GAP], 1)
        else:
            w[SPACE] = 1
    elif code == _A and options & LINKS and not w[IN_PRE]:
        if kind > 0:
            open_link(data, i, end, here, out, w, counts)
        else:
            close_link(data, here, out, w)
    elif not here:
        return
    elif code == _IMG and not w[IN_PRE]:
        write_image(data, i, end, options & ALT_TEXTS, out, w, counts)


@borrowing
def _table(kind, role, w, spans):
    """A table starts or ends; `role` says how wide it is if it holds data."""
    w[GAP] = max(w[GAP], 1)
    if kind > 0:
        w[TABLES] += 1
        if role != LAYOUT and not w[IN_TABLE]:
            w[IN_TABLE] = w[TABLES]
            w[ROWS] = w[COLUMN] = 0
            w[COLUMNS] = role
            spans[:] = 0
            w[GAP] = 2
        return
    if w[IN_TABLE] == w[TABLES]:
        w[IN_TABLE] = w[SPACE] = 0
        w[GAP] = 2
    w[CAPTIONED] = 0
    w[TABLES] = max(w[TABLES] - 1, 0)


@borrowing
def _container(data, kind, i, end, w, counts):
    """An element that starts or ends lines: how many line breaks are due, and lists and quotations."""
    if w[HASHES] == w[TO] and w[TO]:
        return
    code = abs(kind)
    gap = _GAP[code]
    if gap == 0:
        gap = 2 if w[MARKDOWN] and code != _LI else 1
    if w[LISTS] and code != _PRE:
        gap = 1
    w[SPACE] = 0
    if code in (_UL, _OL):
        if kind > 0:
            w[LISTS] = min(w[LISTS] + 1, MAX_DEPTH - 1)
            counts[w[LISTS]] = number(data, i, end, _START, 1) - 1 if code == _OL else -1
        elif w[LISTS]:
            w[LISTS] -= 1
            gap = gap if w[LISTS] else 2
        w[MARKED] = 0
    elif code == _LI:
        if kind > 0 and counts[w[LISTS]] >= 0:
            counts[w[LISTS]] = number(data, i, end, _VALUE, counts[w[LISTS]] + 1)
        w[MARKED] = kind > 0
    elif code == _QUOTE:
        w[QUOTES] = max(w[QUOTES] + (1 if kind > 0 else -1), 0)
    w[GAP] = max(w[GAP], gap)


@borrowing
def _open_code(data, kinds, starts, ends, rows, chosen, b, e, out, w, counts):
    """A `pre` starts: it is written if the first block in it is chosen."""
    if w[PRE_END] <= e:
        w[PRE_END] = e
        while w[PRE_END] < len(kinds) and kinds[w[PRE_END]] != -_PRE:
            w[PRE_END] += 1
    while b < len(rows) and rows[b, LAST] <= e + 1:
        b += 1
    if b >= len(rows) or not chosen[b] or rows[b, FIRST] >= w[PRE_END]:
        return
    open_line(out, w, counts)
    w[IN_PRE] = 1
    w[FENCE] = 0
    if w[MARKDOWN]:
        w[FENCE] = max(3, backticks(data, kinds, starts, ends, e) + 1)
        for _ in range(w[FENCE]):
            put(out, w, _TICK)
        write_language(data, kinds, starts, ends, e, out, w)
        w[GAP] = 1
    w[CODE_START] = w[CODE_END] = w[TO]


@borrowing
def _inside_code(kind, out, w, counts):
    """A container in `pre`, or its end."""
    if kind == -_PRE:
        w[IN_PRE] = w[LINE] = 0
        w[TO] = w[CODE_END]
        if w[FENCE]:
            w[GAP] = 1
            open_line(out, w, counts)
            for _ in range(w[FENCE]):
                put(out, w, _TICK)
        w[GAP] = 2
    elif kind < 0 and w[GAP] == 0 and w[CODE_END] > w[CODE_START]:
        w[GAP] = 1


@borrowing
def _chosen_next(kinds, rows, chosen, b, e):
    """Whether the block that starts right behind event `e`, or in an element there, is chosen.

    A heading that ends before the block is empty.
    """
    while b < len(rows) and rows[b, LAST] <= e + 1:
        b += 1
    if b >= len(rows) or rows[b, FIRST] > e + 4 or not chosen[b]:
        return False
    for at in range(e + 1, rows[b, FIRST]):  # noqa: SIM110
        if kinds[at] < 0 and _LEVEL[-np.int64(kinds[at])]:
            return False
    return True


def room(data: np.ndarray, kinds: np.ndarray) -> int:
    """Bytes that `write` may need at most.

    Text at most doubles (`|` in tables); backticks in code may have as many around them on both sides. What starts a
    line takes 100 bytes at most; lines start at events, and in code at line breaks. Where cells span others, each row
    has as many empty ones of three bytes as columns are followed, at most.
    """
    rows = int(np.count_nonzero(kinds == _TR))
    lines = int(np.count_nonzero(data == 0x0A)) if (kinds == _PRE).any() else 0
    return 4 * len(data) + 128 * (len(kinds) + 1) + 104 * lines + 3 * MAX_COLUMNS * rows


def text_of(
    data: np.ndarray, events: tuple[np.ndarray, ...], rows: np.ndarray, chosen: np.ndarray, options: int = 0
) -> bytes:
    """The chosen blocks as text."""
    kinds, starts, ends, _ = events
    out = np.empty(room(data, kinds), np.uint8)
    return out[: write(data, kinds, starts, ends, rows, chosen, options, out)].tobytes()
