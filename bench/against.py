"""Speed and memory of `substring` against another dataset, one worker, Parquet to Parquet, beside a run without it.

`python bench/against.py [--repeats 3]`. One half of the corpus is the other dataset, of which an index is made; the
other half is compared with it. Every row runs in a process of its own, warm. Prints a table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import corpus
import ours
import pyarrow.parquet as pq
from alone import alone
from dedup import _head, _peak

from datacurate.api import make_index, run_stage
from datacurate.core.registry import stage_class

WORK = ours.BUILD / "against"
OPTIONS: dict[str, dict[str, Any]] = {"50 tokens": {}, "100 bytes": {"unit": "bytes", "min_length": 100}}


def main() -> None:
    """A row for each way to run, by unit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--corpus", default="large")
    given = parser.parse_args()
    _halves(corpus.build(given.corpus))
    new, old = (corpus.describe(WORK / name)["text_bytes"] / 1e6 for name in ("new", "old"))
    print(f"{new:.1f} MB of text, {old:.1f} MB in the other dataset\n")
    print("| substring | MB/s of CPU | seconds of CPU | memory, bytes a byte | removed | index, bytes a byte |")
    print("|---|---|---|---|---|---|")
    for unit in OPTIONS:
        for what, size in (("alone", new), ("index", old), ("against", new), ("both", new + old)):
            row = alone(__file__, what, unit, str(given.repeats))
            cpu, memory = min(row["cpu_seconds"]), (row["peak"] - row["idle"]) / (size * 1e6)
            kept = f"{row['index'] / (old * 1e6):.2f}" if what == "index" else ""
            removed = row.get("removed", "")
            print(f"| {unit}, {what} | {size / cpu:.0f} | {cpu:.2f} | {memory:.2f} | {removed} | {kept} |", flush=True)


def _halves(docs: Path) -> None:
    """Every other file of a corpus in `old`, as a finished dataset, too, the others in `new`; all in `both`."""
    if (WORK / "done").exists():
        return
    shutil.rmtree(WORK, ignore_errors=True)
    for at, file in enumerate(sorted(docs.glob("*.parquet"))):
        for name in ("old" if at % 2 else "new", "both"):
            (WORK / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, WORK / name / file.name)
    run_stage(stage_class("where")(keep=["id is not null"]), [WORK / "old"], WORK / "dataset")
    (WORK / "done").touch()


def _one(what: str, unit: str, repeats: str) -> dict[str, Any]:
    """Processor seconds of one way to run, and peak memory of the process before and after."""
    against = {"against": str(WORK / f"{unit}.index")} if what == "against" else {}
    stage = stage_class("substring")(**OPTIONS[unit], **against)
    ours.STAGES["level"] = (stage,)
    stage.warm()
    _head(str(WORK / "new"), WORK / "warm")
    ours._once("level", str(WORK / "warm"), 1)
    idle = _peak()
    if what == "index":
        seconds = [_index(stage, unit) for _ in range(int(repeats))]
        size = sum(path.stat().st_size for path in (WORK / f"{unit}.index").rglob("*.parquet"))
        return {"cpu_seconds": seconds, "idle": idle, "peak": _peak(), "index": size}
    docs = WORK / ("both" if what == "both" else "new")
    runs = [ours._once("level", str(docs), 1) for _ in range(int(repeats))]
    rows = sum(pq.read_metadata(file).num_rows for file in docs.glob("*.parquet"))
    return {"cpu_seconds": [run[3] for run in runs], "idle": idle, "peak": _peak(), "removed": rows - runs[-1][2]}


def _index(stage: Any, unit: str) -> float:
    """Processor seconds to make an index in this process."""
    folder = WORK / f"{unit}.index"
    shutil.rmtree(folder, ignore_errors=True)
    (WORK / "inline.yaml").write_text("executor: inline\n")
    began = time.process_time()
    make_index(stage, [str(WORK / "dataset")], folder, WORK / "inline.yaml", quiet=True)
    return time.process_time() - began


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(_one(*sys.argv[2:])))
    else:
        main()
