"""Formulas of MathML whose TeX the page does not hold, in one line: `(a)/(b)`, `x^{2}`, `a_{i}`, `\\sqrt{y}`.

Made to be read, not to be typeset: letters, digits and signs stay as they are in the page. Names of elements are those
of MathML Core and MathML 3 (https://www.w3.org/TR/MathML3/).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html_attributes import attribute
from datacurate.kernels.html_formulas import tag_end
from datacurate.kernels.html_out import (
    IN_TABLE,
    LINEAR_END,
    LINEAR_START,
    MARKDOWN,
    TO,
    copy,
    entity,
    open_line,
    put,
)
from datacurate.kernels.html_tags import hash_name
from datacurate.kernels.memory import borrowing

MAX_DEPTH = 128
"""Deepest nesting that is shown; what is deeper is written without its structure."""
OTHER, TOKEN, HIDDEN, FRACTION, SUPER, SUB, BOTH, ROOT, SQRT, FENCED, TABLE, ROW = range(12)
ELEMENTS = {
    "mi": TOKEN, "mn": TOKEN, "mo": TOKEN, "mtext": TOKEN, "ms": TOKEN,
    "annotation": HIDDEN, "annotation-xml": HIDDEN, "mphantom": HIDDEN, "script": HIDDEN, "style": HIDDEN,
    "mfrac": FRACTION, "msup": SUPER, "mover": SUPER, "msub": SUB, "munder": SUB, "msubsup": BOTH, "munderover": BOTH,
    "mroot": ROOT, "msqrt": SQRT, "mfenced": FENCED, "mtable": TABLE, "mtr": ROW,
}  # fmt: skip
"""What elements are; others are written as what they hold."""
AROUND = {
    FRACTION: ("()", "/()", ""),
    SUPER: ("", "^{}", ""),
    SUB: ("", "_{}", ""),
    BOTH: ("", "_{}", "^{}"),
    ROOT: ("()", "^{1/()}", ""),
    FENCED: ("", ",", ","),
    TABLE: ("", " \\\\ ", " \\\\ "),
    ROW: ("", " & ", " & "),
}
"""What stands around the first child, the second and those after it; closing brackets stand behind it."""
_HASHES = np.array([hash_name(name.encode()) for name in ELEMENTS], np.uint32)
_KINDS = np.array(list(ELEMENTS.values()), np.int64)
_BEFORE, _AFTER = np.zeros((12, 3, 8), np.uint8), np.zeros((12, 3, 8), np.uint8)
for _kind, _places in AROUND.items():
    for _place, _text in enumerate(_places):
        _cut = len(_text.rstrip(")}"))
        _BEFORE[_kind, _place, :_cut] = list(_text[:_cut].encode())
        _AFTER[_kind, _place, : len(_text) - _cut] = list(_text[_cut:].encode())
_SQRT = np.frombuffer(b"\\sqrt{", np.uint8)
_OPEN, _CLOSE = np.frombuffer(b"open", np.uint8), np.frombuffer(b"close", np.uint8)
_DOLLAR, _BACKSLASH, _BRACE, _BRACE_END = 0x24, 0x5C, 0x7B, 0x7D
_KIND, _CHILDREN, _PLACE, _BRACED, _START, _STOP = range(6)
"""Of an element that is open: what it is, its children so far, its place among its parent's, whether braces are around
it, and where its closing fence stands in the page."""


@njit(nogil=True, cache=True)
def write_mathml(data, i, end, dollars, out, w, counts):
    """Writes the contents of a `math` element that stand at `data[i:end]`, between dollars; nothing if it is empty."""
    before = w.copy()
    open_line(out, w, counts)
    start = w[TO]
    for _ in range(dollars):
        put(out, w, _DOLLAR)
    if not _contents(data, i, end, out, w):
        w[:] = before
        return
    for _ in range(dollars):
        put(out, w, _DOLLAR)
    w[LINEAR_START], w[LINEAR_END] = start, w[TO]


@njit(nogil=True, cache=True)
def _contents(data, i, end, out, w):
    """Writes elements and texts; returns whether there was text."""
    stack = np.zeros((MAX_DEPTH, 6), np.int64)
    depth = beyond = hidden = 0
    last = np.zeros(2, np.int64)
    while i < end:
        if data[i] != 0x3C:
            stop = i
            while stop < end and data[stop] != 0x3C:
                stop += 1
            if not hidden:
                _text(data, i, stop, last, out, w)
            i = stop
            continue
        stop = tag_end(data, i, end) - 1
        closes = i + 1 < end and data[i + 1] == 0x2F
        if i + 1 < end and (data[i + 1] == 0x21 or data[i + 1] == 0x3F or data[stop - 1] == 0x2F):
            i = stop + 1  # a comment, or an element that ends at once
            continue
        if not closes and depth + 1 >= MAX_DEPTH:
            beyond += 1
        elif not closes:
            depth += 1
            _open(data, i + 1, stop, stack, depth, hidden, out, w)
            if stack[depth, _KIND] == HIDDEN and not hidden:
                hidden = depth
        elif beyond:
            beyond -= 1
        elif depth:
            _close(data, stack, depth, hidden, out, w)
            hidden = 0 if hidden == depth else hidden
            depth -= 1
        i = stop + 1
    while depth:
        _close(data, stack, depth, hidden, out, w)
        hidden = 0 if hidden == depth else hidden
        depth -= 1
    return last[0] > 0


@borrowing
def _kind_of(data, i, end):
    """What the element is whose name starts at `i`, and where the name ends."""
    h = np.uint32(0)
    while i < end and data[i] > 0x20:
        h = np.uint32(h * np.uint32(131) + np.uint32(data[i]))
        i += 1
    for k in range(len(_HASHES)):
        if _HASHES[k] == h:
            return _KINDS[k], i
    return OTHER, i


@borrowing
def _open(data, i, end, stack, depth, hidden, out, w):
    """An element starts."""
    kind, at = _kind_of(data, i, end)
    own, above = stack[depth], stack[depth - 1]
    own[:] = 0
    own[_KIND] = kind
    if hidden:
        return
    parent = above[_KIND] if depth > 1 else OTHER
    own[_PLACE] = min(above[_CHILDREN], 2)
    above[_CHILDREN] += 1
    _word(_BEFORE[parent, own[_PLACE]], out, w)
    own[_BRACED] = SUPER <= parent <= BOTH and own[_PLACE] == 0 and kind != TOKEN
    if own[_BRACED]:
        put(out, w, _BRACE)
    if kind == SQRT:
        _word(_SQRT, out, w)
    elif kind == FENCED:
        own[_START], own[_STOP] = _fence(data, at, end, _CLOSE)
        start, stop = _fence(data, at, end, _OPEN)
        if start < 0:
            put(out, w, 0x28)
        else:
            copy(data, start, stop, out, w)


@borrowing
def _close(data, stack, depth, hidden, out, w):
    """An element ends."""
    own = stack[depth]
    if hidden and hidden < depth:
        return
    if own[_KIND] == SQRT:
        put(out, w, _BRACE_END)
    elif own[_KIND] == FENCED and own[_START] < 0:
        put(out, w, 0x29)
    elif own[_KIND] == FENCED:
        copy(data, own[_START], own[_STOP], out, w)
    if own[_BRACED]:
        put(out, w, _BRACE_END)
    if depth > 1:
        _word(_AFTER[stack[depth - 1, _KIND], own[_PLACE]], out, w)


@borrowing
def _fence(data, i, end, name):
    """Where an attribute's value starts and ends; `(-1, -1)` if there is no such attribute."""
    start, stop = attribute(data, i, end, name)
    return (start, stop) if start > i else (-1, -1)


