"""The forms in which lines and other parts of documents are compared: without case, digits, marks, accents or spaces.

Every character becomes one character, a gap between words, or nothing. So the dotted capital I becomes a plain i, and
sigma is the same letter at the end of a word: the two of Python's rules of lower case that go beyond one character.
"""

from __future__ import annotations

from functools import cache
from unicodedata import category

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.c4_lines import digits
from datacurate.kernels.folding import CHANGED, LAST, SPACE, folding
from datacurate.kernels.memory import inlined, pointer
from datacurate.kernels.sentences import PUNCTUATION_RANGES
from datacurate.kernels.unicode import CLASS, EXTEND, code_points, properties
from datacurate.kernels.utf8 import decode, encode

FORMS = ("none", "lower", "ccnet", "letters", "datatrove")
_NOTHING, _GAP = -1, -2
_SIGMA, _FINAL_SIGMA = 0x3C3, 0x3C2
_SPACE = 1 << 30
"""Added where a character is white space: at the ends of a part it does not count."""
_NUMBER = 1 << 29
"""Added to the zero that stands for a whole number, not for one digit."""

CCNET_MARKS = """
ab b4 bb 2013-2014 2019 201c-201e 2026 2236 2501 25ba 3001-3002 3008-300d 3010-3011 ff01 ff05 ff08-ff09 ff0c ff0e ff11
ff1a-ff1b ff1f ff5e
"""
"""What CCNet removes beside control characters (cc_net/text_normalizer.py, UNICODE_PUNCT); ASCII's marks stay."""
DATATROVE_MARKS = """
21-2f 3a-40 5b-60 7b-7e ab b4 bb 2013-2014 2019 201c-201e 2026 2236 2501 25ba 3001-3002 3008-300d 3010-3011 ff01 ff05
ff08-ff09 ff0c ff0e ff11 ff1a-ff1b ff1f ff5e
"""
"""What datatrove 0.10 turns into spaces beside control characters (utils/text.py, PUNCTUATION)."""
_POINTS = "2c 2e 60c 66b 2396-2398"
"""One of these between digits belongs to the number (utils/text.py, NUMBERS_PATTERN)."""
_POINT_CODES = read_only(np.array(code_points(_POINTS), np.int64))
_CONTROLS = (*range(32), *range(127, 160))


def accents() -> np.ndarray:
    """bool[0x110000]: accents and vowel points, by canonical combining class: those of Hebrew and Arabic (10 to 36) and
    those attached above and below (from 200 on). Signs of Thai, Telugu and Tibetan, viramas and the marks of kana are
    letters to their readers and stay."""
    order = folding().order
    return ((order >= 10) & (order <= 36)) | (order >= 200)


@cache
def table(form: str) -> np.ndarray:
    """int32[0x110000], read-only: what every character becomes; _SPACE is added where it is white space."""
    made = np.arange(LAST, dtype=np.int32)
    if form != "none":
        for point in np.flatnonzero(folding().flags & CHANGED).tolist():
            made[point] = ord(chr(point).lower()[0])
        made[_FINAL_SIGMA] = _SIGMA
    if form == "ccnet":
        made[code_points(CCNET_MARKS)] = _NOTHING
    if form == "letters":
        _without_accents(made, accents())
        made[code_points(PUNCTUATION_RANGES)] = _NOTHING
    if form in ("ccnet", "letters"):
        made[list(_CONTROLS)] = _NOTHING
        made[digits()] = ord("0")  # last: CCNet lists a digit among the marks, after it has turned digits into zeros
    spaces = (folding().flags & SPACE) > 0
    if form == "datatrove":
        marks = [point for point in np.flatnonzero((properties() & CLASS) == EXTEND) if category(chr(point)) == "Mn"]
        _without_accents(made, np.isin(np.arange(LAST), marks))
        made[code_points(DATATROVE_MARKS)] = _GAP
        made[[point for point in _CONTROLS if point not in (9, 10)]] = _GAP
        made[digits()] = ord("0") + _NUMBER
    if form in ("letters", "datatrove"):
        made[spaces] = _GAP
    made[spaces] += _SPACE
    return read_only(made)


