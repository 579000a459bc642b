"""Numbers that are somebody's: cards, bank accounts, telephones, papers."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    ASK,
    CARD,
    CLASS,
    DIGITS,
    F_CARD,
    F_IBAN,
    IBAN,
    LOWER,
    SURE,
    UPPER,
    emit,
    is_alnum,
    is_digit,
    is_word,
    lower,
)
from datacurate.kernels.pii_words import CARD_WORDS, near

_BEFORE = 64
"""Bytes in front of cards and papers that are searched for words."""


@inlined
def joined_before(data, begin, i):
    """Whether the number at `i` is the rest of something: a letter or digit and one of `-./,:` stand in front."""
    return i - 1 > begin and data[i - 1] in (45, 46, 47, 44, 58, 64) and is_alnum(data[i - 2])


@inlined
def _goes_on(data, p, end):
    """Whether the number that ends at `p` goes on: a letter, or a digit behind one of `-./,:`."""
    if p >= end:
        return False
    if is_word(data[p]):
        return True
    return data[p] in (45, 46, 47, 44, 58) and p + 1 < end and is_digit(data[p + 1])


@inlined
def _issuer(prefix, length):
    """Whether cards of this many digits begin with these six (ISO/IEC 7812; ranges as card networks publish them)."""
    two, four = prefix // 10_000, prefix // 100
    if prefix // 100_000 == 4:
        return length == 13 or length == 16 or length == 19
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return length == 16
    if two == 34 or two == 37:
        return length == 15
    if 300 <= prefix // 1000 <= 305 or two == 36 or two == 38 or two == 39:
        return length == 14 or (two != 36 and length == 16)
    if four == 6011 or 644 <= prefix // 1000 <= 649 or two == 65 or 622126 <= prefix <= 622925:
        return 16 <= length <= 19
    if 3528 <= four <= 3589:
        return 16 <= length <= 19
    if four == 2131 or four == 1800:
        return length == 15
    if 2200 <= four <= 2204:
        return 16 <= length <= 19
    if four in (5018, 5020, 5038, 5893, 6304, 6390) or 6759 <= four <= 6763 or 56 <= two <= 58:
        return 12 <= length <= 19
    return two == 62 and 16 <= length <= 19


@borrowing
def find_card(data, begin, end, i, doc, t, out, state, limit):
    """Write down a card number whose first digit is at `i`; returns its end, or `i`.

    12 and 13 digits, 17 to 19 in a row, and numbers that no issuer has, need a word such as `card` in front: one number
    in ten has a right check digit by chance.
    """
    if joined_before(data, begin, i):
        return i
    p = i
    digits = groups = width = 0
    first = last = 0
    total = odd = np.int64(0)  # Luhn sums, whichever digit is doubled
    prefix = np.int64(0)
    join = np.uint8(0)
    regular = True
    while p < end and digits < 20:
        c = data[p]
        if is_digit(c):
            d = np.int64(c) - 48
            twice = 2 * d - 9 * (d > 4)
            if digits % 2:
                total += d
                odd += twice
            else:
                total += twice
                odd += d
            if digits < 6:
                prefix = prefix * 10 + d
            digits += 1
            width += 1
            p += 1
            continue
        if (c != 32 and c != 45) or p + 1 >= end or not is_digit(data[p + 1]) or (groups and c != join):
            break
        if groups == 0:
            if width != 4:
                break
            first = width
        elif width != (6 if first == 4 and groups == 1 and width == 6 else 4):
            regular = False
        if width > 6 or width < 4:
            break
        join = c
        groups += 1
        width = 0
        p += 1
    last = width
    if digits < 12 or digits > 19 or _goes_on(data, p, end):
        return i
    if groups and (first != 4 or not regular or last > 6 or last < 1 or groups < 2):
        return i
    if i > begin and data[i - 1] in (36, 35, 43) and data[i - 1] != 35:
        return i
    if (odd if digits % 2 else total) % 10:
        return i
    strong = _issuer(prefix, digits) and digits >= 14 and (groups > 0 or digits <= 16)
    if not strong and not near(data, begin, end, i, _BEFORE, t, state, CARD_WORDS):
        return i
    if data[i] == data[p - 1] and _all_same(data, i, p):
        return i
    emit(out, state, limit, doc, CARD, F_CARD, i, p, SURE)
    return p


@borrowing
def _all_same(data, i, p):
    """Whether all digits but the last are zeros or the same."""
    for k in range(i + 1, p - 1):  # noqa: SIM110
        if is_digit(data[k]) and data[k] != data[i]:
            return False
    return True


@borrowing
def find_iban(data, begin, end, i, doc, t, out, state, limit):
    """Write down an account number of its country's length whose remainder by 97 is 1; returns its end, or `i`."""
    a, b = lower(data[i]), lower(data[i + 1])
    if not 97 <= a <= 122 or not 97 <= b <= 122:
        return i
    want = np.int64(t.ibans[(np.int64(a) - 97) * 26 + np.int64(b) - 97])
    if want == 0:
        return i
    small = data[i] >= 97
    count, value, p, group = 0, np.int64(0), i + 4, 4
    count = 4
    grouped = p < end and (data[p] == 32 or data[p] == 45)
    join = data[p] if grouped else np.uint8(0)
    while p < end and count < want:
        c = data[p]
        if grouped and group == 4:
            if c != join:
                return i
            group = 0
            p += 1
            continue
        kind = CLASS[c]
        if kind == DIGITS:
            value = (value * 10 + np.int64(c) - 48) % 97
        elif kind == UPPER or (kind == LOWER and (small or not grouped)):
            value = (value * 100 + np.int64(lower(c)) - 87) % 97
        else:
            return i
        group += 1
        count += 1
        p += 1
    if count < want or (p < end and is_word(data[p])):
        return i
    for k in range(2):
        value = (value * 100 + np.int64(lower(data[i + k])) - 87) % 97
    value = (value * 100 + (np.int64(data[i + 2]) - 48) * 10 + np.int64(data[i + 3]) - 48) % 97
    if value != 1:
        return i
    emit(out, state, limit, doc, IBAN, F_IBAN, i, p, SURE)
    return p


