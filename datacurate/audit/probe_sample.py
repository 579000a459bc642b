"""A source that hands on a sample of another one, and counts both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

import numpy as np
import pyarrow as pa
from pydantic import SerializeAsAny

from datacurate.core.dataset import Dataset
from datacurate.core.source import BATCH_BYTES, BATCH_ROWS, Read, Source, Unread
from datacurate.core.store import bounded, read_batches, row_bytes


@dataclass
class Count:
    """Documents and bytes of text of one file: all, and those in the sample."""

    documents: int = 0
    bytes: int = 0
    sampled: int = 0
    sampled_bytes: int = 0


COUNTS: dict[str, Count] = {}
"""By file; filled while files are read in this process."""


class Sampled(Source):
    """Documents of another source whose lot is in the sample, in batches as full as those of the other source."""

    reread: ClassVar[bool] = False

    inner: SerializeAsAny[Source]
    """The source that is sampled."""
    share: float
    """Share of all lots that are in the sample."""

    @classmethod
    def over(cls, inner: Source, share: float) -> Sampled:
        """A sample of a source, or of a dataset that would be read in place."""
        folder = inner.dataset()
        path = inner.path if folder is None else [str(shard.path) for shard in Dataset.open(folder).shards]
        return cls(path=path, inner=inner, share=share)

    def shards(self) -> list[Path]:
        """Those of the other source."""
        return self.inner.shards() if self.inner.dataset() is None else self.files()

    def columns(self) -> set[str] | None:
        """Those of the other source."""
        return self.inner.columns()

    def types(self) -> dict[str, Any]:
        """Those of the other source."""
        return self.inner.types()

    def check(self, files: list[Path]) -> None:
        """What the other source checks."""
        if self.inner.dataset() is None:
            self.inner.check(files)

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The sampled documents, and the same share of the records that are none."""
        count = COUNTS[str(file)] = Count()
        held: list[pa.Table] = []
        rows = size = 0
        for read in self._all(file, source):
            docs = self._sampled(read.docs, count)
            unread = [record for record in read.unread if self._drawn(record)]
            held.append(docs)
            rows, size = rows + docs.num_rows, size + int(row_bytes(docs).sum())
            if unread or rows >= BATCH_ROWS or size >= BATCH_BYTES:
                yield from _batches(held, unread)
                held, rows, size = [docs.slice(0, 0)], 0, 0
        if held:
            yield from _batches(held, [])

    def _all(self, file: Path, source: str) -> Iterator[Read]:
        if self.inner.dataset() is None:
            yield from self.inner.read(file, source)
        else:
            yield from (Read(docs) for docs in read_batches(file))

    def _sampled(self, docs: pa.Table, count: Count) -> pa.Table:
        from datacurate.stages.dedup._sample import lots

        mine = lots(docs) <= np.uint64(min(self.share, 1.0) * (2**64 - 1025))
        sizes = row_bytes(docs)
        count.documents += docs.num_rows
        count.bytes += int(sizes.sum())
        count.sampled += int(mine.sum())
        count.sampled_bytes += int(sizes[mine].sum())
        return docs.filter(pa.array(mine))

    def _drawn(self, record: Unread) -> bool:
        return crc32(record.id.encode("utf-8", "replace")) < self.share * 2**32


def _batches(held: list[pa.Table], unread: list[Unread]) -> Iterator[Read]:
    docs = pa.concat_tables(held, promote_options="default").combine_chunks()
    for piece in bounded(docs):
        yield Read(piece, unread)
        unread = []
