"""Time and memory of `minhash` on synthetic corpora of growing size, and whether it removes what was planted.

`python bench/scale.py [--documents 1000000,10000000] [--workers 2]`: bench/synthetic.py makes the corpora under
build/bench/ (0.25 GB of text per million documents). Prints seconds, CPU seconds and memory of every phase, and the
ratio of times, without the start of the worker processes.
Memory is what all processes together hold (proportional set size, sampled ten times a second).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import synthetic

from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.run import execute
from datacurate.executors.local import Local
from datacurate.sources.parquet import Parquet
from datacurate.stages.dedup.minhash import Minhash

LIMIT_GB, RATIO = 6, 11
"""What is demanded: memory in all, and the time of ten times as many documents."""


class Watched(Local):
    """The local executor, with seconds and memory of every barrier."""

    def __init__(self, workers: int, logs: Path):
        super().__init__(workers, logs)
        self.seconds: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self.total: dict[str, float] = defaultdict(float)
        self.largest: dict[str, float] = defaultdict(float)

    def start(self, stages: list) -> None:
        start = time.perf_counter()
        super().start(stages)
        self.start_seconds = time.perf_counter() - start

    def run(self, tasks: list, finished: Any) -> list:
        label = "+".join(step.phase.name for step in getattr(tasks[0], "steps", ())) or tasks[0].phase.name
        over = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(label, over))
        start, used = time.perf_counter(), self._used()
        sampler.start()
        failures = super().run(tasks, finished)
        over.set()
        sampler.join()
        self.seconds[label] += time.perf_counter() - start
        self.cpu[label] += self._used() - used
        return failures

    def _used(self) -> float:
        return sum(_cpu_seconds(pid) for pid in (os.getpid(), *(worker.process.pid for worker in self.pool)))

    def _sample(self, label: str, over: threading.Event) -> None:
        while not over.wait(0.1):
            held = [_held(pid) for pid in (os.getpid(), *(worker.process.pid for worker in self.pool))]
            self.total[label] = max(self.total[label], sum(held))
            self.largest[label] = max(self.largest[label], *held[1:])


def _held(pid: int) -> float:
    """GB that a process holds, shared pages by share; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith("Pss:"))


def _cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(documents: int, workers: int) -> dict[str, Any]:
    """One run of minhash with its defaults."""
    docs = synthetic.build(documents)
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=synthetic.BUILD))
    executor = Watched(workers, folder / "logs")
    start = time.perf_counter()
    recipe = Recipe(name="scale", sources={"docs": Parquet(path=f"{docs}/*.parquet")}, stages=[Minhash()])
    run = execute(plan(recipe, folder / "store"), executor, folder / "run")
    seconds = time.perf_counter() - start - executor.start_seconds
    kept = sorted((folder / "run" / run.manifests[-1]["folder"]).glob("*.parquet"))
    made = {
        "documents": documents, "seconds": seconds, "phases": dict(executor.seconds), "cpu": dict(executor.cpu),
        "total_gb": dict(executor.total),
        "worker_gb": dict(executor.largest), "store_gb": _bytes(folder / "store") / 1e9,
        "input_gb": _bytes(docs) / 1e9, **checked(docs, kept),
    }  # fmt: skip
    shutil.rmtree(folder)
    return made


def checked(docs: Path, kept: list[Path]) -> dict[str, int]:
    """Texts of which more than one document stays (missed), and of which none does (wrong)."""
    counts = [_numbers(paths).value_counts() for paths in (sorted(docs.glob("*.parquet")), kept)]
    before, after = ({v.as_py(): c.as_py() for v, c in zip(*one.flatten(), strict=True)} for one in counts)
    missed = sum(count - 1 for count in after.values())
    return {"texts": len(before), "missed": missed, "wrong": sum(name not in after for name in before)}


def _numbers(paths: list[Path]) -> pa.ChunkedArray:
    chunks = [pc.utf8_slice_codeunits(pq.read_table(path, columns=["id"])["id"], 0, 10) for path in paths]
    return pa.chunked_array([piece for chunk in chunks for piece in chunk.chunks])


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def show(made: dict[str, Any]) -> None:
    """One corpus."""
    print(f"\n{made['documents']:,} documents, {made['input_gb']:.2f} GB of Parquet: {made['seconds']:.1f} s")
    print(f"  {'phase':24s}{'seconds':>9s}{'of CPU':>8s}{'GB in all':>11s}{'GB of a worker':>16s}")
    for name, seconds in made["phases"].items():
        held = f"{made['total_gb'].get(name, 0):11.2f}{made['worker_gb'].get(name, 0):16.2f}"
        print(f"  {name:24s}{seconds:9.1f}{made['cpu'][name]:8.1f}{held}")
    print(f"  {'sum':24s}{sum(made['phases'].values()):9.1f}{sum(made['cpu'].values()):8.1f}")
    print(f"  store {made['store_gb']:.2f} GB; {made['texts']:,} texts, {made['missed']} missed, {made['wrong']} wrong")
    met = max(made["total_gb"].values()) < LIMIT_GB and not made["missed"] and not made["wrong"]
    print(f"  under {LIMIT_GB} GB, all planted duplicates and nothing else: {'met' if met else 'NOT met'}", flush=True)


def main() -> None:
    """Measure every size, print the ratio, write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", default="1000000,10000000")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    Minhash().warm()
    results = []
    for documents in map(int, given.documents.split(",")):
        results.append(measure(documents, given.workers))
        show(results[-1])
    first, last = results[0], results[-1]
    more, longer = last["documents"] / first["documents"], last["seconds"] / first["seconds"]
    cpu = sum(last["cpu"].values()) / sum(first["cpu"].values())
    print(
        f"\n{more:g} times as many documents took {longer:.1f} times as long (at most {RATIO} for 10 demanded)", end=""
    )
    print(f", {cpu:.1f} times the CPU seconds")
    (synthetic.BUILD / "scale.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
