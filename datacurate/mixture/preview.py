"""What a mixture would draw, before anything is done: from tokens that earlier stages or runs have counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.dataset import Dataset
from datacurate.core.identity import file_digest
from datacurate.core.plan import Plan
from datacurate.core.run import by_source
from datacurate.core.stage import one_array
from datacurate.core.store import read_batches, read_parts
from datacurate.mixture import draw, schedule
from datacurate.mixture.groups import Tokens
from datacurate.mixture.mixture import Mixture
from datacurate.mixture.shares import TRAIN, shares
from datacurate.mixture.tokenizer_options import FIELDS

Row = dict[str, Any]
COUNTERS = ("tokenize", "count_tokens")
UNKNOWN = (
    "Put the stage count_tokens in front of the mixture and run it, or mix once: both count the tokens, and from then "
    "on other weights and budgets are planned in seconds."
)


@dataclass(frozen=True)
class Preview:
    """Training tokens by training stage and cell, and where the counts come from."""

    rows: list[Row]
    counts: str
    exact: bool


def preview(plan: Plan) -> Preview | None:
    """What the mixture of a plan would draw; None when its tokens have not been counted.

    Raises the RecipeError that the run would end in when the budget cannot be met.
    """
    at = next((i for i, s in enumerate(plan.stages) if isinstance(s.stage, Mixture)), None)
    if at is None:
        return None
    planned = plan.stages[at]
    mixture = planned.stage
    assert isinstance(mixture, Mixture)
    counted, summed = (planned.phases[name].paths for name in ("counted", "summed"))
    if all(Path(path).exists() for path in (*counted, *summed)):
        tables = _Tables(counted)
        return Preview(_exact(mixture, read_parts(summed), tables), "as this mixture counted them before", True)
    before = _before(plan, at)
    if before is None or not _same_tokenizer(mixture, before):
        return None
    if _by_source_alone(mixture):
        return Preview(_from_totals(mixture, before.tokens), f"as counted in {before.name}", False)
    if not all(Path(path).exists() for path in before.documents):  # ledgers are kept of stages whose documents are not
        return None
    documents = _Columns(mixture, before.documents)
    sums = pa.concat_tables([schedule.summed(table) for table in documents])
    return Preview(_exact(mixture, sums, documents), f"as the column tokens of {before.name} says", True)


# Where counts come from


@dataclass(frozen=True)
class Before:
    """The stage or datasets in front of the mixture."""

    name: str
    tokens: Tokens
    """By source."""
    documents: tuple[str, ...]
    tokenizers: list[dict[str, Any]]
    """The options of those that counted."""


def _before(plan: Plan, at: int) -> Before | None:
    stages = [s for s in plan.stages[:at] if s.ledgers]
    if stages:
        last = stages[-1]
        if not last.finished():
            return None
        counters = [s.fields for s in stages if s.name in COUNTERS]
        return _named(last.folder, [by_source(last.ledgers)], last.documents, counters)
    datasets = [Dataset.open(folder) for s in plan.recipe.sources.values() if (folder := s.dataset())]
    if len(datasets) < len(plan.recipe.sources):
        return None
    counters = [d.manifest["fields"] for d in datasets if d.manifest["stage"] in COUNTERS]
    paths = tuple(str(shard.path) for d in datasets for shard in d.shards)
    return _named("the datasets", [d.manifest.get("sources", {}) for d in datasets], paths, counters)


def _named(
    name: str, books: list[dict[str, Any]], documents: tuple[str, ...], tokenizers: list[dict[str, Any]]
) -> Before | None:
    """None when a source's tokens were not counted."""
    tokens: Tokens = {}
    for own in books:
        for source, one in own.items():
            if "tokens" not in one["out"] and one["out"]["documents"]:
                return None
            tokens[source] = tokens.get(source, 0) + one["out"].get("tokens", 0)
    return Before(name, tokens, documents, tokenizers) if tokens else None


def _same_tokenizer(mixture: Mixture, before: Before) -> bool:
    own = mixture.changed_fields()
    if digests := [file_digest(path) for path in mixture.files()]:
        own["files"] = digests  # a local file's name does not say which tokenizer it is
    names = (*FIELDS, "files")
    wanted = {name: own[name] for name in names if name in own}
    return bool(before.tokenizers) and all(
        {name: fields[name] for name in names if name in fields} == wanted for fields in before.tokenizers
    )


def _by_source_alone(mixture: Mixture) -> bool:
    """Whether tokens by source are all that planning needs."""
    return mixture.by == ("source",) and all(not s.where and s.short_share == 1 for s in mixture.training_stages)


# From tokens by source


@dataclass
class _Totals:
    """Tokens by source where planning has rings: held-out documents are taken to have their share of them."""

    whole: Tokens
    held: Tokens
    drawn: Tokens

    def tokens(self, split: int, stage: int, fresh: bool = False) -> Tokens:
        if split != TRAIN:
            return self.held
        return {n: max(0, t - self.drawn[n]) if fresh else t for n, t in self.whole.items()}

    def used(self, stage: int) -> Tokens:
        return self.drawn


def _from_totals(mixture: Mixture, tokens: Tokens) -> list[Row]:
    held = {name: round(n * mixture.validation) for name, n in sorted(tokens.items())}
    whole = {name: tokens[name] - n for name, n in held.items()}
    totals = _Totals(whole, held, dict.fromkeys(held, 0))
    rows = []
    for number, stage in enumerate(mixture.training_stages):
        planned = shares(totals, stage, number)
        totals.drawn = {name: totals.drawn[name] + n for name, n in planned.items()}
        for name, n in planned.items():
            rows.append(_row(stage.name, name, n, whole[name], totals.drawn[name]))
    return rows


def _row(stage: str, cell: str, planned: int, available: int, so_far: int) -> Row:
    epochs = [n / available if available else 0.0 for n in (planned, so_far)]
    return {
        "stage": stage, "cell": cell, "planned_tokens": planned, "available_tokens": available,
        "epochs": epochs[0], "epochs_so_far": epochs[1],
    }  # fmt: skip


# From what is known of each document


def _exact(mixture: Mixture, summed: pa.Table, counted: Iterable[pa.Table]) -> list[Row]:
    rows = mixture.allocated(summed, counted).to_pylist()
    return [
        _row(r["stage_name"], r["source"], n := r["planned_tokens"], r["available_tokens"], n + r["earlier_tokens"])
        for r in rows
        if r["split"] == TRAIN
    ]


@dataclass(frozen=True)
class _Tables:
    """The tables of some files, read anew each time."""

    paths: tuple[str, ...]

    def __iter__(self) -> Iterator[pa.Table]:
        for path in self.paths:
            yield read_parts([path])


@dataclass(frozen=True)
class _Columns:
    """What planning needs of documents whose tokens stand beside them, as the mixture's phases would make it."""

    mixture: Mixture
    paths: tuple[str, ...]

    def __iter__(self) -> Iterator[pa.Table]:
        for path in self.paths:
            start = 0
            for batch in read_batches(path):
                yield self._counted(batch, start)
                start += batch.num_rows

    def _counted(self, docs: pa.Table, start: int) -> pa.Table:
        own, ids = self.mixture, docs["id"].to_pylist()
        columns = {
            "order": draw.hashes(ids, f"order {own.seed}"),
            "row": np.arange(start, start + docs.num_rows, dtype=np.uint64),
            "split": draw.held_out(ids, own.validation).astype(np.int8),
            "n": np.asarray(one_array(docs["tokens"]), np.int64),
        }
        return own.counted(pa.table(columns), own.celled(docs))
