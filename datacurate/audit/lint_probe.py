"""A part of every source, sent through the recipe's filters in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from datacurate.core.errors import CurateError
from datacurate.core.paths import is_remote
from datacurate.core.recipe import Recipe, stage_reference
from datacurate.core.source import Source
from datacurate.core.stage import Filter, Stage
from datacurate.stages.filters.where import UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

LEAST = 200
PART = 0.01
"""The probe takes this share of a source's documents, evenly spread, and at least LEAST."""
SPAN = 64 << 20
PLACES = 16
"""Of larger sources about so many bytes are read: PLACES files, evenly spread, and of Parquet files as many row groups;
of other files the beginning, since only reading leads to the rest."""
MANY = 0.5
"""A rule that removes more than this share of a source's probe is named."""
NOTE = "note: "
"""Begins findings that are worth a look and need not be wrong."""


@dataclass
class Probe:
    """Documents of every source, on their way through the stages; `broken` ones are passed by."""

    recipe: Recipe
    broken: set[int] = field(default_factory=set)
    fired: dict[tuple[int, str], dict[str, int]] = field(default_factory=dict)
    """Documents that fail a rule (number of its stage, name), by source."""
    came: dict[int, dict[str, int]] = field(default_factory=dict)
    """Documents that reached a stage, by source."""
    failures: list[str] = field(default_factory=list)

    def findings(self) -> list[str]:
        """Rules that remove nothing, or too much of a source; stages that fail."""
        for name, source in self.recipe.sources.items():
            for docs in sample(name, source):
                self._send(name, docs)
        return list(dict.fromkeys(self.failures)) + [line for key in self.fired for line in self._judge(*key)]

    def _send(self, source: str, docs: pa.Table) -> None:
        """Send documents through the stages; those that compare documents with each other let all pass."""
        for number, stage in enumerate(self.recipe.stages):
            if not docs.num_rows:
                return
            if number in self.broken:
                continue
            try:
                docs = self._filter(number, stage, source, docs) if isinstance(stage, Filter) else _mapped(stage, docs)
            except Exception as error:
                stops = isinstance(error, CurateError | MemoryError) or not self._takes(stage, docs.slice(0, 0))
                then = "A run would stop there." if stops else "Documents that it fails on would be quarantined."
                self.failures.append(
                    f"{stage_reference(type(stage))}: fails on documents of source {source}: "
                    f"{type(error).__name__}: {str(error).rstrip('.')}. {then}"
                )
                return

    def _takes(self, stage: Stage, docs: pa.Table) -> bool:
        """Whether a stage can work on documents; where it cannot on none, a run does not look for those it fails on."""
        try:
            stage.decided(docs, stage.measured(docs)) if isinstance(stage, Filter) else _mapped(stage, docs)
        except Exception:
            return False
        return True

    def _filter(self, number: int, stage: Filter, source: str, docs: pa.Table) -> pa.Table:
        import numpy as np

        from datacurate.core.signals import masks

        measured = stage.measured(docs)
        reached = self.came.setdefault(number, {})
        reached[source] = reached.get(source, 0) + docs.num_rows
        for rule, mask in masks(stage, measured).items():
            counts = self.fired.setdefault((number, rule), {})
            counts[source] = counts.get(source, 0) + int((~np.asarray(mask, bool)).sum())
        return stage.decided(docs, measured).docs

    def _judge(self, number: int, rule: str) -> Iterator[str]:
        fired, came = self.fired[number, rule], self.came[number]
        name = f"{stage_reference(type(self.recipe.stages[number]))}: the rule '{rule}'"
        if not any(fired.values()) and not rule.startswith(UNKNOWN):
            count = sum(came.values())
            yield f"{NOTE}{name} removes none of the {count:,} documents probed. Does it do what it should?"
        for source, count in fired.items():
            if count > MANY * came[source]:
                yield (
                    f"{name} removes {count:,} of the {came[source]:,} documents probed of source {source} "
                    f"({count / came[source]:.0%}). Check its bounds."
                )


def _mapped(stage: Stage, docs: pa.Table) -> pa.Table:
    """What a stage of a single `@each` phase makes of the documents; other stages are passed by."""
    phases = stage.phases()
    if len(phases) != 1 or phases[0].grouping != "each" or phases[0].reads != ("docs",):
        return docs
    result = getattr(stage, phases[0].name)(docs)
    return getattr(result, "docs", result)


def sample(name: str, source: Source) -> list[pa.Table]:
    """Documents of a source, evenly spread over what is read of it: every document, every second, every fourth ..."""
    import numpy as np

    held: list[tuple[int, pa.Table]] = []
    step, seen, kept = 1, 0, 0
    for docs in _batches(name, source):
        first = -seen % step
        taken = docs.take(np.arange(first, docs.num_rows, step)) if step > 1 else docs
        held.append((seen + first, taken))
        seen, kept = seen + docs.num_rows, kept + taken.num_rows
        while kept > 2 * max(LEAST, PART * seen):
            held = [(at + (at // step % 2) * step, table.take(np.arange(at // step % 2, table.num_rows, 2)))
                    for at, table in held]  # fmt: skip
            step, kept = 2 * step, sum(table.num_rows for _, table in held)
    return [table.combine_chunks() for _, table in held if table.num_rows]


def _batches(name: str, source: Source) -> Iterator[pa.Table]:
    """The documents of a source, or of parts of it that are spread over its files."""
    from datacurate.core.dataset import Dataset

    folder = source.dataset()
    files = [shard.path for shard in Dataset.open(folder).shards] if folder else source.shards()
    whole = sum(file.stat().st_size for file in files) <= SPAN
    chosen = files if whole else _spread(files)
    for file in chosen:
        most = None if whole else SPAN // len(chosen)
        yield from (
            _parquet(file, name, source, most)
            if folder or (source.name() == "parquet" and not is_remote(file))
            else _read(file, name, source, most)
        )


def _spread(items: list) -> list:
    """At most PLACES of the items, the first and the last among them."""
    last = min(len(items), PLACES) - 1
    return [items[at * (len(items) - 1) // last] for at in range(last + 1)] if last > 0 else items


def _read(file: Path, name: str, source: Source, most: int | None) -> Iterator[pa.Table]:
    """The documents of a file, or its first bytes of text."""
    read = 0
    for part in source.read(file, name):
        yield part.docs
        read += part.docs.nbytes
        if most is not None and read > most:
            return


def _parquet(file: Path, name: str, source: Source, most: int | None) -> Iterator[pa.Table]:
    """The documents of a Parquet file, or the first of several row groups that are spread over it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datacurate.core.store import read_batches
    from datacurate.sources.parquet import Parquet

    groups = pq.ParquetFile(file).num_row_groups if most is not None else 1
    if most is None or groups == 1 or not (source.dataset() or isinstance(source, Parquet)):
        yield from read_batches(file) if source.dataset() else _read(file, name, source, most)
        return
    opened = pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
    chosen = _spread(list(range(groups)))
    for group in chosen:
        read = 0
        for batch in opened.iter_batches(1024, row_groups=[group]):
            table = pa.Table.from_batches([batch])
            yield table if source.dataset() else source._rows(table, 0, file, name).docs  # type: ignore[attr-defined]
            read += table.nbytes
            if read > most // len(chosen):
                break
