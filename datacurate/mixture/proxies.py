"""Mixtures to train small proxy models on: Dirichlet samples around the proportions of what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from datacurate.core.errors import RecipeError
from datacurate.mixture.weights import by_tokens


def dirichlet(
    count: int,
    available: Mapping[str, int],
    seed: int = 0,
    budget: int | None = None,
    temperature: float = 2.0,
    concentration: tuple[float, float] = (0.1, 5.0),
    max_epochs: float = 15.0,
    least: float = 2e-4,
    oversample: int = 100,
) -> list[dict[str, float]]:
    """`count` different mixtures: the weight of every source, which sum to 1.

    The defaults are RegMix's (Liu et al. 2024, and the script of its repository that makes mixtures): the mean is
    tokens ** (1 / temperature) as shares, the concentration is even on a logarithmic scale, weights below `least`
    become 0, and samples in which a source would be passed over more than `max_epochs` times in `budget` tokens (of
    all that there is, unless given) are not valid. Of `oversample` samples for each mixture the first valid ones are
    taken. The same seed gives the same mixtures; more of them begin with the same ones.
    """
    names = sorted(name for name, n in available.items() if n)
    if not names:
        raise RecipeError("mixture: no tokens to make mixtures of. Give sources that have documents.")
    low, high = concentration
    if not (count >= 0 and 0 < low <= high < float("inf") and oversample >= 1):
        raise RecipeError(
            f"mixture: {count} samples of a concentration from {low} to {high}, {oversample} drawn for each, "
            "cannot be. Give 0 samples or more, a finite concentration above 0 with the lower number first, and draw "
            "at least 1 for each."
        )
    if seed < 0 or (budget is not None and budget < 1):
        raise RecipeError(
            f"mixture: samples for a budget of {budget} tokens with the seed {seed} cannot be. Give a budget of 1 "
            "token or more, or leave it out, and a seed of 0 or more."
        )
    tokens = np.array([available[name] for name in names], float)
    weights_of = by_tokens({n: available[n] for n in names}, temperature)
    whole = sum(weights_of.values())  # a power may be more than a float can hold; a share is not
    prior = np.array([float(weights_of[name] / whole) for name in names])
    most = max_epochs * tokens / (tokens.sum() if budget is None else budget)
    found: dict[bytes, np.ndarray] = {}
    samples = _samples(seed, prior, (low, high), count * oversample)
    while len(found) < count and (sample := next(samples, None)) is not None:
        kept = np.where(sample < least, 0.0, sample)
        weights = kept / kept.sum() if kept.any() else kept
        if kept.any() and (weights <= most).all():
            found.setdefault(weights.tobytes(), weights)
    if len(found) < count:
        raise RecipeError(
            f"mixture: of {count * oversample:,} samples only {len(found):,} are different mixtures of at most "
            f"{max_epochs:g} epochs of each source. Ask for fewer, raise max_epochs or the concentration, or lower the "
            "budget."
        )
    absent = dict.fromkeys(available, 0.0)
    return [absent | dict(zip(names, weights.tolist(), strict=True)) for weights in found.values()]


def _samples(seed: int, prior: np.ndarray, concentration: tuple[float, float], most: int) -> Iterator[np.ndarray]:
    """Samples one by one; each has its own random numbers, so that how many are drawn changes none."""
    low, high = np.log(concentration)
    for i in range(most):
        rng = np.random.default_rng([seed, i])
        yield rng.dirichlet(prior * np.exp(rng.uniform(low, high)))
