"""How many tokens every source gives, and where its last pass stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from datacurate.core.errors import RecipeError, did_you_mean

Tokens = dict[str, int]
"""Tokens per source."""


def apportion(tokens: int, weights: Mapping[str, Fraction]) -> Tokens:
    """`tokens` split in proportion to `weights`, to the token (largest remainder; ties go by name)."""
    total = sum(weights.values())
    if total == 0:
        return dict.fromkeys(weights, 0)
    quota = {source: tokens * weight / total for source, weight in weights.items()}
    given = {source: int(share) for source, share in quota.items()}
    left = tokens - sum(given.values())
    for source in sorted(quota, key=lambda s: (given[s] - quota[s], s))[:left]:
        given[source] += 1
    return given


def shares(weights: Mapping[str, float] | None, available: Tokens) -> dict[str, Fraction]:
    """The weight of each source as an exact number; None weighs by available tokens."""
    if weights is None:
        return {source: Fraction(n) for source, n in available.items()}
    for source, weight in weights.items():
        if source not in available:
            raise RecipeError(f"mixture: weight for unknown source '{source}'. {did_you_mean(source, available)}")
        if not 0 <= weight < float("inf"):
            raise RecipeError(f"mixture: the weight of '{source}' is {weight}. Give a number of 0 or more.")
    if missing := sorted(set(available) - set(weights)):
        raise RecipeError(f"mixture: no weight for {', '.join(missing)}. Give each a weight; 0 leaves it out.")
    if not any(weights.values()):
        raise RecipeError("mixture: all weights are 0. Give at least one source a positive weight.")
    return {source: Fraction(weights[source]) for source in available}


def plan(
    tokens: int,
    weights: Mapping[str, float] | None,
    available: Tokens,
    max_epochs: float,
    on_shortfall: str = "error",
) -> Tokens:
    """Tokens each source gives; they sum to `tokens`, and none exceeds `max_epochs` times what it has."""
    if not sum(available.values()):
        raise RecipeError("mixture: no tokens to train on. See that documents reach it and that validation is below 1.")
    share = shares(weights, available)
    caps = {source: int(Fraction(max_epochs) * n) for source, n in available.items()}
    if on_shortfall == "rescale":
        reachable = sum(caps[source] for source in share if share[source])
        planned = fill(tokens, share, caps) if tokens <= reachable else {}
    else:
        reachable = reach(share, caps)
        planned = apportion(tokens, share) if tokens <= reachable else {}
    if not planned:
        raise RecipeError(shortfall(tokens, share, available, caps, max_epochs, reachable, on_shortfall))
    return planned


def reach(share: Mapping[str, Fraction], caps: Tokens) -> int:
    """The largest budget that keeps the weights and stays under every cap."""
    total = sum(share.values())
    return min(int(caps[s] * total / weight) for s, weight in share.items() if weight)


def fill(tokens: int, share: Mapping[str, Fraction], caps: Tokens) -> Tokens:
    """`tokens` split in proportion; what a capped source cannot give goes to the others in proportion."""
    planned, open_ = dict.fromkeys(share, 0), {s: w for s, w in share.items() if w}
    while open_:
        left, total = tokens - sum(planned.values()), sum(open_.values())
        full = [s for s, weight in open_.items() if left * weight >= caps[s] * total]
        if not full:
            return planned | apportion(left, open_)
        planned |= {s: caps[s] for s in full}
        open_ = {s: w for s, w in open_.items() if s not in full}
    return planned


def shortfall(
    tokens: int,
    share: Mapping[str, Fraction],
    available: Tokens,
    caps: Tokens,
    max_epochs: float,
    reachable: int,
    on_shortfall: str,
) -> str:
    """What is asked of each source, what it can give, and what to change."""
    asked = apportion(tokens, share)
    short = [s for s in share if asked[s] > caps[s]]
    lines = [
        f"  {s}: has {available[s]:,} tokens, can give {caps[s]:,}, asked for {asked[s]:,}"
        + (" (too many)" if s in short else "")
        for s in share
    ]
    needed = max((asked[s] / available[s] if available[s] else float("inf")) for s in short) if short else 0
    advice = [f"set tokens to at most {reachable:,}"] if reachable else []
    if np.isfinite(needed):
        advice.append(f"raise max_epochs to {np.ceil(needed * 100) / 100:g}")
    if on_shortfall == "error" and tokens <= sum(caps[s] for s in share if share[s]):
        advice.append("set on_shortfall to 'rescale'")
    advice.append(f"give {', '.join(short)} less weight or more documents" if short else "add documents")
    head = f"mixture: {tokens:,} tokens cannot be drawn with at most {max_epochs:g} epochs of each source:"
    return "\n".join([head, *lines, "Do one of these: " + "; ".join(advice) + "."])


@dataclass(frozen=True)
class Cut:
    """Whole passes over all documents, then those before (order, row), then some tokens of the one there."""

    whole_epochs: int
    order: int
    row: int
    tokens: int


def cut(planned: int, order: np.ndarray, row: np.ndarray, n: np.ndarray) -> Cut:
    """Where the last, partial pass over a source's documents stops, so that `planned` tokens are drawn."""
    available = int(n.sum())
    if not available:
        return Cut(0, 0, 0, 0)
    epochs, rest = divmod(planned, available)
    if not rest:
        return Cut(epochs, 0, 0, 0)
    walk = np.lexsort((row, order))
    ends = np.cumsum(n[walk])
    # The first document whose end reaches `rest`; documents without tokens never do.
    at = int(np.searchsorted(ends, rest))
    return Cut(epochs, int(order[walk[at]]), int(row[walk[at]]), rest - int(ends[at] - n[walk[at]]))


def validation_plan(planned: Tokens, held_out: Tokens, validation: float) -> Tokens:
    """Held-out tokens written per source: the share `validation` of what it contributes, if it has them.

    A budget far below what is available would otherwise come with a validation set larger than itself.
    """
    ratio = Fraction(validation) / (1 - Fraction(validation)) if validation < 1 else 0
    return {s: min(n, -int(-ratio * planned[s] // 1)) for s, n in held_out.items()}
