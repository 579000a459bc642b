"""Speed and memory of deduplication at every level, one worker, Parquet to Parquet; substrings against a suffix array.

`python bench/dedup.py [--only exact,lines] [--repeats 3]`. Every level runs in a process of its own, warm, so that its
peak memory is its own; the suffix array is pydivsufsort's of the same text, built and no more. Prints a table.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import corpus
import ours
import pyarrow as pa
import pyarrow.parquet as pq
from alone import alone

from datacurate.core.registry import stage_class

LEVELS = (
    "exact", "minhash", "lines", "paragraphs", "sentence_spans", "ngram_bloom", "substring",
    "substring, 100 bytes",
)  # fmt: skip
STAGE = {"paragraphs": "lines", "substring, 100 bytes": "substring"}
OPTIONS: dict[str, dict[str, Any]] = {
    "paragraphs": {"unit": "paragraph"},
    "substring, 100 bytes": {"unit": "bytes", "min_length": 100},
}
DEMANDED = {"exact": 200, "lines": 200, "substring": 15}
"""MB/s per core."""


def main() -> None:
    """A row per level that the command line names, and the suffix array."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=";".join(LEVELS), help="levels, between semicolons")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--corpus", default="large")
    given = parser.parse_args()
    docs = corpus.build(given.corpus)
    size = corpus.describe(docs)["text_bytes"] / 1e6
    print(f"{size:.1f} MB of text\n\n| level | MB/s | MB/s of CPU | demanded | peak memory, bytes a byte | removed |")
    print("|---|---|---|---|---|---|")
    for name in given.only.split(";"):
        row = alone(__file__, "level", name, str(docs), str(given.repeats))
        wall, cpu = size / min(row["seconds"]), size / min(row["cpu_seconds"])
        memory = (row["peak"] - row["idle"]) / (size * 1e6)
        wanted = DEMANDED.get(name, "")
        print(f"| {name} | {wall:.0f} | {cpu:.0f} | {wanted} | {memory:.2f} | {row['removed']} |", flush=True)
    array = alone(__file__, "suffix_array", str(docs))
    wall, cpu = size / array["seconds"], size / array["cpu_seconds"]
    print(f"| a suffix array, built (pydivsufsort) | {wall:.1f} | {cpu:.1f} | | {array['memory']:.1f} | |")


def _level(name: str, docs: str, repeats: str) -> dict[str, Any]:
    """Seconds, and peak memory of the process before and after."""
    stage = stage_class(STAGE.get(name, name))(**OPTIONS.get(name, {}))
    ours.STAGES["level"] = (stage,)
    stage.warm()
    small = Path(docs).parent / "warm-dedup"
    _head(docs, small)
    ours._once("level", str(small), 1)
    idle = _peak()
    runs = [ours._once("level", docs, 1) for _ in range(int(repeats))]
    rows = sum(pq.read_metadata(file).num_rows for file in Path(docs).glob("*.parquet"))
    return {
        "seconds": [run[0] for run in runs], "cpu_seconds": [run[3] for run in runs], "idle": idle, "peak": _peak(),
        "removed": rows - runs[-1][2],
    }  # fmt: skip


def _suffix_array(docs: str) -> dict[str, Any]:
    """Seconds to build it over the bytes of all texts, and its memory in bytes a byte (text and array)."""
    from pydivsufsort import divsufsort

    texts = [pq.read_table(file, columns=["text"])["text"].to_pylist() for file in sorted(Path(docs).glob("*.parquet"))]
    data = "\x00".join(text or "" for part in texts for text in part).encode()
    start, began = time.perf_counter(), time.process_time()
    array = divsufsort(data)
    seconds, cpu = time.perf_counter() - start, time.process_time() - began
    return {"seconds": seconds, "cpu_seconds": cpu, "memory": 1 + array.nbytes / len(data)}


def _head(docs: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    first = next(pq.ParquetFile(min(Path(docs).glob("*.parquet"))).iter_batches(50))
    pq.write_table(pa.Table.from_batches([first]), folder / "head.parquet")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps({"level": _level, "suffix_array": _suffix_array}[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
