"""Speed against datatrove and against a copy, as ratios measured one after the other on this machine.

`python bench/run.py [--workers 1,2] [--repeats 5] [--only filters]`; peers run in .venv-bench (see
bench/requirements-peers.txt).
Prints the tables and writes build/bench/results.json. Not a test: figures move with the machine and what else it does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import corpus

from datacurate.core.memory import keep_memory

ROOT = corpus.ROOT
PEER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
DEMANDED = {"minhash": 100, "gopher": 80, "filters": 120, "copy": 4, "signals": 30}
TITLES = {
    "minhash": "MinHash",
    "gopher": "gopher_quality + gopher_repetition",
    "filters": "gopher_quality + gopher_repetition + c4 + fineweb",
}
RECIPE = """name: bench
sources:
  docs: {{parquet: {docs}/*.parquet}}
stages: [{stages}]
"""


def main() -> None:
    """Measure, print, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default=",".join(TITLES), help="comparisons with datatrove to make")
    given = parser.parse_args()
    medium, large = corpus.build("medium"), corpus.build("large")
    results: dict[str, Any] = {"machine": machine(), "corpora": [corpus.describe(folder) for folder in (medium, large)]}
    show_setting(results)
    size = results["corpora"][0]["text_bytes"] / 1e6
    counts = [int(count) for count in given.workers.split(",")]
    wanted = [(what, count) for what in given.only.split(",") for count in counts]
    results["peers"] = [against_peer(what, medium, count, size, given.repeats) for what, count in wanted]
    for what in ("filters", "minhash"):
        results[f"copy_{what}"] = against_copy(what, large, results["corpora"][1]["text_bytes"] / 1e6, given.repeats)
    results["rensa"] = against_rensa(medium, size)
    results["signals"] = all_signals(medium, size, given.repeats)
    results["kernels"] = against_kernels(medium, size)
    (corpus.BUILD / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def against_peer(what: str, docs: Path, workers: int, size: float, repeats: int) -> dict[str, Any]:
    """One row: our runs before and after the peer's run, so that a change of load shows."""
    before = ours("pipeline", what, docs, workers, repeats)
    command = whole_command(what, docs, workers)
    theirs = peer(what, docs, workers)
    after = ours("pipeline", what, docs, workers, repeats)
    seconds = statistics.median(before["seconds"] + after["seconds"])
    row = {
        "what": what, "workers": workers, "seconds": seconds, "peer_seconds": theirs["seconds"],
        "ratio": theirs["seconds"] / seconds, "demanded": DEMANDED[what],
        "spread": before["seconds"] + after["seconds"],
        "pool_start": statistics.median(before["pool_start"] + after["pool_start"]),
        "command_seconds": command, "peer_command_seconds": theirs["command_seconds"],
        "documents": after["documents"], "peer_documents": theirs["documents"], "peer_steps": theirs["steps"],
        "peer_versions": theirs["versions"],
        "cpu_seconds": statistics.median(before["cpu_seconds"] + after["cpu_seconds"]),
        "peer_cpu_seconds": theirs["cpu_seconds"],
    }  # fmt: skip
    show_peer(row, size)
    return row


def ours(*words: Any) -> dict[str, Any]:
    """What bench/ours.py prints."""
    return _json([sys.executable, ROOT / "bench" / "ours.py", *words])


def peer(what: str, docs: Path, workers: int) -> dict[str, Any]:
    """What the peer's script prints, with the time of its whole process."""
    with tempfile.TemporaryDirectory(prefix="peer-", dir=corpus.BUILD) as out:
        start = time.perf_counter()
        made = _json([PEER_PYTHON, ROOT / "bench" / "peer_datatrove.py", what, docs, Path(out) / "run", workers])
        return {**made, "command_seconds": time.perf_counter() - start}


def whole_command(what: str, docs: Path, workers: int) -> float:
    """Seconds of the `curate` command in a new process, its interpreter, imports and pool included."""
    folder = Path(tempfile.mkdtemp(prefix="command-", dir=corpus.BUILD))
    curate = Path(sys.executable).with_name("curate")
    if what == "minhash":
        words: list[Any] = [curate, "dedup", "minhash", docs, "--out", folder / "out"]
    else:
        (folder / "recipe.yaml").write_text(RECIPE.format(docs=docs, stages=TITLES[what].replace(" +", ",")))
        words = [curate, "run", folder / "recipe.yaml", "--out", folder / "out"]
    start = time.perf_counter()
    said = _run([*words, "--store", folder / "store", "--workers", workers])
    seconds = time.perf_counter() - start
    if "\n0 tasks done now" in said or not any((folder / "store").glob("*/*.parquet")):
        sys.exit(f"{what}: the command found its work done already; its time means nothing.")
    shutil.rmtree(folder)
    return seconds


def against_copy(what: str, docs: Path, size: float, repeats: int) -> dict[str, Any]:
    """The fused chain, or minhash, over the cost of a copy, one worker, in turns."""
    row = ours("copy", docs, repeats, what)
    row["ratio"], row["demanded"] = statistics.median(row["ratios"]), DEMANDED["copy"]
    copy, chain = statistics.median(row["copy"]), statistics.median(row["chain"])
    print(f"\n{TITLES[what]} over copy, {size:.1f} MB of text, 1 worker, median of {repeats} pairs in turns")
    print(f"  copy {size / copy:7.1f} MB/s   chain {size / chain:7.1f} MB/s   pairs {_listed(row['ratios'])}")
    met = _met(row["ratio"] <= row["demanded"])
    print(f"  cost over copy {row['ratio']:.1f}, at most {row['demanded']} demanded: {met}")
    print(f"  the same in CPU seconds: {statistics.median(row['cpu_ratios']):.1f}", flush=True)
    return row


def against_rensa(docs: Path, size: float) -> dict[str, float]:
    """Signatures of 112 permutations from texts, one thread: ours, and rensa with Python's runs of words."""
    theirs = _json([PEER_PYTHON, ROOT / "bench" / "peer_rensa.py", docs])
    mine = ours("kernels", docs)["minhash.sketch (14 x 8)"]
    row = {"ours": size / mine, "rensa": size / theirs["seconds"], "rensa_alone": size / theirs["sketch_seconds"]}
    print(f"\nSignatures, MB/s of text: ours {row['ours']:.0f}, rensa {theirs['version']} {row['rensa']:.0f}", end="")
    print(f" (without the cutting of runs of words {row['rensa_alone']:.0f}): {row['ours'] / row['rensa']:.1f}x")
    print(f"  at least 6x and 120 MB/s demanded: {_met(row['ours'] >= max(6 * row['rensa'], 120))}", flush=True)
    return row


def all_signals(docs: Path, size: float, repeats: int) -> dict[str, Any]:
    """RedPajama-v2's signals, Parquet to Parquet, one worker."""
    row = ours("pipeline", "signals", docs, 1, repeats)
    row["speed"], row["demanded"] = size / statistics.median(row["seconds"]), DEMANDED["signals"]
    cpu = size / statistics.median(
        [row["cpu_seconds"]] if isinstance(row["cpu_seconds"], float) else row["cpu_seconds"]
    )
    print(f"\nAll RedPajama-v2 signals, Parquet to Parquet, 1 worker: {row['speed']:.1f} MB/s ({cpu:.1f} by CPU time)")
    print(f"  at least {row['demanded']} MB/s demanded: {_met(row['speed'] >= row['demanded'])}", flush=True)
    return row


def against_kernels(docs: Path, size: float) -> dict[str, float]:
    """MB/s of every kernel, one thread."""
    speeds = {name: size / seconds for name, seconds in ours("kernels", docs).items()}
    print("\nKernels, one thread, best of three, MB/s of text")
    for name, speed in speeds.items():
        print(f"  {name:28s}{speed:8.0f}", flush=True)
    return speeds


def show_setting(results: dict[str, Any]) -> None:
    """Machine and corpora."""
    print(" | ".join(f"{name} {value}" for name, value in results["machine"].items()))
    for one in results["corpora"]:
        print(
            f"corpus {one['name']}: {one['documents']} documents, {one['text_bytes'] / 1e6:.1f} MB of text, "
            f"{one['parquet_bytes'] / 1e6:.1f} MB of Parquet in {one['files']} files (tasks), sha256 {one['digest']}"
        )
    print((corpus.__doc__ or "").split("\n\n", 1)[1], flush=True)


def show_peer(row: dict[str, Any], size: float) -> None:
    """One comparison."""
    listed = ", ".join(f"{name} {number}" for name, number in row["peer_versions"].items())
    print(f"\n{TITLES[row['what']]}, Parquet to Parquet, {row['workers']} worker(s), against {listed}")
    print(f"  {'':34s}{'ours':>12s}{'peer':>12s}{'ratio':>8s}")
    titles = {"seconds": "pipeline, warm (the demand)", "command_seconds": "whole command, new process"}
    if row["workers"] == 1:  # with more, most of the work is in other processes
        titles["cpu_seconds"] = "pipeline, CPU seconds"
    for name, title in titles.items():
        mine, theirs = row[name], row[f"peer_{name}"]
        print(f"  {title:34s}{size / mine:7.2f} MB/s{size / theirs:7.2f} MB/s{theirs / mine:7.1f}x")
    print(f"  seconds of the pipeline: {row['seconds']:.2f} (of these, pool start {row['pool_start']:.2f})", end="")
    print(f" against {row['peer_seconds']:.1f}; ours ranged {_listed(sorted(row['spread']))}")
    print(f"  documents kept: {row['documents']} and {row['peer_documents']}")
    print(f"  at least {row['demanded']}x demanded: {_met(row['ratio'] >= row['demanded'])}", flush=True)


def machine() -> dict[str, str]:
    """What it ran on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    number = next((line.split(":")[1].strip() for line in lines if line.startswith("model\t")), "")
    versions = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "pyarrow"))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "date": time.strftime("%Y-%m-%d"), "cpu": f"{model} (model {number})", "cores": str(os.cpu_count()),
        "load before": load, "python": platform.python_version(), "ours with": versions,
    }  # fmt: skip


def _json(words: list[Any]) -> Any:
    return json.loads(_run(words).splitlines()[-1])


def _run(words: list[Any]) -> str:
    keep_memory()
    made = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=ROOT)
    if made.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{made.stderr[-2000:]}")
    return made.stdout


def _listed(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def _met(holds: bool) -> str:
    return "met" if holds else "NOT met"


if __name__ == "__main__":
    main()
