"""Finds what `curate dedup explain` shows: removals in ledgers, and documents in front of a stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.core.dataset import Dataset
from datacurate.core.errors import CurateError
from datacurate.core.heads import plain
from datacurate.core.identity import file_digest, key
from datacurate.core.recipe import Recipe, load

LEDGER = ".ledger.parquet"


@dataclass(frozen=True)
class Document:
    """A document as it came to a stage."""

    id: str
    source: str
    shard: str
    row: int
    """Its place in the shard."""
    text: str


class Documents:
    """Documents of a finished run: stored by a stage, or read again from the files of the sources."""

    def __init__(self, run: Finished):
        self.run = run
        self._recipe: Recipe | None = None

    def before(self, at: int, shard: str, id: str) -> tuple[list[Document], str]:
        """Documents of an id in a shard in front of stage number `at` (of those that keep books), and a remark.

        Where neither the store nor the sources have them, the remark says why.
        """
        edits: list[str] = []
        for stage in reversed(self.run.booked[:at]):
            stored = _stored(stage, shard)
            if stored is not None:
                return list(_in_part(stored, shard, id)), _before_edits(edits)
            if (stage.books or {}).get("rewritten"):
                edits.append(stage.label)
        found, remark = self._from_sources(shard, id)
        return found, remark or _before_edits(edits)

    def _from_sources(self, shard: str, id: str) -> tuple[list[Document], str]:
        try:
            self._recipe = self._recipe or load(self.run.folder / "recipe.yaml")
            for name, source in self._recipe.sources.items():
                if (folder := source.dataset()) is not None:
                    if (part := _of_dataset(Dataset.open(folder), shard)) is not None:
                        return list(_in_part(part, shard, id)), ""
                elif (file := _file_of(name, source, shard)) is not None:
                    return list(_in_file(source, file, name, shard, id)), ""
        except CurateError as error:
            return [], f"the sources cannot be read again: {error}"
        return [], "its file is neither in the store nor, with the same content, where the recipe says, seen from here"


def _before_edits(edits: list[str]) -> str:
    return f"as it was before {', '.join(reversed(edits))}, which edits texts" if edits else ""


def _stored(stage: FinishedStage, shard: str) -> Path | None:
    """The documents that a stage handed on, if they are stored: they lie beside its ledger."""
    ledger = stage.ledgers.get(shard)
    path = ledger.with_name(ledger.name.replace(LEDGER, ".parquet")) if ledger else None
    return path if path is not None and path.exists() else None


def _in_part(path: Path, shard: str, id: str) -> Iterator[Document]:
    """The documents of an id in a stored part. Texts are read of the row groups that hold it."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    first = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            same = pc.equal(file.read_row_group(group, columns=["id"])["id"], id)
            rows = np.flatnonzero(same.fill_null(False).to_numpy())
            if len(rows):
                found = file.read_row_group(group, columns=["id", "source", "text"]).take(rows).to_pylist()
                yield from (_document(doc, shard, first + at) for doc, at in zip(found, rows.tolist(), strict=True))
            first += len(same)


def _document(doc: dict[str, Any], shard: str, row: int) -> Document:
    return Document(doc["id"], doc["source"] or "", shard, row, doc["text"] or "")


def _of_dataset(dataset: Dataset, shard: str) -> Path | None:
    """A dataset's shard; another of the same name in front of it had the key put behind its own."""
    names = {shard, shard.removesuffix(f"-{dataset.key}")}
    return next((own.path for own in dataset.shards if own.name in names), None)


def _file_of(name: str, source: Any, shard: str) -> Path | None:
    """The file that a shard was read from, if it is still there with the same content."""
    from datacurate.sources import expand

    for file in expand(source.path):
        named_so = shard.startswith(f"{plain(name)}-{plain(file.name.split('.')[0])}-")
        if named_so and key(name, file.name, file_digest(file)) in shard:
            return file
    return None


def _in_file(source: Any, file: Path, name: str, shard: str, id: str) -> Iterator[Document]:
    import numpy as np
    import pyarrow.compute as pc

    first = 0
    for read in source.read(file, name):
        rows = np.flatnonzero(pc.equal(read.docs["id"], id).fill_null(False).to_numpy(zero_copy_only=False))
        for at in rows.tolist():
            doc = read.docs.select(["id", "source", "text"]).slice(at, 1).to_pylist()[0]
            yield _document(doc, shard, first + at)
        first += read.docs.num_rows


def merged_into(run: Finished, id: str) -> dict[str, Counter[str]]:
    """How many documents each stage merged into this one, by source."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: dict[str, Counter[str]] = {}
    for stage in run.booked:
        if not (stage.books or {}).get("merged"):
            continue
        counts: Counter[str] = Counter()
        for path in stage.ledgers.values():
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=["source", "survivor"]):
                    mine = batch.column("source").filter(pc.equal(batch.column("survivor"), id).fill_null(False))
                    counts.update(value or "" for value in mine.to_pylist())
        if counts:
            found[stage.label] = counts
    return found
