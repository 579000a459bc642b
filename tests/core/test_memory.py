"""Memory of a worker stays bounded, however large its shard and the row groups in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core_tools import recipe_of, write_recipe

from datacurate.stages.dedup.minhash import Minhash
from datacurate.stages.filters.gopher_quality import GopherQuality
from datacurate.stages.filters.gopher_repetition import GopherRepetition

MB = 1_000_000
WORDS = 600
"""Words per document: about 4 kB."""
PIECE = 5_000
"""Documents that are made at a time."""


def write_shard(path: Path, size: int, row_group: int | None, every: int) -> int:
    """A shard with `size` bytes of text that passes the filters; each `every`-th document is the one before again."""
    random = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(random.choice(letters, random.integers(3, 9))) for _ in range(20_000)])
    words[:1000] = np.resize(["the", "of", "and", "to", "with", "that", "have", "be"], 1000)
    schema = pa.schema({"id": pa.string(), "text": pa.string()})
    made, count, tables = 0, 0, []
    while made < size:
        chosen = random.choice(words, (PIECE, WORDS))
        texts = [" ".join(row) + "." for row in chosen]
        texts[every - 1 :: every] = texts[every - 2 :: every]
        tables.append(pa.table({"id": [f"d{count + n}" for n in range(PIECE)], "text": texts}, schema=schema))
        made += sum(map(len, texts))
        count += PIECE
    pq.write_table(pa.concat_tables(tables), path, row_group_size=row_group or count, compression="snappy")
    assert pq.read_metadata(path).num_row_groups == (1 if row_group is None else -(-count // row_group))
    return count


def peak(folder: Path, size: int, row_group: int | None, every: int = 10) -> int:
    """Bytes that the one worker needed at most, from the engine's own processes: this one has held the shard."""
    count = write_shard(folder / "shard.parquet", size, row_group, every)
    recipe = recipe_of(folder / "shard.parquet", GopherQuality(), GopherRepetition(), Minhash())
    path = write_recipe(folder / "r.yaml", recipe)
    code = f"from core_tools import print_peak; print_peak({str(path)!r}, {str(folder / 'run')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["out"] == count - count // every, "the documents reach the end, and the repeated ones are found"
    print(f"peak {said['peak'] / MB:.0f} MB")
    return said["peak"]


def test_a_shard_whose_documents_all_have_a_copy(tmp_path):
    """100 MB. The shingles of all of them, 1.4 bytes per byte of text, are laid out by key."""
    assert peak(tmp_path, 100 * MB, row_group=None, every=2) < 750 * MB


@pytest.mark.slow
@pytest.mark.parametrize("row_group", [None, 20_000], ids=["one row group", "many row groups"])
def test_a_shard_of_1_gb(tmp_path, row_group):
    assert peak(tmp_path, 1000 * MB, row_group) < 1200 * MB
