"""Links of a heading to itself: `<h2>Title<a href="#title">¶</a></h2>`, as documentation has them. Never written."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.html import TEXT
from datacurate.kernels.html_attributes import attribute
from datacurate.kernels.html_tags import BLOCK, KIND, TAG
from datacurate.kernels.memory import borrowing

SIGNS = ("¶", "#", "§", "🔗", "\u200b", "\uf0c1")
"""Sphinx, Docusaurus, mdBook and others use the first four; Docusaurus 2 a space without width; older themes of Sphinx
the link of Font Awesome."""
_SIGNS = np.zeros((len(SIGNS), 4), np.uint8)
for _row, _sign in enumerate(SIGNS):
    _SIGNS[_row, : len(_sign.encode())] = list(_sign.encode())
_LENGTHS = np.array([len(sign.encode()) for sign in SIGNS])
_TITLES = np.zeros(256, np.bool_)
for _name in ("h1", "h2", "h3", "h4", "h5", "h6", "dt", "caption", "figcaption"):
    _TITLES[TAG[_name]] = True
_A = TAG["a"]
_HREF = np.frombuffer(b"href", np.uint8)
_FAR = 8
"""Events behind the link in which the heading must end."""


@borrowing
def permalink_end(data, kinds, starts, ends, e):
    """The event that ends the permalink whose start tag is event `e`, the last child of a heading; -1 if it is none."""
    if e + 3 >= len(kinds) or kinds[e + 1] != TEXT or kinds[e + 2] != -_A:
        return -1
    start, stop = attribute(data, starts[e], ends[e], _HREF)
    if stop - start < 1 or data[start] != 0x23 or not _is_sign(data, np.int64(starts[e + 1]), np.int64(ends[e + 1])):
        return -1
    for at in range(e + 3, min(e + 3 + _FAR, len(kinds))):
        kind = np.int64(kinds[at])
        if kind < 0 and KIND[-kind] & BLOCK:
            return e + 2 if _TITLES[-kind] else -1
        if kind > 0 or (kind == TEXT and not _is_blank(data, np.int64(starts[at]), np.int64(ends[at]))):
            return -1
    return -1


@borrowing
def _is_blank(data, i, end):
    while i < end and data[i] <= 0x20:
        i += 1
    return i == end


@borrowing
def _is_sign(data, i, end):
    """Whether a text is one of the signs, with or without white space around it."""
    while i < end and data[i] <= 0x20:
        i += 1
    while i < end and data[end - 1] <= 0x20:
        end -= 1
    for row in range(len(_SIGNS)):
        if _LENGTHS[row] == end - i:
            k = 0
            while i + k < end and data[i + k] == _SIGNS[row, k]:
                k += 1
            if i + k == end:
                return True
    return False
