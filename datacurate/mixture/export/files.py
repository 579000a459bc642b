"""Files of an export, whose digests are taken as they are written, and what a format is."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from datacurate.mixture.export.samples import Samples, Unit

BLOCK = 1 << 20
"""Numbers that are copied or computed at a time where an index is put together."""
SHARD_BYTES = 1 << 26
"""Bytes after which formats of many files begin the next: 64 MB, as MosaicML's and LitData's own writers do."""


class HashedFile:
    """A new file whose SHA-256 is known when it is closed."""

    def __init__(self, path: Path) -> None:
        self.bytes = 0
        self.closed = False
        self._hash = hashlib.sha256()
        self._file = open(path, "xb")  # noqa: SIM115

    def write(self, data: Any) -> int:
        """Append bytes, or the bytes of an array."""
        data = np.ascontiguousarray(data).view(np.uint8) if isinstance(data, np.ndarray) else data
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._hash.update(view)
        self.bytes += len(view)
        return len(view)

    def tell(self) -> int:
        """Bytes written; pyarrow asks."""
        return self.bytes

    def flush(self) -> None:
        """Pass on what is buffered; pyarrow asks."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self.closed = True

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


@dataclass
class Files:
    """The files of an export, all in one folder."""

    folder: Path
    made: dict[str, HashedFile] = field(default_factory=dict)
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Split and number of rows of files of packed rows."""

    def open(self, name: str) -> HashedFile:
        """A new file; folders in its name are made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.made[name] = HashedFile(path)
        return self.made[name]

    def write(self, name: str, text: str) -> None:
        """A small text file."""
        file = self.open(name)
        file.write(text.encode())
        file.close()

    def rename(self, name: str, to: str) -> None:
        """Another name for a closed file."""
        (self.folder / name).rename(self.folder / to)
        self.made[to] = self.made.pop(name)

    def listed(self, prefix: str = "") -> list[dict[str, Any]]:
        """Name, size and digest of every file."""
        return [{"name": prefix + n, "bytes": f.bytes, "sha256": f.digest} for n, f in sorted(self.made.items())]


class Spool:
    """Numbers that are needed again when all are known, kept on disk."""

    def __init__(self, folder: Path, dtype: Any) -> None:
        self.count = 0
        self._dtype = np.dtype(dtype)
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def add(self, values: np.ndarray) -> None:
        """Append numbers."""
        self._file.write(values.astype(self._dtype).tobytes())
        self.count += len(values)

    def blocks(self) -> Iterator[np.ndarray]:
        """All numbers from the first, a block at a time."""
        self._file.seek(0)
        while data := self._file.read(BLOCK * self._dtype.itemsize):
            yield np.frombuffer(data, self._dtype)

    def close(self) -> None:
        """Let go of the disk."""
        self._file.close()


@dataclass(frozen=True)
class About:
    """What a format is told about a split."""

    split: str
    unit: Unit
    name: str
    sources: list[str]
    vocabulary: int
    end_of_text: int | None
    sequence_length: int | None
    masked: bool = False
    """Whether there are tokens that no loss is taken of."""


class Format:
    """A writer of one split; `add` is given its samples in order, then `close` ends it.

    The first of `units` is what the format's own tools write.
    """

    units: ClassVar[tuple[Unit, ...]] = ("documents", "rows")
    loss_mask: ClassVar[str | None] = None
    """Where the format says which tokens no loss is taken of, if it has a place for it."""

    def __init__(self, files: Files, about: About) -> None:
        self.files, self.about = files, about

    def add(self, samples: Samples) -> None:
        """Write samples."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what comes last."""

    @staticmethod
    def finish(files: Files, receipt: dict[str, Any]) -> None:
        """Write what belongs to all splits."""

    @staticmethod
    def join(files: Files, stages: list[tuple[dict[str, Any], Files]]) -> None:
        """Write what belongs to all training stages, each with its receipt and its files."""


def small(vocabulary: int) -> bool:
    """Whether every id fits into 16 bits."""
    return vocabulary <= 1 << 16
