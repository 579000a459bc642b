"""Packed rows as a PyTorch dataset that goes on exactly where it stopped, with any number of ranks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from datacurate.core.errors import InputError
from datacurate.mixture.reading.find import open_index
from datacurate.mixture.reading.index import Split
from datacurate.mixture.reading.order import Order
from datacurate.mixture.reading.rows import AHEAD, PackedRows, Reader
from datacurate.training import batches

EXTRAS = ("document_ids", "position_ids", "cu_seqlens", "sources")
STATE = 1
"""Version of what `state_dict` gives."""


class PackedDataset(IterableDataset):
    """The rows of a packed mixture in one global order, which neither the number of ranks nor a stop changes.

    Row i of that order goes to rank i modulo `world_size`. The state is one number, the rows that all ranks together
    have been given; so a run may go on with other ranks, and sees what it would have seen. Training stages come in
    turn, and no batch holds rows of two. Where rows do not come out even, the last ranks are given rows of padding, in
    which no place is scored: every rank makes as many steps, and no row is left out or given twice.

    Each `iter` begins at the first row, or where `load_state_dict` says: going through the dataset a second time gives
    the same again, with or without workers. Further passes, in other orders, are had by `epochs`.

    With a `batch_size` each item is a batch of so many rows for this rank (say `DataLoader(dataset, batch_size=None)`);
    without, a single row. Items are mappings:

    - `input_ids`, and `labels`, which are -100 where nothing is scored (`batches.labels` says where);
    - `rows`, the numbers of the rows in the mixture, which `curate trace RUN --row` knows; -1 for rows of padding;
    - `consumed`, the state behind this item, for `state_after`;
    - what `extras` names: `document_ids` (from 1 in each row, 0 in padding), `position_ids` (from 0 in each document),
      `cu_seqlens` with `max_seqlen` (int32, bounds of documents in the rows laid end to end), `sources` (of each token,
      by number: `dataset.index.sources` has the names; -1 in padding).
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        split: Split = "train",
        stage: str | None = None,
        batch_size: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        seed: int | None = 0,
        epochs: int | None = 1,
        labels: batches.Labels = "next",
        mask_documents: bool = True,
        extras: Iterable[str] = (),
        cache: str | Path | None = None,
        ahead: int = AHEAD,
    ) -> None:
        """Open the mixture of a run, of a store, or of `curate export --format packed`, here or behind a URL.

        `stage` names one training stage, and leaves the others out. `rank` and `world_size` are those of
        torch.distributed, or of the environment (RANK, WORLD_SIZE), else 0 and 1. `seed` shuffles rows within blocks of
        2 million tokens; None leaves them as they lie. `epochs` is how often all rows are gone through, None endlessly.
        `labels` and `mask_documents`: see `batches.labels`. `cache` is a folder that remote files are copied to, once
        for all processes of a machine. `ahead` is how many blocks are read before they are needed.
        """
        self.extras = (extras,) if isinstance(extras, str) else tuple(extras)
        self.rank, self.world_size = _ranks(rank, world_size)
        _whole("batch_size", batch_size, 1, "for single rows leave it out")
        _whole("epochs", epochs, 1, "for no end give None")
        _whole("seed", seed, None, "for rows as they lie give None")
        if ahead is None:
            raise InputError("ahead is None. Give a whole number of blocks, 0 or more.")
        _whole("ahead", ahead, 0, "leave it out")
        _check(self.extras, labels, self.rank, self.world_size)
        self.index = open_index(folder, split, stage)
        self.batch_size, self.seed, self.epochs = batch_size, seed, epochs
        self.labels, self.mask_documents = labels, mask_documents
        self.cache, self.ahead = cache, ahead
        self._begin = self._consumed = 0

    @property
    def rows(self) -> int:
        """Rows of one pass, over all ranks."""
        return len(self.index)

    @property
    def epoch(self) -> int:
        """The pass that the next row is of, from 0."""
        return self._consumed // self.rows

    def __len__(self) -> int:
        """Items of this rank in all passes, from the first row on."""
        if self.epochs is None:
            raise TypeError("a dataset without end has no length: give epochs")
        step = self.world_size * (self.batch_size or 1)
        return self.epochs * sum(-(-stage.rows // step) for stage in self.index.stages)

    def state_dict(self) -> dict[str, Any]:
        """Where the next item begins, and in which mixture and order."""
        return {"version": STATE, "consumed": self._consumed, **self._identity()}

    def state_after(self, item: dict[str, Any]) -> dict[str, Any]:
        """The state behind an item. DataLoader's workers run ahead: what is trained on is what counts."""
        return {**self.state_dict(), "consumed": int(np.max(np.asarray(item["consumed"])))}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind what the state's run had consumed, with any number of ranks. InputError for another mixture."""
        told = dict(state) if isinstance(state, Mapping) else {}
        version, consumed = told.pop("version", None), told.pop("consumed", None)
        if isinstance(version, bool) or version != STATE or not _is_whole(consumed) or consumed < 0:
            raise InputError(f"this is no state of a PackedDataset: {state!r}. Give what its state_dict returned.")
        _compare(told, self._identity(), self.index.folder)
        if self.epochs is not None and consumed > self.epochs * self.rows:
            raise InputError(
                f"{self.index.folder}: the state is behind {consumed:,} rows, and {self.epochs} pass(es) of "
                f"{self.rows:,} rows are all that this dataset gives. Give epochs={-(-consumed // self.rows)} or more, "
                "or epochs=None for no end."
            )
        self._begin = self._consumed = int(consumed)

    def _identity(self) -> dict[str, Any]:
        """What must be the same for the number of rows to mean the same rows."""
        return {
            "mixture": self.index.key,
            "split": self.index.split,
            "stages": list(self.index.stage_names),
            "seed": self.seed,
            "rows": [stage.rows for stage in self.index.stages],
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        if workers > 1 and self.batch_size is None:
            raise InputError(
                "single rows from several workers would come in another order. "
                "Give PackedDataset a batch_size, and DataLoader batch_size=None; or at most one worker."
            )
        self._consumed = self._begin
        return self._items(self._begin, number, workers)

    def _items(self, at: int, number: int, workers: int) -> Iterator[dict[str, Any]]:
        """Every `workers`-th item behind a place, from `number` on: DataLoader asks its workers in turn."""
        end = None if self.epochs is None else self.epochs * self.rows
        reader = Reader(self.index, self.seed, self.cache, self.ahead, end, self.rank, self.world_size)
        try:
            while end is None or at < end:
                bounds = [at]
                for _ in range(workers):
                    bounds.append(self._after(bounds[-1], reader.order, end))
                begin, stop = bounds[number : number + 2]
                if begin == stop:
                    break
                item = self._item(reader, begin, stop)
                at = self._consumed = bounds[-1]
                yield item
            self._consumed = max(at, end or 0)
        finally:
            reader.close()

    def _after(self, place: int, order: Order, end: int | None) -> int:
        """Where the item behind one that begins at a place begins: all ranks' rows later, or where the stage ends."""
        if place == end:
            return place
        return min(place + self.world_size * (self.batch_size or 1), order.stage_end(place))

    def _item(self, reader: Reader, begin: int, stop: int) -> dict[str, Any]:
        places = np.arange(begin + (self.rank - begin) % self.world_size, stop, self.world_size)
        found = reader.rows(places) if len(places) else reader.no_rows(begin)  # there may be fewer left than ranks
        item = self._tensors(batches.filled(found, self.batch_size or 1))
        if self.batch_size is None:
            item = {
                name: value[0] if name not in ("cu_seqlens", "max_seqlen") else value for name, value in item.items()
            }
        return {**item, "consumed": stop}

    def _tensors(self, rows: PackedRows) -> dict[str, Any]:
        """The item's arrays as tensors."""
        made: dict[str, Any] = {
            "input_ids": torch.from_numpy(batches.ids(rows)),
            "labels": torch.from_numpy(batches.labels(rows, self.labels, self.mask_documents)),
            "rows": torch.from_numpy(rows.numbers),
        }
        if "cu_seqlens" in self.extras:
            bounds = batches.boundaries(rows)
            made |= {"cu_seqlens": torch.from_numpy(bounds), "max_seqlen": int(np.diff(bounds).max())}
        for name in ("document_ids", "position_ids", "sources"):
            if name in self.extras:
                made[name] = torch.from_numpy(getattr(batches, name)(rows))
        return made


def _ranks(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """This process's rank, and how many there are."""
    if (rank is None) != (world_size is None):
        raise InputError("rank and world_size belong together: give both, or none of them.")
    if rank is not None and world_size is not None:
        return rank, world_size
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    told = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    try:
        return int(told[0]), int(told[1])
    except ValueError:
        raise InputError(
            f"the environment says RANK={told[0]} and WORLD_SIZE={told[1]}: no numbers. Give rank and world_size."
        ) from None


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _whole(name: str, value: Any, least: int | None, else_: str) -> None:
    """InputError for what is neither None nor a whole number of at least so much."""
    if value is None:
        return
    if not _is_whole(value) or (least is not None and value < least):
        wanted = "a whole number" + (f", at least {least}" if least is not None else "")
        raise InputError(f"{name} is {value!r}. Give {wanted}; {else_}.")


def _check(extras: tuple[str, ...], labels: str, rank: int, ranks: int) -> None:
    if unknown := [name for name in extras if name not in EXTRAS]:
        raise InputError(f"there is no extra '{unknown[0]}'. Known: {', '.join(EXTRAS)}.")
    if labels not in ("next", "same"):
        raise InputError(f"labels are 'next' or 'same', not '{labels}'.")
    if not _is_whole(rank) or not _is_whole(ranks) or not 0 <= rank < ranks:
        raise InputError(f"rank {rank} of {ranks}: ranks are counted from 0. Give a rank below world_size.")


def _compare(told: dict[str, Any], mine: dict[str, Any], folder: str) -> None:
    """InputError when a state is not of this mixture and this order."""
    other = {name for name in mine if told.get(name) != mine[name]}
    if {"mixture", "rows"} & other:
        raise InputError(
            f"{folder}: the mixture has changed after training began: the state is of {told.get('mixture')} with "
            f"{told.get('rows')} rows, this is {mine['mixture']} with {mine['rows']}. Go on with the mixture of the "
            "state (its recipe makes it again, or takes it from the store), or begin this one at its first row: do not "
            "load the state."
        )
    if other:
        said = ", ".join(f"{name} {told.get(name)!r} (here {mine[name]!r})" for name in sorted(other))
        raise InputError(
            f"{folder}: the state is of another order of the rows: {said}. Open the dataset with the same."
        )
