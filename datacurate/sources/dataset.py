"""A folder that datacurate made: its shards are read where they lie, and its key goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datacurate.core.source import Read, Source


class Dataset(Source):
    """A dataset folder (one with a manifest.json): the result of an earlier run or stage.

    Its identity is that of the stage that made it, so a chain of commands has the keys of the one recipe.
    """

    def dataset(self) -> str:
        """The folder that holds the manifest."""
        return str(self.path)

    def columns(self) -> None:
        """The shards tell."""
        return None

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one shard as they are."""
        from datacurate.core.store import read_batches

        for batch in read_batches(file):
            yield Read(batch)
