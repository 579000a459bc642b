"""What shingles are runs of, as hashes: words, words after folding, pieces of source code, characters.

Ours (`WORDS`): a word is a run of letters, marks, digits and underscores, in lower case; in scripts without spaces
every such character is a word. A byte that is not valid UTF-8 separates words.

`FOLDED`: words at white space after the normalisation of datatrove 0.10 (`utils/text.py`, simplify_text), which
data-prep-kit has taken over (`fdedup/signature_calc/transform.py`): lower case, a number is 0, punctuation is a space,
canonically decomposed, without marks (Mn). datatrove then applies spaCy's tokenizer, which cuts a few words in two
(`cannot`); this does not. A final sigma is a sigma.

`IDENTIFIERS`: what lies between any two characters other than A-Z, a-z, 0-9 and `_`, empty pieces included, as BigCode
(`near_deduplication/minhash_deduplication.py`, NON_ALPHA) has it.

`CHARACTERS`: code points as they are, as in NeMo Curator (`stages/deduplication/fuzzy/minhash.py`).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels import casefold
from datacurate.kernels.arrow import read_only
from datacurate.kernels.folding import CHANGED, HANGUL, SYLLABLES, folding
from datacurate.kernels.memory import borrowing, first_bit, first_bytes, inlined, load64, places

WORDS, FOLDED, IDENTIFIERS, CHARACTERS = range(4)
KINDS = ("words", "folded", "identifiers", "characters")
"""Their names in options."""

START = np.uint64(0x243F6A8885A308D3)
STEP = np.uint64(0x9E3779B97F4A7C15)
MIX_A = np.uint64(0xFF51AFD7ED558CCD)
MIX_B = np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(33)
LOWER = np.uint64(0x2020202020202020)
"""What makes capitals of ASCII small, eight at a time. Digits have that bit, and what the underscore becomes (0x7F) is
in no word."""
ONE = np.uint64(1)
EIGHT = np.uint64(8)
NONE = np.uint64(0)

PUNCTUATION = (
    "!/\u2014\u201d:\uff05\uff11\u3008&(\u3001\u2501\\\u3010#%\u300c\u300d\uff0c\u3011\uff1b+^]~\u201c\u300a\u201e';\u2019{|\u2236\xb4[=-`*"
    '\uff0e(\uff08\u2013\uff1f\uff01\uff1a$\uff5e\xab\u3009,><\u300b)?\uff09\u3002\u2026@_."}\u25ba\xbb'
)
"""What datatrove replaces by spaces beside control characters; the full-width 1 of its list has become 0 by then."""
POINTS = ".,\u060c\u066b\u2396\u2397\u2398"
"""What may stand between the two parts of one number."""
PART, GAP, DIGIT, MARK, POINT_GAP, POINT_PART = range(6)
"""What characters are in folding. A point that is in no number is a gap or, where it is not listed as punctuation, part
of a word."""


class Tables(NamedTuple):
    """Look-up tables: `casefold.tables()` for WORDS; kinds and canonical decompositions for FOLDED."""

    pages: np.ndarray
    entries: np.ndarray
    kinds: np.ndarray
    flags: np.ndarray
    slot: np.ndarray
    at: np.ndarray
    pool: np.ndarray


@lru_cache(maxsize=2)
def tables(kind: int) -> Tables:
    """The tables that units of this kind need; the others empty."""
    _, pages, entries = casefold.tables()
    if kind != FOLDED:
        made = (np.zeros(1, t) for t in (np.uint8, np.uint8, np.uint16, np.int32, np.int32))
        return Tables(*map(read_only, (pages, entries, *made)))
    fold = folding()
    return Tables(*map(read_only, (pages, entries, _folding_kinds(), fold.flags, fold.slot, fold.at, fold.pool)))


def _folding_kinds() -> np.ndarray:
    kinds = np.zeros(casefold.LAST, np.uint8)
    for first, last in casefold.LOOKED_UP:
        kinds[first : last + 1] = [_folding_kind(chr(code)) for code in range(first, last + 1)]
    return kinds


def _folding_kind(character: str) -> int:
    if character in POINTS:
        return POINT_GAP if character in PUNCTUATION else POINT_PART
    category = unicodedata.category(character)
    if category in ("Nd", "Mn"):  # numbers are replaced before punctuation
        return DIGIT if category == "Nd" else MARK
    return GAP if character in PUNCTUATION or character.isspace() or category == "Cc" else PART


@njit(nogil=True, cache=True)
def mix(value):
    """MurmurHash3's finaliser: every bit of the value reaches every bit of the result."""
    value ^= value >> HALF
    value *= MIX_A
    value ^= value >> HALF
    value *= MIX_B
    return value ^ (value >> HALF)


