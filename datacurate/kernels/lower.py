"""`str.lower()` inside kernels, over all of Unicode."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datacurate.kernels.c4_lines import last_character
from datacurate.kernels.casefold import tables
from datacurate.kernels.folding import CASED, IGNORED, folding
from datacurate.kernels.memory import borrowing, load64, store64
from datacurate.kernels.utf8 import decode, encode

_HIGH = np.uint64(0x8080808080808080)
_ONES = np.uint64(0x0101010101010101)
_DOTTED_I, _SIGMA, _FINAL_SIGMA = 0x130, 0x3A3, 0x3C2


class Cases(NamedTuple):
    """What `lower` looks characters up in: `casefold.tables`, and the flags of `folding`."""

    pages: np.ndarray
    entries: np.ndarray
    flags: np.ndarray


def cases() -> Cases:
    """The tables, read-only."""
    _, pages, entries = tables()
    return Cases(pages, entries, folding().flags)


@borrowing
def _ends_word(data, begin, i, after, end, flags):
    """Whether the sigma `data[i:after]` ends a word: a cased letter before it, none behind it.

    Marks and points that have no say are passed over. No two sigmas pass over the same ones in one direction, so this
    is linear in the text.
    """
    kind = IGNORED
    low = i
    while kind == IGNORED and low > begin:
        point, low = last_character(data, begin, low)
        kind = flags[point] & (CASED | IGNORED)
    if kind != CASED:
        return False
    kind = IGNORED
    while kind == IGNORED and after < end:
        point, width = decode(data, after, end)
        kind = flags[point] & (CASED | IGNORED)
        after += width
    return kind != CASED


@borrowing
def lower(data, begin, end, pages, entries, flags, out, to):
    """Writes `data[begin:end]` in lower case to `out`, from `to` on; returns where it ends.

    Two bytes may become three, and eight at a time are written. Bytes that are not UTF-8 stay as they are.
    """
    i = begin
    while i < end:
        if i + 8 <= end:
            word = load64(data, i)
            if not word & _HIGH:
                # the high bits of the bytes from A to Z; a quarter of one is the distance to the small letter
                upper = (word + _ONES * np.uint64(0x3F)) & ~(word + _ONES * np.uint64(0x25)) & _HIGH
                store64(out, to, word + (upper >> np.uint64(2)))
                i += 8
                to += 8
                continue
        c = np.int64(data[i])
        if c < 0x80:
            out[to] = c + 0x20 * (0x41 <= c <= 0x5A)
            to += 1
            i += 1
            continue
        point, width = decode(data, i, end)
        small = point + (entries[pages[point >> 8], point & 255] >> 2)
        if width == 1 or small == point:
            for k in range(width):
                out[to + k] = data[i + k]
            to += width
        elif small < 0x80:
            out[to] = small
            to += 1
            if point == _DOTTED_I:  # becomes an i and a dot above
                out[to], out[to + 1] = 0xCC, 0x87
                to += 2
        else:
            if point == _SIGMA and _ends_word(data, begin, i, i + width, end, flags):
                small = _FINAL_SIGMA
            to = encode(small, out, to)
        i += width
    return to
