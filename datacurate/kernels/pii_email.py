"""Email addresses, from their `@`: ours, and datatrove's expression byte for byte."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, hash_bytes, inlined
from datacurate.kernels.pii_bytes import CLASS, EMAIL, F_EMAIL, SURE, emit, is_alnum, lower
from datacurate.kernels.pii_words import same

_MOST_LOCAL, _MOST_DOMAIN = 64, 253
"""Longest parts in bytes (RFC 5321, 4.5.3.1)."""
_INSIDE = np.zeros(256, np.bool_)
_INSIDE[[ord(c) for c in "._%+-'"]] = True
_NAMES = b"example"
_SERVICE = b"git"


@inlined
def _lead(c):
    """0: no letter beyond ASCII begins here; 1: of Latin, Greek, Cyrillic, Armenian; 2: of another script."""
    if c < 0xC3:
        return 0
    if c <= 0xD6:
        return 1
    return 2


@inlined
def _start_of(data, low, p):
    """Where the character that ends in front of `p` begins."""
    q = p - 1
    while q > low and p - q < 4 and (data[q] & 0xC0) == 0x80:
        q -= 1
    return q


@borrowing
def local_at(data, begin, at):
    """Where the part in front of `@` begins; `at` when there is none.

    Letters of scripts that are written without spaces belong to it only if all of it is such letters, so that words in
    front of an address do not.
    """
    p = at
    kind = 0
    while p > begin:
        c = data[p - 1]
        if c < 128:
            if not (is_alnum(c) or _INSIDE[c]) or kind == 2:
                break
            if is_alnum(c):
                kind = 1
            p -= 1
        else:
            q = _start_of(data, begin, p)
            lead = _lead(data[q])
            if lead == 0 or (lead == 2 and kind == 1) or (lead == 1 and kind == 2):
                break
            kind = max(kind, lead)
            p = q
        if at - p > _MOST_LOCAL:
            return at
    while p < at and data[p] < 128 and not is_alnum(data[p]) and data[p] != 95:
        p += 1
    if p == at or data[at - 1] == 46 or data[at - 1] == 39:
        return at
    for k in range(p, at - 1):
        if data[k] == 46 and data[k + 1] == 46:
            return at
    return p


@borrowing
def label_at(data, i, end):
    """The end of the label of a host name at `i`; `i` when there is none."""
    p = i
    kind = 0
    while p < end:
        c = data[p]
        if c < 128:
            if not (is_alnum(c) or (c == 45 and p > i)) or kind == 2:
                break
            if is_alnum(c):
                kind = 1
            p += 1
        else:
            lead = _lead(c)
            if lead == 0 or (lead == 2 and kind == 1) or (lead == 1 and kind == 2):
                break
            kind = max(kind, lead)
            p += 1
            while p < end and (data[p] & 0xC0) == 0x80:
                p += 1
    while p > i and data[p - 1] == 45:
        p -= 1
    return p


@borrowing
def is_tld(data, start, end, t, buffer):
    """Whether the label is a top-level domain of the public suffix list, or one in Punycode."""
    width = end - start
    if width < 2 or width > len(buffer):
        return False
    for k in range(width):
        buffer[k] = lower(data[start + k])
    if width > 4 and buffer[0] == 120 and buffer[1] == 110 and buffer[2] == 45 and buffer[3] == 45:
        return True
    wanted = hash_bytes(buffer, 0, width)
    low, high = 0, t.tld_count
    while low < high:
        middle = (low + high) >> 1
        if t.tlds[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < t.tld_count and t.tlds[low] == wanted


@borrowing
def _is(data, start, end, word):
    return end - start == len(word) and same(data, start, word, 0, len(word))


_EXAMPLE = np.frombuffer(_NAMES, np.uint8)
_GIT = np.frombuffer(_SERVICE, np.uint8)


@borrowing
def is_nobodys(data, start, at, label):
    """Whether the user is `git`, or the label of the host in front of its suffix is `example`."""
    stop = label
    while is_alnum(data[stop]) or data[stop] == 45:
        stop += 1
    return _is(data, start, at, _GIT) or _is(data, label, stop, _EXAMPLE)


@borrowing
def find_email(data, begin, end, at, doc, t, buffer, out, state, limit):
    """Write down the address around the `@` at `at`; returns where the search goes on.

    The host's last label is a top-level domain. Hosts named `example` (RFC 2606) and the user `git` are nobody's.
    """
    start = local_at(data, begin, at)
    if start == at:
        return at + 1
    place = at + 1
    before, label, last = at, at + 1, at
    known = False
    while place < end and place - at <= _MOST_DOMAIN:
        stop = label_at(data, place, end)
        if stop == place:
            break
        if place > at + 1 and is_tld(data, place, stop, t, buffer):
            before, last, known = label, stop, True
        label = place
        if stop >= end or data[stop] != 46:
            break
        place = stop + 1
    if not known or (last < end and (data[last] == 40 or data[last] == 95)):
        return at + 1
    if is_nobodys(data, start, at, before):
        return last
    emit(out, state, limit, doc, EMAIL, F_EMAIL, start, last, SURE)
    return last


_ATEXT = np.zeros(256, np.bool_)
_ATEXT[[ord(c) for c in "!#$%&'*+/=?^_`{|}~-"]] = True
_ATEXT[CLASS != 0] = True


@inlined
def _octet(data, i, end):
    """The end of the number at `i` that a dot follows, of at most 255 in at most three digits; `i` if there is none."""
    p = i
    value = 0
    while p < end and p - i < 4 and 48 <= data[p] <= 57:
        value = value * 10 + (np.int64(data[p]) - 48)
        p += 1
    if i < p <= i + 3 and value <= 255 and p < end and data[p] == 46:
        return p
    return i


@inlined
def _last_octet(data, i, end):
    """The end of what the expression takes as the last number."""
    p = i
    value = 0
    while p < end and p - i < 3 and 48 <= data[p] <= 57:
        value = value * 10 + (np.int64(data[p]) - 48)
        p += 1
    return p if p - i < 3 or value <= 255 else i + 2


@borrowing
def quad(data, i, end):
    """The end of what datatrove's expression for addresses of version 4 matches at `i`; `i` if it does not."""
    p = i
    for _ in range(3):
        stop = _octet(data, p, end)
        if stop == p:
            return i
        p = stop + 1
    stop = _last_octet(data, p, end)
    return stop if stop > p else i


