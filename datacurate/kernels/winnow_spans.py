"""From repeated symbols to the bytes that are taken out of a text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.winnow_match import ELSEWHERE, IN_ROW, IN_RUN, OF_SURVIVOR, OF_THERE, SPAN
from datacurate.kernels.winnow_tokens import Near, Wanted, near, pieces

if TYPE_CHECKING:
    import pyarrow as pa

LF = 0x0A
PIECE = 7
ROW, START, END, SURVIVOR, THERE, HEAD, TAIL = range(PIECE)
"""Columns of pieces: a document, the first symbol and the one after the last, the order of a document that has them,
too, the first symbol there (and ELSEWHERE, if that is in another dataset), and where blocks begin that hold the first
and the last symbol, `byte << 32 | symbol`."""
BIT = np.uint64(ELSEWHERE.bit_length() - 1)
BUCKET = 1 << 12
"""So many spans are sorted at a time, which stays in the processor's cache."""
TOGETHER = 1 << 20
"""Bytes of text of which tokens are cut at a time, unless one document has more."""


@njit(nogil=True, cache=True, forceinline=True)
def _better(spans, one, other):
    """Whether a span reaches further than another, or as far and into another dataset, or has the lesser survivor, or
    place in it."""
    if spans[one, END] != spans[other, END]:
        return spans[one, END] > spans[other, END]
    if spans[one, THERE] >> BIT != spans[other, THERE] >> BIT:
        return spans[one, THERE] > spans[other, THERE]
    if spans[one, SURVIVOR] != spans[other, SURVIVOR]:
        return spans[one, SURVIVOR] < spans[other, SURVIVOR]
    return spans[one, THERE] - spans[one, START] < spans[other, THERE] - spans[other, START]


@njit(nogil=True, cache=True)
def _cover(spans, order, out, count):
    """Writes pieces of spans, which `order` sorts by row and start, from piece `count` on; returns the next one."""
    k = 0
    while k < len(order):
        row, reached = spans[order[k], ROW], spans[order[k], START]
        best = order[k]
        while k < len(order) and spans[order[k], ROW] == row and spans[order[k], START] <= reached:
            best = order[k] if _better(spans, order[k], best) else best
            k += 1
            if k < len(order) and spans[order[k], ROW] == row and spans[order[k], START] <= reached:
                continue
            if spans[best, END] <= reached:
                break
            there = spans[best, THERE] + reached - spans[best, START]
            last = count - 1
            goes_on = count and out[last, ROW] == row and out[last, END] == reached
            goes_on = goes_on and out[last, SURVIVOR] == spans[best, SURVIVOR]
            if goes_on and out[last, THERE] - out[last, START] == there - reached:
                out[last, END], out[last, TAIL] = spans[best, END], spans[best, HEAD]
            else:
                out[count, ROW], out[count, START], out[count, END] = row, reached, spans[best, END]
                out[count, SURVIVOR], out[count, THERE] = spans[best, SURVIVOR], there
                out[count, HEAD] = out[count, TAIL] = spans[best, HEAD]
                count += 1
            reached = spans[best, END]
    return count


@njit(nogil=True, cache=True)
def _dealt(records, buckets, bounds, spans):
    """Takes records apart; those of one row stand in one bucket."""
    for i in range(len(records)):
        bounds[np.int64(records[i, IN_ROW] & buckets) + 1] += 1
    for k in range(len(bounds) - 1):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    small, low = np.uint64(0xFFFF), np.uint64(0xFFFFFFFF)
    for i in range(len(records)):
        k = np.int64(records[i, IN_ROW] & buckets)
        run, there = records[i, IN_RUN], records[i, OF_THERE]
        start = run >> np.uint64(32)
        spans[at[k], ROW], spans[at[k], START] = records[i, IN_ROW], start
        spans[at[k], END], spans[at[k], SURVIVOR] = start + (run >> np.uint64(16) & small), records[i, OF_SURVIVOR]
        spans[at[k], THERE] = there >> np.uint64(32)
        spans[at[k], HEAD] = (there & low) << np.uint64(32) | (start - (run & small))
        at[k] += 1


