"""Which windows of which blocks are equal, and which symbols of which documents that makes repeats.

Blocks of one anchor form a group; those in a group that are equal, byte for byte, are one *class*. Classes stand in the
order of their first members, members in the order of documents. A group of one class needs no comparing. In others,
windows are looked up by a hash and the place of the anchor in them, and believed to be equal only when all bytes are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.blake2s import digests
from datacurate.kernels.memory import hash_bytes, mixed, pointer, same_bytes
from datacurate.kernels.winnow import BASE, SPACE

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
SPAN = 5
"""Columns of `spans`."""


class Classes(NamedTuple):
    """Class `c` is of group `groups[c]`; its block has `windows[c]` windows, and the anchor `leads[c]` symbols behind
    its beginning. Its members are `members[c]` to `members[c + 1]` of the arrays of `Members`."""

    groups: np.ndarray
    windows: np.ndarray
    leads: np.ndarray
    members: np.ndarray


class Members(NamedTuple):
    """Of every occurrence of a block the row of its document, the symbol of its anchor, and the document's order."""

    rows: np.ndarray
    places: np.ndarray
    orders: np.ndarray


@njit(nogil=True, cache=True)
def _bounds(data, offsets, bases, counts, tokens, out):
    """Where the symbols of every context begin in `data`, from `out[bases[c]]` on, and where the last one ends."""
    for c in range(len(counts)):
        at = bases[c]
        if not counts[c]:
            continue
        out[at] = offsets[c]
        for i in range(offsets[c], offsets[c + 1]):
            if not tokens or data[i] == SPACE:
                at += 1
                out[at] = i + 1
        if at != bases[c] + counts[c]:
            return False
    return True


@njit(nogil=True, cache=True)
def _window_keys(data, bounds, base, windows, lead, least, mask, keys, values):
    """A hash of every window of a context and of the anchor's place in it."""
    oldest, rolling = np.uint64(1), np.uint64(0)
    for t in range(windows + least - 1):
        at = bounds[base + t]
        values[t] = hash_bytes(data, at, bounds[base + t + 1] - at)
        rolling = rolling * BASE + values[t]
        i = t - least + 1
        if i < 0:
            oldest *= BASE
            continue
        keys[i] = mixed(rolling + np.uint64(lead - i) * GOLDEN) & mask
        rolling -= values[i] * oldest


@njit(nogil=True, cache=True)
def _equal(data, bounds, a, b, least):
    """Whether the `least` symbols from bounds `a` and `b` on are equal."""
    size = bounds[a + least] - bounds[a]
    return size == bounds[b + least] - bounds[b] and same_bytes(data, bounds[a], bounds[b], size)


@njit(nogil=True, cache=True)
def _meet(data, bounds, bases, flats, groups, windows, leads, least, mask, given, firsts):
    """Writes to `firsts[flats[c] + i]` the first window that equals window `i` of class `c`; its own number if none.

    Of classes without a context only their own number is written. False when windows that differ have equal hashes,
    unless other keys of all windows are `given`: someone may have made texts that all meet in the hash.
    """
    said, marks = pointer(data), pointer(bounds)
    most = 0
    for c in range(len(groups)):
        most = max(most, windows[c])
    values = np.empty(most + least, np.uint64)
    keys = given if len(given) else np.empty(flats[-1], np.uint64)
    owners = np.empty(flats[-1], np.int32)
    slots = np.zeros(16, np.int32)
    c = 0
    while c < len(groups):
        last = c
        while last < len(groups) and groups[last] == groups[c]:
            last += 1
        total = flats[last] - flats[c]
        if last - c > 1:
            size = 16
            while size < 2 * total:
                size *= 2
            if size > len(slots):
                slots = np.empty(size, np.int32)
            slots[:size] = 0
        else:
            firsts[flats[c]] = flats[c]
            owners[flats[c]] = c
            c = last
            continue
        for one in range(c, last):
            flat, base, lead = flats[one], bases[one], np.int64(leads[one])
            if not len(given):
                _window_keys(said, marks, base, np.int64(windows[one]), lead, least, mask, keys[flat:], values)
            met = np.int64(-2)
            for i in range(windows[one]):
                own = flat + i
                owners[own] = one
                key = keys[own]
                at = key & np.uint64(size - 1)
                found = np.int64(-1)
                while slots[at]:
                    entry = np.int64(slots[at]) - 1 + flats[c]
                    if keys[entry] == key:
                        other = owners[entry]
                        place = entry - flats[other]
                        same = leads[other] - place == lead - i
                        if same and entry == met + 1 and owners[met] == other:
                            # all but its last symbol was compared with the window before
                            end, far = base + i + least - 1, bases[other] + place + least - 1
                            same = _equal(said, marks, end, far, 1)
                        elif same:
                            same = _equal(said, marks, base + i, bases[other] + place, least)
                        if same:
                            found = entry
                            break
                        if not len(given):
                            return False
                    at = (at + np.uint64(1)) & np.uint64(size - 1)
                if found < 0:
                    slots[at] = own - flats[c] + 1
                    found = own
                firsts[own] = found
                met = found
        c = last
    return True


