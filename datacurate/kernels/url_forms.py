"""Web addresses in the form in which two name one page: `host:port/path?query`, case and order of path and query kept.

Stricter than `kernels/url.py`, whose forms are for lists of banned sites: there `?v=aB` and `?v=Ab` are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.url import _FOREIGN as FOREIGN
from datacurate.kernels.url import BAD, FINE, MISSING, ascii_host
from datacurate.kernels.url import _clean as clean
from datacurate.kernels.url import _clean_host as clean_host
from datacurate.kernels.url import _hex as hex_value
from datacurate.kernels.url import _host_and_rest as host_and_rest
from datacurate.kernels.url import _write_host as write_host
from datacurate.kernels.url import _write_ipv6 as write_ipv6

if TYPE_CHECKING:
    import pyarrow as pa

_UNRESERVED = np.zeros(256, np.bool_)
_UNRESERVED[[*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), *b"-._~"]] = True
"""Bytes that mean the same with and without percent-encoding (RFC 3986, section 6.2.2.2)."""
_DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8)


class Forms(NamedTuple):
    """The forms of a batch: `text[starts[i]:ends[i]]`; `states` say which addresses have one (FINE)."""

    text: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    states: np.ndarray


@njit(nogil=True, cache=True)
def _write(text, i, end, out, at):
    """Copies bytes with percent-encoding in one form; returns the end."""
    while i < end:
        c = np.int64(text[i])
        i += 1
        if c == 0x25 and i + 1 < end and hex_value(text[i]) >= 0 and hex_value(text[i + 1]) >= 0:
            c = hex_value(text[i]) * 16 + hex_value(text[i + 1])
            i += 2
            encoded = not _UNRESERVED[c]
        else:
            encoded = c >= 0x80
        if encoded:
            out[at] = 0x25
            out[at + 1] = _DIGITS[c >> 4]
            out[at + 2] = _DIGITS[c & 15]
            at += 3
        else:
            out[at] = c
            at += 1
    return at


@njit(nogil=True, cache=True)
def _write_port(text, i, end, out, at):
    """Writes `:` and the port, unless it is 80, 443 or none."""
    port = 0
    for k in range(i + 1, end):
        port = port * 10 + np.int64(text[k]) - 0x30
    if end - i < 2 or port == 80 or port == 443:
        return at
    size = 1
    while 10**size <= port:
        size += 1
    out[at] = 0x3A
    for k in range(size):
        out[at + size - k] = 0x30 + port % 10
        port //= 10
    return at + size + 1


@njit(nogil=True, cache=True)
def _is_listed(text, start, end, names, bounds, begins):
    """Whether a parameter's name, in any case, is on the list, or begins as an entry does that ends in `*`."""
    for k in range(len(bounds) - 1):
        size = bounds[k + 1] - bounds[k]
        if end - start < size or (end - start > size and not begins[k]):
            continue
        same = True
        for i in range(size):
            c = text[start + i]
            same = same and (c + 32 if 0x41 <= c <= 0x5A else c) == names[bounds[k] + i]
        if same:
            return True
    return False


@njit(nogil=True, cache=True)
def _write_query(text, i, end, names, bounds, begins, out, at):
    """Writes `?` and the parameters that are not listed, `&` between them; empty ones are nothing."""
    mark = 0x3F
    while i < end:
        stop = i
        equals = -1
        while stop < end and text[stop] != 0x26:
            if text[stop] == 0x3D and equals < 0:
                equals = stop
            stop += 1
        name_end = stop if equals < 0 else equals
        if stop > i and not _is_listed(text, i, name_end, names, bounds, begins):
            out[at] = mark
            at = _write(text, i, stop, out, at + 1)
            mark = 0x26
        i = stop + 1
    return at


@njit(nogil=True, cache=True)
def _find(text, i, end, one, other):
    while i < end and text[i] != one and text[i] != other:
        i += 1
    return i


@njit(nogil=True, cache=True)
def _forms(data, offsets, translated, www, names, bounds, begins, text, spare, starts, ends, states):
    at = 0
    for k in range(len(offsets) - 1):
        starts[k] = ends[k] = at
        end = clean(data, offsets[k], offsets[k + 1], spare, 0)
        states[k] = BAD if end else MISSING
        if not end:
            continue
        host, stop, rest, named = host_and_rest(spare, 0, end)
        if host < 0:
            continue
        if translated and stop - host > 2 and spare[host] == 0x5B and spare[stop - 1] == 0x5D:
            to = write_ipv6(spare, host, stop, text, at)
        else:
            to = write_host(spare, host, stop, named, text, at)
        if to < 0:
            states[k] = FOREIGN if to == -2 else BAD
            continue
        prefix = to - at > 4 and text[at] == 0x77 and text[at + 1] == 0x77 and text[at + 2] == 0x77
        if www and prefix and text[at + 3] == 0x2E:
            starts[k] = at + 4
        to = _write_port(spare, stop, rest, text, to)
        query = _find(spare, rest, end, 0x3F, 0x23)
        stop = _write(spare, rest, query, text, to)
        while stop > to and text[stop - 1] == 0x2F:
            stop -= 1
        if query < end and spare[query] == 0x3F:
            last = _find(spare, query, end, 0x23, 0x23)
            stop = _write_query(spare, query + 1, last, names, bounds, begins, text, stop)
        states[k] = FINE
        at = ends[k] = stop


def _translated(data: np.ndarray, offsets: np.ndarray, foreign: np.ndarray) -> pa.Array:
    """The addresses, those of `foreign` with hosts in ASCII."""
    import pyarrow as pa

    spare = np.empty(int(np.diff(offsets).max(initial=0)), np.uint8)
    rows = [data[a:b].tobytes() for a, b in pairwise(offsets)]
    for k in foreign:
        host, stop, _, size, named = clean_host(data, offsets[k], offsets[k + 1], spare)
        whole = spare[:size].tobytes()
        name = ascii_host(whole[host:stop])
        word = not name.startswith(b"[") and b"." not in name.rstrip(b".")
        rows[k] = b"//" + (b"[" if word and not named else name) + whole[stop:]  # a word alone is no address
    return pa.array(rows, pa.large_binary())


def forms(
    url: pa.Array | pa.ChunkedArray, ignored: Sequence[str] = (), www: bool = False, translated: bool = False
) -> Forms:
    """The form of every address of an Arrow text array.

    `ignored` names parameters of queries that are left out, an entry that ends in `*` all that begin so; `www` leaves
    out `www.` before hosts; `translated` says that all hosts are ASCII.
    """
    data, offsets = bytes_and_offsets(url)
    count = len(offsets) - 1
    spare = np.empty(int(np.diff(offsets).max(initial=0)), np.uint8)
    text = np.empty(3 * int(offsets[-1] - offsets[0]) + 16 * count + 16, np.uint8)
    starts, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    states = np.empty(count, np.int8)
    entries = [name.lower().encode() for name in ignored]
    names = read_only(np.frombuffer(b"".join(name.rstrip(b"*") for name in entries), np.uint8))
    bounds = read_only(np.cumsum([0, *(len(name.rstrip(b"*")) for name in entries)]))
    begins = read_only(np.array([name.endswith(b"*") for name in entries], np.bool_))
    _forms(data, offsets, translated, www, names, bounds, begins, text, spare, starts, ends, states)
    foreign = np.flatnonzero(states == FOREIGN)
    if len(foreign) and not translated:
        return forms(_translated(data, offsets, foreign), ignored, www, True)
    states[foreign] = BAD
    return Forms(text, starts, ends, states)
