"""Words of a list in texts of which the case does not matter: how many places, in time linear in the text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.lower import cases, lower
from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.unicode import ALPHA, CLASS, DIGIT, HIRAGANA, IDEOGRAPH, KATAKANA, properties
from datacurate.kernels.utf8 import decode

if TYPE_CHECKING:
    import pyarrow as pa


class Words(NamedTuple):
    """A list as a tree of bytes: per node its byte, its first child, its next sibling, whether a word ends here.

    `likely` says of the first three bytes of a place, hashed, whether a word may begin with them.
    """

    byte: np.ndarray
    child: np.ndarray
    sibling: np.ndarray
    final: np.ndarray
    likely: np.ndarray
    apart: bool
    """Whether words count only where no letter, digit or underscore is next to them."""


@inlined
def _key(a, b, c):
    return (a << 8 ^ b << 4 ^ c) & 0xFFFF


def tree(words: Sequence[str], apart: bool) -> Words:
    """The tree of a list; an empty word is none."""
    nodes: list[list[int]] = [[0, -1, -1, 0]]
    likely = np.zeros(1 << 16, np.bool_)
    for word in sorted({word.encode() for word in words if word}):
        at = 0
        for byte in word:
            at = _child(nodes, at, byte)
        nodes[at][3] = 1
        seconds = [word[1]] if len(word) > 1 else range(256)
        thirds = [word[2]] if len(word) > 2 else range(256)
        likely[[(word[0] << 8 ^ b << 4 ^ c) & 0xFFFF for b in seconds for c in thirds]] = True
    columns = np.array(nodes, np.int32).T
    return Words(*(read_only(column) for column in columns), read_only(likely), apart)


def _child(nodes: list[list[int]], at: int, byte: int) -> int:
    """The child of a node for a byte, made if it is not there."""
    one = nodes[at][1]
    while one >= 0 and nodes[one][0] != byte:
        one = nodes[one][2]
    if one < 0:
        one = len(nodes)
        nodes.append([byte, -1, nodes[at][1], 0])
        nodes[at][1] = one
    return one


@cache
def word_characters() -> np.ndarray:
    r"""bool[0x110000], read-only: letters, digits and the underscore, as `\w` has them in Python's `re`."""
    table = properties()
    kinds = np.isin(table & CLASS, [DIGIT, IDEOGRAPH, HIRAGANA, KATAKANA])
    found = kinds | ((table & ALPHA) != 0)
    found[ord("_")] = True
    return read_only(found)


@borrowing
def _matches(text, i, end, byte, child, sibling, final, apart, characters):
    """Whether a word of the list stands at byte `i`."""
    node = child[0]
    found = False
    while node >= 0 and i < end and not found:
        while node >= 0 and byte[node] != text[i]:
            node = sibling[node]
        if node >= 0:
            i += 1
            if final[node]:
                found = not apart or i >= end or not characters[decode(text, i, end)[0]]
            node = child[node]
    return found


@borrowing
def _places(text, end, byte, child, sibling, final, likely, apart, characters):
    """Places of `text[:end]` at which a word of the list begins."""
    count = 0
    inside = False  # behind a letter, digit or underscore
    i = 0
    while i < end:
        c = np.int64(text[i])
        second = np.int64(text[min(i + 1, end - 1)])
        third = np.int64(text[min(i + 2, end - 1)])
        # behind the end any byte would do
        if not (apart and inside) and (i + 2 >= end or likely[_key(c, second, third)]):
            count += _matches(text, i, end, byte, child, sibling, final, apart, characters)
        if c < 0x80:
            inside = characters[c]
            i += 1
        else:
            point, width = decode(text, i, end)
            inside = characters[point]
            i += width
    return count


@njit(nogil=True, cache=True)
def _count(data, offsets, chosen, byte, child, sibling, final, likely, apart, characters, cases, small, out):
    pages, entries, flags = cases
    for doc in range(len(out)):
        if chosen[doc]:
            end = lower(data, offsets[doc], offsets[doc + 1], pages, entries, flags, small, 0)
            out[doc] = _places(small, end, byte, child, sibling, final, likely, apart, characters)


def count(text: pa.Array | pa.ChunkedArray, words: Words, chosen: np.ndarray) -> np.ndarray:
    """Places at which a word of the list begins, for the documents that `chosen` says; 0 for the others.

    More than none exactly where `re.search` finds one in the text in lower case. Words with capitals are never found.
    """
    data, offsets = bytes_and_offsets(text)
    longest = int(np.diff(offsets)[chosen].max(initial=0))
    # two bytes can become three in lower case; eight at a time are written
    small = np.empty(longest + longest // 2 + 8, np.uint8)
    out = np.zeros(len(offsets) - 1, np.int64)
    _count(data, offsets, read_only(chosen), *words, word_characters(), cases(), small, out)
    return out


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    count(pa.array(["A word. É"]), tree(["word"], True), np.ones(1, np.bool_))
