"""How many tokens every cell gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from datacurate.core.errors import RecipeError
from datacurate.mixture import shortfall
from datacurate.mixture.groups import Limit, Tokens, epochs, request
from datacurate.mixture.weights import by_tokens, claims


@dataclass(frozen=True)
class Left:
    """What earlier training stages have left of each cell."""

    whole: Tokens
    """Tokens of the documents that may be drawn, whether drawn before or not."""
    used: Tokens
    """Tokens of them that earlier stages have drawn, as often as they did."""
    fresh: bool
    """Whether only documents that were never drawn may be drawn, once."""
    weighed: Tokens | None = None
    """Tokens that cells are weighed by, if not those available: with the short documents that a stage leaves out."""
    weighed_seen: Tokens | None = None
    """The same, when documents that were drawn before count as well."""

    def cap(self, name: str, passes: Fraction, available: int) -> int:
        """Tokens that a cell can give, when it may be passed over so often in all."""
        left = max(0, int(passes * self.whole[name]) - self.used[name])
        return min(left, available) if self.fresh else left


def plan(
    tokens: int,
    weights: Mapping[str, float] | None,
    available: Tokens,
    max_epochs: float,
    on_shortfall: str = "error",
    limits: Mapping[str, Limit] | None = None,
    temperature: float = 1.0,
    noun: str = "source",
    left: Left | None = None,
) -> Tokens:
    """Tokens each source gives; they sum to `tokens`, and none exceeds `max_epochs` times what it has.

    `weights` are of sources, or of groups of sources by patterns; without any, and within groups, sources weigh tokens
    to the power of 1 / `temperature`. With even weights (a temperature of infinity) and `rescale` this is UniMax (Chung
    et al. 2023, algorithm 1). A group that can give its share does, and passes on among its sources what one of them
    lacks; where a group cannot, `on_shortfall` decides. `rescale` gives what is nearest to what was asked for by
    Kullback-Leibler divergence, which is what clamping at one level does. `left` is what is left of the documents whose
    tokens are `available`, where earlier training stages have drawn some of them.
    """
    if not sum(available.values()):
        raise RecipeError("mixture: no tokens to train on. See that documents reach it and that validation is below 1.")
    limits = limits or {}
    left = left or Left(dict(available), dict.fromkeys(available, 0), fresh=False)
    sizes = available if left.weighed is None else {name: left.weighed[name] for name in available}
    asked = request(available, by_tokens(sizes, temperature), weights, limits, noun)
    passes = epochs(available, max_epochs, limits, noun)

    def caps(passes: Mapping[str, Fraction]) -> Tokens:
        return {name: left.cap(name, passes[name], n) for name, n in available.items()}

    def again() -> bool:
        """Whether it can be drawn when documents that were drawn before count as well."""
        seen = Left(left.whole, left.used, fresh=False, weighed=left.weighed_seen)
        try:
            plan(tokens, weights, left.whole, max_epochs, on_shortfall, limits, temperature, noun, seen)
        except RecipeError:
            return False
        return True

    own = {key: limit.max_epochs for key, limit in limits.items() if limit.max_epochs is not None}
    case = shortfall.Supply(
        tokens=tokens, asked=asked, available=available, caps_of=caps, passes=passes,
        own=claims(own, list(available), "limit", noun), max_epochs=max_epochs, rescale=on_shortfall == "rescale",
        noun=noun, used=left.used, again=again if left.fresh else None,
    )  # fmt: skip
    if not asked.feasible(tokens):
        raise RecipeError(shortfall.against_limits(case))
    if not case.can(tokens):
        raise RecipeError(case.message())
    return case.given.whole(tokens, None if case.rescale else case.wanted)


def validation_plan(planned: Tokens, held_out: Tokens, validation: float) -> Tokens:
    """Held-out tokens written per source: the share `validation` of what it contributes, if it has them.

    A budget far below what is available would otherwise come with a validation set larger than itself.
    """
    ratio = Fraction(validation) / (1 - Fraction(validation)) if validation < 1 else 0
    return {s: min(n, -int(-ratio * planned[s] // 1)) for s, n in held_out.items()}
