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


def set_of(anchors: np.ndarray) -> Anchors:
    """A set of anchors; some may be there twice."""
    different = np.unique(anchors)
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
        less = (place == NONE) | (orders < mine) | ((orders == mine) & (there < place))
        self.orders[some[less]], self.there[some[less]] = orders[less], there[less]


def least(ids: np.ndarray, orders: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Positions of the least copy, by order and place, for every different id."""
    by = np.lexsort((there, orders, ids))
    return by[np.flatnonzero(np.diff(ids[by], prepend=ids[by[:1]] - 1))] if len(by) else by


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
    chosen = least(found.firsts[other], order, there)
    best[found.firsts[other[chosen]]] = chosen
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
