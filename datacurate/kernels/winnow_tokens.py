"""Tokens of a few places of a text, without cutting all of it.

A place is known by a token before it: its number, and the byte at which it begins. What the tokens after some white
space are does not depend on what stands before it, so cutting can begin at the word before that byte.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.english_tables import rules
from datacurate.kernels.memory import pointer
from datacurate.kernels.text import segment_from
from datacurate.kernels.unicode import properties

BACK = 256
"""So many bytes before a place are searched for the word before it."""


class Wanted(NamedTuple):
    """Places, in the order of `documents` and `firsts`: `counts[i]` tokens of a document from number `firsts[i]` on.

    Token `known[i]` of that document, which is not after token `firsts[i] + 1`, begins at byte `bytes[i]` of it.
    """

    documents: np.ndarray
    firsts: np.ndarray
    counts: np.ndarray
    known: np.ndarray
    bytes: np.ndarray


class Near(NamedTuple):
    """Place `i` has the tokens `at[i]` to `at[i] + counts[i]` of `starts` and `ends`, which are bytes of its document.
    There are fewer than were wanted where the document ends."""

    starts: np.ndarray
    ends: np.ndarray
    at: np.ndarray
    counts: np.ndarray


@njit(nogil=True, cache=True, forceinline=True)
def _is_blank(c):
    return c == 0x20 or c == 0x0A


@njit(nogil=True, cache=True, forceinline=True)
def _is_of_token(c):
    """Whether a character that begins with this byte is always part of a token: ASCII that is to be seen, U+00C0 to
    U+07FF, and U+4000 on. All spaces are others."""
    return 0x21 <= c <= 0x7E or 0xC3 <= c <= 0xDF or c >= 0xE4


@njit(nogil=True, cache=True)
def _word_before(data, begin, at):
    """The byte at which the word before byte `at` begins, or the text, where there is no such word; -1 if it is far."""
    low = max(begin, at - BACK)
    found = False
    i = at
    while i > low:
        blank = _is_blank(data[i - 1])
        if blank and found:
            return i
        found = found or _is_of_token(data[i - 1])
        i -= 1
    return i if i == begin else np.int64(-1)


@njit(nogil=True, cache=True)
def _cut(data, offsets, tables, documents, firsts, counts, known, bytes_, starts, ends, kinds, at, made):
    """See `near`. What was cut last is gone on with, unless a known token is further; so no byte is cut twice.

    False where there is no token at the byte of a known one.
    """
    text, table, english, listed, book = pointer(data), tables[0], tables[1], tables[2], tables[3]
    n = i = begin = end = oldest = shift = np.int64(0)
    doc = np.int64(-1)
    for place in range(len(documents)):
        if documents[place] != doc:
            doc = documents[place]
            begin, end = offsets[doc], offsets[doc + 1]
            i, oldest, shift = begin, n, -n
        if known[place] > n + shift:
            there = bytes_[place]
            from_ = _word_before(text, begin, begin + there)
            if from_ > i:
                i, oldest = from_, n
                while i < end and (n == oldest or starts[n - 1] < there):
                    n, i = segment_from(
                        text, begin, i, end, table, english, listed, book, starts, ends, kinds, n, n + 1
                    )
                last = n - 1
                while last > oldest and starts[last] > there:
                    last -= 1
                if n == oldest or starts[last] != there:
                    return False
                shift = known[place] - last
        limit = firsts[place] + counts[place] - shift
        n, i = segment_from(text, begin, i, end, table, english, listed, book, starts, ends, kinds, n, limit)
        at[place] = firsts[place] - shift
        made[place] = min(limit, n) - at[place]
        if at[place] < oldest or made[place] < 0:
            return False
    return True


@njit(nogil=True, cache=True)
def _near(
    data, offsets, table, english, listed, book, documents, firsts, counts, known, bytes_, starts, ends, kinds, at, made
):
    tables = pointer(table), pointer(english), pointer(listed), pointer(book)
    return _cut(
        data,
        offsets,
        tables,
        documents,
        firsts,
        counts,
        known,
        bytes_,
        pointer(starts),
        pointer(ends),
        pointer(kinds),
        at,
        made,
    )


def near(data: np.ndarray, offsets: np.ndarray, wanted: Wanted) -> Near:
    """The tokens that are wanted; see `kernels.text.segment` for what tokens are."""
    data, offsets = read_only(data), read_only(offsets)
    room = int(offsets[-1] - offsets[0])
    starts, ends, kinds = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.uint8)
    at, made = np.empty(len(wanted.firsts), np.int64), np.empty(len(wanted.firsts), np.int64)
    arrays = (read_only(array.astype(np.int64, copy=False)) for array in wanted)
    if not _near(data, offsets, properties(), *rules(), *arrays, starts, ends, kinds, at, made):
        raise AssertionError("a token does not begin where it was")
    return Near(starts, ends, at, made)


def pieces(offsets: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Ranges of documents of about `size` bytes, or of one document that has more."""
    found, first = [], 0
    while first < len(offsets) - 1:
        after = max(first + 1, int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1)
        found.append((first, after))
        first = after
    return found