@borrowing
def _word(word, out, w):
    for byte in word:
        if byte:
            put(out, w, byte)


@borrowing
def _wordy(c):
    """Whether a byte belongs to a letter or digit, or to any character beyond ASCII."""
    return c >= 0x80 or 0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A


@borrowing
def _text(data, i, end, last, out, w):
    """Writes a text, white space collapsed and invisible operators left out.

    `last` holds where the last text ended, and whether it was a word. A space parts a word, of two ASCII letters or
    more, from letters and digits beside it, and digits from digits.
    """
    first, letters, length = w[TO], 0, 0
    blank = False
    while i < end:
        c, width = np.int64(data[i]), 1
        if c == 0x26:
            c, width = entity(data, i, end)
        if c == 0xE2 and i + 3 <= end and data[i + 1] == 0x81 and 0xA1 <= data[i + 2] <= 0xA4:
            i += 3  # U+2061 to U+2064: function application, invisible times, separator and plus
            continue
        i += width
        if c <= 0x20:
            blank = True
            continue
        if length == 0 and first == last[0] and first > 0:
            blank = False
            previous = out[first - 1]
            word = last[1] or _is_word(data, i - width, end)
            digits = 0x30 <= previous <= 0x39 and 0x30 <= c <= 0x39
            if digits or (word and _wordy(previous) and _wordy(c)):
                put(out, w, 0x20)
        elif blank and length:
            put(out, w, 0x20)
        blank = False
        if c in (_DOLLAR, _BRACE, _BRACE_END) or (c == 0x7C and w[IN_TABLE] and w[MARKDOWN]):
            put(out, w, _BACKSLASH)
        put(out, w, c)
        length += 1
        letters += 0x41 <= (c & 0xDF) <= 0x5A
    if length:
        last[0], last[1] = w[TO], letters >= 2


@borrowing
def _is_word(data, i, end):
    """Whether two ASCII letters stand here."""
    return i + 1 < end and 0x41 <= (data[i] & 0xDF) <= 0x5A and 0x41 <= (data[i + 1] & 0xDF) <= 0x5A
