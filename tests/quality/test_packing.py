"""What packing real documents loses; `bench/packing.py` prints the table of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from datacurate.mixture.layout import lay_out

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_packing", ROOT / "bench" / "packing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def corpora(bench, shared):
    found = {name: bench.lengths(texts, shared) for name, texts in bench.read(shared).items()}
    return {**found, "all": np.concatenate(list(found.values()))}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["c4", "ccnet", "wikipedia", "mix", "all"])
def test_best_fit_pads_at_most_half_a_percent_at_4096(bench, corpora, name):
    sizes = np.random.default_rng(0).choice(corpora[name], 30_000)
    cropped, padded, cut = bench.measured(lay_out(sizes, 4096, "best_fit"), sizes)
    assert cropped == 0 and cut == 0 and padded <= 0.005


@pytest.mark.shared
def test_cropping_loses_much_more_at_2048(bench, corpora):
    sizes = np.random.default_rng(0).choice(corpora["all"], 30_000)
    lost, padded, _ = bench.nanochat(sizes, 2048)
    assert lost > 0.3 and padded == 0
    assert bench.measured(lay_out(sizes, 2048, "best_fit"), sizes)[1] < 0.005


def test_cropping_by_hand(bench, monkeypatch):
    """Rows of 10: the buffer of two gives 6, then the 3 that fits, then one token of a 7."""
    monkeypatch.setattr(bench, "BUFFER", 2)
    lost, _, cut = bench.nanochat(np.array([6, 3, 7, 8]), 9)
    assert (lost, cut) == (pytest.approx(6 / 16), pytest.approx(1 / 3))
