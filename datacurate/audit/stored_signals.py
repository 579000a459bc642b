"""Stored signals of a finished run: which filters have them, of which documents, and reading them in windows."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.core.errors import InputError
from datacurate.core.recipe import Recipe
from datacurate.core.stage import Filter, Map, Stage

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

WINDOW = 1 << 16
"""Documents that are looked at together: memory does not depend on the size of a shard."""
PLAIN = ["source", "_language"]
"""Columns with few values."""


@dataclass(frozen=True)
class Step:
    """A stage on the way whose decisions can be repeated: a filter, or a map, which keeps all documents."""

    done: FinishedStage
    now: Stage
    then: Stage
    row: int = 0
    """Number of its row of filters: neighbours that measured the same texts."""
    since: int = 0
    """The first step of the way at which the documents were the ones whose signals are stored."""

    @property
    def label(self) -> str:
        return self.done.label

    @property
    def is_filter(self) -> bool:
        return isinstance(self.now, Filter)


@dataclass(frozen=True)
class Way:
    """Neighbouring stages of a run, of which stored signals tell what they do with other thresholds."""

    run: Finished
    steps: tuple[Step, ...]
    stop: FinishedStage | None
    """The stage behind, whose doing depends on more than stored signals; None at the end of the documents' way."""
    stop_because: str = ""

    @property
    def behind(self) -> list[str]:
        """Labels of the stages that the way does not reach."""
        labels = [stage.label for stage in self.run.stages]
        return labels[labels.index(self.stop.label) :] if self.stop else []

    def until(self, step: Step, because: str) -> Way:
        """The same way, ended in front of one of its steps."""
        return replace(self, steps=self.steps[: self.steps.index(step)], stop=step.done, stop_because=because)


def pairs(run: Finished, recipe: Recipe, then: Recipe) -> list[tuple[FinishedStage, Stage, Stage]]:
    """The stages of a run with their options as they were and as they might be."""
    stages = recipe.all_stages()
    done = run.stages[len(run.stages) - len(stages) :]
    if [stage.name() for stage in stages] != [stage.name for stage in done]:
        raise InputError(f"{run.folder}: recipe.yaml does not name the stages of the run. Run the recipe again.")
    for stage, finished in zip(stages, done, strict=True):
        if type(stage).version != finished.manifest["version"]:
            raise InputError(
                f"{run.folder}: {finished.label} ran as version {finished.manifest['version']} and is now version "
                f"{type(stage).version}. Run the recipe again."
            )
    return list(zip(done, stages, then.all_stages(), strict=True))


def way(run: Finished, staged: list[tuple[FinishedStage, Stage, Stage]], first: int) -> Way:
    """The way from the row of filters that holds stage `first` as far as stored signals tell."""
    while first and isinstance(staged[first - 1][1], Filter) and not staged[first - 1][1].rewrites:
        first -= 1
    steps: list[Step] = []
    stop, because, row = None, "", 0
    for done, now, then in staged[first:]:
        if because := _ends(done, now):
            stop = done
            break
        if not isinstance(now, Filter) or (steps and steps[-1].now.rewrites):
            row += 1
        steps.append(Step(done, now, then, row, len(steps)))
    while steps and not steps[-1].is_filter:
        stop, because = steps.pop().done, "it works on documents, and what it made of them is not stored as signals"
    return Way(run, tuple(_covered(steps, at) for at in range(len(steps))), stop, because)


def _ends(done: FinishedStage, stage: Stage) -> str:
    """Why the way ends in front of a stage; nothing when stored signals tell what it does."""
    if stage.result != "documents":
        return "it is no filter"
    if isinstance(stage, Filter):
        if stage.rewrites and not sizes_known(stage):
            return "it changes texts by means of its own"
        return "" if done.phase("measured") else "its signals are not stored"
    one_by_one = isinstance(stage, Map) and [phase.reads for phase in stage.phases()] == [("docs",)]
    return "" if one_by_one else "what it does with a document may depend on others"


