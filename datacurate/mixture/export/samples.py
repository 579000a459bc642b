"""What is exported: samples of tokens, read in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datacurate.audit.run_folder import FinishedStage, open_run
from datacurate.core.dataset import Dataset
from datacurate.core.errors import InputError, did_you_mean
from datacurate.core.store import read_batches, read_parts
from datacurate.mixture import pack

Unit = Literal["documents", "rows"]
SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Samples:
    """Some samples, one after another; `offsets` cuts `tokens` into them.

    A sample is a document, or a row with the padding at its end. A stretch is what a sample holds of one document:
    `starts` are the stretches' places in `tokens`, `sizes` their tokens, `sources` the numbers of their sources.
    `table` holds rows as they were packed.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    sources: np.ndarray
    table: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each sample, padding included."""
        return np.diff(self.offsets)

    def stretches(self) -> np.ndarray:
        """Where the stretches of each sample begin in `starts`, and one more."""
        return np.searchsorted(self.starts, self.offsets)


class Origin(Protocol):
    """Where tokens come from."""

    name: str
    key: str
    sources: list[str]
    vocabulary: int
    end_of_text: int | None
    sequence_length: int | None
    splits: tuple[str, ...]

    def planned(self, split: str) -> dict[str, int]:
        """Tokens that each source has, as the receipt says."""

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The samples of a split that come from some sources."""


def open_origin(folder: str | Path) -> Origin:
    """The mixture of a run, or a dataset with token ids. InputError for a folder that is neither."""
    folder = Path(folder)
    if (folder / "plan.json").exists() and (mixture := open_run(folder).last("mixture")) is not None:
        return Mixture(folder, mixture)
    dataset = Dataset.open(folder)
    if dataset.shards and "token_ids" in pq.read_schema(dataset.shards[0].path).names:
        return Documents(folder, dataset)
    raise InputError(
        f"{folder}: there is no mixture here, and no dataset with token ids. Name the folder of a run that has a "
        "mixture, or of a dataset that `curate tokenize` made."
    )


class Mixture:
    """The packed rows of a run's mixture, part by part."""

    splits: tuple[str, ...] = SPLITS

    def __init__(self, folder: Path, stage: FinishedStage) -> None:
        self.name, self.key = folder.resolve().name, stage.manifest["key"]
        self.paths = list(stage.shards.values())
        self.receipt = read_parts(stage.phase("receipt").values()).to_pylist()
        by_index = {row["index"]: row["source"] for row in self.receipt}
        self.sources = [by_index[i] for i in sorted(by_index)]
        self.vocabulary = int(self.receipt[0]["vocabulary"])
        self.end_of_text: int | None = int(self.receipt[0]["end_of_text"])
        self.sequence_length: int | None = pq.read_schema(self.paths[0]).field("input_ids").type.list_size

    def planned(self, split: str) -> dict[str, int]:
        """Tokens that were written, by the mixture's own receipt."""
        rows = [row for row in self.receipt if row["split"] == SPLITS.index(split)]
        return {row["source"]: row["written_tokens"] for row in rows}

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The rows in order, whole; or the documents that lie in them, joined where they go on in the next row."""
        for path in self.paths:
            batches = (_of_split(batch, split) for batch in read_batches(path))
            if unit == "rows":
                yield from (_rows(batch) for batch in batches if batch.num_rows)
            else:
                assert self.end_of_text is not None
                yield from _documents(batches, self.end_of_text, wanted)


def _of_split(batch: pa.Table, split: str) -> pa.Table:
    return batch.filter(pc.equal(batch["split"], SPLITS.index(split)))


def _rows(table: pa.Table) -> Samples:
    """Whole rows, padding included."""
    width = table.schema.field("input_ids").type.list_size
    _, offsets, sources = pack.unpack(table)
    starts, counts = pack.lists(table["starts"])
    row = np.repeat(np.arange(table.num_rows, dtype=np.int64), counts)
    flat = pack.input_ids(table).reshape(-1)
    return Samples(
        flat,
        np.arange(table.num_rows + 1, dtype=np.int64) * width,
        row * width + starts,
        np.diff(offsets),
        sources,
        table,
    )


def _documents(batches: Iterator[pa.Table], end: int, wanted: list[int]) -> Iterator[Samples]:
    """The documents of one part's rows; one that a batch leaves open is held until its rest has come."""
    open_tokens, open_source = np.zeros(0, np.int32), -1
    for batch in batches:
        flat, offsets, sources = pack.unpack(batch)
        first = pack.lists(batch["starts"])[0] == 0
        if len(open_tokens):
            flat = np.concatenate([open_tokens, flat])
            offsets = np.concatenate([[0], offsets + len(open_tokens)])
            sources, first = np.append(open_source, sources), np.append(False, first)
        if not len(flat):
            continue
        unfinished = flat[offsets[1:] - 1] != end
        goes_on = np.append(False, unfinished[:-1] & first[1:] & (sources[1:] == sources[:-1]))
        begins = np.flatnonzero(~goes_on)
        last = offsets[begins[-1]] if unfinished[-1] else len(flat)
        open_tokens, open_source = flat[last:], int(sources[-1])
        begins = begins[offsets[begins] < last]
        yield _chosen(flat[:last], np.append(offsets[begins], last), sources[begins], wanted)
    if len(open_tokens):
        size = np.array([0, len(open_tokens)], np.int64)
        yield _chosen(open_tokens, size, np.array([open_source], np.int32), wanted)


