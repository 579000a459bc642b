"""Exports of a mixture with training stages and of chat: each stage apart, and what no loss is taken of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from datacurate import PackedDataset
from datacurate.api import run_stage
from datacurate.audit.run_folder import open_run
from datacurate.cli import app
from datacurate.core.store import read_parts
from datacurate.mixture import pack
from datacurate.mixture.export import samples
from datacurate.mixture.export.run import export
from datacurate.mixture.mixture import Mixture

FORMATS = ("megatron", "datatrove", "mds", "litdata", "numpy", "huggingface", "packed")
SPLITS = ("train", "validation")
STAGES = [
    {"name": "core", "tokens": 6_000},
    {"name": "long context", "tokens": 3_000, "sequence_length": 128, "packing": "best_fit"},
]


@pytest.fixture(scope="module")
def mix(tmp_path_factory, tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    for name, count in (("web", 200), ("books", 40)):
        texts = [f"[{name} {i}] " + "The king went out. " * (1 + i % 30) for i in range(count)]
        lines = [json.dumps({"id": f"{name}-{i}", "text": text}) for i, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "inline.yaml").write_text("executor: inline\n")
    stage = Mixture(tokenizer=tokenizer, sequence_length=64, validation=0.1, stages=STAGES)
    run_stage(stage, [folder / "web.jsonl", folder / "books.jsonl"], folder / "mix", profile=folder / "inline.yaml")
    return folder / "mix"


def rows(mix: Path, split: str, stage: int) -> list[dict]:
    shards = open_run(mix).last("mixture").shards
    tables = [pq.read_table(path) for name, path in shards.items() if name.startswith(f"{stage}-")]
    return [row for row in pa.concat_tables(tables).to_pylist() if row["split"] == SPLITS.index(split)]


@pytest.mark.parametrize("name", FORMATS)
def test_each_stage_has_a_folder_and_the_receipt_is_the_mixtures(mix, tmp_path, name):
    receipt = export(mix, name, tmp_path / "out")
    assert [stage["folder"] for stage in receipt["stages"]] == ["01-core", "02-long_context"]
    assert [stage["sequence_length"] for stage in receipt["stages"]] == [64, 128]
    for row in read_parts(open_run(mix).last("mixture").phase("receipt").values()).to_pylist():
        told = receipt["stages"][row["stage_index"]]["splits"][SPLITS[row["split"]]]["sources"][row["source"]]
        assert told["tokens"] == row["written_tokens"]
    assert receipt["splits"]["train"]["tokens"] == 9_000
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {file["name"] for file in receipt["files"]} | {"export.json"}
    assert all((name == "packed" and f == "index.json") or f[:3] in ("01-", "02-", "exp") for f in found)


def test_tokens_of_each_stage_are_those_of_its_rows(mix, tmp_path):
    export(mix, "numpy", tmp_path / "out")
    for number, folder in enumerate(("01-core", "02-long_context")):
        for split, file in zip(SPLITS, ("train.bin", "val.bin"), strict=True):
            made = np.fromfile(tmp_path / "out" / folder / file, "<u2").tolist()
            expected = [t for row in rows(mix, split, number) for t in row["input_ids"][: row["length"]]]
            assert sorted(made) == sorted(expected) and expected


@pytest.mark.parametrize("split", SPLITS)
def test_the_loader_takes_runs_and_exports_alike(mix, tmp_path, split):
    export(mix, "packed", tmp_path / "out")
    expected = [row["input_ids"] for number in (0, 1) for row in rows(mix, split, number)]
    for folder in (mix, tmp_path / "out"):
        data = PackedDataset(folder, split=split, seed=None)
        items = list(data)
        assert [item["input_ids"].tolist() for item in items] == expected
        assert [int(item["rows"]) for item in items] == list(range(len(expected)))
        assert data.index.stage_names == ("core", "long context") and data.index.sources == ("books", "web")
    run, exported = PackedDataset(mix, split=split), PackedDataset(tmp_path / "out", split=split)
    exported.load_state_dict({**run.state_dict(), "consumed": 5})
    alone = PackedDataset(tmp_path / "out" / "02-long_context", split=split, seed=None)
    chosen = PackedDataset(mix, split=split, seed=None, stage="long context")
    numbers = [int(item["rows"]) for item in alone]
    assert numbers == [int(item["rows"]) for item in chosen]
    assert numbers == list(range(len(rows(mix, split, 0)), len(expected)))
    chosen.load_state_dict(alone.state_dict())


def test_batches_hold_rows_of_one_stage(mix):
    widths = [item["input_ids"].shape for item in PackedDataset(mix, batch_size=4)]
    assert set(widths) == {(4, 64), (4, 128)} and widths == sorted(widths)


def test_the_command_tells_stages(mix, tmp_path):
    ran = CliRunner().invoke(app, ["export", str(mix), "--format", "packed", "--to", str(tmp_path / "out")])
    assert ran.exit_code == 0, ran.output
    assert "long context  train" in ran.output and "core" in ran.output and "no loss" not in ran.output


class Chat:
    """An origin of two documents, of which the second's first two tokens are a prompt."""

    name, key, stage, sources = "chat", "k", "train", ["a", "b"]
    vocabulary, end_of_text, sequence_length = 100, 9, 8
    splits = ("train",)
    first_row = {"train": 0}

    def __init__(self) -> None:
        flat = np.array([1, 2, 9, ~3, ~4, 5, 9], np.int32)
        packed = pack.pack(pack.whole(flat, np.array([0, 3, 7]), np.array([0, 1], np.int32)), 8)
        self.table = pack.as_table(packed, 0, np.array([0]))

    def planned(self, split: str) -> dict[str, int]:
        return {"a": 3, "b": 4}

    def padded(self, split: str) -> int:
        return 1

    def unscored(self, split: str) -> int:
        return 2

    def samples(self, split, unit, wanted):
        if unit == "rows":
            return iter([samples._rows(self.table)])
        return samples._documents(iter([pack.unpack(self.table)]), wanted)


