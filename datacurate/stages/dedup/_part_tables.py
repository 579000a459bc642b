"""Parts that were found again: by exact digests, or by a Bloom filter, and in other datasets first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.core.stage import one_array
from datacurate.core.task import SHARD_BITS
from datacurate.stages.dedup import _index, _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts
    from datacurate.kernels.firsts import Blocks

DIGEST = ("high", "low")


def index(docs: pa.Table, digests: np.ndarray, documents: np.ndarray, dataset: str) -> pa.Table:
    """The table of an `over` phase: every different digest of a batch, with the least id that has it.

    `parts` are the parts of the batch that have it: filters are sized by all, however these are spread over batches.
    """
    import pyarrow.compute as pc

    from datacurate.kernels import firsts

    ids = one_array(docs["id"])
    ranks = np.empty(len(ids), np.uint64)
    ranks[pc.sort_indices(ids).to_numpy()] = np.arange(len(ids))
    high, low = np.ascontiguousarray(digests.T)
    zeros = np.zeros(len(high), np.uint64)
    leader, _ = firsts.firsts(high, low, ranks[documents], zeros, zeros)
    some = np.flatnonzero(leader == np.arange(len(leader)))
    counts = np.bincount(leader, minlength=len(leader))
    return _rows.table(
        slice=(_index.slice_of(high[some]), "int32"),
        high=(high[some], "uint64"),
        low=(low[some], "uint64"),
        parts=(counts[some], "uint32"),
        id=(ids.take(documents[some]), "large_string"),
        dataset=(np.repeat(dataset, len(some)), "large_string"),
    )


def dealt(found: Any, ranks: np.ndarray, row: int, slices: int, bloom: bool) -> pa.Table:
    """A row per slice: its records of a batch, packed with the batch's first row. `found` are the parts."""
    from datacurate.kernels import firsts

    fields = firsts.SHORT if bloom else firsts.FIELDS
    made = firsts.deal(found.digests, ranks, found.documents, found.starts, found.ends, slices, fields)
    some, blocks = firsts.packed(made, row)
    return _rows.table(slice=(some, "int32"), block=(_rows.as_lists(*blocks), "hashes"))


def nothing(bloom: bool, against: bool) -> pa.Table:
    """A table of no cuts."""
    import pyarrow as pa

    cuts = _cuts(_NONE, _NONE, _NONE, "" if bloom else _NONE)
    return cuts.append_column("elsewhere", pa.nulls(0, pa.large_string())) if against and not bloom else cuts


def exact(tables: Iterable[pa.Table], index: Parts | None, keep: str) -> Iterator[pa.Table]:
    """Every part whose digest a part before it has, or one of another dataset; with `keep` none also the first.

    `survivor` is the row of the document in which it stands first, its own where `elsewhere` names one of `index`.
    """
    import pyarrow as pa

    from datacurate.kernels import firsts

    hashed = _Pieces(tables)
    several, pieces = [np.zeros(0, bool)], []
    for piece in hashed:
        several.append(_is_several(piece))
        pieces.append(_records(piece)[:-1])
    high, low, rank, row, start = (np.concatenate([_NONE, *(piece[k] for piece in pieces)]) for k in range(5))
    del pieces
    leader, alone = firsts.firsts(high, low, rank, row, start)
    goes = ~alone | np.concatenate(several) if keep == "none" else leader != np.arange(len(leader))
    names, named = None, None
    if index is not None:
        there, names = _index.known(pa.table({"high": high, "low": low}), DIGEST, index)
        named = np.full(len(row), -1, np.int64)
        named[there] = np.arange(len(there))
        leader[there], goes[there] = there, True
    del high, low, rank, start
    at = 0
    for piece in hashed:
        count = len(piece.lists.records[0]) // firsts.FIELDS
        mine = slice(at, at + count)
        at += count
        records, copies, of = _of_piece(piece, firsts.FIELDS)
        gone = np.flatnonzero(goes[mine])
        survivor = row[leader[mine]]
        which = np.append(gone, of)
        cuts = _cuts(*_both(records, gone, copies), survivor[which])
        if names is not None and named is not None:
            elsewhere = pa.array(named[mine][which], mask=named[mine][which] < 0)
            cuts = cuts.append_column("elsewhere", one_array(names).cast(pa.large_string()).take(elsewhere))
        yield cuts


