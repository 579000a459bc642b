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
from datacurate.mixture import draw, marks, pack
from datacurate.mixture.reading.find import open_index, sources_of, stages_told
from datacurate.mixture.reading.index import Split

Unit = Literal["documents", "rows"]
SPLITS: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True)
class Samples:
    """Some samples, one after another; `offsets` cuts `tokens` into them.

    A sample is a document, or a row with the padding at its end. A stretch is what a sample holds of one document:
    `starts` are the stretches' places in `tokens`, `sizes` their tokens, `sources` the numbers of their sources.
    `table` holds rows as they were packed. `unscored` says of each token whether no loss is taken of it; None where
    all are scored.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    sources: np.ndarray
    table: pa.Table | None = None
    unscored: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each sample, padding included."""
        return np.diff(self.offsets)

    def stretches(self) -> np.ndarray:
        """Where the stretches of each sample begin in `starts`, and one more."""
        return np.searchsorted(self.starts, self.offsets)

    def places(self) -> np.ndarray:
        """The place in its sample of each token."""
        return np.arange(self.offsets[-1]) - np.repeat(self.offsets[:-1], self.lengths)

    def scored(self) -> np.ndarray:
        """Which tokens a loss is taken of: those of documents that are not `unscored`."""
        edges = np.zeros(len(self.tokens) + 1, np.int64)
        np.add.at(edges, self.starts, 1)
        np.add.at(edges, self.starts + self.sizes, -1)
        inside = np.cumsum(edges[:-1]) > 0
        return inside if self.unscored is None else inside & ~self.unscored


class Origin(Protocol):
    """Where tokens come from: a training stage of a mixture, or a dataset."""

    name: str
    key: str
    stage: str
    first_row: dict[str, int]
    """The number in the mixture of the first row of each split."""
    sources: list[str]
    vocabulary: int
    end_of_text: int | None
    sequence_length: int | None
    splits: tuple[str, ...]

    def planned(self, split: str) -> dict[str, int]:
        """Tokens that each source has, as the receipt says."""

    def padded(self, split: str) -> int:
        """Places of padding in its rows, as the receipt says."""

    def unscored(self, split: str) -> int:
        """Tokens that no loss is taken of, as the receipt says."""

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The samples of a split that come from some sources."""


def open_origins(folder: str | Path) -> list[Origin]:
    """The training stages of a run's mixture, or a dataset with token ids. InputError for a folder that is neither."""
    folder = Path(folder)
    if (found := _mixture(folder)) is not None:
        parts = found.manifest["phases"]["receipt"]["parts"]
        receipt = read_parts([found.folder.resolve() / part for part in parts])
        return [Mixture(folder, found, receipt, number) for number in range(len(stages_told(receipt)))]
    dataset = Dataset.open(folder)
    if dataset.shards and "token_ids" in pq.read_schema(dataset.shards[0].path).names:
        return [Documents(folder, dataset)]
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
    """The packed rows of one training stage of a run's mixture, part by part."""

    splits: tuple[str, ...] = SPLITS

    def __init__(self, folder: Path, dataset: Dataset, receipt: pa.Table, number: int) -> None:
        self.name, self.key = folder.resolve().name, dataset.key
        self.paths = [shard.path for shard in dataset.shards if shard.name.startswith(f"{number}-")]
        self.stage, self.sources = stages_told(receipt)[number], list(sources_of(receipt))
        self.receipt = [row for row in receipt.to_pylist() if row["stage_index"] == number]
        self.vocabulary = int(self.receipt[0]["vocabulary"])
        self.end_of_text: int | None = int(self.receipt[0]["end_of_text"])
        self.sequence_length: int | None = pq.read_schema(self.paths[0]).field("input_ids").type.list_size
        self.first_row: dict[str, int] = {split: first_row(folder, split, number) for split in SPLITS}
        self.packing = packing_of(dataset.manifest["fields"], number)

    def planned(self, split: str) -> dict[str, int]:
        """Tokens that were written, by the mixture's own receipt."""
        found: dict[str, int] = {}
        for row in self._of(split):
            found[row["source"]] = found.get(row["source"], 0) + row["written_tokens"]
        return found

    def padded(self, split: str) -> int:
        """Places that were left empty, by the same receipt."""
        return sum(row["padded_tokens"] for row in self._of(split))

    def unscored(self, split: str) -> int:
        """Tokens that no loss is taken of, by the same receipt."""
        return sum(row["unscored_tokens"] for row in self._of(split))

    def _of(self, split: str) -> list[dict[str, Any]]:
        return [row for row in self.receipt if row["split"] == SPLITS.index(split)]

    def samples(self, split: str, unit: Unit, wanted: list[int]) -> Iterator[Samples]:
        """The rows in order, whole; or the documents that lie in them, joined where they go on in the next row."""
        for path in self.paths:
            batches = (_of_split(batch, split) for batch in read_batches(path))
            if unit == "rows":
                yield from (_rows(batch) for batch in batches if batch.num_rows)
            elif self.packing == "concatenate":
                yield from _documents(map(pack.unpack, batches), wanted)
            else:
                yield from _documents(iter([_together(pack.unpack(pa.concat_tables(batches)))]), wanted)