def _chosen(flat: np.ndarray, offsets: np.ndarray, sources: np.ndarray, wanted: list[int]) -> Samples:
    """Documents of the wanted sources."""
    keep, sizes = np.isin(sources, wanted), np.diff(offsets)
    if not keep.all():
        flat, sizes, sources = flat[np.repeat(keep, sizes)], sizes[keep], sources[keep]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Samples(flat, offsets, offsets[:-1], sizes, sources)


class Documents:
    """The documents of a dataset that has their token ids, in order."""

    splits: tuple[str, ...] = ("train",)
    sequence_length: int | None = None
    end_of_text: int | None = None

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.name, self.key = folder.resolve().name, dataset.key
        self.paths = [shard.path for shard in dataset.shards]
        self.vocabulary = 1
        self._tokens: dict[str, int] = {}
        for ids, sources in self._batches():
            flat, sizes = pack.lists(ids)
            self.vocabulary = max(self.vocabulary, int(flat.max(initial=0)) + 1)
            for source in sources.unique().to_pylist():
                mine = int(sizes[pc.equal(sources, source).to_numpy()].sum())
                self._tokens[source] = self._tokens.get(source, 0) + mine
        self.sources = sorted(self._tokens)

    def _batches(self) -> Iterator[tuple[pa.ChunkedArray, pa.ChunkedArray]]:
        for path in self.paths:
            for batch in read_batches(path):
                yield batch["token_ids"], batch["source"].cast(pa.string())

    def planned(self, split: str) -> dict[str, int]:
        """Tokens of each source, counted from the list lengths beforehand."""
        return dict(self._tokens)

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The documents that have tokens."""
        for ids, sources in self._batches():
            flat, sizes = pack.lists(ids)
            number = pc.index_in(sources, pa.array(self.sources, pa.string())).to_numpy()
            some = sizes > 0
            offsets = np.concatenate([[0], np.cumsum(sizes[some])]).astype(np.int64)
            yield _chosen(flat, offsets, number[some].astype(np.int32), wanted)


def numbers_of(origin: Origin, named: list[str] | None) -> list[int]:
    """The numbers of sources. InputError for a name that the origin does not have."""
    for name in named or []:
        if name not in origin.sources:
            raise InputError(f"no source is called '{name}' here. {did_you_mean(name, origin.sources)}")
    return [i for i, name in enumerate(origin.sources) if not named or name in named]
