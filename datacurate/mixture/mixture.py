"""The stage that turns documents into a training set of an exact number of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator, model_validator

from datacurate.core import phase
from datacurate.core.phase import Size, each, once
from datacurate.core.stage import Stage, one_array
from datacurate.core.types import Count, Fraction
from datacurate.mixture import cells, draw, pack, pieces, receipts, schedule, schemas, tokenizer_options
from datacurate.mixture import stages as training
from datacurate.mixture.stages import Budget, DrawOptions, TrainingStage

TRAIN, VALIDATION = 0, 1
LENGTH = ("long_tokens", "short_share")


def bucket_keys(stage: Mixture, size: Size) -> list[tuple[int, int]]:
    """One key per training stage and bucket of its shuffle."""
    return [(number, part) for number, one in enumerate(stage.training_stages) for part in range(one.buckets)]


def part_keys(stage: Mixture, size: Size) -> list[tuple[int, int]]:
    """One key per training stage and bucket, and one for what is left over at the ends of a stage's buckets."""
    return [(number, part) for number, one in enumerate(stage.training_stages) for part in range(one.buckets + 1)]


def stage_keys(stage: Mixture, size: Size) -> list[tuple[int]]:
    """One key per training stage."""
    return [(number,) for number in range(len(stage.training_stages))]


