"""Edits spaces, line breaks, control characters and invisible ones, and counts what it did."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets
from datacurate.kernels.memory import inlined, pointer
from datacurate.kernels.repair_tables import BREAK, COMPLEX, CONTROL, EMOJI, JOINER, SPACE, TRANSPARENT
from datacurate.kernels.utf8 import decode

COUNTED = ("line_breaks", "spaces", "runs", "trailing", "blank_lines", "controls", "invisible", "directions")
BREAKS, SPACES, RUNS, TRAILING, BLANKS, CONTROLS, INVISIBLE, DIRECTIONS = range(len(COUNTED))
MONGOLIAN = (0x1800, 0x18AF)
STRING_BYTES = 4096
"""Longest control string of a terminal that goes whole; what has no end within is text behind a control character."""


@inlined
def _string_end(data, i, end):
    """Where the control string that begins at `i` ends, its mark included; `i` if it does not end soon.

    Its text is what ECMA-48 allows (section 5.6: 08 to 0D, 20 to 7E) and characters beyond ASCII, as in titles of
    windows. `ESC \\` ends it, and a bell that of an OSC (xterm's ctlseqs).
    """
    bell = data[i + 1] == 0x5D
    for k in range(i + 2, min(end, i + STRING_BYTES)):
        c = data[k]
        if c == 0x07 and bell:
            return k + 1
        if c == 0x1B and k + 1 < min(end, i + STRING_BYTES) and data[k + 1] == 0x5C:
            return k + 2
        if c < 0x08 or 0x0E <= c < 0x20 or c == 0x7F:
            return i
    return i


@njit(nogil=True, cache=True)
def _escape_end(data, i, end):
    """Where a terminal's escape sequence ends that may begin at `i`; `i` if there is none.

    Of ECMA-48: control sequences (5.4; parameters, intermediate bytes, a final byte), and the control strings DCS, SOS,
    OSC, PM and APC, with the titles of GNU screen (`ESC k`) among them.
    """
    if data[i] != 0x1B or i + 1 >= end:
        return i
    c = data[i + 1]
    if c == 0x50 or c == 0x58 or c == 0x5D or c == 0x5E or c == 0x5F or c == 0x6B:
        return _string_end(data, i, end)
    if c != 0x5B:
        return i
    k = i + 2
    while k < end and 0x30 <= data[k] <= 0x3F:
        k += 1
    while k < end and 0x20 <= data[k] <= 0x2F:
        k += 1
    return k + 1 if k < end and 0x40 <= data[k] <= 0x7E else i


@inlined
def _shapes(c, base):
    """Whether an invisible character at this place shapes what is beside it: in scripts of joined letters, and between
    symbols that one picture is made of."""
    if c == 0x200D and base & EMOJI:
        return True
    return (c == 0x200B or c == 0x200C or c == 0x200D) and base & COMPLEX != 0


@njit(nogil=True, cache=True)
def _edit_one(data, i, end, out, to, edits, trailing, runs, most, of, counts):
    """Writes one edited document at `to` in `out`; returns where it ends."""
    breaks, solid, inside, base, last = 0, to, False, np.int64(0), np.int64(0)
    while i < end:
        c, width = np.int64(data[i]), 1
        if c >= 0x80:
            c, width = decode(data, i, end)
        kind = np.int64(of[c])
        if kind & edits:
            if kind & BREAK:
                if c == 0x0D and i + 1 < end and data[i + 1] == 0x0A:
                    i += 1
                    counts[BREAKS] += 1
                    continue
                counts[BREAKS] += 1
                c = 0x0A
            elif kind & SPACE:
                if not (c == 0x202F and MONGOLIAN[0] <= last <= MONGOLIAN[1]):
                    counts[SPACES] += 1
                    c = 0x20
            elif kind & JOINER and _shapes(c, base):
                pass
            else:
                k = CONTROLS if kind & CONTROL else (INVISIBLE if kind & JOINER else DIRECTIONS)
                counts[k] += 1
                i = max(i + width, _escape_end(data, i, end))
                continue
        if c == 0x0A:
            if trailing and to > solid:
                counts[TRAILING] += 1
                to = solid
            breaks += 1
            if breaks > most:
                counts[BLANKS] += 1
            else:
                out[to] = 0x0A
                to += 1
            solid, inside, base, last = to, False, 0, c
        elif c == 0x20 or c == 0x09:
            if runs and inside and to > solid:
                counts[RUNS] += 1
            else:
                out[to] = c
                to += 1
            base, last = 0, c
        else:
            breaks = 0
            for k in range(width):
                out[to + k] = data[i + k]
            to += width
            solid, inside, last = to, True, c
            if not kind & TRANSPARENT:
                base = kind
        i += width
    if trailing and to > solid:
        counts[TRAILING] += 1
        to = solid
    return to


@njit(nogil=True, cache=True)
def _edit(data, offsets, chosen, asked, kinds, out, bounds, counts):
    _, edits, trailing, runs, most = asked
    of = pointer(kinds)
    to = 0
    for t in range(len(offsets) - 1):
        begin, end = offsets[t], offsets[t + 1]
        if chosen[t]:
            to = _edit_one(data, begin, end, out, to, edits, trailing, runs, most, of, counts[t])
        else:
            out[to : to + end - begin] = data[begin:end]
            to += end - begin
        bounds[t + 1] = to


def edit(text, chosen, asked, kinds):
    """The chosen texts edited as `asked`, the others as they are; and what was done to each, by COUNTED."""
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    counts = np.zeros((len(offsets) - 1, len(COUNTED)), np.int32)
    out, bounds = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(len(offsets), np.int64)
    _edit(data, offsets, chosen, asked, kinds, out, bounds, counts)
    kind, places = (pa.string(), np.int32) if len(out) < 2**31 else (pa.large_string(), np.int64)
    valid = None if not text.null_count else pa.array(text.is_valid()).buffers()[1]
    buffers = [valid, pa.py_buffer(bounds.astype(places)), pa.py_buffer(out[: bounds[-1]])]
    return pa.Array.from_buffers(kind, len(text), buffers), counts
