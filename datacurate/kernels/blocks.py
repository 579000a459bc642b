"""The blocks of a page: runs of text between the tags that end lines, each with its place in the tree and what it
looks like.

One pass over the events of `kernels.html`. A block belongs to the innermost container around it (a node); nodes are
numbered in document order, so that a parent comes before its children. Elements nested deeper than `MAX_DEPTH` belong
to the last node above; browsers stop at 512, and no page among 3,866 reaches 100.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.html import TEXT
from datacurate.kernels.html_attributes import attribute
from datacurate.kernels.html_tags import BLOCK, KIND, TAG
from datacurate.kernels.html_words import (
    CHROME_FOUND,
    CHROME_NEXT,
    CLASS_BIT,
    OTHER,
    SYMBOL,
    SYMBOLS,
    TEXT_FOUND,
    TEXT_NEXT,
)
from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.utf8 import decode

MAX_DEPTH = 200
COLUMNS = (
    "node", "first", "last", "size", "words", "letters", "linked", "links", "digits", "capitals", "commas", "stops",
    "cjk", "begins", "ends", "cues", "classes", "breaks", "buttons", "images", "hash", "codes",
)  # fmt: skip
"""What is known of a block: its node; the events `first` up to `last`; characters other than white space, where one of
Chinese or Japanese counts as 2.5 (`size`), and how many of them are links, digits, capitals and so on; first and last
code point; groups of words in its text (`cues`) and in the classes of inline elements (`classes`)."""
(NODE, FIRST, LAST, SIZE, WORDS, LETTERS, LINKED, LINKS, DIGITS, CAPITALS, COMMAS, STOPS, CJK, BEGINS, ENDS,
 CUES, CLASSES, BREAKS, BUTTONS, IMAGES, HASH, CODES) = range(len(COLUMNS))  # fmt: skip
_WIDTH = len(COLUMNS)
CUE_BYTES = 160
"""Bytes of a block in which words are looked for."""

_A, _BR, _HR, _IMG, _MATH, _BUTTON, _CODE, _TITLE, _LABEL = (
    TAG[name] for name in ("a", "br", "hr", "img", "math", "button", "code", "title", "label")
)
_CLASS = np.frombuffer(b"class", np.uint8)
_MAYBE_CHROME = np.uint32(CLASS_BIT["popup"] | CLASS_BIT["sign"] | CLASS_BIT["nav"])
"""Every class with a word of `CHROME_WORDS` has one of these."""


class Blocks(NamedTuple):
    """The blocks of one page, and its nodes."""

    rows: np.ndarray
    """int64[block, column of COLUMNS]"""
    parents: np.ndarray
    """The parent of each node; the root is its own."""
    codes: np.ndarray
    """The tag of each node; 0 for the root."""
    words: np.ndarray
    """Groups of words in the attributes of each node."""
    depths: np.ndarray
    chrome: np.ndarray
    """Groups of `CHROME_WORDS` in the class of each node."""


@inlined
def _is_space(c):
    return c == 0x20 or 0x09 <= c <= 0x0D


@borrowing
def _count(data, i, end, row, at, state, inside, linked):
    """Adds a run of text to a block; `state` and `inside` (a word) continue from run to run and are returned."""
    size = words = digits = capitals = commas = stops = cjk = 0
    cues = np.uint32(0)
    last = row[at, ENDS]
    cue_end = min(end, i + max(CUE_BYTES - row[at, LETTERS], 0))
    h = np.uint64(row[at, HASH])
    while i < end:
        c = data[i]
        width = 1
        if i < cue_end and not (_is_space(c) and not inside):
            state = np.int64(TEXT_NEXT[state * SYMBOLS + SYMBOL[c]])
            cues |= TEXT_FOUND[state]
        if _is_space(c):
            inside = False
            i += 1
            continue
        if c < 0x80:
            point = np.int64(c)
            if c == 0x26 and i + 6 <= end and data[i + 1] == 0x6E and data[i + 4] == 0x70 and data[i + 5] == 0x3B:
                inside = False  # &nbsp;
                i += 6
                continue
            if c == 0x26:
                while i + width < end and data[i + width] != 0x3B and width < 5:
                    width += 1
                if i + width < end and data[i + width] == 0x3B:
                    width += 1
                else:
                    width = 1
            elif 0x41 <= c <= 0x5A:
                capitals += 1
            elif 0x30 <= c <= 0x39:
                digits += 1
            elif c == 0x2C or c == 0x3B:
                commas += 1
            elif c == 0x2E or c == 0x21 or c == 0x3F:
                stops += i + width >= end or _is_space(data[i + 1]) or data[i + 1] == 0x22
        else:
            point, width = decode(data, i, end)
            if 0x3040 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or point >= 0x20000:
                cjk += 1
            elif (
                point == 0x3002
                or point == 0xFF01
                or point == 0xFF1F
                or point == 0x0964
                or point == 0x061F
                or point == 0x2026
                or point == 0x06D4
            ):
                stops += 1
            elif point == 0x3001 or point == 0xFF0C or point == 0x060C:
                commas += 1
            elif point == 0xA0 or 0x2000 <= point <= 0x200B or point == 0x3000:
                inside = False
                i += width
                continue
        if not inside:
            words += 1
            inside = True
        if row[at, BEGINS] == 0:
            row[at, BEGINS] = point
        h = (h ^ np.uint64(point)) * np.uint64(0x9E3779B97F4A7C15)
        size += 1
        last = point
        i += width
    row[at, ENDS] = last
    row[at, HASH] = np.int64(h ^ (h >> np.uint64(29)))
    row[at, SIZE] += size + cjk + cjk // 2
    row[at, LETTERS] += size
    row[at, WORDS] += words + cjk // 2
    row[at, DIGITS] += digits
    row[at, CAPITALS] += capitals
    row[at, COMMAS] += commas
    row[at, STOPS] += stops
    row[at, CJK] += cjk
    row[at, CUES] |= np.int64(cues)
    if linked:
        row[at, LINKED] += size + cjk + cjk // 2
    return state, inside


@borrowing
def chrome_words(data, i, end):
    """The groups of `CHROME_WORDS` in the class among the attributes of a tag, as bits."""
    i, end = attribute(data, i, end, _CLASS)
    state = np.int64(CHROME_NEXT[OTHER])
    found = np.uint32(0)
    small = False
    while i < end:
        c = data[i]
        if small and 0x41 <= c <= 0x5A:
            state = np.int64(CHROME_NEXT[state * SYMBOLS + OTHER])
            found |= CHROME_FOUND[state]
        small = 0x61 <= c <= 0x7A
        state = np.int64(CHROME_NEXT[state * SYMBOLS + SYMBOL[c]])
        found |= CHROME_FOUND[state]
        i += 1
    return found | CHROME_FOUND[np.int64(CHROME_NEXT[state * SYMBOLS + OTHER])]


@njit(nogil=True, cache=True)
def _blocks(data, kinds, starts, ends, groups, rows, parents, codes, words, depths, chrome, stack):
    """Fills the tables; returns how many blocks and nodes there are, and the event of the page's title or -1."""
    nodes = 1
    parents[0] = codes[0] = words[0] = depths[0] = chrome[0] = 0
    stack[0] = 0
    depth = 0
    b = 0
    rows[0, :] = 0
    inside = False
    start = np.int64(TEXT_NEXT[OTHER])
    state = start
    links = beyond = buttons = broken = 0
    title = -1
    for e in range(len(kinds)):
        kind = np.int64(kinds[e])
        if kind == TEXT:
            before = rows[b, SIZE]
            state, inside = _count(data, np.int64(starts[e]), np.int64(ends[e]), rows, b, state, inside, links > 0)
            if rows[b, SIZE] > before:
                broken = 0
                if buttons:
                    rows[b, BUTTONS] += rows[b, SIZE] - before
            continue
        code = abs(kind)
        flush = KIND[code] & BLOCK or code == _HR
        if code == _BR:
            broken += 1
            inside = False
            state = np.int64(TEXT_NEXT[state * SYMBOLS + OTHER])
            rows[b, BREAKS] += 1
            flush = broken >= 2
        elif code == _A:
            if kind > 0:
                links += 1
                rows[b, LINKS] += 1
                rows[b, CLASSES] |= np.int64(groups[e])
            elif links:
                links -= 1
        elif code == _MATH:
            rows[b, SIZE] += 4
            rows[b, LETTERS] += 4
        elif code == _TITLE:
            if title < 0:
                title = e
        elif kind > 0 and not KIND[code] & BLOCK:
            rows[b, CLASSES] |= np.int64(groups[e])
            if code == _IMG:
                rows[b, IMAGES] += 1
            elif code in (_BUTTON, _LABEL):
                buttons += 1
            elif code == _CODE:
                rows[b, CODES] += 1
        elif (code in (_BUTTON, _LABEL)) and buttons:
            buttons -= 1
        if not flush:
            continue
        if rows[b, SIZE] > 0:
            rows[b, CUES] |= np.int64(TEXT_FOUND[np.int64(TEXT_NEXT[state * SYMBOLS + OTHER])])
            rows[b, NODE] = stack[depth]
            rows[b, LAST] = e
            b += 1
        rows[b, :] = 0
        rows[b, FIRST] = e + 1
        state = start
        inside = False
        broken = 0
        if not KIND[code] & BLOCK:
            continue
        if kind > 0:
            if depth + 1 >= MAX_DEPTH:
                beyond += 1
                continue
            parents[nodes] = stack[depth]
            codes[nodes] = code
            words[nodes] = groups[e]
            chrome[nodes] = chrome_words(data, starts[e], ends[e]) if groups[e] & _MAYBE_CHROME else 0
            depth += 1
            depths[nodes] = depth
            stack[depth] = nodes
            nodes += 1
        elif beyond:
            beyond -= 1
        elif depth and codes[stack[depth]] == code:
            depth -= 1
        else:  # only where markup is broken: up to the element that this ends
            for up in range(depth - 1, 0, -1):
                if codes[stack[up]] == code:
                    depth = up - 1
                    break
    if rows[b, SIZE] > 0:
        rows[b, NODE] = stack[depth]
        rows[b, LAST] = len(kinds)
        b += 1
    return b, nodes, title


def blocks_of(data: np.ndarray, events: tuple[np.ndarray, ...]) -> tuple[Blocks, int]:
    """The blocks of a page given by its bytes and events, and the event of its title (-1: none)."""
    kinds, starts, ends, groups = events
    # each block has a text or a formula, and each node but the root is a container: on pages of millions of blocks
    # room for an event each would be gigabytes
    filled = np.count_nonzero((kinds == TEXT) | (kinds == _MATH))
    rows = np.empty((filled + 2, _WIDTH), np.int64)
    most = np.count_nonzero(KIND[np.maximum(kinds, 0)] & BLOCK) + 2
    parents, codes, depths = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    words, chrome, stack = np.empty(most, np.uint32), np.empty(most, np.uint8), np.empty(MAX_DEPTH + 1, np.int32)
    blocks, nodes, title = _blocks(
        data, kinds, starts, ends, groups, rows, parents, codes, words, depths, chrome, stack
    )
    made = (parents[:nodes], codes[:nodes], words[:nodes], depths[:nodes], chrome[:nodes])
    return Blocks(rows[:blocks], *made), title
