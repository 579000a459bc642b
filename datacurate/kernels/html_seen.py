"""What a reader sees of a page: hidden elements and the line numbers of code go, and code that is no `pre` becomes one.

One pass over the events of `kernels.html`, before anything looks at them. Formulas stay wherever they are: MathML is
often hidden behind a picture of it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html import TEXT, style_marks
from datacurate.kernels.html_attributes import attribute, same, starts_with
from datacurate.kernels.html_tags import BLOCK, KIND, TAG
from datacurate.kernels.html_words import CLASS_BIT, CLASS_WORDS, MARK_BIT
from datacurate.kernels.memory import borrowing

LONG = 80
"""Bytes of a run of text that may be of an article's."""
MAX_MARKED, MAX_TABLES = 64, 64
"""Elements with line numbers or code, and tables, that are open at a time, at most; those in them are left alone."""
_HIDDEN = np.uint32(CLASS_BIT["hidden"])
_CELL, _BLOCK, _NUMBER, _NUMBERS = (np.uint32(MARK_BIT[name]) for name in ("cell", "block", "number", "numbers"))
_WORDS = np.uint32((1 << len(CLASS_WORDS)) - 1)
MARKS = np.uint32(_HIDDEN | ~_WORDS)
"""The bits of words without which a page needs no pass."""
_BR, _DIV, _HTML, _BODY, _LI, _MATH, _PRE, _SPAN, _TABLE, _TD, _TH, _TR = (
    TAG[name] for name in ("br", "div", "html", "body", "li", "math", "pre", "span", "table", "td", "th", "tr")
)
_STYLE, _HIDES, _ARIA = (np.frombuffer(name, np.uint8) for name in (b"style", b"hidden", b"aria-hidden"))
_TRUE, _UNTIL = np.frombuffer(b"true", np.uint8), np.frombuffer(b"until-found", np.uint8)
_CLASS, _ROLE = np.frombuffer(b"class", np.uint8), np.frombuffer(b"role", np.uint8)
_WITH = b"tabpanel tab-pane tab-content tabcontent accordion collaps faq answer spoiler".split()
_OPENED = np.zeros((len(_WITH), max(map(len, _WITH))), np.uint8)
for _row, _word in enumerate(_WITH):
    _OPENED[_row, : len(_word)] = list(_word)
_LENGTHS = np.array([len(word) for word in _WITH])
_PLAIN = np.zeros(256, np.bool_)
for _name in ("div", "span", "code", "a", "br", "kbd", "samp", "tt", "sub", "sup", "time"):
    _PLAIN[TAG[_name]] = True
_ROWS = np.zeros(256, np.bool_)
for _name in ("table", "tbody", "tr", "td"):
    _ROWS[TAG[_name]] = True
_EDIT = np.frombuffer(b"mw-editsection", np.uint8)
_HIGHLIGHTER = np.frombuffer(b"syntaxhighlighter", np.uint8)
OPENED, CODE, LEVEL, AT, SPOILT = range(5)


@borrowing
def is_hidden(data, i, end, code):
    """Whether the attributes of an element hide it: `style`, `hidden` or `aria-hidden`.

    Spans with `hidden` are left: LibreOffice's help has the text for each system in them, and a script shows one. So is
    what a reader opens: tabs, answers, accordions. MediaWiki's links to edit a section are no text of the page either.
    """
    start, stop = attribute(data, i, end, _CLASS)
    if starts_with(data, start, stop, _EDIT):
        return True
    start, stop = attribute(data, i, end, _STYLE)
    hides = style_marks(data, start, stop) & _HIDDEN > 0
    if not hides:
        start, stop = attribute(data, i, end, _ARIA)
        hides = same(data, start, stop, _TRUE)
    if not hides and code != _SPAN:
        hides = _has_hidden(data, np.int64(i), np.int64(end))
    return hides and not _opens(data, i, end)


