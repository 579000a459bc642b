"""Packed rows by their place in the order of training: read in blocks, some blocks ahead."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from datacurate.core.errors import InputError
from datacurate.core.paths import without_secrets
from datacurate.mixture import pack
from datacurate.mixture.reading.files import PackedFiles
from datacurate.mixture.reading.find import joined
from datacurate.mixture.reading.index import SPLITS, Index
from datacurate.mixture.reading.order import Block, Order

THREADS = 2
AHEAD = 2
"""Blocks that are read before they are asked for."""


@dataclass(frozen=True)
class Lists:
    """Lists of numbers, one per row: `flat[offsets[i] : offsets[i + 1]]`."""

    flat: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, flat: np.ndarray, sizes: np.ndarray) -> Lists:
        return cls(flat, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]))

    def take(self, rows: np.ndarray) -> Lists:
        """The lists of some rows."""
        sizes = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        return Lists(self.flat[np.repeat(self.offsets[rows] - offsets[:-1], sizes) + np.arange(offsets[-1])], offsets)

    @property
    def row(self) -> np.ndarray:
        """The row of each number."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclass(frozen=True)
class PackedRows:
    """Rows of one training stage. `numbers` are their numbers in the mixture, which `curate trace --row` knows."""

    numbers: np.ndarray
    stage: int
    ids: np.ndarray
    """int32 of shape (rows, sequence_length); what is behind `lengths` is padding."""
    lengths: np.ndarray
    starts: Lists
    """Places at which a piece of a document begins."""
    sources: Lists
    """The number of the source of each piece."""
    unscored: Lists
    """Bounds of stretches that are not to be learnt, in pairs."""

    def take(self, rows: np.ndarray) -> PackedRows:
        """Some of the rows."""
        lists = (one.take(rows) for one in (self.starts, self.sources, self.unscored))
        return PackedRows(self.numbers[rows], self.stage, self.ids[rows], self.lengths[rows], *lists)


class Reader:
    """The rows of an index in the order of training. Threads read the next blocks while one is used.

    `end` is the place behind the last row that will be asked for; None when there is none.
    """

    def __init__(
        self,
        index: Index,
        seed: int | None = 0,
        cache: str | Path | None = None,
        ahead: int = AHEAD,
        end: int | None = None,
    ) -> None:
        self.index, self.ahead, self.end = index, ahead, end
        self._files = PackedFiles(cache, keep=ahead + 4)
        self.lengths = [self._length(number) for number in range(len(index.stages))]
        self.order = Order(index, self.lengths, seed)
        self._pool: ThreadPoolExecutor | None = None
        self._blocks: dict[int, Future[PackedRows]] = {}

    def _length(self, stage: int) -> int:
        found = self.index.stages[stage]
        if found.sequence_length or not found.names:
            return found.sequence_length or 1
        return self._files.length(joined(found.root, found.names[0]))

    def __len__(self) -> int:
        return self.order.rows

    def rows(self, places: np.ndarray) -> PackedRows:
        """The rows at some places, which are of one training stage and ascend."""
        blocks = []
        while len(places):
            block = self.order.block_at(int(places[0]))
            here = int(np.searchsorted(places, block.place + len(block)))
            blocks.append(self._block(block.number).take(places[:here] - block.place))
            places = places[here:]
        return blocks[0] if len(blocks) == 1 else joined_rows(blocks)

    def _block(self, number: int) -> PackedRows:
        """A block in the order of training; those behind it are asked for."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, "datacurate-rows")
            self._blocks[number] = self._pool.submit(self._read, number)
            self._blocks[number].result()  # others would keep the first batch waiting
        wanted = range(number, number + 1 + self.ahead)
        for other in [one for one in self._blocks if one not in wanted]:
            self._blocks.pop(other).cancel()
        for one in wanted:
            last = one > number and self.end is not None and self.order.block(one).place >= self.end
            if one not in self._blocks and not last:
                self._blocks[one] = self._pool.submit(self._read, one)
        return self._blocks[number].result()

    def _read(self, number: int) -> PackedRows:
        block = self.order.block(number)
        stage = self.index.stages[block.stage]
        tables = [
            self._checked(joined(stage.root, stage.names[file]), first, count, block)
            for file, first, count in stage.pieces(block.first, block.stop)
        ]
        first = stage.first_row + block.first
        rows = as_rows(pa.concat_tables(tables), first, block.stage)
        return rows.take(self.order.walk(block))

    def _checked(self, path: str, first: int, count: int, block: Block) -> pa.Table:
        """Rows of a file. InputError where they are not those that the index tells of."""
        table = self._files.rows(path, first, count)
        width, length = table.schema.field("input_ids").type.list_size, self.lengths[block.stage]
        split = pack.numbers(table["split"])
        if width != length or (split != SPLITS.index(self.index.split)).any():
            raise InputError(
                f"{without_secrets(path)}: its rows are not those of the index ({width} tokens a row, {length} "
                "expected, or another split). Copy or export the mixture again."
            )
        return table.drop_columns("split")

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._blocks = None, {}


def as_rows(table: pa.Table, first: int, stage: int) -> PackedRows:
    """Rows of a packed table; the first has the number `first`."""
    starts, sizes = pack.lists(table["starts"])
    sources = pack.lists(table["sources"])
    none = (np.zeros(0, np.int32), np.zeros(table.num_rows, np.int64))
    unscored = pack.lists(table["unscored"]) if "unscored" in table.column_names else none
    return PackedRows(
        np.arange(first, first + table.num_rows),
        stage,
        pack.input_ids(table),
        pack.numbers(table["length"]),
        Lists.of(starts, sizes),
        Lists.of(*sources),
        Lists.of(*unscored),
    )


def joined_rows(parts: list[PackedRows]) -> PackedRows:
    """The rows of several blocks of one training stage."""

    def lists(name: str) -> Lists:
        mine = [getattr(part, name) for part in parts]
        return Lists.of(np.concatenate([one.flat for one in mine]), np.concatenate([np.diff(o.offsets) for o in mine]))

    numbers, ids, lengths = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("numbers", "ids", "lengths")
    )
    return PackedRows(numbers, parts[0].stage, ids, lengths, *(lists(n) for n in ("starts", "sources", "unscored")))
