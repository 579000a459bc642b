"""Parquet to packed rows: ours against datatrove's DocumentTokenizer, per core, in one run; and where our time goes.

    python bench/token_pipeline.py [DATA] [--copies 10] [--repeats 3]

MB of UTF-8 a CPU second on one core, with GPT-2's tokenizer. *straight* reads Parquet, tokenizes, packs rows of 2,048
and writes them as Parquet, which is what datatrove's step does (without rows). *count* makes numbers alone. *mixture*
is the whole stage: it also draws, shuffles all documents, and proves with a receipt what it wrote; start-up included.
Each measurement is a process of its own, so every tokenizer sees the texts for the first time. gigatoken remembers
words, so ours is also given the corpus in many copies: real corpora have far more text than words. CPU is that of all
threads.
(A script in this folder must not be called tokenize.py: Python's own module would be hidden behind it.)
"""

from __future__ import annotations

import os

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import argparse
import gzip
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from alone import alone

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-bench" / "bin" / "python"
ENGLISH = ("c4_demo", "cc_en_head", "wiki_demo", "wikitext2", "tinyshakespeare", "en_")
"""Beginnings of names of English files of `text/`."""
END = "<|endoftext|>"
DOCUMENT = 4000
"""Characters that books are cut into."""
LENGTH = 2048
DEMANDED = {"ratio": 40, "rate": 60}


def main() -> None:
    """Make the corpora, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=ROOT.parent / "shared" / "data")
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs="+")
    given = parser.parse_args()
    if given.one:
        what, docs, tokenizer, out = given.one
        print(json.dumps(measured(what, Path(docs), tokenizer, Path(out))))
        return
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = definition(given.data, Path(folder))
        print(f"load {os.getloadavg()[0]:.1f}; MB a CPU second")
        print(
            f"{'texts':10}{'MB':>6}{'datatrove':>11}{'straight':>10}{'ratio':>7}{'count':>8}{'mixture':>9}{'ratio':>7}"
        )
        for name, texts in corpora(given.data).items():
            for copies in (1, given.copies):
                compare(name, texts, copies, tokenizer, Path(folder), given.repeats)


def compare(name: str, texts: list[str], copies: int, tokenizer: str, folder: Path, repeats: int) -> None:
    """One line of the table."""
    docs = folder / f"{name}-{copies}"
    docs.mkdir()
    ids = [f"{copy}-{at}" for copy in range(copies) for at in range(len(texts))]
    pq.write_table(pa.table({"id": ids, "text": texts * copies}), docs / "docs.parquet")
    size = copies * sum(len(text.encode()) for text in texts) / 1e6

    def rate(what: str, times: int) -> float:
        return size / min(seconds(what, docs, tokenizer, folder) for _ in range(times))

    theirs = rate("datatrove", 1) if copies == 1 else THEIRS[name]
    THEIRS[name] = theirs
    straight, count, mixture = (rate(what, repeats) for what in ("straight", "count", "mixture"))
    print(
        f"{name:10}{size:6.0f}{theirs:11.2f}{straight:10.1f}{straight / theirs:7.0f}{count:8.1f}{mixture:9.1f}"
        f"{mixture / theirs:7.0f}  straight: {DEMANDED['ratio']} times {met(straight / theirs >= DEMANDED['ratio'])}, "
        f"{DEMANDED['rate']} MB/s {met(straight >= DEMANDED['rate'])}",
        flush=True,
    )


THEIRS: dict[str, float] = {}
"""datatrove's rate: it remembers little, so that one copy is enough."""


def met(holds: bool) -> str:
    return "met" if holds else "NOT met"


def seconds(what: str, docs: Path, tokenizer: str, folder: Path) -> float:
    """CPU seconds of one measurement."""
    words = [what, str(docs), tokenizer, tempfile.mkdtemp(dir=folder)]
    if what != "datatrove":
        return alone(__file__, *words)["seconds"]
    command = [str(PEER), str(Path(__file__).with_name("peer_tokens.py")), *words[1:]]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(made.stderr[-2000:])
    return float(made.stdout.splitlines()[-1])


