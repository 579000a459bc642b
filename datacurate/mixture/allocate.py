"""How many tokens every source gives, and where its last pass stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from datacurate.core.errors import RecipeError
from datacurate.mixture import shortfall
from datacurate.mixture.groups import Limit, Tokens, epochs, request
from datacurate.mixture.weights import by_tokens


def plan(
    tokens: int,
    weights: Mapping[str, float] | None,
    available: Tokens,
    max_epochs: float,
    on_shortfall: str = "error",
    limits: Mapping[str, Limit] | None = None,
    temperature: float = 1.0,
    noun: str = "source",
) -> Tokens:
    """Tokens each source gives; they sum to `tokens`, and none exceeds `max_epochs` times what it has.

    `weights` are of sources, or of groups of sources by patterns; without any, and within groups, sources weigh tokens
    to the power of 1 / `temperature`. With even weights (a temperature of infinity) and `rescale` this is UniMax (Chung
    et al. 2023, algorithm 1). A group that can give its share does, and passes on among its sources what one of them
    lacks; where a group cannot, `on_shortfall` decides. `rescale` gives what is nearest to what was asked for by
    Kullback-Leibler divergence, which is what clamping at one level does.
    """
    if not sum(available.values()):
        raise RecipeError("mixture: no tokens to train on. See that documents reach it and that validation is below 1.")
    limits = limits or {}
    asked = request(available, by_tokens(available, temperature), weights, limits, noun)
    passes = epochs(available, max_epochs, limits, noun)
    caps = {name: int(passes[name] * n) for name, n in available.items()}
    if not asked.feasible(tokens):
        raise RecipeError(shortfall.against_limits(tokens, asked))
    given, rescale = asked.capped(caps), on_shortfall == "rescale"
    kept = rescale or asked.split.within(tokens, [group.supply(caps) for group in asked.groups])
    if not kept or not given.feasible(tokens):
        case = shortfall.Supply(tokens, asked, given, available, caps, passes, max_epochs, rescale, noun)
        raise RecipeError(case.message())
    return given.whole(tokens)


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
