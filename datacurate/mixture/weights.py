"""What each cell weighs: as named, by patterns, or by its tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from fnmatch import translate
from fractions import Fraction

from datacurate.core.errors import RecipeError, did_you_mean

DIGITS = 20
"""Digits of a power of a number of tokens. Decimal works them out alike on every machine, a float does not."""
COLDEST = 0.01
"""The lowest temperature. The largest source has nearly everything long before."""


def exact(number: float) -> Fraction:
    """A number as it is written: 0.3 is three tenths, not the nearest sum of powers of two."""
    return Fraction(str(number))


def by_tokens(available: Mapping[str, int], temperature: float = 1.0) -> dict[str, Fraction]:
    """Weights tokens ** (1 / temperature): proportional at 1, even at infinity.

    Temperature sampling: Devlin 2019 (multilingual BERT, as exponents), Arivazhagan et al. 2019 (as temperatures).
    """
    if not temperature >= COLDEST:
        raise RecipeError(f"mixture: the temperature is {temperature}. Give {COLDEST} or more; 1 is proportional.")
    if temperature == 1:
        return {name: Fraction(n) for name, n in available.items()}
    if temperature == float("inf"):
        return {name: Fraction(n > 0) for name, n in available.items()}
    with localcontext(prec=DIGITS):
        power = 1 / Decimal(str(temperature))
        powers = {name: Decimal(n) ** power if n else Decimal(0) for name, n in available.items()}
        return {name: Fraction(n) for name, n in powers.items()}


def is_pattern(key: str) -> bool:
    """Whether a key may stand for several names."""
    return any(sign in key for sign in "*?[")


def claims(keys: Iterable[str], names: Sequence[str], what: str, noun: str = "source") -> dict[str, str]:
    """The key that claims each name: the name itself before any pattern (`*`, `?`, `[abc]`; case counts).

    A name that no key claims is left out. It is an error for two patterns to claim a name, and for a key to claim none.
    """
    keys, known = set(keys), set(names)
    check_known(keys, names, what, noun)
    patterns = {key: re.compile(translate(key)) for key in sorted(keys - known)}
    claimed = {name: name for name in names if name in keys}
    for name in names:
        if name in claimed or not (found := [key for key, expression in patterns.items() if expression.match(name)]):
            continue
        if len(found) > 1:
            raise RecipeError(
                f"mixture: {what} for {noun} '{name}' is given by '{found[0]}' and by '{found[1]}'. "
                f"Give '{name}' one of its own, or make one of the patterns narrower."
            )
        claimed[name] = found[0]
    if idle := sorted(patterns.keys() - set(claimed.values())):
        raise RecipeError(
            f"mixture: {what} '{idle[0]}' fits no {noun} that is not named by itself. {did_you_mean(idle[0], names)}"
        )
    return claimed


def check_known(keys: Iterable[str], names: Sequence[str], what: str, noun: str = "source") -> None:
    """Raise if a key is neither a name nor a pattern."""
    if unknown := sorted(key for key in set(keys) - set(names) if not is_pattern(key)):
        raise RecipeError(
            f"mixture: {what} for unknown {noun} '{unknown[0]}': there is none of that name, or none of its documents "
            f"came this far. {did_you_mean(unknown[0], names)}"
        )


def checked(weights: Mapping[str, float], noun: str = "source") -> dict[str, Fraction]:
    """The weights as exact numbers, or an error if one cannot be a weight."""
    for key, weight in weights.items():
        if not 0 <= weight < float("inf"):
            raise RecipeError(f"mixture: the weight of '{key}' is {weight}. Give a number of 0 or more.")
    if not any(weights.values()):
        raise RecipeError(f"mixture: all weights are 0. Give at least one {noun} a positive weight.")
    return {key: exact(weight) for key, weight in weights.items()}
