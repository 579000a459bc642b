"""What dolma's taggers `c4_v1` and `c4_v2` say of a document (dolma 1.2.1, python/dolma/taggers/c4.py).

Lines stand between newlines, empty ones too. One that does not end in `.`, `?`, `!` or `"` behind its white space, or
has fewer than three words of `str.split()`, is a span: from its first character to behind its newline. A curly
bracket, "lorem ipsum", "javascript" and words of a list are looked for in lower case: words of the list between white
space, entries with a space in them anywhere.

The two differ in two things. `c4_v1` wants "javascript" as a whole word. `c4_v2` counts characters of the text in lower
case, where the dotted capital I is two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.c4_lines import has_words, last_character, stripped
from datacurate.kernels.gopher_lines import newline
from datacurate.kernels.lower import cases, lower
from datacurate.kernels.memory import borrowing, first_bit, inlined, load64, places
from datacurate.kernels.unicode import CLASS, SPACE, properties
from datacurate.kernels.utf8 import count_characters, decode

if TYPE_CHECKING:
    import pyarrow as pa

SIGNALS = (
    "lines", "unpunctuated_lines", "unpunctuated_chars", "short_lines", "short_chars", "unpunctuated_dotted",
    "short_dotted", "curly_bracket", "lorem_ipsum", "javascript", "javascript_word", "bad_word",
)  # fmt: skip
"""Columns that the kernel fills, in this order. `..._dotted` counts dotted capital I: in lower case they are two."""

LINES, UNPUNCTUATED, UNPUNCTUATED_CHARS, SHORT, SHORT_CHARS, UNPUNCTUATED_DOTTED = range(6)
SHORT_DOTTED, BRACE, LOREM, JAVASCRIPT, JAVASCRIPT_WORD, BAD_WORD = range(6, 12)

_FEW_WORDS = 3
_LOREM_IPSUM = np.frombuffer(b"lorem ipsum", np.uint8)
_JAVASCRIPT = np.frombuffer(b"javascript", np.uint8)
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_BEGIN = np.uint64(0xFFFFFF)
"""Of eight bytes from a place on, those that tell whether a word may begin there: three."""
_AROUND = np.uint64(0xFFFF00FFFF)
"""Of eight bytes from two before a space on, those that tell whether it may be a phrase's first: two on either side."""
_BEFORE = 3
"""Spaces in front of a text in lower case, so that there are two bytes before any place."""
_BEHIND = 72
"""Bytes behind it: of those behind a place eight are read, of spaces 64 at a time."""


class Anchors(NamedTuple):
    """Strings to be found around places: `members[bounds[g] : bounds[g + 1]]` with `g = group[key]`.

    The string `k` is `data[starts[k] : starts[k + 1]]`, and begins `back[k]` bytes before its place.
    """

    group: np.ndarray
    bounds: np.ndarray
    members: np.ndarray
    data: np.ndarray
    starts: np.ndarray
    back: np.ndarray


class Listed(NamedTuple):
    """A list: `words` by their beginnings, `phrases` by their first spaces."""

    words: Anchors
    phrases: Anchors


@inlined
def _key(word, mask):
    """Of some of eight bytes, a number below 65,536."""
    return ((word & mask) * _MIXER) >> np.uint64(48)


def _anchors(strings: list[bytes], spaces: bool) -> Anchors:
    """Strings by the bytes around their first spaces, or else by their first three."""
    back = [string.index(b" ") if spaces else 0 for string in strings]
    each = [_keys(string, at, spaces) for string, at in zip(strings, back, strict=True)]
    keys = np.concatenate([np.zeros(0, np.int64), *each])
    numbers = np.repeat(np.arange(len(strings)), [len(some) for some in each])
    order = np.argsort(keys, kind="stable")
    known, first = np.unique(keys[order], return_index=True)
    group = np.zeros(1 << 16, np.int32)
    group[known] = np.arange(1, len(known) + 1)
    bounds = np.concatenate([[0], first, [len(keys)]])
    flat = numbers[order]
    starts = np.cumsum([0, *map(len, strings)])
    data = np.frombuffer(b"".join(strings) + b" ", np.uint8)
    return Anchors(*(read_only(array) for array in (group, bounds, flat, data, starts, np.array(back, np.int64))))


