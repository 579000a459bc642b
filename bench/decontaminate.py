"""decontaminate against datatrove's n-gram filter: the same documents and 50,000 items, in the same run.

`python bench/decontaminate.py SHARED_DATA [MEGABYTES]`: the data folder, and how much text (20 by default). datatrove
runs in `.venv-bench`, for 20 seconds. Times are CPU seconds of one process, the least of several. Prints a Markdown
table.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.stages import _decontam_items
from datacurate.stages._decontam_files import KNOWN, Benchmark
from datacurate.stages.decontaminate import Decontaminate

ROOT = Path(__file__).resolve().parent.parent
ITEMS = 50_000
REPEATS = 5
PEER_SECONDS = 20
NAMES = ("gsm8k", "piqa", "lambada", "mmlu", "humaneval", "arc_easy", "arc_challenge", "boolq", "copa", "winograd_wsc")


def texts(data: Path) -> tuple[list[str], list[str]]:
    """Web pages and handbook pages in which nothing was planted, and those that hold an item."""
    clean, leaked = [], []
    for path in sorted((data / "text").glob("*.jsonl.gz")):
        clean += [row["text"] for row in _rows(path) if row.get("text")]
    gold = {row["id"]: row["contaminated"] for row in _rows(data / "decontam_planted" / "gold.jsonl.gz")}
    for row in _rows(data / "decontam_planted" / "docs.jsonl.gz"):
        (leaked if gold[row["id"]] else clean).append(row["text"])
    return clean, leaked


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def documents(data: Path, size: int) -> pa.Table:
    """So many bytes of documents: clean ones as often as it takes, and of those with an item one in fifty."""
    clean, leaked = texts(data)
    times = max(1, round(size / sum(len(text.encode()) for text in clean)))
    said = clean * times + leaked[: len(clean) * times // 50]
    ids = [str(number) for number in range(len(said))]
    return pa.table({"id": ids, "text": said, "source": ["web"] * len(said)})


def items(data: Path) -> pa.Table:
    """All items of the benchmarks, and sentences of books until there are ITEMS."""
    assert set(NAMES) <= set(KNOWN)
    real = _decontam_items.items({name: Benchmark() for name in NAMES}, str(data / "benchmarks"))
    said = [line for line in _sentences(data) if 12 <= line.count(" ") <= 80]
    more = [_decontam_items.Item("books", n, "", one) for n, one in enumerate(dict.fromkeys(said))]
    return pa.concat_tables([real, _decontam_items.as_table(more[: ITEMS - real.num_rows])]).combine_chunks()


def _sentences(data: Path) -> Iterator[str]:
    for path in sorted([*(data / "text" / "gutenberg").glob("*.gz"), *(data / "text").glob("wiki*.txt.gz")]):
        with gzip.open(path, "rb") as file:
            yield from (
                part.strip() for part in file.read().decode("utf-8", "replace").replace("\r\n", " ").split(". ")
            )


def seconds(call: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """The least CPU seconds of some calls, and what the last one made."""
    best, made = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        made = call()
        best = min(best, time.process_time() - start)
    return best, made


def ours(preset: str, docs: pa.Table, known: pa.Table) -> dict[str, Any]:
    """CPU seconds of building the index, of the pass over all documents, and of all that follows."""
    stage = Decontaminate(benchmarks={name: str(ROOT) for name in NAMES}, preset=preset)
    stage.warm()
    built, index = seconds(lambda: stage.index(known), 1)
    rows = np.arange(docs.num_rows, dtype=np.uint64)
    first, phrases = seconds(lambda: stage.phrases(docs, rows, known, index))

    def rest() -> pa.Table:
        found = (known, index, phrases, stage.common([phrases]))  # type: ignore[list-item]
        evidence = stage.evidence(docs, rows, *found)
        stage.apply(docs, rows, *found)
        return evidence

    more, evidence = seconds(rest)
    return {"built": built, "first": first, "rest": more, "places": evidence.num_rows, "bytes": index.nbytes}


def datatrove(docs: pa.Table, known: pa.Table) -> float:
    """Megabytes that datatrove's filter goes through in a CPU second, with an index of the same items."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    pairs = [
        (row["question"], label, row["benchmark"])
        for row in _decontam_items.rows(known)
        for label in (row["answers"] or row["choices"] or [""])[:1]
    ]
    said = docs["text"].to_pylist()
    asked = {"pairs": pairs, "docs": said, "query": True, "seconds": PEER_SECONDS}
    script = ROOT / "tests" / "quality" / "datatrove_decont.py"
    told = subprocess.run([python, script], input=json.dumps(asked), capture_output=True, text=True, check=True)
    answer = json.loads(told.stdout)
    return sum(len(text.encode()) for text in said[: len(answer["found"])]) / 1e6 / answer["cpu"]


def main() -> None:
    """Measure and print."""
    data = Path(sys.argv[1])
    docs = documents(data, int(float(sys.argv[2] if len(sys.argv) > 2 else 20) * 1e6))
    known = items(data)
    size = sum(len(text.encode()) for text in docs["text"].to_pylist()) / 1e6
    print(f"{docs.num_rows:,} documents, {size:.1f} MB; {known.num_rows:,} items\n")
    theirs = datatrove(docs, known)
    print("| preset | index, s | index, MB | pass, MB/s | whole stage, MB/s | times datatrove's filter | places |")
    print("|---|---|---|---|---|---|---|")
    for preset in Decontaminate.presets:
        made = ours(preset, docs, known)
        whole = size / (made["first"] + made["rest"])
        figures = f"{made['built']:.1f} | {made['bytes'] / 1e6:.0f} | {size / made['first']:.0f} | {whole:.0f}"
        print(f"| {preset} | {figures} | {whole / theirs:.0f} | {made['places']:,} |", flush=True)
    print(f"\ndatatrove's filter: {theirs:.2f} MB/s")


if __name__ == "__main__":
    main()
