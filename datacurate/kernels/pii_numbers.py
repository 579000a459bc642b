"""Numbers that are somebody's: cards, bank accounts, telephones, papers."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    ASK,
    ASK_INTERNATIONAL,
    ASK_NATIONAL,
    ASK_WORDED,
    CARD,
    CLASS,
    DIGITS,
    F_CARD,
    F_IBAN,
    F_PHONE,
    IBAN,
    LOWER,
    PHONE,
    SURE,
    UPPER,
    among,
    emit,
    is_alnum,
    is_digit,
    is_word,
    lower,
    near,
)

PHONE_WORDS, CARD_WORDS, PHONE_LABELS = 0, 1, 7
"""Sets of words that kernels know by number."""
_BEFORE, _AFTER = 48, 12
"""Bytes in front of and behind a number that are searched for words: about eight words, and a label such as `-Fax`."""
_CARD_BEFORE = 64


@inlined
def _joined_before(data, begin, i):
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

    12, 13 and 17 to 19 digits in a row, or numbers that no issuer has, need a word such as `card` in front: one number
    in ten has a right check digit by chance.
    """
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
    if digits < 12 or digits > 19 or _goes_on(data, p, end) or _joined_before(data, begin, i):
        return i
    if groups and (first != 4 or not regular or last > 6 or last < 1 or groups < 2):
        return i
    if i > begin and data[i - 1] in (36, 35, 43) and data[i - 1] != 35:
        return i
    if (odd if digits % 2 else total) % 10:
        return i
    strong = _issuer(prefix, digits) and (groups > 0 or digits == 15 or digits == 14 or digits == 16)
    if not strong and not near(data, begin, end, i, p, _CARD_BEFORE, 0, t, CARD_WORDS):
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


@borrowing
def find_papers(data, begin, end, i, doc, t, out, state, limit):
    """Propose what has the layout of a country's number or passport; the form's check, in Python, decides."""
    digit = is_digit(data[i])
    for k in range(t.layout_of[0 if digit else 1], t.layout_of[1 if digit else 2]):
        a, b = t.layout_at[k], t.layout_at[k + 1]
        if not t.wanted[t.layout_kind[k]] or not _layout(data, i, end, t.layouts, a, b):
            continue
        stop = i + (b - a)
        if _goes_on(data, stop, end) or _joined_before(data, begin, i):
            continue
        if t.layout_needs[k] and not near(data, begin, end, i, stop, _CARD_BEFORE, 0, t, t.layout_words[k]):
            continue
        emit(out, state, limit, doc, t.layout_kind[k], t.layout_form[k], i, stop, ASK)


@inlined
def _separates(c):
    """Characters between the groups of a telephone number."""
    return c == 32 or c == 45 or c == 46 or c == 47 or c == 40 or c == 41


