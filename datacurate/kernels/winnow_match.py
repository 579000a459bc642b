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
from datacurate.kernels.memory import first_bit, hash_bytes, mixed, places, pointer, same_bytes
from datacurate.kernels.winnow import BASE, SPACE

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
FEW = 8
"""In a group of so many classes each is compared with each; in larger ones windows are looked up by hashes."""
SPAN = 4
IN_ROW, IN_RUN, OF_SURVIVOR, OF_THERE = range(SPAN)
"""Fields of `spans`: the row of a document; `first symbol << 32 | symbols << 16 | symbols of the block before these`;
the order of a document that has them, too; `first symbol there << 32 | byte at which the block begins here`. Where that
document is of another dataset, `ELSEWHERE` is added to the symbol."""
ELSEWHERE = 1 << 31


class Classes(NamedTuple):
    """Class `c` is of group `groups[c]`; its block has `windows[c]` windows, and the anchor `leads[c]` symbols behind
    its beginning. Its members are `members[c]` to `members[c + 1]` of the arrays of `Members`."""

    groups: np.ndarray
    windows: np.ndarray
    leads: np.ndarray
    members: np.ndarray


class Members(NamedTuple):
    """Of every occurrence of a block the row of its document, the symbol of its anchor, the document's order, and
    where it begins: `byte << 32 | symbol`."""

    rows: np.ndarray
    places: np.ndarray
    orders: np.ndarray
    blocks: np.ndarray


class Firsts(NamedTuple):
    """The windows of class `c` have the numbers `flats[c]` to `flats[c + 1]`, and window `w` equals `firsts[w]`, the
    first of the group that does. A class that is not contested has one number for all its windows. `owners[w]` is the
    class of window `w`."""

    firsts: np.ndarray
    flats: np.ndarray
    owners: np.ndarray


@njit(nogil=True, cache=True)
def _bounds(data, offsets, bases, counts, out):
    """Where the tokens of every context begin in `data`, from `out[bases[c]]` on, and where the last one ends."""
    for c in range(len(counts)):
        at = bases[c]
        if not counts[c]:
            continue
        out[at] = offsets[c]
        for i in range(offsets[c], offsets[c + 1], 64):
            ends = places(data, i, offsets[c + 1], SPACE, SPACE)
            while ends:
                at += 1
                out[at] = i + first_bit(ends) + 1
                ends &= ends - np.uint64(1)
        if at != bases[c] + counts[c]:
            return False
    return True


@njit(nogil=True, cache=True, forceinline=True)
def _place(bounds, tokens, symbol):
    """The byte at which a symbol begins: of bytes, symbols are numbered as they lie."""
    return bounds[symbol] if tokens else symbol


@njit(nogil=True, cache=True)
def _window_keys(data, bounds, tokens, base, windows, lead, least, mask, keys, values):
    """A hash of every window of a context and of the anchor's place in it."""
    oldest, rolling = np.uint64(1), np.uint64(0)
    for t in range(windows + least - 1):
        at = _place(bounds, tokens, base + t)
        values[t] = hash_bytes(data, at, _place(bounds, tokens, base + t + 1) - at)
        rolling = rolling * BASE + values[t]
        i = t - least + 1
        if i < 0:
            oldest *= BASE
            continue
        keys[i] = mixed(rolling + np.uint64(lead - i) * GOLDEN) & mask
        rolling -= values[i] * oldest


@njit(nogil=True, cache=True, forceinline=True)
def _equal(data, bounds, tokens, a, b, count):
    """Whether the `count` symbols from symbols `a` and `b` on are equal."""
    one, other = _place(bounds, tokens, a), _place(bounds, tokens, b)
    size = _place(bounds, tokens, a + count) - one
    return size == _place(bounds, tokens, b + count) - other and same_bytes(data, one, other, size)


@njit(nogil=True, cache=True)
def _meet_two(data, bounds, tokens, bases, flats, windows, leads, least, one, other, firsts):
    """Writes to `firsts` which windows of class `one` equal windows of class `other`, but those that are known.

    Windows are equal when they hold the anchor at one place and all symbols around it are the same: so they are
    neighbours, and it is enough to know how far the blocks agree before and behind the anchor.
    """
    a, b = bases[one] + leads[one], bases[other] + leads[other]
    before, behind = np.int64(0), np.int64(0)
    most = min(windows[one] - leads[one], windows[other] - leads[other]) + least - 1
    while behind < most and _equal(data, bounds, tokens, a + behind, b + behind, 1):
        behind += 1
    most = min(leads[one], leads[other])
    while before < most and _equal(data, bounds, tokens, a - before - 1, b - before - 1, 1):
        before += 1
    for window in range(leads[one] - before, leads[one] - least + behind + 1):
        own = flats[one] + window
        if firsts[own] == own:
            firsts[own] = flats[other] + leads[other] - leads[one] + window


