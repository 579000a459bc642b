"""What all detectors of personal data share: classes of bytes, the list of what was found, words around a place."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined

KINDS = (
    "key", "url", "email", "password", "iban", "card", "national_id", "passport", "ip", "phone", "name", "address",
)  # fmt: skip
"""All kinds. Where two spans overlap, the kind that stands first here wins."""
KEY, URL, EMAIL, PASSWORD, IBAN, CARD, NATIONAL_ID, PASSPORT, IP, PHONE, NAME, ADDRESS = map(
    np.int64, range(len(KINDS))
)
FIXED_FORMS = (
    "email", "ipv4", "ipv6", "iban", "card", "phone", "private_key", "jwt", "assigned_password", "assigned_key",
    "credentials", "query", "high_entropy", "name", "address",
)  # fmt: skip
"""Forms that kernels know by number; those of the tables of keys and documents follow."""
(F_EMAIL, F_IPV4, F_IPV6, F_IBAN, F_CARD, F_PHONE, F_PRIVATE, F_JWT, F_PASSWORD, F_KEY, F_CREDENTIALS, F_QUERY,
 F_ENTROPY, F_NAME, F_ADDRESS) = map(np.int64, range(len(FIXED_FORMS)))  # fmt: skip
# as np.int64, because numba compiles a function anew for each plain number that is handed to it

SURE, ASK, ASK_INTERNATIONAL, ASK_NATIONAL, ASK_WORDED = map(np.int64, (1, 0, 2, 3, 4))
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
        ("bucket_at", np.int32, (4097,)), ("bucket_word", np.int32, (2048,)), ("bucket_set", np.int32, (2048,)),
        ("sets", np.int32, (129,)), ("words", np.uint8, (32768,)), ("word_at", np.int32, (2049,)),
        ("layouts", np.uint8, (4096,)), ("layout_at", np.int32, (257,)),
        ("layout_of", np.int32, (53,)), ("layout_kind", np.int32, (256,)), ("layout_form", np.int32, (256,)),
        ("layout_words", np.int32, (256,)), ("layout_needs", np.uint8, (256,)),
        ("prefixes", np.uint8, (1024,)), ("prefix_at", np.int32, (129,)), ("prefix_first", np.int32, (257,)),
        ("prefix_chars", np.uint8, (128,)), ("prefix_least", np.int32, (128,)), ("prefix_most", np.int32, (128,)),
        ("prefix_form", np.int32, (128,)), ("tlds", np.uint64, (4096,)), ("tld_count", np.int64),
        ("tails", np.uint8, (4096,)), ("resolvers", np.int64, (128,)), ("resolver_count", np.int64),
        ("ibans", np.int8, (676,)),
    ],
    align=True,
)  # fmt: skip
"""Everything that detectors read beside the text; `datacurate/stages/_pii_tables.py` makes it. One record with room for
the largest tables, so that a call hands over one pointer: as a tuple of arrays it was 170 words."""
OPT_ENTROPY, OPT_HASHES, OPT_PUBLIC, OPT_HEAD = 0, 1, 2, 3
N, LOST, ASKED, HASHES, SEEN, WORDS = 0, 1, 2, 3, 4, 5
"""Places of `state`: spans so far, candidates that found no room, candidates for Python, whether the document is full
of hashes (-1: not known yet), how far words were searched for; then, for each set of words, where its last one is."""
SETS = 128
"""Most sets of words."""


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
