"""Texts from the last word to the first.

Words are those of UAX 29 (`uax29.words`). What stands between two words is cut into runs of white space and runs of
other characters. A text is a sequence of these; its reversal has them in the opposite order, each as it is, so it has
the same bytes. Blocks of several words keep their inner order.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from datacurate.kernels import uax29
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import borrowing, hash_bytes, inlined, load64, mixed, pointer, store64
from datacurate.kernels.text import Words
from datacurate.kernels.utf8 import decode

if TYPE_CHECKING:
    import pyarrow as pa

LINKS = ("of", "the", "de", "del", "della", "der", "den", "des", "di", "da", "do", "dos", "du", "la", "le", "van",
         "von", "zu", "bin", "ibn", "al", "el", "y")  # fmt: skip
"""Small words within names."""
MOST_LINKS = 2
"""So many of them may follow each other (`of the`)."""
MOST_WORDS = 32
"""Words of a listed name that are compared."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_DOT, _SPACE, _HYPHEN, _QUOTE, _AND = 0x2E, 0x20, 0x2D, 0x27, 0x26


@cache
def capitals() -> np.ndarray:
    """bool[0x110000], read-only: capital and title-case letters."""
    return read_only(np.array([(c := chr(point)).isupper() or c.istitle() for point in range(0x110000)]))


