"""What stands inside lines: formulas, images, links and code."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html import TEXT
from datacurate.kernels.html_attributes import attribute, same, starts_with
from datacurate.kernels.html_formulas import formula, is_script, tag_end
from datacurate.kernels.html_mathml import write_mathml
from datacurate.kernels.html_out import (
    FORMULA,
    FORMULA_END,
    GAP,
    GARBAGE,
    HREF,
    HREF_END,
    IN_LINK,
    LINE,
    LINEAR_END,
    LINEAR_START,
    LINK_START,
    MARKDOWN,
    SPACE,
    TICKS,
    TICKS_END,
    TO,
    copy,
    open_line,
    put,
)
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.memory import borrowing


def _ascii(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


_CLASS, _HREF, _SRC, _ALT = (_ascii(name) for name in ("class", "href", "src", "alt"))
_JAVASCRIPT, _VBSCRIPT, _DATA = _ascii("javascript:"), _ascii("vbscript:"), _ascii("data:")
_KATEX, _MATHJAX, _MJX = (_ascii(name) for name in ("katex-html", "MathJax", "mjx-"))
_MWE, _TEX, _LATEX = (_ascii(name) for name in ("mwe-math", "tex", "latex"))
_LANGUAGE, _LANG, _HIGHLIGHT, _BRUSH = (_ascii(n) for n in ("language-", "lang-", "highlight-source-", "brush:"))
_PRE, _CODE = TAG["pre"], TAG["code"]
_DOLLAR, _OPEN, _CLOSE, _LEFT, _RIGHT, _BANG = 0x24, 0x5B, 0x5D, 0x28, 0x29, 0x21


@borrowing
def _write_tex(data, start, end, dollars, out, w, counts):
    """A formula between dollar signs."""
    open_line(out, w, counts)
    for _ in range(dollars):
        put(out, w, _DOLLAR)
    copy(data, start, end, out, w)
    for _ in range(dollars):
        put(out, w, _DOLLAR)


@njit(nogil=True, cache=True)
def write_formula(data, i, end, out, w, counts):
    """A formula of MathML or MathJax: its TeX if it is there, or else the elements of MathML in one line.

    MathJax 2 puts MathML for screen readers in what shows a formula, and the TeX in a script behind it: that is written
    in place of the other.
    """
    start, stop, display = formula(data, i, end)
    script = is_script(data, i, end)
    if stop > start:
        if script and w[LINEAR_END] and w[LINEAR_END] == w[TO]:
            w[TO] = w[LINEAR_START]
            w[GAP] = w[SPACE] = w[LINE] = 0
        _write_tex(data, start, stop, 1 + display, out, w, counts)
        w[FORMULA], w[FORMULA_END] = start, stop
        w[LINEAR_END] = 0
    elif not script:
        write_mathml(data, tag_end(data, i, end), end, 1 + display, out, w, counts)
        w[LINEAR_END] = w[LINEAR_END] if w[GARBAGE] else 0


@borrowing
def _shows_formula(data, i, end):
    """Whether an image's class says that its alternative text is TeX: Wikipedia's and WordPress's do."""
    start, stop = attribute(data, i, end, _CLASS)
    return (
        starts_with(data, start, stop, _MWE) or same(data, start, stop, _TEX) or starts_with(data, start, stop, _LATEX)
    )


@borrowing
def write_image(data, i, end, alt_texts, out, w, counts):
    """The formula that an image shows, unless it is the last one again; or its alternative text."""
    start, stop = attribute(data, i, end, _ALT)
    if stop == start:
        return
    if _shows_formula(data, i, end):
        while stop - start > 1 and data[start] == _DOLLAR and data[stop - 1] == _DOLLAR:
            start, stop = start + 1, stop - 1
        if stop > start and not _equal(data, start, stop, w[FORMULA], w[FORMULA_END]):
            _write_tex(data, start, stop, 1, out, w, counts)
    elif alt_texts:
        open_line(out, w, counts)
        if not w[MARKDOWN]:
            copy(data, start, stop, out, w)
            return
        put(out, w, _BANG)
        put(out, w, _OPEN)
        copy(data, start, stop, out, w)
        put(out, w, _CLOSE)
        start, stop = _target(data, i, end, _SRC)
        _write_target(data, start, stop, out, w)