@borrowing
def _opens(data, i, end):
    """Whether a class or role says that a reader can open the element."""
    for name in (_CLASS, _ROLE):
        start, stop = attribute(data, i, end, name)
        for at in range(start, stop):
            for row in range(len(_OPENED)):
                if starts_with(data, at, stop, _OPENED[row][: _LENGTHS[row]]):
                    return True
    return False


@borrowing
def _has_hidden(data, i, end):
    """Whether there is an attribute `hidden`, with any value but `until-found`."""
    while i < end and data[i] != 0x3E:
        if data[i] == 0x22:  # a value
            i += 1
            while i < end and data[i] != 0x22:
                i += 1
        elif data[i] == 0x20 and i + 8 < end and same(data, i + 1, i + 7, _HIDES) and data[i + 7] == 0x3D:
            start, stop = attribute(data, i, end, _HIDES)
            return not same(data, start, stop, _UNTIL)
        i += 1
    return False


@borrowing
def _may_go(code):
    """Whether an element that is hidden is no page: scripts show it later."""
    return code != _HTML and code != _BODY


@borrowing
def _text_length(data, i, end):
    """Bytes of a text without white space around it."""
    while i < end and data[i] <= 0x20:
        i += 1
    while i < end and data[end - 1] <= 0x20:
        end -= 1
    return end - i


@borrowing
def _line_end(data, i, end):
    """Where the text of a cell with a line of code ends: before line breaks, and where it starts if there is no more.

    What parts the tags of a table has a line break in it, and spaces behind that.
    """
    stop = end
    while stop > i and data[stop - 1] <= 0x20:
        stop -= 1
    for k in range(stop, end):
        if data[k] == 0x0A:
            return k
    return end


@borrowing
def _is_number(data, i, end):
    """Whether a text is digits, white space and what stands between them."""
    while i < end:
        c = data[i]
        if c == 0xC2 and i + 1 < end and data[i + 1] == 0xA0:
            i += 2
            continue
        if c == 0x26 and i + 5 < end and data[i + 1] == 0x6E and data[i + 4] == 0x70 and data[i + 5] == 0x3B:
            i += 6  # &nbsp;
            continue
        if not (0x30 <= c <= 0x39 or c <= 0x20 or c == 0x2E or c == 0x3A or c == 0x7C):
            return False
        i += 1
    return True


@borrowing
def _is_marked(data, i, end, mark, code, opens):
    """Whether an element may be line numbers (1), code (2) or code in a table (3), by its class and where it is."""
    if mark & _NUMBERS or (mark & _NUMBER and (opens[_PRE] or code == _TD)):
        return 1
    if not (mark & _BLOCK and code == _DIV and not opens[_PRE]):
        return 0
    start, stop = attribute(data, i, end, _CLASS)
    return 3 if starts_with(data, start, stop, _HIGHLIGHTER) else 2


