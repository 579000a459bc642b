"""What stages share that also compare with other datasets: `against`, and documents that one of these holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import field_validator

from datacurate.stages.dedup import _rows
from datacurate.stages.dedup._base import DocumentDedup

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts


SLICES = 64
"""What indexes lay their tables out by; a run takes those slices that its own hashes are in."""


def slice_of(hashes: np.ndarray, count: int = SLICES) -> np.ndarray:
    """The slice of an index that every hash belongs to."""
    return hashes % np.uint64(count)


def slices_of(hashes: np.ndarray, count: int = SLICES) -> list[tuple[int]]:
    """The keys of the slices that some of the hashes belong to."""
    return [(key,) for key in np.unique(slice_of(hashes, count)).tolist()]


class IndexedDedup(DocumentDedup):
    """Base of stages that merge documents into others of the run, and first into those of other datasets.

    A subclass has `@each(over="against")` phases, which make what it must know of the other datasets. An index holds
    exactly these tables (`core/index.py`), so that phases read both alike.
    """

    against: tuple[str, ...] = ()
    """Folders of finished datasets, or of indexes that `curate dedup index` made. A document that one of them holds is
    merged into it, before documents are compared with each other; `NAME:ID` in the ledger is the survivor, NAME the
    dataset. Nothing of them is removed or handed on."""

    unkeyed: ClassVar[tuple[str, ...]] = ("max_loss", "against")

    @field_validator("against", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


def named(ids: Any, datasets: Any) -> pa.Array:
    """Survivors in other datasets, as ledgers name them: `NAME:ID`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids, datasets = (pc.cast(column, pa.large_string()) for column in (ids, datasets))
    return pc.binary_join_element_wise(datasets, ids, pa.scalar(":", pa.large_string()))


def known(members: pa.Table, columns: tuple[str, ...], index: Parts | None) -> tuple[np.ndarray, pa.Array]:
    """`(positions in members, the survivor of each)`: those whose values of `columns` are in an index, too.

    `index` has the same columns, `id` and `dataset`, laid out by `slice_of` the first column. Of several survivors the
    least by name and id is taken, whichever part it stands in.
    """
    import pyarrow as pa

    found = _rows.table(place=([], "int64"), survivor=([], "large_string"))
    if index is not None and members.num_rows:
        order, firsts, own = _distinct([_rows.numpy(members, name) for name in columns])
        for piece in index.only(slices_of(own[0])):
            places, hits = positions(own, [_rows.numpy(piece, name) for name in columns])
            piece = piece.take(hits)
            more = _rows.table(place=(places, "int64"), survivor=(named(piece["id"], piece["dataset"]), "large_string"))
            found = least(pa.concat_tables([found, more]), "place")
        group = np.full(len(firsts), -1, np.int64)
        group[_rows.numpy(found, "place")] = np.arange(found.num_rows)
        mine = np.repeat(group, np.diff(np.append(firsts, len(order))))
        return order[mine >= 0], found["survivor"].take(mine[mine >= 0])
    return np.zeros(0, np.int64), found["survivor"]


def least(table: pa.Table, *columns: str) -> pa.Table:
    """Of the rows that are equal in `columns` the one with the least survivor."""
    table = table.sort_by([(name, "ascending") for name in (*columns, "survivor")]).combine_chunks()
    if table.num_rows < 2:
        return table
    new = np.zeros(table.num_rows, bool)
    new[0] = True
    for name in columns:
        values = _rows.numpy(table, name)
        new[1:] |= values[1:] != values[:-1]
    return table.filter(new)


def _distinct(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The order that sorts rows by columns, where in it each distinct one begins, and the distinct ones."""
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[order][1:] != column[order][:-1]
    firsts = np.flatnonzero(new)
    return order, firsts, [column[order][firsts] for column in columns]


def positions(own: list[np.ndarray], others: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """`(positions in own, positions in others)` of equal rows; `own` is sorted and has no row twice."""
    low = np.searchsorted(own[0], others[0], side="left")
    high = np.searchsorted(own[0], others[0], side="right")
    near = np.flatnonzero(high > low)
    places, hits = [], []
    while len(near):
        same = np.ones(len(near), bool)
        for mine, other in zip(own[1:], others[1:], strict=True):
            same &= mine[low[near]] == other[near]
        places.append(low[near[same]])
        hits.append(near[same])
        low[near] += 1
        near = near[low[near] < high[near]]
    return (np.concatenate(places), np.concatenate(hits)) if places else (np.zeros(0, np.int64), np.zeros(0, np.int64))
