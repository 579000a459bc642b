"""Water-filling against slow twins, and the properties that make it what a budget needs."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datacurate.mixture.water import Bounds, Split, last

weights = st.fractions(0, 50, max_denominator=20)
shares = st.integers(0, 20).map(lambda n: Fraction(n, 20))
whole_bounds = st.builds(Bounds, st.integers(0, 4), st.none() | st.integers(0, 40))
any_bounds = st.builds(
    lambda least, most, a, b: Bounds(least, most, min(a, b) / 4, max(a, b)),
    st.integers(0, 3), st.none() | st.integers(3, 60), shares, shares,
)  # fmt: skip


def cells(bounds, most: int = 6):
    return st.lists(st.tuples(weights, bounds), min_size=1, max_size=most)


def split_of(cells) -> Split:
    return Split([w for w, _ in cells], [b for _, b in cells])


def names_of(cells) -> list[str]:
    return [f"cell {i}" for i in range(len(cells))]


def twin(budget: int, cells) -> list[Fraction] | None:
    """Every way to say of each cell whether it is held up, held down or free; the one that fits, if any."""
    sides = [(b.lower(budget), b.upper(budget) if w else min(b.lower(budget), b.upper(budget))) for w, b in cells]
    for state in product(["low", "free", "high"], repeat=len(cells)):
        free = sum(w for (w, _), s in zip(cells, state, strict=True) if s == "free")
        fixed = [low if s == "low" else high if s == "high" else 0 for (low, high), s in zip(sides, state, strict=True)]
        level = (budget - sum(fixed)) / free if free else Fraction(0)
        got = [f if s != "free" else level * w for (w, _), s, f in zip(cells, state, fixed, strict=True)]
        kept = all(low <= n <= high for n, (low, high) in zip(got, sides, strict=True))
        if kept and sum(got) == budget and _level_exists(got, cells, sides):
            return got
    return None


def _level_exists(got, cells, sides) -> bool:
    """Whether one level says of each cell what it got."""
    low, high = Fraction(0), None
    for n, (w, _), (least, most) in zip(got, cells, sides, strict=True):
        if w and n > least:
            low = max(low, n / w)
        if w and n < most:
            high = n / w if high is None else min(high, n / w)
    return high is None or low <= high


@settings(max_examples=300, deadline=None)
@given(cells(any_bounds, 5), st.integers(0, 80))
def test_one_level_says_what_each_cell_gets(cells, budget):
    found, expected = split_of(cells).at(budget), twin(budget, cells)
    assert (found is None) == (expected is None) == (not split_of(cells).feasible(budget))
    if found:
        assert [found[i] for i in range(len(cells))] == expected


@settings(max_examples=300, deadline=None)
@given(cells(any_bounds), st.integers(0, 200))
def test_whole_tokens_sum_to_the_budget_within_the_bounds(cells, budget):
    split = split_of(cells)
    if not split.feasible(budget):
        with pytest.raises(ValueError, match="no way"):
            split.whole(budget, names_of(cells))
        return
    got = split.whole(budget, names_of(cells))
    assert sum(got) == budget
    near = len(cells) / 2 + 1  # the budget at which the cells are rounded is at most half a token a cell away
    for n, (w, b) in zip(got, cells, strict=True):
        assert n >= b.at_least and n >= b.lower(budget) - near
        assert n <= (b.upper(budget) if w else b.lower(budget)) + (near if b.max_share < 1 or b.min_share else 0)


@settings(max_examples=200, deadline=None)
@given(cells(any_bounds), st.integers(0, 150))
def test_no_cell_gets_less_of_a_larger_budget(cells, budget):
    split = split_of(cells)
    made = [split.whole(t, names_of(cells)) for t in range(budget, budget + 12) if split.feasible(t)]
    assert all(a <= b for less, more in pairwise(made) for a, b in zip(less, more, strict=True))


@settings(max_examples=200, deadline=None)
@given(cells(any_bounds), st.integers(0, 200), st.randoms(use_true_random=False))
def test_the_order_of_cells_changes_nothing(cells, budget, rng):
    assume(split_of(cells).feasible(budget))
    names = names_of(cells)
    order = rng.sample(range(len(cells)), len(cells))
    moved = split_of([cells[i] for i in order]).whole(budget, [names[i] for i in order])
    straight = split_of(cells).whole(budget, names)
    assert [straight[i] for i in order] == moved


@settings(max_examples=100, deadline=None)
@given(cells(whole_bounds, 3), st.integers(0, 25))
def test_no_other_whole_numbers_are_nearer(cells, budget):
    """Sainte-Laguë's rule is the least of sum(n ** 2 / weight), here among all ways there are."""
    cells = [(w + 1, b) for w, b in cells]
    assume(split_of(cells).feasible(budget))

    def off(got):
        return sum(n * n / w for n, (w, _) in zip(got, cells, strict=True))

    ranges = [range(b.at_least, min(budget, budget if b.at_most is None else b.at_most) + 1) for _, b in cells]
    best = min(off(got) for got in product(*ranges) if sum(got) == budget)
    assert off(split_of(cells).whole(budget, names_of(cells))) == best


def largest_remainders(budget: int, weights: list[int]) -> list[int]:
    """Rounded down, and what is left to the largest remainders."""
    quota = [Fraction(budget * w, sum(weights)) for w in weights]
    left = budget - sum(map(int, quota))
    up = sorted(range(len(quota)), key=lambda i: int(quota[i]) - quota[i])[:left]
    return [int(q) + (i in up) for i, q in enumerate(quota)]


def test_largest_remainders_would_take_a_token_away():
    assert [largest_remainders(n, [6, 6, 2]) for n in (10, 11)] == [[4, 4, 2], [5, 5, 1]], "the Alabama paradox"
    split = Split([Fraction(n) for n in (6, 6, 2)], [Bounds()] * 3)
    assert [split.whole(n, "bca") for n in (10, 11)] == [[4, 4, 2], [5, 4, 2]]


def test_a_share_that_no_whole_numbers_keep_is_kept_to_the_token():
    four = Split([Fraction(1)] * 5, [Bounds(max_share=Fraction(249, 1000))] * 4 + [Bounds(at_most=1)])
    assert four.feasible(250) and not four.feasible(251)
    assert four.whole(250, "abcde") == [63, 62, 62, 62, 1]
    few = Split([Fraction(1)] * 5, [Bounds(min_share=Fraction(2495, 10_000))] * 4 + [Bounds(1, 1)])
    assert few.feasible(500) and not few.feasible(499)
    assert few.whole(500, "abcde") == [125, 125, 125, 124, 1]
    least = Split([Fraction(1)] * 3, [Bounds(min_share=Fraction(1, 3))] * 3)
    assert least.whole(4, "abc") == [2, 1, 1]


def test_last_is_the_last():
    assert [last(lambda n, m=m: n <= m, 10) for m in (0, 1, 7, 10, 99)] == [0, 1, 7, 10, 10]


def test_no_cells_hold_nothing():
    assert Split([], []).whole(0, []) == []
    assert not Split([], []).feasible(1)
