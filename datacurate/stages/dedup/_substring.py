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

WEIGHT = {"tokens": 4.0, "bytes": 8.0}
"""A task for every 8 MB of source files at most, or 4 MB: windows of 100 bytes have three times as many anchors as
those of 50 tokens."""
TOGETHER = np.uint64(12)
"""So many bits of a row are the same in one part, but for chance: neighbours are gathered by one task."""


class Grouped(NamedTuple):
    """Anchors of a slice that occur more than once. `numbers` are those of the classes that contexts are wanted of,
    -1 for others: classes of anchors that stand in different surroundings. `heads` are their first members' records."""

    classes: Classes
    members: Members
    numbers: np.ndarray
    heads: np.ndarray


def shard_of(rows: np.ndarray) -> np.ndarray:
    """The shards that rows are of."""
    return rows >> np.uint64(SHARD_BITS)


def part_of(rows: np.ndarray, parts: int) -> np.ndarray:
    """The part that gathers what was found of these rows."""
    return ((rows >> TOGETHER) + shard_of(rows)) % np.uint64(parts)


def dealt(column: str, records: np.ndarray, numbers: np.ndarray, slices: int, first: Any = 0) -> pa.Table:
    """A row for every slice that has some of the records: its number, how many slices there are, the row of the first
    document of the batch, and the records."""
    from datacurate.kernels import winnow_records

    laid, bounds = winnow_records.deal(records, numbers, slices)
    some = np.flatnonzero(np.diff(bounds))
    offsets = records.shape[1] * np.append(bounds[some], bounds[-1])
    return _rows.table(
        **{column: (some, "int32")},
        slices=(np.full(len(some), slices), "int32"),
        first=(np.full(len(some), first, np.uint64), "uint64"),
        records=(_rows.as_lists(laid, offsets), "hashes"),
    )


def _counts(table: pa.Table, fields: int) -> np.ndarray:
    """How many records the rows of a table have."""
    return np.diff(_rows.lists(table, "records")[1]) // fields


def held(table: pa.Table) -> tuple[np.ndarray, int]:
    """The records of a slice, number by number, and how many slices there are; 1 where there is no record."""
    slices = _rows.numpy(table, "slices")
    return _rows.lists(table, "records")[0], int(slices[0]) if len(slices) else 1


def grouped(anchors: pa.Table) -> tuple[Grouped, int]:
    """The anchors of a slice as classes of equal blocks, in an order that does not depend on shards; and how many
    slices there are."""
    from datacurate.kernels import winnow_records

    records, bases, slices = with_bases(anchors)
    return Grouped(*winnow_records.grouped(records, bases)), slices


def with_bases(anchors: pa.Table) -> tuple[np.ndarray, np.ndarray, int]:
    """The records of a slice, the row of the first document of every record's batch, and how many slices there are."""
    from datacurate.kernels import winnow_records

    records, slices = held(anchors)
    return records, np.repeat(_rows.numpy(anchors, "first"), _counts(anchors, winnow_records.FIELDS)), slices


def asked(slice: int, classes: Classes, members: Members, numbers: np.ndarray, some: np.ndarray) -> dict[str, Any]:
    """Columns for `_rows.table`: where the first member of some classes stands, under the number of its context."""
    first = classes.members[some]
    return {
        "slice": (np.full(len(some), slice), "int32"),
        "number": (numbers[some], "int32"),
        "shard": (shard_of(members.rows[first]), "int32"),
        "row": (members.rows[first], "uint64"),
        "start": (members.places[first] - classes.leads[some], "int32"),
        "windows": (classes.windows[some], "uint16"),
        "byte": (members.blocks[first] >> np.uint64(32), "int32"),
    }


def ids(names: pa.Table, orders: np.ndarray, but: np.ndarray | None) -> pa.Array:
    """The ids of documents of these orders; null for those that `but` says are of another dataset."""
    import pyarrow as pa

    by = np.argsort(_rows.numpy(names, "order"), kind="stable")
    mine = slice(None) if but is None else np.flatnonzero(~but)
    which = np.full(len(orders), -1)
    which[mine] = by[np.searchsorted(_rows.numpy(names, "order")[by], orders[mine])]
    return one_array(names["id"]).cast(pa.large_string()).take(pa.array(which, mask=which < 0))


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


_places, _orders = _rows.Latest(), _rows.Latest()


def orders(docs: pa.Table, last: bool) -> np.ndarray:
    """Which documents of a batch come first, wherever they lie. Kept for the next call, unless it is the `last`."""
    from datacurate.kernels import firsts

    return _orders.of((docs,), lambda: firsts.ranks(docs["id"], docs["text"]), last)


def places(docs: pa.Table, rows: np.ndarray, cuts: pa.Table, how: tuple[bool, bool, bool], last: bool) -> Places:
    """The bytes of the batch that a table of symbols (row, start, end, survivor) names.

    `how` is whether symbols are tokens, whether only whole lines go, and whether white space does; see
    `winnow_spans.to_bytes`. Kept for the next call about the batch, unless it is the `last`.
    """
    return _places.of((docs, cuts, *how), lambda: _found(docs, rows, cuts, how), last)


def _found(docs: pa.Table, rows: np.ndarray, cuts: pa.Table, how: tuple[bool, bool, bool]) -> Places:
    from datacurate.kernels import winnow_spans

    index, columns = mine(rows, cuts, "start", "end", "survivor", "head", "tail")
    first, after = (column.to_numpy().astype(np.int64) for column in columns[:2])
    head, tail = (column.to_numpy() for column in columns[3:])
    some, counts = np.unique(index, return_counts=True)
    at = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pieces = winnow_spans.Pieces(at, first, after, head, tail)
    found = winnow_spans.to_bytes(one_array(docs["text"].take(some)), pieces, *how)
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
