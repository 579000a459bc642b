"""Lines and paragraphs of texts: where they are, and what a text is without some of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.folding import SPACE, folding
from datacurate.kernels.memory import count_bits, first_bit, inlined, places, pointer
from datacurate.kernels.utf8 import decode

NEWLINE = 0x0A


class Parts(NamedTuple):
    """Parts of a batch's documents, in order: part `i` is `data[starts[i]:ends[i]]`, of document `documents[i]`."""

    starts: np.ndarray
    ends: np.ndarray
    documents: np.ndarray


@inlined
def skip_space(data, i, end, flags):
    """The first character from `i` on that is no white space; `end` if there is none."""
    while i < end:
        c = data[i]
        if c < 0x80:
            if not flags[c] & SPACE:
                return i
            i += 1
            continue
        point, width = decode(data, i, end)
        if not flags[point] & SPACE:
            return i
        i += width
    return end


@njit(nogil=True, cache=True)
def _newlines(data, begin, end, found, n):
    """Writes where line feeds are from index `n` on; the next index."""
    for i in range(begin, end, 64):
        bits = places(data, i, end, NEWLINE, NEWLINE)
        while bits:
            found[n] = i + first_bit(bits)
            n += 1
            bits &= bits - np.uint64(1)
    return n


@njit(nogil=True, cache=True)
def _count(data, begin, end):
    count = 0
    for i in range(begin, end, 64):
        count += count_bits(places(data, i, end, NEWLINE, NEWLINE))
    return count


@njit(nogil=True, cache=True)
def _lines(data, offsets, flags, blank, starts, ends, documents):
    """The lines, between line feeds; those of white space alone only when `blank`."""
    text = pointer(data)
    feeds = np.empty(_count(data, offsets[0], offsets[-1]) + 1, np.int64)
    total = _newlines(data, offsets[0], offsets[-1], feeds, 0)
    feed = n = 0
    for document in range(len(offsets) - 1):
        i, stop = offsets[document], offsets[document + 1]
        if i == stop:
            continue
        while True:
            end = stop
            if feed < total and feeds[feed] < stop:
                end = feeds[feed]
                feed += 1
            if blank or skip_space(text, i, end, flags) < end:
                starts[n], ends[n], documents[n] = i, end, document
                n += 1
            if end == stop:
                break
            i = end + 1
    return n


@njit(nogil=True, cache=True)
def _paragraphs(count, starts, ends, documents):
    """Joins lines that no other line stands between, in place; how many paragraphs there are."""
    n = 0
    for line in range(count):
        joins = n > 0 and documents[n - 1] == documents[line] and ends[n - 1] + 1 == starts[line]
        if joins:
            ends[n - 1] = ends[line]
        else:
            starts[n], ends[n], documents[n] = starts[line], ends[line], documents[line]
            n += 1
    return n


def parts(data: np.ndarray, offsets: np.ndarray, unit: str, blank: bool = False) -> Parts:
    """The lines of all documents, or their paragraphs: runs of lines between blank ones.

    Lines of white space alone are left out unless `blank` asks for them; a document without text has none.
    """
    data, offsets = read_only(data), read_only(offsets)
    room = int(_count(data, offsets[0], offsets[-1])) + len(offsets)
    starts, ends, documents = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    n = _lines(data, offsets, folding().flags, blank and unit == "line", starts, ends, documents)
    if unit == "paragraph":
        n = _paragraphs(n, starts, ends, documents)
    return Parts(starts[:n], ends[:n], documents[:n])


@njit(nogil=True, cache=True)
def _line_cuts(sizes, at, starts, ends, out):
    """The line feed goes with the line before it; where nothing is kept behind a line, with the line behind it."""
    for document in range(len(sizes)):
        first, last = at[document], at[document + 1]
        for k in range(first, last):
            out[2 * k], out[2 * k + 1] = starts[k], min(ends[k] + 1, sizes[document])
        if last == first or ends[last - 1] < sizes[document]:
            continue
        run = last - 1
        while run > first and ends[run - 1] + 1 == starts[run]:
            run -= 1
        out[2 * run] = max(0, starts[run] - 1)


@inlined
def _behind_text(data, begin, i, flags):
    """Where the last line ends before the line that begins at `i` that is not blank; `begin` if there is none."""
    while i > begin:
        start = i - 1
        while start > begin and data[start - 1] != NEWLINE:
            start -= 1
        if skip_space(data, start, i - 1, flags) < i - 1:
            return i - 1
        i = start
    return begin


@njit(nogil=True, cache=True)
def _paragraph_cuts(data, offsets, flags, at, starts, ends, out):
    """Blank lines go with the paragraph before them; where nothing is kept behind a paragraph, with the one behind."""
    text = pointer(data)
    for document in range(len(offsets) - 1):
        begin, stop = offsets[document], offsets[document + 1]
        first, last = at[document], at[document + 1]
        for k in range(first, last):
            following = skip_space(text, begin + ends[k], stop, flags)
            if following == stop:
                following = begin + ends[k]
            while following > begin + ends[k] and data[following - 1] != NEWLINE:
                following -= 1
            out[2 * k], out[2 * k + 1] = starts[k], following - begin
        if last == first or skip_space(text, begin + ends[last - 1], stop, flags) < stop:
            continue
        run = last - 1
        while run > first and out[2 * run - 1] == out[2 * run]:
            run -= 1
        out[2 * run] = _behind_text(text, begin, begin + out[2 * run], flags) - begin


def cuts(data: np.ndarray, offsets: np.ndarray, unit: str, at: np.ndarray, starts: np.ndarray, ends: np.ndarray):
    """int32[2 * n]: what to cut out of the texts so that the given parts are gone with their line breaks.

    The parts of document `i` are those from `at[i]` to `at[i + 1]`, in order, counted from its first byte. What is
    left of lines is what joining the others with line feeds makes.
    """
    out = np.empty(2 * len(starts), np.int64)
    at, starts, ends = (read_only(array.astype(np.int64, copy=False)) for array in (at, starts, ends))
    if unit == "line":
        _line_cuts(read_only(np.diff(offsets)), at, starts, ends, out)
    else:
        _paragraph_cuts(read_only(data), read_only(offsets), folding().flags, at, starts, ends, out)
    return out.astype(np.int32)


@njit(nogil=True, cache=True)
def _left(data, offsets, flags, most, out):
    text = pointer(data)
    for document in range(len(offsets) - 1):
        i, end = offsets[document], offsets[document + 1]
        count = 0
        while i < end and count < most:
            point, width = np.int64(data[i]), 1
            if point >= 0x80:
                point, width = decode(text, i, end)
            count += not flags[point] & SPACE
            i += width
        out[document] = count


def characters(data: np.ndarray, offsets: np.ndarray, most: int) -> np.ndarray:
    """Characters of every document that are no white space, counted up to `most`."""
    out = np.empty(len(offsets) - 1, np.int64)
    _left(read_only(data), read_only(offsets), folding().flags, most, out)
    return out