@pytest.fixture
def chat(monkeypatch) -> Chat:
    monkeypatch.setattr("datacurate.mixture.export.run.open_origins", lambda folder: [Chat()])
    return Chat()


@pytest.mark.parametrize("unit", ["documents", "rows"])
@pytest.mark.parametrize("name", FORMATS)
def test_ids_are_ids_whatever_is_scored(chat, tmp_path, name, unit):
    if name == "packed" and unit == "documents":
        return
    receipt = export("chat", name, tmp_path / "out", unit=unit)
    kept = {"datatrove": ".ds.loss", "mds": "labels", "huggingface": "labels", "packed": "unscored"}
    assert receipt["splits"]["train"]["unscored"] == 2 and receipt["loss_mask"] == kept.get(name)
    whole = [1, 2, 9, 3, 4, 5, 9] + ([0] if unit == "rows" else [])
    labels = [1, 2, 9, -100, -100, 5, 9] + ([-100] if unit == "rows" else [])
    out = tmp_path / "out"
    if name == "numpy":
        assert np.fromfile(out / "train.bin", "<u2").tolist() == whole
    if name == "megatron":
        assert np.fromfile(out / "train.bin", "<u2").tolist() == whole
    if name == "datatrove":
        assert np.fromfile(out / "train" / "00000.ds", "<u2").tolist() == whole
        scored = np.fromfile(out / "train" / "00000.ds.loss", np.uint8).tolist()
        assert scored == [int(label >= 0) for label in labels]
    if name == "mds":
        data = (out / "train" / "shard.00000.mds").read_bytes()
        assert data.count(np.array([-100, -100, 5, 9], "<i4").tobytes()) == 1
    if name == "huggingface":
        table = pq.read_table(out / "data" / "train-00000.parquet").to_pylist()
        assert [t for row in table for t in row["input_ids"]] == whole
        assert [t for row in table for t in row["labels"]] == labels
        assert "no loss is taken" in (out / "README.md").read_text()
    if name == "packed":
        (item,) = PackedDataset(out, labels="same", mask_documents=False)
        assert item["input_ids"].tolist() == whole
        assert item["labels"].tolist() == [-100, *labels[1:]]


def test_a_format_without_place_for_a_mask_says_so(chat, tmp_path):
    for name, told in (("numpy", "numpy has no place to say which"), ("mds", "no loss is taken of: see labels")):
        ran = CliRunner().invoke(app, ["export", "chat", "--format", name, "--to", str(tmp_path / name)])
        assert ran.exit_code == 0 and told in ran.output, ran.output


def test_lost_marks_are_a_ledger_error(chat, tmp_path, monkeypatch):
    from datacurate.core.errors import LedgerError

    monkeypatch.setattr(Chat, "unscored", lambda self, split: 3)
    with pytest.raises(LedgerError, match="without loss: 3 in the receipt, 2 written"):
        export("chat", "numpy", tmp_path / "out")


TALK = """
sources:
  books: {root}/sample/books.jsonl.gz
  talk: {{jsonl: {root}/sample/chat.jsonl, text: messages}}
stages:
  - chat: {{tokenizer: {root}/sample/tokenizer.json}}
mixture:
  tokens: 8000
  tokenizer: {root}/sample/tokenizer.json
  weights: {{books: 9, talk: 1}}
  sequence_length: 128
  packing: {packing}
  validation: 0
quarantine_limit: 0.2
"""


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_a_run_with_conversations_is_exported_with_its_masks(root, tmp_path, packing):
    from datacurate.api import load_recipe, run_recipe

    (tmp_path / "talk.yaml").write_text(TALK.format(root=root, packing=packing))
    run_recipe(load_recipe(tmp_path / "talk.yaml"), tmp_path / "run", tmp_path / "store", workers=1, quiet=True)
    unscored = sum(row["unscored_tokens"] for row in read_parts(receipt_parts(tmp_path / "run")).to_pylist())
    assert unscored > 0
    for name in FORMATS:
        for unit in ("documents", "rows"):
            if (name, unit) != ("packed", "documents"):
                made = export(tmp_path / "run", name, tmp_path / f"{name}-{unit}", unit=unit)
                assert made["splits"]["train"]["unscored"] == unscored


def receipt_parts(run: Path) -> list[Path]:
    stage = open_run(run).last("mixture")
    assert stage is not None
    return list(stage.phase("receipt").values())
