"""Digits of other scripts, full-width characters, odd spaces and dashes as their ASCII equals, and the way back."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import inlined

_LEADS = np.zeros(256, np.bool_)
_LEADS[[0xC2, 0xD9, 0xDB, 0xE0, 0xE2, 0xE3, 0xEF]] = True


@inlined
def _folded(data, i, end):
    """The ASCII character that stands for the one at byte `i` (0: none), and that one's width."""
    if i + 1 >= end:
        return 0, 1
    a, b = np.int64(data[i]), np.int64(data[i + 1])
    if a == 0xC2:
        return (32, 2) if b == 0xA0 else (0, 1)  # no-break space
    if a == 0xD9:
        return (b - 0xA0 + 48, 2) if 0xA0 <= b <= 0xA9 else (0, 1)  # Arabic-Indic digits
    if a == 0xDB:
        return (b - 0xB0 + 48, 2) if 0xB0 <= b <= 0xB9 else (0, 1)  # the same as in Persian
    if i + 2 >= end:
        return 0, 1
    c = np.int64(data[i + 2])
    if a == 0xE0:
        if 0xA5 <= b <= 0xB5 and b % 2 == 1 and 0xA6 <= c <= 0xAF:
            return c - 0xA6 + 48, 3  # the digits of nine scripts of India
        if (b == 0xB9 or b == 0xBB) and 0x90 <= c <= 0x99:
            return c - 0x90 + 48, 3  # Thai, Lao
    elif a == 0xE2:
        if b == 0x80 and (0x80 <= c <= 0x8A or c == 0xAF):
            return 32, 3
        if (b == 0x80 and 0x90 <= c <= 0x95) or (b == 0x88 and c == 0x92):
            return 45, 3  # dashes, the minus sign
    elif a == 0xE3:
        if b == 0x80 and c == 0x80:
            return 32, 3
    elif a == 0xEF:
        if b == 0xBC and 0x81 <= c <= 0xBF:
            return c - 0x81 + 0x21, 3  # full-width ! to _
        if b == 0xBD and 0x80 <= c <= 0x9E:
            return c - 0x80 + 0x60, 3
        if b == 0xB9 and c == 0xAB:
            return 64, 3  # small @
    return 0, 1


@njit(nogil=True, cache=True)
def _count(data, start, end):
    count = 0
    i = start
    while i < end:
        if _LEADS[data[i]]:
            point, width = _folded(data, i, end)
            count += point != 0
            i += width
        else:
            i += 1
    return count


@njit(nogil=True, cache=True)
def _fold(data, offsets, out, bounds, at, by, first):
    to = 0
    n = 0
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        less = 0
        while i < end:
            if _LEADS[data[i]]:
                point, width = _folded(data, i, end)
                if point:
                    out[to] = point
                    less += width - 1
                    at[n] = to - bounds[doc]
                    by[n] = less
                    n += 1
                    to += 1
                    i += width
                    continue
            out[to] = data[i]
            to += 1
            i += 1
        bounds[doc + 1] = to
        first[doc + 1] = n


class Folded:
    """Texts with ASCII in place of what equals it, as kernels read them."""

    def __init__(self, data: np.ndarray, offsets: np.ndarray):
        count = _count(data, int(offsets[0]), int(offsets[-1]))
        self.data, self.offsets, self.first = data, offsets, None
        if not count:
            return
        out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
        bounds = np.zeros(len(offsets), np.int64)
        self.at, self.by = np.empty(count, np.int32), np.empty(count, np.int32)
        self.first = np.zeros(len(offsets), np.int64)
        _fold(data, offsets, out, bounds, self.at, self.by, self.first)
        self.data, self.offsets = read_only(out), read_only(bounds)

    def original(self, docs: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Places of the folded documents as places of the documents that came."""
        if self.first is None or not len(docs):
            return places
        made = np.empty(len(places), np.int32)
        _back(self.at, self.by, self.first, docs, places, made)
        return made


@njit(nogil=True, cache=True)
def _back(at, by, first, docs, places, made):
    for k in range(len(places)):
        low, high = first[docs[k]], first[docs[k] + 1]
        begin = low
        while low < high:  # the number of changes in front of the place
            middle = (low + high) >> 1
            if at[middle] < places[k]:
                low = middle + 1
            else:
                high = middle
        made[k] = places[k] + (by[low - 1] if low > begin else 0)
