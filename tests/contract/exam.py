"""The exam's material: every stage, documents of every kind, and ways to run a stage."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.api import run_stage
from datacurate.core.registry import stage_class, stage_modules
from datacurate.core.store import read_parts
from tests import models

STAGES = sorted(stage_modules())
"""Every stage that hands on documents; a new file in stages/ sits the exam by being there."""

WORDS = ["the", "of", "to", "and", "that", "have", "with", "be", "river", "stone", "light", "water", "morning", "paper"]


ROOT = Path(__file__).resolve().parent.parent.parent


def prose(seed: int, words: int = 120) -> str:
    """Text in sentences that the filters' defaults let pass, different for each seed."""
    rng = random.Random(seed)
    chosen = [rng.choice(WORDS) + rng.choice(["", "", "s", "ed", "ing", str(rng.randrange(90))]) for _ in range(words)]
    lines = [" ".join(chosen[at : at + 12]).capitalize() + "." for at in range(0, words, 12)]
    return "\n".join(lines)


def ordinary(count: int = 60) -> list[str]:
    """Prose with exact copies, near copies, short texts, tag clouds and repeated lines among it."""
    texts = [prose(seed) for seed in range(count // 2)]
    texts += [texts[1], texts[2] + " Added at the end.", "too short", "", "#tag " * 80, "same line again\n" * 40]
    texts += [prose(1000 + seed, 300) for seed in range(count - len(texts))]
    return texts


def planes() -> list[str]:
    """Characters of every Unicode plane, with NUL, controls, marks and turning characters among them."""
    texts = []
    for plane in range(17):
        points = [plane * 0x10000 + offset for offset in range(0x20, 0x10000, 997)]
        texts.append(" ".join(chr(p) for p in points if not 0xD800 <= p <= 0xDFFF) * 3)
    odd = ["nul\x00in\x00side " * 30, "\u202eturned\u202c " * 30, "e\u0301\u0302\u0303" * 200, "\r\n\x0b\x0c" * 99]
    return texts + odd


def documents(texts: list[str | None], source: str = "docs") -> pa.Table:
    """A table of documents with ids that differ."""
    ids = [f"{source}-{at:05d}" for at in range(len(texts))]
    return pa.table({"id": ids, "text": pa.array(texts, pa.string()), "source": [source] * len(texts)})


def write_shards(folder: Path, tables: list[pa.Table], **how) -> Path:
    """Parquet files, one per table."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, table in enumerate(tables):
        pq.write_table(table, folder / f"part-{at}.parquet", **how)
    return folder


def shards(texts: list[str], count: int) -> list[pa.Table]:
    """The documents dealt out to several shards."""
    table = documents(texts)
    size = -(-table.num_rows // count)
    return [table.slice(at * size, size) for at in range(count)]


def make(name: str, **options):
    """The stage with default options; those that have none get one from the sample."""
    if name in ("tokenize", "count_tokens", "chat"):
        options.setdefault("tokenizer", str(ROOT / "sample" / "tokenizer.json"))
    if name == "datatrove":
        options.setdefault("step", "RegexFilter")
        options.setdefault("arguments", {"regex_exp": "#tag|short"})
    if name == "where":
        options.setdefault("keep", ["id is not null"])
    if name == "mc4":
        options.setdefault("min_line_length", 40)  # lines of prose are shorter than 200 characters
    if name == "url_dedup":
        options.setdefault("column", "id")  # these documents have no addresses
    if name == "decontaminate":
        options.setdefault("benchmarks", {"quiz": {"path": str(ROOT / "tests" / "contract" / "quiz.jsonl")}})
    if name == "repo_order":
        options |= {"repo_column": "source", "path_column": "id", "max_bytes": 4000} | options
    if name == "semantic":
        options.setdefault("model", models.tiny())
        options.setdefault("threshold", 1.0)  # what random weights find alike depends on the processor's last bits
    return stage_class(name)(**options)


def run(name: str, inputs: Path, out: Path, workers: int = 0, **options):
    """Run a stage with default options; 0 workers means in this process."""
    inline = out.parent / "inline.yaml"
    inline.write_text("executor: inline\n")
    stage = make(name, **options)
    return run_stage(stage, [inputs], out, profile=None if workers else inline, workers=workers or None)


def rows(out: Path) -> pa.Table:
    """The documents that a run kept, in order."""
    from datacurate.core.dataset import Dataset

    return read_parts([shard.path for shard in Dataset.open(out).shards])


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a store, by relative path; claims do not count."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".claims" not in path.parts
    }


def books(finished) -> dict:
    """The ledger of the last stage of a run."""
    return [m for m in finished.manifests if "ledger" in m][-1]["ledger"]
