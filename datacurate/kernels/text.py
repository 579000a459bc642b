"""UTF-8 and words. Every byte that is not part of well-formed UTF-8 counts as one character, U+FFFD."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import load64
from datacurate.kernels.unicode import (
    CLASS,
    DIGIT,
    EXTEND,
    HIRAGANA,
    IDEOGRAPH,
    KATAKANA,
    LETTER,
    LOWER,
    OTHER,
    SPACE,
    UPPER,
    properties,
)

if TYPE_CHECKING:
    import pyarrow as pa

_HIGH_BITS = np.uint64(0x8080808080808080)

WORD, NUMBER, CJK, MARK = range(4)
"""Kinds of token: letters; a run that begins with a digit; an ideograph or a run of kana; one mark of punctuation."""


class Words(NamedTuple):
    """Tokens of a batch. Token `j` of document `i`, `offsets[i] <= j < offsets[i + 1]`, is the bytes
    `starts[j]:ends[j]` of that document, counted from its first byte."""

    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray
    kinds: np.ndarray | None = None


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


@njit(nogil=True, cache=True)
def _contraction(data, start, apostrophe, after, end):
    """Where English splits `start:end`: before 's 'm 'd 're 've 'll, before n't; else 0."""
    a = data[after] | 0x20
    if end - after == 1:
        if a == 0x73 or a == 0x6D or a == 0x64:
            return apostrophe
        if a == 0x74 and apostrophe - 1 > start and (data[apostrophe - 1] | 0x20) == 0x6E:
            return apostrophe - 1
    elif end - after == 2:
        b = data[after + 1] | 0x20
        if (b == 0x65 and (a == 0x72 or a == 0x76)) or (a == 0x6C and b == 0x6C):
            return apostrophe
    return 0


@njit(nogil=True, cache=True)
def _address_end(data, i, end):
    """End of the web address whose `://` is at `i`: up to a space or quote, less closing punctuation; `i` if none."""
    j = i + 3
    while j < end and 0x20 < data[j] < 0x80 and data[j] != 0x22 and data[j] != 0x3C and data[j] != 0x3E:
        j += 1
    while j > i + 3:
        c = data[j - 1]
        # letters, digits, / and = end an address; . , ; : ! ? ) ' ] and the like do not
        if 0x61 <= (c | 0x20) <= 0x7A or 0x2F <= c <= 0x39 or c == 0x3D or c == 0x5F:
            break
        j -= 1
    return j if j > i + 3 else i


@njit(nogil=True, cache=True, forceinline=True)
def _joins(table, c, last, following):
    """Whether punctuation `c` between two characters is inside a word, as spaCy's infix rules for English have it."""
    before = table[last]
    after = table[following]
    if (after & CLASS) != LETTER and (after & CLASS) != DIGIT:
        return False
    digits = (before & CLASS) == DIGIT and (after & CLASS) == DIGIT
    if c == 0x2E:
        return not ((before & LOWER) and (after & UPPER))
    if c == 0x2C:
        return digits
    if c == 0x2D or c == 0x7E:  # covid-19, but e - mail and 2 - 3
        return (before & CLASS) == LETTER and (after & CLASS) == DIGIT
    if c == 0x3A or c == 0x2F or 0x3C <= c <= 0x3E:  # 10:30 and 9/11, but and / or
        return (after & CLASS) == DIGIT
    if c == 0x2B or c == 0x2A or c == 0x5E:
        return not digits
    return c < 0x80 or c == 0x2019


@njit(nogil=True, cache=True)
def _keeps_stop(data, start, piece):
    """Whether a lone letter at `piece` keeps its full stop: J. and U.S. and a.m."""
    c = data[piece]
    return 0x41 <= c <= 0x5A or (0x61 <= c <= 0x7A and piece - start > 1 and data[piece - 1] == 0x2E)


