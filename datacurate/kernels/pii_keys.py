"""Keys that show in their form: by prefixes, JSON web tokens, blocks of private keys."""

from __future__ import annotations

import math

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    F_JWT,
    F_PRIVATE,
    KEY,
    SURE,
    emit,
    is_alnum,
    is_digit,
    is_word,
)
from datacurate.kernels.pii_words import same

LONGEST = 256
"""Bytes of the longest value that is read; longer ones are data, not secrets."""
_BLOCK = 16_384
"""Bytes of the longest block of a private key (RSA of 16,384 bits takes 12,800)."""
CHARS = np.zeros(256, np.uint8)
"""Bits: what alphabets of keys a byte is in."""
CAPITALS, LETTERS, NAMES, HEXES, DOTTED, SLASHED = 1, 2, 4, 8, 16, 32
for _c in range(256):
    _ch = chr(_c)
    _letter = _c < 128 and _ch.isalnum()
    CHARS[_c] = (
        CAPITALS * (_letter and not _ch.islower())
        | LETTERS * _letter
        | NAMES * (_letter or _ch in "_-")
        | HEXES * (_letter and _ch in "0123456789abcdefABCDEF")
        | DOTTED * (_letter or _ch in "_-.")
        | SLASHED * (_letter or _ch in "_-+/=")
    )
_LOGS = np.array([0.0] + [n * math.log2(n) for n in range(1, LONGEST + 1)])
_BEGIN = np.frombuffer(b"-----BEGIN ", np.uint8)
_END = np.frombuffer(b"-----END ", np.uint8)
_EXAMPLE = np.frombuffer(b"example", np.uint8)
_PRIVATE = np.frombuffer(b"PRIVATE KEY", np.uint8)


@borrowing
def _starts(data, i, end, word):
    if i + len(word) > end:
        return False
    for k in range(len(word)):  # noqa: SIM110
        if data[i + k] != word[k]:
            return False
    return True


@borrowing
def entropy(data, i, stop):
    """Shannon's entropy of bytes, in bits per byte."""
    size = stop - i
    if size < 1 or size > LONGEST:
        return 0.0
    total = 0.0
    for k in range(i, stop):
        seen = False
        for q in range(i, k):
            if data[q] == data[k]:
                seen = True
                break
        if seen:
            continue
        count = 0
        for q in range(k, stop):
            count += data[q] == data[k]
        total += _LOGS[count]
    return math.log2(size) - total / size


@borrowing
def made_up(data, i, stop):
    """Whether a value is a stand-in: it says EXAMPLE, or has fewer than five different characters."""
    different = 0
    for k in range(i, stop):
        seen = False
        for q in range(max(i, k - 16), k):
            if data[q] == data[k]:
                seen = True
                break
        different += not seen
        if different > 8:
            break
    return different < 5 or _says_example(data, i, stop)


@borrowing
def _says_example(data, i, stop):
    for k in range(i, stop - 6):  # noqa: SIM110
        if same(data, k, _EXAMPLE, 0, 7):
            return True
    return False


@borrowing
def find_key(data, begin, end, i, doc, t, out, state, limit):
    """Write down a key of the table whose prefix stands at `i`; returns its end, or `i`."""
    if i > begin and data[i - 1] in (46, 47) and i - 1 > begin and is_alnum(data[i - 2]):
        return i
    for k in range(t.prefix_first[data[i]], t.prefix_first[np.int64(data[i]) + 1]):
        a, b = t.prefix_at[k], t.prefix_at[k + 1]
        if i + (b - a) > end:
            continue
        same = True
        for q in range(b - a):
            if data[i + q] != t.prefixes[a + q]:
                same = False
                break
        if not same:
            continue
        p = i + (b - a)
        most = p + t.prefix_most[k]
        while p < end and p <= most and (CHARS[data[p]] & t.prefix_chars[k]) != 0:
            p += 1
        size = p - i - (b - a)
        if size < t.prefix_least[k] or size > t.prefix_most[k] or (p < end and is_word(data[p])):
            continue
        if made_up(data, i + (b - a), p) or not _has_digit(data, i + (b - a), p):
            continue
        emit(out, state, limit, doc, KEY, t.prefix_form[k], i, p, SURE)
        return p
    return i


@inlined
def _has_digit(data, i, stop):
    for k in range(i, stop):  # noqa: SIM110
        if is_digit(data[k]):
            return True
    return False


@borrowing
def find_jwt(data, end, i, doc, out, state, limit):
    """Write down a JSON web token, three parts in Base64 of which two begin like JSON; returns its end, or `i`."""
    p = i
    dots = 0
    while p < end and p - i < _BLOCK and ((CHARS[data[p]] & NAMES) != 0 or (data[p] == 46 and dots < 2)):
        if data[p] == 46:
            dots += 1
            if dots == 1 and not (p + 3 < end and data[p + 1] == 101 and data[p + 2] == 121 and data[p + 3] == 74):
                return i
        p += 1
    if dots < 2 or p - i < 36:
        return i
    emit(out, state, limit, doc, KEY, F_JWT, i, p, SURE)
    return p


@borrowing
def find_private_key(data, begin, end, i, doc, out, state, limit):
    """Write down a block of a private key whose word BEGIN is at `i`, to its end line; returns its end, or `i`.

    A block without an end line ends behind the last line of Base64.
    """
    start = i - 5
    if start < begin or not _starts(data, start, end, _BEGIN):
        return i
    p = i + 6
    while p < end and p - i < 40 and data[p] != 45 and not _starts(data, p, end, _PRIVATE):
        p += 1
    if not _starts(data, p, end, _PRIVATE):
        return i
    p += len(_PRIVATE)
    while p < end and data[p] != 10 and data[p] == 45:
        p += 1
    body = p
    high = min(end, start + _BLOCK)
    while p < high:
        if data[p] == 45 and _starts(data, p, end, _END):
            stop = p + len(_END)
            while stop < end and stop - p < 60 and data[stop] != 45 and data[stop] != 10:
                stop += 1
            while stop < end and data[stop] == 45:
                stop += 1
            if p - body < 24 or _says_example(data, body, min(p, body + 32)):
                return i
            emit(out, state, limit, doc, KEY, F_PRIVATE, start, stop, SURE)
            return stop
        p += 1
    p = body
    while p < high and ((CHARS[data[p]] & SLASHED) != 0 or data[p] in (10, 13, 92, 34, 44, 32)):
        p += 1
    if p - body < 40 or _says_example(data, body, min(p, body + 32)):
        return i
    emit(out, state, limit, doc, KEY, F_PRIVATE, start, p, SURE)
    return p