@njit(nogil=True, cache=True)
def _meet_many(
    data, bounds, tokens, bases, flats, windows, leads, least, c, last, keys, given, owners, slots, size, firsts
):
    """The same for all classes from `c` to `last`, by a table of hashes; False when windows that differ have one."""
    mask = np.uint64(size - 1)
    for one in range(c, last):
        base, lead = bases[one], leads[one]
        met = np.int64(-2)
        for i in range(windows[one]):
            own = flats[one] + i
            key = keys[own - flats[c]]
            at = key & mask
            found = np.int64(-1)
            while slots[at]:
                entry = np.int64(slots[at]) - 1 + flats[c]
                if keys[entry - flats[c]] == key:
                    other = owners[entry]
                    place = entry - flats[other]
                    same = leads[other] - place == lead - i
                    if same and entry == met + 1 and owners[met] == other:
                        # all but its last symbol was compared with the window before
                        end, far = base + i + least - 1, bases[other] + place + least - 1
                        same = _equal(data, bounds, tokens, end, far, 1)
                    elif same:
                        same = _equal(data, bounds, tokens, base + i, bases[other] + place, least)
                    if same:
                        found = entry
                        break
                    if not given:
                        return False
                at = (at + np.uint64(1)) & mask
            if found < 0:
                slots[at] = own - flats[c] + 1
                found = own
            firsts[own] = found
            met = found
    return True


@njit(nogil=True, cache=True)
def _meet(data, bounds, tokens, bases, flats, groups, windows, leads, least, few, mask, given, firsts, owners):
    """Writes to `firsts[flats[c] + i]` the first window that equals window `i` of class `c`; its own number if none.

    `owners` says which class every window is of. Of classes without a context only their own number is written. False
    when windows that differ have equal hashes, unless other keys of all windows are `given`: someone may have made
    texts that all meet in the hash. Groups of `few` classes need no hashes.
    """
    said, marks, first_of, owner_of = pointer(data), pointer(bounds), pointer(firsts), pointer(owners)
    longest = most = np.int64(0)
    c = 0
    while c < len(groups):
        last = c
        while last < len(groups) and groups[last] == groups[c]:
            longest = max(longest, windows[last])
            last += 1
        most = max(most, flats[last] - flats[c] if last - c > few else 0)
        c = last
    room = 16
    while room < 2 * most:
        room *= 2
    slots = np.zeros(room, np.int32)
    values, made = np.empty(longest + least, np.uint64), np.empty(most, np.uint64)
    starts, lines, counts, places = pointer(bases), pointer(flats), pointer(windows), pointer(leads)
    c = 0
    while c < len(groups):
        last = c
        while last < len(groups) and groups[last] == groups[c]:
            for window in range(flats[last], flats[last + 1]):
                first_of[window], owner_of[window] = window, last
            last += 1
        if last - c <= few:
            for one in range(c + 1, last):
                for other in range(c, one):
                    _meet_two(said, marks, tokens, starts, lines, counts, places, least, one, other, first_of)
            c = last
            continue
        keys = given[flats[c] :] if len(given) else made
        if not len(given):
            for one in range(c, last):
                mine = keys[flats[one] - flats[c] :]
                _window_keys(said, marks, tokens, bases[one], windows[one], leads[one], least, mask, mine, values)
        size = 16
        while size < 2 * (flats[last] - flats[c]):
            size *= 2
        slots[:size] = 0
        arrays = pointer(keys), len(given) > 0, owner_of, pointer(slots), size, first_of
        if not _meet_many(said, marks, tokens, starts, lines, counts, places, least, c, last, *arrays):
            return False
        c = last
    return True


def first_windows(
    data: np.ndarray,
    offsets: np.ndarray,
    contested: np.ndarray,
    classes: Classes,
    least: int,
    tokens: bool,
    few: int = FEW,
    mask=ALL,
) -> Firsts:
    """For every window the first of its group that equals it.

    Context `c` is `data[offsets[c]:offsets[c + 1]]`, empty where a class is not contested.
    """
    counts = np.where(contested, classes.windows + least - 1, 0)
    flats = np.concatenate([[0], np.cumsum(np.where(contested, classes.windows, 1))])
    bases, bounds = offsets[:-1].astype(np.int64), np.empty(0, np.int64)
    if tokens:
        bases = np.concatenate([[0], np.cumsum(counts + contested)])
        bounds = np.empty(int(bases[-1]), np.int64)
    data = read_only(data)
    whole = _bounds(data, offsets, bases, counts, bounds) if tokens else np.array_equal(np.diff(offsets), counts)
    if not whole:
        raise AssertionError("a context has another number of symbols than its block")
    firsts, owners = np.empty(int(flats[-1]), np.int64), np.empty(int(flats[-1]), np.int32)
    # windows of classes without a context are never looked at
    windows = np.where(contested, classes.windows, 1)
    shape = (data, bounds, tokens, bases, flats, classes.groups, windows, classes.leads, least, few)
    if not _meet(*shape, np.uint64(mask), np.empty(0, np.uint64), firsts, owners):
        keys = _digested(data, bounds, tokens, bases, flats, contested, least)
        _meet(*shape, ALL, keys, firsts, owners)
    return Firsts(firsts, flats, owners)