@borrowing
def find_phone(data, begin, end, i, doc, t, out, state, limit):
    """Propose, or write down, a telephone number that begins at `i` with `+`, `(` or a digit; returns its end or `i`.

    With a word such as `phone` or `call` in front, or a label such as `Fax` behind, it is one. Else, with `+` or 00 the
    library decides; `(212) 555-0123` and the like, and numbers that begin with one 0 and stand in groups, are asked of
    the library by region; all others are none.
    """
    plus = data[i] == 43
    p = i + 1 if plus else i
    w0 = w1 = w2 = w3 = 0
    digits = groups = width = opened = 0
    stop = p
    seps = inside = 0
    dots = dashes = spaces = slashes = 0
    while p < end:
        c = data[p]
        if is_digit(c):
            if width == 0 and groups == 0 and digits > 0:
                break
            digits += 1
            width += 1
            seps = 0
            p += 1
            stop = p
            if digits > 15:
                return i
            if p < end and is_digit(data[p]):
                continue
            if groups == 0:
                w0 = width
            elif groups == 1:
                w1 = width
            elif groups == 2:
                w2 = width
            elif groups == 3:
                w3 = width
            groups += 1
            width = 0
            continue
        if not _separates(c) or seps >= 3 or groups > 7:
            break
        if c == 40:
            if opened or (digits == 0 and p > i and not plus):
                break
            opened, inside = 1, groups
        elif c == 41:
            if opened != 1 or seps or groups != inside + 1:
                break
            opened = 2
        elif c == 45:
            dashes += 1
        elif c == 46:
            dots += 1
        elif c == 47:
            slashes += 1
        else:
            spaces += 1
        seps += 1
        p += 1
    for k in range(stop, p):  # those behind the last digit separate nothing
        dashes -= data[k] == 45
        dots -= data[k] == 46
        slashes -= data[k] == 47
        spaces -= data[k] == 32
    if opened == 1 or digits < 7 or (data[i] == 40 and (w0 < 2 or w0 > 5)):
        return i
    if stop < end and (CLASS[data[stop]] & DIGITS) != 0:
        return i
    after = _extension(data, stop, end)
    if after == stop and _number_follows(data, stop, end):
        return i
    if not plus and _rest_of_number(data, begin, i):
        return i
    worded = near(data, begin, end, i, after, _BEFORE, 0, t, PHONE_WORDS)
    worded = worded or among(data, after, min(end, after + _AFTER), t, PHONE_LABELS)
    if dots == 1 and groups == 2 and dashes + spaces + slashes == 0 and not (w0 == 3 and digits == 7):
        return i  # a decimal fraction
    date = _like_date(data, i, w0, w1, w2, groups, dashes, dots, slashes)
    if worded and (digits <= 13 or plus) and dots + slashes < 6 and not date:
        labelled = data[max(begin, i - 1)] == 58 or data[max(begin, i - 2)] == 58
        if (
            groups == 1
            and not plus
            and (digits > 12 or (digits < 9 and not labelled) or _joined_before(data, begin, i))
        ):
            return i
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_WORDED)
        return after
    if plus or (w0 >= 3 and data[i] == 48 and data[i + 1] == 48 and data[i + 2] != 48 and digits >= 10 and groups > 1):
        if plus and i > begin and is_word(data[i - 1]):
            return i
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_INTERNATIONAL)
        return after
    if date:
        return i
    american = (groups == 3 and w0 == 3 and w1 == 3 and w2 == 4) or (
        groups == 4 and w0 == 1 and w1 == 3 and w2 == 3 and w3 == 4 and data[i] == 49
    )
    if american and digits <= 11 and (dashes == groups - 1 or dots == groups - 1 or opened == 2):
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_NATIONAL)
        return after
    zero = data[i] == 48 or (data[i] == 40 and data[i + 1] == 48)
    kinds = (dashes > 0) + (dots > 0) + (slashes > 0)
    if zero and 9 <= digits <= 12 and 2 <= groups <= 6 and w0 >= 2 and kinds <= 2:
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_NATIONAL)
        return after
    return i


@borrowing
def _extension(data, p, end):
    """The end of an extension behind a number: `x123`, ` ext. 123`."""
    q = p
    if q < end and data[q] == 32:
        q += 1
    if q + 2 < end and lower(data[q]) == 101 and lower(data[q + 1]) == 120 and lower(data[q + 2]) == 116:
        q += 3
        if q < end and data[q] == 46:
            q += 1
        if q < end and data[q] == 32:
            q += 1
    elif q < end and lower(data[q]) == 120:
        q += 1
    else:
        return p
    from_ = q
    while q < end and q - from_ < 7 and is_digit(data[q]):
        q += 1
    return q if from_ < q and (q >= end or not is_word(data[q])) else p


@borrowing
def _number_follows(data, stop, end):
    """Whether what ends at `stop` goes on as something else: letters, decimals, an amount."""
    if stop >= end:
        return False
    c = data[stop]
    if is_word(c) or c == 37:
        return True
    if c in (44, 46, 58, 45, 47) and stop + 1 < end:
        return is_digit(data[stop + 1])
    return False


@borrowing
def _rest_of_number(data, begin, i):
    """Whether what begins at `i` is the rest of another number, a path, a name, an amount or a decimal."""
    if i == begin:
        return False
    c = data[i - 1]
    if is_word(c) or c in (36, 43, 35, 37) or (c == 45 and i - 1 == begin):
        return is_word(c) or c != 35
    if i - 1 == begin:
        return False
    b = data[i - 2]
    if c in (45, 46, 44, 47):
        return is_alnum(b) or c == 46 or (c == 45 and b != 32 and b != 10) or (c == 47 and b == 47)
    if c == 58:
        return is_digit(b)
    return (c == 32 or c == 40 or c == 41) and is_digit(b)


@borrowing
def _like_date(data, i, w0, w1, w2, groups, dashes, dots, slashes):
    """Whether the first groups are a date or a span of years: 2020-06-20, 01.02.2003, 1990-1995."""
    if data[i] == 40 or groups < 2:
        return False
    if w0 == 4 and (data[i] == 49 or data[i] == 50) and (w1 == 2 or w1 == 1) and dashes + dots + slashes >= 1:
        return True
    if w0 == 4 and w1 == 4 and groups == 2 and (data[i] == 49 or data[i] == 50) and data[i + 1] in (48, 55, 56, 57):
        return data[i + 5] == 49 or data[i + 5] == 50
    return groups >= 3 and w0 <= 2 and w1 <= 2 and w2 == 4 and dashes + dots + slashes >= 2
