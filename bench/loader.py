"""The loader: tokens a second of one process, and how soon the first batch comes of 100,000 shards.

    python bench/loader.py [--tokens 67108864] [--shards 100000] [--repeats 5]

Rows of random documents with Zipf's frequencies are packed and written as a store would. In the same run LitData (its
TokensLoader on our export) and Hugging Face `datasets` (Parquet with torch's DataLoader) read the same rows, in
.venv-export. CPU seconds are of the whole process with its threads, divided by what it read; the machine may be shared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.core.store import write_part
from datacurate.mixture import pack
from datacurate.mixture.export.files import About, Files
from datacurate.mixture.export.litdata_chunks import LitDataChunks
from datacurate.mixture.export.samples import _rows
from datacurate.mixture.reading.index import written

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-export" / "bin" / "python"
LENGTH, BATCH = 2048, 8
RANKS = (8, 64, 256)


def main() -> None:
    """Make the rows, time ours and the peers', print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=1 << 26)
    parser.add_argument("--shards", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["speed", "first"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loader-") as made:
        if given.only != "first":
            speed(Path(made), given.tokens, given.repeats)
        if given.only != "speed":
            first(Path(made) / "many", given.shards)


def parts(tokens: int, each: int) -> Iterator[pa.Table]:
    """Packed rows of documents of 50 to 2,000 tokens, `each` tokens a part."""
    rng = np.random.default_rng(0)
    for part in range(tokens // each):
        sizes = rng.integers(50, 2000, each // 500)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        offsets = np.append(offsets[offsets < each], each)
        flat = (rng.zipf(1.3, each) % 50_000).astype(np.int32)
        pieces = pack.whole(flat, offsets, np.zeros(len(offsets) - 1, np.int32))
        rows = pack.pack(pieces, LENGTH)
        yield pack.as_table(rows, 0, np.full(rows.count, part))


def speed(folder: Path, tokens: int, repeats: int) -> None:
    """Tokens a second, ours and the peers', each in a process of its own, in turns."""
    store, files, peers = folder / "rows", [], folder / "peers"
    store.mkdir()
    litdata = LitDataChunks(Files(peers / "litdata"), About("train", "rows", "bench", ["a"], 50_000, None, LENGTH))
    for part, table in enumerate(parts(tokens, min(tokens, 1 << 24))):
        write_part(store / f"0-{part}.parquet", table)
        files.append({"name": f"0-{part}.parquet", "stage": 0, "split": "train", "rows": table.num_rows})
        litdata.add(_rows(table))
    litdata.close()
    stages = [{"name": "train", "sequence_length": LENGTH}]
    (store / "index.json").write_text(written("bench", ["a"], stages, files))
    ways = {
        "ours": (sys.executable, "ours", store), "ours, ids of documents, positions": (sys.executable, "extras", store),
        **{f"ours, rank 0 of {ranks}": (sys.executable, f"rank{ranks}", store) for ranks in RANKS},
        "ours, one worker process": (sys.executable, "worker", store),
    }  # fmt: skip
    if PEER.exists():
        ways |= {"litdata": (PEER, "litdata", peers / "litdata" / "train"), "datasets": (PEER, "datasets", store)}
    found: dict[str, list[dict]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (python, what, where) in ways.items():
            ran = subprocess.run([str(python), "-W", "ignore", str(Path(__file__).with_name("loader_peer.py")), what,
                                  str(where), str(LENGTH), str(BATCH)],
                                 capture_output=True, text=True, check=True)  # fmt: skip
            found[name].append(json.loads(ran.stdout.splitlines()[-1]))
    best = {name: max(runs, key=lambda run: run["tokens"] / run["seconds"]) for name, runs in found.items()}
    mine = best["ours"]["tokens"] / best["ours"]["seconds"]
    print(f"{tokens:,} tokens in rows of {LENGTH:,}, batches of {BATCH}, best of {repeats}")
    print(f"{'':36}{'million tokens/s':>18}{'per CPU second':>16}{'ours is':>10}")
    for name, run in best.items():
        rate, cpu = run["tokens"] / run["seconds"] / 1e6, min(r["cpu"] / r["tokens"] for r in found[name])
        print(f"{name:36}{rate:18.1f}{1 / cpu / 1e6:16.1f}{mine / 1e6 / rate:9.1f}x")
    print(f"  at least 5 million demanded: {'met' if mine >= 5e6 else 'NOT MET'}", flush=True)


def first(folder: Path, shards: int) -> None:
    """Seconds from nothing to the first batch, of an export of many small files."""
    folder.mkdir()
    table = next(parts(LENGTH * 4, LENGTH * 4))
    pq.write_table(table, folder / "one.parquet")
    one = (folder / "one.parquet").read_bytes()
    files = []
    for number in range(shards):
        name = f"train-{number:06}.parquet"
        (folder / name).write_bytes(one)
        files.append({"name": name, "stage": 0, "split": "train", "rows": table.num_rows})
    stages = [{"name": "train", "sequence_length": LENGTH}]
    (folder / "index.json").write_text(written("bench", ["a"], stages, files))
    script = Path(__file__).with_name("loader_peer.py")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        ran = subprocess.run([sys.executable, str(script), "first", str(folder), str(LENGTH), str(BATCH)],
                             capture_output=True, text=True, check=True)  # fmt: skip
        seconds.append((json.loads(ran.stdout.splitlines()[-1])["seconds"], time.perf_counter() - start))
    own, whole = (min(one) for one in zip(*seconds, strict=True))
    print(f"first batch of {shards:,} shards: {own:.2f} s ({whole:.1f} s with Python and the import of torch)")
    print(f"  within 2 seconds demanded: {'met' if own <= 2 else 'NOT MET'}", flush=True)


if __name__ == "__main__":
    main()