def _digested(data, bounds, tokens, bases, flats, contested, least) -> np.ndarray:
    """A word of the digest of every window of a contested class."""
    keys = np.zeros(int(flats[-1]), np.uint64)
    which = np.repeat(contested, np.diff(flats))
    at = np.flatnonzero(which) + np.repeat(bases[: len(contested)] - flats[:-1], np.diff(flats))[which]
    starts, ends = (bounds[at], bounds[at + least]) if tokens else (at, at + least)
    keys[which] = digests(data, starts, ends)[:, 0]
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
def _alike(firsts, owners, everything, partners, w, end, c):
    """Whether window `end` of class `c` has its other copy where `w` has it, as far behind."""
    one, other = firsts[w], firsts[end]
    if owners[one] != owners[other]:
        return False
    if not everything:
        return True
    return partners[one] == partners[other] or (owners[one] != c and partners[one] >= 0 and partners[other] >= 0)


@njit(nogil=True, cache=True)
def _spans(firsts_, flats_, owners_, windows, leads_, members_, rows_, places_, orders_, blocks_, partners, least, out):
    """Writes the spans of all repeats; returns how many there are.

    With `partners` all copies of a window are removed, else all but the first. `out` without rows only counts.
    """
    firsts, flats, owners, members = pointer(firsts_), pointer(flats_), pointer(owners_), pointer(members_)
    leads, rows, places, orders, blocks = (
        pointer(leads_),
        pointer(rows_),
        pointer(places_),
        pointer(orders_),
        pointer(blocks_),
    )
    everything, partner_of = len(partners) > 0, pointer(partners)
    count = 0
    for c in range(len(leads_)):
        w = flats[c]
        while w < flats[c + 1]:
            end = w + 1
            while end < flats[c + 1] and _alike(firsts, owners, everything, partner_of, w, end, c):
                end += 1
            low = w - flats[c] - leads[c]
            high = low + (end - w if flats[c + 1] - flats[c] > 1 else windows[c]) + least - 1
            first = members[owners[firsts[w]]]
            partner = partner_of[firsts[w]] if everything else first
            for m in range(members[c], members[c + 1]) if partner >= 0 else range(0):
                other = partner if m == first else first
                if not everything and not _apart(rows, places, m, first, least):
                    continue
                if len(out):
                    block = blocks[m]
                    start, size = np.uint64(places[m] + low), np.uint64(high - low)
                    run = size << np.uint64(16) | (start - (block & np.uint64(0xFFFFFFFF)))
                    out[count, IN_ROW], out[count, OF_SURVIVOR] = rows[m], orders[other]
                    out[count, IN_RUN] = start << np.uint64(32) | run
                    out[count, OF_THERE] = np.uint64(places[other] + low) << np.uint64(32) | block >> np.uint64(32)
                count += 1
            w = end
    return count


def spans(found: Firsts, classes: Classes, members: Members, least: int, everything: bool):
    """The symbols that repeats cover: uint64[n, SPAN].

    A window is a repeat when the first that equals it is in another document, or ends before it begins; with
    `everything` the first counts, too.
    """
    partners = np.empty(len(found.firsts) if everything else 0, np.int64)
    if everything:
        _repeated(*found, classes.members, members.rows, members.places, least, partners)
    given = (*found, classes.windows, classes.leads, classes.members, *members, partners, least)
    out = np.empty((_spans(*given, np.empty((0, SPAN), np.uint64)), SPAN), np.uint64)
    if len(out):
        _spans(*given, out)
    return out


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    one, two = np.zeros(1, np.int64), np.arange(2)
    classes = Classes(one, one + 1, one, two)
    found = first_windows(np.frombuffer(b"a", np.uint8), two, one == 0, classes, 1, False)
    zero = one.astype(np.uint64)
    members = Members(zero, one, zero, zero)
    for everything in (False, True):
        spans(found, classes, members, 1, everything)
