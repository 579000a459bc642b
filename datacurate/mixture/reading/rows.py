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

    `end` is the place behind the last row that will be asked for; None when there is none. Of several `ranks` only the
    places are held that are `rank` modulo their number: nothing is done with the rows of others but to decode them.
    """

    def __init__(
        self,
        index: Index,
        seed: int | None = 0,
        cache: str | Path | None = None,
        ahead: int = AHEAD,
        end: int | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.index, self.ahead, self.end = index, ahead, end
        self.rank, self.ranks = rank, ranks
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
        """The rows at some places of this rank, which are of one training stage and ascend."""
        blocks = []
        while len(places):
            block = self.order.block_at(int(places[0]))
            here = int(np.searchsorted(places, block.place + len(block)))
            own = (places[:here] - self._own(block.place)) // self.ranks
            blocks.append(self._block(block).take(own))
            places = places[here:]
        return blocks[0] if len(blocks) == 1 else joined_rows(blocks)

    def no_rows(self, place: int) -> PackedRows:
        """No row, of the training stage that a place is in. Nothing is read."""
        stage = self.order.block_at(place).stage
        return as_rows(pack.packed_schema(self.lengths[stage]).empty_table(), np.zeros(0, np.int64), stage)

    def _own(self, place: int) -> int:
        """The first place of this rank from a place on."""
        return place + (self.rank - place) % self.ranks

    def _block(self, block: Block) -> PackedRows:
        """This rank's rows of a block in the order of training; the blocks behind it are asked for."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, "datacurate-rows")
            self._blocks[block.number] = self._pool.submit(self._read, block)
            self._blocks[block.number].result()  # others would keep the first batch waiting
        wanted = {one.number: one for one in self._wanted(block)}
        for other in [one for one in self._blocks if one not in wanted]:
            self._blocks.pop(other).cancel()
        for number, one in wanted.items():
            if number not in self._blocks:
                self._blocks[number] = self._pool.submit(self._read, one)
        return self._blocks[block.number].result()

    def _wanted(self, block: Block) -> list[Block]:
        """A block, and the next ones that hold rows of this rank: small blocks do not, where there are many ranks."""
        wanted = [block]
        for _ in range(self.ahead):
            place = self._own(wanted[-1].place + len(wanted[-1]))
            if self.end is not None and place >= self.end:
                break
            wanted.append(self.order.block_at(place))
        return wanted

    def _read(self, block: Block) -> PackedRows:
        """This rank's rows of a block. Others are left out before anything is copied or shuffled."""
        stage = self.index.stages[block.stage]
        own = self.order.walk(block)[self._own(block.place) - block.place :: self.ranks]
        rows, tables = np.sort(own), []
        begin = block.first
        for file, first, count in stage.pieces(block.first, block.stop):
            low, high = np.searchsorted(rows, [begin - block.first, begin - block.first + count]).tolist()
            if low < high:
                inside = rows[low:high] - (begin - block.first)
                tables.append(self._checked(joined(stage.root, stage.names[file]), first, count, inside, block))
            begin += count
        found = as_rows(pa.concat_tables(tables), stage.first_row + block.first + rows, block.stage)
        return found.take(np.searchsorted(rows, own))

    def _checked(self, path: str, first: int, count: int, inside: np.ndarray, block: Block) -> pa.Table:
        """Some of `count` rows of a file. InputError where they are not those that the index tells of."""
        table = self._files.rows(path, first, count, inside)
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


def as_rows(table: pa.Table, numbers: np.ndarray, stage: int) -> PackedRows:
    """Rows of a packed table, with their numbers in the mixture."""
    starts, sizes = pack.lists(table["starts"])
    sources = pack.lists(table["sources"])
    none = (np.zeros(0, np.int32), np.zeros(table.num_rows, np.int64))
    unscored = pack.lists(table["unscored"]) if "unscored" in table.column_names else none
    return PackedRows(
        numbers,
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
