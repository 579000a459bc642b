"""Which windows of a corpus stand in another one, of which only a piece is looked at at a time.

Theirs are asked about after ours are known: a record of theirs matters only when one of ours has its anchor. So memory
is bounded by what a slice of ours holds, whatever the size of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import mixed
from datacurate.kernels.winnow_match import ELSEWHERE, SPAN, Classes, Members, first_windows
from datacurate.kernels.winnow_records import FIELDS

if TYPE_CHECKING:
    import pyarrow as pa

NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Stands for no copy in `Copies.there`; places are smaller."""
_16, _32, _SMALL = np.uint64(16), np.uint64(32), np.uint64(0xFFFF)


class Anchors(NamedTuple):
    """Different anchors in order, and which hashes of theirs occur: most of those that are not there are told at once.
    Texts made to meet in the hash cost a search each, and no more."""

    anchors: np.ndarray
    hashes: np.ndarray


@njit(nogil=True, cache=True)
def _mark(anchors, hashes):
    mask = np.uint64(len(hashes) - 1)
    for anchor in anchors:
        hashes[mixed(anchor) & mask] = True


@njit(nogil=True, cache=True)
def _meeting(records, fields, anchors, hashes, out):
    """Writes the numbers of the records whose anchor is among these; returns how many there are."""
    mask, count = np.uint64(len(hashes) - 1), 0
    for i in range(len(records) // fields):
        anchor = records[i * fields]
        if hashes[mixed(anchor) & mask]:
            at = np.searchsorted(anchors, anchor)
            if at < len(anchors) and anchors[at] == anchor:
                out[count] = i
                count += 1
    return count


def distinct(values: np.ndarray) -> np.ndarray:
    """The different values in order: sorting takes a fifth of the time of `numpy.unique`, which hashes."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values


def set_of(anchors: np.ndarray) -> Anchors:
    """A set of anchors; some may be there twice."""
    different = distinct(anchors)
    hashes = np.zeros(1 << (8 * len(different) + 8).bit_length(), bool)
    _mark(read_only(different), hashes)
    return Anchors(different, hashes)


def meeting(records: np.ndarray, own: Anchors, fields: int = FIELDS) -> np.ndarray:
    """The numbers of the records whose anchor is in a set. `records` is one array, `fields` numbers to a record."""
    out = np.empty(len(records) // fields, np.int64)
    return out[: _meeting(read_only(records), fields, *(read_only(array) for array in own), out)]


class Blocks(NamedTuple):
    """Blocks of some groups: windows, symbols to the anchor, and what stands there, see `winnow.contexts`."""

    groups: np.ndarray
    windows: np.ndarray
    leads: np.ndarray
    contexts: pa.Array


class Copies(NamedTuple):
    """The first copy of every window among theirs: the order of its document, and the symbol at which it begins there,
    or NONE."""

    orders: np.ndarray
    there: np.ndarray

    @classmethod
    def none(cls, count: int) -> Copies:
        """No copies of so many windows."""
        return cls(np.zeros(count, np.uint64), np.full(count, NONE))

    def improve(self, some: np.ndarray, orders: np.ndarray, there: np.ndarray) -> None:
        """Take other copies of the windows `some`, each named once, where these are less, or the first."""
        mine, place = self.orders[some], self.there[some]
        less = (place == NONE) | (orders < mine) | ((orders == mine) & (there < place))  # as `_less`
        self.orders[some[less]], self.there[some[less]] = orders[less], there[less]


@njit(nogil=True, cache=True, forceinline=True)
def _less(order, there, other, place):
    """Whether a copy is before another one, by the order of documents and then the place in them."""
    return place == NONE or order < other or (order == other and there < place)


@njit(nogil=True, cache=True)
def _enter(low, slots):
    mask = np.uint64(len(slots) - 1)
    for i in range(len(low)):
        at = low[i] & mask
        while slots[at]:
            at = (at + np.uint64(1)) & mask
        slots[at] = i + 1


@njit(nogil=True, cache=True)
def _settle(high, low, slots, highs, lows, order, there, orders, places):
    """Open addressing on the second half of digests, which nobody can choose."""
    mask = np.uint64(len(slots) - 1)
    for i in range(len(highs)):
        at = lows[i] & mask
        while slots[at]:
            k = slots[at] - 1
            if low[k] == lows[i] and high[k] == highs[i]:
                if _less(order[i], there[i], orders[k], places[k]):
                    orders[k], places[k] = order[i], there[i]
                break
            at = (at + np.uint64(1)) & mask


class Whole:
    """Blocks of ours by their digests, all different, and the least copy of each among theirs."""

    def __init__(self, high: np.ndarray, low: np.ndarray):
        self.copies = Copies.none(len(high))
        self._own = (read_only(high), read_only(low))
        self._slots = np.zeros(1 << max(4, (2 * len(high)).bit_length()), np.int64)
        _enter(self._own[1], self._slots)

    def meet(self, high: np.ndarray, low: np.ndarray, orders: np.ndarray, there: np.ndarray) -> None:
        """Some blocks of theirs: digests, orders of their documents, symbols at which they begin."""
        given = (read_only(array) for array in (high, low, orders, there))
        _settle(*self._own, self._slots, *given, *self.copies)


@njit(nogil=True, cache=True)
def _least(ids, orders, there, best):
    for i in range(len(ids)):
        k = best[ids[i]]
        if k < 0 or _less(orders[i], there[i], orders[k], there[k]):
            best[ids[i]] = i


def compare(
    ours: Blocks, theirs: Blocks, orders: np.ndarray, starts: np.ndarray, length: int, tokens: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(windows, orders, places)`: the windows of our blocks, counted through, that stand in theirs, and where first.

    `orders` are those of the documents of their blocks, `starts` the symbols at which these begin.
    """
    import pyarrow as pa

    groups, windows, leads = (np.concatenate(pair) for pair in zip(theirs[:3], ours[:3], strict=True))
    by = np.argsort(groups, kind="stable")
    both = pa.concat_arrays([theirs.contexts, ours.contexts]).take(pa.array(by))
    classes = Classes(groups[by], windows[by], leads[by], np.zeros(0, np.int64))
    found = first_windows(*bytes_and_offsets(both), np.ones(len(by), bool), classes, length, tokens)
    owners = by[found.owners]  # theirs come first in these numbers
    place = np.arange(len(owners)) - np.repeat(found.flats[:-1], windows[by])
    mine = np.flatnonzero(owners >= len(orders))
    wanted = np.zeros(len(owners), bool)
    wanted[found.firsts[mine]] = True
    other = np.flatnonzero((owners < len(orders)) & wanted[found.firsts])
    order, there = orders[owners[other]], (starts[owners[other]] + place[other]).astype(np.uint64)
    best = np.full(len(owners), -1)
    _least(*(read_only(array) for array in (found.firsts[other], order, there)), best)
    known = best[found.firsts[mine]]
    mine, known = mine[known >= 0], known[known >= 0]
    begins = np.cumsum(ours.windows) - ours.windows
    return begins[owners[mine] - len(orders)] + place[mine], order[known], there[known]


def spans(classes: Classes, members: Members, flats: np.ndarray, copies: Copies, length: int) -> np.ndarray:
    """The symbols of all members whose windows have copies: uint64[n, SPAN], as `winnow_match.spans` writes them.

    Class `c` has the windows `flats[c]` to `flats[c + 1]` of `copies`, or one that stands for all.
    """
    first, last = _runs(flats, copies)
    owner = np.searchsorted(flats, first, side="right") - 1
    whole = np.diff(flats)[owner] != classes.windows[owner]
    counts = np.where(whole, classes.windows[owner], last - first)
    low = first - flats[owner]
    times = np.diff(classes.members)[owner]
    run = np.repeat(np.arange(len(first)), times)
    member = np.arange(len(run)) + np.repeat(classes.members[owner] - (np.cumsum(times) - times), times)
    start = (members.places[member] - classes.leads[owner][run] + low[run]).astype(np.uint64)
    block, size = members.blocks[member], (counts + length - 1)[run].astype(np.uint64)
    there = copies.there[first][run] + np.uint64(ELSEWHERE)
    out = np.empty((len(run), SPAN), np.uint64)
    out[:, 0], out[:, 2] = members.rows[member], copies.orders[first][run]
    out[:, 1] = start << _32 | size << _16 | (start - (block & np.uint64(0xFFFFFFFF)))
    out[:, 3] = there << _32 | block >> _32
    return out


def _runs(flats: np.ndarray, copies: Copies) -> tuple[np.ndarray, np.ndarray]:
    """`(first, last)`: windows of one class whose copies follow one another, too."""
    known = copies.there != NONE
    ends = np.ones(len(known) + 1, bool)
    if len(known):
        ends[1:-1] = (copies.orders[1:] != copies.orders[:-1]) | (copies.there[1:] != copies.there[:-1] + np.uint64(1))
        ends[1:-1] |= known[1:] != known[:-1]
    ends[flats] = True
    bounds = np.flatnonzero(ends)
    some = known[bounds[:-1]]
    return bounds[:-1][some], bounds[1:][some]


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    one = np.zeros(FIELDS, np.uint64)
    meeting(one, set_of(one[:1]))
    Whole(one[:1], one[:1]).meet(*one[:4].reshape(4, 1))
    _least(*(read_only(array) for array in (np.zeros(1, np.int64), one[:1], one[:1])), np.full(1, -1))
