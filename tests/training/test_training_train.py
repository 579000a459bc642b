from __future__ import annotations

import builtins
import hashlib
import logging
import math
import subprocess
import sys

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from packed_text import VOCABULARY, index_of, sequences

from datacurate.core.errors import CurateError, LedgerError
from datacurate.training import checkpoint, loop
from datacurate.training.model import Decoder, Shape
from datacurate.training.train import METRICS, Training

FAST = {"layers": 2, "width": 64, "heads": 4, "batch_sequences": 16, "warmup_steps": 5}


def digests(folder) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def losses_of(metrics, split, source="") -> list[float]:
    return [r["loss"] for r in metrics.to_pylist() if (r["split"], r["source"]) == (split, source)]


def unigram_entropy(paths) -> float:
    """Entropy in nats of the labels of the training rows."""
    labels = np.concatenate([b.labels.ravel() for b in sequences(paths).batches(64, 10**9)])
    share = np.bincount(labels[labels >= 0]) / (labels >= 0).sum()
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kill", [3, 10, 13])
def test_a_killed_run_ends_in_the_same_bits(packed, receipt, index, tmp_path, monkeypatch, kill):
    stage = Training(**FAST, steps=16, checkpoint_every=5, evaluate_every=7, evaluate_sequences=16)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    straight.mkdir()
    broken.mkdir()
    expected = stage.trained(packed, receipt, index, straight)
    real = loop.Run.update

    def update(run, data):
        if run.step == kill:
            raise Killed
        return real(run, data)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, "update", update)
        with pytest.raises(Killed):
            stage.trained(packed, receipt, index, broken)
    assert (broken / checkpoint.NAME).exists() == (kill > 5)
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, "update", lambda run, data: (calls.append(run.step), real(run, data))[1])
        assert stage.trained(packed, receipt, index, broken).equals(expected)
    assert calls[0] == kill // 5 * 5
    assert digests(broken) == digests(straight)
    assert set(digests(broken)) == {checkpoint.NAME, checkpoint.MODEL}


def test_metrics(packed, receipt, index, tmp_path):
    stage = Training(**FAST, steps=8, evaluate_every=4, evaluate_sequences=1000)
    metrics = stage.trained(packed, receipt, index, tmp_path)
    assert metrics.schema == METRICS
    rows = metrics.to_pylist()
    assert [r["step"] for r in rows if r["split"] == "train"] == list(range(1, 9))
    assert losses_of(metrics, "train")[0] == pytest.approx(math.log(VOCABULARY), abs=0.1)
    for step in (4, 8):
        held = {r["source"]: r for r in rows if r["split"] == "validation" and r["step"] == step}
        assert set(held) == {"", "p", "q"}
        nats = sum(held[s]["loss"] * held[s]["tokens"] for s in "pq")
        assert held[""]["tokens"] == held["p"]["tokens"] + held["q"]["tokens"]
        assert held[""]["loss"] == pytest.approx(nats / held[""]["tokens"])


def test_the_written_model_has_the_loss_that_was_reported(packed, receipt, index, tmp_path):
    stage = Training(**FAST, steps=6, evaluate_sequences=1000)
    metrics = stage.trained(packed, receipt, index, tmp_path)
    weights, about = checkpoint.load(tmp_path / checkpoint.MODEL)
    model = Decoder(Shape(**about))
    model.load_state_dict(weights)
    from datacurate.training.evaluate import evaluate

    total, count = evaluate(model, sequences(packed, 1), 2, 8, 1000)
    assert total.sum() / count.sum() == pytest.approx(losses_of(metrics, "validation")[-1], abs=1e-5)


def test_learns_real_text_and_not_noise(packed, shuffled, receipt, tmp_path):
    stage = Training(**FAST, steps=220, evaluate_every=1000, evaluate_sequences=1000)
    found = {}
    for name, paths in (("text", packed), ("noise", shuffled)):
        folder = tmp_path / name
        folder.mkdir()
        found[name] = losses_of(stage.trained(paths, receipt, index_of(paths), folder), "validation")[-1]
        found[name] -= unigram_entropy(paths)
    assert found["text"] < -0.8
    assert -0.1 < found["noise"] < 0.3


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_the_loop_follows_the_schedule(packed, receipt, index, tmp_path, schedule):
    stage = Training(**FAST | {"warmup_steps": 2}, steps=10, schedule=schedule, learning_rate=1e-3)
    rows = stage.trained(packed, receipt, index, tmp_path).to_pylist()
    made = [r["learning_rate"] for r in rows if r["split"] == "train"]
    from datacurate.training.optim import rate

    assert made == [rate(s, 10, 1e-3, schedule, 2) for s in range(10)]


