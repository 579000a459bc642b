"""Finds the lines and documents that `normalize` may have to mend; clean ASCII passes 64 bytes at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.memory import inlined, places64, pointer
from datacurate.kernels.repair_tables import COMPOSES, LIGATURE, WIDE
from datacurate.kernels.utf8 import decode

MOJIBAKE, ENTITY, NFC, LIGATURES, WIDTH = (1 << k for k in range(5))
"""What a line may need."""
EDIT, TAGS = 1, 2
"""What a document has: characters or spaces to be edited; markup, whose entities are left alone."""
BEYOND, ALONE = 0xFFFF, 0x10000
"""Places in the tables of pairs: of all characters beyond the first plane, and of what is mojibake by itself."""
ENTITY_LONGEST = 26
"""Bytes of the longest entity that is looked for, without the ampersand (ftfy looks for 24 letters)."""


@inlined
def _is_word(c):
    return 0x30 <= c <= 0x39 or 0x41 <= (c & 0xDF) <= 0x5A


@njit(nogil=True, cache=True)
def _is_entity(data, i, end):
    """Whether an ampersand at `i` begins what may be an entity."""
    i += 1
    last = min(i + ENTITY_LONGEST, end)
    if i < last and data[i] == 0x23:
        i += 1
    first = i
    while i < last and _is_word(data[i]):
        i += 1
    return i > first and i < last and data[i] == 0x3B


@inlined
def _is_plain(data, i, blank):
    """Whether 64 bytes hold nothing to be looked at one by one: no byte beyond ASCII, control character, ampersand,
    angle bracket, or two of spaces, tabs and line feeds in a row; `blank` says that one stands in front."""
    if places64(data, i, 0x7F, 0xFF) | places64(data, i, 0, 8) | places64(data, i, 0x0B, 0x1F):
        return False
    if places64(data, i, 0x26, 0x26) | places64(data, i, 0x3C, 0x3C):
        return False
    blanks = places64(data, i, 0x20, 0x20) | places64(data, i, 0x09, 0x0A)
    return not blanks & ((blanks << np.uint64(1)) | np.uint64(blank))


@inlined
def _adjacent(before, c, firsts, seconds):
    """Whether two characters, or the second alone, may be mojibake."""
    now = min(c, BEYOND)
    return (before & seconds[now]) | (firsts[now] & firsts[ALONE]) != 0


@inlined
def _need_of(c, kind, rank, now):
    """What a character calls for: its kind, or combining classes out of order."""
    need = NFC if (kind & COMPOSES) or (now and rank > now) else 0
    if kind & LIGATURE:
        need |= LIGATURES
    return need | WIDTH if kind & WIDE else need


@inlined
def _is_tag(data, i, end):
    """Whether an angle bracket at `i` begins a tag, a comment or the like."""
    if i + 1 >= end:
        return False
    c = data[i + 1]
    return c == 0x21 or c == 0x2F or 0x41 <= (c & 0xDF) <= 0x5A


@inlined
def _note(lines, begin, end, need, starts, ends, needs):
    """Writes down a line that needs something, if there is room; how many there are then, written or not."""
    if need and lines < len(starts):
        starts[lines], ends[lines], needs[lines] = begin, end, need
    return lines + (need != 0)


@njit(nogil=True, cache=True)
def _scan(data, offsets, asked, tables, flags, starts, ends, needs):
    """Flags of documents, and lines that may need a library's mending; returns how many of these there are."""
    wanted, edits, trailing, runs, most = asked
    kinds, classes, firsts, seconds = tables
    of, order, one, two = pointer(kinds), pointer(classes), pointer(firsts), pointer(seconds)
    lines = 0
    for t in range(len(offsets) - 1):
        i, end = offsets[t], offsets[t + 1]
        begin, need, flag = i, 0, 0
        before, space, breaks, inside, rank = np.uint64(0), False, 0, False, 0
        while i < end:
            if i + 64 <= end and _is_plain(data, i, space or breaks > 0):
                if before & two[data[i]]:
                    need |= MOJIBAKE
                if places64(data, i, 0x0A, 0x0A):
                    first, final = i, i + 63
                    while data[first] != 0x0A:
                        first += 1
                    while data[final] != 0x0A:
                        final -= 1
                    lines = _note(lines, begin, first, need & wanted, starts, ends, needs)
                    begin, need = final + 1, 0
                i += 64
                last = data[i - 1]
                before, rank, inside = one[last], 0, last != 0x0A
                space, breaks = last == 0x20 or last == 0x09, np.int64(last == 0x0A)
                continue
            stop = min(i + 64, end)
            while i < stop:
                c, width = np.int64(data[i]), 1
                if c == 0x0A:
                    breaks += 1
                    if (space and trailing) or breaks > most:
                        flag |= EDIT
                    lines = _note(lines, begin, i, need & wanted, starts, ends, needs)
                    begin, need, before, space, inside, rank = i + 1, 0, np.uint64(0), False, False, 0
                    i += 1
                    continue
                breaks = 0
                if c >= 0x80:
                    c, width = decode(data, i, end)
                if c == 0x20 or c == 0x09:
                    if space and inside and runs:
                        flag |= EDIT
                    space = True
                else:
                    space, inside = False, True
                if _adjacent(before, c, one, two):
                    need |= MOJIBAKE
                before = one[min(c, BEYOND)]
                if c == 0x26 and _is_entity(data, i, end):
                    need |= ENTITY
                elif c == 0x3C and _is_tag(data, i, end):
                    flag |= TAGS
                kind, now = of[c], np.int64(order[c])
                if kind & edits:
                    flag |= EDIT
                need |= _need_of(c, kind, rank, now)
                rank = now
                i += width
        if space and trailing:
            flag |= EDIT
        lines = _note(lines, begin, end, need & wanted, starts, ends, needs)
        flags[t] = flag
    return lines


def scan(data, offsets, asked, tables) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Flags of each document, and start, end and needs of each line that may need something of `asked`.

    `asked` are the needs that count, the kinds of characters that are edited, whether spaces at ends of lines and runs
    of them are, and the most line feeds in a row; `tables` those of `repair_tables` and of `mojibake` pairs.
    """
    flags = np.zeros(len(offsets) - 1, np.uint8)
    room = int(offsets[-1] - offsets[0]) // 256 + 16
    while True:
        starts, ends, needs = (np.empty(room, np.int64) for _ in range(3))
        count = _scan(data, offsets, asked, tables, flags, starts, ends, needs)
        if count <= room:
            return flags, starts[:count], ends[:count], needs[:count]
        room = count
