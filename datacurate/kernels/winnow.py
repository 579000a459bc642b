"""Winnowing: from every text a few fingerprints, so that texts that share a long enough span share one of them.

A text is a row of symbols, bytes or tokens; a *window* is `least` of them. Of the hashes of all k-grams in a window the
smallest, the last of equals, is its *anchor* (Schleimer, Wilkerson and Aiken 2003, "Winnowing: Local Algorithms for
Document Fingerprinting", without their robust variant, whose choice depends on what stands before the window). So equal
windows have equal anchors at equal places. The windows of one anchor are neighbours, and together they are its *block*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels import text as words
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.blake2s import digests
from datacurate.kernels.memory import first_bytes, load64, mixed, pointer, same_bytes, store64
from datacurate.kernels.winnow_tokens import Wanted, near, pieces

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 1 << 20
"""Bytes of text that are cut into symbols at a time, unless one document has more. With 4 MB it took a tenth longer:
memory of such size is given back, and its pages faulted in anew."""
SPACE = 0x20
"""Ends every token where tokens are written one after the other; no token holds one."""
BASE = np.uint64(0xD6E8FEB86659FD93)
BYTES = read_only(np.array([(byte + 1) * 0x9E3779B97F4A7C15 % 2**64 for byte in range(256)], np.uint64))
"""What a byte counts for in the hash of a k-gram of bytes."""
NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)
COLUMNS = 8
ANCHOR, HIGH, LOW, DOCUMENT, START, LEAD, WINDOWS, BYTE = range(COLUMNS)
"""Columns of `anchors`: the hash of the anchor, the digest of its block, the document, the symbol at which the block
begins, how many symbols further the anchor does, how many windows are in the block, and the byte at which it begins."""


class Symbols(NamedTuple):
    """Document `i` has the symbols `offsets[i] <= j < offsets[i + 1]`. Tokens are written to `data` one after the
    other, each with a space behind it, from `bounds[j]` on, have `hashes`, and begin at the bytes `starts` of their
    documents. Of bytes, symbol `j` is `data[j]`, and these three are empty."""

    data: np.ndarray
    offsets: np.ndarray
    bounds: np.ndarray
    hashes: np.ndarray
    starts: np.ndarray


@njit(nogil=True, cache=True, forceinline=True)
def _copy_token(data, at, length, end, out, to):
    """Copies a token of a buffer that ends at `end`; returns its hash. Writes up to eight bytes more."""
    h = np.uint64(length) * BASE
    k = 0
    while length - k >= 8:
        word = load64(data, at + k)
        store64(out, to + k, word)
        h = mixed(h ^ word)
        k += 8
    word = np.uint64(0)
    if at + k + 8 <= end:
        word = load64(data, at + k) & first_bytes(length - k)
    else:
        for i in range(length - k):
            word |= np.uint64(data[at + k + i]) << np.uint64(8 * i)
    store64(out, to + k, word)
    return mixed(h ^ word)


@njit(nogil=True, cache=True)
def _write_tokens(data, offsets, starts, ends, counts, out, bounds, hashes):
    said, to_write, size = pointer(data), pointer(out), len(data)
    to = np.int64(0)
    for doc in range(len(offsets) - 1):
        for j in range(counts[doc], counts[doc + 1]):
            length = np.int64(ends[j] - starts[j])
            bounds[j] = to
            hashes[j] = _copy_token(said, offsets[doc] + starts[j], length, size, to_write, to)
            to_write[to + length] = SPACE
            to += length + 1
    bounds[counts[-1]] = to
    return to


def symbols(data: np.ndarray, offsets: np.ndarray, tokens: bool) -> Symbols:
    """The texts as symbols: tokens of `kernels.text`, or bytes."""
    if not tokens:
        none = (np.empty(0, kind) for kind in (np.int64, np.uint64, np.int32))
        return Symbols(read_only(data), read_only(offsets), *(read_only(array) for array in none))
    found = words.segment(data, offsets)
    total = int(found.offsets[-1])
    out = np.empty(int(offsets[-1] - offsets[0]) + total + 8, np.uint8)
    bounds, hashes = np.empty(total + 1, np.int64), np.empty(total, np.uint64)
    end = _write_tokens(
        read_only(data), read_only(offsets), found.starts, found.ends, found.offsets, out, bounds, hashes
    )
    made = (out[:end], found.offsets, bounds, hashes, found.starts)
    return Symbols(*(read_only(array) for array in made))


@njit(nogil=True, cache=True, forceinline=True)
def _value(data, hashes, tokens, j):
    return hashes[j] if tokens else BYTES[data[j]]


@njit(nogil=True, cache=True, forceinline=True)
def _place(bounds, tokens, j):
    return bounds[j] if tokens else j


@njit(nogil=True, cache=True)
def _choose(data, hashes, tokens, first, last, kgram, width, ring, starts, places, values):
    """The anchors of the windows of one document, `width` k-grams each; returns how many there are.

    Anchor `a` is the k-gram at symbol `places[a]`, with the hash `values[a]`, and the first window that has it begins
    at `starts[a]`. K-grams are taken in stretches of `width`: a window ends in one and begins in it or in the one
    before, of which `ring` keeps the smallest from every place on: their hashes, then their places, and behind these
    the hashes of the stretch itself. So no input makes a window be searched again. All arrays are `memory.pointer`s.
    """
    oldest = np.uint64(1)
    rolling = np.uint64(0)
    for j in range(kgram - 1):
        oldest *= BASE
        rolling = rolling * BASE + _value(data, hashes, tokens, first + j)
    found = np.int64(0)
    chosen = np.int64(-1)
    count = last - first - kgram + 1
    for stretch in range(0, count, width):
        least, at = NOTHING, np.int64(-1)
        end = min(stretch + width, count)
        for j in range(stretch, end):
            rolling = rolling * BASE + _value(data, hashes, tokens, first + j + kgram - 1)
            value = mixed(rolling)
            rolling -= _value(data, hashes, tokens, first + j) * oldest
            ring[2 * width + j - stretch] = value
            if value <= least:
                least, at = value, j
            before = j + 1 - stretch
            best, place = least, at
            if stretch and before < width and ring[before] < least:
                best, place = ring[before], np.int64(ring[width + before])
            if place != chosen and j + 1 >= width:
                chosen = place
                starts[found], places[found], values[found] = j - width + 1, place, best
                found += 1
        least, at = ring[2 * width + end - 1 - stretch], end - 1
        for j in range(end - 1, stretch - 1, -1):
            if ring[2 * width + j - stretch] < least:
                least, at = ring[2 * width + j - stretch], j
            ring[j - stretch], ring[width + j - stretch] = least, np.uint64(at)
    return found


@njit(nogil=True, cache=True)
def _room(rows, count):
    """The rows, or a longer copy, with room for one more."""
    if count < len(rows):
        return rows
    longer = np.empty((2 * len(rows), COLUMNS), np.uint64)
    longer[:count] = rows
    return longer


@njit(nogil=True, cache=True)
def _anchors(data, offsets, bounds, hashes, byte_starts, least, kgram, rows):
    """A row for the anchors of every document, but for repetition that others tell of; and how many.

    HIGH and LOW are the bytes between which the block lies. Where a text repeats itself at once, as a ruler of dashes
    does, nearly every symbol is an anchor, all with one block. Behind the first two windows' length of such a run only
    as many rows are kept as its windows need to be covered, one for at most `least` symbols, and its last. All that are
    left out are repeats, and so are the two kept beside them, which cover the same symbols.
    """
    width = least - kgram + 1
    tokens = len(bounds) > 0
    ring = np.empty(3 * width, np.uint64)
    said, marks, valued = pointer(data), pointer(bounds), pointer(hashes)
    longest = 0
    for doc in range(len(offsets) - 1):
        longest = max(longest, offsets[doc + 1] - offsets[doc])
    most = max(longest - least + 1, 0)
    starts, places, values = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.uint64)
    scratch = pointer(ring), pointer(starts), pointer(places), pointer(values)
    count = 0
    for doc in range(len(offsets) - 1):
        first, last = offsets[doc], offsets[doc + 1]
        if last - first < least:
            continue
        found = _choose(said, valued, tokens, first, last, kgram, width, *scratch)
        byte, length = np.int64(0), np.int64(-1)
        began = kept = waiting = np.int64(-1)
        for a in range(found):
            after = np.int64(starts[a + 1]) if a + 1 < found else last - first - least + 1
            before = byte
            byte = _place(marks, tokens, first + starts[a])
            size = _place(marks, tokens, first + after - 1 + least) - byte
            same = a > 0 and values[a] == values[a - 1] and size == length and same_bytes(said, before, byte, size)
            if waiting >= 0 and (not same or places[a] - kept > least):
                rows = _room(rows, count)
                _write(rows, count, values, doc, starts, places, waiting, after - starts[a], before, length)
                rows[count, WINDOWS] = rows[count - 1, WINDOWS]
                count += 1
                kept, waiting = np.int64(places[waiting]), np.int64(-1)
            if not same:
                began, length = np.int64(places[a]), size
            elif places[a] - began > 2 * least:
                waiting = np.int64(a)
                continue
            rows = _room(rows, count)
            _write(rows, count, values, doc, starts, places, a, after - starts[a], byte, size)
            count += 1
            kept = np.int64(places[a])
        if waiting >= 0:
            rows = _room(rows, count)
            _write(rows, count, values, doc, starts, places, waiting, np.int64(0), byte, length)
            rows[count, WINDOWS] = rows[count - 1, WINDOWS]
            count += 1
    if tokens:
        for row in range(count):
            rows[row, BYTE] = np.uint64(
                byte_starts[offsets[np.int64(rows[row, DOCUMENT])] + np.int64(rows[row, START])]
            )
    return rows, count


@njit(nogil=True, cache=True, forceinline=True)
def _write(rows, count, values, doc, starts, places, a, windows, byte, size):
    rows[count, ANCHOR], rows[count, DOCUMENT] = values[a], np.uint64(doc)
    rows[count, HIGH], rows[count, LOW] = np.uint64(byte), np.uint64(byte + size)
    rows[count, START], rows[count, LEAD] = np.uint64(starts[a]), np.uint64(places[a] - starts[a])
    rows[count, WINDOWS], rows[count, BYTE] = np.uint64(windows), np.uint64(starts[a])


def kgram(least: int) -> int:
    """Symbols to a k-gram: a quarter of a window.

    Fewer make fewer anchors (one in 20 tokens for 50 of them; with half a window one in 13), of which more are phrases
    that stand in many surroundings. 99 MB, half of them repeated, took 4.7 s of CPU with a quarter, 5.1 s with a third
    or an eighth, 5.4 s with a half.
    """
    return (least + 3) // 4


def anchors(text: pa.Array | pa.ChunkedArray, least: int, tokens: bool) -> np.ndarray:
    """The anchors of all windows of `least` symbols, a row each, in order; see COLUMNS. A uint64 array."""
    data, offsets = bytes_and_offsets(text)
    found = [np.empty((0, COLUMNS), np.uint64)]
    for first, after in pieces(offsets, PIECE):
        made = symbols(data, offsets[first : after + 1], tokens)
        rows, count = _anchors(*made, least, kgram(least), np.empty((1024, COLUMNS), np.uint64))
        rows = rows[:count].copy()
        rows[:, [HIGH, LOW]] = digests(made.data, rows[:, HIGH].astype(np.int64), rows[:, LOW].astype(np.int64))
        rows[:, DOCUMENT] += np.uint64(first)
        found.append(rows)
    return np.concatenate(found)


@njit(nogil=True, cache=True)
def _sizes(starts, ends, at, counts, out):
    for i in range(len(at)):
        size = counts[i]
        for token in range(at[i], at[i] + counts[i]):
            size += ends[token] - starts[token]
        out[i] = size


@njit(nogil=True, cache=True)
def _copy(text, begins, starts, ends, at, counts, result):
    """Tokens of documents that begin at `begins`, with a space behind each."""
    data, out = pointer(text), pointer(result)
    to, size = np.int64(0), len(text)
    for i in range(len(at)):
        for token in range(at[i], at[i] + counts[i]):
            length = np.int64(ends[token] - starts[token])
            _copy_token(data, begins[i] + starts[token], length, size, out, to)
            out[to + length] = SPACE
            to += length + 1


def contexts(text: pa.Array, wanted: Wanted, tokens: bool) -> pa.Array:
    """What stands at places, of documents in order: bytes, or tokens with a space behind each."""
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    if not tokens:
        starts = offsets[wanted.documents] + wanted.firsts
        return _binary(pa, np.cumsum([0, *wanted.counts]), _stretches(data, starts, wanted.counts))
    parts, sizes = [], [np.zeros(1, np.int64)]
    for first, after in pieces(offsets, PIECE):
        low, high = np.searchsorted(wanted.documents, [first, after])
        if low == high:
            continue
        some = Wanted(wanted.documents[low:high] - first, *(array[low:high] for array in wanted[1:]))
        found = near(data, offsets[first : after + 1], some)
        if (found.counts < some.counts).any():
            raise AssertionError("a document ends before one of its blocks does")
        size = np.empty(high - low, np.int64)
        _sizes(*found, size)
        out = np.empty(int(size.sum()) + 8, np.uint8)
        _copy(data, offsets[first + some.documents], *found, out)
        parts.append(out[:-8])
        sizes.append(size)
    return _binary(pa, np.cumsum(np.concatenate(sizes)), np.concatenate([*parts, np.empty(0, np.uint8)]))


@njit(nogil=True, cache=True)
def _copy_stretches(data, starts, counts, out):
    to = 0
    for i in range(len(starts)):
        out[to : to + counts[i]] = data[starts[i] : starts[i] + counts[i]]
        to += counts[i]


def _stretches(data: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Bytes from all `starts` on, end to end."""
    out = np.empty(int(counts.sum()), np.uint8)
    _copy_stretches(data, read_only(starts), read_only(counts), out)
    return out


def _binary(pa, bounds: np.ndarray, data: np.ndarray) -> pa.Array:
    buffers = [None, pa.py_buffer(bounds.astype(np.int64, copy=False)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)


def warm(tokens: bool) -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    sample = pa.array(["a a a b a a a b", None])
    found = anchors(sample, 2, tokens)
    document, start, byte = (found[:, column].astype(np.int64) for column in (DOCUMENT, START, BYTE))
    contexts(sample, Wanted(document, start, np.full(len(start), 2), start, byte), tokens)
