"""What the kernels of `normalize` know of single characters."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

from datacurate.kernels.arrow import read_only
from datacurate.kernels.scripts import NAMES, table

COMPOSES, LIGATURE, WIDE, SPACE, BREAK, CONTROL, JOINER, BIDI, COMPLEX, EMOJI, TRANSPARENT = (1 << k for k in range(11))
"""May change under NFC; a ligature; of another width than usual; a space other than U+0020; a line break other than
line feed; a control character; an invisible character; a control of direction; a letter whose neighbours joiners
may shape; a symbol that joiners put together; a mark that joiners reach through."""

SIMPLE = frozenset(["Zyyy", "Latn", "Grek", "Cyrl", "Armn", "Geor", "Hani", "Hira", "Kana", "Hang", "Bopo"])
"""Scripts in which joiners and zero-width spaces mean nothing."""
SPACES = (0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F)
BREAKS = (0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)
CONTROLS = (*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0), *range(0xFFF9, 0xFFFC))
JOINERS = (0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF)
DIRECTIONS = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x2070), 0x61C)
LIGATURES = (*range(0x132, 0x134), 0x149, *range(0x1C4, 0x1CD), *range(0x1F1, 0x1F4), *range(0xFB00, 0xFB07))
WIDES = (0x3000, *range(0xFF01, 0xFFF0))
SYMBOLS = (0x20E3, *range(0x2190, 0x2C00), 0x3030, 0x303D, 0x3297, 0x3299, *range(0x1F000, 0x1FB00), 0xA9, 0xAE)


def _composing() -> np.ndarray:
    """Characters that NFC changes, or may put together with the one before (Unicode Annex 15, NFC_Quick_Check)."""
    found = np.zeros(0x110000, bool)
    found[0x1161:0x1176] = found[0x11A8:0x11C3] = True
    for point in (*range(0xAC00), *range(0xF900, 0x20000), *range(0x2F800, 0x2FA20)):
        char = chr(point)
        parts = unicodedata.decomposition(char)
        if parts and not parts.startswith("<"):
            found[point] |= unicodedata.normalize("NFC", char) != char
            found[int(parts.split()[-1], 16)] |= " " in parts
    return found


@cache
def kinds() -> np.ndarray:
    """Bits for each character."""
    of = np.zeros(0x110000, np.uint16)
    of[_composing()] |= COMPOSES
    for bit, points in (
        (LIGATURE, LIGATURES), (WIDE, WIDES), (SPACE, SPACES), (BREAK, BREAKS), (CONTROL, CONTROLS),
        (JOINER, JOINERS), (BIDI, DIRECTIONS), (EMOJI, SYMBOLS),
    ):  # fmt: skip
        of[list(points)] |= bit
    scripts = table()
    of[np.isin(scripts, [k for k, name in enumerate(NAMES) if name not in SIMPLE])] |= COMPLEX
    marks = (*range(0x300, 0x671), *range(0x1AB0, 0x1E00), *range(0xFE00, 0xFE30), 0x200C, 0x200D)
    own = [p for p in marks if scripts[p] == 0 and (unicodedata.category(chr(p)) == "Mn" or p in (0x200C, 0x200D))]
    of[[*own, *range(0x1F3FB, 0x1F400)]] |= TRANSPARENT
    return read_only(of)


@cache
def combining() -> np.ndarray:
    """The canonical combining class of each character."""
    of = np.zeros(0x110000, np.uint8)
    for point in (*range(0x300, 0x3100), *range(0xA600, 0xAC00), *range(0xFB1E, 0xFE30), *range(0x101FD, 0x1F000)):
        of[point] = unicodedata.combining(chr(point))
    return read_only(of)
