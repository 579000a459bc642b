"""Predicts what a run will need: runs a sample of the documents in a temporary store, and extrapolates."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from datacurate.audit.probe_fit import growth
from datacurate.audit.probe_measure import Measured, Peak, content, overhead, shrinks, uncompressed
from datacurate.audit.probe_sample import COUNTS, Count, Sampled
from datacurate.core.errors import InputError
from datacurate.core.paths import size_of
from datacurate.core.plan import Plan, plan
from datacurate.core.recipe import Recipe
from datacurate.core.store import GROUP_BYTES
from datacurate.core.task import EachTask, Input, TableTask, Task

SHARE = 0.01
"""Share of the documents that are run."""
ENOUGH = 2_000
"""Documents that a sample has at least, if there are as many: of fewer, single long documents decide. Where SHARE gives
fewer, a second sample is drawn; that is cheap, since the input is small."""
PER_BYTE = 5.0
"""Bytes of memory per byte that a `@by` or `@once` task reads, where the sample is too small to tell."""
WRITER = 5
"""Bytes of memory per byte of documents that a writer holds, up to a row group: held, joined, encoded, compressed, and
the batches that it was given. Fitted: 3 predicted up to 19 % too little for documents of 190 bytes and of 6.5 KB."""
TOLD = 16 << 20
"""Bytes that a task of the sample must read to tell it."""


@dataclass
class Made:
    """What the tasks of one kind make: files of a folder of the store."""

    label: str
    parts: int = 0
    content: int = 0
    """Bytes without what a file takes that is empty."""
    overhead: int = 0
    by_shard: dict[str, int] = field(default_factory=dict)
    each: bool = False
    by: tuple[str, ...] = ()
    """Columns that the parts are laid out by."""
    paths: list[str] = field(default_factory=list)
    """Parts of the sample."""
    parents: set[str] = field(default_factory=set)
    wanted: int = 0
    """Parts of the full run."""
    growth: float = 1.0

    @property
    def disk(self) -> int:
        """Bytes in the full run."""
        empty = self.overhead / self.parts if self.parts else 0
        return round(self.content * self.growth + empty * self.wanted)


@dataclass
class Need:
    """Memory of the tasks of one kind."""

    label: str
    tasks: int = 0
    measured: int = 0
    """The highest peak in the sample."""
    predicted: int = 0
    assumed: bool = False
    """Whether PER_BYTE stands for what the sample is too small to tell."""


@dataclass
class Forecast:
    """What a full run is expected to need."""

    share: float
    count: Count
    made: dict[str, Made]
    needs: dict[str, Need]
    base: int
    """Memory of a worker that has loaded everything."""

    @property
    def disk(self) -> int:
        """Bytes of the store after a full run."""
        return sum(made.disk for made in self.made.values())

    @property
    def memory(self) -> int:
        """The highest peak of one task."""
        return max((need.predicted for need in self.needs.values()), default=0)


def probe(recipe: Recipe, store: str | Path, share: float = SHARE) -> Forecast:
    """Run a sample of a recipe's documents through its stages, one task at a time in this process, and extrapolate.

    All files are read once, to draw the sample such that duplicates stay together and to count documents and bytes.
    Mixture and training are left out. The temporary store is removed.
    """
    if not 0 < share <= 1:
        raise InputError(f"--share {share:g}: give a share of the documents above 0 and at most 1, such as 0.01.")
    recipe = recipe.model_copy(update={"mixture": None, "training": None})
    full = plan(recipe, store)
    for stage in recipe.stages:
        stage.warm()
    peak = Peak()
    found = _run(recipe, full, share, peak)
    while found.count.sampled < ENOUGH and found.share < 1:
        found = _run(recipe, full, min(1.0, 1.2 * found.share * ENOUGH / max(found.count.sampled, 20)), peak)
    if not found.count.documents:
        raise InputError("there are no documents to probe.")
    return found


def _run(recipe: Recipe, full: Plan, share: float, peak: Peak) -> Forecast:
    COUNTS.clear()
    with tempfile.TemporaryDirectory(prefix="curate-probe-") as folder:
        small = plan(_sampled(recipe, share), f"{folder}/store")
        forecast = Forecast(share, Count(), {}, {}, peak.base)
        reading = _reading(full, peak)
        measured = [(task, peak.of(task)) for barrier in small.barriers for task in barrier.tasks]
        counts = _by_shard(small)
        forecast.count = _total(counts)
        _disk(forecast, small, full, counts, Path(folder))
        _memory(forecast, measured, reading)
    return forecast


def _reading(full: Plan, peak: Peak) -> int:
    """What reading the largest file takes: in the sample, documents are read from files first, then from small ones."""
    heads = [task.head for task in full.tasks if isinstance(task, EachTask) and isinstance(task.head, Input)]
    if not heads:
        return 0
    largest = max(heads, key=lambda head: size_of(head.path))
    return peak.of_reading(largest.source, largest.path)


def _sampled(recipe: Recipe, share: float) -> Recipe:
    """The same recipe over a sample, which may lose any share of a source."""
    sources = {name: Sampled.over(source, share) for name, source in recipe.sources.items()}
    free = {"max_loss": None}
    stages = [s.model_copy(update={n: v for n, v in free.items() if hasattr(s, n)}) for s in recipe.stages]
    return recipe.model_copy(update={"sources": sources, "stages": stages})


def _by_shard(small: Plan) -> dict[str, Count]:
    tasks = [task for task in small.tasks if isinstance(task, EachTask)]
    paths = {task.shard: task.head.path for task in tasks if isinstance(task.head, Input)}
    return {shard: COUNTS[path] for shard, path in paths.items() if path in COUNTS}


def _total(counts: dict[str, Count]) -> Count:
    whole = Count()
    for count in counts.values():
        for name in vars(whole):
            setattr(whole, name, getattr(whole, name) + getattr(count, name))
    return whole


def label_of(path: str) -> str:
    """What a file of the store is: `stage` or `stage.phase`, or `stage, ledger`."""
    folder = Path(path).parent.name
    name = folder.rpartition("-")[0] or folder
    return f"{name}, ledger" if path.endswith(".ledger.parquet") else name


def _disk(forecast: Forecast, small: Plan, full: Plan, counts: dict[str, Count], folder: Path) -> None:
    """Sizes of all files of the sample, and how much larger those of the full run will be."""
    made = forecast.made
    for task in full.tasks:
        for out in task.outputs:
            one = made.setdefault(label_of(out), Made(label_of(out)))
            one.wanted += 1
    for task in small.tasks:
        for out in task.outputs:
            if label_of(out) in made:
                _add(made[label_of(out)], out, task)
    for one in made.values():
        if one.each:
            one.growth = growth(one.by_shard, counts) * shrinks(one.paths, one.by, folder)
        elif one.parents:
            parents = [made[name] for name in one.parents if name in made]
            weights = [max(parent.content, 1) for parent in parents]
            grown = sum(parent.growth * weight for parent, weight in zip(parents, weights, strict=True))
            one.growth = grown / sum(weights) if parents else 1.0


def _add(made: Made, out: str, task: Task) -> None:
    empty = overhead(out)
    size = content(out)
    made.parts += 1
    made.overhead += empty
    made.content += size
    if isinstance(task, EachTask):
        made.each = True
        made.by = next((step.by for step in task.steps if step.out == out), ())
        made.paths.append(out)
        made.by_shard[task.shard] = made.by_shard.get(task.shard, 0) + size
    else:
        made.parents |= {label_of(paths[0]) for paths in task.tables.values() if paths}


def _memory(forecast: Forecast, measured: list[tuple[Task, Measured]], reading: int) -> None:
    """The highest peak of the tasks of every kind, with what grows grown."""
    for task, (peak, before) in measured:
        name = label_of(task.outputs[-1]) if isinstance(task, TableTask) else _steps(task)
        need = forecast.needs.setdefault(name, Need(name))
        need.tasks += 1
        need.measured = max(need.measured, peak)
        held = _held(task)
        more = sum(size * (_growth(forecast, path) - 1) for path, size in held.items())
        if isinstance(task, EachTask):
            # what the sample stores is as large as what the run reads only if the sample is everything
            again = round(reading * (1 - forecast.share)) if isinstance(task.head, str) else 0
            need.predicted = max(need.predicted, round(peak + again + more + WRITER * _written(forecast, task)))
            continue
        small = sum(held.values()) < TOLD
        per_byte = PER_BYTE if small else max((peak - before) / sum(held.values()), 1.0)
        need.assumed |= small
        need.predicted = max(need.predicted, peak, round(before + per_byte * (sum(held.values()) + more)))


def _steps(task: EachTask) -> str:
    """The stages and phases of a task over a shard."""
    phases: dict[str, list[str]] = {}
    for step in task.steps:
        phases.setdefault(step.stage.name(), []).append(step.phase.name)
    return " + ".join(f"{stage}: {', '.join(names)}" for stage, names in phases.items())


def _written(forecast: Forecast, task: EachTask) -> float:
    """How much more of the documents it stores a task will hold than in the sample: at most a row group."""
    stored = {path: uncompressed(path) for path in (step.docs for step in task.steps) if path}
    return sum(
        min(GROUP_BYTES, size * _growth(forecast, path)) - min(GROUP_BYTES, size) for path, size in stored.items()
    )


def _growth(forecast: Forecast, path: str) -> float:
    made = forecast.made.get(label_of(path))
    return made.growth if made is not None else 1.0


def _held(task: Task) -> dict[str, int]:
    """Files that a task holds wholly in memory, and their bytes there: tables it reads, and keyed parts it writes."""
    if isinstance(task, EachTask):
        whole = {path: uncompressed(path) for s in task.steps for n, p in s.tables.items() for path in p
                 if n not in s.shardwise}  # fmt: skip
        return whole | {step.out: uncompressed(step.out) for step in task.steps if step.by}
    found: dict[str, int] = {}
    for name, paths in task.tables.items():
        if name not in task.phase.streams:
            found |= {path: uncompressed(path, task.key if name in task.keyed else None) for path in paths}
    return found
