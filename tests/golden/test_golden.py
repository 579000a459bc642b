"""The ratchet: a stage's output on real documents moves only together with its `version`.

`make golden` writes the digests anew; it refuses when an output moved and the version stands still.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

import pytest

from datacurate.api import run_stage
from datacurate.core.dataset import Dataset
from datacurate.core.registry import stage_class, stage_modules
from datacurate.core.store import read_parts
from tests.contract import exam

STAGES = sorted(stage_modules())
FILE = Path(__file__).parent / "digests.json"


@pytest.fixture(scope="session")
def extracted(root, tmp_path_factory):
    """The sample's pages as text, which all stages but `extract` are given. Not by our engine, which changes."""
    out = tmp_path_factory.mktemp("golden") / "web"
    profile = out.parent / "inline.yaml"
    profile.write_text("executor: inline\n")
    run_stage(stage_class("extract")(engine="resiliparse"), [root / "sample" / "web.warc.gz"], out, profile=profile)
    return out


def digest(name: str, inputs: list, out: Path, profile: Path) -> dict:
    """Digest of kept and removed documents of one stage with default options, beside what identifies it."""
    stage = exam.make(name)
    run = run_stage(stage, inputs, out, profile=profile)
    hashed = hashlib.sha256()
    manifest = run.manifests[-1]
    ledgers = [out / manifest["folder"] / path for path in manifest["ledgers"]]
    for table in (read_parts([shard.path for shard in Dataset.open(out).shards]), read_parts(ledgers)):
        for row in table.to_pylist():
            hashed.update(json.dumps(row, sort_keys=True, default=repr).encode())
    defaults = {name: repr(field.get_default()) for name, field in type(stage).model_fields.items()}
    return {"version": stage.version, "defaults": defaults, "output": hashed.hexdigest()[:32]}


def mixture_digest(inputs: list, out: Path, profile: Path) -> dict:
    """Digest of the packed rows and the receipt of a small mixture."""
    tokenizer = str(exam.ROOT / "sample" / "tokenizer.json")
    stage = stage_class("mixture")(tokenizer=tokenizer, tokens=100_000, sequence_length=128)
    run = run_stage(stage, inputs, out, profile=profile)
    manifest = run.manifests[-1]
    hashed = hashlib.sha256()
    for phase in ("packed", "receipt"):
        parts = [out / manifest["folder"] / part for part in manifest["phases"][phase]["parts"]]
        hashed.update(json.dumps(read_parts(parts).to_pylist(), sort_keys=True, default=repr).encode())
    defaults = {name: repr(field.get_default()) for name, field in type(stage).model_fields.items()}
    return {"version": stage.version, "defaults": defaults, "output": hashed.hexdigest()[:32]}


@pytest.mark.parametrize("name", [*STAGES, "mixture"])
def test_output_moves_with_version(name, root, extracted, tmp_path, request):
    handbook = root / "sample" / "handbook.parquet"
    inputs = [root / "sample" / "web.warc.gz"] if name == "extract" else [extracted, handbook]
    profile = extracted.parent / "inline.yaml"
    made = mixture_digest if name == "mixture" else functools.partial(digest, name)
    now = made(inputs, tmp_path / "out", profile)
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    then = known.get(name)
    moved = then is not None and now != then and now["version"] == then["version"]
    assert not moved, f"the output or defaults of {name} moved: bump its version, then run `make golden`"
    if request.config.getoption("--golden-update"):
        FILE.write_text(json.dumps({**known, name: now}, indent=1, sort_keys=True) + "\n")
    else:
        assert then == now, f"{name} has no digest for version {now['version']}: run `make golden`"
