"""Megatron-LM: tokens in SPLIT.bin, where sequences and documents lie in SPLIT.idx.

The index is MMIDIDX, version 1 (megatron-core 0.16, core/datasets/indexed_dataset.py): 9 bytes of magic, the version,
the code of the type, numbers of sequences and of document bounds; then every length (int32), every place in bytes
(int64) and the bounds of documents in sequences (int64). Here each document, or row, is one sequence.
"""

from __future__ import annotations

import struct

import numpy as np

from datacurate.mixture.export.files import BLOCK, About, Files, Format, Spool
from datacurate.mixture.export.samples import Samples

INT32, UINT16 = 4, 8
"""Codes of types."""
LIMIT = 65500
"""Below so many ids Megatron's own preprocessing takes uint16 (DType.optimal_dtype)."""


class Megatron(Format):
    """Megatron-LM and NeMo: one .bin and .idx per split, for `--data-path DIR/train`."""

    def __init__(self, files: Files, about: About) -> None:
        super().__init__(files, about)
        self.dtype = np.dtype("<u2" if about.vocabulary < LIMIT else "<i4")
        self.tokens = files.open(f"{about.split}.bin")
        self.lengths = Spool(files.folder, "<i4")

    def add(self, samples: Samples) -> None:
        """Append the tokens; the lengths wait for the index."""
        self.tokens.write(samples.tokens.astype(self.dtype))
        self.lengths.add(samples.lengths)

    def close(self) -> None:
        """Write the index."""
        self.tokens.close()
        index, count = self.files.open(f"{self.about.split}.idx"), self.lengths.count
        index.write(b"MMIDIDX\x00\x00" + struct.pack("<QB", 1, UINT16 if self.dtype.itemsize == 2 else INT32))
        index.write(struct.pack("<QQ", count, count + 1))
        for lengths in self.lengths.blocks():
            index.write(lengths)
        place = 0
        for lengths in self.lengths.blocks():
            ends = place + np.cumsum(lengths, dtype="<i8") * self.dtype.itemsize
            index.write(np.append(place, ends[:-1]).astype("<i8"))
            place = int(ends[-1])
        for first in range(0, count + 1, BLOCK):
            index.write(np.arange(first, min(first + BLOCK, count + 1), dtype="<i8"))
        index.close()
        self.lengths.close()