class Mixture(tokenizer_options.TokenizerOptions, DrawOptions, Stage):
    """Packed sequences of exactly `tokens` training tokens, drawn from the sources by weight.

    Every source gives its share in a shuffled order that depends on the seed and the ids alone; when that
    is more than it has, it is passed over again, at most `max_epochs` times. Each document is closed by the
    end-of-text token; documents are packed into rows of one length. Nothing is cropped unless `long_documents` says so.
    Cells of column values may take the place of sources (`by`), and a training may have `stages` of its own budgets.
    The receipt proves the budget to the token.
    Repetition cap: Muennighoff et al. 2023; even shares with caps: UniMax (Chung et al. 2023); best-fit packing: Ding
    et al. 2024.
    """

    version = 6
    result = "sequences"
    reads_meta = True
    needs = ("id", "text", "source")
    handed_on: ClassVar[str] = "packed"
    """The phase whose rows the stage hands on."""

    tokens: Budget | None = None
    """Training tokens to write, end-of-text tokens included. With `stages`, the sum of their budgets, or left out."""
    by: tuple[str, ...] = ("source",)
    """Columns whose values make the cells that share the budget: `[quality, domain]` makes cells such as `4/maths`.
    A missing value is `null`. `meta.KEY` is what a document of JSON Lines has under a key that is no column."""
    stages: tuple[TrainingStage, ...] = ()
    """Parts of the training, in order, each with a budget. What one does not set is as the mixture says."""
    validation: Fraction = 0.02
    """Share of each source's documents, by hash of the id, that is held out and never trained on.

    Of these, as many tokens are written as the share of the budget comes to.
    """
    seed: Count = 0
    """Chooses which documents are drawn first, and the order of all."""

    @field_validator("by")
    @classmethod
    def _some_columns(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given or len(set(given)) < len(given):
            raise ValueError(f"'by' names {', '.join(given) or 'no column'}. Name columns, each once; source is usual")
        return given

    @model_validator(mode="after")
    def _sound(self) -> Mixture:
        training.check(self.tokens, self.stages, self.training_stages)
        return self

    @property
    def training_stages(self) -> list[TrainingStage]:
        """The training stages with all their options; one, if none are given."""
        return training.resolved(self, self.tokens, self.stages)

    @property
    def _wheres(self) -> list[str | None]:
        return training.chosen("where", self.where, self.stages)

    def reads(self) -> dict[str, bool]:
        """Id, text, and the columns that cells and conditions are made of."""
        return super().reads() | dict.fromkeys(cells.columns(self.by, self._wheres), True)

    def check_columns(self, known: dict[str, Any]) -> None:
        """Raise RecipeError when a column is known to hold something else than cells or conditions are made of."""
        cells.check_types(self.by, self._wheres, known)

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """Of training stages, phases that see some fields see these alone."""
        changed = super().changed_fields(uses)
        if uses is not None and "stages" in changed:
            changed["stages"] = [{name: s[name] for name in s if name in uses} for s in changed["stages"]]
        return changed

    def warm(self) -> None:
        """Load the tokenizer and compile the kernels."""
        super().warm()
        pack.pack(pack.whole(np.zeros(1, np.int32), np.array([0, 1]), np.zeros(1, np.int32)), 1, "best_fit")

    @each(uses=(*tokenizer_options.FIELDS, "validation", "seed"))
    def tokenized(self, docs: pa.Table, rows: Any) -> pa.Table:
        """Token ids of every document; `order` is its place in its cell's ring, `n` its tokens."""
        ids = docs["id"].to_pylist()
        flat, offsets = pieces.of_documents(self.encoder(), docs)
        columns = {
            "order": draw.hashes(ids, f"order {self.seed}"),
            "row": np.asarray(rows, np.uint64),
            "split": draw.held_out(ids, self.validation).astype(np.int8),
            "n": np.diff(offsets),
            "tokens": pack.as_bytes(flat, offsets),
        }
        return pa.table(columns, schema=schemas.TOKENIZED)

    @each(uses=("by", "where", "stages"))
    def celled(self, docs: pa.Table) -> pa.Table:
        """The cell of every document, and the training stages whose condition it fulfils, as bits."""
        columns = [cells.names(docs, self.by), cells.allowed(docs, self._wheres)]
        return pa.table([pa.array(c) if isinstance(c, np.ndarray) else c for c in columns], schema=schemas.CELLED)

    @each(uses=("long_tokens", "short_share", "stages"), columns={"tokenized": ("order", "row", "split", "n")})
    def counted(self, tokenized: pa.Table, celled: pa.Table) -> pa.Table:
        """All that is needed of documents to plan; the bits are those of `cells.masks`."""
        rules = zip(*(training.chosen(f, getattr(self, f), self.stages) for f in LENGTH), strict=True)
        allowed, order, n = (pack.numbers(c) for c in (celled["mask"], tokenized["order"], tokenized["n"]))
        mask = pa.array(cells.masks(allowed, order, n, list(rules)))
        made = {**{name: tokenized[name] for name in tokenized.schema.names}, "source": celled["source"], "mask": mask}
        return pa.table([made[name] for name in schemas.COUNTED.names], schema=schemas.COUNTED)

    @each(uses=())
    def summed(self, counted: pa.Table) -> pa.Table:
        """Tokens by cell, split, bits and bin of the order: all that is needed of most documents."""
        return schedule.summed(counted)

    @once(streams=("counted",))
    def allocated(self, summed: pa.Table, counted: Iterable[pa.Table]) -> pa.Table:
        """Per training stage, cell and split: tokens there are, tokens to draw, and the interval of the ring."""
        rings = schedule.Rings.of(summed)
        cells.check_keys(self.by, self._wheres, rings.names, pack.numbers(summed["mask"]))
        fetch = schedule.fetcher(counted, rings.names)
        noun = "source" if self.by == ("source",) else "cell"
        rows = schedule.schedule(rings, self.training_stages, self.validation, fetch, noun)
        return schemas.table_of(rows, schemas.ALLOCATED)

    @each(streams=("tokenized",), columns={"tokenized": ("tokens",)})
    def drawn(self, tokenized: Iterable[pa.Table], counted: pa.Table, allocated: pa.Table) -> Iterator[pa.Table]:
        """One row per drawn copy of a document, with its place in the shuffled order."""
        cuts = schedule.grouped(allocated)
        known = pa.array(allocated["source"].to_pylist()[: cuts["index"].shape[1] : 2], pa.string())
        source = np.asarray(one_array(pc.index_in(counted["source"], known)), np.int64)
        columns = {name: pack.numbers(counted[name]) for name in ("order", "row", "split", "n", "mask")}
        columns |= {"source": source, "group": source * 2 + columns["split"]}
        yield schemas.DRAWN.empty_table()
        at = 0
        for table in tokenized:
            # Blocks bound the memory: a block with 4 epochs of long documents is a few hundred MB.
            for block in table.to_batches(max_chunksize=4096):
                there = {name: values[at : at + block.num_rows] for name, values in columns.items()}
                at += block.num_rows
                yield from self._draw(block.column(0), there, cuts)

    def _draw(
        self, tokens: pa.LargeBinaryArray, there: dict[str, np.ndarray], cuts: dict[str, np.ndarray]
    ) -> Iterator[pa.Table]:
        """The copies drawn of a block of documents, by training stage."""
        buckets = [stage.buckets for stage in self.training_stages]
        for stage, whole, last in draw.each_stage(there, cuts):
            times = whole + (last > 0)
            index = np.repeat(np.arange(len(times)), times)
            epoch = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
            size = np.where(epoch < whole[index], there["n"][index], last[index])
            position = draw.positions(there["order"][index], epoch, self.seed, stage)
            columns = {
                "stage": np.full(len(index), stage, np.int32),
                "part": draw.bucket_of(position, buckets[stage]),
                "position": position,
                "source": there["source"][index].astype(np.int32),
                "split": there["split"][index].astype(np.int8),
                "order": there["order"][index],
                "row": there["row"][index],
                "n": size,
                "tokens": draw.cut_short(tokens, there["n"], index, size),
            }
            yield pa.table(columns, schema=schemas.DRAWN)

    @each(uses=(), columns={"drawn": ("stage", "split", "source", "n")})
    def taken(self, drawn: pa.Table) -> pa.Table:
        """Copies and tokens that were drawn."""
        return receipts.taken(drawn)

    @phase.by("stage", "part", keys=bucket_keys)
    def tails(self, drawn: pa.Table, stage: int, part: int) -> pa.Table:
        """Of a bucket's rows those that are far from full: they are packed anew, with those of the other buckets."""
        return self._rows(drawn, stage, part, tails=True)

    @phase.by("stage", keys=stage_keys)
    def joined(self, tails: pa.Table, stage: int) -> pa.Table:
        """These rows packed anew, as the last part of a training stage."""
        one = self.training_stages[stage]
        if not tails.num_rows:
            return pack.packed_schema(one.sequence_length).empty_table()
        tails = tails.sort_by("part")
        split, made = pack.numbers(tails["split"]), []
        for s in (TRAIN, VALIDATION):
            rows = _pack(one, pack.unpack(tails.filter(pa.array(split == s))))
            made.append(pack.as_table(rows, s, np.full(rows.count, one.buckets), stage))
        return pa.concat_tables(made)

    @phase.by("stage", "part", keys=part_keys)
    def packed(self, drawn: pa.Table, joined: pa.Table, stage: int, part: int) -> pa.Table:
        """A bucket's documents, shuffled, as rows; the last part has the rows that were packed anew."""
        if part < self.training_stages[stage].buckets:
            return self._rows(drawn, stage, part, tails=False)
        empty = pack.packed_schema(self.training_stages[stage].sequence_length).empty_table()
        return joined if joined.num_rows else empty

    def _rows(self, drawn: pa.Table, stage: int, part: int, tails: bool) -> pa.Table:
        """A bucket's rows: those that stay, or those that are packed anew."""
        one, made = self.training_stages[stage], []
        for split in (TRAIN, VALIDATION):
            rows = _shuffled(drawn, split, one)
            table = pack.as_table(rows, split, np.full(rows.count, part), stage)
            made.append(table.filter(pa.array(_joined(one, rows) == tails)))
        return pa.concat_tables(made)

    @phase.by("stage", "part", keys=part_keys, own=("packed",))
    def written(self, packed: pa.Table, stage: int, part: int) -> pa.Table:
        """What a part holds, per split and cell, as counted in its rows."""
        encoder = self.encoder()
        marks = [mark for mark in (encoder.end_of_text, encoder.begin_of_text) if mark is not None]
        return receipts.written(packed, part, np.array(marks, np.int32))

    @once
    def index(self, written: pa.Table) -> pa.Table:
        """Rows of each part and split, from which readers know the order of all rows without opening a file."""
        keys = schemas.INDEX.names[:3]
        sums = written.group_by(keys).aggregate([("rows", "sum")]).rename_columns(schemas.INDEX.names)
        return sums.sort_by([(name, "ascending") for name in keys]).cast(schemas.INDEX)

    @once
    def receipt(self, allocated: pa.Table, taken: pa.Table, written: pa.Table) -> pa.Table:
        """Planned, drawn and written tokens of each training stage, cell and split; but for what rows crop they are
        equal, or the run fails."""
        encoder = self.encoder()
        more = {"vocabulary": encoder.vocabulary, "end_of_text": encoder.end_of_text}
        return receipts.receipt(allocated, taken, written, self.training_stages, more)


def _shuffled(drawn: pa.Table, split: int, stage: TrainingStage) -> pack.Rows:
    """The documents of a split in their shuffled order, packed."""
    here = np.flatnonzero(pack.numbers(drawn["split"]) == split)
    position, source, order, row = (pack.numbers(drawn[c])[here] for c in ("position", "source", "order", "row"))
    walk = np.lexsort((source, position))  # equal ones stay in the order of their rows
    names = draw.names(*(values[walk] for values in (order, row, source, position)))
    sizes = pack.numbers(drawn["n"])
    flat = pack.of_bytes(drawn["tokens"], sizes)
    starts = (np.cumsum(sizes, dtype=np.int64) - sizes)[here][walk]
    tokens, offsets = draw.gather(flat, starts, sizes[here][walk])
    return _pack(stage, pack.whole(tokens, offsets, source[walk], names))


def _pack(stage: TrainingStage, stretches: pack.Stretches) -> pack.Rows:
    return pack.pack(stretches, stage.sequence_length, stage.packing, stage.crop)


def _joined(stage: TrainingStage, rows: pack.Rows) -> np.ndarray:
    """Which rows the last part packs anew, with those of other buckets: the emptiest, as many as fit its memory."""
    short = rows.length < stage.sequence_length
    if stage.packing == "concatenate":
        return short
    most = training.BUCKET_TOKENS // (stage.buckets * stage.sequence_length) if stage.packing == "best_fit" else 0
    emptiest = np.argsort(rows.length, kind="stable")[:most]
    return short & np.isin(np.arange(rows.count), emptiest)