@njit(nogil=True, cache=True)
def segment_document(data, begin, end, table, starts, ends, kinds):
    """Tokens of `data[begin:end]`, written from index 0 on; returns how many. At most one per byte."""
    n = 0
    i = begin
    while i < end:
        start = i
        point, width = decode(data, i, end)
        kind = table[point] & CLASS
        i += width
        if kind == SPACE:
            continue
        if kind == OTHER and not (point == 0x5C and i < end and 0x61 <= (data[i] | 0x20) <= 0x7A):
            if point == 0x2E or point == 0x2D:
                while i < end and data[i] == point:
                    i += 1
            while i < end and data[i] >= 0x80:
                point, width = decode(data, i, end)
                if (table[point] & CLASS) != EXTEND:
                    break
                i += width
            starts[n] = start - begin
            ends[n] = i - begin
            kinds[n] = MARK
            n += 1
            continue
        if kind in (IDEOGRAPH, HIRAGANA, KATAKANA):
            while i < end and data[i] >= 0x80:
                point, width = decode(data, i, end)
                more = table[point] & CLASS
                if more != EXTEND and (more != kind or kind == IDEOGRAPH):
                    break
                i += width
            starts[n] = start - begin
            ends[n] = i - begin
            kinds[n] = CJK
            n += 1
            continue
        # letters, digits, marks, also after a backslash (\\alpha): a run, over punctuation that joins
        last = point
        piece = start
        apostrophe = -1
        after = 0
        while i < end:
            c = data[i]
            if c < 0x80:
                point, width = np.int64(c), 1
            else:
                point, width = decode(data, i, end)
            more = table[point] & CLASS
            if more in (LETTER, DIGIT):
                last = point
                i += width
                continue
            if more == EXTEND:
                i += width
                continue
            if more != OTHER or i + width >= end:
                break
            following, _ = decode(data, i + width, end)
            if not _joins(table, point, last, following):
                break
            if point == 0x27 or point == 0x2019:
                apostrophe = i
                after = i + width
            i += width
            piece = i
            last = following
        split = 0
        if apostrophe >= 0:
            split = _contraction(data, start, apostrophe, after, i)
        if i + 2 < end and data[i] == 0x3A and data[i + 1] == 0x2F and data[i + 2] == 0x2F:
            i = _address_end(data, i, end)
            split = 0
        elif i < end and data[i] == 0x2E and i - piece == 1 and _keeps_stop(data, start, piece):
            i += i + 1 >= end or data[i + 1] != 0x2E
        first = NUMBER if kind == DIGIT else WORD
        if split > 0:
            starts[n] = start - begin
            ends[n] = split - begin
            kinds[n] = first
            n += 1
            start = split
        starts[n] = start - begin
        ends[n] = i - begin
        kinds[n] = first
        n += 1
    return n


@njit(nogil=True, cache=True)
def _segment(data, offsets, table, starts, ends, kinds, counts):
    at = 0
    for doc in range(len(offsets) - 1):
        counts[doc] = at
        begin, end = offsets[doc], offsets[doc + 1]
        at += segment_document(data, begin, end, table, starts[at:], ends[at:], kinds[at:])
    counts[len(offsets) - 1] = at
    return at


@njit(nogil=True, cache=True)
def _characters(data, offsets, out):
    for doc in range(len(offsets) - 1):
        out[doc] = count_characters(data, offsets[doc], offsets[doc + 1])


def segment(data: np.ndarray, offsets: np.ndarray) -> Words:
    """Tokens of every document: letters and digits in runs, ideographs one by one, kana by script, marks one by one.

    Close to UAX#29 and, in English, to spaCy: `don't` is `do`, `n't`; runs of full stops or hyphens are one token.
    """
    data, offsets = read_only(data), read_only(offsets)
    room = int(offsets[-1] - offsets[0])
    starts, ends = np.empty(room, np.int32), np.empty(room, np.int32)
    kinds, counts = np.empty(room, np.uint8), np.empty(len(offsets), np.int64)
    total = _segment(data, offsets, properties(), starts, ends, kinds, counts)
    return Words(starts[:total], ends[:total], counts, kinds[:total])


def words(text: pa.Array | pa.ChunkedArray) -> Words:
    """Tokens of every document of an Arrow text array."""
    return segment(*bytes_and_offsets(text))


def characters(text: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Characters of every document."""
    data, offsets = bytes_and_offsets(text)
    out = np.empty(len(offsets) - 1, np.int64)
    _characters(data, offsets, out)
    return out


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    sample = pa.array(["It's 5 km, U.S. http://a.b/c", None])
    words(sample)
    characters(sample)