@inlined
def _layout(data, i, end, layouts, a, b):
    """Whether the text at `i` has a layout: 9 a digit, A a capital, X either, all else itself."""
    if i + (b - a) > end:
        return False
    for k in range(b - a):
        want, c = layouts[a + k], data[i + k]
        if want == 57:
            if not is_digit(c):
                return False
        elif want == 65:
            if (CLASS[c] & UPPER) == 0:
                return False
        elif want == 88:
            if (CLASS[c] & (UPPER | DIGITS)) == 0:
                return False
        elif want != c:
            return False
    return True


@inlined
def find_papers(data, begin, end, i, doc, t, out, state, limit):
    """Propose what has the layout of a country's number or passport; the form's check, in Python, decides."""
    if joined_before(data, begin, i):
        return
    lead = 1
    while i + lead < end and lead < 25 and CLASS[data[i + lead]] == CLASS[data[i]]:
        lead += 1
    first = 0 if is_digit(data[i]) else 26
    if t.layout_of[first + lead] < t.layout_of[first + lead + 1]:
        _try_layouts(data, begin, end, i, first + lead, doc, t, out, state, limit)
    if t.layout_of[first] < t.layout_of[first + 1]:
        _try_layouts(data, begin, end, i, first, doc, t, out, state, limit)


@borrowing
def _try_layouts(data, begin, end, i, group, doc, t, out, state, limit):
    for k in range(t.layout_of[group], t.layout_of[group + 1]):
        a, b = np.int64(t.layout_at[k]), np.int64(t.layout_at[k + 1])
        if not t.wanted[t.layout_kind[k]] or not _layout(data, i, end, t.layouts, a, b):
            continue
        stop = i + (b - a)
        if _goes_on(data, stop, end):
            continue
        if t.layout_needs[k] and not near(data, begin, end, i, _BEFORE, t, state, t.layout_words[k]):
            continue
        emit(out, state, limit, doc, t.layout_kind[k], t.layout_form[k], i, stop, ASK)