@borrowing
def decode(data, at, end):
    """The code point at `at` and its length in bytes; -1 and one byte where the text is not valid UTF-8."""
    lead = np.int32(data[at])
    if lead < 0x80:
        return lead, 1
    if lead < 0xC2 or lead > 0xF4:
        return np.int32(-1), 1
    more = 1 + (lead >= 0xE0) + (lead >= 0xF0)
    if at + more >= end:
        return np.int32(-1), 1
    code = lead & (0x3F >> more)
    for k in range(1, more + 1):
        byte = np.int32(data[at + k])
        if byte & 0xC0 != 0x80:
            return np.int32(-1), 1
        code = (code << 6) | (byte & 0x3F)
    if more == 2 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
        return np.int32(-1), 1
    if more == 3 and (code < 0x10000 or code > 0x10FFFF):
        return np.int32(-1), 1
    return np.int32(code), more + 1


@inlined
def add_block(h, block):
    """The hash of a word after eight more bytes of it."""
    h = (h ^ block) * MIX_A
    return h ^ (h >> HALF)


@inlined
def end_word(h, block, length):
    """The hash of a word of `length` bytes, of which the last zero to seven are in `block`."""
    h = (h ^ block ^ (np.uint64(length) * STEP)) * MIX_A
    return (h ^ (h >> HALF)) * MIX_B


@inlined
def add_code(state, code):
    """Add a code point, as UTF-8, to the word in `state`: its hash, the bytes that are no block yet, its length."""
    h, block, length = state
    size = 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)
    for k in range(size):
        byte = code if size == 1 else 0x80 | ((code >> (6 * (size - 1 - k))) & 0x3F)
        if size > 1 and k == 0:
            byte = (0xF00 >> size) & 0xFF | (code >> (6 * (size - 1)))
        block |= np.uint64(byte) << (EIGHT * np.uint64(length & 7))
        length += 1
        if length & 7 == 0:
            h = add_block(h, block)
            block = NONE
    return h, block, length


@inlined
def ascii_word(data, at, end):
    """The hash of the ASCII word `data[at:end]`."""
    h = START
    length = end - at
    while end - at >= 8:
        h = add_block(h, load64(data, at) | LOWER)
        at += 8
    if end == at:
        return end_word(h, NONE, length)
    if at + 8 <= len(data):
        return end_word(h, (load64(data, at) | LOWER) & first_bytes(end - at), length)
    block = NONE
    for k in range(end - at):
        block |= (np.uint64(data[at + k]) | np.uint64(0x20)) << (EIGHT * np.uint64(k))
    return end_word(h, block, length)


@inlined
def low_bits(count):
    """A mask of the `count` lowest bits, of 0 to 63."""
    return (ONE << np.uint64(count)) - ONE


@borrowing
def _mixed_words(data, at, end, pages, entries, out, count):
    """The words of `data[at:end]`, in which no ASCII character separates words; returns how many there are now."""
    state = (START, NONE, 0)
    while at < end:
        byte = data[at]
        if byte < 0x80:
            state = add_code(state, byte | 0x20)
            at += 1
            continue
        code, size = decode(data, at, end)
        at += size
        kind = 0
        if code >= 128:
            entry = entries[pages[code >> 8], code & 255]
            kind = entry & 3
            code += entry >> 2
            if code < 128:
                code |= 0x20
        if kind == 1:
            state = add_code(state, code)
            continue
        if state[2]:
            out[count] = end_word(*state)
            count += 1
            state = (START, NONE, 0)
        if kind == 2:
            out[count] = end_word(*add_code(state, code))
            count += 1
    if state[2]:
        out[count] = end_word(*state)
        count += 1
    return count


@inlined
def _word_bytes(data, at, end):
    """Bit k: whether the byte at `at + k` is a letter, digit or underscore of ASCII, or not of ASCII."""
    letters = places(data, at, end, 0x61, 0x7A) | places(data, at, end, 0x41, 0x5A)
    return letters | places(data, at, end, 0x30, 0x39) | places(data, at, end, 0x5F, 0x5F)


@inlined
def _word(data, at, end, high, pages, entries, out, count):
    if high:
        return _mixed_words(data, at, end, pages, entries, out, count)
    out[count] = ascii_word(data, at, end)
    return count + 1


