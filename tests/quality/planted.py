"""The planted documents: what `decontaminate` finds in them, by kind of planting."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.stages.decontaminate import Decontaminate

NAMES = {
    "gsm8k_test": "gsm8k",
    "piqa": "piqa",
    "lambada_openai": "lambada",
    "mmlu_test": "mmlu",
    "HumanEval": "humaneval",
}
"""Benchmarks of which items were planted: their files, and our names."""
FILLER = "The council met on Tuesday and talked about the price of paint, a broken gate and the new opening hours. " * 3
"""What stands around items that are planted one by one."""
CHOICES = 4
"""Rows of the MMLU file for each question; the gold counts questions."""


def rows(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def stage(data: Path, preset: str, **options: Any) -> Decontaminate:
    """The stage against the benchmarks of which items were planted."""
    files = {name: str(data / "benchmarks" / f"{file}.jsonl.gz") for file, name in NAMES.items()}
    return Decontaminate(benchmarks=files, preset=preset, **options)


@cache
def documents(data: Path) -> tuple[pa.Table, dict[str, dict[str, Any]]]:
    """The documents, and what is said of each."""
    docs = rows(data / "decontam_planted" / "docs.jsonl.gz")
    gold = {row["id"]: row for row in rows(data / "decontam_planted" / "gold.jsonl.gz")}
    table = {"id": [d["id"] for d in docs], "text": [d["text"] for d in docs], "source": ["planted"] * len(docs)}
    return pa.table(table), gold


def evidence(made: Decontaminate, docs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """All that a stage finds in documents, and the items."""
    numbers = np.arange(docs.num_rows, dtype=np.uint64)
    items = made.items()
    index = made.index(items)
    phrases = made.phrases(docs, numbers, items, index)
    return made.evidence(docs, numbers, items, index, phrases, made.common([phrases])), items


def found(data: Path, preset: str, **options: Any) -> tuple[Counter, Counter, list[str]]:
    """By kind of planting: documents in which the planted item was found, all of that kind; and clean ones accused."""
    docs, gold = documents(data)
    table, items = evidence(stage(data, preset, **options), docs)
    names = {(row["benchmark"], row["item"]): row["name"] for row in items.to_pylist()}
    held: dict[str, set] = {}
    for row in table.to_pylist():
        if row["acted"]:
            held.setdefault(row["id"], set()).add((row["benchmark"], row["item"]))
    right: Counter = Counter()
    for id, planted in gold.items():
        if planted["contaminated"]:
            right[planted["type"]] += any(_same(planted, *item, names) for item in held.get(id, ()))
    wrong = sorted(f"{id} {held[id]}" for id in held if not gold[id]["contaminated"])
    return right, Counter(planted["type"] for planted in gold.values()), wrong


def reported(data: Path, preset: str) -> tuple[int, list[str]]:
    """What the report counts: documents whose planted item is an item that leaked, and leaks that were not planted."""
    docs, gold = documents(data)
    table, items = evidence(stage(data, preset), docs)
    names = {(row["benchmark"], row["item"]): row["name"] for row in items.to_pylist()}
    right, wrong = 0, []
    for id, group in groupby(table.to_pylist(), key=itemgetter("id")):
        held = {(row["benchmark"], row["item"]) for row in group if not row["alike"]}
        same = {item for item in held if gold[id]["contaminated"] and _same(gold[id], *item, names)}
        right += bool(same)
        wrong += [f"{id} {item}" for item in held - same]
    return right, wrong


def short(data: Path, file: str) -> tuple[int, int]:
    """Items of a benchmark of short questions that are found, each in a document of its own: with the right answer, and
    the right answer alone. The question stands there without the label "Question:"."""
    asked = rows(data / "benchmarks" / f"{file}.jsonl.gz")
    made = Decontaminate(benchmarks={file: str(data / "benchmarks" / f"{file}.jsonl.gz")})
    questions = [row["query"].removeprefix("Question: ").strip() for row in asked]
    right = [row["choices"][row["gold"]] for row in asked]
    both = [f"{FILLER}{question} {answer}\n{FILLER}" for question, answer in zip(questions, right, strict=True)]
    alone = [f"{FILLER}{answer}\n{FILLER}" for answer in right]
    counts = []
    for texts in (both, alone):
        ids = [str(number) for number in range(len(texts))]
        table, _ = evidence(made, pa.table({"id": ids, "text": texts, "source": ["planted"] * len(texts)}))
        counts.append(len(set(table["id"].to_pylist())))
    return counts[0], counts[1]


def _same(planted: dict[str, Any], benchmark: str, item: int, names: dict) -> bool:
    if benchmark != NAMES[planted["eval"]]:
        return False
    number = item // CHOICES if benchmark == "mmlu" else item
    return planted["eval_index"] in (number, names[benchmark, item])