def cover(records: np.ndarray) -> np.ndarray:
    """Spans of `winnow_match` as pieces that cover the same symbols of the rows without overlap: uint64[n, PIECE].

    Pieces of a row are neighbours, and in order. A piece goes as far as a span does that begins at or before it; what
    it covers stands in its survivor in one go. The order of spans does not matter.
    """
    buckets = 1 << (len(records) // BUCKET).bit_length()
    spans, bounds = np.empty((len(records), HEAD + 1), np.uint64), np.zeros(buckets + 1, np.int64)
    _dealt(read_only(records), np.uint64(buckets - 1), bounds, spans)
    out, count = np.empty((len(records), PIECE), np.uint64), 0
    for low, high in pairwise(bounds.tolist()):
        some = spans[low:high]
        count = _cover(some, np.lexsort((some[:, START], some[:, ROW])), out, count)
    return out[:count].copy()


@njit(nogil=True, cache=True)
def _feeds(data, start, end):
    count = 0
    for i in range(start, end):
        count += data[i] == LF
    return count


@njit(nogil=True, cache=True)
def _lines(data, begin, low, high, length):
    """The whole lines between bytes `low` and `high` of a document that begins at `begin`."""
    while 0 < low < high and data[begin + low - 1] != LF:
        low += 1
    while low < high < length and data[begin + high - 1] != LF:
        high -= 1
    return low, high


@njit(nogil=True, cache=True)
def _characters(data, begin, low, high, length):
    """`low` and `high`, moved inwards to where characters begin."""
    while low < high and data[begin + low] & 0xC0 == 0x80:
        low += 1
    while low < high < length and data[begin + high] & 0xC0 == 0x80:
        high -= 1
    return low, high


@njit(nogil=True, cache=True)
def _gaps(data, begin, low, start, end, high, length):
    """What goes with the tokens `start:end`: the white space on the side that has fewer line feeds, then bytes."""
    if low == 0 or high == length:
        return low, high
    before = (_feeds(data, begin + low, begin + start), start - low)
    behind = (_feeds(data, begin + end, begin + high), high - end)
    return (low, end) if before <= behind else (start, high)


@njit(nogil=True, cache=True)
def _to_bytes(data, offsets, starts, ends, edges, made, at, first, after, tokens, lines, gaps, out):
    """Turns pieces of symbols into pieces of bytes; pieces that touch are one span. An empty piece has start == end.

    The tokens around the first symbol of piece `i` are from `edges[2 * i]` on, those around its last from the next.
    """
    for doc in range(len(offsets) - 1):
        begin, length = offsets[doc], offsets[doc + 1] - offsets[doc]
        i = at[doc]
        while i < at[doc + 1]:
            last = i
            while last + 1 < at[doc + 1] and first[last + 1] == after[last]:
                last += 1
            start, end = np.int64(first[i]), np.int64(after[last])
            low, high = start, end
            if tokens:
                head, tail = edges[2 * i] + (start > 0), edges[2 * last + 1]
                low = np.int64(ends[head - 1]) if start else np.int64(0)
                high = np.int64(starts[tail + 1]) if made[2 * last + 1] > 1 else length
                start, end = np.int64(starts[head]), np.int64(ends[tail])
            if lines:
                start, end = _lines(data, begin, low, high, length)
            elif not tokens:
                start, end = _characters(data, begin, start, end, length)
            elif gaps:
                start, end = _gaps(data, begin, low, start, end, high, length)
            place = start
            for k in range(i, last + 1):
                stop = end
                if k < last:
                    stop = np.int64(starts[edges[2 * k + 1] + 1]) if tokens else np.int64(after[k])
                    stop = min(max(stop, place), end)
                    if not tokens:
                        _, stop = _characters(data, begin, place, stop, length)
                out[k, 0], out[k, 1] = place, stop
                place = stop
            i = last + 1


class Pieces(NamedTuple):
    """Pieces of symbols of documents, in order: those of document `i` are `at[i]` to `at[i + 1]`. Of tokens also where
    blocks begin that hold the first and the last one, `byte << 32 | symbol`."""

    at: np.ndarray
    first: np.ndarray
    after: np.ndarray
    heads: np.ndarray
    tails: np.ndarray

    def edges(self) -> Wanted:
        """The tokens around the first symbols of all pieces, and around the last ones."""
        documents = np.repeat(np.arange(len(self.at) - 1), np.diff(self.at))
        firsts = np.stack([np.maximum(self.first - 1, 0), self.after - 1], axis=1).reshape(-1)
        counts = np.full(len(firsts), 2)
        blocks = np.stack([self.heads, self.tails], axis=1).reshape(-1)
        known, begins = blocks & np.uint64(0xFFFFFFFF), blocks >> np.uint64(32)
        return Wanted(np.repeat(documents, 2), firsts, counts, known, begins)


def to_bytes(text: pa.Array, given: Pieces, tokens: bool, lines: bool, gaps: bool) -> np.ndarray:
    """The bytes (start, end) of pieces of symbols.

    With `lines` only whole lines go. Otherwise tokens take the white space on one side with them if `gaps` says so, and
    bytes never part a character. What nothing is left of has start == end.
    """
    data, offsets = bytes_and_offsets(text)
    out = np.empty((len(given.first), 2), np.int32)
    none = read_only(np.zeros(0, np.int32)), read_only(np.zeros(0, np.int64))
    for first, after in pieces(offsets, TOGETHER):
        low, high = given.at[first], given.at[after]
        some = Pieces(given.at[first : after + 1] - low, *(array[low:high] for array in given[1:]))
        found = Near(none[0], none[0], none[1], none[1])
        if tokens:
            found = near(data, offsets[first : after + 1], some.edges())
        arrays = (*(read_only(array) for array in (*found, *some[:3])), tokens, lines, gaps)
        _to_bytes(data, read_only(offsets[first : after + 1]), *arrays, out[low:high])
    return out


@njit(nogil=True, cache=True)
def _mask(data, offsets, starts, ends, at, mark, out, bounds):
    to = 0
    for doc in range(len(offsets) - 1):
        begin, place = offsets[doc], np.int64(0)
        fresh = True
        for i in range(at[doc], at[doc + 1]):
            start, end = np.int64(starts[i]), np.int64(ends[i])
            if start == end:
                continue
            if start > place or fresh:
                out[to : to + start - place] = data[begin + place : begin + start]
                to += start - place
                out[to : to + len(mark)] = mark
                to += len(mark)
            fresh = False
            place = end
        rest = offsets[doc + 1] - begin - place
        out[to : to + rest] = data[begin + place : begin + place + rest]
        to += rest
        bounds[doc + 1] = to


def mask(text: pa.Array, at: np.ndarray, starts: np.ndarray, ends: np.ndarray, mark: str) -> pa.Array:
    """The texts with `mark` for every span of bytes; spans that touch get one mark. A null text becomes empty."""
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    said = read_only(np.frombuffer(mark.encode(), np.uint8))
    out = np.empty(int(offsets[-1] - offsets[0]) + len(starts) * len(said), np.uint8)
    bounds = np.zeros(len(offsets), np.int64)
    _mask(data, offsets, starts, ends, at, said, out, bounds)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(out[: bounds[-1]])]
    made = pa.Array.from_buffers(pa.large_string(), len(text), buffers)
    return made.cast(text.type) if bounds[-1] < 2**31 else made


def warm(tokens: bool) -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    cover(np.zeros((2, SPAN), np.uint64))
    text, at, one = pa.array(["a b"]), np.arange(2), np.zeros(1, np.int64)
    zero = one.astype(np.uint64)
    places = to_bytes(text, Pieces(at, one, one + 1, zero, zero), tokens, False, True)
    mask(text, at, places[:, 0], places[:, 1], "-")
