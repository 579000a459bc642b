"""Packed sequences as batches: any step's batch can be made on its own, so a run can go on from any step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from datacurate.core.errors import InputError

IGNORED = -100
"""The label of places that are not scored."""


@dataclass(frozen=True)
class Batch:
    """Rows of packed tokens; all arrays are (rows, sequence_length) and of int64.

    `labels` holds the next token; it is IGNORED at a row's last place and in the padding. `documents` numbers
    the documents of a row from 1. `sources` is the source of the token that `labels` names.
    """

    ids: np.ndarray
    labels: np.ndarray
    documents: np.ndarray
    sources: np.ndarray


@dataclass(frozen=True)
class Part:
    """One Parquet file's rows of one split."""

    ids: np.ndarray
    starts: list[np.ndarray]
    sources: list[np.ndarray]
    length: np.ndarray


class Sequences:
    """The rows of one split (0 training, 1 validation) of packed Parquet files, read one file at a time.

    Each pass has its own order of files, and of rows within a file, drawn from the seed: the mixture shuffles
    documents, and without shuffling rows too a batch would hold neighbouring pieces of one long document.
    """

    def __init__(self, paths: Sequence[Path], split: int, seed: int = 0, mask_documents: bool = True) -> None:
        self.paths = [Path(p) for p in paths]
        self.split, self.seed, self.mask_documents = split, seed, mask_documents
        self.counts = np.array([rows_of(p, split) for p in self.paths], np.int64)
        self._epoch: Any = None
        self._part = lru_cache(maxsize=2)(self._read)

    def __len__(self) -> int:
        return int(self.counts.sum())

    def batch(self, step: int, size: int) -> Batch:
        """The batch of `size` rows of a step, counted from 0; passes follow each other without a gap."""
        if not len(self):
            raise InputError("training: no packed sequences for this split. Give the mixture more tokens.")
        return self.rows([self.place(step * size + i) for i in range(size)])

    def batches(self, size: int, at_most: int) -> Iterator[Batch]:
        """The first `at_most` rows of the first pass, each once; the last batch may be smaller."""
        count = min(len(self), at_most)
        for start in range(0, count, size):
            yield self.rows([self.place(i) for i in range(start, min(start + size, count))])

    def unigram(self, vocabulary: int) -> tuple[float, int]:
        """Entropy in nats of the tokens' frequencies, and their number: what a model scores that sees no context."""
        counts = np.zeros(vocabulary, np.int64)
        for file in range(len(self.paths)):
            part = self._part(file)
            here = np.arange(part.ids.shape[1]) < part.length[:, None]
            counts += np.bincount(part.ids[here], minlength=vocabulary)
        share = counts[counts > 0] / max(1, counts.sum())
        return float(-(share * np.log(share)).sum()), int(counts.sum())

    def place(self, index: int) -> tuple[int, int]:
        """File and row at a place of the endless order of all passes."""
        epoch, index = divmod(index, len(self))
        files, rows = self._order(epoch)
        ends = np.cumsum(self.counts[files])
        at = int(np.searchsorted(ends, index, side="right"))
        file = int(files[at])
        return file, int(rows[file][index - (ends[at] - self.counts[file])])

    def _order(self, epoch: int) -> tuple[np.ndarray, list[np.ndarray]]:
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = (epoch, *self._shuffle(epoch))
        return self._epoch[1:]

    def _shuffle(self, epoch: int) -> tuple[np.ndarray, list[np.ndarray]]:
        rng = np.random.default_rng([self.seed, epoch])
        return rng.permutation(len(self.paths)), [rng.permutation(n) for n in self.counts]

    def _read(self, file: int) -> Part:
        table = pq.read_table(self.paths[file])
        table = table.filter(np.asarray(table["split"]) == self.split).combine_chunks()
        width = table.schema.field("input_ids").type.list_size
        ids = [np.asarray(c.flatten()) for c in table["input_ids"].chunks]
        starts, sources = ([np.asarray(s.values) for s in table[c]] for c in ("starts", "sources"))
        return Part(np.concatenate(ids).reshape(-1, width), starts, sources, np.asarray(table["length"]))

    def rows(self, places: list[tuple[int, int]]) -> Batch:
        """The given rows as a batch."""
        made = [self._row(self._part(file), row) for file, row in places]
        return Batch(*(np.stack(columns) for columns in zip(*made, strict=True)))

    def _row(self, part: Part, row: int) -> tuple[np.ndarray, ...]:
        ids, length, starts = part.ids[row].astype(np.int64), part.length[row], part.starts[row]
        first = np.zeros(len(ids) + 1, np.int64)
        first[starts] = 1
        documents = np.cumsum(first)
        sources = part.sources[row].astype(np.int64)[documents - 1]
        labels = np.append(ids[1:], IGNORED)
        labels[length - 1 :] = IGNORED
        if self.mask_documents:
            labels[first[1:] == 1] = IGNORED
        return ids, labels, documents[:-1], sources[1:]


def rows_of(path: Path, split: int) -> int:
    """Rows of a split in a packed file."""
    return int((np.asarray(pq.read_table(path, columns=["split"])["split"]) == split).sum())


def sequence_length(paths: Sequence[Path]) -> int:
    """Tokens per row of the packed files."""
    return pq.read_schema(paths[0]).field("input_ids").type.list_size
