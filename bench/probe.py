"""How far `curate plan --probe` is off: what it predicts of disk and memory, beside what whole runs need.

`python bench/probe.py [--corpora pages,questions] [--stages exact,minhash,lines,substring] [--workers 1,2]` builds the
corpora of `bench/probe_corpus.py` under build/bench, probes every stage on a hundredth of them, runs it over the whole,
and prints both. Every probe and run has a process of its own. Disk is the bytes of all files of the store. Memory is
the highest resident set of any worker in the whole run (VmHWM). Probes do not know the number of workers; the
prediction is the same for both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from probe_corpus import BUILD, build

from datacurate.audit import probe as probes
from datacurate.core.memory import keep_memory
from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.registry import stage_class
from datacurate.core.run import execute
from datacurate.describe_forecast import forecast_as_json
from datacurate.executors.local import Local
from datacurate.sources.parquet import Parquet

MB = 1e6
LARGE = 0.01
"""Phases that take this share of all disk are compared one by one."""


class Watched(Local):
    """The local executor, with the highest resident set of a worker in every barrier."""

    def __init__(self, workers: int, logs: Path):
        super().__init__(workers, logs)
        self.peaks: dict[str, float] = defaultdict(float)
        self.idle = 0.0

    def run(self, tasks: list, finished: Any) -> list:
        pids = [worker.process.pid for worker in self.pool]
        self.idle = self.idle or max(_status(pid, "VmRSS") for pid in pids)
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak so far
        failures = super().run(tasks, finished)
        label = "+".join(step.phase.name for step in getattr(tasks[0], "steps", ())) or tasks[0].phase.name
        self.peaks[label] = max(self.peaks[label], *(_status(pid, "VmHWM") for pid in pids))
        return failures


def _status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(f"{name}:"))


def predicted(recipe: Recipe, store: Path) -> dict[str, Any]:
    """What a probe of a hundredth says."""
    start = time.perf_counter()
    found = forecast_as_json(probes.probe(recipe, store))
    return found | {"seconds": time.perf_counter() - start}


def measured(recipe: Recipe, folder: Path, workers: int) -> dict[str, Any]:
    """What a run takes."""
    start = time.perf_counter()
    whole, executor = plan(recipe, folder / "store"), Watched(workers, folder / "logs")
    execute(whole, executor, folder / "run")
    disk: dict[str, int] = defaultdict(int)
    for task in whole.tasks:
        for out in task.outputs:
            disk[probes.label_of(out)] += os.path.getsize(out)
    return {"seconds": time.perf_counter() - start, "disk": disk, "peaks": executor.peaks, "idle": executor.idle}


def one(what: str, corpus: str, stage: str, workers: int) -> dict[str, Any]:
    """A probe or a run, in this process."""
    sources = {"docs": Parquet(path=f"{build(corpus)}/*.parquet")}
    recipe = Recipe(name="probe", sources=sources, stages=[stage_class(stage)()])
    folder = Path(tempfile.mkdtemp(prefix="probe-", dir=BUILD))
    try:
        return predicted(recipe, folder / "store") if what == "probe" else measured(recipe, folder, workers)
    finally:
        shutil.rmtree(folder)


def _apart(more: list[str], *words: Any) -> dict[str, Any]:
    """`one` in a process of its own."""
    command = [sys.executable, __file__, *more, "--one", *map(str, words)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def show(corpus: str, stage: str, told: dict[str, Any], runs: dict[int, dict[str, Any]]) -> None:
    """Predictions and measurements of a stage."""
    share = f"{told['sampled']:,} of {told['documents']:,} documents ({told['sampled'] / told['documents']:.1%})"
    took = ", ".join(f"{workers} workers {run['seconds']:.0f} s" for workers, run in runs.items())
    print(f"\n{corpus}, {stage}: {share}, {told['sampled_bytes'] / MB:.1f} MB; probe {told['seconds']:.0f} s, {took}")
    for workers, run in runs.items():
        disk, memory = sum(run["disk"].values()) / MB, max(run["peaks"].values())
        print(f"  {workers} workers: disk   {_row(told['disk'] / MB, disk)}")
        print(f"             memory {_row(told['memory'] / MB, memory)}; idle {run['idle']:.0f}, predicted of that "
              f"{told['base_memory'] / MB:.0f}")  # fmt: skip
    sizes = next(iter(runs.values()))["disk"]
    whole = sum(sizes.values())
    for label, size in sizes.items():
        if size > LARGE * whole:
            print(f"    {label:24s} {_row(told['phases'][label]['disk'] / MB, size / MB)}")
    for label, task in told["tasks"].items():
        assumed = " (assumed)" if task["assumed"] else ""
        print(
            f"    memory of {label:60s} {task['measured'] / MB:8.0f} in the sample, {task['memory'] / MB:8.0f}{assumed}"
        )
    for workers, run in runs.items():
        print(
            f"    {workers} workers, peaks: " + ", ".join(f"{name} {peak:.0f}" for name, peak in run["peaks"].items())
        )
    sys.stdout.flush()


def _row(told: float, found: float) -> str:
    return f"{told:9.1f} predicted {found:9.1f} measured MB {told / found - 1:+7.1%}"


def main() -> None:
    """Probe and run everything that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpora", default="pages,questions")
    parser.add_argument("--stages", default="exact,minhash,lines,substring")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--least", type=int, help="documents of a sample, instead of 2,000, if a hundredth has as many")
    parser.add_argument("--one", nargs=4)
    given = parser.parse_args()
    least = ["--least", str(given.least)] if given.least else []
    probes.ENOUGH = given.least or probes.ENOUGH
    if given.one:
        what, corpus, stage, workers = given.one
        print(json.dumps(one(what, corpus, stage, int(workers))))
        return
    keep_memory()  # for the processes that are started here, as `curate` does
    for corpus in given.corpora.split(","):
        build(corpus)
        for stage in given.stages.split(","):
            told = _apart(least, "probe", corpus, stage, 0)
            runs = {
                workers: _apart(least, "run", corpus, stage, workers) for workers in map(int, given.workers.split(","))
            }
            show(corpus, stage, told, runs)


if __name__ == "__main__":
    main()
