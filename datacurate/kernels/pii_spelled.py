"""Email addresses that are spelled out against machines, `name [at] host [dot] org`, or encoded, `name%40host.org`."""

from __future__ import annotations

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import EMAIL, F_EMAIL, SURE, emit, is_alnum, is_word, lower
from datacurate.kernels.pii_email import is_nobodys, is_tld, label_at, local_at


@inlined
def _opens(c):
    return c == 91 or c == 40 or c == 123 or c == 60


@inlined
def _closes(c):
    return c == 93 or c == 41 or c == 125 or c == 62


@borrowing
def _bracketed(data, i, end, first, second, third, sign):
    """The end of `[at]`, `( dot )` or `[.]` at `i`; `i` if it is none. Two letters when `third` is 0."""
    if i >= end or not _opens(data[i]):
        return i
    p = i + 1
    if p < end and data[p] == 32:
        p += 1
    if p < end and data[p] == sign:
        p += 1
    else:
        width = 3 if third else 2
        if p + width >= end or lower(data[p]) != first:
            return i
        if lower(data[p + 1]) != second and (third or lower(data[p + 1]) != 100 or data[i] == 60):  # [ad], in German
            return i
        if third and lower(data[p + 2]) != third:
            return i
        p += width
    if p < end and data[p] == 32:
        p += 1
    return p + 1 if p < end and _closes(data[p]) else i


@borrowing
def _dot(data, i, end, small):
    """The end of what stands for a dot at `i`: `.`, ` [dot] `, `[.]`, ` DOT `, ` dot ` if `small`; `i` if none does."""
    p = i + 1 if i < end and data[i] == 32 else i
    stop = _bracketed(data, p, end, 100, 111, 116, 46)
    if stop > p:
        return stop + 1 if stop < end and data[stop] == 32 and stop + 1 < end and is_alnum(data[stop + 1]) else stop
    if p > i and p + 3 < end and data[p + 3] == 32:
        if data[p] == 68 and data[p + 1] == 79 and data[p + 2] == 84:
            return p + 4
        if small and data[p] == 100 and data[p + 1] == 111 and data[p + 2] == 116:
            return p + 4
    return i + 1 if i < end and data[i] == 46 else i


@borrowing
def _host(data, i, end, small, t, buffer):
    """The end of the host spelled at `i`, the begin of its last label but one, and how many dots were spelled out."""
    place, last, spelled, now = i, i, 0, 0
    before, label = i, i
    while place < end and place - i < 253:
        stop = label_at(data, place, end)
        if stop == place:
            break
        if place > i and is_tld(data, place, stop, t, buffer):
            before, last, spelled = label, stop, now
        label = place
        after = _dot(data, stop, end, small)
        if after == stop:
            break
        now += after - stop > 1
        place = after
    return last, before, spelled


@borrowing
def find_spelled(data, begin, end, i, doc, t, buffer, out, state, limit):
    """Write down the address whose `[at]`, `%40` or word `AT` is at `i`; returns where the search goes on, or `i`."""
    at = i
    words = data[i] == 65
    if data[i] == 37:
        place = i + 3
    elif words:  # AT
        if i - begin < 2 or data[i - 1] != 32 or i + 3 >= end or data[i + 2] != 32 or not is_word(data[i - 2]):
            return i
        at, place = i - 1, i + 3
    else:
        place = _bracketed(data, i, end, 97, 116, 0, 64)
        if place == i:
            return i
        if place < end and data[place] == 32:
            place += 1
        if i > begin and data[i - 1] == 32:
            at = i - 1
    start = local_at(data, begin, at)
    if start == at or place >= end:
        return i
    last, before, spelled = _host(data, place, end, not words, t, buffer)
    if last == place or (words and not spelled):
        return i
    if not is_nobodys(data, start, at, before):
        emit(out, state, limit, doc, EMAIL, F_EMAIL, start, last, SURE)
    return last


@borrowing
def find_defanged(data, begin, end, at, doc, t, buffer, out, state, limit):
    """Write down `name@host[.]org` or `name@host dot org`, whose `@` is at `at`; returns where the search goes on."""
    start = local_at(data, begin, at)
    if start == at:
        return at + 1
    last, before, spelled = _host(data, at + 1, end, data[at] == 64, t, buffer)
    if last == at + 1 or not spelled:
        return at + 1
    if not is_nobodys(data, start, at, before):
        emit(out, state, limit, doc, EMAIL, F_EMAIL, start, last, SURE)
    return last


@inlined
def may_be_at(data, i, end):
    """Whether the bracket at `i` may open `[at]` or `(@)`."""
    if i + 3 >= end:
        return False
    c = data[i + 1] if data[i + 1] != 32 else data[i + 2]
    return c == 64 or c == 97 or c == 65
