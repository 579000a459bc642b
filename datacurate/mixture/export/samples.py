"""What is exported: samples of tokens, read in order and in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datacurate.core.dataset import MANIFEST, Dataset
from datacurate.core.errors import InputError, did_you_mean
from datacurate.core.store import read_batches, read_parts
from datacurate.mixture import draw, pack

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

    def padded(self, split: str) -> int:
        """Places of padding in its rows, as the receipt says."""

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The samples of a split that come from some sources."""


def open_origin(folder: str | Path) -> Origin:
    """The mixture of a run, or a dataset with token ids. InputError for a folder that is neither."""
    folder = Path(folder)
    if (found := _mixture(folder)) is not None:
        return Mixture(folder, found)
    dataset = Dataset.open(folder)
    if dataset.shards and "token_ids" in pq.read_schema(dataset.shards[0].path).names:
        return Documents(folder, dataset)
    hint = "Name the folder of a run that has a mixture, or of a dataset that `curate tokenize` made."
    if (folder.parent / "plan.json").exists():
        hint = f"It is a stage of the run {folder.parent}: name that folder."
    raise InputError(f"{folder}: there is no mixture here, and no dataset with token ids. {hint}")


def _mixture(folder: Path) -> Dataset | None:
    """The last mixture that the plan of a run names. InputError when it is not done."""
    try:
        planned = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["stages"]
        keys = {stage["key"] for stage in planned if stage["name"] == "mixture"}
    except OSError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}/plan.json: cannot read the plan: {error}. Run the recipe again.") from None
    made = [Dataset.open(path.parent) for path in sorted(folder.glob(f"*-mixture/{MANIFEST}"))]
    done = [dataset for dataset in made if dataset.key in keys]
    if keys and not done:
        raise InputError(f"{folder}: the run has not finished. Run the same command again to do the rest.")
    return done[-1] if done else None


