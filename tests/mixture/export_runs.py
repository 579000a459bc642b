"""A small mixture whose documents all have names of their own inside, and what an export of it must hold."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.api import run_stage
from datacurate.audit.run_folder import open_run
from datacurate.mixture.mixture import Mixture

LENGTH = 64
SPLITS = ("train", "validation")


def run(folder: Path, tokenizer: str, packing: str = "concatenate") -> Path:
    """The folder of a mixture of two sources."""
    for name, count in (("web", 300), ("books", 60)):
        size = 5 if name == "web" else 90
        texts = [
            f"[{name} {i}] " + f"The king {i} went out to meet the morning. " * (1 + i % size) for i in range(count)
        ]
        lines = [json.dumps({"id": f"{name}-{i}", "text": text}) for i, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    stage = Mixture(tokens=20_000, tokenizer=tokenizer, sequence_length=LENGTH, validation=0.1, packing=packing)
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


def documents(folder: Path, split: str) -> list[list[int]]:
    """The documents of a split, piece by piece: what goes on where the last piece stopped, in one file, is joined."""
    found: list[list[int]] = []
    last = None
    for row in rows(folder, split):
        ends = [*row["starts"][1:], row["length"]]
        for start, end, document, begin in zip(row["starts"], ends, row["documents"], row["begins"], strict=True):
            piece = row["input_ids"][start:end]
            if last == (row["part"], document, begin):
                found[-1] += piece
            else:
                found.append(piece)
            last = (row["part"], document, begin + len(piece))
    return found
