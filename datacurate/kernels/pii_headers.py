"""What stands in a header `Authorization`: a scheme, and a token or `user:password` in Base64."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing
from datacurate.kernels.pii_bytes import (
    CLASS,
    F_KEY,
    F_PASSWORD,
    KEY,
    LOWER,
    PASSWORD,
    SURE,
    UPPER,
    emit,
    is_digit,
    lower,
)
from datacurate.kernels.pii_keys import CHARS, SLASHED, made_up
from datacurate.kernels.pii_words import SCHEMES, is_among


@borrowing
def scheme_at(data, v, end, t):
    """The scheme of a header `Authorization` at `v` (1: Bearer and the like, 2: Basic, 0: none), and where it ends."""
    p = v
    while p < end and p - v < 8 and (CLASS[data[p]] & (UPPER | LOWER)) != 0:
        p += 1
    if p + 1 >= end or data[p] != 32 or not is_among(data, v, p, t, SCHEMES):
        return 0, v
    return (2 if lower(data[v]) == 98 and lower(data[v + 1]) == 97 else 1), p + 1


@borrowing
def take_token(data, end, v, scheme, doc, out, state, limit):
    """Write down what follows `Bearer` or, if it is `user:password` in Base64, `Basic`."""
    q = v
    while q < end and q - v <= 2048 and ((CHARS[data[q]] & SLASHED) != 0 or data[q] in (46, 126)):
        q += 1
    while q > v and data[q - 1] == 46:
        q -= 1
    if q - v < 8 or q - v > 2048 or (q < end and (data[q] >= 128 or data[q] in (36, 37, 40, 60, 62, 91, 123, 125, 42))):
        return
    if made_up(data, v, q):
        return
    if scheme == 2:
        if _holds_pair(data, v, q):
            emit(out, state, limit, doc, PASSWORD, F_PASSWORD, v, q, SURE)
        return
    digits = letters = 0
    for k in range(v, q):
        digits += is_digit(data[k])
        letters += (CLASS[data[k]] & (UPPER | LOWER)) != 0
    if q - v >= 12 and digits > 1 and letters > 1:
        emit(out, state, limit, doc, KEY, F_KEY, v, q, SURE)


@borrowing
def _holds_pair(data, v, q):
    """Whether Base64 holds `user:password`, of characters that can be typed (RFC 7617)."""
    bits = count = np.int64(0)
    colon = False
    for k in range(v, q):
        c = np.int64(data[k])
        if c == 61:
            break
        if 65 <= c <= 90:
            six = c - 65
        elif 97 <= c <= 122:
            six = c - 71
        elif 48 <= c <= 57:
            six = c + 4
        else:
            six = np.int64(62 if c == 43 or c == 45 else 63)
        bits = ((bits << 6) | six) & 0xFFFF
        count += 6
        if count >= 8:
            count -= 8
            byte = (bits >> count) & 255
            if byte < 32 or byte == 127:
                return False
            colon = colon or byte == 58
    return colon
