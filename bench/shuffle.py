"""Shuffling and drawing a mixture over the cost of a copy, in one run, and the memory that it takes at two sizes.

    python bench/shuffle.py [--gigabytes 1,10] [--workers 2]

Real documents (bench/corpus.py), drawn by seed in eight rotations of their letters, fill Parquet files of 128 MB of
text. The copy reads these files batch by batch and writes them as the store does, in as many processes. The mixture
draws as many tokens as there are from two sources with even shares, so that one is passed over more than once, in two
training stages. Shuffle and draw is everything from token ids to packed rows and their receipt: what comes before
depends on the tokenizer, and is measured by bench/token_speed.py. Memory is what all processes together hold, sampled
ten times a second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scale import Watched

from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.run import execute
from datacurate.core.store import PartWriter, read_batches
from datacurate.mixture.mixture import Mixture
from datacurate.sources.parquet import Parquet

LIMIT_GB, RATIO = 4, 5
"""What is demanded: memory in all, and time over that of the copy."""
FILE_BYTES = 128_000_000
ROTATIONS = 8
BEFORE = ("tokenized", "celled")
"""Phases that make token ids, which a mixture of other shares finds in the store."""


def build(gigabytes: float) -> Path:
    """Parquet files of two sources with so much text, made unless they are there."""
    folder = corpus.BUILD / f"shuffle-v1-{gigabytes:g}"
    if folder.with_suffix(".done").exists():
        return folder
    base = [text for _, text in corpus._documents("small")]
    texts = [corpus._vary(text, copy) for copy in range(ROTATIONS) for text in base]
    sizes = np.array([len(text.encode()) for text in texts])
    for number in range(max(2, round(gigabytes * 1e9 / FILE_BYTES))):
        rng = np.random.default_rng(number)
        picked = rng.integers(len(texts), size=2 * FILE_BYTES // int(sizes.mean()))
        picked = picked[: int(np.searchsorted(np.cumsum(sizes[picked]), FILE_BYTES))]
        path = folder / "ab"[number % 3 == 0] / f"{number:05}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"id": [f"{number}-{at}" for at in range(len(picked))], "text": [texts[p] for p in picked]})
        pq.write_table(table, path, compression="zstd", compression_level=1, use_dictionary=False, row_group_size=4096)
    folder.with_suffix(".done").touch()
    return folder


def copy(pair: tuple[Path, Path]) -> float:
    """Copy a file batch by batch; CPU seconds."""
    start, writer = time.process_time(), PartWriter(pair[1])
    for batch in read_batches(pair[0]):
        writer.write(batch)
    writer.commit()
    return time.process_time() - start


def copied(docs: Path, workers: int, folder: Path) -> tuple[float, float]:
    """Seconds and CPU seconds of copying all files."""
    pairs = [(path, folder / path.parent.name / path.name) for path in sorted(docs.glob("*/*.parquet"))]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(abs, range(workers)))
        start = time.perf_counter()
        cpu = sum(pool.map(copy, pairs))
        seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds, cpu


def measure(gigabytes: float, workers: int) -> dict[str, Any]:
    """The copy, a mixture, and the copy again."""
    docs = build(gigabytes)
    folder = Path(tempfile.mkdtemp(prefix="shuffle-", dir=corpus.BUILD))
    before = copied(docs, workers, folder / "copy")
    tokenizer = corpus.SHARED / "tokenizers" / "gpt2"
    tokenizer = tokenizer if tokenizer.exists() else corpus.ROOT / "sample" / "tokenizer.json"
    tokens = int(gigabytes * 1e9 / 4.6)
    stages = [
        {"name": "core", "tokens": tokens * 4 // 5},
        {"name": "late", "tokens": tokens // 5, "packing": "best_fit"},
    ]
    mixture = Mixture(tokenizer=str(tokenizer), stages=stages, weights={"a": 1, "b": 1}, sequence_length=4096)
    sources = {name: Parquet(path=f"{docs}/{name}/*.parquet") for name in "ab"}
    executor = Watched(workers, folder / "logs")
    execute(plan(Recipe(name="x", sources=sources, mixture=mixture), folder / "store"), executor, folder / "run")
    made = {
        "gigabytes": gigabytes,
        "copies": [before, copied(docs, workers, folder / "copy")],
        "phases": {name: (s, executor.cpu[name], executor.total.get(name, 0)) for name, s in executor.seconds.items()},
        "store_gb": sum(path.stat().st_size for path in (folder / "store").rglob("*.parquet")) / 1e9,
        "input_gb": sum(path.stat().st_size for path in docs.rglob("*.parquet")) / 1e9,
    }
    shutil.rmtree(folder)
    return made


def show(made: dict[str, Any]) -> None:
    """One size."""
    print(f"\n{made['gigabytes']:g} GB of text, {made['input_gb']:.2f} GB of Parquet")
    print(f"  {'phase':24s}{'seconds':>9s}{'of CPU':>8s}{'GB in all':>11s}")
    for name, (seconds, cpu, held) in made["phases"].items():
        print(f"  {name:24s}{seconds:9.1f}{cpu:8.1f}{held:11.2f}")
    mine = [row for name, row in made["phases"].items() if not set(name.split("+")) & set(BEFORE)]
    ours = [sum(row[at] for row in mine) for at in (0, 1)]
    held = max(row[2] for row in mine)
    least = [min(one[at] for one in made["copies"]) for at in (0, 1)]
    print(f"  {'shuffle and draw':24s}{ours[0]:9.1f}{ours[1]:8.1f}{held:11.2f}")
    print(f"  {'copy (least of two)':24s}{least[0]:9.1f}{least[1]:8.1f}")
    ratio, cpu = ours[0] / least[0], ours[1] / least[1]
    met = "met" if ratio <= RATIO and held <= LIMIT_GB else "NOT met"
    print(f"  {ratio:.1f} times the copy ({cpu:.1f} by CPU), {held:.2f} GB; at most {RATIO} and {LIMIT_GB} GB: {met}")
    print(f"  store {made['store_gb']:.2f} GB", flush=True)


def main() -> None:
    """Measure every size, print it, write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", default="1,10")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    results = []
    for gigabytes in map(float, given.gigabytes.split(",")):
        results.append(measure(gigabytes, given.workers))
        show(results[-1])
    (corpus.BUILD / "shuffle.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