def bloomed(tables: Iterable[pa.Table], index: Parts | None, number: int, rate: float) -> Iterator[pa.Table]:
    """Every part that a Bloom filter takes for one that came before it, or stands in another dataset.

    Instead of a survivor it says that a filter did: what came before is forgotten but for its bits.
    """
    from datacurate.kernels import bloom, firsts

    hashed = _Pieces(tables)
    pieces, slices, count = [], 1, 0
    for piece in hashed:
        count += len(piece.lists.copies[0])
        pieces.append(firsts.runs(piece.lists.records, piece.first, piece.lists.ranks[0]))
        slices = piece.slices
    starts = np.cumsum([0, *(len(piece.hashes) for piece in pieces)])
    begins = np.concatenate([np.zeros(0, np.int64), *(p.begins + at for p, at in zip(pieces, starts, strict=False))])
    hashes, lengths, ranks, rows = (
        np.concatenate([_NONE[:0], *(getattr(piece, name) for piece in pieces)])
        for name in ("hashes", "lengths", "ranks", "rows")
    )
    del pieces
    count += len(hashes)
    count += sum(parts for _, parts in others(index, "high", number, slices))
    filter = bloom.for_rate(count, rate)
    for more, _ in others(index, "high", number, slices):
        bloom.add_all(filter, more)
    goes = np.zeros(len(hashes), bool)
    goes[bloom.again(filter, hashes, begins, lengths.astype(np.int64), np.lexsort((rows, ranks)))] = True
    said = f"a document before it, by a Bloom filter that errs at {rate:g}"
    for piece, at in zip(hashed, starts, strict=False):
        records, copies, _ = _of_piece(piece, firsts.SHORT)
        gone = np.flatnonzero(goes[at : at + len(records.row)])
        yield _cuts(*_both(records, gone, copies), said)


_NONE = np.zeros(0, np.uint64)
TOGETHER = 4 << 20
"""Bytes of tables that are looked at together: parts of many shards are small, and each look has its price."""
KEPT = 64 << 20
"""Bytes of a slice that are kept for the second look; a larger one, of a line that is everywhere, is read again."""


class _Pieces:
    """The blocks of a slice, those of small tables joined, to be gone through twice."""

    def __init__(self, tables: Iterable[pa.Table]):
        self.tables = tables
        self.kept: list[Blocks] = []
        self.all_kept = False

    def __iter__(self) -> Iterator[Blocks]:
        if self.all_kept:
            yield from self.kept
            return
        total = 0
        for blocks, size in self._joined():
            total += size
            self.kept = [*self.kept, blocks] if total <= KEPT else []
            yield blocks
        self.all_kept = total <= KEPT

    def _joined(self) -> Iterator[tuple[Blocks, int]]:
        held: list[pa.Table] = []
        size = 0
        for table in self.tables:
            held.append(table)
            size += table.nbytes
            if size >= TOGETHER:
                yield _unpacked(held), size
                held, size = [], 0
        if held:
            yield _unpacked(held), size


def _unpacked(tables: list[pa.Table]) -> Blocks:
    import pyarrow as pa

    from datacurate.kernels import firsts

    return firsts.unpacked(_rows.lists(pa.concat_tables(tables), "block"))


def _records(piece: Blocks) -> Any:
    from datacurate.kernels import firsts

    return firsts.records(piece.lists.records, piece.first, piece.lists.ranks[0], piece.lists.long[0])


def _is_several(piece: Blocks) -> np.ndarray:
    """Whether records have copies in their own batch."""
    from datacurate.kernels import firsts

    found = np.zeros(len(piece.lists.records[0]) // firsts.FIELDS, bool)
    found[_several(piece, firsts.FIELDS)[0]] = True
    return found


def _several(piece: Blocks, fields: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a piece's records those that have copies in their own batch, and how many."""
    values, bounds = piece.lists.several
    begins = piece.lists.records[1][:-1] // fields
    places = (values >> np.uint64(32)).astype(np.int64) + np.repeat(begins, np.diff(bounds))
    return places, (values & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _of_piece(piece: Blocks, fields: int) -> tuple[Any, Any, np.ndarray]:
    """A piece's records, their copies, and of each copy the record."""
    from datacurate.kernels import firsts

    lists, first = piece.lists, piece.first
    records = firsts.records(lists.records, first, _NONE, lists.long[0], fields)
    copies = firsts.records(lists.copies, first, _NONE, lists.long_copies[0], 1)
    return records, copies, np.repeat(*_several(piece, fields))


def _both(records: Any, gone: np.ndarray, copies: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, first bytes and bytes of some records and of copies."""
    row, start, length = (np.append(a[gone], b) for a, b in zip(records[3:], copies[3:], strict=True))
    return row, start, length


def _cuts(row: np.ndarray, start: np.ndarray, length: np.ndarray, survivor: np.ndarray | str) -> pa.Table:
    """A table of cuts; one text may stand for all survivors."""
    import pyarrow as pa

    made = _rows.table(
        shard=(row >> np.uint64(SHARD_BITS), "int32"),
        row=(row, "uint64"),
        start=(start, "int32"),
        end=(start + length, "int32"),
    )
    if not isinstance(survivor, str):
        return made.append_column("survivor", pa.array(survivor, pa.uint64()))
    said = pa.DictionaryArray.from_arrays(np.zeros(len(row), np.int8), pa.array([survivor], pa.large_string()))
    return made.append_column("survivor", said)


def others(index: Parts | None, column: str, number: int, slices: int) -> Iterator[tuple[np.ndarray, int]]:
    """What other datasets hold of slice `number` of `slices`: hashes, and how many parts have them, piece by piece."""
    if index is None:
        return
    step = int(np.gcd(slices, _index.SLICES))
    for piece in index.only([(key,) for key in range(number % step, _index.SLICES, step)]):
        hashes = _rows.numpy(piece, column)
        mine = hashes % np.uint64(slices) == np.uint64(number)
        yield hashes[mine], int(_rows.numpy(piece, "parts")[mine].sum())