def packing_of(fields: dict[str, Any], number: int) -> str:
    """How a training stage is packed: as it says, or else the mixture."""
    stages = fields.get("stages") or [{}]
    return stages[number].get("packing", fields.get("packing", "concatenate"))


def first_row(folder: Path, split: Split, number: int) -> int:
    """The number in the mixture of a training stage's first row."""
    try:
        return open_index(folder, split).stages[number].first_row
    except InputError:  # a split without rows
        return 0


def _of_split(batch: pa.Table, split: str) -> pa.Table:
    return batch.filter(pc.equal(batch["split"], SPLITS.index(split)))


def _rows(table: pa.Table) -> Samples:
    """Whole rows, padding included."""
    width = table.schema.field("input_ids").type.list_size
    pieces = pack.unpack(table)
    starts, counts = pack.lists(table["starts"])
    places = np.repeat(np.arange(table.num_rows, dtype=np.int64), counts) * width + starts
    marked = pack.marked(pack.input_ids(table), *pack.lists(table["unscored"])).reshape(-1)
    offsets = np.arange(table.num_rows + 1, dtype=np.int64) * width
    return _samples(marked, offsets, places, np.diff(pieces.offsets), pieces.sources, table)


def _samples(marked: np.ndarray, *where: Any) -> Samples:
    """Samples of tokens of which some may be complements."""
    unscored = marked < 0
    if not unscored.any():
        return Samples(marked, *where)
    return replace(Samples(pack.ids_of(marked), *where), unscored=unscored)


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
    pieces belong together, then the second ones: the copies are alike, but for one that the budget cut short, which
    comes last.
    """
    count = len(pieces.sources)
    if not count:
        return pieces
    sizes = np.diff(pieces.offsets)
    place = np.lexsort((np.arange(count), -sizes, pieces.begins, pieces.documents, pieces.sources))
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
    return _samples(flat, offsets, offsets[:-1], sizes, sources)


class Documents:
    """The documents of a dataset that has their token ids, in order.

    Where the ids are not from our `tokenize`, the largest says how many there are, and none is known to end a document.
    """

    splits: tuple[str, ...] = ("train",)
    sequence_length: int | None = None
    stage = "train"

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.first_row: dict[str, int] = {}
        self.name, self.key = folder.resolve().name, dataset.key
        self.paths = [shard.path for shard in dataset.shards]
        known = marks.marks_of(pq.read_schema(self.paths[0]))
        self.vocabulary = known.vocabulary if known else 1
        self.end_of_text = known.end_of_text if known else None
        self._tokens: dict[str, int] = {}
        self._unscored = 0
        for ids, sources in self._batches():
            flat, sizes = pack.lists(ids)
            self.vocabulary = max(self.vocabulary, int(pack.ids_of(flat).max(initial=0)) + 1)  # types of files
            self._unscored += int((flat < 0).sum())
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

    def unscored(self, split: str) -> int:
        """Tokens that no loss is taken of, counted beforehand."""
        return self._unscored

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
