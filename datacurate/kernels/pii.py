"""Personal data in texts: one pass proposes, another settles overlaps, a third puts other text in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from datacurate.kernels._line_patterns import ALNUM, characters
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_assigned import find_assigned, find_credentials, find_random
from datacurate.kernels.pii_bytes import (
    ASKED,
    CLASS,
    DIGITS,
    EMAIL,
    F_EMAIL,
    F_IPV4,
    HASHES,
    IP,
    KEY,
    LOST,
    NATIONAL_ID,
    OPT_ENTROPY,
    OPT_HEAD,
    PASSPORT,
    PASSWORD,
    SEEN,
    SETS,
    SURE,
    UPPER,
    URL,
    WORDS,
    N,
    emit,
    is_digit,
    is_word,
)
from datacurate.kernels.pii_bytes import CARD as CARD_KIND
from datacurate.kernels.pii_bytes import IBAN as IBAN_KIND
from datacurate.kernels.pii_bytes import PHONE as PHONE_KIND
from datacurate.kernels.pii_email import datatrove_email, find_email, quad
from datacurate.kernels.pii_fold import Folded
from datacurate.kernels.pii_ip import find_ip4, find_ip6, is_global4, octets
from datacurate.kernels.pii_keys import find_jwt, find_key, find_private_key
from datacurate.kernels.pii_numbers import find_card, find_iban, find_papers
from datacurate.kernels.pii_phone import find_phone
from datacurate.kernels.pii_spelled import find_defanged, find_spelled, may_be_at
from datacurate.kernels.pii_typed import find_element, find_option
from datacurate.kernels.utf8 import decode

if TYPE_CHECKING:
    import pyarrow as pa

_PER_SPAN = 4
"""Bytes per span that there is room for; what finds none counts as lost."""


@dataclass(frozen=True)
class Spans:
    """Spans of a batch, column by column: document, kind, form, bytes from and to, how sure. `lost` is per document."""

    doc: np.ndarray
    kind: np.ndarray
    form: np.ndarray
    start: np.ndarray
    end: np.ndarray
    sure: np.ndarray
    lost: np.ndarray

    def __len__(self) -> int:
        return len(self.doc)

    def where(self, wanted: np.ndarray) -> Spans:
        """Some of the spans."""
        return Spans(*(c[wanted] for c in (self.doc, self.kind, self.form, self.start, self.end, self.sure)), self.lost)


@inlined
def _at_word(data, begin, end, i, stop, doc, t, buffer, out, state, limit):
    """What begins with the word `data[i:stop]`; returns where the search goes on."""
    c = data[i]
    want = t.wanted
    if want[KEY] and t.prefix_first[c] < t.prefix_first[np.int64(c) + 1]:
        after = find_key(data, begin, end, i, doc, t, out, state, limit)
        if after > i:
            return after
    if want[KEY] and c == 101 and stop - i > 12 and data[i + 1] == 121 and data[i + 2] == 74:  # eyJ
        after = find_jwt(data, end, i, doc, out, state, limit)
        if after > i:
            return after
    if want[KEY] and c == 66 and stop - i == 5 and i - begin >= 5 and data[i - 1] == 45:  # -----BEGIN
        after = find_private_key(data, begin, end, i, doc, out, state, limit)
        if after > i:
            return after
    if CLASS[c] == DIGITS:
        return _at_number(data, begin, end, i, stop, doc, t, out, state, limit)
    if stop - i >= 4 and want[IBAN_KIND] and is_digit(data[i + 2]) and is_digit(data[i + 3]):
        after = find_iban(data, begin, end, i, doc, t, out, state, limit)
        if after > i:
            return after
    if c == 65 and stop - i == 2 and data[i + 1] == 84 and want[EMAIL]:  # AT
        after = find_spelled(data, begin, end, i, doc, t, buffer, out, state, limit)
        if after > i:
            return after
    if (CLASS[c] & UPPER) != 0 and (want[NATIONAL_ID] or want[PASSPORT]):
        find_papers(data, begin, end, i, doc, t, out, state, limit)
    return stop


@inlined
def _at_number(data, begin, end, i, stop, doc, t, out, state, limit):
    """What begins with the digit at `i`; returns where the search goes on."""
    want = t.wanted
    if want[IP] and stop - i <= 3 and stop < end and data[stop] == 46:
        after = find_ip4(data, begin, end, i, doc, t, out, state, limit)
        if after > i:
            return after
    if want[CARD_KIND]:
        after = find_card(data, begin, end, i, doc, t, out, state, limit)
        if after > i:
            return after
    if want[NATIONAL_ID] or want[PASSPORT]:
        find_papers(data, begin, end, i, doc, t, out, state, limit)
    if want[PHONE_KIND]:
        after = find_phone(data, begin, end, i, doc, t, out, state, limit)
        return max(stop, after)
    return stop


@borrowing
def _document(data, begin, end, doc, t, buffer, out, state, limit):
    """One document, from trigger to trigger: words that may begin something, and signs."""
    i = begin
    while i < end:
        c = data[i]
        if is_word(c):
            held = CLASS[c]
            stop = i + 1
            while stop < end and is_word(data[stop]):
                held |= CLASS[data[stop]]
                stop += 1
            second = np.int64(data[i + 1]) if stop > i + 1 else 0
            # most words hold no digit and begin like no key: no call for them
            if (
                (held & DIGITS)
                or t.pairs[(np.int64(c) << 8) | second]
                or (held == UPPER and stop - i <= t.options[OPT_HEAD])
            ):
                i = _at_word(data, begin, end, i, stop, doc, t, buffer, out, state, limit)
            else:
                i = stop
        elif _SIGNS[c]:
            i = _at_sign(data, begin, end, i, doc, t, buffer, out, state, limit)
        else:
            i += 1


_SIGNS = np.zeros(256, np.bool_)
_SIGNS[[ord(c) for c in "@:=+(%-<>[{\"'"]] = True


@borrowing
def _at_sign(data, begin, end, i, doc, t, buffer, out, state, limit):
    """What the sign at `i` is part of; returns where the search goes on."""
    c = data[i]
    want = t.wanted
    secrets = want[KEY] or want[PASSWORD]
    if c == 58 or c == 61:
        return _at_colon(data, begin, end, i, doc, t, out, state, limit)
    if c == 64 and want[EMAIL]:
        after = find_email(data, begin, end, i, doc, t, buffer, out, state, limit)
        return after if after > i + 1 else find_defanged(data, begin, end, i, doc, t, buffer, out, state, limit)
    if (c == 43 or c == 40) and want[PHONE_KIND] and i + 1 < end and is_digit(data[i + 1]):
        return max(i + 1, find_phone(data, begin, end, i, doc, t, out, state, limit))
    spelled = c == 37 and i + 3 < end and data[i + 1] == 52 and data[i + 2] == 48
    if want[EMAIL] and (spelled or ((c == 40 or c == 91 or c == 123 or c == 60) and may_be_at(data, i, end))):
        return max(i + 1, find_spelled(data, begin, end, i, doc, t, buffer, out, state, limit))
    if c == 45 and secrets:
        return find_option(data, begin, end, i, doc, t, out, state, limit)
    if c == 62 and secrets:
        find_element(data, begin, end, i, doc, t, out, state, limit)
    elif (c == 34 or c == 39) and t.options[OPT_ENTROPY] and want[KEY]:
        find_random(data, begin, end, i, doc, t, out, state, limit)
    return i + 1


@borrowing
def _at_colon(data, begin, end, i, doc, t, out, state, limit):
    """What a `:` or `=` is part of: credentials, an assigned secret, an address of version 6."""
    if data[i] == 58:
        if i + 2 < end and data[i + 1] == 47 and data[i + 2] == 47:
            if t.wanted[URL]:
                find_credentials(data, begin, end, i, doc, t, out, state, limit)
            return i + 3
        if t.wanted[IP]:
            after = find_ip6(data, begin, end, i, doc, t, out, state, limit)
            if after > i + 4:
                return after
    if t.wanted[KEY] or t.wanted[PASSWORD] or t.wanted[URL]:
        find_assigned(data, begin, end, i, doc, t, out, state, limit)
    return i + 1


@njit(nogil=True, cache=True)
def _scan(data, offsets, tables, buffer, out, state, limit, lost):
    t = tables[0]
    for doc in range(len(offsets) - 1):
        state[ASKED] = 0
        state[LOST] = 0
        state[HASHES] = -1
        state[SEEN] = 0
        state[WORDS:] = -1000
        begin, zero = offsets[doc], np.int64(0)  # a plain 0 would have all detectors compiled twice
        _document(data[begin : offsets[doc + 1]], zero, offsets[doc + 1] - begin, doc, t, buffer, out, state, limit)
        lost[doc] = state[LOST]


def scan(text: pa.Array | pa.ChunkedArray, tables: np.ndarray, limit: int) -> tuple[Spans, Folded]:
    """What our detectors propose, in places of the folded texts, and these texts.

    Of a document at most `limit` candidates are left for Python to check; `lost` says how many more there were.
    """
    folded = Folded(*bytes_and_offsets(text))
    data, offsets = folded.data, folded.offsets
    out = np.empty((int(offsets[-1] - offsets[0]) // _PER_SPAN + 64, 6), np.int32)
    state = np.zeros(WORDS + SETS, np.int64)
    lost = np.zeros(len(offsets) - 1, np.int64)
    _scan(data, offsets, tables, np.empty(256, np.uint8), out, state, limit, lost)
    return _spans(out[: state[N]], lost), folded


def _spans(rows: np.ndarray, lost: np.ndarray) -> Spans:
    return Spans(*(np.ascontiguousarray(rows[:, at]) for at in range(6)), lost)


@njit(nogil=True, cache=True)
def _settled(doc, kind, start, end, keep):
    """Keeps, of spans sorted by document and place, those that no better span overlaps; the last kept one yields."""
    last = -1
    for k in range(len(doc)):
        if last >= 0 and doc[last] == doc[k] and start[k] < end[last]:
            better = kind[k] < kind[last] or (kind[k] == kind[last] and end[k] - start[k] > end[last] - start[last])
            if not better:
                continue
            keep[last] = False
        keep[k] = True
        last = k


def settled(spans: Spans) -> Spans:
    """The spans without overlaps, in order. Of two that overlap the kind that stands first in KINDS stays, of two of a
    kind the longer one, else the first."""
    order = np.lexsort((-spans.end, spans.kind, spans.start, spans.doc))
    spans = spans.where(order)
    keep = np.zeros(len(spans), bool)
    _settled(spans.doc, spans.kind, spans.start, spans.end, keep)
    return spans.where(keep)


@borrowing
def _is_name(data, begin, p, table):
    """Whether the character that ends in front of `p` is one of Python's `\\w`."""
    q = p - 1
    while q > begin and p - q < 4 and (data[q] & 0xC0) == 0x80:
        q -= 1
    point, width = decode(data, q, p)
    return q + width == p and ((table[point] & ALNUM) != 0 or point == 95)


