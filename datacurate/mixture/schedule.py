"""From sums of tokens to what every training stage draws of every cell, to the token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.errors import RecipeError
from datacurate.core.stage import one_array
from datacurate.mixture import allocate
from datacurate.mixture.cells import MOST
from datacurate.mixture.groups import Tokens, listed
from datacurate.mixture.pack import numbers
from datacurate.mixture.rings import BITS, Interval, Ring, bin_of
from datacurate.mixture.schemas import SUMMED
from datacurate.mixture.shares import TRAIN, VALIDATION, shares
from datacurate.mixture.stages import TrainingStage, weighing

Documents = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Order, row, tokens and mask of some documents."""
Fetch = Callable[[set[tuple[int, int]]], dict[tuple[int, int], Documents]]
"""The documents of some bins, each the number of a ring and that of a bin."""


def summed(counted: pa.Table) -> pa.Table:
    """Documents, empty ones and tokens by source, split, mask and bin; only what there is."""
    names = pc.unique(counted["source"]).sort()
    source = np.asarray(one_array(pc.index_in(counted["source"], names)), np.int64)
    order, split, mask, n = (numbers(counted[c]) for c in ("order", "split", "mask", "n"))
    masks, kind = np.unique(mask, return_inverse=True)
    code = ((source * 2 + split) * max(1, len(masks)) + kind) * 2**BITS + bin_of(order)
    found, at = np.unique(code, return_inverse=True)
    sums = [np.zeros(len(found), np.int64) for _ in range(3)]
    for total, amount in zip(sums, (1, n == 0, n), strict=True):
        np.add.at(total, at, amount)
    rest, bins = np.divmod(found, 2**BITS)
    rest, kind = np.divmod(rest, max(1, len(masks)))
    columns = [names.take(pa.array(rest // 2)), (rest % 2).astype(np.int8), masks[kind], bins.astype(np.int16), *sums]
    return pa.table([pa.array(column) for column in columns], schema=SUMMED)


def cells_of(sums: pa.Table) -> list[str]:
    """The names of all cells, in order. RecipeError when they are too many."""
    names = sorted(pc.unique(sums["source"]).to_pylist())
    if len(names) > MOST:
        raise RecipeError(
            f"mixture: there are {len(names):,} cells, such as {listed(names, 3)}; {MOST:,} is the most. Name columns "
            "with fewer values in 'by'."
        )
    return names


@dataclass
class Rings:
    """The rings of all cells, training and validation in turn, and the documents without tokens."""

    names: list[str]
    rings: list[Ring]
    empty: list[list[tuple[int, int]]]
    """Of each ring: masks, and documents without tokens that have them."""

    @classmethod
    def of(cls, sums: pa.Table) -> Rings:
        """The rings that the sums of all shards make together."""
        names = cells_of(sums)
        at = one_array(pc.index_in(sums["source"], pa.array(names, pa.string())))
        group = np.asarray(at, np.int64) * 2 + numbers(sums["split"])
        bins, mask = (numbers(sums[c]).astype(np.int64) for c in ("bin", "mask"))
        amounts = [numbers(sums[c]) for c in ("documents", "empty", "tokens")]
        walk = np.lexsort((bins, mask, group))
        keys = np.stack([group, mask, bins])[:, walk]
        new = np.flatnonzero(np.append(True, np.any(np.diff(keys, axis=1), axis=0))) if len(walk) else walk
        group, mask, bins = keys[:, new]
        documents, none, tokens = (np.add.reduceat(a[walk], new) if len(new) else a for a in amounts)
        some, hollow = documents - none, np.flatnonzero(none)
        empty: list[list[tuple[int, int]]] = [[] for _ in range(2 * len(names))]
        for at in hollow.tolist():
            empty[group[at]].append((int(mask[at]), int(none[at])))
        edges = np.searchsorted(group, np.arange(2 * len(names) + 1))
        rings = []
        for low, high in pairwise(edges):
            mine = slice(low, high)
            rings.append(Ring.of_bins(bins[mine], mask[mine], some[mine], tokens[mine]))
        return cls(names, rings, empty)

    def tokens(self, split: int, stage: int, fresh: bool = False) -> Tokens:
        """Tokens of each cell that a stage may draw, or that another bit of their masks is of."""
        mine = self.rings[split::2]
        return {n: int(r.tokens[r.may(stage, fresh)].sum()) for n, r in zip(self.names, mine, strict=True)}

    def used(self, stage: int) -> Tokens:
        """Tokens that earlier stages have drawn, of what a stage may draw."""
        mine = self.rings[TRAIN::2]
        return {n: int(r.used[r.may(stage)].sum()) for n, r in zip(self.names, mine, strict=True)}

    def without_tokens(self, at: int, stage: int) -> int:
        """Documents of a ring without tokens that would belong to a stage."""
        return sum(count for mask, count in self.empty[at] if mask >> stage & 1)


def fetcher(counted: Iterable[pa.Table], names: list[str]) -> Fetch:
    """Reads all documents, some at a time, and keeps those of the bins that are asked for."""
    known = pa.array(names, pa.string())

    def fetch(wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Documents]:
        codes = np.array(sorted(ring << BITS | number for ring, number in wanted), np.int64)
        found = []
        for table in counted:
            order, row, n, mask, split = (numbers(table[c]) for c in ("order", "row", "n", "mask", "split"))
            source = np.asarray(one_array(pc.index_in(table["source"], known)), np.int64)
            code = (source * 2 + split) << BITS | bin_of(order)
            keep = np.isin(code, codes) & (n > 0)
            found.append([values[keep] for values in (code, order, row, n, mask)])
        code, *rest = (np.concatenate(parts) for parts in zip(*found, strict=True))
        walk = np.argsort(code, kind="stable")
        edges = [np.searchsorted(code[walk], codes, side) for side in ("left", "right")]
        pieces = zip(codes.tolist(), *edges, strict=True)
        return {
            (one >> BITS, one & 2**BITS - 1): tuple(values[walk[low:high]] for values in rest)  # type: ignore[misc]
            for one, low, high in pieces
        }

    return fetch


def schedule(
    rings: Rings, stages: Sequence[TrainingStage], validation: float, fetch: Fetch, noun: str = "source"
) -> list[tuple]:
    """The rows of the table `allocated`: what each training stage draws of each cell and split."""
    bits = weighing([stage.short_share for stage in stages])
    drawings = [_Drawing(rings, stage, at, bits[at], fetch, noun) for at, stage in enumerate(stages)]
    return [row for drawing in drawings for row in drawing.rows(validation)]


@dataclass
class _Drawing:
    """One training stage, with what the ones before it have left."""

    rings: Rings
    stage: TrainingStage
    number: int
    weighing: int
    """The bit of the documents by whose tokens cells are weighed."""
    fetch: Fetch
    noun: str

    @property
    def fresh(self) -> bool:
        return self.stage.seen == "exclude"

    def rows(self, validation: float) -> list[tuple]:
        held, used = self.rings.tokens(VALIDATION, self.number), self.rings.used(self.number)
        train = shares(self.rings, self.stage, self.number, self.noun, self.weighing)
        both = (train, allocate.validation_plan(train, held, validation))
        whole = (self.rings.tokens(TRAIN, self.number), held)
        documents = [int(r.documents[r.may(self.number)].sum()) for r in self.rings.rings]
        planned = [both[split][name] for name in self.rings.names for split in (TRAIN, VALIDATION)]
        cuts = self._draw(planned)
        made = []
        for at, (n, cut) in enumerate(zip(planned, cuts, strict=True)):
            name, split = self.rings.names[at // 2], at % 2
            weight, empty = n / max(1, sum(planned[split::2])), self.rings.without_tokens(at, self.number)
            sizes = (whole[split][name], documents[at] + empty, empty, n, cut.truncated, 0 if split else used[name])
            interval = (self.fresh and not split, *cut.start, cut.whole_epochs, *cut.cut, cut.cut_tokens)
            made.append((self.number, self.stage.name, at // 2, name, split, weight, *sizes, *interval))
        return made

    def _draw(self, planned: list[int]) -> list[Interval]:
        """The interval of each ring; bins in which cuts lie are opened on the way."""
        cuts: dict[int, Interval] = {}
        for ring in self.rings.rings[VALIDATION::2]:
            ring.start = (0, 0)
        while len(cuts) < len(planned):
            closed: set[tuple[int, int]] = set()
            for at in (at for at in range(len(planned)) if at not in cuts):
                found = self.rings.rings[at].draw(self.number, planned[at], self.fresh and at % 2 == TRAIN)
                if isinstance(found, Interval):
                    cuts[at] = found
                else:
                    closed.add((at, found))
            for (at, number), documents in (self.fetch(closed) if closed else {}).items():
                self.rings.rings[at].open(number, *documents)
        return [cuts[at] for at in range(len(planned))]


def grouped(allocated: pa.Table) -> dict[str, Any]:
    """The columns of `allocated` as arrays of (training stages, groups); a group is a cell and split."""
    stages = int(numbers(allocated["stage"]).max(initial=-1)) + 1
    names = [name for name in allocated.schema.names if name not in ("source", "stage_name")]
    return {name: np.asarray(one_array(allocated[name])).reshape(stages, -1) for name in names}
