"""What the tests of stages that cut parts out of documents share."""

from __future__ import annotations

from hashlib import blake2s
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.contract import exam


def rank(name: str) -> int:
    """The order of documents: the first 64 bits of the digest of the id."""
    return int.from_bytes(blake2s(name.encode(), digest_size=16).digest()[:8], "little")


def table(texts: dict[str, str | None], **columns: list) -> pa.Table:
    names = list(texts)
    plain = {"id": names, "text": pa.array(texts.values(), pa.string()), "source": ["docs"] * len(names)}
    return pa.table(plain | columns)


def result(tmp_path: Path, stage: str, shards: list[pa.Table], name: str = "run", **options: Any) -> dict[str, str]:
    """Id and text of every document that goes on."""
    inputs = exam.write_shards(tmp_path / name / "in", shards)
    exam.run(stage, inputs, tmp_path / name / "out", **options)
    made = exam.rows(tmp_path / name / "out")
    return dict(zip(made["id"].to_pylist(), made["text"].to_pylist(), strict=True))


def ledger(tmp_path: Path, stage: str, name: str = "run") -> list[dict]:
    """The removed documents of a run."""
    from datacurate.core.store import read_parts

    paths = sorted((tmp_path / name / "out" / ".store").glob(f"{stage}-*/*.ledger.parquet"))
    return read_parts(paths).to_pylist()


def dealt(docs: pa.Table, count: int, seed: int) -> list[pa.Table]:
    """The same documents in another order and in other shards."""
    import random

    places = list(range(docs.num_rows))
    random.Random(seed).shuffle(places)
    return [docs.take(pa.array(places[at::count], pa.int64())) for at in range(count)]