def test_without_steps_every_row_is_seen_once(packed, receipt, index, tmp_path):
    rows = Training(**FAST | {"batch_sequences": 200}).trained(packed, receipt, index, tmp_path).to_pylist()
    steps = [r["step"] for r in rows if r["split"] == "train"]
    assert len(steps) == -(-len(sequences(packed)) // 200)


def test_progress_is_logged_and_no_clock_is_in_the_result(packed, receipt, index, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "datacurate"):
        Training(**FAST, steps=4, log_every=2).trained(packed, receipt, index, tmp_path)
    assert sum("tokens/s" in r.message for r in caplog.records) == 2


def test_process_settings_come_back(packed, receipt, index, tmp_path):
    torch.set_num_threads(1)
    Training(**FAST, steps=1).trained(packed, receipt, index, tmp_path)
    assert torch.get_num_threads() == 1 and not torch.are_deterministic_algorithms_enabled()


def test_checkpoints_replace_each_other_whole(tmp_path, monkeypatch):
    path, tensors = tmp_path / "x", {"w": torch.ones(3, 2), "empty": torch.zeros(0), "scalar": torch.tensor(2.5)}
    checkpoint.save(path, tensors, {"step": 1, "list": [1.1, "é"]})
    first = digests(tmp_path)
    found, about = checkpoint.load(path)
    assert about == {"step": 1, "list": [1.1, "é"]}
    assert all(torch.equal(found[n], t) for n, t in tensors.items())
    checkpoint.save(path, found, about)
    assert digests(tmp_path) == first
    monkeypatch.setattr(checkpoint.os, "fsync", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(path, tensors, {"step": 2})
    assert checkpoint.load(path)[1]["step"] == 1


def test_sizes_must_fit_together():
    with pytest.raises(ValueError, match="Make width a multiple"):
        Training(width=100, heads=3)


def test_without_torch_the_error_says_what_to_install(packed, receipt, index, tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *more):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *more)

    for module in [m for m in sys.modules if m.startswith("datacurate.training.") and not m.endswith(".train")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.delattr("datacurate.training.loop")
    with pytest.raises(CurateError, match=r"pip install 'datacurate\[train\]'"):
        Training(steps=1).trained(packed, receipt, index, tmp_path)


def test_importing_the_stage_does_not_import_torch():
    code = "import sys, datacurate.training.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_accounts_say_what_was_trained_on(packed, receipt, index, tmp_path):
    """A part of a pass, a pass, and two and a bit: packed - not reached + repeated = trained = unscored + scored."""
    rows = sum(n for split, n in zip(index["split"].to_pylist(), index["rows"].to_pylist(), strict=True) if not split)
    whole = -(-rows // 16)
    for steps in (3, whole, 2 * whole + 1):
        stage = Training(**FAST | {"width": 16, "layers": 1}, steps=steps, evaluate_every=10**6, evaluate_sequences=1)
        (folder := tmp_path / str(steps)).mkdir()
        made = stage.accounts(stage.trained(packed, receipt, index, folder), receipt, index).to_pylist()
        data = sequences(packed)
        for number, row in enumerate(made):
            batches = [data.batch(step, 16) for step in range(steps)]
            assert row["trained_tokens"] == sum(int((b.own == number).sum()) for b in batches)
            scored = sum(int(((b.sources == number) & (b.labels >= 0)).sum()) for b in batches)
            assert row["scored_tokens"] == scored == row["trained_tokens"] - row["unscored_tokens"]
            assert row["packed_tokens"] - row["not_reached_tokens"] + row["repeated_tokens"] == row["trained_tokens"]
        assert all((row["not_reached_tokens"] > 0) == (steps == 3) for row in made)
        assert all((row["repeated_tokens"] > 0) == (steps > whole) for row in made)
        assert [row["source"] for row in made] == ["p", "q"] and made[0]["stage"] == "train"


def test_accounts_that_do_not_balance_fail(packed, receipt, index, tmp_path):
    stage = Training(**FAST | {"width": 16, "layers": 1}, evaluate_sequences=1)
    trained = stage.trained(packed, receipt, index, tmp_path)
    at = receipt.column_names.index("written_tokens")
    other = receipt.set_column(at, "written_tokens", pc.add(receipt["written_tokens"], 1))
    with pytest.raises(LedgerError, match=r"do not balance in 1 to 1 passes \(train, p: "):
        stage.accounts(trained, other, index)
