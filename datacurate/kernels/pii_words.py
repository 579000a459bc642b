"""Words that say what stands beside them: `phone` in front of a number, `password` in front of a value."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import CLASS, LOWER, SEEN, UPPER, WORDS, lower

(PHONE_WORDS, CARD_WORDS, QUERY_NAMES, KEY_NAMES, PASSWORD_NAMES, PLACEHOLDERS, HASH_WORDS, PHONE_LABELS, NET_WORDS,
 VERSION_WORDS, SCHEMES, TYPED_P, TYPED_U, TYPED_A) = map(np.int64, range(14))  # fmt: skip
"""Sets of words that kernels know by number, as `stages/_pii_tables.py` puts them; those of papers follow."""
_FARTHEST = 64
"""Bytes in front of a number that are ever searched: about ten words."""
_LONG = 10
"""Bytes of a word of Greek or Cyrillic letters that may go on behind its end, because it is inflected."""


@inlined
def begin_of(first, second):
    """Twelve bits of the first two bytes of a word, by which most words are told from those of the table."""
    return ((np.int64(first) * 67) ^ (np.int64(second) * 5)) & 4095


@inlined
def same(data, p, words, a, b):
    """Whether `words[a:b]` stands at `p`, in any case; it must have room there."""
    for k in range(b - a):  # noqa: SIM110
        if lower(data[p + k]) != words[a + k]:
            return False
    return True


@inlined
def _is_letter(data, p, end):
    """Whether a letter of ASCII or of an alphabet of two bytes (Latin, Greek, Cyrillic, Armenian) begins at `p`."""
    return p < end and ((CLASS[data[p]] & (UPPER | LOWER)) != 0 or 0xC3 <= data[p] <= 0xD6)


@inlined
def begins(data, begin, p):
    """Whether a word may begin at `p`: a letter that none of its alphabet stands in front of.

    Scripts that are written without spaces, and Arabic and Hebrew, which put articles in front, may begin anywhere.
    """
    c = data[p]
    if c >= 0xD7:
        return True
    if (CLASS[c] & (UPPER | LOWER)) == 0 and c < 0xC3:
        return False
    if p == begin or data[p - 1] < 128:
        return p == begin or (CLASS[data[p - 1]] & (UPPER | LOWER)) == 0
    return p - 1 == begin or not 0xC3 <= data[p - 2] <= 0xD6


@borrowing
def _stands(data, p, end, t, word):
    """Whether a word of the table stands at `p` as a whole."""
    a, b = np.int64(t.word_at[word]), np.int64(t.word_at[word + 1])
    if p + (b - a) > end or not same(data, p, t.words, a, b):
        return False
    last = t.words[b - 1]
    if last >= 128 and (b - a >= _LONG or not 0xC3 <= t.words[b - 2] <= 0xD6):
        return True
    return not _is_letter(data, p + (b - a), end)


@borrowing
def among(data, low, high, t, which):
    """Whether a word of the set `which` stands in `data[low:high]`."""
    for p in range(low, high - 1):
        if not begins(data, 0, p):
            continue
        at = begin_of(lower(data[p]), lower(data[p + 1]))
        for k in range(t.bucket_at[at], t.bucket_at[at + 1]):
            if t.bucket_set[k] == which and _stands(data, p, high, t, t.bucket_word[k]):
                return True
    return False


@borrowing
def is_among(data, i, stop, t, which):
    """Whether a word of the set `which` is the whole of `data[i:stop]`, in any case."""
    if stop - i < 2:
        return False
    at = begin_of(lower(data[i]), lower(data[i + 1]))
    for k in range(t.bucket_at[at], t.bucket_at[at + 1]):
        word = t.bucket_word[k]
        a, b = np.int64(t.word_at[word]), np.int64(t.word_at[word + 1])
        if t.bucket_set[k] == which and b - a == stop - i and same(data, i, t.words, a, b):
            return True
    return False


@borrowing
def _seek(data, begin, end, i, t, state):
    """Notes where the words of all sets stand in front of `i`; what was searched before is not searched again."""
    p = max(begin, max(state[SEEN], i - _FARTHEST))
    state[SEEN] = i
    while p < i and p + 1 < end:
        if begins(data, begin, p):
            at = begin_of(lower(data[p]), lower(data[p + 1]))
            for k in range(t.bucket_at[at], t.bucket_at[at + 1]):
                if _stands(data, p, end, t, t.bucket_word[k]):
                    state[WORDS + t.bucket_set[k]] = p
        p += 1


@inlined
def near(data, begin, end, i, reach, t, state, which):
    """Whether a word of the set `which` begins in the `reach` bytes in front of `i`, which only grows in a document."""
    if state[SEEN] < i:
        _seek(data, begin, end, i, t, state)
    return state[WORDS + which] >= i - reach
