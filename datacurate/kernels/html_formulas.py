"""TeX of formulas: MathML's annotation or `alttext`, and MathJax's scripts."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.html_attributes import attribute, same, starts_with
from datacurate.kernels.memory import borrowing


def _ascii(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


_ANNOTATION, _ENCODING, _ALTTEXT, _DISPLAY = (
    _ascii("annotation "),
    _ascii("encoding"),
    _ascii("alttext"),
    _ascii("display"),
)
_TEX, _LATEX, _LLAMAPUN = _ascii("application/x-tex"), _ascii("application/x-latex"), _ascii("tex")
_BLOCK, _TYPE, _MODE = _ascii("block"), _ascii("type"), _ascii("math/tex; mode=display")


@borrowing
def tag_end(data, i, end):
    """Behind the tag in which `i` stands. A `>` between quotation marks ends none."""
    quoted = False
    while i < end and (quoted or data[i] != 0x3E):
        quoted ^= data[i] == 0x22
        i += 1
    return min(i + 1, end)


@borrowing
def is_script(data, i, end):
    """Whether the attributes at `i` are those of a script of MathJax, and not of `math`."""
    start, stop = attribute(data, i, tag_end(data, i, end), _TYPE)
    return stop > start and data[start] == 0x6D


@borrowing
def _annotation(data, i, end):
    """Where the TeX of an annotation starts and ends."""
    while i + 1 < end:
        if data[i] == 0x3C and starts_with(data, i + 1, end, _ANNOTATION):
            start = tag_end(data, i, end)
            from_, to = attribute(data, i + 11, start, _ENCODING)
            if same(data, from_, to, _TEX) or same(data, from_, to, _LATEX) or same(data, from_, to, _LLAMAPUN):
                stop = start
                while stop < end and data[stop] != 0x3C:
                    stop += 1
                return start, stop
        i += 1
    return i, i


@borrowing
def _trimmed(data, start, end):
    while start < end and (data[start] <= 0x20):
        start += 1
    while start < end and (data[end - 1] <= 0x20):
        end -= 1
    return start, end


@borrowing
def formula(data, i, end):
    """Where the TeX of a formula starts and ends, and whether it stands on a line of its own.

    `i` is where the attributes of `math`, or of a script of MathJax, start. The start is the end where there is no TeX.
    """
    i = np.int64(i)
    end = np.int64(end)
    inside = tag_end(data, i, end)
    from_, to = attribute(data, i, inside, _TYPE)
    if to > from_ and data[from_] == 0x6D:  # a script: math/tex
        start, stop = _trimmed(data, inside, end)
        return start, stop, np.int64(starts_with(data, from_, to, _MODE))
    from_, to = attribute(data, i, inside, _DISPLAY)
    display = np.int64(same(data, from_, to, _BLOCK))
    start, stop = _annotation(data, inside, end)
    start, stop = _trimmed(data, start, stop)
    if stop == start:
        start, stop = attribute(data, i, inside, _ALTTEXT)
        start, stop = _trimmed(data, start, stop)
    return start, stop, display