def sizes_known(stage: Stage) -> bool:
    """Whether stored signals tell by how many bytes a filter shortens texts."""
    from datacurate.stages.filters._editing import EditingFilter

    return isinstance(stage, EditingFilter) and (type(stage).handed is EditingFilter.handed or bool(stage.shrinks))


def _covered(steps: list[Step], at: int) -> Step:
    """The step with the point at which its documents were measured, known by how many they are."""
    step = steps[at]
    if not step.is_filter:
        return step
    _check_columns(step)
    rows = sum(rows_of(path) for path in parts(step.done).values())
    for since, other in enumerate(steps[: at + 1]):
        books = other.done.books
        if other.row == step.row and other.is_filter and books and books["in"]["documents"] == rows:
            return replace(step, since=since)
    raise InputError(
        f"the stored signals of {step.label} are of {rows:,} documents, and its ledger is of others. "
        "Run the recipe again."
    )


def _check_columns(step: Step) -> None:
    """InputError when the run did not store signals that the filter's rules compare or that it shortens texts by."""
    import pyarrow.parquet as pq

    stored = set(pq.read_schema(next(iter(parts(step.done).values()))).names)
    parameters = inspect.signature(step.now.rules).parameters.values()  # type: ignore[attr-defined]
    needed = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.default is p.empty]
    missing = [name for name in needed if name not in stored]
    does = "its rules compare"
    if not missing:
        missing = [name for name in getattr(step.now, "shrinks", ()) if name not in stored]
        does = "it shortens texts by"
    if missing:
        raise InputError(
            f"{step.label}: {does} {', '.join(missing)}, which the run has not stored: the stage has "
            "changed since. Run the recipe again with an empty store."
        )


def parts(done: FinishedStage) -> dict[str, Path]:
    """Stored signals by shard; InputError when some are gone."""
    found = done.phase("measured")
    missing = [shard for shard in done.ledgers if shard not in found or not found[shard].exists()]
    if missing:
        raise InputError(
            f"{done.label}: the signals of {len(missing)} of {len(done.ledgers)} shards are not in the store any more "
            f"(the first is {missing[0]}). Run the recipe again: it measures what is missing."
        )
    return {shard: found[shard] for shard in done.ledgers}


def rows_of(path: Path) -> int:
    """How many documents a part holds."""
    import pyarrow.parquet as pq

    return pq.read_metadata(path).num_rows


class Part:
    """One shard's signals of one filter, handed out in windows; only the named columns are read (None for all)."""

    def __init__(self, path: Path, columns: list[str] | None):
        import pyarrow.parquet as pq

        metadata = pq.read_metadata(path)
        there = list(metadata.schema.to_arrow_schema().names)
        plain = [name for name in PLAIN if name in there]
        self.file = pq.ParquetFile(path, metadata=metadata, read_dictionary=plain)
        self.columns = there if columns is None else [name for name in columns if name in there]
        self.rows, self.group = self.file.metadata.num_rows, 0
        self.held: list[pa.Table] = []

    def next(self, count: int) -> pa.Table:
        """The next `count` rows, one chunk per column."""
        import pyarrow as pa

        while sum(table.num_rows for table in self.held) < count:
            if self.group >= self.file.num_row_groups:
                raise AssertionError("stored signals end too early")
            self.held.append(self.file.read_row_group(self.group, columns=self.columns))
            self.group += 1
        if not self.held:
            self.held = [self.file.schema_arrow.empty_table().select(self.columns)]
        table = pa.concat_tables(self.held)
        self.held = [table.slice(count)] if count < table.num_rows else []
        return table.slice(0, count).combine_chunks()

    def close(self) -> None:
        self.file.close()


def codes(column: Any, names: dict[Any, int]) -> np.ndarray:
    """A column of words as numbers; `names` grows by the words that are new."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks() if column.num_chunks else pa.array([], column.type)
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    nothing = names.setdefault(None, len(names)) if column.null_count else 0
    own = np.array([names.setdefault(word, len(names)) for word in column.dictionary.to_pylist()] or [0], np.int64)
    at = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(at < 0, nothing, own[at])
