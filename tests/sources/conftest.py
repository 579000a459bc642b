"""The data folder beside the checkout, and what all source tests ask."""

import os
from pathlib import Path

import pytest

from datacurate.core.paths import located

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shared() -> Path:
    folder = Path(os.environ.get("DATACURATE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no data folder beside the checkout; DATACURATE_SHARED names one")
    return folder / "data"


@pytest.fixture
def sample() -> Path:
    return ROOT / "sample"


@pytest.fixture
def read():
    """Read a file to the end: its documents as dicts, its unread records, and the batches."""

    def read_all(source, file):
        batches = list(source.read(Path(file), "src"))
        assert batches, "a source yields at least one batch, so that the schema is known"
        assert len({str(batch.docs.schema) for batch in batches}) == 1
        rows = [row for batch in batches for row in batch.docs.to_pylist()]
        return rows, [unread for batch in batches for unread in batch.unread], batches

    return read_all


@pytest.fixture
def everything():
    """All documents and unread records of all shards of a source, through the strings that tasks get."""

    def read_shards(source):
        docs, unread = [], []
        for shard in source.shards():
            for read in source.read(located(str(shard)), "src"):
                docs += read.docs.to_pylist()
                unread += read.unread
        return docs, unread

    return read_shards