@borrowing
def _write_target(data, start, end, out, w):
    """A target; Markdown wants one with spaces or parentheses between angle brackets."""
    odd = False
    for i in range(start, end):
        odd |= w[MARKDOWN] > 0 and (data[i] <= 0x20 or data[i] == _LEFT or data[i] == _RIGHT)
    put(out, w, _LEFT)
    if odd:
        put(out, w, 0x3C)
    at = w[TO]
    copy(data, start, end, out, w)
    for i in range(at, w[TO]):  # < and > end a target whether or not it stands between such
        out[i] = 0x20 if out[i] == 0x3C or out[i] == 0x3E else out[i]
    if odd:
        put(out, w, 0x3E)
    put(out, w, _RIGHT)


@borrowing
def _is_script(data, start, end):
    """Whether a target is no address: `javascript:`, `vbscript:` and `data:`, in any case."""
    for scheme in (_JAVASCRIPT, _VBSCRIPT, _DATA):
        k = 0
        while k < len(scheme) and start + k < end and data[start + k] | 0x20 == scheme[k] | 0x20:
            k += 1
        if k == len(scheme):
            return True
    return False


@borrowing
def _target(data, i, end, name):
    """Where the target in an attribute starts and ends, without white space around it; nowhere if it is no address."""
    start, stop = attribute(data, i, end, name)
    while start < stop and data[start] <= 0x20:
        start += 1
    while start < stop and data[stop - 1] <= 0x20:
        stop -= 1
    return (start, start) if _is_script(data, start, stop) else (start, stop)


@borrowing
def open_ticks(data, kinds, starts, ends, e, out, w, counts):
    """Starts code in a line: more backticks than it has in a row."""
    longest = run = 0
    first = np.int64(0)
    depth = 1
    at = e + 1
    while at < len(kinds) and depth:
        depth += 1 if kinds[at] == _CODE else -1 if kinds[at] == -_CODE else 0
        if kinds[at] == TEXT:
            for i in range(starts[at], ends[at]):
                run = run + 1 if data[i] == 0x60 else 0
                longest = max(longest, run)
                if not first and data[i] > 0x20:
                    first = np.int64(data[i])
        at += 1
    open_line(out, w, counts)
    w[TICKS] = longest + 1 if longest else 1
    for _ in range(w[TICKS]):
        put(out, w, 0x60)
    w[TICKS_END] = w[TO]
    if first == 0x60:
        put(out, w, 0x20)


@borrowing
def open_link(data, i, end, here, out, w, counts):
    """Starts a link whose target is to be kept."""
    w[HREF], w[HREF_END] = _target(data, i, end, _HREF)
    w[LINK_START] = w[TO]
    if here and w[HREF_END] > w[HREF] and w[MARKDOWN]:
        open_line(out, w, counts)
        put(out, w, _OPEN)
        w[LINK_START] = w[TO]
        w[IN_LINK] = 1


@borrowing
def close_link(data, here, out, w):
    """Ends a link; one without text has no target either."""
    w[IN_LINK] = 0
    if not here or w[HREF_END] == w[HREF]:
        return
    if w[TO] > w[LINK_START]:
        put(out, w, _CLOSE if w[MARKDOWN] else 0x20)
        _write_target(data, w[HREF], w[HREF_END], out, w)
    elif w[MARKDOWN]:
        w[TO] -= 1
    w[HREF] = w[HREF_END] = 0


@borrowing
def write_language(data, kinds, starts, ends, e, out, w):
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
                    put(out, w, data[i])
                    i += 1
                return
            while i < end and data[i] != 0x20:
                i += 1
            i += 1


@borrowing
def backticks(data, kinds, starts, ends, e):
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
def is_garbage(data, i, end):
    """Whether an element's class says that it only shows a formula which is written elsewhere in TeX."""
    start, stop = attribute(data, i, end, _CLASS)
    return (
        starts_with(data, start, stop, _KATEX)
        or starts_with(data, start, stop, _MATHJAX)
        or starts_with(data, start, stop, _MJX)
    )


@borrowing
def _equal(data, i, end, other, other_end):
    if end - i != other_end - other:
        return False
    for k in range(end - i):  # noqa: SIM110
        if data[i + k] != data[other + k]:
            return False
    return True