@borrowing
def word_hashes(data, at, end, pages, entries, out):
    """Write the hash of every word of `data[at:end]` to `out`; return how many there are.

    Words are found by a mask of 64 bytes at a time; only those with a byte beyond ASCII are decoded.
    """
    count = 0
    start = np.int64(-1)  # of the word that the last mask ended in
    dirty = False  # whether that has a byte beyond ASCII
    while at < end:
        high = places(data, at, end, 0x80, 0xFF)
        inside = _word_bytes(data, at, end) | high
        edges = inside ^ ((inside << ONE) | np.uint64(start >= 0))
        if end - at < 64:
            edges &= low_bits(end - at)
        if start >= 0:
            if edges == 0:
                dirty |= high != 0
                at += 64
                continue
            stop = first_bit(edges)
            edges &= edges - ONE
            dirty |= (high & low_bits(stop)) != 0
            count = _word(data, start, at + stop, dirty, pages, entries, out, count)
            start = np.int64(-1)
        while edges:
            first = first_bit(edges)
            edges &= edges - ONE
            if edges == 0:
                start = at + first
                dirty = (high >> np.uint64(first)) != 0
                break
            stop = first_bit(edges)
            edges &= edges - ONE
            here = ((high >> np.uint64(first)) & low_bits(stop - first)) != 0
            count = _word(data, at + first, at + stop, here, pages, entries, out, count)
        at += 64
    if start >= 0:
        count = _word(data, start, end, dirty, pages, entries, out, count)
    return count


@inlined
def _code_point(data, at, end):
    """The code point at `at`, U+FFFD for a byte that is not UTF-8, and its length in bytes."""
    code, size = decode(data, at, end)
    return (np.int64(0xFFFD) if code < 0 else np.int64(code)), size


@borrowing
def _number_end(data, at, end, kinds):
    """Where the number that begins at `at` ends: digits, perhaps a point and more digits."""
    points = 0
    while at < end:
        code, size = _code_point(data, at, end)
        kind = kinds[code]
        if kind >= POINT_GAP and points == 0:
            points = 1
            if at + size >= end or kinds[_code_point(data, at + size, end)[0]] != DIGIT:
                return at
        elif kind != DIGIT:
            return at
        at += size
    return at


@borrowing
def _add_folded(state, code, tables):
    """Add what a character becomes, without marks, to the word in `state`."""
    if HANGUL <= code < HANGUL + SYLLABLES:
        syllable = code - HANGUL
        state = add_code(add_code(state, 0x1100 + syllable // 588), 0x1161 + syllable % 588 // 28)
        return add_code(state, 0x11A7 + syllable % 28) if syllable % 28 else state
    if not tables.flags[code] & CHANGED:
        return add_code(state, 0x3C3 if code == 0x3C2 else code)
    for k in range(tables.at[tables.slot[code]], tables.at[tables.slot[code] + 1]):
        part = np.int64(tables.pool[k])
        if tables.kinds[part] != MARK:
            state = add_code(state, part)
    return state


@borrowing
def _folded_hashes(data, at, end, tables, out):
    """Write the hash of every folded word of `data[at:end]` to `out`; return how many there are."""
    count = 0
    state = (START, NONE, 0)
    while at < end:
        code, size = _code_point(data, at, end)
        kind = tables.kinds[code]
        at += size
        if kind == DIGIT:
            state = add_code(state, 0x30)
            at = _number_end(data, at, end, tables.kinds)
        elif kind in (GAP, POINT_GAP):
            if state[2]:
                out[count] = end_word(*state)
                count += 1
                state = (START, NONE, 0)
        elif kind != MARK:
            state = _add_folded(state, code, tables)
    if state[2]:
        out[count] = end_word(*state)
        count += 1
    return count


@borrowing
def _identifier_hashes(data, at, end, out):
    """Write the hash of every piece between separators to `out`; one more than there are separators."""
    count = 0
    state = (START, NONE, 0)
    while at < end:
        code, size = _code_point(data, at, end)
        at += size
        letter = 0x41 <= (code & ~0x20) <= 0x5A and code < 0x80
        if letter or 0x30 <= code <= 0x39 or code == 0x5F:
            state = add_code(state, code)
        else:
            out[count] = end_word(*state)
            count += 1
            state = (START, NONE, 0)
    out[count] = end_word(*state)
    return count + 1


@borrowing
def _character_hashes(data, at, end, out):
    """Write the hash of every character to `out`; return how many there are."""
    count = 0
    while at < end:
        code, size = _code_point(data, at, end)
        out[count] = mix(np.uint64(code) * STEP)
        count += 1
        at += size
    return count


@borrowing
def units(kind, data, at, end, tables, out):
    """Write the hash of every unit of `data[at:end]` to `out`, which has room for one per byte and one; how many."""
    if kind == WORDS:
        return word_hashes(data, at, end, tables.pages, tables.entries, out)
    if kind == FOLDED:
        return _folded_hashes(data, at, end, tables, out)
    if kind == IDENTIFIERS:
        return _identifier_hashes(data, at, end, out)
    return _character_hashes(data, at, end, out)
