"""What minhash removes, ours and others', against the true similarity of all pairs. Prints a Markdown table per corpus.

`python bench/neardup.py FOLDER...`: folders of ../shared/data/neardup, with `docs.jsonl.gz` and `pairs.jsonl.gz` (the
exact Jaccard similarity of the sets of word 5-grams of every pair from 0.3 on). datatrove runs in `.venv-bench`,
text-dedup in `.venv-textdedup` (`make bench` makes both),
each with its own defaults, text-dedup at threshold 0.8 too.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.api import run_stage
from datacurate.core.dataset import Dataset
from datacurate.core.store import read_parts
from datacurate.stages.dedup.minhash import Minhash

ROOT = Path(__file__).resolve().parent.parent
SHARDS = 4
WRONG, CLOSE = 0.8, 0.85
"""A removed document without a kept one this similar is lost; a pair this similar of which both stay was missed."""


def ours(folder: Path, **options: Any) -> set[str]:
    """Ids that our stage keeps."""
    out = folder / "ours"
    shutil.rmtree(out, ignore_errors=True)
    run_stage(Minhash(max_loss=None, **options), [folder / "docs"], out, workers=2)
    return set(read_parts([shard.path for shard in Dataset.open(out).shards], ["id"])["id"].to_pylist())


def datatrove(folder: Path) -> set[str]:
    """Ids that datatrove's four steps keep."""
    out = folder / "datatrove"
    command = [ROOT / ".venv-bench/bin/python", ROOT / "bench/peer_datatrove.py", "minhash", folder / "docs", out, "2"]
    subprocess.run(command, check=True, capture_output=True)
    return {id for file in (out / "docs").glob("*.parquet") for id in pq.read_table(file)["id"].to_pylist()}


def text_dedup(folder: Path, threshold: float) -> set[str]:
    """Ids that text-dedup's minhash keeps."""
    out = folder / f"text-dedup-{threshold}"
    options = ["--path", "json", "--data_files", folder / "docs.jsonl", "--split", "train", "--column", "text"]
    options += ["--output", out, "--cache_dir", folder / "cache", "--num_proc", "2", "--threshold", str(threshold)]
    command = [ROOT / ".venv-textdedup/bin/python", "-m", "text_dedup.minhash", *options]
    subprocess.run(command, check=True, capture_output=True)
    kept = set()
    for file in out.glob("*.arrow"):
        with pa.OSFile(str(file)) as source:
            kept |= set(pa.ipc.open_stream(source).read_all()["id"].to_pylist())
    return kept


SYSTEMS: dict[str, Callable[[Path], set[str]]] = {
    "datacurate, `verify` 0.8": lambda folder: ours(folder, verify=0.8),
    "datacurate, defaults (`verify` 0.7)": lambda folder: ours(folder),
    "datacurate, the bands trusted (`verify` null)": lambda folder: ours(folder, verify=None),
    "datatrove 0.10.1, defaults": datatrove,
    "text-dedup 0.4.0, defaults (0.7)": lambda folder: text_dedup(folder, 0.7),
    "text-dedup 0.4.0, threshold 0.8": lambda folder: text_dedup(folder, 0.8),
}


def rows(folder: Path, work: Path) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Per system: removed, removed rightly, lost, lost without a kept one of 0.5, close pairs of which both stay."""
    docs = list(_lines(folder / "docs.jsonl.gz"))
    like: dict[str, dict[str, float]] = {doc["id"]: {} for doc in docs}
    for pair in _lines(folder / "pairs.jsonl.gz"):
        like[pair["a"]][pair["b"]] = like[pair["b"]][pair["a"]] = pair["jaccard5"]
    _write(docs, work)
    close = [(a, b) for a, near in like.items() for b, similarity in near.items() if a < b and similarity >= CLOSE]
    for name, system in SYSTEMS.items():
        kept = system(work)
        removed = set(like) - kept
        best = [max((s for other, s in like[one].items() if other in kept), default=0.0) for one in removed]
        lost, alone = sum(s < WRONG for s in best), sum(s < 0.5 for s in best)
        yield name, len(removed), len(removed) - lost, lost, alone, sum(a in kept and b in kept for a, b in close)
    print(f"\n{folder.name}: {len(docs)} documents, {len(close)} pairs of at least {CLOSE}\n", file=sys.stderr)


def _write(docs: list[dict], work: Path) -> None:
    (work / "docs").mkdir()
    size = -(-len(docs) // SHARDS)
    for at in range(SHARDS):
        part = docs[at * size : (at + 1) * size]
        table = pa.table({name: pa.array([doc[name] for doc in part], pa.string()) for name in ("id", "text")})
        pq.write_table(table, work / "docs" / f"{at}.parquet")
    lines = (json.dumps({"id": doc["id"], "text": doc["text"]}) for doc in docs)
    (work / "docs.jsonl").write_text("\n".join(lines) + "\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def main() -> None:
    """A table per folder that the command line names."""
    missing = [name for name in (".venv-bench", ".venv-textdedup") if not (ROOT / name / "bin/python").exists()]
    if missing:
        targets = " ".join(f"{name}/.ready" for name in missing)
        raise SystemExit(f"{' and '.join(missing)}: not there. Run `make {targets}`.")
    for folder in map(Path, sys.argv[1:]):
        work = Path(tempfile.mkdtemp(prefix="neardup-"))
        print(f"\n{folder.name}\n\n| system | removed | rightly | lost | of these below 0.5 | close pairs left |")
        print("|---|---|---|---|---|---|")
        for row in rows(folder, work):
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
