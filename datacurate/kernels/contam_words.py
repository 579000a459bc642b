"""Words of documents and of benchmark items, as hashes, with their places: what decontamination compares.

`PLAIN`: a word is what stands between white space, in lower case and without punctuation and symbols, as GPT-3's filter
has it (Brown et al. 2020, arXiv:2005.14165, appendix C). Nothing of it depends on how a page wraps lines, on quotes or
on hyphens that were lost. Scripts without spaces: every character is a word.

`FOLDED`: words as datatrove's `simplify_text` leaves them (`shingle_units.py`, FOLDED).

`LINES`: lines as they are, but for white space at their ends, as dolma's deduper has paragraphs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import borrowing, count_bits, first_bit, hash_bytes, inlined, places
from datacurate.kernels.shingle_units import (
    DIGIT,
    GAP,
    MARK,
    NONE,
    ONE,
    POINT_GAP,
    START,
    Tables,
    _add_folded,
    _code_point,
    _number_end,
    add_code,
    ascii_word,
    decode,
    end_word,
    low_bits,
    tables,
)

if TYPE_CHECKING:
    import pyarrow as pa

PLAIN, FOLDED, LINES = range(3)
KINDS = ("plain", "folded", "lines")
"""Their names in options."""
PART, ALONE, SPACE = 1, 2, 3
"""What `casefold.tables` says of a character; 0 is all else."""


@inlined
def _letters(data, at, end):
    """Bit k: whether the byte at `at + k` is a letter or digit of ASCII."""
    letters = places(data, at, end, 0x61, 0x7A) | places(data, at, end, 0x41, 0x5A)
    return letters | places(data, at, end, 0x30, 0x39)


@inlined
def _put(out, count, h, start, end):
    hashes, starts, ends = out
    hashes[count] = h
    starts[count] = start
    ends[count] = end
    return count + 1


@borrowing
def _mixed(data, begin, at, end, tables, out, count):
    """The words of `data[at:end]`, in which no ASCII character is white space."""
    state = (START, NONE, 0)
    start = last = at
    while at < end:
        code, size = decode(data, at, end)
        kind = 0
        if code >= 128:
            entry = tables.entries[tables.pages[code >> 8], code & 255]
            kind = entry & 3
            code += entry >> 2
        elif 0x30 <= code <= 0x39 or 0x61 <= (code | 0x20) <= 0x7A:
            kind = PART
        if 0 <= code < 128:
            code |= 0x20
        if kind >= ALONE and state[2]:
            count = _put(out, count, end_word(*state), start - begin, last - begin)
            state = (START, NONE, 0)
        if kind == ALONE:
            count = _put(out, count, end_word(*add_code(state, code)), at - begin, at + size - begin)
        elif kind == PART:
            start = at if state[2] == 0 else start
            state = add_code(state, code)
            last = at + size
        at += size
    if state[2]:
        count = _put(out, count, end_word(*state), start - begin, last - begin)
    return count


@inlined
def _token(data, begin, at, end, letters, tables, out, count):
    """The words of what stands between white space, `data[at:end]`; `letters` says which of its 64 bytes are any."""
    skipped = first_bit(letters)
    run = letters >> np.uint64(skipped) if letters else letters
    length = count_bits(run)
    if letters and run & (run + ONE) == 0 and _ascii(data, at, end, length):
        start = at + skipped
        return _put(out, count, ascii_word(data, start, start + length), start - begin, start + length - begin)
    return _mixed(data, begin, at, end, tables, out, count)


@inlined
def _ascii(data, at, end, length):
    """Whether no byte beyond ASCII stands beside a run of letters."""
    return length == end - at or places(data, at, end, 0x80, 0xFF) & low_bits(end - at) == 0


@borrowing
def _plain(data, begin, end, tables, out):
    """Write hash and place of every word of `data[begin:end]`; return how many there are."""
    count = 0
    at = begin
    start = np.int64(-1)  # of the token that the last mask ended in
    while at < end:
        inside = ~(places(data, at, end, 0x1C, 0x20) | places(data, at, end, 0x09, 0x0D))
        letters = _letters(data, at, end)
        edges = inside ^ ((inside << ONE) | np.uint64(start >= 0))
        if end - at < 64:
            edges &= low_bits(end - at)
        if start >= 0 and edges:
            stop = first_bit(edges)
            edges &= edges - ONE
            count = _crossing(data, begin, start, at + stop, tables, out, count)
            start = np.int64(-1)
        while edges:
            first = first_bit(edges)
            edges &= edges - ONE
            if edges == 0:
                start = at + first
                break
            stop = first_bit(edges)
            edges &= edges - ONE
            mine = (letters >> np.uint64(first)) & low_bits(stop - first)
            count = _token(data, begin, at + first, at + stop, mine, tables, out, count)
        at += 64
    if start >= 0:
        count = _crossing(data, begin, start, end, tables, out, count)
    return count


@inlined
def _crossing(data, begin, at, end, tables, out, count):
    """A token that no one mask holds."""
    if end - at < 64:
        letters = _letters(data, at, end) & low_bits(end - at)
        return _token(data, begin, at, end, letters, tables, out, count)
    return _mixed(data, begin, at, end, tables, out, count)


@borrowing
def _folded(data, begin, end, tables, out):
    """Write hash and place of every folded word; return how many there are."""
    count = 0
    state = (START, NONE, 0)
    at = start = last = begin
    while at < end:
        code, size = _code_point(data, at, end)
        kind = tables.kinds[code]
        here = at
        at += size
        if kind == DIGIT:
            start = here if state[2] == 0 else start
            state = add_code(state, 0x30)
            at = _number_end(data, at, end, tables.kinds)
            last = at
        elif kind in (GAP, POINT_GAP):
            if state[2]:
                count = _put(out, count, end_word(*state), start - begin, last - begin)
                state = (START, NONE, 0)
        elif kind != MARK:
            start = here if state[2] == 0 else start
            state = _add_folded(state, code, tables)
            last = at
    if state[2]:
        count = _put(out, count, end_word(*state), start - begin, last - begin)
    return count


@inlined
def _white(byte):
    return byte == 0x20 or 0x09 <= byte <= 0x0D or 0x1C <= byte <= 0x1F


@borrowing
def _lines(data, begin, end, out):
    """Write hash and place of every line that is not blank; return how many there are."""
    count = 0
    at = begin
    while at < end:
        stop = at
        while stop < end and data[stop] != 0x0A:
            stop += 1
        first, last = at, stop
        while first < last and _white(data[first]):
            first += 1
        while last > first and _white(data[last - 1]):
            last -= 1
        if first < last:
            count = _put(out, count, hash_bytes(data, first, last - first), first - begin, last - begin)
        at = stop + 1
    return count


@borrowing
def words_of(kind, data, begin, end, tables, out):
    """Write hash and place (bytes from `begin`) of every word to `out`, which has room for one per byte; how many."""
    if kind == PLAIN:
        return _plain(data, begin, end, tables, out)
    if kind == FOLDED:
        return _folded(data, begin, end, tables, out)
    return _lines(data, begin, end, out)


@njit(nogil=True, cache=True)
def room(count):
    """Arrays that `words_of` writes to."""
    return np.empty(count, np.uint64), np.empty(count, np.int32), np.empty(count, np.int32)


@njit(nogil=True, cache=True)
def _all(kind, data, offsets, tables, out, bounds):
    filled = 0
    for doc in range(len(offsets) - 1):
        rest = (out[0][filled:], out[1][filled:], out[2][filled:])
        filled += words_of(kind, data, offsets[doc], offsets[doc + 1], tables, rest)
        bounds[doc + 1] = filled


class Words(NamedTuple):
    """Hashes and places of the words of some texts; those of text `i` are `bounds[i]:bounds[i + 1]`."""

    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    bounds: np.ndarray


def tables_of(kind: int) -> Tables:
    """The look-up tables that a kind of words needs."""
    from datacurate.kernels import shingle_units

    return tables(shingle_units.FOLDED if kind == FOLDED else shingle_units.WORDS)


def words(text: pa.Array | pa.ChunkedArray, kind: int) -> Words:
    """The words of every text."""
    data, offsets = bytes_and_offsets(text)
    out = room(int(offsets[-1] - offsets[0]) + 1)
    bounds = np.zeros(len(offsets), np.int64)
    _all(kind, data, offsets, tables_of(kind), out, bounds)
    hashes, starts, ends = (read_only(array[: bounds[-1]]) for array in out)
    return Words(hashes, starts, ends, read_only(bounds))