def first_windows(
    data: np.ndarray, offsets: np.ndarray, contested: np.ndarray, classes: Classes, least: int, tokens: bool, mask=ALL
) -> tuple[np.ndarray, np.ndarray]:
    """`(firsts, flats)`: the windows of class `c` have the numbers `flats[c]` to `flats[c + 1]`, and window `w` equals
    `firsts[w]`, the first of the group that does. A class that is not `contested` has one number for all its windows.

    Context `c` is `data[offsets[c]:offsets[c + 1]]`, empty where a class is not contested.
    """
    windows = classes.windows.astype(np.int64)
    counts = np.where(contested, windows + least - 1, 0)
    bases = np.concatenate([[0], np.cumsum(counts + contested)])
    flats = np.concatenate([[0], np.cumsum(np.where(contested, windows, 1))])
    bounds = np.empty(int(bases[-1]), np.int64)
    data = read_only(data)
    if not _bounds(data, offsets, bases, counts, tokens, bounds):
        raise AssertionError("a context has another number of symbols than its block")
    firsts = np.empty(int(flats[-1]), np.int64)
    # windows of classes without a context are never looked at
    shape = (data, bounds, bases, flats, classes.groups, np.where(contested, windows, 1), classes.leads, least)
    if not _meet(*shape, np.uint64(mask), np.empty(0, np.uint64), firsts):
        _meet(*shape, ALL, _digested(data, bounds, bases, flats, contested, least), firsts)
    return firsts, flats


def _digested(data, bounds, bases, flats, contested, least) -> np.ndarray:
    """A word of the digest of every window of a contested class."""
    keys = np.zeros(int(flats[-1]), np.uint64)
    which = np.repeat(contested, np.diff(flats))
    at = np.flatnonzero(which) + np.repeat((bases - flats)[:-1], np.diff(flats))[which]
    keys[which] = digests(data, bounds[at], bounds[at + least])[:, 0]
    return keys


@njit(nogil=True, cache=True, forceinline=True)
def _apart(rows, places, one, other, least):
    """Whether a window around the anchor of member `one` and its copy around that of `other` share no symbol."""
    return rows[one] != rows[other] or places[one] - places[other] >= least


@njit(nogil=True, cache=True)
def _repeated(firsts, flats, owners, members, rows, places, least, partners):
    """Writes for every first window a member that repeats it without touching it; -1 where there is none."""
    partners[:] = -1
    for c in range(len(flats) - 1):
        last = members[c + 1] - 1
        for w in range(flats[c], flats[c + 1]):
            first = firsts[w]
            if partners[first] < 0 and _apart(rows, places, last, members[owners[first]], least):
                partners[first] = last


@njit(nogil=True, cache=True, forceinline=True)
def _alike(firsts, owners, partners, w, end, c):
    """Whether window `end` of class `c` has its other copy where `w` has it, as far behind."""
    one, other = firsts[w], firsts[end]
    if owners[one] != owners[other]:
        return False
    if not len(partners):
        return True
    return partners[one] == partners[other] or (owners[one] != c and partners[one] >= 0 and partners[other] >= 0)


@njit(nogil=True, cache=True)
def _spans(firsts, flats, owners, windows, leads, members, rows, places, orders, partners, least, out):
    """Writes the spans of all repeats; returns how many there are.

    With `partners` all copies of a window are removed, else all but the first. `out` without rows only counts.
    """
    count = 0
    for c in range(len(leads)):
        w = flats[c]
        while w < flats[c + 1]:
            end = w + 1
            while end < flats[c + 1] and _alike(firsts, owners, partners, w, end, c):
                end += 1
            low = w - flats[c] - leads[c]
            high = low + (end - w if flats[c + 1] - flats[c] > 1 else windows[c]) + least - 1
            first = members[owners[firsts[w]]]
            partner = partners[firsts[w]] if len(partners) else first
            for m in range(members[c], members[c + 1]) if partner >= 0 else range(0):
                other = partner if m == first else first
                if not len(partners) and not _apart(rows, places, m, first, least):
                    continue
                if len(out):
                    out[count, 0] = rows[m]
                    out[count, 1], out[count, 2] = np.uint64(places[m] + low), np.uint64(places[m] + high)
                    out[count, 3], out[count, 4] = orders[other], np.uint64(places[other] + low)
                count += 1
            w = end
    return count


def spans(firsts: np.ndarray, flats: np.ndarray, classes: Classes, members: Members, least: int, everything: bool):
    """The symbols that repeats cover: rows of (row, first symbol, symbol after the last, order of a document that has
    them, too, first symbol there). A uint64 array.

    A window is a repeat when the first that equals it is in another document, or ends before it begins; with
    `everything` the first counts, too.
    """
    owners = np.repeat(np.arange(len(classes.groups)), np.diff(flats))
    partners = np.empty(len(firsts) if everything else 0, np.int64)
    if everything:
        _repeated(firsts, flats, owners, classes.members, members.rows, members.places, least, partners)
    given = (firsts, flats, owners, classes.windows, classes.leads, classes.members, *members, partners, least)
    out = np.empty((_spans(*given, np.empty((0, SPAN), np.uint64)), SPAN), np.uint64)
    if len(out):
        _spans(*given, out)
    return out


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    one, two = np.zeros(1, np.int64), np.arange(2)
    classes = Classes(one, one + 1, one, two)
    firsts, flats = first_windows(np.frombuffer(b"a", np.uint8), two, one == 0, classes, 1, False)
    members = Members(one.astype(np.uint64), one, one.astype(np.uint64))
    for everything in (False, True):
        spans(firsts, flats, classes, members, 1, everything)
