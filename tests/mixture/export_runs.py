"""A small mixture whose documents all have names of their own inside, and what an export of it must hold."""

from __future__ import annotations

import json
from collections import Counter
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
    """The documents of a split, part by part, from their pieces.

    In concatenated rows a piece goes on in the next one; else anything of a part may go on where another piece stopped.
    """
    stage = open_run(folder).last("mixture")
    assert stage is not None
    parts: dict[int, list] = {}
    for row in rows(folder, split):
        ends = [*row["starts"][1:], row["length"]]
        for start, end, *named in zip(
            row["starts"], ends, row["sources"], row["documents"], row["begins"], strict=True
        ):
            parts.setdefault(row["part"], []).append((*named, row["input_ids"][start:end]))
    joined = _neighbours if stage.manifest["fields"].get("packing") is None else _anywhere
    return [document for part in sorted(parts) for document in joined(parts[part])]


def _neighbours(pieces: list) -> list[list[int]]:
    found: list[list[int]] = []
    last = None
    for source, document, begin, tokens in pieces:
        if last == (source, document, begin):
            found[-1] += tokens
        else:
            found.append(list(tokens))
        last = (source, document, begin + len(tokens))
    return found


def _anywhere(pieces: list) -> list[list[int]]:
    seen: Counter = Counter()
    copies: dict[tuple, list] = {}
    for at, (source, document, begin, tokens) in enumerate(pieces):
        copies.setdefault((source, document, seen[source, document, begin]), []).append((begin, at, tokens))
        seen[source, document, begin] += 1
    found: list[tuple[int, list[int]]] = []
    for mine in copies.values():
        stop = None
        for begin, at, tokens in sorted(mine):
            if begin == stop:
                found[-1] = (min(found[-1][0], at), found[-1][1] + tokens)
            else:
                found.append((at, tokens))
            stop = begin + len(tokens)
    return [tokens for _, tokens in sorted(found)]
