"""A small mixture whose documents all have names of their own inside, and what an export of it must hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.api import run_stage
from datacurate.audit.run_folder import open_run
from datacurate.mixture.mixture import Mixture

LENGTH = 64
SPLITS = ("train", "validation")


def run(folder: Path, tokenizer: str, write_jsonl, tokens: int = 20_000) -> Path:
    """The folder of a mixture of two sources."""
    for name, count in (("web", 300), ("books", 60)):
        size = 5 if name == "web" else 90
        texts = [
            f"[{name} {i}] " + f"The king {i} went out to meet the morning. " * (1 + i % size) for i in range(count)
        ]
        write_jsonl([{"id": f"{name}-{i}", "text": text} for i, text in enumerate(texts)], f"{name}.jsonl")
    stage = Mixture(tokens=tokens, tokenizer=tokenizer, sequence_length=LENGTH, validation=0.1)
    profile = folder / "inline.yaml"
    profile.write_text("executor: inline\n")
    run_stage(stage, [folder / "web.jsonl", folder / "books.jsonl"], folder / "mix", profile=profile)
    return folder / "mix"


def rows(folder: Path, split: str) -> list[dict]:
    """The packed rows of a split, in order, straight from the files."""
    stage = open_run(folder).last("mixture")
    assert stage is not None
    table = pa.concat_tables([pq.read_table(path) for path in stage.shards.values()])
    return [row for row in table.to_pylist() if row["split"] == SPLITS.index(split)]


def documents(folder: Path, split: str, end: int) -> list[list[int]]:
    """The documents of a split, found the slow way: tokens up to an end, within a part."""
    found: list[list[int]] = []
    part, last = None, None
    for row in rows(folder, split):
        for token, place in zip(row["input_ids"][: row["length"]], range(row["length"]), strict=True):
            source = row["sources"][np.searchsorted(row["starts"], place, side="right") - 1]
            begins = place in row["starts"] and (place > 0 or part != row["part"] or source != last)
            if begins or not found or found[-1][-1] == end:
                found.append([])
            found[-1].append(token)
            last, part = source, row["part"]
    return found
