"""Lower-case letters and word characters of all of Unicode, as two small tables that kernels can index."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np

OTHER, WORD, ALONE, SPACE = 0, 1, 2, 3
"""Kinds of characters: separator, part of a word, a word by itself, white space."""

PAGE = 256
LAST = 0x110000

UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x19E0, 0x19FF),  # Khmer symbols
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3021, 0x312F),  # kana, Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),  # Burmese, extended
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width kana
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFD),
)
"""Scripts written without spaces between words: there every word character counts as one word."""

UNIFORM = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x17000, 0x187F7))
"""Ranges that hold letters only (ideographs, Hangul syllables, Tangut), so that they need no look-up each."""

LOOKED_UP = ((0x0000, 0x33FF), (0x4DC0, 0x4DFF), (0xA000, 0xABFF), (0xD7A4, 0xD7FF), (0xF900, 0x16FFF),
             (0x187F8, 0x1FFFF), (0xE0100, 0xE01EF))  # fmt: skip


CASED = ((0x0000, 0x24FF), (0x2C00, 0x2DFF), (0xA600, 0xABFF), (0xFF00, 0xFFFF), (0x10400, 0x118FF),
         (0x16E00, 0x16EFF), (0x1E900, 0x1E9FF))  # fmt: skip
"""Ranges in which some letters have a lower-case form."""


@lru_cache(maxsize=1)
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(ascii, pages, entries)`: how kernels look characters up.

    `ascii[byte]` is the lower-case letter, digit or underscore, 0 for anything else. Above that, the entry of
    code point c is `entries[pages[c >> 8], c & 255]`: kind in the low two bits, then what to add to c to get
    its lower-case form.
    """
    flat = (_lower_offsets() << 2) | _kinds()
    numbers: dict[bytes, int] = {}
    pages = [numbers.setdefault(page.tobytes(), len(numbers)) for page in flat.reshape(-1, PAGE)]
    entries = np.frombuffer(b"".join(numbers), dtype=np.int32).reshape(-1, PAGE)
    return _ascii(flat), np.array(pages, dtype=np.uint16), entries


def _ascii(flat: np.ndarray) -> np.ndarray:
    low = np.zeros(256, dtype=np.uint8)
    word = (flat[:128] & 3) == WORD
    low[:128][word] = (np.arange(128) + (flat[:128] >> 2))[word]
    return low


def _kinds() -> np.ndarray:
    kinds = np.zeros(LAST, dtype=np.int32)
    for first, last in LOOKED_UP:
        kinds[first : last + 1] = [_kind(chr(code)) for code in range(first, last + 1)]
    for first, last in UNIFORM:
        kinds[first : last + 1] = WORD
    kinds[ord("_")] = WORD
    kinds[0x20000:0x3FFFE] = WORD
    for first, last in UNSPACED:
        part = kinds[first : last + 1]
        part[part == WORD] = ALONE
    return kinds


def _kind(character: str, category=unicodedata.category) -> int:
    if category(character)[0] in "LMN":
        return WORD
    return SPACE if character.isspace() else OTHER


def _lower_offsets() -> np.ndarray:
    """Lower case minus code point. One character to one: the dotted capital I becomes a plain i."""
    offsets = np.zeros(LAST, dtype=np.int32)
    for first, last in CASED:
        low = [ord(chr(code).lower()[0]) - code for code in range(first, last + 1)]
        offsets[first : last + 1] = low
    return offsets
