"""Packed rows as batches: any step's batch can be made on its own, so a run can go on from any step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datacurate.core.errors import InputError
from datacurate.mixture.reading.index import Index
from datacurate.mixture.reading.rows import PackedRows, Reader
from datacurate.training import batches
from datacurate.training.batches import IGNORED

__all__ = ["IGNORED", "Batch", "Sequences"]


@dataclass(frozen=True)
class Batch:
    """Rows of packed tokens, all of one training stage; all arrays are (rows, sequence_length) and of int64.

    `labels` holds the next token; it is IGNORED at a row's last place, in the padding, and where no loss is taken.
    `documents` numbers the documents of a row from 1. `sources` is the source of the token that `labels` names, `own`
    that of the token itself; -1 where there is none.
    """

    stage: int
    ids: np.ndarray
    labels: np.ndarray
    documents: np.ndarray
    sources: np.ndarray
    own: np.ndarray


class Sequences:
    """The rows of one split in the order of `PackedDataset`, as batches by step: pass after pass, stages in turn.

    No batch holds rows of two training stages, so that the last one of each may be smaller.
    """

    def __init__(self, index: Index, seed: int = 0, mask_documents: bool = True) -> None:
        self.index, self.mask_documents = index, mask_documents
        self.reader = Reader(index, seed)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def sequence_length(self) -> int:
        """Tokens of the longest rows."""
        return max(self.reader.lengths)

    def steps(self, size: int) -> int:
        """Batches of `size` rows in one pass."""
        return int(self._ends(size)[-1])

    def _ends(self, size: int) -> np.ndarray:
        """Batches in a pass up to the end of each training stage."""
        return np.cumsum([-(-stage.rows // size) for stage in self.index.stages])

    def span(self, step: int, size: int) -> tuple[int, int]:
        """The places of the rows of a step, counted from 0, in the endless order."""
        if not len(self):
            raise InputError("training: no packed sequences for this split. Give the mixture more tokens.")
        ends = self._ends(size)
        epoch, step = divmod(step, int(ends[-1]))
        stage = int(np.searchsorted(ends, step, side="right"))
        rows = self.index.stages[stage].rows
        inside = (step - (int(ends[stage - 1]) if stage else 0)) * size
        first = epoch * len(self) + int(self.index.bounds[stage])
        return first + inside, first + min(inside + size, rows)

    def batch(self, step: int, size: int) -> Batch:
        """The batch of a step: at most `size` rows."""
        return self._batch(self.reader.rows(np.arange(*self.span(step, size))))

    def batches(self, size: int, at_most: int) -> Iterator[Batch]:
        """The first `at_most` rows of the first pass, each once; the last batch may be smaller."""
        step = begin = 0
        while begin < (count := min(len(self), at_most)):
            begin, stop = self.span(step, size)
            if begin < count:
                yield self._batch(self.reader.rows(np.arange(begin, min(stop, count))))
            begin, step = stop, step + 1

    def _batch(self, rows: PackedRows) -> Batch:
        own = batches.sources(rows)
        of_label = np.append(own[:, 1:], np.full((len(own), 1), -1), axis=1)
        labels = batches.labels(rows, "next", self.mask_documents)
        return Batch(rows.stage, batches.ids(rows), labels, batches.document_ids(rows), of_label, own)

    def unigram(self, vocabulary: int) -> tuple[float, int]:
        """Entropy in nats of the tokens' frequencies, and their number: what a model scores that sees no context."""
        counts = np.zeros(vocabulary, np.int64)
        for batch in self.batches(64, len(self)):
            counts += np.bincount(batch.ids[batch.own >= 0], minlength=vocabulary)
        share = counts[counts > 0] / max(1, counts.sum())
        return float(-(share * np.log(share)).sum()), int(counts.sum())

    def close(self) -> None:
        """Let go of the threads that read ahead."""
        self.reader.close()
