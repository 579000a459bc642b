from __future__ import annotations

import pytest

from datacurate.training import optim
from datacurate.training.model import Decoder, Shape


def rates(schedule, steps=200, warmup=20):
    return [optim.rate(s, steps, 1.0, schedule, warmup) for s in range(steps)]


@pytest.mark.parametrize("schedule", ["wsd", "cosine"])
def test_warm_up_is_linear(schedule):
    assert rates(schedule)[:20] == pytest.approx([(s + 1) / 20 for s in range(20)])


def test_wsd_is_flat_and_then_falls_to_zero_in_the_last_tenth():
    made = rates("wsd")
    assert set(made[20:181]) == {1.0}
    assert made[180:] == pytest.approx([(200 - s) / 20 for s in range(180, 200)])
    assert optim.rate(200, 200, 1.0, "wsd", 20) == 0


def test_cosine_falls_to_a_tenth():
    made = rates("cosine")
    assert made[20] == 1.0
    assert made[110] == pytest.approx(0.55)
    assert optim.rate(200, 200, 1.0, "cosine", 20) == pytest.approx(0.1)
    assert made[20:] == sorted(made[20:], reverse=True)


def test_only_matrices_decay():
    model = Decoder(Shape(64, 1, 32, 2, 2, 16))
    decayed, others = optim.adamw(model, 0.1).param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    names = {id(p): n for n, p in model.named_parameters()}
    assert {names[id(p)] for p in others["params"]} == {n for n in names.values() if "norm" in n or "emb" in n}
    assert len(decayed["params"]) + len(others["params"]) == len(names)
