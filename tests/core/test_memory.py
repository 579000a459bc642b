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

from datacurate.core.stage import Stage
from datacurate.stages.dedup.minhash import Minhash
from datacurate.stages.filters.c4 import C4
from datacurate.stages.filters.fineweb import Fineweb
from datacurate.stages.filters.gopher_quality import GopherQuality
from datacurate.stages.filters.gopher_repetition import GopherRepetition
from datacurate.stages.signals import Signals

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


def write_lines(path: Path, size: int) -> int:
    """A shard with `size` bytes of text in lines that the filters let pass, but for one in ten; row groups of 3 MB.

    Documents have about 600 bytes, so that in 60 MB there are more of them than the 65,536 of a row group: what writers
    hold before their first row group is full is no sign of growth.
    """
    random = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(random.choice(letters, random.integers(3, 9))) for _ in range(20_000)])
    words[:4000] = np.resize(["the", "of", "and", "to", "with", "that", "have", "be"], 4000)
    chosen = random.choice(words, (PIECE, 7, 15))
    texts = ["\n".join(" ".join(line) + "." for line in document) for document in chosen]
    texts[::10] = ["# few words {"] * len(texts[::10])
    schema = pa.schema({"id": pa.string(), "text": pa.string(), "language": pa.string()})
    pieces = -(-size // sum(map(len, texts)))
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:
        for at in range(pieces):
            ids = [f"d{at}-{n}" for n in range(PIECE)]
            writer.write_table(pa.table({"id": ids, "text": texts, "language": ["en"] * PIECE}, schema=schema))
    return pieces * PIECE


def worker_peak(folder: Path, *stages: Stage) -> tuple[int, int]:
    """Bytes that the one worker needed at most, from the engine's own processes: this one has held the shard.

    And the documents at the end.
    """
    path = write_recipe(folder / "r.yaml", recipe_of(folder / "shard.parquet", *stages))
    code = f"from core_tools import print_peak; print_peak({str(path)!r}, {str(folder / 'run')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return said["peak"], said["out"]


def peak(folder: Path, size: int, row_group: int | None, every: int = 10) -> int:
    """The worker's peak over a shard from which repeated documents are removed."""
    count = write_shard(folder / "shard.parquet", size, row_group, every)
    needed, out = worker_peak(folder, GopherQuality(), GopherRepetition(), Minhash())
    assert out == count - count // every, "the documents reach the end, and the repeated ones are found"
    print(f"peak {needed / MB:.0f} MB")
    return needed


def test_a_shard_whose_documents_all_have_a_copy(tmp_path):
    """100 MB. The shingles of all of them, 1.4 bytes per byte of text, are laid out by key."""
    assert peak(tmp_path, 100 * MB, row_group=None, every=2) < 750 * MB


@pytest.mark.slow
@pytest.mark.parametrize("row_group", [None, 20_000], ids=["one row group", "many row groups"])
def test_a_shard_of_1_gb(tmp_path, row_group):
    assert peak(tmp_path, 1000 * MB, row_group) < 1200 * MB


@pytest.mark.slow
def test_signals_and_filters_need_no_more_for_a_larger_shard(tmp_path):
    """All signals of RedPajama-v2 and the four families of filters, over 60 MB and over 240 MB in one shard."""
    needed = []
    for size in (60 * MB, 240 * MB):
        folder = tmp_path / str(size)
        folder.mkdir()
        count = write_lines(folder / "shard.parquet", size)
        most, out = worker_peak(folder, Signals(), GopherQuality(), GopherRepetition(), C4(), Fineweb())
        assert out == count - count // 10, "but for one in ten the documents pass"
        needed.append(most)
    print(f"peaks {needed[0] / MB:.0f} MB and {needed[1] / MB:.0f} MB")
    assert needed[1] < 1.15 * needed[0]
