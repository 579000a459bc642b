"""Every export, read by the library that it is for; and byte for byte what that library's own writer makes."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import export_runs
import numpy as np
import pytest
from export_runs import LENGTH, SPLITS

from datacurate.mixture.export.run import export

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-export" / "bin" / "python"
SCRIPT = Path(__file__).with_name("export_peer.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-export (make test-all builds it)"),
]


@pytest.fixture(scope="module", params=["concatenate", "best_fit"])
def mix(tmp_path_factory, tokenizer, request):
    return export_runs.run(tmp_path_factory.mktemp("export"), tokenizer, request.param)


def expected(mix: Path, unit: str) -> dict[str, list[list[int]]]:
    if unit == "rows":
        return {split: [row["input_ids"] for row in export_runs.rows(mix, split)] for split in SPLITS}
    return {split: export_runs.documents(mix, split) for split in SPLITS}


@pytest.fixture
def read(mix, tmp_path):
    """Exports, and gives what the library reads of it; its own files are then in `written`."""

    def both(name: str, unit: str) -> dict[str, list]:
        export(mix, name, tmp_path / "ours", unit=unit)
        (tmp_path / "samples.json").write_text(json.dumps(expected(mix, unit)))
        command = [PYTHON, "-W", "ignore", SCRIPT, name, tmp_path / "ours", LENGTH, tmp_path / "samples.json", tmp_path]
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr[-3000:]
        return json.loads((tmp_path / "read.json").read_text())

    return both


def same_files(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "written" / name).read_bytes(), name


@pytest.mark.parametrize("unit", ["documents", "rows"])
def test_megatron(mix, read, tmp_path, unit):
    assert read("megatron", unit) == expected(mix, unit)
    same_files(tmp_path, [f"{split}.{ending}" for split in SPLITS for ending in ("bin", "idx")])


@pytest.mark.parametrize("unit", ["documents", "rows"])
def test_datatrove(mix, read, tmp_path, unit):
    found = read("datatrove", unit)
    for split in SPLITS:
        flat = [token for one in expected(mix, unit)[split] for token in one]
        whole = len(flat) // LENGTH * LENGTH
        assert [token for window in found[split] for token in window] == flat[:whole]
        if unit == "rows":
            assert found[split] == expected(mix, unit)[split]
            continue
        ends = np.cumsum([0] + [len(one) for one in expected(mix, unit)[split]])
        within = [place - ends[np.searchsorted(ends, place, side="right") - 1] for place in range(whole)]
        for number, positions in enumerate(found[f"{split} positions"]):
            # Its reader counts from 0 again where a window begins.
            mine = within[number * LENGTH : (number + 1) * LENGTH]
            assert positions == [min(place, i) for i, place in enumerate(mine)]
    same_files(tmp_path, [f"{s}/00000.ds{e}" for s in SPLITS for e in ("", ".index", ".metadata")])


@pytest.mark.parametrize("unit", ["rows", "documents"])
def test_mds(mix, read, tmp_path, unit):
    found = read("mds", unit)
    for split in SPLITS:
        assert found[split] == expected(mix, unit)[split]
        if unit == "rows":
            rows = export_runs.rows(mix, split)
            assert found[f"{split} starts"] == [row["starts"] for row in rows]
            assert found[f"{split} length"] == [row["length"] for row in rows]
    same_files(tmp_path, [f"{s}/{name}" for s in SPLITS for name in ("index.json", "shard.00000.mds")])


@pytest.mark.parametrize("unit", ["rows", "documents"])
def test_litdata(mix, read, tmp_path, unit):
    found = read("litdata", unit)
    for split in SPLITS:
        flat = [token for one in expected(mix, unit)[split] for token in one]
        blocks = [flat[a:b] for a, b in pairwise(range(0, len(flat) + 1, LENGTH))]
        assert found[split] == blocks
        ours, theirs = (json.loads((tmp_path / w / split / "index.json").read_text()) for w in ("ours", "written"))
        assert {k: v for k, v in ours.items() if k != "updated_at"} == {
            k: v for k, v in theirs.items() if k != "updated_at"
        }
    same_files(tmp_path, [f"{split}/chunk-0-0.bin" for split in SPLITS])


@pytest.mark.parametrize("unit", ["rows", "documents"])
def test_huggingface(mix, read, unit):
    found = read("huggingface", unit)
    for split in SPLITS:
        assert found[split] == expected(mix, unit)[split]
        if unit == "rows":
            assert found[f"{split} starts"] == [row["starts"] for row in export_runs.rows(mix, split)]
        else:
            assert set(found[f"{split} source"]) == {"books", "web"}