def _keys(string: bytes, at: int, spaces: bool) -> np.ndarray:
    """All keys of a string: bytes that are not its own may be any."""
    wanted = (at - 2, at - 1, at + 1, at + 2) if spaces else (0, 1, 2)
    shifts = (0, 8, 24, 32) if spaces else (0, 8, 16)
    words = np.zeros(1, np.uint64)
    for k, shift in zip(wanted, shifts, strict=True):
        own = [string[k]] if 0 <= k < len(string) else range(256)
        words = (words[:, None] | (np.array(own, np.uint64) << np.uint64(shift))).ravel()
    return np.unique((words * _MIXER) >> np.uint64(48)).astype(np.int64)


def listed(entries: Sequence[str]) -> Listed:
    """A list as the kernel reads it. White space around an entry and empty entries do not count."""
    clean = sorted({entry.strip() for entry in entries} - {""})
    words = [entry.encode() for entry in clean if " " not in entry]
    phrases = [entry.encode() for entry in clean if " " in entry]
    return Listed(_anchors(words, False), _anchors(phrases, True))


@inlined
def _is(text, i, end, string, start, stop):
    """Whether `string[start:stop]` stands at `text[i:end]`."""
    if i < 0 or i + stop - start > end:
        return False
    k = start
    while k < stop and text[i + k - start] == string[k]:
        k += 1
    return k == stop


@borrowing
def _word_at(text, i, end, group, members, bounds, data, starts, table):
    """Whether a word of the group begins at `i` and ends in front of white space."""
    for at in range(bounds[group], bounds[group + 1]):
        word = members[at]
        start, stop = starts[word], starts[word + 1]
        if _is(text, i, end, data, start, stop):
            after = i + stop - start
            if after == end or table[decode(text, after, end)[0]] & CLASS == SPACE:
                return True
    return False


@borrowing
def _phrase_around(text, i, end, group, members, bounds, data, starts, back):
    """Whether a phrase of the group has its first space at `i`."""
    for at in range(bounds[group], bounds[group + 1]):
        phrase = members[at]
        if _is(text, i - back[phrase], end, data, starts[phrase], starts[phrase + 1]):
            return True
    return False


@inlined
def _perhaps_space(text, i, end):
    """Which of the next 64 bytes may begin white space: controls, spaces, and what its other forms begin with."""
    found = places(text, i, end, 0x00, 0x20) | places(text, i, end, 0xE1, 0xE3)
    return found | places(text, i, end, 0xC2, 0xC2)


@borrowing
def _has_bad_word(text, end, words, phrases, table):
    """Whether a text in lower case has a word or phrase of the list; `_BEFORE` spaces come first."""
    groups, bounds, members, data, starts, _ = words
    p_groups, p_bounds, p_members, p_data, p_starts, back = phrases
    block = _BEFORE - 1
    while block < end:
        near = _perhaps_space(text, block, end)
        while near:
            i = block + first_bit(near)
            near &= near - np.uint64(1)
            after = i + 1
            if text[i] != 0x20:
                point, width = decode(text, i, end)
                if table[point] & CLASS != SPACE:
                    continue
                after = i + width
            group = groups[_key(load64(text, after), _BEGIN)]
            if group and _word_at(text, after, end, group, members, bounds, data, starts, table):
                return True
            if text[i] == 0x20:
                group = p_groups[_key(load64(text, i - 2), _AROUND)]
                if group and _phrase_around(text, i, end, group, p_members, p_bounds, p_data, p_starts, back):
                    return True
        block += 64
    return False


@borrowing
def _hints(text):
    """Whether a text may have "lorem ipsum" or "javascript"; whether it has a curly bracket, is ASCII: vector code."""
    javascript, lorem, brace, high = np.uint8(255), np.uint8(255), np.uint8(255), np.uint8(0)
    for i in range(len(text) - 2):
        a, b, c = text[i], text[i + 1] | 0x20, text[i + 2] | 0x20
        javascript = min(javascript, np.uint8((a | 0x20) ^ 0x76 | (b ^ 0x61) | (c ^ 0x73)))
        lorem = min(lorem, np.uint8((a | 0x20) ^ 0x6D | (b ^ 0x20) | (c ^ 0x69)))
        brace = min(brace, np.uint8(a ^ 0x7B))
        high |= a
    for i in range(max(len(text) - 2, 0), len(text)):
        brace = min(brace, np.uint8(text[i] ^ 0x7B))
        high |= text[i]
    return lorem == 0, javascript == 0, brace == 0, high < 0x80


