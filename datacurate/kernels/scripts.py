"""The script that most letters of a text are written in, and the paragraphs of documents."""

from __future__ import annotations

from base64 import b85decode
from functools import cache
from zlib import decompress

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import borrowing, count_bits, first_bit, places
from datacurate.kernels.script_data import CODES, PACKED, RUNS
from datacurate.kernels.utf8 import decode

NAMES = [*CODES, "Jpan"]
"""ISO 15924 codes by number; the last is Japanese, which is written in three scripts."""
LATIN, HAN, HIRAGANA, KATAKANA = (CODES.index(code) for code in ("Latn", "Hani", "Hira", "Kana"))
JAPANESE = len(CODES)


@cache
def table() -> np.ndarray:
    """The number of each character's script."""
    raw = decompress(b85decode(PACKED))
    starts = np.frombuffer(raw[: 4 * RUNS], "<u4").astype(np.int64)
    of = np.frombuffer(raw[4 * RUNS :], np.uint8)
    return read_only(np.repeat(of, np.diff(starts, append=0x110000)))


@borrowing
def _count(data, start, end, of, counts, met):
    """Counts the letters of each script in `data[start:end]`, and lists in `met` the scripts that it has; how many.

    ASCII goes 64 bytes at a time, of the rest only bytes are looked at that begin a character: well-formed UTF-8 has
    no others inside one, and what is not well-formed has no script.
    """
    many = 0
    for i in range(start, end, 64):
        high = places(data, i, end, 0x80, 0xFF)
        letters = count_bits(places(data, i, end, 0x61, 0x7A) | places(data, i, end, 0x41, 0x5A))
        if letters:
            if not counts[LATIN]:
                met[many] = LATIN
                many += 1
            counts[LATIN] += letters
        begins = high & places(data, i, end, 0xC2, 0xF4)
        while begins:
            k = first_bit(begins)
            begins &= begins - np.uint64(1)
            point, _ = decode(data, i + k, end)
            script = of[point]
            if not counts[script]:
                met[many] = script
                many += 1
            counts[script] += 1
    return many


@njit(nogil=True, cache=True)
def _scripts(data, starts, ends, of, letters, best):
    counts, met = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for t in range(len(starts)):
        many = _count(data, starts[t], ends[t], of, counts, met)
        counts[0] = 0
        top = 0
        for k in range(many):
            script = met[k]
            letters[t] += counts[script]
            if counts[script] > counts[top] or (counts[script] == counts[top] and script < top):
                top = script
        kana = counts[HIRAGANA] + counts[KATAKANA]
        together = kana + counts[HAN]
        if kana * 10 >= together and together >= counts[top] and kana:
            best[t] = JAPANESE
        elif kana and together >= counts[top]:
            best[t] = HAN
        else:
            best[t] = top if counts[top] else 0
        for k in range(many):
            counts[met[k]] = 0


def scripts(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each span its letters (characters that belong to a script), and the number in NAMES of most of them.

    Kana and Chinese characters count together; they are Japanese if at least a tenth of them are kana.
    """
    letters, best = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int16)
    _scripts(data, starts, ends, table(), letters, best)
    return letters, best


@njit(nogil=True, cache=True)
def _heads(data, offsets, most, ends):
    for t in range(len(ends)):
        i, end = offsets[t], offsets[t + 1]
        left = most
        while left > 0 and i < end:
            i += decode(data, i, end)[1]
            left -= 1
        ends[t] = i


def heads(data: np.ndarray, offsets: np.ndarray, most: int) -> np.ndarray:
    """Where the first `most` characters of each document end."""
    ends = np.empty(len(offsets) - 1, np.int64)
    _heads(data, offsets, most, ends)
    return ends


@njit(nogil=True, cache=True)
def _next_line(data, i, end):
    """Where the line that begins at `i` ends."""
    while i < end:
        found = places(data, i, end, 0x0A, 0x0A)
        if found:
            k = 0
            while not (found >> np.uint64(k)) & np.uint64(1):
                k += 1
            return i + k
        i += min(64, end - i)
    return end


@njit(nogil=True, cache=True)
def _lines(data, offsets, tops, starts, ends, of):
    """Counts non-empty lines, and writes them where there is room."""
    count = 0
    for t in range(len(tops)):
        i = offsets[t]
        while i < tops[t]:
            to = _next_line(data, i, tops[t])
            if to > i:
                if len(starts):
                    starts[count], ends[count], of[count] = i, to, t
                count += 1
            i = to + 1
    return count


def lines(data: np.ndarray, offsets: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start and end of all lines with a byte in them, up to `ends` of each document, and each line's document."""
    none = np.empty(0, np.int64)
    count = _lines(data, offsets, ends, none, none, none)
    made = tuple(np.empty(count, np.int64) for _ in range(3))
    if count:
        _lines(data, offsets, ends, *made)
    return made
