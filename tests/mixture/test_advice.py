"""Every piece of advice that a message gives is followed, and works; and every message says what binds."""

from __future__ import annotations

import random
import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.core.errors import RecipeError
from datacurate.mixture.allocate import Left, plan
from datacurate.mixture.groups import Limit

EVEN = float("inf")
NAMES = ["a", "b", "c1", "c2", "d1", "d2", "x[1]", "x1"]


def random_request(rng: random.Random) -> dict:
    """Sources, weights and limits of them or of patterns, small enough that something often binds."""
    names = rng.sample(NAMES, rng.randint(1, 5))
    have = {n: rng.choice([0, 1, 2, 5, 10, 37, 100, 1000, rng.randint(1, 50)]) for n in names}
    have[names[0]] += 1
    weights: dict[str, float] | None = None
    if rng.random() < 0.6:
        weights, left = {}, set(names)
        for pattern in (p for p in ("c?", "d*", "[ab]") if rng.random() < 0.5):
            if fit := {n for n in left if fnmatchcase(n, pattern)}:
                weights[pattern], left = rng.choice([0, 1, 2, 0.3, 7]), left - fit
        weights |= {n: rng.choice([0, 1, 1, 2, 0.3, 7]) for n in sorted(left)}
        weights[sorted(weights)[0]] = 1
    limits = {}
    for key in [*(weights or names), *names]:
        if rng.random() < 0.3:
            own: dict = {"at_least": rng.randint(0, 30)} if rng.random() < 0.3 else {}
            own |= {"at_most": rng.randint(own.get("at_least", 0), 80)} if rng.random() < 0.4 else {}
            if key not in names or weights is None or key in weights:
                own |= {"min_share": rng.choice([0.1, 0.25])} if rng.random() < 0.2 else {}
                own |= {"max_share": rng.choice([0.3, 0.5, 0.7])} if rng.random() < 0.3 else {}
            limits[key] = Limit(**own, **({"max_epochs": rng.choice([0.5, 1, 2, 3.7])} if rng.random() < 0.3 else {}))
    return {
        "weights": weights, "available": have, "limits": limits, "max_epochs": rng.choice([1, 4, 1.5, 0.3, 2.77]),
        "on_shortfall": rng.choice(["error", "rescale"]), "temperature": rng.choice([1, 1, 2, EVEN, 0.5]),
    }  # fmt: skip


def message(tokens: int, request: dict) -> str:
    try:
        assert sum(plan(tokens, **request).values()) == tokens
    except RecipeError as error:
        return str(error)
    return ""


def follow(tokens: int, request: dict, said: str) -> None:
    """Do what a message says, piece by piece."""
    assert "cannot be drawn" not in said or "(too many" in said, "what binds is named"
    for which, number in re.findall(r"set tokens to at (most|least) ([\d,]+)", said):
        n = int(number.replace(",", ""))
        assert not message(n, request)
        assert message(n + (1 if which == "most" else -1), request), "and no further budget works"
    if "set on_shortfall to 'rescale'" in said:
        assert not message(tokens, request | {"on_shortfall": "rescale"})
    if found := re.search(r"nearest mixture that can be drawn(?:, of ([\d,]+) tokens)?: (.*)\.\n", said):
        n = int((found[1] or str(tokens)).replace(",", ""))
        made = plan(n, **request | {"on_shortfall": "rescale"})
        shown = {name: int(count.replace(",", "")) for name, count in re.findall(r"(\S+) ([\d,]+) \(", found[2])}
        assert shown == {name: count for name, count in made.items() if count}
    if found := re.search(r"raise (max_epochs.*?)(?:;|\.$)", said):
        raised = re.findall(r"max_epochs(?: of (\S+))? to ([\d.]+)", found[1])
        assert not message(tokens, with_epochs(request, raised))
        if len(raised) == 1 and float(raised[0][1]) < 1000:
            less = [(raised[0][0], round(float(raised[0][1]) - 0.01, 2))]
            assert message(tokens, with_epochs(request, less)), "and nothing less does"


def with_epochs(request: dict, raised: list) -> dict:
    limits = request["limits"] | {
        key: request["limits"][key].model_copy(update={"max_epochs": float(n)}) for key, n in raised if key
    }
    common = [float(n) for key, n in raised if not key]
    return request | {"limits": limits, "max_epochs": (common or [request["max_epochs"]])[0]}


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 200))
def test_all_advice_works(seed, tokens):
    request = random_request(random.Random(seed))
    if said := message(tokens, request):
        follow(tokens, request, said)


CASES = [
    (1_000_000, {"tiny": 3, "web": 10**13}, {"max_epochs": 0.2}, ""),
    (
        57,
        {"d1": 1000, "x[1]": 2, "b": 2},
        {"weights": {"[ab]": 7, "d1": 1, "x[1]": 0.3}, "max_epochs": 1.5},
        "raise max_epochs to 24",
    ),
    (
        10**6,
        {"a": 10, "b": 10**6},
        {"limits": {"a": Limit(at_least=1000)}, "on_shortfall": "rescale"},
        "raise max_epochs to 100;",
    ),
    (
        10**6,
        {"a": 10, "b": 10**6},
        {"limits": {"a": Limit(min_share=0.01)}, "on_shortfall": "rescale"},
        "set tokens to at most 4,000; raise max_epochs to 1000;",
    ),
    (2_000_702, {"a": 81, "b": 10**9}, {"weights": {"a": 1, "b": 1}}, "raise max_epochs to 12351;"),
    (200_070, {"a": 811, "b": 10**9}, {"weights": {"a": 1, "b": 1}}, "raise max_epochs to 123.35;"),
    (10**8, {"a": 81, "b": 10**9}, {"weights": {"a": 1, "b": 1}}, "raise max_epochs to 617284;"),
    (57, {"x": 5}, {"limits": {"x": Limit(at_most=26)}, "max_epochs": 1}, "set tokens to at most 5."),
    (
        1000,
        {"a": 100, "b": 100},
        {"weights": {"a": 1, "b": 1}, "limits": {"a": Limit(max_epochs=2)}},
        "raise max_epochs to 5 and max_epochs of a to 5;",
    ),
    (
        94,
        {"c2": 6, "d1": 37, "c1": 0},
        {"weights": {"c?": 1, "d*": 7}, "max_epochs": 2.77, "limits": {"c2": Limit(max_epochs=1)}},
        "raise max_epochs of c2 to 2;",
    ),
    (
        30,
        {"c1": 2, "c2": 100},
        {"weights": {"c?": 1}, "limits": {"c1": Limit(at_least=10)}},
        "c1: can give 8, at_least 10 (too many)",
    ),
]


@pytest.mark.parametrize(("tokens", "have", "options", "part"), CASES)
def test_advice_that_once_failed(tokens, have, options, part):
    request = {"weights": None, "max_epochs": 4, "limits": {}, "on_shortfall": "error"} | options | {"available": have}
    said = message(tokens, request)
    assert part in said and bool(part) == bool(said)
    follow(tokens, request, said)


def test_seen_documents_are_advised_where_they_would_do():
    def told(have, left):
        with pytest.raises(RecipeError) as caught:
            plan(100, None, have, 2, left=left)
        return str(caught.value)

    assert "seen to 'count'" in told({"a": 10}, Left({"a": 90}, {"a": 80}, fresh=True))
    assert "seen to 'count'" not in told({"a": 10}, Left({"a": 90}, {"a": 100}, fresh=True))
