from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from datacurate.core.errors import RecipeError
from datacurate.mixture import allocate

sizes = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**13), min_size=1)


def test_proportions_to_the_token():
    assert allocate.plan(10, {"a": 1, "b": 2}, {"a": 100, "b": 100}, 4) == {"a": 3, "b": 7}
    assert allocate.plan(10, None, {"a": 30, "b": 10}, 4) == {"a": 8, "b": 2}, "ties go by name"


@given(sizes, st.integers(1, 10**13), st.data())
def test_planned_tokens_sum_to_the_budget_and_stay_near_their_share(have, tokens, data):
    weights = {s: data.draw(st.floats(0, 1e6)) for s in have}
    epochs = data.draw(st.floats(0.1, 50))
    policy = data.draw(st.sampled_from(["error", "rescale"]))
    caps = {s: int(Fraction(str(epochs)) * n) for s, n in have.items()}
    try:
        planned = allocate.plan(tokens, weights, have, epochs, policy)
    except RecipeError:
        assume(False)
    assert sum(planned.values()) == tokens
    assert all(0 <= planned[s] <= caps[s] for s in have)
    free = [s for s in have if weights[s] and planned[s] < caps[s]]
    if policy == "error":
        total = sum(Fraction(str(w)) for w in weights.values())
        assert all(abs(planned[s] - tokens * Fraction(str(weights[s])) / total) < len(have) / 2 + 1 for s in have)
    for s in free[1:]:
        gap = planned[s] / Fraction(str(weights[s])) - planned[free[0]] / Fraction(str(weights[free[0]]))
        assert abs(gap) <= (1 / Fraction(str(weights[s])) + 1 / Fraction(str(weights[free[0]]))) / 2


def test_rescale_passes_on_what_a_source_lacks():
    have = {"a": 10, "b": 1000, "c": 1000}
    weights = {"a": 0.5, "b": 0.25, "c": 0.25}
    assert allocate.plan(100, weights, have, 2, "rescale") == {"a": 20, "b": 40, "c": 40}


def test_a_source_of_weight_zero_is_left_out():
    assert allocate.plan(100, {"a": 0, "b": 3}, {"a": 1000, "b": 90}, 2, "rescale") == {"a": 0, "b": 100}


@given(sizes, st.data(), st.sampled_from(["error", "rescale"]))
def test_the_reachable_budget_is_reachable_and_the_next_is_not(have, data, policy):
    assume(sum(have.values()))
    weights = {s: data.draw(st.floats(0.01, 1)) for s in have}
    with pytest.raises(RecipeError) as caught:
        allocate.plan(10**16, weights, have, 4, policy)
    text = str(caught.value)
    if "at most" not in text.splitlines()[-1]:
        assert 0 in have.values() and policy == "error"
        return
    most = int(text.split("set tokens to at most ")[1].split(";")[0].replace(",", "").rstrip("."))
    assert sum(allocate.plan(most, weights, have, 4, policy).values()) == most
    with pytest.raises(RecipeError):
        allocate.plan(most + 1, weights, have, 4, policy)


def test_the_shortfall_message_names_sources_and_remedies():
    with pytest.raises(RecipeError) as caught:
        allocate.plan(1000, {"a": 1, "b": 1}, {"a": 100, "b": 900}, 4)
    text = str(caught.value)
    assert "a: has 100 tokens, can give 400, asked for 500 (too many)\n" in text
    assert "nearest mixture that can be drawn: b 600 (60.0 %), a 400 (40.0 %)" in text
    assert "b: has 900 tokens, can give 3,600, asked for 500\n" in text
    assert "at most 800" in text and "max_epochs to 5;" in text and "'rescale'" in text
    assert sum(allocate.plan(1000, {"a": 1, "b": 1}, {"a": 100, "b": 900}, 5).values()) == 1000


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": 1, "bb": 1}, "unknown source 'bb'"),
        ({"a": -1, "b": 1}, "weight of 'a' is -1"),
        ({"a": float("nan"), "b": 1}, "weight of 'a' is nan"),
        ({"a": 1}, "no weight for b"),
        ({"a": 0, "b": 0}, "all weights are 0"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(RecipeError, match=message):
        allocate.plan(10, weights, {"a": 100, "b": 100}, 4)


def test_nothing_to_train_on():
    with pytest.raises(RecipeError, match="no tokens"):
        allocate.plan(10, None, {}, 4)


def test_validation_is_no_larger_than_its_share():
    assert allocate.validation_plan({"a": 75}, {"a": 1000}, 0.25) == {"a": 25}
    assert allocate.validation_plan({"a": 75}, {"a": 7}, 0.25) == {"a": 7}
