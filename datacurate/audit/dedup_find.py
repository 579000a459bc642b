"""Finds what `curate dedup explain` shows: removals in ledgers, and documents in front of a stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.core.dataset import Dataset
from datacurate.core.errors import CurateError
from datacurate.core.heads import plain, shard_of
from datacurate.core.index import dataset_name
from datacurate.core.paths import file_name
from datacurate.core.recipe import Recipe, load
from datacurate.core.stage import Stage

if TYPE_CHECKING:
    import pyarrow as pa

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


@dataclass(frozen=True)
class Place:
    """Where a shard's documents are: in a stored part, or in a file of a source."""

    shard: str
    path: Path
    name: str = ""
    source: Any = None

    def documents(self, id: str) -> Iterator[Document]:
        """The documents of an id. Of stored ones, texts are read of the row groups that hold it."""
        import numpy as np
        import pyarrow.compute as pc

        for first, ids, texts in self._pieces():
            same = pc.equal(ids, id).fill_null(False).to_numpy(zero_copy_only=False)
            for at in np.flatnonzero(same).tolist():
                doc = texts().slice(at, 1).to_pylist()[0]
                yield Document(doc["id"], doc["source"] or "", self.shard, first + at, doc["text"] or "")

    def text_of(self, row: int) -> str | None:
        """The text of one row; None when there is no such row."""
        for first, ids, texts in self._pieces():
            if first <= row < first + len(ids):
                return texts().slice(row - first, 1)["text"][0].as_py()
        return None

    def ids(self, rows: set[int]) -> dict[int, str]:
        """The ids of some rows. Nothing is read behind the last of them."""
        found: dict[int, str] = {}
        for first, ids, _ in self._pieces() if rows else ():
            found |= {row: ids[row - first].as_py() for row in rows if first <= row < first + len(ids)}
            if first + len(ids) > max(rows):
                break
        return found

    def _pieces(self) -> Iterator[tuple[int, Any, Callable[[], pa.Table]]]:
        """First row, ids, and what reads the texts beside them, piece by piece."""
        import pyarrow.parquet as pq

        first = 0
        if self.source is not None:
            for read in self.source.read(self.path, self.name):
                yield first, read.docs["id"], partial(read.docs.select, SEEN)
                first += read.docs.num_rows
            return
        with pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["id"])["id"]
                yield first, ids, partial(file.read_row_group, group, columns=SEEN)
                first += len(ids)


SEEN = ["id", "source", "text"]
GONE = "its file is neither in the store nor, with the same content, where the recipe says, seen from here"


class Documents:
    """Documents of a finished run: stored by a stage, or read again from the files of the sources."""

    def __init__(self, run: Finished):
        self.run = run
        self._recipe: Recipe | None = None
        self._sources: dict[str, tuple[Place | None, str]] = {}

    def before(self, at: int, shard: str, id: str) -> tuple[list[Document], str]:
        """Documents of an id in a shard in front of stage number `at` (of those that keep books), and a remark.

        Where neither the store nor the sources have them, the remark says why.
        """
        place, remark = self.place(at, shard)
        return ([] if place is None else list(place.documents(id))), remark

    def ids(self, at: int, shard: str, rows: set[int]) -> dict[int, str]:
        """The ids of some rows of a shard in front of a stage; of those that are found."""
        place, _ = self.place(at, shard)
        return {} if place is None else place.ids(rows)

    def place(self, at: int, shard: str) -> tuple[Place | None, str]:
        """Where the documents of a shard are as they came to a stage, and a remark."""
        edits: list[str] = []
        for stage in reversed(self.run.booked[:at]):
            stored = _stored(stage, shard)
            if stored is not None:
                return Place(shard, stored), _before_edits(edits)
            if (stage.books or {}).get("rewritten"):
                edits.append(stage.label)
        if shard not in self._sources:
            self._sources[shard] = self._from_sources(shard)
        place, remark = self._sources[shard]
        return place, remark or _before_edits(edits)

    def _from_sources(self, shard: str) -> tuple[Place | None, str]:
        try:
            self._recipe = self._recipe or load(self.run.folder / "recipe.yaml")
        except CurateError as error:
            return None, f"the recipe cannot be read again: {error}"
        remark = GONE
        for name, source in self._recipe.sources.items():
            try:
                if (place := _of_source(name, source, shard)) is not None:
                    return place, ""
            except CurateError as error:  # another source may have it
                remark = f"the sources cannot be read again: {error}"
        return None, remark


def _of_source(name: str, source: Any, shard: str) -> Place | None:
    """Where a source has a shard, if it has it."""
    if (folder := source.dataset()) is not None:
        part = _of_dataset(Dataset.open(folder), shard)
        return None if part is None else Place(shard, part)
    file = _file_of(name, source, shard)
    return None if file is None else Place(shard, file, name, source)


def stage_of(run: Finished, stage: FinishedStage) -> Stage | None:
    """The stage with its options, from the run's recipe; None when its class cannot be loaded."""
    name, _, number = stage.label.partition("#")
    try:
        found = [one for one in load(run.folder / "recipe.yaml").stages if one.name() == name]
    except CurateError:
        return None
    return found[int(number or 1) - 1] if int(number or 1) <= len(found) else None


def elsewhere(stage: Stage | None, survivor: str) -> list[Document]:
    """The documents that a stage with `against` names as `DATASET:ID`, where that is a dataset and still there."""
    folders = getattr(stage, "against", None) or ()
    found: list[Document] = []
    for folder in [folders] if isinstance(folders, str) else folders:
        try:
            dataset = Dataset.open(folder)
        except CurateError:
            continue
        name = f"{dataset_name(dataset)}:"
        for shard in dataset.shards if survivor.startswith(name) else ():
            found += Place(shard.name, shard.path).documents(survivor.removeprefix(name))
    return found


def _before_edits(edits: list[str]) -> str:
    return f"as it was before {', '.join(reversed(edits))}, which edits texts" if edits else ""


def _stored(stage: FinishedStage, shard: str) -> Path | None:
    """The documents that a stage handed on, if they are stored: they lie beside its ledger."""
    ledger = stage.ledgers.get(shard)
    path = ledger.with_name(ledger.name.replace(LEDGER, ".parquet")) if ledger else None
    return path if path is not None and path.exists() else None


def _of_dataset(dataset: Dataset, shard: str) -> Path | None:
    """A dataset's shard; another of the same name in front of it had the key put behind its own."""
    names = {shard, shard.removesuffix(f"-{dataset.key}")}
    return next((own.path for own in dataset.shards if own.name in names), None)


def _file_of(name: str, source: Any, shard: str) -> Path | None:
    """The file that a shard was read from, if it is still there with the same content."""
    for file in source.shards():
        named_so = shard.startswith(f"{plain(name)}-{plain(file_name(file).split('.')[0])}-")
        if named_so and shard.startswith(shard_of(name, file)):
            return file
    return None


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