@njit(nogil=True, cache=True)
def _like_datatrove(data, offsets, emails, ips, public, table, bounds, out, state):
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        first = state[N]
        floor = begin
        at = begin
        while emails and at < end:
            if data[at] != 64:
                bounds[at] = is_word(data[at]) != (at > begin and _is_name(data, begin, at, table))
                at += 1
                continue
            bounds[at] = False
            start, stop = datatrove_email(data, floor, end, at, bounds)
            if start == at:
                at += 1
                continue
            emit(out, state, 0, doc, EMAIL, F_EMAIL, start, stop, SURE)
            at = floor = stop
        if ips:
            known = state[N]
            p = begin
            for k in range(first, known + 1):
                high = out[k, 3] if k < known else end
                _quads(data, p, high, doc, public, out, state)
                p = out[k, 4] if k < known else end
        for k in range(first, state[N]):
            out[k, 3] -= begin
            out[k, 4] -= begin


@borrowing
def _quads(data, p, high, doc, public, out, state):
    """What datatrove's expression for addresses of version 4 matches, and Python's `ipaddress` finds global."""
    while p < high:
        if not is_digit(data[p]):
            p += 1
            continue
        stop = quad(data, p, high)
        if stop == p:
            p += 1
            continue
        whole, address = octets(data, p, stop)
        if whole == stop and (is_global4(address) or not public):
            emit(out, state, 0, doc, IP, F_IPV4, p, stop, SURE)
        p = stop