@borrowing
def _literal(data, i, end):
    """The end of an address in brackets at `i`."""
    if data[i] != 91:
        return i
    p = i + 1
    for _ in range(3):
        stop = _octet(data, p, end)
        if stop == p:
            return i
        p = stop + 1
    # a last number of one to three digits, or letters, digits and hyphens that a letter or digit and a colon end
    q = p
    value = 0
    while q < end and q - p < 3 and 48 <= data[q] <= 57:
        value = value * 10 + (np.int64(data[q]) - 48)
        q += 1
    if q > p and value <= 255 and q < end and data[q] == 93:
        return q + 1
    q = p
    while q < end and (is_alnum(data[q]) or data[q] == 45):
        q += 1
    if q > p and data[q - 1] != 45 and q + 1 < end and data[q] == 58 and data[q + 1] == 93:
        return q + 2
    return i


@borrowing
def _host(data, i, end):
    """The end of what the expression takes as a host name; `i` when it needs more labels."""
    place, dots, last = i, 0, i
    while place < end and is_alnum(data[place]):
        p = place
        while p < end and (is_alnum(data[p]) or data[p] == 45):
            p += 1
        stop = p
        while data[stop - 1] == 45:
            stop -= 1
        if dots:
            last = stop
        if stop != p or p >= end or data[p] != 46:
            break
        dots += 1
        place = p + 1
    return last


@borrowing
def datatrove_email(data, floor, end, at, bounds):
    """Start and end of what datatrove's expression matches around the `@` at `at`; (at, at): nothing.

    `bounds[p]`: whether a word begins or ends in front of byte p, for Python's `\\b`. `floor` is the end of the match
    before.
    """
    stop = _host(data, at + 1, end)
    if stop == at + 1 and at + 1 < end:
        stop = _literal(data, at + 1, end)
    if stop == at + 1:
        return at, at
    p = at
    start = at
    while p > floor:
        c = data[p - 1]
        if c == 46:
            if p == at or data[p] == 46:
                break
        elif not _ATEXT[c]:
            break
        p -= 1
        if c != 46 and bounds[p]:
            start = p
    return (start, stop) if start < at else (at, at)
