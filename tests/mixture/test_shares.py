"""Strategies of allocation against literal twins; patterns, limits, and what is said when they leave no way."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from datacurate.core.errors import RecipeError
from datacurate.mixture.allocate import plan
from datacurate.mixture.groups import Limit
from datacurate.mixture.proxies import dirichlet
from datacurate.mixture.weights import by_tokens, claims, exact

EVEN = float("inf")
NAMES = [f"{quality}/{domain}" for quality in "345" for domain in ("maths", "code", "web")]
sizes = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 10**6), min_size=2)
limits = st.builds(
    Limit,
    at_least=st.integers(0, 50),
    at_most=st.none() | st.integers(50, 10**6),
    min_share=st.sampled_from([0, 0.01]),
    max_share=st.sampled_from([0.3, 0.5, 1]),
    max_epochs=st.sampled_from([None, 0.5, 3]),
)


def unimax(budget: int, characters: dict[str, int], epochs: int) -> dict[str, Fraction]:
    """Algorithm 1 of Chung et al. 2023, line by line."""
    left, budgets = Fraction(budget), {}
    waiting = sorted(characters, key=lambda name: characters[name])
    while waiting:
        language, share = waiting[0], left / len(waiting)
        budgets[language] = min(share, Fraction(epochs * characters[language]))
        left -= budgets[language]
        waiting = waiting[1:]
    return budgets


@given(sizes, st.integers(1, 8), st.data())
def test_unimax_is_its_authors_algorithm(have, epochs, data):
    budget = data.draw(st.integers(1, epochs * sum(have.values())))
    made = plan(budget, None, have, epochs, "rescale", temperature=EVEN)
    expected = unimax(budget, have, epochs)
    assert sum(made.values()) == budget
    assert all(abs(made[name] - expected[name]) <= 1 for name in have)


@given(sizes, st.sampled_from([0.5, 1, 1.5, 2, 3.3, 100]))
def test_temperature_is_the_power(have, temperature):
    weights = by_tokens(have, temperature)
    powers = np.array([float(n) for n in have.values()]) ** (1 / temperature)
    made = np.array([float(weights[name]) for name in have])
    assert np.allclose(made / made.sum(), powers / powers.sum(), rtol=1e-9)


def test_temperatures_in_words():
    assert plan(300, None, {"a": 400, "b": 100}, 4, temperature=2) == {"a": 200, "b": 100}
    assert plan(300, None, {"a": 400, "b": 100}, 4, temperature=EVEN) == {"a": 150, "b": 150}
    with pytest.raises(RecipeError, match=r"Give 0\.01 or more"):
        plan(300, None, {"a": 400, "b": 100}, 4, temperature=0)


def test_numbers_are_what_is_written():
    assert exact(0.3) == Fraction(3, 10) and exact(1e-07) == Fraction(1, 10**7)
    assert plan(10, {"a": 0.3, "b": 0.7}, {"a": 10, "b": 10}, 0.7, "rescale") == {"a": 3, "b": 7}


def test_a_pattern_weighs_a_group():
    have = {"4/maths": 300, "4/web": 100, "3/maths": 500, "3/web": 500}
    assert plan(100, {"4/*": 3, "3/*": 1}, have, 4) == {"4/maths": 56, "4/web": 19, "3/maths": 13, "3/web": 12}
    assert plan(80, {"4/*": 3, "3/*": 1}, have, 4, temperature=EVEN) == {
        "4/maths": 30, "4/web": 30, "3/maths": 10, "3/web": 10,
    }  # fmt: skip
    named = plan(100, {"4/*": 1, "4/web": 2, "3/*": 1}, have, 4)
    assert (named["4/maths"], named["4/web"]) == (25, 50), "the name itself comes before the pattern"


def test_what_a_cell_lacks_stays_in_its_group():
    have = {"4/maths": 10, "4/web": 1000, "3/web": 1000}
    made = plan(100, {"4/*": 1, "3/*": 1}, have, 2, temperature=EVEN)
    assert made == {"4/maths": 20, "4/web": 30, "3/web": 50}, "as the group can give its share, no error"
    with pytest.raises(RecipeError, match=r"4/\* \(2 sources\): has 20 tokens, can give 40, asked for 50 \(too many\)"):
        plan(100, {"4/*": 1, "3/*": 1}, have | {"4/web": 10}, 2)


def test_a_group_without_tokens_is_missed():
    with pytest.raises(RecipeError, match=r"4/\* \(2 sources\): has 0 tokens, can give 0, asked for 50 \(too many\)"):
        plan(100, {"4/*": 1, "3/*": 1}, {"4/web": 0, "4/code": 0, "3/web": 1000}, 4)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"4/*": 1, "*/web": 1}, "'4/web' is given by '*/web' and by '4/*'. Give '4/web' one of its own"),
        ({"4/*": 1, "5/*": 1}, "weight '5/*' fits no source"),
        ({"4/*": 1}, "no weight for 3/maths, 3/web"),
        (
            {"4/*": 1, "3/mats": 1},
            "unknown source '3/mats': there is none of that name, or none of its documents came this far.",
        ),
    ],
)
def test_patterns_that_cannot_be(weights, message):
    with pytest.raises(RecipeError, match=re.escape(message)):
        plan(100, weights, {"4/maths": 9, "4/web": 9, "3/maths": 9, "3/web": 9}, 4)


def test_a_name_with_the_signs_of_a_pattern_is_a_name():
    assert claims(["a*", "b"], ["a*", "b"], "weight") == {"a*": "a*", "b": "b"}


def test_a_name_with_the_signs_of_a_pattern_is_limited_in_its_group():
    have = {"x[1]": 10**6, "b": 10**6, "x1": 10**6}
    made = plan(10**4, {"*": 1}, have, 4, limits={"x[1]": Limit(at_most=1000)})
    assert made == {"x[1]": 1000, "b": 4500, "x1": 4500}
    assert plan(10**4, None, have, 4, limits={"x[1]": Limit(at_most=1000)}) == made


def test_limits_shape_what_is_asked_for():
    have = {"a": 1000, "b": 1000, "c": 1000}
    weights = {"a": 6, "b": 3, "c": 1}
    assert plan(100, weights, have, 4, limits={"a": Limit(max_share=0.4)}) == {"a": 40, "b": 45, "c": 15}
    assert plan(100, weights, have, 4, limits={"c": Limit(at_least=28)}) == {"a": 48, "b": 24, "c": 28}
    assert plan(100, weights, have, 4, limits={"c": Limit(min_share=0.28)}) == {"a": 48, "b": 24, "c": 28}
    assert plan(100, weights, have, 4, limits={"a": Limit(at_most=10)}) == {"a": 10, "b": 68, "c": 22}
    assert plan(100, weights, have, 4, "rescale", {"a": Limit(max_epochs=0.01)}) == {"a": 10, "b": 68, "c": 22}
    with pytest.raises(RecipeError, match=r"a: .* can give 10, asked for 60 \(too many: at most 0.01 epochs\)"):
        plan(100, weights, have, 4, limits={"a": Limit(max_epochs=0.01)})


def test_a_limit_of_a_pattern_is_of_the_group():
    have = {"4/maths": 300, "4/web": 100, "3/web": 400}
    assert plan(80, None, have, 4, limits={"4/*": Limit(max_share=0.25)}) == {"4/maths": 15, "4/web": 5, "3/web": 60}
    weighed = plan(80, dict.fromkeys(have, 1), have, 4, limits={"4/*": Limit(max_share=0.25)})
    assert weighed == {"4/maths": 10, "4/web": 10, "3/web": 60}
    group = plan(80, {"4/*": 3, "3/web": 1}, have, 4, limits={"4/*": Limit(at_most=40), "4/web": Limit(at_least=15)})
    assert group == {"4/maths": 25, "4/web": 15, "3/web": 40}
    least = plan(80, {"4/*": 1, "3/web": 3}, have, 4, limits={"4/web": Limit(at_least=30)})
    assert least == {"4/maths": 0, "4/web": 30, "3/web": 50}, "a group gets what its sources must get"
    each = plan(80, None, have, 4, "rescale", limits={"4/*": Limit(max_epochs=0.1)})
    assert each == {"4/maths": 30, "4/web": 10, "3/web": 40}, "epochs are of each"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"4/wib": Limit(at_most=3)}, "limit for unknown source '4/wib': there"),
        ({"9/*": Limit(at_most=3)}, "limit '9/*' fits no source"),
        ({"9/*": Limit()}, "limit '9/*' fits no source"),
        ({"*/web": Limit(at_most=3)}, "'*/web' fits '4/web', which is in the group '4/*' already"),
        ({"4/web": Limit(max_share=0.3)}, "'4/web' has limits of share of its own, and is in the group '4/*'"),
        ({"3/*": Limit(at_most=3), "*/maths": Limit(at_most=3)}, "fits no source that is not named by itself"),
    ],
)
def test_limits_that_cannot_be(chosen, message):
    if "3/*" in chosen:
        chosen["*/maths"], message = Limit(at_least=1), "'*/maths' fits '4/maths', which is in the group '4/*'"
    with pytest.raises(RecipeError, match=re.escape(message)):
        plan(100, {"4/*": 1, "3/web": 1}, {"4/maths": 900, "4/web": 900, "3/web": 900}, 4, limits=chosen)


@pytest.mark.parametrize(
    ("tokens", "chosen", "lines"),
    [
        (
            1000,
            {"a": Limit(at_most=200), "b": Limit(max_share=0.5)},
            ["1,000 tokens are more than the limits allow, 700:", "a: at most 200 (at_most)",
             "b: at most 500 (max_share 0.5)", "set tokens to at most 400."],
        ),
        (
            1000,
            {"a": Limit(at_least=700), "b": Limit(min_share=0.5)},
            ["fewer than the limits ask for, 1,200:", "a: at least 700 (at_least)", "b: at least 500 (min_share 0.5)",
             "set tokens to at least 1,400."],
        ),
        (1000, {"a": Limit(min_share=0.6), "b": Limit(min_share=0.5)}, ["1,100:", "lower at_least or min_share."]),
        (
            1000,
            {"a": Limit(at_least=700, max_share=0.3)},
            ["'a' is to get at least 700 (at_least) and at most 300 (max_share 0.3)"],
        ),
    ],
)  # fmt: skip
def test_limits_that_leave_no_way_are_named(tokens, chosen, lines):
    for policy in ("error", "rescale"):
        with pytest.raises(RecipeError) as caught:
            plan(tokens, {"a": 1, "b": 1}, {"a": 10**4, "b": 10**4}, 4, policy, chosen)
        assert all(line in str(caught.value) for line in lines)
    if found := re.search(r"set tokens to at (?:most|least) ([\d,]+)", str(caught.value)):
        better = int(found[1].replace(",", ""))
        assert sum(plan(better, {"a": 1, "b": 1}, {"a": 10**4, "b": 10**4}, 4, "error", chosen).values()) == better
        with pytest.raises(RecipeError):
            plan(
                better + (1 if better < tokens else -1), {"a": 1, "b": 1}, {"a": 10**4, "b": 10**4}, 4, "error", chosen
            )


def test_a_limit_that_helps_to_bind_is_named():
    chosen = {"a": Limit(max_epochs=2), "b": Limit(at_most=500)}
    with pytest.raises(RecipeError) as caught:
        plan(1000, {"a": 1, "b": 1}, {"a": 100, "b": 900}, 4, "rescale", chosen)
    text = str(caught.value)
    assert "a: has 100 tokens, can give 200, asked for 500 (too many: at most 2 epochs)" in text
    assert "limit of b: at most 500 (at_most)" in text
    assert "set tokens to at most 700;" in text and "raise max_epochs of a to 5;" in text
    assert "nearest mixture that can be drawn, of 700 tokens: b 500 (71.4 %), a 200 (28.6 %)." in text


def test_a_limit_needs_room():
    with pytest.raises(ValidationError, match="at_least 5 is above at_most 3"):
        Limit(at_least=5, at_most=3)
    with pytest.raises(ValidationError, match=r"min_share 0.5 is above max_share 0.3"):
        Limit(min_share=0.5, max_share=0.3)


@pytest.mark.parametrize("epochs", [EVEN, float("nan"), -1])
def test_epochs_that_cannot_be(epochs):
    with pytest.raises(RecipeError, match="1000000 is as good as no cap"):
        plan(10, None, {"a": 100}, epochs)
    assert plan(10**8, None, {"a": 100}, 1_000_000) == {"a": 10**8}


@st.composite
def requests(draw):
    """Sources, weights (none, of each, of groups), limits of some, and the other arguments of `plan`."""
    have = draw(sizes)
    grouped = draw(st.booleans())
    keys = sorted({name[:2] + "*" for name in have}) if grouped else sorted(have)
    weights = draw(st.none() | st.fixed_dictionaries({key: st.integers(1, 9) for key in keys}))
    chosen = {key: draw(limits) for key in keys if weights and draw(st.booleans())}
    options = {"temperature": draw(st.sampled_from([1, 2, EVEN])), "limits": chosen}
    return have, weights, draw(st.sampled_from([1, 2.5])), draw(st.sampled_from(["error", "rescale"])), options


@settings(max_examples=200, deadline=None)
@given(requests(), st.integers(1, 10**6), st.randoms(use_true_random=False))
def test_any_mixture_is_exact_within_its_bounds_and_of_no_order(asked, tokens, rng):
    have, weights, epochs, policy, options = asked
    try:
        made = plan(tokens, weights, have, epochs, policy, **options)
    except RecipeError as error:
        assert "Do one of these" in str(error) or "Lower the one" in str(error)
        return
    assert sum(made.values()) == tokens and made.keys() == have.keys()
    for name, n in made.items():
        key = name if name in (weights or have) else name[:2] + "*"
        limit = options["limits"].get(key, Limit())
        assert 0 <= n <= (limit.max_epochs or epochs) * have[name]
    for key, limit in options["limits"].items():
        total = sum(n for name, n in made.items() if name == key or key == name[:2] + "*")
        assert limit.at_least <= total <= (limit.at_most or tokens)
        assert limit.min_share * tokens - 6 <= total <= limit.max_share * tokens + 6
    names = rng.sample(sorted(have), len(have))
    assert plan(tokens, weights, {n: have[n] for n in names}, epochs, policy, **options) == made


@settings(max_examples=100, deadline=None)
@given(requests(), st.integers(1, 10**5))
def test_any_mixture_grows_with_its_budget(asked, tokens):
    have, weights, epochs, policy, options = asked
    made = []
    for budget in sorted({tokens, tokens + 1, tokens + 2, tokens + 7, 2 * tokens}):
        try:
            made.append(plan(budget, weights, have, epochs, policy, **options))
        except RecipeError:
            continue
    assume(len(made) > 1)
    assert all(less[name] <= more[name] for less, more in pairwise(made) for name in have)


@pytest.mark.slow
def test_ten_thousand_sources():
    rng = random.Random(0)
    have = {f"{i % 10}/{i // 10}": rng.randrange(1, 10**11) for i in range(10_000)}
    tokens = sum(have.values()) // 3
    weights = {name: rng.random() for name in have}
    chosen = {name: Limit(max_share=0.0005, at_least=100) for name in have}
    tries = [
        ((tokens, None, have, 4), {}),
        ((tokens, None, have, 4, "rescale"), {"temperature": EVEN}),
        ((tokens, None, have, 4, "rescale"), {"temperature": 2.5}),
        ((tokens, weights, have, 4, "rescale"), {"limits": chosen}),
        ((tokens, {f"{i}/*": i for i in range(10)}, have, 4, "rescale"), {}),
        ((tokens, weights, have, 4, "error"), {}),
        ((100 * tokens, None, have, 4, "rescale"), {"temperature": EVEN}),
        ((tokens, None, have, 4, "error"), {"limits": {"*": Limit(max_share=0.5)}}),
    ]
    for arguments, options in tries:
        try:
            assert sum(plan(*arguments, **options).values()) == tokens
        except RecipeError as error:
            assert arguments[4] == "error" or arguments[0] > 4 * sum(have.values())
            assert "Do one of these" in str(error) and len(str(error)) < 5000


def test_proxies_are_samples_around_the_prior():
    have = {"a": 8 * 10**6, "b": 10**6, "c": 10**6, "none": 0}
    made = dirichlet(300, have)
    assert len({tuple(m.values()) for m in made}) == 300
    assert all(abs(sum(m.values()) - 1) < 1e-12 and m["none"] == 0 for m in made)
    assert all(w == 0 or w >= 2e-4 for m in made for w in m.values())
    assert all(m["b"] <= 15 * 0.1 for m in made)
    mean = np.mean([[m[n] for n in "abc"] for m in made], 0)
    powers = np.sqrt([8, 1, 1])
    assert np.allclose(mean, powers / powers.sum(), atol=0.06)
    assert made[:20] == dirichlet(20, have) == dirichlet(20, dict(reversed(have.items())))
    assert made[:20] != dirichlet(20, have, seed=1)


def test_proxies_keep_to_what_there_is():
    have = {"a": 10**9, "b": 10**6}
    made = dirichlet(50, have, temperature=1, budget=10**9, max_epochs=2, concentration=(50, 500))
    assert all(m["b"] * 10**9 <= 2 * 10**6 for m in made)
    with pytest.raises(RecipeError, match=r"of 5,000 samples only \d+ are different mixtures of at most 0.001 epochs"):
        dirichlet(50, {"a": 100, "b": 100}, max_epochs=0.001)
    with pytest.raises(RecipeError, match="no tokens"):
        dirichlet(3, {"a": 0})
    with pytest.raises(RecipeError, match="lower number first"):
        dirichlet(3, {"a": 9}, concentration=(5, 0.1))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"budget": 0}, "a budget of 1 token or more"),
        ({"budget": -5}, "a budget of 1 token or more"),
        ({"seed": -1}, "a seed of 0 or more"),
        ({"concentration": (1, EVEN)}, "a finite concentration"),
        ({"temperature": float("nan")}, r"Give 0\.01 or more"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_proxies_that_cannot_be(options, told):
    with pytest.raises(RecipeError, match=told):
        dirichlet(2, {"a": 10, "b": 20}, **options)


@pytest.mark.filterwarnings("error")
def test_proxies_of_large_sources_at_the_lowest_temperature():
    assert [m["a"] for m in dirichlet(1, {"a": 10**13, "b": 10**12}, temperature=0.01, max_epochs=2)] == [1]


def test_a_proxy_can_be_planned():
    have = {"a": 10**6, "b": 2 * 10**6, "c": 3 * 10**6}
    for weights in dirichlet(10, have, max_epochs=4):
        assert sum(plan(10**5, weights, have, 4).values()) == 10**5
