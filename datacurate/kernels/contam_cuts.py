"""What is cut out of a document around matches, and the pieces that are left."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.utf8 import decode


@njit(nogil=True, cache=True)
def _back(data, begin, at, characters):
    """The place so many characters before `at`, or the document's first."""
    while at > begin and characters > 0:
        at -= 1
        while at > begin and data[at] & 0xC0 == 0x80:
            at -= 1
        characters -= 1
    return at


@njit(nogil=True, cache=True)
def _forth(data, at, end, characters):
    """The place so many characters behind `at`, or the document's end."""
    while at < end and characters > 0:
        at += decode(data, at, end)[1]
        characters -= 1
    return at


@njit(nogil=True, cache=True)
def _reaches(data, at, end, characters):
    """Whether so many characters fit between two places."""
    while at < end and characters > 0:
        at += decode(data, at, end)[1]
        characters -= 1
    return characters <= 0


@njit(nogil=True, cache=True)
def _widened(data, offsets, documents, starts, ends, window, least, at, cuts, pieces):
    """The cuts of every document, joined where they touch or where the piece between them is short."""
    filled = 0
    k = 0
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        last = begin  # the end of the cut before
        first = filled
        pieces[doc] = begin < end
        any = False
        while k < len(documents) and documents[k] == doc:
            start = max(_back(data, begin, begin + starts[k], window), last)
            stop = max(_forth(data, begin + ends[k], end, window), last)
            k += 1
            if stop <= last and any:
                continue
            if filled > first and (start <= last or not _reaches(data, last, start, least)):
                cuts[filled - 1] = stop - begin
            else:
                if not any and not _reaches(data, begin, start, least):
                    start = begin
                cuts[filled] = start - begin
                cuts[filled + 1] = stop - begin
                filled += 2
            any = True
            last = stop
        if any:
            if not _reaches(data, last, end, least):
                cuts[filled - 1] = end - begin
            count = 1 + (filled - first) // 2
            count -= cuts[first] == 0
            count -= cuts[filled - 1] == end - begin
            pieces[doc] = count
        at[doc + 1] = filled


def widened(
    data: np.ndarray,
    offsets: np.ndarray,
    documents: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    window: int,
    least: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(at, cuts, pieces)`: places `start, end, ...` of document i are `cuts[at[i]:at[i + 1]]`, bytes from its first.

    Matches are widened by `window` characters; pieces of fewer than `least` characters go with the cuts beside them, at
    the ends of a document too. `pieces` says how many are left.
    """
    order = np.lexsort((ends, starts, documents))
    places = [read_only(one[order].astype(np.int64)) for one in (documents, starts, ends)]
    at, pieces = np.zeros(len(offsets), np.int64), np.zeros(len(offsets) - 1, np.int64)
    cuts = np.empty(2 * len(order), np.int32)
    _widened(data, offsets, *places, window, least, at, cuts, pieces)
    return at, cuts[: at[-1]], pieces
