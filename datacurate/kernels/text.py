"""UTF-8 and words. Every byte that is not part of well-formed UTF-8 counts as one character, U+FFFD."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.english import split_stretch
from datacurate.kernels.english_tables import PREFIX, SIGN, SUFFIX, find_listed, is_listed, rules
from datacurate.kernels.memory import first_bit, letters64, pointer
from datacurate.kernels.sentences import count_sentences, marks
from datacurate.kernels.syllables import ZERO_WIDTH_SPACE, syllable_end
from datacurate.kernels.unicode import (
    CLASS,
    DIGIT,
    EXTEND,
    HIRAGANA,
    IDEOGRAPH,
    KATAKANA,
    LETTER,
    OTHER,
    SPACE,
    properties,
)
from datacurate.kernels.utf8 import count_characters, decode

if TYPE_CHECKING:
    import pyarrow as pa

WORD, NUMBER, CJK, MARK, SYLLABLE = range(5)
"""Kinds of token: letters; a run that begins with a digit; an ideograph or a run of kana; one mark of punctuation; a
syllable or cluster of Thai, Lao, Khmer or Burmese."""


NO_LIMIT = 1 << 62


class Words(NamedTuple):
    """Tokens of a batch. Token `j` of document `i`, `offsets[i] <= j < offsets[i + 1]`, is the bytes
    `starts[j]:ends[j]` of that document, counted from its first byte."""

    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray
    kinds: np.ndarray | None = None


@njit(nogil=True, cache=True, forceinline=True)
def _is_ascii_letter(c):
    return 0x61 <= (c | 0x20) <= 0x7A


@njit(nogil=True, cache=True, forceinline=True)
def _letters_end(data, i, end, table, english):
    """End of the letters (and marks upon them) that begin at byte `i`."""
    while i < end:
        c = data[i]
        if _is_ascii_letter(c):
            i += 1
            continue
        if c < 0x80:
            break
        point, width = decode(data, i, end)
        kind = table[point] & CLASS
        if (kind != LETTER and kind != EXTEND) or english[point] & (PREFIX | SUFFIX | SIGN):
            break
        i += width
    return i


@njit(nogil=True, cache=True, forceinline=True)
def _ends_word(data, i, end):
    """1 when a space, a newline or the end is at byte `i`; 2 when one of , ; : ? ! ) . and then such a one; else 0."""
    if i >= end or data[i] == 0x20 or data[i] == 0x0A:
        return 1
    c = data[i]
    mark = c == 0x2C or c == 0x2E or c == 0x3A or c == 0x3B or c == 0x3F or c == 0x21 or c == 0x29
    return 2 if mark and (i + 1 >= end or data[i + 1] == 0x20 or data[i + 1] == 0x0A) else 0


@njit(nogil=True, cache=True)
def _stretch_end(data, i, end, table):
    """End of what begins at `i` and holds no space and no script that is written without spaces."""
    while i < end:
        c = data[i]
        if c < 0x80:
            if (table[c] & CLASS) == SPACE:
                break
            i += 1
            continue
        point, width = decode(data, i, end)
        kind = table[point] & CLASS
        if kind == SPACE or kind in (IDEOGRAPH, HIRAGANA, KATAKANA):
            break
        i += width
    return i


@njit(nogil=True, cache=True, forceinline=True)
def _kind(data, start, end, table):
    """WORD or NUMBER by the first letter or digit; MARK when there is neither."""
    i = start
    if _is_ascii_letter(data[i]):
        return WORD
    while i < end:
        point, width = decode(data, i, end)
        kind = table[point] & CLASS
        if kind == DIGIT:
            return NUMBER
        if kind != OTHER:
            return WORD
        i += width
    return MARK


@njit(nogil=True, cache=True)
def segment_document(data, begin, end, table, english, listed, book, starts, ends, kinds, n):
    """Writes the tokens of `data[begin:end]` from index `n` on; returns the next index. At most one per byte.

    All arrays are `memory.pointer`s.
    """
    return segment_from(data, begin, begin, end, table, english, listed, book, starts, ends, kinds, n, NO_LIMIT)[0]


@njit(nogil=True, cache=True)
def segment_from(data, begin, i, end, table, english, listed, book, starts, ends, kinds, n, limit):
    """Writes the tokens from byte `i` on, until there are `limit` or `data[begin:end]` ends.

    Returns the next index, and the byte from which the next call goes on. A token depends on nothing before the white
    space in front of it: the first call may begin behind any.
    """
    block = i - 64  # of 64 bytes of which `letters` tells the letters
    letters = np.uint64(0)
    while i < end and n < limit:
        start = i
        # most words are letters alone, with a mark behind them or not; few of them are exceptions
        while end - i >= 64 or i < block + 64:
            if i >= block + 64:
                block, letters = i, letters64(data, i)
            i += first_bit(~(letters >> np.uint64(i - block)))
            if i < block + 64:
                break
        i = _letters_end(data, i, end, table, english)
        number = i == start
        while number and i < end and 0x30 <= data[i] <= 0x39:
            i += 1
        follows = _ends_word(data, i, end) if i > start else 0
        if follows == 2:
            # a full stop may be part of a word that ends in a capital; with its mark a word may be an exception
            stop = data[i] == 0x2E
            capital = stop and not number and not 0x61 <= data[i - 1] < 0x80
            if capital or ((stop or number) and find_listed(data, start, i + 1 - start, listed, book, False)):
                follows = 0
        if follows and not is_listed(data, start, i - start, listed, book):
            starts[n], ends[n], kinds[n] = start - begin, i - begin, NUMBER if number else WORD
            n += 1
            if follows == 2:
                starts[n], ends[n], kinds[n] = i - begin, i + 1 - begin, MARK
                n += 1
            i += follows
            continue
        i = start
        c = data[i]
        point, width = (np.int64(c), 1) if c < 0x80 else decode(data, i, end)
        kind = table[point] & CLASS
        if kind == SPACE:
            i += width
        elif kind in (IDEOGRAPH, HIRAGANA, KATAKANA):
            i = _unspaced_end(data, i, end, table)
            syllable = kind == IDEOGRAPH and (point < 0x2E80 or 0xA9E0 <= point <= 0xAA7F)
            starts[n], ends[n], kinds[n] = start - begin, i - begin, SYLLABLE if syllable else CJK
            n += 1
            # a zero width space parts words where no other space does
            while i + 2 < end and data[i] == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0x8B:
                i += 3
        else:
            i = _stretch_end(data, start, end, table)
            last = split_stretch(data, start, i, english, listed, book, begin, starts, ends, n)
            for k in range(n, last):
                kinds[k] = _kind(data, begin + starts[k], begin + ends[k], table)
            n = last
    return n, i


@njit(nogil=True, cache=True)
def _unspaced_end(data, i, end, table):
    """End of the token of a script without spaces that begins at `i`."""
    point, width = decode(data, i, end)
    kind = table[point] & CLASS
    i += width
    if kind == IDEOGRAPH and (point < 0x2E80 or 0xA9E0 <= point <= 0xAA7F):
        i = syllable_end(data, i, end, point, table)
    while i < end and data[i] >= 0x80:
        point, width = decode(data, i, end)
        more = table[point] & CLASS
        if point == ZERO_WIDTH_SPACE or (more != EXTEND and (more != kind or kind == IDEOGRAPH)):
            break
        i += width
    return i


@njit(nogil=True, cache=True)
def _segment(data, offsets, table, english, listed, book, starts, ends, kinds, counts):
    text, first, last, kind = pointer(data), pointer(starts), pointer(ends), pointer(kinds)
    rules = pointer(table), pointer(english), pointer(listed), pointer(book)
    n = 0
    for doc in range(len(offsets) - 1):
        counts[doc] = n
        n = segment_document(text, offsets[doc], offsets[doc + 1], *rules, first, last, kind, n)
    counts[len(offsets) - 1] = n
    return n


@njit(nogil=True, cache=True)
def _split(data, offsets, table, starts, ends, counts):
    n = 0
    for doc in range(len(offsets) - 1):
        counts[doc] = n
        begin, end = offsets[doc], offsets[doc + 1]
        i = begin
        inside = False
        while i < end:
            point, width = decode(data, i, end)
            space = (table[point] & CLASS) == SPACE
            if inside and space:
                ends[n] = i - begin
                n += 1
                inside = False
            elif not inside and not space:
                starts[n] = i - begin
                inside = True
            i += width
        if inside:
            ends[n] = end - begin
            n += 1
    counts[len(offsets) - 1] = n
    return n


@njit(nogil=True, cache=True)
def _trim(data, begin, start, end, table):
    """`start:end`, counted from `begin`, without the white space at both ends."""
    first, last = start, start
    i = begin + start
    while i < begin + end:
        point, width = decode(data, i, begin + end)
        i += width
        if (table[point] & CLASS) != SPACE:
            last = i - begin
        elif last == start:
            first = i - begin
    return (first, last) if last > start else (start, start)


@njit(nogil=True, cache=True)
def _from_characters(data, offsets, tokens, table, trim, starts, ends, counts):
    n = 0
    for doc in range(len(offsets) - 1):
        counts[doc] = n
        begin, end = offsets[doc], offsets[doc + 1]
        i = begin
        characters = 0
        for j in range(tokens[doc], tokens[doc + 1]):
            first = last = i
            while characters < ends[j] and i < end:
                if characters == starts[j]:
                    first = i
                i += 1 if data[i] < 0x80 else decode(data, i, end)[1]
                characters += 1
            last = i
            low, high = first - begin, last - begin
            if trim:
                low, high = _trim(data, begin, low, high, table)
            if low < high:
                starts[n], ends[n] = low, high
                n += 1
    counts[len(offsets) - 1] = n
    return n


@njit(nogil=True, cache=True)
def _characters(data, offsets, out):
    for doc in range(len(offsets) - 1):
        out[doc] = count_characters(data, offsets[doc], offsets[doc + 1])


def segment(data: np.ndarray, offsets: np.ndarray) -> Words:
    """Tokens of every document: letters and digits in runs, ideographs and marks one by one, kana by script, Thai,
    Lao, Khmer and Burmese by syllables or clusters (`kernels.syllables`).

    Close to UAX#29 and, in English, to spaCy: `don't` is `do`, `n't`; runs of full stops or hyphens are one token.
    """
    data, offsets = read_only(data), read_only(offsets)
    room = int(offsets[-1] - offsets[0])
    starts, ends = np.empty(room, np.int32), np.empty(room, np.int32)
    kinds, counts = np.empty(room, np.uint8), np.empty(len(offsets), np.int64)
    total = _segment(data, offsets, properties(), *rules(), starts, ends, kinds, counts)
    return Words(starts[:total], ends[:total], counts, kinds[:total])


@njit(nogil=True, cache=True)
def _sentences(data, offsets, table, starts, ends, tokens, out):
    for doc in range(len(offsets) - 1):
        low, high = tokens[doc], tokens[doc + 1]
        out[doc] = count_sentences(data, offsets[doc], starts[low:high], ends[low:high], high - low, table)


def sentences(text: pa.Array | pa.ChunkedArray, words: Words | None = None) -> np.ndarray:
    """Sentences of every document, by spaCy's `sentencizer` over `words`, or over our own."""
    data, offsets = bytes_and_offsets(text)
    found = words or segment(data, offsets)
    out = np.empty(len(offsets) - 1, np.int64)
    _sentences(data, offsets, marks(), found.starts, found.ends, found.offsets, out)
    return out


