"""The stage that turns documents into a training set of an exact number of tokens."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from datacurate.core.errors import LedgerError
from datacurate.core.phase import Size, by, each, once
from datacurate.core.stage import Stage, one_array
from datacurate.core.types import Amount, Count, Fraction, Positive
from datacurate.mixture import allocate, draw, pack, pieces, tokenizer_options
from datacurate.mixture.groups import Limit

TRAIN, VALIDATION = 0, 1

COUNTED = pa.schema(
    {"source": pa.string(), "order": pa.uint64(), "row": pa.uint64(), "split": pa.int8(), "n": pa.int64()}
)
TOKENIZED = COUNTED.append(pa.field("tokens", pa.list_(pa.int32())))
ALLOCATED = pa.schema(
    {
        "index": pa.int32(),
        "source": pa.string(),
        "split": pa.int8(),
        "weight": pa.float64(),
        "available_tokens": pa.int64(),
        "documents": pa.int64(),
        "empty": pa.int64(),
        "planned_tokens": pa.int64(),
        "whole_epochs": pa.int64(),
        "cut_order": pa.uint64(),
        "cut_row": pa.uint64(),
        "cut_tokens": pa.int64(),
    }
)
DRAWN = pa.schema(
    {
        "stage": pa.int32(),
        "bucket": pa.int32(),
        "position": pa.uint64(),
        "source": pa.int32(),
        "split": pa.int8(),
        "order": pa.uint64(),
        "tokens": pa.list_(pa.int32()),
    }
)
CUT = ("whole_epochs", "cut_order", "cut_row", "cut_tokens")
WRITTEN = pa.schema(
    {
        "part": pa.int32(),
        "stage": pa.int32(),
        "split": pa.int8(),
        "source": pa.int32(),
        "tokens": pa.int64(),
        "cropped": pa.int64(),
        "padded": pa.int64(),
        "rows": pa.int64(),
    }
)
INDEX = pa.schema({"stage": pa.int32(), "part": pa.int32(), "split": pa.int8(), "rows": pa.int64()})
RECEIPT = pa.schema(
    {
        "index": pa.int32(),
        "source": pa.string(),
        "split": pa.int8(),
        "weight": pa.float64(),
        "planned_tokens": pa.int64(),
        "written_tokens": pa.int64(),
        "cropped_tokens": pa.int64(),
        "padded_tokens": pa.int64(),
        "available_tokens": pa.int64(),
        "documents": pa.int64(),
        "empty": pa.int64(),
        "epochs": pa.float64(),
        "vocabulary": pa.int32(),
        "end_of_text": pa.int32(),
    }
)


def bucket_keys(stage: Mixture, size: Size) -> list[tuple[int, int]]:
    """One key per training stage and bucket of its shuffle."""
    return [(0, b) for b in range(stage.buckets)]


def part_keys(stage: Mixture, size: Size) -> list[tuple[int, int]]:
    """One key per training stage and bucket, and one for what is left over at the ends of a stage's buckets."""
    return [(0, b) for b in range(stage.buckets + 1)]


