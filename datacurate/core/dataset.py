"""Datasets: a folder of named Parquet shards and a manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Shard:
    """One Parquet file of a dataset."""

    name: str
    path: Path
    rows: int
    bytes: int


@dataclass(frozen=True)
class Dataset:
    """Documents (or packed sequences) that a stage made, readable without knowing how they came about.

    `shards` are in order; `key` is the identity of the content; `manifest` holds the stage, its options and its books.
    """

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """Read the manifest of a folder; InputError when there is none or a shard is missing."""
        path = Path(folder) / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            hint = "Name the folder of a stage, e.g. RUN/03-minhash."
            raise InputError(f"{folder}: no {MANIFEST} here. {hint}") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot read the manifest: {error}. Run the recipe again.") from None
        dataset = cls(Path(folder), manifest)
        missing = [shard.name for shard in dataset.shards if not shard.path.exists()]
        if missing:
            more = len(missing) - 1
            raise InputError(f"{folder}: shard {missing[0]} and {more} more are missing. Run the recipe again.")
        return dataset

    @property
    def key(self) -> str:
        return self.manifest["key"]

    @property
    def shards(self) -> list[Shard]:
        folder = self.folder.resolve()
        return [
            Shard(s["name"], Path(os.path.normpath(folder / s["path"])), s["rows"], s["bytes"])
            for s in self.manifest["shards"]
        ]

    def __len__(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def batches(self) -> Iterator[pa.Table]:
        """The rows in order, in bounded batches."""
        from datacurate.core.store import read_batches

        for shard in self.shards:
            yield from read_batches(shard.path)

    def table(self, columns: list[str] | None = None) -> pa.Table:
        """All rows at once; for small datasets and few columns."""
        from datacurate.core.store import read_parts

        return read_parts([shard.path for shard in self.shards], columns)