@inlined
def _is_space(point):
    return (
        9 <= point <= 13
        or 0x1C <= point <= 0x20
        or point in (0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
        or 0x2000 <= point <= 0x200A
    )


@inlined
def _run_end(data, i, end):
    """Where the run of white space, or of anything else, that begins at `i` ends."""
    if i + 1 == end:
        return end
    point, width = decode(data, i, end)
    space = _is_space(point)
    i += width
    while i < end:
        point, width = decode(data, i, end)
        if _is_space(point) != space:
            return i
        i += width
    return i


@inlined
def _put(data, start, end, out, to):
    """Copies a stretch so that it ends at `to`, eight bytes at a time; returns where it begins."""
    to -= end - start
    at = to
    while start + 8 <= end:
        store64(out, at, load64(data, start))
        start += 8
        at += 8
    while start < end:
        out[at] = data[start]
        start += 1
        at += 1
    return to


@borrowing
def _reverse(text, offsets, chosen, starts, ends, counts, made):
    base = offsets[0]
    data, out = pointer(text), pointer(made)
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        if not chosen[doc]:
            _put(data, begin, end, out, end - base)
            continue
        to = end - base
        i = begin
        for k in range(counts[doc], counts[doc + 1] + 1):
            until = begin + starts[k] if k < counts[doc + 1] else end
            while i < until:
                run = _run_end(data, i, until)
                to = _put(data, i, run, out, to)
                i = run
            if k < counts[doc + 1]:
                i = begin + ends[k]
                to = _put(data, until, i, out, to)


def reverse(text: pa.Array | pa.ChunkedArray, chosen: np.ndarray, blocks: Words) -> pa.Array:
    """The texts, those that are `chosen` from the last block to the first. A null text stays null."""
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    given = (np.asarray(chosen, bool), blocks.starts, blocks.ends, np.asarray(blocks.offsets, np.int64))
    _reverse(data, offsets, *map(read_only, given), out)
    small = len(out) < 2**31 and not pa.types.is_large_string(text.type)
    bounds = (offsets - offsets[0]).astype(np.int32 if small else np.int64)
    valid = None if not text.null_count else pa.array(text.is_valid()).buffers()[1]
    kind = pa.string() if small else pa.large_string()
    return pa.Array.from_buffers(kind, len(text), [valid, pa.py_buffer(bounds), pa.py_buffer(out)])


@njit(nogil=True, cache=True)
def _links(data, start, end, links):
    return end - start <= 5 and np.any(links == hash_bytes(data, start, end - start))


@njit(nogil=True, cache=True)
def _joins(data, start, end, initial):
    """Whether a name may go on behind these bytes: a space, a hyphen, an apostrophe, ` & `; a dot behind an initial."""
    size = end - start
    if size == 1:
        return data[start] in (_SPACE, _HYPHEN, _QUOTE) or (initial and data[start] == _DOT)
    if size == 2:
        return initial and data[start] == _DOT and data[start + 1] == _SPACE
    return size == 3 and data[start] == _SPACE and data[start + 1] == _AND and data[start + 2] == _SPACE


@njit(nogil=True, cache=True)
def _names(data, offsets, words, ends, counts, capital, links, starts_out, ends_out, counts_out):
    made = 0
    for doc in range(len(offsets) - 1):
        counts_out[doc] = made
        begin = offsets[doc]
        k = counts[doc]
        while k < counts[doc + 1]:
            last = k
            if capital[decode(data, begin + words[k], begin + ends[k])[0]]:
                at, linked = k, 0
                while at + 1 < counts[doc + 1]:
                    here, after = begin + words[at], begin + ends[at]
                    initial = after - here == 1
                    following, close = begin + words[at + 1], begin + ends[at + 1]
                    if not _joins(data, after, following, initial):
                        break
                    at += 1
                    first = decode(data, following, close)[0]
                    if capital[first] or (0x30 <= first <= 0x39 and linked == 0):
                        last, linked = at, 0
                    elif linked < MOST_LINKS and _links(data, following, close, links):
                        linked += 1
                    else:
                        break
            starts_out[made], ends_out[made] = words[k], ends[last]
            made += 1
            k = last + 1
    counts_out[len(offsets) - 1] = made
    return made


def _same_size(found: Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty_like(found.starts), np.empty_like(found.ends), np.empty(len(found.offsets), np.int64)


def _cut(made: int, arrays: tuple[np.ndarray, ...]) -> Words:
    return Words(arrays[0][:made], arrays[1][:made], arrays[2])


def words(text: pa.Array | pa.ChunkedArray) -> Words:
    """Each word alone."""
    return uax29.words(*bytes_and_offsets(text))


def names(text: pa.Array | pa.ChunkedArray) -> Words:
    """Each word alone, but for names: runs of words of which each begins with a capital.

    They are joined by one space, a hyphen, an apostrophe, ` & `, or a dot behind an initial. Numbers may follow
    (`Apollo 11`), and up to two LINKS stand between.
    """
    data, offsets = bytes_and_offsets(text)
    found = words(text)
    links = np.array([_hash(link.encode()) for link in LINKS], np.uint64)
    arrays = _same_size(found)
    given = (found.starts, found.ends, np.asarray(found.offsets, np.int64), capitals(), links)
    return _cut(_names(data, offsets, *map(read_only, given), *arrays), arrays)


@njit(nogil=True, cache=True)
def _hash_all(data, starts, ends, out):
    for k in range(len(starts)):
        out[k] = hash_bytes(data, starts[k], ends[k] - starts[k])


def _hash(word: bytes) -> np.uint64:
    out = np.empty(1, np.uint64)
    data = read_only(np.frombuffer(word + b"\0" * 8, np.uint8))
    _hash_all(data, read_only(np.zeros(1, np.int64)), read_only(np.array([len(word)], np.int64)), out)
    return out[0]


@njit(nogil=True, cache=True)
def _segments(offsets, words, ends, counts, seeds, longest, starts_out, ends_out, counts_out):
    made = 0
    for doc in range(len(offsets) - 1):
        counts_out[doc] = made
        k = counts[doc]
        state = seeds[doc]
        while k < counts[doc + 1]:
            state += _GOLDEN
            last = min(k + np.int64(mixed(state) % np.uint64(longest)), counts[doc + 1] - 1)
            starts_out[made], ends_out[made] = words[k], ends[last]
            made += 1
            k = last + 1
    counts_out[len(offsets) - 1] = made
    return made


def segments(text: pa.Array | pa.ChunkedArray, longest: int, seeds: np.ndarray) -> Words:
    """Stretches of 1 to `longest` words, each length equally likely; `seeds` (uint64) draws those of each text."""
    _, offsets = bytes_and_offsets(text)
    found = words(text)
    arrays = _same_size(found)
    given = (offsets, found.starts, found.ends, np.asarray(found.offsets, np.int64), np.asarray(seeds, np.uint64))
    return _cut(_segments(*map(read_only, given), longest, *arrays), arrays)


@njit(nogil=True, cache=True)
def _matches(hashes, at, end, listed, start, stop):
    """Whether the words from `at` on are those of a listed name."""
    if at + stop - start > end:
        return False
    return np.all(hashes[at : at + stop - start] == listed[start:stop])


@njit(nogil=True, cache=True)
def _listed(counts, words, ends, hashes, bounds, names, listed, starts_out, ends_out, counts_out):
    """`names[bounds[doc]:bounds[doc + 1]]` are (first hash, begin, end in `listed`), by hash, the longest first."""
    made = 0
    for doc in range(len(counts) - 1):
        counts_out[doc] = made
        low, high = bounds[doc], bounds[doc + 1]
        k = counts[doc]
        while k < counts[doc + 1]:
            last = k
            n = low + np.searchsorted(names[low:high, 0], hashes[k])
            while n < high and names[n, 0] == hashes[k]:
                if _matches(hashes, k, counts[doc + 1], listed, np.int64(names[n, 1]), np.int64(names[n, 2])):
                    last = k + np.int64(names[n, 2] - names[n, 1]) - 1
                    break
                n += 1
            starts_out[made], ends_out[made] = words[k], ends[last]
            made += 1
            k = last + 1
    counts_out[len(counts) - 1] = made
    return made


def _word_hashes(text: pa.Array | pa.ChunkedArray, found: Words) -> np.ndarray:
    data, offsets = bytes_and_offsets(text)
    base = np.repeat(offsets[:-1], np.diff(found.offsets))
    out = np.empty(len(found.starts), np.uint64)
    places = (read_only((base + found.starts).astype(np.int64)), read_only((base + found.ends).astype(np.int64)))
    _hash_all(read_only(np.append(data, np.zeros(8, np.uint8))), *places, out)
    return out


def listed(text: pa.Array | pa.ChunkedArray, names: pa.Array, owners: np.ndarray) -> Words:
    """Each word alone, but for the `names` that are listed for its text, `owners[i]` being the text of name i.

    The longest name that begins at a word counts; it must be there word for word, whatever stands between them. Of a
    name count MOST_WORDS words.
    """
    found, parts = words(text), words(names)
    told = _word_hashes(names, parts)
    sizes = np.minimum(np.diff(parts.offsets), MOST_WORDS)
    some = np.flatnonzero(sizes)
    begin = parts.offsets[:-1][some]
    first = told[begin]
    order = np.lexsort((-sizes[some], first, owners[some]))
    columns = (first, begin.astype(np.uint64), (begin + sizes[some]).astype(np.uint64))
    table = np.stack(columns, axis=1)[order]
    bounds = np.searchsorted(owners[some][order], np.arange(len(text) + 1))
    arrays = _same_size(found)
    counts = np.asarray(found.offsets, np.int64)
    given = (counts, found.starts, found.ends, _word_hashes(text, found), bounds, table, told)
    return _cut(_listed(*map(read_only, given), *arrays), arrays)


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    text = pa.array(["Ann of Bern"])
    for blocks in (names(text), segments(text, 2, np.zeros(1, np.uint64)), listed(text, text, np.zeros(1, np.int64))):
        reverse(text, np.ones(1, bool), blocks)