@inlined
def _stands(text, i, end, phrase):
    """Whether a phrase of ASCII stands at `i` in any case.

    Beyond ASCII the Kelvin sign alone becomes a letter of ASCII, and phrases here have no k.
    """
    if i + len(phrase) > end:
        return False
    k = 0
    while k < len(phrase) and (text[i + k] == phrase[k] or (phrase[k] > 0x60 and text[i + k] | 0x20 == phrase[k])):
        k += 1
    return k == len(phrase)


@borrowing
def _find(text, i, phrase):
    """The first place from `i` on where a phrase stands; the end if there is none."""
    while i < len(text) and not _stands(text, i, len(text), phrase):
        i += 1
    return i


@borrowing
def _has_whole_word(text, i, word, table):
    """Whether a word that stands at `i` stands anywhere from there on between white space."""
    end = len(text)
    while i < end:
        after = i + len(word)
        begins = i == 0 or table[last_character(text, 0, i)[0]] & CLASS == SPACE
        if begins and (after == end or table[decode(text, after, end)[0]] & CLASS == SPACE):
            return True
        i = _find(text, after, word)
    return False


@borrowing
def _dotted(text, i, end):
    """Dotted capital I (U+0130) in `text[i:end]`."""
    count = 0
    for k in range(i, end - 1):
        count += (text[k] == 0xC4) & (text[k + 1] == 0xB0)
    return count


@borrowing
def _measure_lines(text, ascii, table, out):
    """Counts the lines of one document, and those that are spans with their characters."""
    end = len(text)
    at = 0
    while at <= end:
        stop = newline(text, at, end)
        low, high = stripped(text, at, stop, table)
        last = text[high - 1] if low < high else np.uint8(0)
        loose = not (last == 0x2E or last == 0x3F or last == 0x21 or last == 0x22)
        short = not has_words(text, low, high, table, _FEW_WORDS)
        if loose or short:
            characters, dotted = stop - at + (stop < end), 0
            if not ascii:
                characters = count_characters(text, at, stop) + (stop < end)
                dotted = _dotted(text, at, stop)
            out[UNPUNCTUATED] += loose
            out[UNPUNCTUATED_CHARS] += loose * characters
            out[UNPUNCTUATED_DOTTED] += loose * dotted
            out[SHORT] += short
            out[SHORT_CHARS] += short * characters
            out[SHORT_DOTTED] += short * dotted
        out[LINES] += 1
        at = stop + 1


@borrowing
def _lower_ascii(text, out, to):
    """`lower` of a text that is ASCII: vector code."""
    for i in range(len(text)):
        out[to + i] = text[i] + np.uint8(0x20) * (np.uint8(text[i] - 0x41) < 26)
    return to + len(text)


@njit(nogil=True, cache=True)
def _measure(data, offsets, table, cases, words, phrases, small, out):
    pages, entries, flags = cases
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        text = data[begin:end]
        lorem, javascript, brace, ascii = _hints(text)
        _measure_lines(text, ascii, table, out[doc])
        out[doc, BRACE] = brace
        if lorem:
            out[doc, LOREM] = _find(text, 0, _LOREM_IPSUM) < len(text)
        if javascript:
            first = _find(text, 0, _JAVASCRIPT)
            out[doc, JAVASCRIPT] = first < len(text)
            out[doc, JAVASCRIPT_WORD] = _has_whole_word(text, first, _JAVASCRIPT, table)
        if ascii:
            to = _lower_ascii(text, small, _BEFORE)
        else:
            to = lower(data, begin, end, pages, entries, flags, small, _BEFORE)
        small[to : to + 8] = 0x20
        out[doc, BAD_WORD] = _has_bad_word(small, to, words, phrases, table)


def measure(text: pa.Array | pa.ChunkedArray, words: Listed) -> dict[str, np.ndarray]:
    """All of `SIGNALS` of every document: counts, and 0 or 1."""
    data, offsets = bytes_and_offsets(text)
    longest = int(np.diff(offsets).max(initial=0))
    small = np.full(longest + longest // 2 + _BEFORE + _BEHIND, 0x20, np.uint8)  # two bytes can become three
    out = np.zeros((len(offsets) - 1, len(SIGNALS)), np.int64)
    _measure(data, offsets, properties(), cases(), *words, small, out)
    return {name: out[:, at] for at, name in enumerate(SIGNALS)}


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    measure(pa.array(["A line.\nLorem ipsum javascript {\u0130}"]), listed(["bad", "very bad"]))