@njit(nogil=True, cache=True)
def seen(data, kinds, starts, ends, words, hide):
    """Moves what is seen to the front of the events; returns how many there are. `hide`: whether hidden elements go.

    Returns -1 where one hidden element has half as much again of long runs of text as all that is seen: then it is the
    article, which a script shows. Hidden copies of an article are each about as long as what is seen.
    """
    opens = np.zeros(256, np.int64)
    marked = np.zeros((MAX_MARKED, 5), np.int64)
    tables = np.zeros(MAX_TABLES, np.int64)
    hiding = level = depth = clean = n = 0
    hidden = most = shown = 0
    rows = line = 0  # the level of the table whose rows are lines of code; of its cell that is open
    for e in range(len(kinds)):
        kind = np.int64(kinds[e])
        i, end = np.int64(starts[e]), np.int64(ends[e])
        mark = words[e] & MARKS
        keep = True
        if kind == TEXT:
            size = _text_length(data, i, end) if end - i >= LONG else 0
            if size < LONG:
                pass
            elif hiding:
                hidden += size
                most = max(most, hidden)
            else:
                shown += size
            if rows:
                ends[e] = _line_end(data, i, end)
            if hiding or (rows and (not line or ends[e] == i)):
                continue
            if depth > clean and not _is_number(data, i, end):
                clean = depth
        elif kind > 0:
            opens[kind] += 1
            clean = depth if kind == _MATH else clean
            if hiding:
                keep = kind == _MATH
            elif hide and mark & _HIDDEN and _may_go(kind) and is_hidden(data, i, end, kind):
                hiding, level, hidden = kind, opens[kind], 0
                keep = _keeps_place(kind) and not rows
            elif kind == _TABLE and opens[_TABLE] < MAX_TABLES:
                tables[opens[_TABLE]] = n
            elif mark & _CELL and kind == _TD and not rows and 0 < opens[_TABLE] < MAX_TABLES:
                n = _as_code(kinds, tables[opens[_TABLE]], n, opens)
                rows = opens[_TABLE]
            if rows and not hiding and kind == _TD:
                line = opens[_TD] if mark & _CELL else 0
            if rows and KIND[kind] & BLOCK:
                keep = False
            sort = _is_marked(data, i, end, mark, kind, opens)
            if sort and not hiding and not rows and depth < MAX_MARKED:
                marked[depth, OPENED], marked[depth, CODE] = n, kind
                marked[depth, LEVEL], marked[depth, AT], marked[depth, SPOILT] = opens[kind], sort, 0
                depth += 1
            elif depth and not hiding and not _PLAIN[kind] and not (_ROWS[kind] and marked[depth - 1, AT] == 3):
                marked[depth - 1, SPOILT] = 1
        else:
            code = -kind
            if hiding:
                keep = hiding == code and opens[code] == level and _keeps_place(code) and not rows
                if hiding == code and opens[code] == level:
                    hiding = 0
            elif rows:
                if code == _TABLE and opens[_TABLE] == rows:
                    rows = line = 0
                    kinds[e] = -_PRE
                    keep = opens[_PRE] == 0
                elif code == _TR and opens[_TABLE] == rows:
                    kinds[e] = _BR
                    line = 0
                elif KIND[code] & BLOCK:
                    line = 0 if code == _TD and opens[_TD] == line else line
                    keep = False
            elif depth and marked[depth - 1, CODE] == code and marked[depth - 1, LEVEL] == opens[code]:
                depth -= 1
                if marked[depth, AT] == 1:
                    if depth >= clean:
                        n = min(n, marked[depth, OPENED])
                        keep = False
                elif not marked[depth, SPOILT] and marked[depth, OPENED] < n:
                    kinds[marked[depth, OPENED]], kinds[e] = _PRE, -_PRE
                clean = min(clean, depth)
            opens[code] = max(opens[code] - 1, 0)
        if keep:
            kinds[n], starts[n], ends[n], words[n] = kinds[e], starts[e], ends[e], words[e] & _WORDS
            n += 1
    return -1 if most * 2 > shown * 3 else n


@borrowing
def _keeps_place(code):
    """Whether an element that is hidden still parts what stands before and behind it."""
    return KIND[code] & BLOCK and code != _TD and code != _TH and code != _TR and code != _LI


@borrowing
def _as_code(kinds, at, n, opens):
    """Makes the table that event `at` opens a `pre`, or nothing in one, and takes back what is in it so far."""
    if opens[_PRE]:
        return min(at, n)
    if at < n:
        kinds[at] = _PRE
    return min(at + 1, n)


def seen_of(data: np.ndarray, events: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """The events of what a reader sees; the same ones where nothing is to be changed."""
    kinds, starts, ends, words = events
    marks = np.bitwise_or.reduce(words, initial=np.uint32(0)) & MARKS
    if not marks:
        return events
    own = (kinds.copy(), starts.copy(), ends.copy(), words.copy())
    count = seen(data, *own, True)
    if count < 0:
        own = (kinds.copy(), starts.copy(), ends.copy(), words.copy())
        count = seen(data, *own, False)
    return tuple(part[:count] for part in own)
