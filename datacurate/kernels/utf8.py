"""UTF-8 inside kernels. Every byte that is not part of well-formed UTF-8 counts as one character, U+FFFD."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.memory import load64

_HIGH_BITS = np.uint64(0x8080808080808080)


@njit(nogil=True, cache=True, forceinline=True)
def decode(data, i, end):
    """The code point at byte `i` and its width in bytes."""
    c = np.int64(data[i])
    if c < 0x80:
        return c, 1
    if c < 0xC2 or c > 0xF4 or i + 1 >= end or (data[i + 1] & 0xC0) != 0x80:
        return 0xFFFD, 1
    point = ((c & 0x1F) << 6) | np.int64(data[i + 1] & 0x3F)
    if c < 0xE0:
        return point, 2
    if i + 2 >= end or (data[i + 2] & 0xC0) != 0x80:
        return 0xFFFD, 1
    point = ((point & 0x3FF) << 6) | np.int64(data[i + 2] & 0x3F)
    if c < 0xF0:
        if point < 0x800 or 0xD800 <= point <= 0xDFFF:
            return 0xFFFD, 1
        return point, 3
    if i + 3 >= end or (data[i + 3] & 0xC0) != 0x80:
        return 0xFFFD, 1
    point = ((point & 0x7FFF) << 6) | np.int64(data[i + 3] & 0x3F)
    if point < 0x10000 or point > 0x10FFFF:
        return 0xFFFD, 1
    return point, 4


@njit(nogil=True, cache=True)
def count_characters(data, start, end):
    """Characters in `data[start:end]`."""
    count = 0
    i = start
    while i < end:
        if i + 8 <= end and not load64(data, i) & _HIGH_BITS:
            i += 8
            count += 8
            continue
        if data[i] < 0x80:
            i += 1
        else:
            i += decode(data, i, end)[1]
        count += 1
    return count


@njit(nogil=True, cache=True, forceinline=True)
def encode(point, out, to):
    """Writes a code point as UTF-8; returns where it ends."""
    if point < 0x80:
        out[to] = point
        return to + 1
    if point < 0x800:
        out[to] = 0xC0 | (point >> 6)
        out[to + 1] = 0x80 | (point & 0x3F)
        return to + 2
    if point < 0x10000:
        out[to] = 0xE0 | (point >> 12)
        out[to + 1] = 0x80 | ((point >> 6) & 0x3F)
        out[to + 2] = 0x80 | (point & 0x3F)
        return to + 3
    out[to] = 0xF0 | (point >> 18)
    out[to + 1] = 0x80 | ((point >> 12) & 0x3F)
    out[to + 2] = 0x80 | ((point >> 6) & 0x3F)
    out[to + 3] = 0x80 | (point & 0x3F)
    return to + 4
