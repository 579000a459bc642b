"""Datasets, indexes, and runs against them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.api import make_index, run_stage
from datacurate.core.dataset import Dataset
from datacurate.core.registry import stage_class
from datacurate.core.store import read_parts


def write(folder: Path, docs: list[tuple[str, str | None]], shards: int = 1) -> Path:
    """Documents dealt out to Parquet files in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    for at in range(shards):
        mine = docs[at::shards]
        columns = {"id": [id for id, _ in mine], "text": pa.array([text for _, text in mine], pa.string())}
        pq.write_table(pa.table(columns), folder / f"part-{at}.parquet")
    return folder


def run(stage: str, inputs: Path, out: Path, workers: int | None = None, **options):
    """Run a stage, in this process unless there are workers."""
    profile = None if workers else inline(out.parent)
    return run_stage(stage_class(stage)(**options), [inputs], out, profile=profile, workers=workers)


def inline(folder: Path) -> Path:
    """A profile that runs in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inline.yaml").write_text("executor: inline\n")
    return folder / "inline.yaml"


def index(folder: Path, datasets: list[Path], stage: str | None = None, **options):
    """Make an index, or extend the one that is there."""
    wanted = stage_class(stage)(**options) if stage else None
    return make_index(wanted, list(datasets), folder, inline(folder.parent))


def dataset(tmp_path: Path, name: str, docs: list, shards: int = 1) -> Path:
    """A finished dataset that holds all of these documents."""
    run("where", write(tmp_path / f"{name}-files", docs, shards), tmp_path / name, keep=["id is not null"])
    return tmp_path / name


def kept(out: Path) -> list[str]:
    """The ids that a run kept, sorted."""
    return sorted(Dataset.open(out).table(["id"])["id"].to_pylist())


def merged(out: Path) -> dict[str, tuple[str, str, float]]:
    """Rule, survivor and similarity of every document that was merged, by id."""
    data = Dataset.open(out)
    rows = read_parts([out / path for path in data.manifest["ledgers"]]).to_pylist()
    return {row["id"]: (row["rule"], row["survivor"], row["similarity"]) for row in rows if row["fate"] == "merged"}