def like_datatrove(text: pa.Array | pa.ChunkedArray, emails: bool, ips: bool, public: bool) -> Spans:
    """What datatrove's PIIFormatter replaces: emails, then addresses of version 4 in what is left."""
    data, offsets = bytes_and_offsets(text)
    size = int(offsets[-1])
    out = np.empty((size // _PER_SPAN + 64, 6), np.int32)
    state = np.zeros(4, np.int64)
    _like_datatrove(data, offsets, emails, ips, public, characters(), np.empty(size, np.bool_), out, state)
    return settled(_spans(out[: state[N]], np.zeros(len(offsets) - 1, np.int64)))


@njit(nogil=True, cache=True)
def _splice(data, offsets, at, starts, ends, pieces, piece_at, out, bounds, new_starts, new_ends):
    to = 0
    for doc in range(len(offsets) - 1):
        base = bounds[doc]
        place = offsets[doc]
        for k in range(at[doc], at[doc + 1]):
            begin = offsets[doc] + starts[k]
            out[to : to + begin - place] = data[place:begin]
            to += begin - place
            new_starts[k] = to - base
            size = piece_at[k + 1] - piece_at[k]
            out[to : to + size] = pieces[piece_at[k] : piece_at[k + 1]]
            to += size
            new_ends[k] = to - base
            place = offsets[doc] + ends[k]
        end = offsets[doc + 1]
        out[to : to + end - place] = data[place:end]
        to += end - place
        bounds[doc + 1] = to


def splice(
    text: pa.Array, at: np.ndarray, starts: np.ndarray, ends: np.ndarray, pieces: list[bytes]
) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """The texts with `pieces[k]` in place of bytes `starts[k]` to `ends[k]`, and where the pieces stand then.

    Spans `at[d]` to `at[d + 1]` are those of document `d`, in order and apart. A null text stays null.
    """
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    joined = np.frombuffer(b"".join(pieces), np.uint8)
    piece_at = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
    size = int(offsets[-1] - offsets[0]) + len(joined) - int((ends - starts).sum())
    out = np.empty(size, np.uint8)
    bounds = np.zeros(len(offsets), np.int64)
    new_starts, new_ends = np.empty(len(starts), np.int32), np.empty(len(starts), np.int32)
    spans = [read_only(one.astype(np.int64)) for one in (at, starts, ends)]
    _splice(data, offsets, *spans, read_only(joined), read_only(piece_at), out, bounds, new_starts, new_ends)
    small = size < 2**31 and not pa.types.is_large_string(text.type)
    places = pa.py_buffer(bounds.astype(np.int32) if small else bounds)
    valid = None if not text.null_count else pa.array(text.is_valid()).buffers()[1]
    kind = pa.string() if small else pa.large_string()
    return pa.Array.from_buffers(kind, len(text), [valid, places, pa.py_buffer(out)]), new_starts, new_ends
