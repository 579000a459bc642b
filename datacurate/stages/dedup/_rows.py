"""What deduplicating stages share: verdicts about rows, and how a batch of documents finds its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.core.phase import Size
from datacurate.core.stage import Outcome, Removed, one_array

if TYPE_CHECKING:
    import pyarrow as pa

SLICE_BYTES = 32 << 20
"""Bytes of source files per task. Compressed text of 32 MB is about 130 MB of text; of short documents of 180 bytes it
has half a million, with 15 MB of band hashes per million bands."""
MOST_SLICES = 1 << 13
"""Each part has a row group per slice: more would be of few rows."""


def spread(size: Size, weight: float = 1.0) -> int:
    """How many tasks to spread a table over so that one holds a bounded share: a power of two, at least 2.

    `weight` is what it takes for each byte of the sources, in times of what a document's words take.
    """
    wanted = max(2, -(-size.bytes * weight // SLICE_BYTES))
    return min(MOST_SLICES, 1 << int(wanted - 1).bit_length())


def met(*hashes: np.ndarray) -> np.ndarray:
    """Whether another row has the same hashes."""
    order = np.lexsort(hashes)
    again = np.ones(max(len(order) - 1, 0), bool)
    for column in hashes:
        again &= column[order][1:] == column[order][:-1]
    found = np.zeros(len(order), bool)
    found[order[1:]] |= again
    found[order[:-1]] |= again
    return found


def table(**columns: tuple) -> pa.Table:
    """A table of `name=(values, type)`: the types hold for empty input, too."""
    import pyarrow as pa

    return pa.table({name: _column(values, kind) for name, (values, kind) in columns.items()})


def _column(values, kind: str):
    import pyarrow as pa

    wanted = pa.large_binary() if kind == "hashes" else getattr(pa, kind)()
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(wanted)
    return pa.array(values, wanted)


def numpy(table: pa.Table, column: str) -> np.ndarray:
    """A numeric column as one array."""
    return one_array(table[column]).to_numpy(zero_copy_only=False)


def lists(table: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """`(values, offsets)` of a column of lists of hashes."""
    found = one_array(table[column])
    if not len(found):
        return np.empty(0, np.uint64), np.zeros(1, np.int64)
    _, ends, data = found.buffers()
    offsets = np.frombuffer(ends, np.int64)[found.offset : found.offset + len(found) + 1]
    values = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]].view(np.uint64)
    return values, (offsets - offsets[0]) // 8


def as_lists(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """A column of lists of hashes from `(values, offsets)`.

    As bytes: Parquet's lists have two more numbers with every value, which took half of the time to write them.
    """
    import pyarrow as pa

    ends = pa.py_buffer(8 * np.asarray(offsets, np.int64))
    data = pa.py_buffer(np.ascontiguousarray(values, np.uint64))
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, [None, ends, data])


def found(rows, table: pa.Table) -> tuple[np.ndarray, pa.Table]:
    """`(positions in rows, their rows of table)` of the batch's rows that a table sorted by `row` names."""
    rows = np.asarray(rows, dtype=np.uint64)
    mine = between(table, rows[0], rows[-1]) if len(rows) else table.slice(0, 0)
    named = numpy(mine, "row")
    here = np.isin(named, rows, assume_unique=True)
    return np.searchsorted(rows, named[here]), mine.filter(here)


def found_but(rows, table: pa.Table, gone: pa.Table | None) -> tuple[np.ndarray, pa.Table]:
    """What `found` finds, without the rows that `gone` names."""
    index, named = found(rows, table)
    if gone is None:
        return index, named
    stays = ~np.isin(index, found(rows, gone)[0])
    return index[stays], named.filter(stays)


def between(table: pa.Table, first: np.uint64, last: np.uint64) -> pa.Table:
    """The part of a table sorted by `row` from row `first` to row `last`; whole chunks are skipped unread."""
    parts, start = [], 0
    for chunk in table["row"].chunks:
        values = chunk.to_numpy()
        low, high = np.searchsorted(values, first), np.searchsorted(values, last, side="right")
        if high > low:
            parts.append(table.slice(start + low, high - low))
        start += len(values)
    return _joined(parts) if parts else table.slice(0, 0)


def _joined(parts: list[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(parts)


def _rules(named: pa.Table, rule: str) -> list[str]:
    """The rule of every removal: what another dataset holds is told apart."""
    if "against" not in named.schema.names:
        return [rule] * named.num_rows
    return [f"{rule}_against" if against else rule for against in named["against"].to_pylist()]


def without(rows, verdict: pa.Table, rule: str, known: pa.Table | None = None) -> Outcome:
    """The documents that neither verdict names; the named ones are merged into their survivors."""
    index, named = found(rows, verdict)
    if known is not None:
        more, also = found(rows, known)
        index, named = np.append(index, more), _joined([named, also])
    if not len(index):
        return Outcome(None)
    removed = Removed(
        index=index,
        fate="merged",
        rule=_rules(named, rule),
        survivor=named["survivor"].to_pylist(),
        similarity=numpy(named, "similarity"),
    )
    return Outcome(None, [removed])


class Latest:
    """What was found of the batch that was last asked about: phases ask about each, one after the other."""

    def __init__(self) -> None:
        self._asked: tuple[Any, ...] = ()
        self._found: Any = None

    def of(self, asked: tuple[Any, ...], find: Callable[[], Any], last: bool) -> Any:
        """What was found when these very objects were asked about, or is found now; kept unless this is the `last`."""
        known = len(asked) == len(self._asked) and all(a is b for a, b in zip(asked, self._asked, strict=True))
        found = self._found if known else find()
        self._asked, self._found = ((), None) if last else (asked, found)
        return found
