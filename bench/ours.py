"""datacurate's side, in a warm process: pipelines, the copy they are measured against, kernels. Prints JSON.

`python bench/ours.py pipeline minhash|gopher|filters|signals INPUT WORKERS REPEATS`,
`... copy INPUT REPEATS [filters|minhash]` or `... kernels INPUT`.
Kernels are compiled and loaded before the clock starts; every repeat has a store of its own, so nothing is reused.
One worker is the inline executor, more are the local executor's processes, as with datatrove.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.run import execute
from datacurate.executors.inline import Inline
from datacurate.executors.local import Local
from datacurate.sources.parquet import Parquet
from datacurate.stages.dedup.minhash import Minhash
from datacurate.stages.filters.c4 import C4
from datacurate.stages.filters.fineweb import Fineweb
from datacurate.stages.filters.gopher_quality import GopherQuality
from datacurate.stages.filters.gopher_repetition import GopherRepetition
from datacurate.stages.signals import Signals

BUILD = Path(__file__).resolve().parent.parent / "build" / "bench"
STAGES = {
    "minhash": (Minhash(),),
    "gopher": (GopherQuality(), GopherRepetition()),
    "filters": (GopherQuality(), GopherRepetition(), C4(), Fineweb()),
    "signals": (Signals(),),
}
GROUP_BYTES = 16 << 20


class Timed(Local):
    """The local executor, with the time its pool takes to start beside."""

    def start(self, stages: list) -> None:
        start = time.perf_counter()
        super().start(stages)
        self.start_seconds = time.perf_counter() - start


def pipeline(what: str, docs: str, workers: int, repeats: int) -> dict[str, Any]:
    """Seconds of each repeat, Parquet in to Parquet out, and of these the start of the pool."""
    for stage in STAGES[what]:
        stage.warm()
    runs = [_once(what, docs, workers) for _ in range(repeats)]
    seconds, pool_start, documents, cpu = (list(column) for column in zip(*runs, strict=True))
    return {"seconds": seconds, "pool_start": pool_start, "documents": documents[-1], "cpu_seconds": cpu}


def _once(what: str, docs: str, workers: int) -> tuple[float, float, int, float]:
    folder = _scratch()
    executor = Inline(folder / "logs") if workers == 1 else Timed(workers, folder / "logs")
    start, began = time.perf_counter(), time.process_time()
    recipe = Recipe(name="bench", sources={"docs": Parquet(path=f"{docs}/*.parquet")}, stages=list(STAGES[what]))
    run = execute(plan(recipe, folder / "store"), executor, folder / "run")
    seconds, cpu = time.perf_counter() - start, time.process_time() - began
    rows = sum(shard["rows"] for shard in run.manifests[-1]["shards"])
    shutil.rmtree(folder)
    return seconds, getattr(executor, "start_seconds", 0.0), rows, cpu


def over_copy(docs: str, repeats: int, what: str = "filters") -> dict[str, Any]:
    """The four filters, fused, or minhash, with one worker, and the copy, in turns."""
    for stage in STAGES[what]:
        stage.warm()
    _copy(docs), _once(what, docs, 1)
    made: dict[str, list[float]] = {"copy": [], "chain": [], "ratios": [], "cpu_ratios": []}
    for _ in range(repeats):
        began = time.process_time()
        copy = _copy(docs)
        between = time.process_time()
        chain = _once(what, docs, 1)[0]
        made["copy"].append(copy)
        made["chain"].append(chain)
        made["ratios"].append(chain / copy)
        made["cpu_ratios"].append((time.process_time() - between) / (between - began))
    return made


def _copy(docs: str) -> float:
    """Read in bounded batches, write with the store's settings; no ledger, no sync, no rename."""
    folder = _scratch()
    start = time.perf_counter()
    for file in sorted(Path(docs).glob("*.parquet")):
        _copy_file(file, folder / file.name)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds


def _copy_file(source: Path, target: Path) -> None:
    reader = pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20)
    settings: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
    held: list[pa.RecordBatch] = []
    with pq.ParquetWriter(target, reader.schema_arrow, write_statistics=False, **settings) as writer:
        for batch in reader.iter_batches(4096):
            held.append(batch)
            if sum(one.nbytes for one in held) >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held))
                held = []
        if held:
            writer.write_table(pa.Table.from_batches(held))


def kernels(docs: str) -> dict[str, float]:
    """Seconds of each kernel over all texts, one thread, the best of three."""
    from datacurate.kernels import gopher, minhash, shingles, text

    texts = pa.concat_tables([pq.read_table(file, columns=["text"]) for file in sorted(Path(docs).glob("*.parquet"))])
    column = texts["text"].cast(pa.large_string()).combine_chunks()
    stage = GopherQuality()
    calls: dict[str, Callable] = {
        "text.words": lambda: text.words(column),
        "gopher.quality, words known": lambda: gopher.quality(column, stage.stop_words),
        "gopher.repetition, words known": lambda: gopher.repetition(column),
        "minhash.sketch (14 x 8)": lambda: minhash.sketch(column, 5, 14, 8, 1),
        "shingles.shingle_sets": lambda: shingles.shingle_sets(column, 5),
    }
    return {name: _best(call) for name, call in calls.items()}


def _best(call: Callable) -> float:
    call()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def _scratch() -> Path:
    BUILD.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="ours-", dir=BUILD))


def main() -> None:
    """Do what the command line says and print JSON."""
    what, *rest = sys.argv[1:]
    if what == "pipeline":
        made: dict[str, Any] = pipeline(rest[0], rest[1], int(rest[2]), int(rest[3]))
        made["median"] = statistics.median(made["seconds"])
    elif what == "copy":
        made = over_copy(rest[0], int(rest[1]), *rest[2:])
    else:
        made = kernels(rest[0])
    print(json.dumps(made))


if __name__ == "__main__":
    main()
