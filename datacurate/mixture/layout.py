"""Which piece of which document goes where: documents cut into pieces, and pieces into rows of one length.

Nothing here sees a token. What a layout does not lay out is cropped, what it leaves of a row is padding; both are
counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Pieces in the order of rows; the pieces of row r are those from `offsets[r]` to `offsets[r + 1]`."""

    capacity: int
    """Tokens that a row holds."""
    document: np.ndarray
    """Per piece: the number of its document."""
    begin: np.ndarray
    """Per piece: where in the document it begins."""
    size: np.ndarray
    """Per piece: its tokens, at least one."""
    offsets: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.offsets) - 1

    @property
    def start(self) -> np.ndarray:
        """Per piece: where in its row it starts."""
        ends = np.cumsum(self.size)
        before = np.concatenate([[0], ends])[self.offsets]
        return ends - self.size - np.repeat(before[:-1], np.diff(self.offsets))

    @property
    def length(self) -> np.ndarray:
        """Per row: its tokens; the rest of the row is padding."""
        return np.diff(np.concatenate([[0], np.cumsum(self.size)])[self.offsets])

    def cropped(self, sizes: np.ndarray) -> np.ndarray:
        """Per document, whose sizes are given: the tokens that are in no row."""
        laid = np.zeros(len(sizes), np.int64)
        np.add.at(laid, self.document, self.size)
        return sizes - laid


def lay_out(sizes: np.ndarray, capacity: int, packing: str = "concatenate", crop: bool = False) -> Layout:
    """Documents of the given sizes in rows.

    `concatenate` lays them end to end and cuts at every row's end. `best_fit` cuts documents longer than a row into
    whole rows and a rest, and puts rests and short documents together (Ding et al. 2024, "Fewer Truncations Improve
    Language Modeling"). `document` gives each document, or each of its pieces, rows of its own; with `crop` only the
    first row.
    Rows are in the order of documents: best-fit rows in that of their longest pieces. So are the pieces of a row.
    """
    sizes = np.asarray(sizes, np.int64)
    if packing == "concatenate":
        return _concatenated(sizes, capacity)
    document, begin, size = _pieces(sizes, capacity, crop and packing == "document")
    if packing == "document":
        return Layout(capacity, document, begin, size, np.arange(len(size) + 1))
    from datacurate.kernels import packing as kernel

    rows, count = kernel.best_fit(size, capacity)
    order, offsets = kernel.grouped(_in_order(rows, size, count), count)
    return Layout(capacity, document[order], begin[order], size[order], offsets)


def _in_order(rows: np.ndarray, size: np.ndarray, count: int) -> np.ndarray:
    """The rows numbered anew: in the order of the pieces that began them, the longest in each.

    Rows that are numbered as they were begun go from long documents to short ones, which no training should.
    """
    longest = np.lexsort((np.arange(len(rows)), -size, rows))
    began = longest[np.searchsorted(rows[longest], np.arange(count))]
    place = np.empty(count, np.int64)
    place[np.argsort(began)] = np.arange(count)
    return place[rows]


def _concatenated(sizes: np.ndarray, capacity: int) -> Layout:
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    starts = np.union1d((ends - sizes)[sizes > 0], np.arange(0, total, capacity))
    document = np.searchsorted(ends, starts, side="right")
    offsets = np.searchsorted(starts, np.append(np.arange(0, total, capacity), total))
    return Layout(capacity, document, starts - (ends - sizes)[document], np.diff(np.append(starts, total)), offsets)


def _pieces(sizes: np.ndarray, capacity: int, crop: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Document, beginning and size of every piece: whole rows and a rest, or with `crop` the first alone."""
    times = -(-sizes // capacity)
    if crop:
        times = np.minimum(times, 1)
    document = np.repeat(np.arange(len(sizes)), times)
    begin = (np.arange(len(document)) - np.repeat(np.cumsum(times) - times, times)) * capacity
    return document, begin, np.minimum(sizes[document] - begin, capacity)
