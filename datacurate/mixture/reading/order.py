"""The order in which rows are trained on, which depends on the mixture and a seed alone, and not on who reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datacurate.mixture.draw import GOLDEN, mix
from datacurate.mixture.reading.index import Index

BLOCK_TOKENS = 1 << 21
"""Rows are shuffled within blocks of so many tokens: 8 MB, of which a process holds a few at a time."""


@dataclass(frozen=True)
class Block:
    """Rows `first` to `stop` of a training stage, in one pass. `place` is where they begin in the endless order."""

    number: int
    epoch: int
    stage: int
    first: int
    stop: int
    place: int

    def __len__(self) -> int:
        return self.stop - self.first


class Order:
    """Pass after pass over all rows: training stages in turn, blocks of a stage in turn, rows of a block shuffled.

    The mixture has shuffled the documents already; rows are shuffled again because neighbouring ones hold pieces of
    one long document. Without a seed they come as they lie.
    """

    def __init__(self, index: Index, lengths: list[int], seed: int | None) -> None:
        self.index, self.seed = index, seed
        self.bounds = index.bounds
        self.size = [max(1, BLOCK_TOKENS // length) for length in lengths]
        self.blocks = np.cumsum([0, *(-(-s.rows // n) for s, n in zip(index.stages, self.size, strict=True))])

    @property
    def rows(self) -> int:
        """Rows of one pass."""
        return int(self.bounds[-1])

    def stage_end(self, place: int) -> int:
        """The place at which the training stage ends that a place is in."""
        start = place - place % self.rows
        at = int(np.searchsorted(self.bounds, place - start, side="right"))
        return start + int(self.bounds[at])

    def block_at(self, place: int) -> Block:
        """The block that a place is in."""
        epoch, within = divmod(place, self.rows)
        stage = int(np.searchsorted(self.bounds, within, side="right")) - 1
        inside = (within - int(self.bounds[stage])) // self.size[stage]
        return self.block(epoch * int(self.blocks[-1]) + int(self.blocks[stage]) + inside)

    def block(self, number: int) -> Block:
        """A block of the endless row of blocks."""
        epoch, within = divmod(number, int(self.blocks[-1]))
        stage = int(np.searchsorted(self.blocks, within, side="right")) - 1
        first = (within - int(self.blocks[stage])) * self.size[stage]
        stop = min(first + self.size[stage], self.index.stages[stage].rows)
        return Block(number, epoch, stage, first, stop, epoch * self.rows + int(self.bounds[stage]) + first)

    def walk(self, block: Block) -> np.ndarray:
        """The rows of a block in the order of training, counted from its first: sorted by a hash."""
        rows = np.arange(block.first, block.stop, dtype=np.uint64)
        if self.seed is None:
            return np.arange(len(rows))
        salt = np.array([self.seed % 2**64], np.uint64)
        for part in (block.epoch, block.stage):
            salt = mix(salt + np.array([part + 1], np.uint64) * GOLDEN)
        return np.argsort(mix(mix(rows + np.uint64(1)) ^ salt), kind="stable")
