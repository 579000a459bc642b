"""Packed mixtures of any shape, written as a run, a store or an export would: token i of row r says which it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.mixture import pack
from datacurate.mixture.reading.index import written

HELD = 900_000
"""Added to the first token of validation rows."""


def packed(rows: int, length: int, first: int, split: int = 0, part: int = 0, stage: int = 0) -> pa.Table:
    """Rows of two or more documents each, of which the last is short; the first token of row r is `first` + r."""
    rng = np.random.default_rng([first, length, split])
    tables = []
    for row in range(rows):
        size = length if row < rows - 1 else max(1, length - 3)
        inner = np.unique(rng.integers(1, max(size, 2), 2)) if size > 2 else np.zeros(0, np.int64)
        offsets = np.concatenate([[0], inner, [size]])
        flat = rng.integers(1, 1000, size).astype(np.int32)
        flat[0] = first + row + (HELD if split else 0)
        pieces = pack.whole(flat, offsets, rng.integers(0, 2, len(offsets) - 1).astype(np.int32))
        tables.append(pack.as_table(pack.pack(pieces, length), split, np.array([part]), stage))
    return pa.concat_tables([pack.packed_schema(length).empty_table(), *tables])


def write_store(folder: Path, shape: list[tuple[int, list[int]]], held: int = 2, group: int = 3) -> Path:
    """A folder of the store: per training stage the length of its rows, and how many each part has."""
    folder.mkdir(parents=True)
    first = 0
    for stage, (length, parts) in enumerate(shape):
        for part, rows in enumerate(parts):
            tables = [packed(rows, length, first, 0, part, stage), packed(held, length, first, 1, part, stage)]
            pq.write_table(pa.concat_tables(tables), folder / f"{stage}-{part}.parquet", row_group_size=group)
            first += rows
    return folder


def write_export(folder: Path, shape: list[tuple[int, list[int]]], key: str = "k", group: int = 3) -> Path:
    """A folder of an export, with its index."""
    folder.mkdir(parents=True)
    stages, files, first = [], [], 0
    for stage, (length, parts) in enumerate(shape):
        stages.append({"name": f"s{stage}", "sequence_length": length})
        for part, rows in enumerate(parts):
            name = f"train-{stage}-{part}.parquet"
            table = packed(rows, length, first, 0, part, stage)
            pq.write_table(table, folder / name, row_group_size=group)
            files.append({"name": name, "stage": stage, "split": "train", "rows": rows})
            first += rows
    (folder / "index.json").write_text(written(key, ["a", "b"], stages, files))
    return folder


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())