class Mixture(tokenizer_options.TokenizerOptions, Stage):
    """Packed sequences of exactly `tokens` training tokens, drawn from the sources by weight.

    Every source gives its share in a shuffled order that depends on the seed and the ids alone; when that
    is more than it has, it is passed over again, at most `max_epochs` times. Each document is closed by the
    end-of-text token; documents are packed into rows of one length. Nothing is cropped unless `long_documents` says so.
    The receipt proves the budget to the token.
    Repetition cap: Muennighoff et al. 2023; even shares with caps: UniMax (Chung et al. 2023); best-fit packing: Ding
    et al. 2024.
    """

    version = 3
    result = "sequences"
    needs = ("id", "text", "source")
    handed_on: ClassVar[str] = "packed"
    """The phase whose rows the stage hands on."""
    bucket_tokens: ClassVar[int] = 2**24
    """Tokens that one shuffle task holds in memory, about."""

    tokens: Positive
    """Training tokens to write, end-of-text tokens included."""
    weights: dict[str, Amount] | None = None
    """Share of the budget per source, in any unit; unset, sources share as `strategy` says.

    A pattern (`wiki_*`) gives its share to all sources that it fits together, but for those that are named themselves.
    """
    strategy: Literal["tokens", "unimax"] = "tokens"
    """How sources share that no weight tells apart: by tokens, or evenly as far as `max_epochs` allows (UniMax)."""
    temperature: Annotated[float, Field(ge=0.01, allow_inf_nan=False)] = 1.0
    """Shares by tokens go by their power of 1 / `temperature`: 1 is in proportion, more favours small sources."""
    limits: dict[str, Limit] = {}
    """Bounds per source or pattern: `at_least` and `at_most` in tokens, `min_share`, `max_share`, `max_epochs`."""
    max_epochs: Amount = 4.0
    """How often a source may be passed over; up to 4 epochs are nearly as good as fresh text."""
    on_shortfall: Literal["error", "rescale"] = "error"
    """When a source has too little for its share: stop, or let the other sources fill in, in proportion."""
    sequence_length: Positive = 512
    """Tokens per packed row."""
    packing: Literal["concatenate", "best_fit", "document"] = "concatenate"
    """Documents end to end, cut where a row ends; or few of them cut and rows padded; or rows of one document each."""
    long_documents: Literal["split", "crop"] = "split"
    """With `document`: what does not fit into a row goes into more rows, or is left out and counted."""
    validation: Fraction = 0.02
    """Share of each source's documents, by hash of the id, that is held out and never trained on.

    Of these, as many tokens are written as the share of the budget comes to.
    """
    seed: Count = 0
    """Chooses which documents are drawn first, and the order of all."""

    @model_validator(mode="after")
    def _some_weight(self) -> Mixture:
        if self.weights and not any(self.weights.values()):
            raise ValueError("all weights are 0. Give at least one source a weight above 0")
        if self.strategy == "unimax" and self.temperature != 1:
            raise ValueError("strategy unimax makes shares even, so temperature has no meaning. Leave one of them out")
        if self.long_documents == "crop" and self.packing != "document":
            raise ValueError(
                f"packing {self.packing} crops nothing. Set packing to document, or leave long_documents out"
            )
        return self

    @property
    def buckets(self) -> int:
        """Number of shuffle tasks: a power of two, from the budget alone."""
        return min(4096, max(4, 1 << (self.tokens // self.bucket_tokens).bit_length()))

    def warm(self) -> None:
        """Load the tokenizer and compile the kernels."""
        super().warm()
        pack.pack(pack.whole(np.zeros(1, np.int32), np.array([0, 1]), np.zeros(1, np.int32)), 1, "best_fit")

    @each(uses=(*tokenizer_options.FIELDS, "validation", "seed"))
    def tokenized(self, docs: pa.Table, rows: Any) -> pa.Table:
        """Token ids of every document; `order` is its place in the source's shuffle, `n` its tokens."""
        ids = docs["id"].to_pylist()
        flat, offsets = pieces.of_documents(self.encoder(), docs)
        columns = {
            "source": one_array(docs["source"]).cast(pa.string()),
            "order": draw.hashes(ids, f"order {self.seed}"),
            "row": np.asarray(rows, np.uint64),
            "split": draw.held_out(ids, self.validation).astype(np.int8),
            "n": np.diff(offsets),
            "tokens": pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(flat)),
        }
        return pa.table(columns, schema=TOKENIZED)

    @each(uses=())
    def counted(self, tokenized: pa.Table) -> pa.Table:
        """The same without the tokens."""
        return tokenized.select(COUNTED.names)

    @once
    def allocated(self, counted: pa.Table) -> pa.Table:
        """Per source and split: tokens there are, tokens to draw, and where the last pass over them stops."""
        names = sorted(counted["source"].unique().to_pylist())
        at = one_array(pc.index_in(counted["source"], pa.array(names, pa.string())))
        order, row, split, n = (pack.numbers(counted[c]) for c in ("order", "row", "split", "n"))
        group = np.asarray(at, np.int64) * 2 + split
        available = np.bincount(group, n, 2 * len(names)).astype(np.int64)
        planned = self._plan(names, available)
        rows = []
        for g in range(2 * len(names)):
            here = group == g
            cut = allocate.cut(planned[g], order[here], row[here], n[here])
            weight = planned[g] / max(1, sum(planned[g % 2 :: 2]))
            sizes = (int(available[g]), int(here.sum()), int((n[here] == 0).sum()), planned[g])
            last = (cut.whole_epochs, cut.order, cut.row, cut.tokens)
            rows.append((g // 2, names[g // 2], g % 2, weight, *sizes, *last))
        return table_of(rows, ALLOCATED)

    def _plan(self, names: list[str], available: np.ndarray) -> list[int]:
        """Tokens to draw, training and validation of each source in turn."""
        have = {name: int(n) for name, n in zip(names, available[TRAIN::2], strict=True)}
        held = {name: int(n) for name, n in zip(names, available[VALIDATION::2], strict=True)}
        even = self.strategy == "unimax"
        policy = "rescale" if even and not self.weights else self.on_shortfall
        temperature = float("inf") if even else self.temperature
        train = allocate.plan(self.tokens, self.weights, have, self.max_epochs, policy, self.limits, temperature)
        validation = allocate.validation_plan(train, held, self.validation)
        return [n for name in names for n in (train[name], validation[name])]

    @each
    def drawn(self, tokenized: pa.Table, allocated: pa.Table) -> pa.Table:
        """One row per drawn copy of a document, with its place in the shuffled order."""
        # Blocks bound the memory: a block with 4 epochs of long documents is a few hundred MB.
        blocks = [pa.Table.from_batches([b]) for b in tokenized.to_batches(max_chunksize=4096)]
        made = [self._draw(block, plan) for block in blocks for plan in allocated.to_pylist()]
        return pa.concat_tables([DRAWN.empty_table(), *made])

    def _draw(self, block: pa.Table, plan: dict[str, Any]) -> pa.Table:
        """The copies drawn from a block of one source and split."""
        mine = pc.and_(pc.equal(block["source"], plan["source"]), pc.equal(block["split"], plan["split"]))
        here = np.flatnonzero(one_array(mine).to_numpy(zero_copy_only=False))
        order, row, n = (pack.numbers(block[c])[here] for c in ("order", "row", "n"))
        index, epoch, taken = draw.copies(order, row, n, allocate.Cut(*(plan[c] for c in CUT)))
        flat, sizes = pack.lists(block["tokens"])
        ends = np.cumsum(sizes, dtype=np.int64)[here][index]
        tokens, offsets = draw.gather(flat, ends - n[index], taken)
        # A document that the budget cuts short still ends with the end-of-text token.
        tokens[offsets[1:] - 1] = flat[ends - 1]
        position = draw.positions(order[index], epoch, self.seed)
        columns = {
            "stage": np.zeros(len(index), np.int32),
            "bucket": draw.bucket_of(position, self.buckets),
            "position": position,
            "source": np.full(len(index), plan["index"], np.int32),
            "split": np.full(len(index), plan["split"], np.int8),
            "order": order[index],
            "tokens": pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(tokens)),
        }
        return pa.table(columns, schema=DRAWN)

    @by("stage", "bucket", keys=bucket_keys)
    def shuffled(self, drawn: pa.Table, stage: int, bucket: int) -> pa.Table:
        """A bucket's documents, shuffled, as rows; the last part joins those that are far from full."""
        made = [self._shuffle(drawn, split, stage, bucket) for split in (TRAIN, VALIDATION)]
        return pa.concat_tables(made)

    def _shuffle(self, drawn: pa.Table, split: int, stage: int, bucket: int) -> pa.Table:
        here = np.flatnonzero(pack.numbers(drawn["split"]) == split)
        position, source, order = (pack.numbers(drawn[c])[here] for c in ("position", "source", "order"))
        walk = np.lexsort((source, position))
        flat, sizes = pack.lists(drawn["tokens"])
        starts = (np.cumsum(sizes, dtype=np.int64) - sizes)[here][walk]
        tokens, offsets = draw.gather(flat, starts, sizes[here][walk])
        rows = self._pack(pack.whole(tokens, offsets, source[walk], order[walk]))
        table = pack.as_table(rows, split, np.where(self._joined(rows), self.buckets, bucket), stage)
        return table.append_column("bucket", pa.array(np.full(rows.count, bucket, np.int32)))

    def _pack(self, stretches: pack.Stretches) -> pack.Rows:
        return pack.pack(stretches, self.sequence_length, self.packing, self.long_documents == "crop")

    def _joined(self, rows: pack.Rows) -> np.ndarray:
        """Which rows the last part packs anew, with those of other buckets: the emptiest, as many as fit its memory."""
        short = rows.length < self.sequence_length
        if self.packing == "concatenate":
            return short
        most = self.bucket_tokens // (self.buckets * self.sequence_length) if self.packing == "best_fit" else 0
        emptiest = np.argsort(rows.length, kind="stable")[:most]
        return short & np.isin(np.arange(rows.count), emptiest)

    @by("stage", "part", keys=part_keys)
    def packed(self, shuffled: pa.Table, stage: int, part: int) -> pa.Table:
        """The rows of a bucket; the last part joins rows that are not full."""
        columns = pack.packed_schema(self.sequence_length).names
        if part < self.buckets:
            return shuffled.select(columns)
        table = shuffled.sort_by("bucket").select(columns)
        split = pack.numbers(table["split"])
        return pa.concat_tables([self._join(table.filter(pa.array(split == s)), s, stage) for s in (TRAIN, VALIDATION)])

    def _join(self, short: pa.Table, split: int, stage: int) -> pa.Table:
        rows = self._pack(pack.unpack(short))
        return pack.as_table(rows, split, np.full(rows.count, self.buckets), stage)

    @by("stage", "part", keys=part_keys)
    def written(self, packed: pa.Table, stage: int, part: int) -> pa.Table:
        """What a part holds, per split and source, as counted in its rows."""
        found = pack.counts(packed)
        columns = [
            np.full(len(found.tokens), part, np.int32),
            np.full(len(found.tokens), stage, np.int32),
            found.split.astype(np.int8),
            found.source.astype(np.int32),
            found.tokens,
            found.cropped,
            found.padded,
            found.rows,
        ]
        return pa.table([pa.array(c) for c in columns], schema=WRITTEN)

    @once
    def index(self, written: pa.Table) -> pa.Table:
        """Rows of each part and split, from which readers know the order of all rows without opening a file."""
        sums = written.group_by(INDEX.names[:3]).aggregate([("rows", "sum")]).rename_columns(INDEX.names)
        return sums.sort_by([(name, "ascending") for name in INDEX.names[:3]]).cast(INDEX)

    @once
    def receipt(self, allocated: pa.Table, written: pa.Table) -> pa.Table:
        """Planned beside written tokens of each source and split; but for what rows crop they are equal, or the run
        fails."""
        group = pack.numbers(written["source"]).astype(np.int64) * 2 + pack.numbers(written["split"])
        rows = allocated.to_pylist()
        for name, column in (("written_tokens", "tokens"), ("cropped_tokens", "cropped"), ("padded_tokens", "padded")):
            found = np.zeros(allocated.num_rows, np.int64)
            np.add.at(found, group, pack.numbers(written[column]))
            for r, n in zip(rows, found.tolist(), strict=True):
                r[name] = n
        if off := [r for r in rows if r["written_tokens"] + r["cropped_tokens"] != r["planned_tokens"]]:
            told = [f"{r['source']}: planned {r['planned_tokens']:,}, wrote {r['written_tokens']:,}" for r in off]
            raise LedgerError(f"mixture: tokens do not balance ({'; '.join(told)}). Please report this as a bug.")
        encoder = self.encoder()
        for r in rows:
            r |= {"vocabulary": encoder.vocabulary, "end_of_text": encoder.end_of_text}
            r["epochs"] = r["written_tokens"] / r["available_tokens"] if r["available_tokens"] else 0.0
        return pa.Table.from_pylist(rows, schema=RECEIPT)


def table_of(rows: list[tuple], schema: pa.Schema) -> pa.Table:
    """A table from rows in the schema's column order."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
