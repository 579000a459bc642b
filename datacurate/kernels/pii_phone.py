"""Telephone numbers: groups of digits that look like one, and the words around them."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    ASK_INTERNATIONAL,
    ASK_NATIONAL,
    ASK_WORDED,
    CLASS,
    DIGITS,
    F_PHONE,
    PHONE,
    UPPER,
    WORDS,
    emit,
    is_alnum,
    is_digit,
    is_word,
    lower,
)
from datacurate.kernels.pii_numbers import joined_before
from datacurate.kernels.pii_words import PHONE_LABELS, PHONE_WORDS, among, near

_BEFORE, _AFTER = 48, 12
"""Bytes in front of and behind a number that are searched for words: about eight words, and a label such as `-Fax`."""


@inlined
def _separates(c):
    """Characters between the groups of a telephone number."""
    return c == 32 or c == 45 or c == 46 or c == 47 or c == 40 or c == 41


@borrowing
def find_phone(data, begin, end, i, doc, t, out, state, limit):
    """Propose, or write down, a telephone number that begins at `i` with `+`, `(` or a digit; returns its end or `i`.

    With a word such as `phone` or `call` in front, or a label such as `Fax` behind, it is one. Else, with `+` or 00 the
    library decides; `(212) 555-0123` and the like, and numbers that begin with one 0 and stand in groups, are asked of
    the library by region; all others are none. Of more than 15 digits behind a word the first group may be a prefix of
    its own, as in Britain's text relay, `18001 0800 ...`.
    """
    plus = data[i] == 43
    if not plus and _rest_of_number(data, begin, i):
        return i
    p = i + 1 if plus else i
    widths = np.int64(0)  # of the groups, four bits each
    digits = groups = width = opened = 0
    stop = p
    seps = inside = 0
    dots = dashes = spaces = slashes = 0
    again = False
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
                second = _second_group(data, i, p)
                if again or second == i or not near(data, begin, end, i, _BEFORE, t, state, PHONE_WORDS):
                    return i
                again = True
                i = p = stop = second
                widths = np.int64(0)
                digits = groups = width = opened = seps = inside = dots = dashes = spaces = slashes = 0
                continue
            if p < end and is_digit(data[p]):
                continue
            widths |= width << (4 * groups)
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
            if opened != 1 or seps or groups > inside + 2:
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
        if data[k] == 40:
            opened = 0
    w0, w1, w2, w3 = widths & 15, (widths >> 4) & 15, (widths >> 8) & 15, (widths >> 12) & 15
    if opened == 1 or digits < 7 or (data[i] == 40 and w0 > 5):
        return i
    if stop < end and (CLASS[data[stop]] & DIGITS) != 0:
        return i
    after = _extension(data, stop, end)
    if after == stop and _number_follows(data, stop, end):
        return i
    worded = _says_phone(data, begin, end, i, after, t, state)
    if dots == 1 and groups == 2 and dashes + spaces + slashes == 0 and not (w0 == 3 and digits == 7):
        return i  # a decimal fraction
    date = _like_date(data, i, w0, w1, w2, groups, dashes, dots, slashes)
    if worded and (digits <= 13 or plus) and dots + slashes < 6 and not date:
        labelled = data[max(begin, i - 1)] == 58 or data[max(begin, i - 2)] == 58
        if groups == 1 and not plus and (digits > 12 or (digits < 9 and not labelled) or joined_before(data, begin, i)):
            return i
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_WORDED)
        return after
    if plus or (w0 >= 3 and data[i] == 48 and data[i + 1] == 48 and data[i + 2] != 48 and digits >= 10 and groups > 1):
        if plus and i > begin and is_word(data[i - 1]):
            return i
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_INTERNATIONAL)
        return after
    if date or (data[i] == 40 and w0 < 2):
        return i
    if (opened and inside and (inside > 1 or w0 > 1)) or (dots and (slashes or (groups > 4 and digits > 10))):
        return i  # 778-782 (1976), 0891.2/2758, 03.08.16.0001.01
    american = (groups == 3 and w0 == 3 and w1 == 3 and w2 == 4) or (
        groups == 4 and w0 == 1 and w1 == 3 and w2 == 3 and w3 == 4 and data[i] == 49
    )
    if american and digits <= 11 and after > stop:
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_WORDED)
        return after
    if american and digits <= 11 and (dashes == groups - 1 or dots == groups - 1 or opened == 2):
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_NATIONAL)
        return after
    zero = data[i] == 48 or (data[i] == 40 and data[i + 1] == 48)
    if w0 == 2 and w1 == 2 and w2 == 2 and w3 == 2 and spaces >= 4 and _is_draw(data, i, stop, end):
        return i
    kinds = (dashes > 0) + (dots > 0) + (slashes > 0)
    if zero and groups == 2 and w1 == 4 and ((w0 == 5 and dashes) or _is_century(data, stop - 4)):
        return i  # 02110-1301, a postal code; 046110 2008, a journal's page and year
    if zero and 9 <= digits <= 12 and 2 <= groups <= 6 and w0 >= 2 and kinds <= 2:
        emit(out, state, limit, doc, PHONE, F_PHONE, i, after, ASK_NATIONAL)
        return after
    return i


@borrowing
def _second_group(data, i, p):
    """Where the group behind the first space between `i` and `p` begins, if it begins with 0; else `i`."""
    for k in range(i, p - 1):
        if not is_digit(data[k]):
            return k + 1 if data[k] == 32 and data[k + 1] == 48 else i
    return i


@borrowing
def _is_draw(data, i, stop, end):
    """Whether groups of two digits ascend and none is above 70, as in draws of lotteries: 04 08 15 16 23.

    One French number in fifty is so too; one with a name in brackets behind it, `06 12 34 56 60 (Marie)`, is none.
    """
    if stop + 2 < end and data[stop] == 32 and data[stop + 1] == 40:
        c = data[stop + 2]
        if c >= 128 or (CLASS[c] & UPPER) != 0:
            return False
    last = np.int64(-1)
    p = i
    while p + 1 < stop:
        if is_digit(data[p]) and is_digit(data[p + 1]):
            value = (np.int64(data[p]) - 48) * 10 + np.int64(data[p + 1]) - 48
            if value <= last or value > 70:
                return False
            last = value
            p += 1
        p += 1
    return True


@borrowing
def _says_phone(data, begin, end, i, after, t, state):
    """Whether a word such as `phone` stands in front, on the same line or with no other number between, or a label such
    as `Fax` behind."""
    if near(data, begin, end, i, _BEFORE, t, state, PHONE_WORDS):
        line = digits = False
        for k in range(max(begin, state[WORDS + PHONE_WORDS]), i):
            line = line or data[k] == 10
            digits = digits or is_digit(data[k])
        if not (line and digits):
            return True
    return among(data, after, min(end, after + _AFTER), t, PHONE_LABELS)


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
    if w0 == 4 and w1 == 4 and (groups == 2 or w2 == 4) and _is_century(data, i):
        second = i + 4
        while not is_digit(data[second]):
            second += 1
        return _is_century(data, second)
    return (
        groups >= 3 and w0 <= 2 and w1 <= 2 and w2 >= 4 and (w2 == 4 or slashes == 2) and dashes + dots + slashes >= 2
    )


@inlined
def _is_century(data, i):
    """Whether a number begins like a year: 17, 18, 19, 20."""
    return (data[i] == 49 and data[i + 1] in (55, 56, 57)) or (data[i] == 50 and data[i + 1] == 48)