class Mixture:
    """The packed rows of a run's mixture, part by part."""

    splits: tuple[str, ...] = SPLITS

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.name, self.key = folder.resolve().name, dataset.key
        self.paths = [shard.path for shard in dataset.shards]
        self.packing = dataset.manifest["fields"].get("packing", "concatenate")
        parts = dataset.manifest["phases"]["receipt"]["parts"]
        self.receipt = read_parts([dataset.folder.resolve() / part for part in parts]).to_pylist()
        by_index = {row["index"]: row["source"] for row in self.receipt}
        self.sources = [by_index[i] for i in sorted(by_index)]
        self.vocabulary = int(self.receipt[0]["vocabulary"])
        self.end_of_text: int | None = int(self.receipt[0]["end_of_text"])
        self.sequence_length: int | None = pq.read_schema(self.paths[0]).field("input_ids").type.list_size

    def planned(self, split: str) -> dict[str, int]:
        """Tokens that were written, by the mixture's own receipt."""
        found: dict[str, int] = {}
        for row in self._of(split):
            found[row["source"]] = found.get(row["source"], 0) + row["written_tokens"]
        return found

    def padded(self, split: str) -> int:
        """Places that were left empty, by the same receipt."""
        return sum(row["padded_tokens"] for row in self._of(split))

    def _of(self, split: str) -> list[dict[str, Any]]:
        return [row for row in self.receipt if row["split"] == SPLITS.index(split)]

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The rows in order, whole; or the documents that lie in them, joined where they go on in the next row."""
        for path in self.paths:
            batches = (_of_split(batch, split) for batch in read_batches(path))
            if unit == "rows":
                yield from (_rows(batch) for batch in batches if batch.num_rows)
            elif self.packing == "concatenate":
                yield from _documents(map(_unpacked, batches), wanted)
            else:
                yield from _documents(iter([_together(_unpacked(pa.concat_tables(batches)))]), wanted)


def _of_split(batch: pa.Table, split: str) -> pa.Table:
    return batch.filter(pc.equal(batch["split"], SPLITS.index(split)))


def _unpacked(table: pa.Table) -> pack.Stretches:
    """The pieces of packed rows, with plain ids: these formats have no place for what the loss is taken of."""
    pieces = pack.unpack(table)
    return replace(pieces, flat=pack.ids_of(pieces.flat))


def _rows(table: pa.Table) -> Samples:
    """Whole rows, padding included."""
    width = table.schema.field("input_ids").type.list_size
    pieces = pack.unpack(table)
    starts, counts = pack.lists(table["starts"])
    places = np.repeat(np.arange(table.num_rows, dtype=np.int64), counts) * width + starts
    flat, offsets = pack.input_ids(table).reshape(-1), np.arange(table.num_rows + 1, dtype=np.int64) * width
    return Samples(flat, offsets, places, np.diff(pieces.offsets), pieces.sources, table)


def _documents(batches: Iterator[pack.Stretches], wanted: list[int]) -> Iterator[Samples]:
    """The documents of one part's pieces: those that follow each other in a document and in the part are joined.

    The last document of a batch is held until the next batch shows whether it goes on.
    """
    held: pack.Stretches | None = None
    for pieces in batches:
        if not len(pieces.sources):
            continue
        pieces = pieces if held is None else _after(held, pieces)
        begins = np.flatnonzero(_opens(pieces))
        at = pieces.offsets[begins]
        yield _chosen(pieces.flat[: at[-1]], at, pieces.sources[begins[:-1]], wanted)
        held = _taken(pieces, begins[-1:])
        held = replace(held, flat=pieces.flat[at[-1] :], offsets=np.array([0, len(pieces.flat) - at[-1]], np.int64))
    if held is not None:
        yield _chosen(held.flat, held.offsets, held.sources, wanted)


def _opens(pieces: pack.Stretches) -> np.ndarray:
    """Whether each piece does not go on where the one before it stopped."""
    ends = pieces.begins + np.diff(pieces.offsets)
    same = (pieces.documents[1:] == pieces.documents[:-1]) & (pieces.sources[1:] == pieces.sources[:-1])
    return np.append(True, ~(same & (pieces.begins[1:] == ends[:-1])))


def _together(pieces: pack.Stretches) -> pack.Stretches:
    """The pieces of a part with those of a document behind each other, in the order of the documents' first pieces.

    Best fit puts the end of a long document into another row. Of a document that was drawn several times, the first
    pieces belong together, then the second ones: the copies are alike.
    """
    count = len(pieces.sources)
    if not count:
        return pieces
    place = np.lexsort((np.arange(count), pieces.begins, pieces.documents, pieces.sources))
    names = [values[place] for values in (pieces.sources, pieces.documents, pieces.begins)]
    new = np.append(True, np.any([values[1:] != values[:-1] for values in names], axis=0))
    copy = np.empty(count, np.int64)
    copy[place] = np.arange(count) - np.maximum.accumulate(np.where(new, np.arange(count), 0))
    walk = np.lexsort((pieces.begins, copy, pieces.documents, pieces.sources))
    opens = _opens(_taken(pieces, walk))
    first = np.minimum.reduceat(walk, np.flatnonzero(opens))[np.cumsum(opens) - 1]
    return _taken(pieces, walk[np.argsort(first, kind="stable")])


def _taken(pieces: pack.Stretches, order: np.ndarray) -> pack.Stretches:
    """Some pieces, in another order."""
    flat, offsets = draw.gather(pieces.flat, pieces.offsets[:-1][order], np.diff(pieces.offsets)[order])
    return pack.Stretches(flat, offsets, pieces.sources[order], pieces.documents[order], pieces.begins[order])


def _after(held: pack.Stretches, more: pack.Stretches) -> pack.Stretches:
    """One stretch and those that come after it."""
    offsets = np.append(0, more.offsets + held.offsets[1])
    names = ("sources", "documents", "begins")
    joined = [np.concatenate([getattr(held, name), getattr(more, name)]) for name in names]
    return pack.Stretches(np.concatenate([held.flat, more.flat]), offsets, *joined)


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

    def padded(self, split: str) -> int:
        """Documents have none."""
        return 0

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
