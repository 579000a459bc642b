"""How anchors become classes of equal blocks, and how a shard finds its own rows in a table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datacurate.core.stage import one_array
from datacurate.core.task import SHARD_BITS
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.kernels.winnow_match import Classes, Members

PARTS = 8
"""Tasks that repeats are gathered in by document, to be joined. They take some 0.3 bytes per byte that is repeated."""
TOGETHER = np.uint64(12)
"""So many bits of a row are the same in one part, but for chance: neighbours are gathered by one task."""


class Grouped(NamedTuple):
    """Anchors of a slice that occur more than once. `numbers` are those of the classes that contexts are wanted of,
    -1 for others: classes of anchors that stand in different surroundings."""

    classes: Classes
    members: Members
    numbers: np.ndarray


def shard_of(rows: np.ndarray) -> np.ndarray:
    """The shards that rows are of."""
    return rows >> np.uint64(SHARD_BITS)


def part_of(rows: np.ndarray) -> np.ndarray:
    """The part that gathers what was found of these rows."""
    return ((rows >> TOGETHER) + shard_of(rows)) % np.uint64(PARTS)


def packed(start: np.ndarray, lead: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Where a block begins, its anchor's distance from there, and its windows, in 64 bits; these are not compressed."""
    return (start << np.uint64(32)) | (lead << np.uint64(16)) | windows


def _unpacked(place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    small = np.uint64(0xFFFF)
    parts = (place >> np.uint64(32), (place >> np.uint64(16)) & small, place & small)
    return tuple(part.astype(np.int64) for part in parts)  # type: ignore[return-value]


def grouped(anchors: pa.Table) -> Grouped:
    """The anchors as classes of equal blocks, in an order that does not depend on shards.

    They come in the order of rows and symbols, which stable sorting keeps among equals.
    """
    from datacurate.kernels.winnow_match import Classes, Members

    met = _again(_rows.numpy(anchors, "anchor"))
    names = ("anchor", "high", "low", "order", "row", "place")
    columns = {name: _rows.numpy(anchors, name)[met] for name in names}
    order = np.lexsort([columns[name] for name in ("order", "low", "anchor")])
    columns = _taken(columns, order)
    # two digests with one `low` could take turns: that makes more classes of one kind, which are compared like others
    starts = _changes(columns["anchor"], columns["high"], columns["low"])
    first = _taken(columns, starts)
    firsts = np.lexsort((order[starts], first["order"], first["anchor"]))
    first = _taken(first, firsts)
    new = np.zeros(len(firsts), bool)
    new[_changes(first["anchor"])] = True
    groups = np.cumsum(new) - 1
    lengths = np.diff(np.append(starts, len(order)))[firsts]
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    among = np.repeat(starts[firsts] - bounds[:-1], lengths) + np.arange(bounds[-1])
    several = np.bincount(groups, minlength=1)[groups] > 1
    _, leads, windows = _unpacked(first["place"])
    start, lead, _ = _unpacked(columns["place"])
    members = (columns["row"], start + lead, columns["order"])
    return Grouped(
        Classes(groups, windows, leads, bounds),
        Members(*(column[among] for column in members)),
        np.where(several, np.cumsum(several) - 1, -1),
    )


def _again(values: np.ndarray) -> np.ndarray:
    """Positions of the values that occur more than once."""
    order = np.argsort(values)
    met = np.zeros(len(values), bool)
    same = values[order[1:]] == values[order[:-1]]
    met[1:] |= same
    met[:-1] |= same
    return np.sort(order[met])


def _changes(*columns: np.ndarray) -> np.ndarray:
    """Positions at which a run of equal values begins, in sorted columns."""
    new = np.zeros(len(columns[0]), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new)


def _taken(columns: dict[str, np.ndarray], where: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[where] for name, column in columns.items()}


def mine(rows: np.ndarray, table: pa.Table, *columns: str) -> tuple[np.ndarray, list[Any]]:
    """`(positions in rows, columns)` of the lines of a table that are about these rows, by row and start.

    The table may have several lines to a row, in any order.
    """
    named = _rows.numpy(table, "row")
    here = np.flatnonzero((named >= rows[0]) & (named <= rows[-1])) if len(rows) else np.empty(0, np.int64)
    here = here[np.lexsort((_rows.numpy(table, "start")[here], named[here]))]
    return np.searchsorted(rows, named[here]), [table[name].take(here) for name in columns]


class Places(NamedTuple):
    """Bytes that are taken out of the documents of a batch: spans in order, and where else they stand."""

    docs: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    survivors: pa.Array


class _Latest:
    """The batch that `places` was last asked about: two phases ask about each, one after the other."""

    asked: tuple[Any, ...] = ()
    found: Any = None


def places(docs: pa.Table, rows: np.ndarray, cuts: pa.Table, how: tuple[bool, bool, bool], last: bool) -> Places:
    """The bytes of the batch that a table of symbols (row, start, end, survivor) names.

    `how` is whether symbols are tokens, whether only whole lines go, and whether white space does; see
    `winnow_spans.to_bytes`. Kept for the next call about the batch, unless it is the `last`.
    """
    latest = _Latest.asked
    if latest and latest[0] is docs and latest[1] == how and latest[2].equals(cuts):
        found = _Latest.found
    else:
        found = _places(docs, rows, cuts, how)
    _Latest.asked, _Latest.found = ((), None) if last else ((docs, how, cuts), found)
    return found


def _places(docs: pa.Table, rows: np.ndarray, cuts: pa.Table, how: tuple[bool, bool, bool]) -> Places:
    from datacurate.kernels import winnow_spans

    index, columns = mine(rows, cuts, "start", "end", "survivor")
    first, after = (column.to_numpy().astype(np.int64) for column in columns[:2])
    some, counts = np.unique(index, return_counts=True)
    at = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    found = winnow_spans.to_bytes(one_array(docs["text"].take(some)), at, first, after, *how)
    left = np.flatnonzero(found[:, 1] > found[:, 0])
    return Places(index[left], found[left, 0], found[left, 1], one_array(columns[2].take(left)))


def without(text: pa.Array, found: Places) -> pa.Array:
    """The texts without the bytes that were found."""
    import pyarrow as pa

    from datacurate.kernels.edit import cut

    both = pa.array(np.stack([found.starts, found.ends], axis=1).reshape(-1))
    return cut(text, pa.ListArray.from_arrays(pa.array((2 * _offsets(text, found)).astype(np.int32)), both))


def masked(text: pa.Array, found: Places, mark: str) -> pa.Array:
    """The texts with `mark` instead of the bytes that were found."""
    from datacurate.kernels import winnow_spans

    return winnow_spans.mask(text, _offsets(text, found), found.starts, found.ends, mark)


def _offsets(text: pa.Array, found: Places) -> np.ndarray:
    return np.searchsorted(found.docs, np.arange(len(text) + 1)).astype(np.int64)


def most_of(docs: np.ndarray, found: Places) -> list[str]:
    """For each of these documents the one that the longest piece of it stands in, too; the first among equals."""
    order = np.lexsort((found.starts - found.ends, found.docs))
    longest = order[np.searchsorted(found.docs[order], docs)]
    return found.survivors.take(longest).to_pylist()
