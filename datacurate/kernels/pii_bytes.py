"""What all detectors of personal data share: classes of bytes, the list of what was found, words around a place."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined

KINDS = (
    "key", "url", "email", "password", "iban", "card", "national_id", "passport", "ip", "phone", "name", "address",
)  # fmt: skip
"""All kinds. Where two spans overlap, the kind that stands first here wins."""
KEY, URL, EMAIL, PASSWORD, IBAN, CARD, NATIONAL_ID, PASSPORT, IP, PHONE, NAME, ADDRESS = range(len(KINDS))
FIXED_FORMS = (
    "email", "ipv4", "ipv6", "iban", "card", "phone", "private_key", "jwt", "assigned_password", "assigned_key",
    "credentials", "query", "high_entropy", "name", "address",
)  # fmt: skip
"""Forms that kernels know by number; those of the tables of keys and documents follow."""
(F_EMAIL, F_IPV4, F_IPV6, F_IBAN, F_CARD, F_PHONE, F_PRIVATE, F_JWT, F_PASSWORD, F_KEY, F_CREDENTIALS, F_QUERY,
 F_ENTROPY, F_NAME, F_ADDRESS) = range(len(FIXED_FORMS))  # fmt: skip

SURE, ASK, ASK_INTERNATIONAL, ASK_NATIONAL, ASK_WORDED = 1, 0, 2, 3, 4
"""How sure a kernel is: it is; the form's check decides; the library of phone numbers decides, of an international or a
national number; a word stands near a telephone number, which only must not be one for films."""

DIGITS, UPPER, LOWER, JOINS = 1, 2, 4, 8
CLASS = np.zeros(256, np.uint8)
CLASS[48:58] = DIGITS
CLASS[65:91] = UPPER
CLASS[97:123] = LOWER
CLASS[ord("_")] = JOINS
ALNUM = np.uint8(DIGITS | UPPER | LOWER)

TABLES = np.dtype(
    [
        ("wanted", np.uint8, (12,)), ("options", np.int8, (4,)), ("pairs", np.uint8, (65536,)),
        ("begins", np.uint8, (128, 1024)), ("sets", np.int32, (129,)), ("words", np.uint8, (16384,)),
        ("word_at", np.int32, (2049,)), ("layouts", np.uint8, (4096,)), ("layout_at", np.int32, (257,)),
        ("layout_of", np.int32, (3,)), ("layout_kind", np.int32, (256,)), ("layout_form", np.int32, (256,)),
        ("layout_words", np.int32, (256,)), ("layout_needs", np.uint8, (256,)), ("layout_lead", np.int8, (256,)),
        ("prefixes", np.uint8, (1024,)), ("prefix_at", np.int32, (129,)), ("prefix_first", np.int32, (257,)),
        ("prefix_chars", np.uint8, (128,)), ("prefix_least", np.int32, (128,)), ("prefix_most", np.int32, (128,)),
        ("prefix_form", np.int32, (128,)), ("tlds", np.uint64, (4096,)), ("tld_count", np.int64),
        ("resolvers", np.int64, (128,)), ("resolver_count", np.int64), ("ibans", np.int8, (676,)),
    ],
    align=True,
)  # fmt: skip
"""Everything that detectors read beside the text; `datacurate/stages/_pii_tables.py` makes it. One record with room for
the largest tables, so that a call hands over one pointer: as a tuple of arrays it was 170 words."""
OPT_ENTROPY, OPT_HASHES, OPT_PUBLIC, OPT_HEAD = 0, 1, 2, 3
N, LOST, ASKED, HASHES = 0, 1, 2, 3
"""Places of `state`: spans so far, candidates that found no room, candidates for Python and whether the document is
full of hashes (-1: not known yet)."""


@inlined
def is_digit(c):
    """An ASCII digit."""
    return np.uint8(48) <= c <= np.uint8(57)


@inlined
def is_alnum(c):
    """An ASCII letter or digit."""
    return (CLASS[c] & ALNUM) != 0


@inlined
def is_word(c):
    """An ASCII letter, digit or underscore."""
    return CLASS[c] != 0


@inlined
def lower(c):
    """An ASCII letter in small."""
    return np.uint8(c | 0x20) if np.uint8(65) <= c <= np.uint8(90) else np.uint8(c)


@borrowing
def emit(out, state, limit, doc, kind, form, start, end, sure):
    """Write a span down. What Python would have to check counts as lost behind `limit` of these in a document."""
    if sure != SURE:
        state[ASKED] += 1
        if state[ASKED] > limit:
            state[LOST] += 1
            return
    n = state[N]
    if n >= len(out):
        state[LOST] += 1
        return
    out[n, 0] = doc
    out[n, 1] = kind
    out[n, 2] = form
    out[n, 3] = start
    out[n, 4] = end
    out[n, 5] = sure
    state[N] = n + 1


@borrowing
def _word_at(data, p, end, words, a, b):
    """Whether the word `words[a:b]` stands at `p`, in any case, between characters that are no ASCII letters."""
    if p + (b - a) > end:
        return False
    for k in range(b - a):
        if lower(data[p + k]) != words[a + k]:
            return False
    after = p + (b - a)
    return after >= end or words[b - 1] >= 128 or (CLASS[data[after]] & (UPPER | LOWER)) == 0


@borrowing
def near(data, begin, end, start, stop, before, after, t, which):
    """Whether a word of the set `which` stands in the `before` bytes in front of a place or the `after` behind it."""
    if among(data, max(begin, start - before), start, t, which):
        return True
    return after > 0 and among(data, stop, min(end, stop + after), t, which)


@inlined
def begin_of(first, second):
    """Ten bits of the first two bytes of a word, by which most words are told from those of a set."""
    return ((np.int64(first) * 37) ^ np.int64(second)) & 1023


@borrowing
def among(data, low, high, t, which):
    """Whether a word of the set `which` stands in `data[low:high]`."""
    p = low
    while p < high:
        c = data[p]
        fresh = p == low or c >= 128 or (CLASS[data[p - 1]] & (UPPER | LOWER)) == 0
        if fresh and (c >= 128 or (CLASS[c] & (UPPER | LOWER)) != 0):
            small = lower(c)
            if p + 1 >= high or not t.begins[which, begin_of(small, lower(data[p + 1]))]:
                p += 1
                continue
            for w in range(t.sets[which], t.sets[which + 1]):
                if t.words[t.word_at[w]] == small and _word_at(data, p, high, t.words, t.word_at[w], t.word_at[w + 1]):
                    return True
        p += 1
    return False