def measured(what: str, docs: Path, tokenizer: str, out: Path) -> dict[str, float]:
    """CPU seconds of one way, after everything is loaded and compiled."""
    pa.set_cpu_count(1)
    ways = {"straight": straight, "count": count, "mixture": mixture}
    steps = ways[what](docs, tokenizer, out)
    next(steps)
    start = time.process_time()
    next(steps)
    return {"seconds": time.process_time() - start}


def straight(docs: Path, tokenizer: str, out: Path) -> Iterator[None]:
    """Parquet to ids to rows to Parquet."""
    import numpy as np

    from datacurate.core.store import PartWriter
    from datacurate.mixture import pack, tokenize
    from datacurate.sources.parquet import Parquet

    encoder, source = tokenize.load(tokenizer, END), Parquet(path=str(docs))
    encoder.encode_array(pa.array(["a"]))
    pack.pack(pack.whole(np.zeros(1, np.int32), np.array([0, 1]), np.zeros(1, np.int32)), 1)
    yield
    writer = PartWriter(out / "rows.parquet")
    for file in source.files():
        for read in source.read(file, "docs"):
            flat, offsets = encoder.encode_array(read.docs["text"].combine_chunks())
            rows = pack.pack(pack.whole(flat, offsets, np.zeros(len(offsets) - 1, np.int32)), LENGTH)
            writer.write(pack.as_table(rows, 0, np.zeros(rows.count, np.int32)))
    writer.commit()
    yield


def count(docs: Path, tokenizer: str, out: Path) -> Iterator[None]:
    """The stage count_tokens on what a source reads."""
    from datacurate.sources.parquet import Parquet
    from datacurate.stages.count_tokens import CountTokens

    stage, source = CountTokens(tokenizer=tokenizer), Parquet(path=str(docs))
    stage.warm()
    yield
    for file in source.files():
        for read in source.read(file, "docs"):
            stage.mapped(read.docs)
    yield


def mixture(docs: Path, tokenizer: str, out: Path) -> Iterator[None]:
    """The whole stage, by the engine, in this process."""
    from datacurate.api import run_stage
    from datacurate.mixture.mixture import Mixture

    options = {"tokenizer": tokenizer, "sequence_length": LENGTH, "validation": 0, "on_shortfall": "rescale"}
    sizes = pq.read_table(docs / "docs.parquet", columns=["text"])["text"]
    stage = Mixture(tokens=sizes.nbytes // 4, **options)
    stage.warm()
    (out / "inline.yaml").write_text("executor: inline\n")
    yield
    run_stage(stage, [docs / "docs.parquet"], out / "mix", profile=out / "inline.yaml")
    yield


def definition(data: Path, folder: Path) -> str:
    """GPT-2's tokenizer.json, for both."""
    from datacurate.mixture import tokenizer_files

    path = folder / "tokenizer.json"
    path.write_text(json.dumps(tokenizer_files.read(str(data / "tokenizers" / "gpt2"), None, None).definition))
    return str(path)


def corpora(data: Path) -> dict[str, list[str]]:
    """Documents: English web pages, articles and books; and samples of a mixture (arXiv, code questions and others)."""
    files = sorted((data / "text").rglob("*.gz"))
    return {
        "English": [t for f in files if f.name.startswith(ENGLISH) for t in documents(f)],
        "mix": [t for f in files if f.parent.name == "mix" for t in documents(f)],
    }


def documents(path: Path) -> list[str]:
    """The texts of a file: one of each line of JSON, or pieces of a book."""
    raw = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
    if not path.name.endswith(".jsonl.gz"):
        return [raw[at : at + DOCUMENT] for at in range(0, len(raw), DOCUMENT)]
    rows = [json.loads(line) for line in raw.splitlines() if line.strip()]
    found = [row.get("text") or row.get("raw_content") for row in rows]
    return [text for text in found if text]


if __name__ == "__main__":
    main()