def words(text: pa.Array | pa.ChunkedArray) -> Words:
    """Tokens of every document of an Arrow text array."""
    return segment(*bytes_and_offsets(text))


def split(text: pa.Array | pa.ChunkedArray) -> Words:
    """Tokens of every document as Python's `str.split()` has them: what stands between white space."""
    data, offsets = bytes_and_offsets(text)
    room = int(offsets[-1] - offsets[0]) // 2 + len(offsets)
    starts, ends = np.empty(room, np.int32), np.empty(room, np.int32)
    counts = np.empty(len(offsets), np.int64)
    total = _split(data, offsets, properties(), starts, ends, counts)
    return Words(starts[:total], ends[:total], counts)


def from_characters(
    text: pa.Array | pa.ChunkedArray, starts: np.ndarray, ends: np.ndarray, offsets: np.ndarray, trim: bool = True
) -> Words:
    """Another tokenizer's tokens, counted in characters, as bytes; `trim` takes white space off, and empty tokens out.

    Tokens must be in order and must not overlap.
    """
    data, places = bytes_and_offsets(text)
    starts, ends = np.array(starts, np.int32), np.array(ends, np.int32)
    counts = np.empty(len(places), np.int64)
    tokens = read_only(np.asarray(offsets, np.int64))
    total = _from_characters(data, places, tokens, properties(), trim, starts, ends, counts)
    return Words(starts[:total], ends[:total], counts)


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
    found = split(sample)
    words(sample)
    characters(sample)
    sentences(sample, found)
    from_characters(sample, found.starts, found.ends, found.offsets)