def _without_accents(made: np.ndarray, gone: np.ndarray) -> None:
    """Letters without their accents, in place: a letter that decomposes into another one and accents is that one."""
    known = folding()
    for point in np.flatnonzero(known.flags & CHANGED):
        parts = known.pool[known.at[known.slot[point]] : known.at[known.slot[point] + 1]]
        left = parts[~gone[parts]]
        if len(left) == 1:
            made[point] = left[0]
    made[gone] = _NOTHING
    made[_FINAL_SIGMA] = _SIGMA


@njit(nogil=True, cache=True)
def _digits_end(data, i, end, table):
    """Where the digits end that begin at `i`."""
    while i < end:
        point, width = decode(data, i, end)
        if not _NUMBER <= table[point] < _SPACE - 2:
            break
        i += width
    return i


@njit(nogil=True, cache=True)
def _number_end(data, i, end, table, points):
    """Where the number ends whose first digit ends at `i`: digits, and once a point with digits behind it."""
    i = _digits_end(data, i, end, table)
    if i < end:
        point, width = decode(data, i, end)
        for k in range(len(points)):
            if points[k] == point:
                behind = _digits_end(data, i + width, end, table)
                return behind if behind > i + width else i
    return i


@inlined
def _form(data, start, end, table, points, out, to):
    """Writes the form of `data[start:end]`, without white space at its ends; returns where it ends."""
    first = to
    last = to  # behind the last character that is not white space, kept or not
    begun = gap = False
    i = start
    while i < end:
        point, width = np.int64(data[i]), 1
        if point >= 0x80:
            point, width = decode(data, i, end)
        i += width
        becomes = np.int64(table[point])
        if becomes >= _SPACE - 2:
            if not begun:
                continue
            becomes -= _SPACE
            if becomes == _GAP:
                gap = True
            elif becomes != _NOTHING:
                to = encode(becomes, out, to)
            continue
        begun = True
        if becomes == _GAP:
            gap = True
            continue
        if becomes >= _NUMBER:
            becomes -= _NUMBER
            i = _number_end(data, i, end, table, points)
        if becomes != _NOTHING:
            if gap and to > first:
                to = encode(0x20, out, to)
            gap = False
            to = encode(becomes, out, to)
        last = to
    return last


@njit(nogil=True, cache=True)
def _forms(data, starts, ends, table, points, out, firsts, lasts):
    text, becomes, written = pointer(data), pointer(table), pointer(out)
    to = 0
    for part in range(len(starts)):
        firsts[part] = to
        to = _form(text, starts[part], ends[part], becomes, points, written, to)
        lasts[part] = to
        written[to] = 0x20
        to += 1
    return to


def forms(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, form: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(data, starts, ends)` of the parts `data[starts[i]:ends[i]]` in the form in which they are compared.

    The form `none` is the bytes as they are. In all others a byte that is not valid UTF-8 is U+FFFD, and one space
    stands between neighbours.
    """
    if form == "none":
        return data, starts, ends
    size = int((ends - starts).sum())
    # a byte that is not valid becomes three; the lower case of a letter of two bytes may have three
    out = np.empty(3 * size + len(starts), np.uint8)
    firsts, lasts = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    _forms(read_only(data), read_only(starts), read_only(ends), table(form), _POINT_CODES, out, firsts, lasts)
    return out, firsts, lasts


@njit(nogil=True, cache=True)
def _measure(data, starts, ends, table, characters, words):
    text, becomes = pointer(data), pointer(table)
    for part in range(len(starts)):
        i, end = starts[part], ends[part]
        count = found = 0
        inside = False
        while i < end:
            point, width = np.int64(text[i]), 1
            if point >= 0x80:
                point, width = decode(text, i, end)
            i += width
            space = becomes[point] >= _SPACE
            found += not space and not inside
            inside = not space
            count += 1
        characters[part] = count
        words[part] = found


def measure(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Characters, and words between white space, of every part."""
    characters, words = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    _measure(read_only(data), read_only(starts), read_only(ends), table("none"), characters, words)
    return characters, words
