"""Rings: the documents of a cell in the order of their hash, of which every training stage draws an interval.

A ring holds sums over bins of hashes, not documents. Only where a cut lies is a bin opened: its documents take its
place. So a cell of any size is a few hundred numbers, and cuts are exact all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BITS = 8
"""The top bits of a document's hash: its bin. A bin of a billion documents has four million."""


def bin_of(order: np.ndarray) -> np.ndarray:
    """The bin of each hash, int64."""
    return (order >> np.uint64(64 - BITS)).astype(np.int64)


@dataclass(frozen=True)
class Interval:
    """What a training stage draws of a ring: from the document at `start` on, and around.

    `whole_epochs` passes over all documents that it may draw, then those before the one at `cut`, of that `cut_tokens`.
    With `fresh` it may only draw what no earlier stage has drawn. Documents are compared by (order, row).
    """

    start: tuple[int, int]
    whole_epochs: int = 0
    cut: tuple[int, int] = (0, 0)
    cut_tokens: int = 0
    truncated: int = 0
    """Tokens of the document at the cut that are left out."""

    @property
    def next(self) -> tuple[int, int]:
        """Where the next training stage starts: behind the document at the cut."""
        return (self.cut[0], self.cut[1] + 1) if self.cut_tokens else self.start


@dataclass
class Ring:
    """The bins and documents of a cell and split that have tokens, in the order of (order, row)."""

    order: np.ndarray
    row: np.ndarray
    documents: np.ndarray
    tokens: np.ndarray
    mask: np.ndarray
    """Bit s says whether training stage s may draw it."""
    single: np.ndarray
    """Whether it is one document and no bin."""
    times: np.ndarray
    """Copies that earlier stages have drawn, of each document."""
    used: np.ndarray
    """Tokens that they have drawn in all."""
    start: tuple[int, int] = (0, 0)
    """Where the next training stage starts."""

    @classmethod
    def of_bins(cls, bins: np.ndarray, mask: np.ndarray, documents: np.ndarray, tokens: np.ndarray) -> Ring:
        """A ring of sums. One bin may have several, of different masks."""
        some = np.flatnonzero(tokens)
        walk = some[np.lexsort((mask[some], bins[some]))]
        order = bins[walk].astype(np.uint64) << np.uint64(64 - BITS)
        none, never = np.zeros(len(walk), np.int64), np.zeros(len(walk), bool)
        row = none.astype(np.uint64)
        return cls(order, row, documents[walk], tokens[walk], mask[walk], never, none, none.copy())

    def may(self, stage: int, fresh: bool = False) -> np.ndarray:
        """What a stage may draw."""
        allowed = (self.mask >> stage & 1).astype(bool)
        return allowed & (self.times == 0) if fresh else allowed

    def draw(self, stage: int, planned: int, fresh: bool = False) -> Interval | int:
        """Draw for a training stage; or, when the cut lies in a closed bin, its number, and nothing is drawn."""
        mine = np.flatnonzero(self.may(stage, fresh))
        if not planned or not len(mine):
            return Interval(self.start)
        whole, rest = divmod(planned, int(self.tokens[mine].sum()))
        found, last, part = Interval(self.start, whole), mine[:0], -1
        if rest:
            behind = self._behind()[mine]
            walk = np.concatenate([mine[behind], mine[~behind]])
            ends = np.cumsum(self.tokens[walk])
            at = int(np.searchsorted(ends, rest))
            last, part = walk[:at], int(walk[at])
            if not self.single[part]:
                return int(bin_of(self.order[part : part + 1])[0])
            size = int(self.tokens[part])
            taken = rest - (int(ends[at]) - size)
            found = Interval(self.start, whole, (int(self.order[part]), int(self.row[part])), taken, size - taken)
        self._note(mine, whole, last, part, found)
        return found

    def _behind(self) -> np.ndarray:
        """Whether each comes at or behind the start."""
        order, row = (np.uint64(number) for number in self.start)
        return (self.order > order) | ((self.order == order) & (self.row >= row))

    def _note(self, mine: np.ndarray, whole: int, last: np.ndarray, part: int, found: Interval) -> None:
        self.times[mine] += whole
        self.used[mine] += whole * self.tokens[mine]
        self.times[last] += 1
        self.used[last] += self.tokens[last]
        if part >= 0:
            self.times[part] += 1
            self.used[part] += found.cut_tokens
        self.start = found.next

    def open(self, number: int, order: np.ndarray, row: np.ndarray, n: np.ndarray, mask: np.ndarray) -> None:
        """Put the documents of a bin, all that have tokens, in its place."""
        gone = ~self.single & (bin_of(self.order) == number)
        drawn = dict(zip(self.mask[gone].tolist(), self.times[gone].tolist(), strict=True))
        times = np.array([drawn[one] for one in mask.tolist()], np.int64)
        more = (order, row, np.ones(len(n), np.int64), n, mask, np.ones(len(n), bool), times, times * n)
        names = ("order", "row", "documents", "tokens", "mask", "single", "times", "used")
        made = [np.concatenate([getattr(self, name)[~gone], new]) for name, new in zip(names, more, strict=True)]
        walk = np.lexsort((made[1], made[0]))
        for name, values in zip(names, made, strict=True):
            setattr(self, name, values[walk])
