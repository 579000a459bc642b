"""Secrets that are typed: options of command lines, and the contents of XML's elements."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_assigned import is_password, named, take, value_at
from datacurate.kernels.pii_bytes import CLASS, F_PASSWORD, LOWER, PASSWORD, SURE, UPPER, WORDS, emit, is_word
from datacurate.kernels.pii_words import TYPED_A, TYPED_P, TYPED_U, near, same

_USER = np.frombuffer(b"user", np.uint8)
_REACH = 64
"""Bytes in front of an option in which the command must stand."""


@inlined
def _is_letter(c):
    return (CLASS[c] & (UPPER | LOWER)) != 0


@borrowing
def find_option(data, begin, end, i, doc, t, out, state, limit):
    """Write down the secret behind the option whose `-` is at `i`: `--password X`, and of some commands `-pX`, `-a X`,
    `-u user:X` and `--user user:X`; returns where the search goes on.

    A single letter means many things (`mkdir -p`, `docker run -p 80:80`), so the command must stand on the same line.
    """
    if i > begin and data[i - 1] not in (32, 9, 10, 34, 39, 91, 44, 96):
        return i + 1
    if i + 3 >= end:
        return i + 1
    if data[i + 1] == 45 and _is_letter(data[i + 2]):
        p = i + 2
        while p < end and p - i < 48 and (is_word(data[p]) or data[p] == 45):
            p += 1
        if p - i == 6 and p < end and same(data, i + 2, _USER, 0, 4):
            if (data[p] == 32 or data[p] == 61) and _typed(data, begin, end, i, t, state, TYPED_U):
                _take(data, end, p + 1, True, doc, t, out, state, limit)
            return i + 2
        says = named(data, i + 2, p, t) if p < end and data[p] == 32 else 0
        if says:
            while p < end and data[p] == 32:
                p += 1
            if p < end and data[p] != 45:
                take(data, begin, end, p, says, doc, t, out, state, limit)
        return i + 2
    if data[i + 1] == 112 and _typed(data, begin, end, i, t, state, TYPED_P):
        _take(data, end, i + 2, False, doc, t, out, state, limit)
    elif data[i + 1] == 117 and data[i + 2] == 32 and _typed(data, begin, end, i, t, state, TYPED_U):
        _take(data, end, i + 3, True, doc, t, out, state, limit)
    elif data[i + 1] == 97 and data[i + 2] == 32 and _typed(data, begin, end, i, t, state, TYPED_A):
        _take(data, end, i + 3, False, doc, t, out, state, limit)
    return i + 1


@borrowing
def _typed(data, begin, end, i, t, state, which):
    """Whether a command of the set `which` stands in front, on the same line."""
    if not near(data, begin, end, i, _REACH, t, state, which):
        return False
    for k in range(max(begin, state[WORDS + which]), i):  # noqa: SIM110
        if data[k] == 10:
            return False
    return True


@borrowing
def _take(data, end, v, pair, doc, t, out, state, limit):
    """Write down the password at `v`; of a pair, what stands behind its first colon."""
    while v < end and data[v] == 32:
        v += 1
    v, q, quote = value_at(data, end, v)
    if pair:
        while v < q and data[v] != 58:
            v += 1
        v += 1
    if v < q and is_password(data, v, q, quote, t, True):
        emit(out, state, limit, doc, PASSWORD, F_PASSWORD, v, q, SURE)


@borrowing
def _attributes(data, begin, i):
    """Where the attributes of the element whose `>` is at `i` begin, at a space; `i` when it has none."""
    if i == begin or (data[i - 1] != 34 and data[i - 1] != 39):
        return i
    space = i
    for k in range(i - 1, max(begin, i - 96) - 1, -1):
        if data[k] == 32:
            space = k
        elif data[k] == 60:
            return space
        elif data[k] == 62 or data[k] == 10:
            break
    return i


@borrowing
def find_element(data, begin, end, i, doc, t, out, state, limit):
    """Write down what `<password>X</password>` holds, whose first `>` is at `i`."""
    name_end = _attributes(data, begin, i)
    p = name_end
    while p > begin and name_end - p < 64 and (is_word(data[p - 1]) or data[p - 1] in (45, 58, 46)):
        p -= 1
    if name_end - p < 3 or p == begin or data[p - 1] != 60:
        return
    says = named(data, p, name_end, t)
    if not says:
        return
    v = i + 1
    q = v
    while q < end and q - v < 256 and data[q] != 60 and data[q] != 10:
        q += 1
    if q + 1 < end and data[q] == 60 and data[q + 1] == 47 and q > v:
        if says & 2 and is_password(data, v, q, np.uint8(34), t, True):
            emit(out, state, limit, doc, PASSWORD, F_PASSWORD, v, q, SURE)
        elif says & 1:
            take(data, begin, end, v, 1, doc, t, out, state, limit)
