"""Where a text is cut in three to fill in its middle: two places between characters, all equally likely."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import load64
from datacurate.kernels.utf8 import count_characters, decode

_HIGH_BITS = np.uint64(0x8080808080808080)


@njit(nogil=True, cache=True)
def _after(data, i, end, count):
    """Where the `count` characters from byte `i` on end."""
    while count > 0 and i < end:
        if i + 8 <= end and count >= 8 and not load64(data, i) & _HIGH_BITS:
            i += 8
            count -= 8
        else:
            i += decode(data, i, end)[1]
            count -= 1
    return i


@njit(nogil=True, cache=True)
def _cut(data, starts, ends, first, second, out):
    for k in range(len(starts)):
        start, end = starts[k], ends[k]
        room = count_characters(data, start, end) + 1
        a, b = np.int64(first[k] * room), np.int64(second[k] * room)
        low, high = min(a, b, room - 1), min(max(a, b), room - 1)
        out[k, 0] = _after(data, start, end, low)
        out[k, 1] = _after(data, out[k, 0], end, high - low)


def cut(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Two places in each stretch `data[starts[k]:ends[k]]`, the first not behind the second. int64[n, 2].

    `draws`, float64[n, 2], are uniform in [0, 1). A stretch of n characters has n + 1 places, its ends among them.
    """
    out = np.empty((len(starts), 2), np.int64)
    places = (read_only(np.asarray(a, np.int64)) for a in (starts, ends))
    _cut(data, *places, *(read_only(np.asarray(a, np.float64)) for a in np.asarray(draws).T), out)
    return out


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    cut(read_only(np.zeros(1, np.uint8)), np.zeros(1), np.ones(1), np.zeros((1, 2)))
