"""Water-filling: a budget split by weights within bounds, exactly, and rounded to whole tokens.

Every strategy of allocation is this one thing: cell i gets `clamp(level * weight_i, lower_i, upper_i)`, and the level
is what makes the sum the budget. Weights and bounds become whole numbers first, so that nothing is ever estimated.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from math import lcm


def last(holds: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to `most` for which something holds that holds for all smaller ones."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def last_near(holds: Callable[[int], bool], start: int, most: int) -> int:
    """The same, when it lies near `start`: found in few steps."""
    low, high, step = start, start, 1
    while low > 0 and not holds(low):
        low, high, step = max(0, low - step), low - 1, 2 * step
    while high == low < most and holds(min(most, low + step)):
        low = high = min(most, low + step)
        step *= 2
    high = min(most, low + step - 1) if high == low else high
    return low + last(lambda n: holds(low + n), high - low)


@dataclass(frozen=True)
class Bounds:
    """What a cell must get and may get: in tokens, and in shares of the budget."""

    at_least: int = 0
    at_most: int | None = None
    min_share: Fraction = Fraction(0)
    max_share: Fraction = Fraction(1)

    def capped(self, tokens: int) -> Bounds:
        """The same, and no more than `tokens`."""
        return replace(self, at_most=tokens if self.at_most is None else min(tokens, self.at_most))

    def lower(self, budget: int) -> Fraction:
        """The least that the cell may get of a budget."""
        return max(Fraction(self.at_least), self.min_share * budget)

    def upper(self, budget: int) -> Fraction:
        """The most that the cell may get of a budget."""
        share = self.max_share * budget
        return share if self.at_most is None else min(Fraction(self.at_most), share)


@dataclass(frozen=True)
class Filled:
    """What each cell gets, as exact numbers: `tokens[i] / scale`."""

    tokens: list[int]
    scale: int

    def __getitem__(self, i: int) -> Fraction:
        return Fraction(self.tokens[i], self.scale)

    def down(self) -> list[int]:
        """Rounded down."""
        return [n // self.scale for n in self.tokens]

    def up(self) -> list[int]:
        """Rounded up."""
        return [-(-n // self.scale) for n in self.tokens]

    def near(self) -> list[int]:
        """Rounded to the nearest whole number, halves up."""
        return [(2 * n + self.scale) // (2 * self.scale) for n in self.tokens]


@dataclass(frozen=True)
class Path:
    """The way up of the level: a cell joins at lower / weight and leaves at upper / weight.

    Between two such points the sum of all cells is a straight line.
    """

    steps: list[tuple[int, int, int, int]]
    """Before each point: the weight of the cells that rise and the tokens of those that do not; the point itself, as
    bound and weight."""
    rising: int
    still: int
    """Behind the last point."""

    def level(self, total: int) -> tuple[int, int]:
        """The level at which the cells hold `total`, as numerator and denominator."""

        def enough(step: tuple[int, int, int, int]) -> bool:
            rising, still, bound, weight = step
            return rising * bound + still * weight >= total * weight

        at = bisect_left(self.steps, True, key=enough)
        rising, still = self.steps[at][:2] if at < len(self.steps) else (self.rising, self.still)
        return (total - still, rising) if rising else (0, 1)  # none rises: all have the least


@dataclass(frozen=True)
class Split:
    """Cells with weights of 0 or more and bounds. A cell of weight 0 gets the least that it may."""

    weights: Sequence[Fraction]
    bounds: Sequence[Bounds]

    def at(self, budget: int) -> Filled | None:
        """A budget split; None where the bounds leave no way."""
        total, (lower, upper) = budget * self._units, self._limits(budget)
        if any(map(int.__gt__, lower, upper)) or not sum(lower) <= total <= sum(upper):
            return None
        path = self._still_path or self._path(lower, upper)
        rise, run = path.level(total)
        risen = [rise * w for w in self._whole]
        return Filled(
            [min(max(r, low * run), high * run) for r, low, high in zip(risen, lower, upper, strict=True)],
            run * self._units,
        )

    def feasible(self, budget: int) -> bool:
        """Whether the bounds leave a way to split the budget."""
        lower, upper = self._limits(budget)
        return not any(map(int.__gt__, lower, upper)) and sum(lower) <= budget * self._units <= sum(upper)

    def room(self, budget: int, supply: Sequence[int]) -> bool:
        """Whether the bounds leave a way to split the budget, when cells have no more than a supply, too."""
        lower, upper = self._limits(budget)
        most = [min(high, n * self._units) for high, n in zip(upper, supply, strict=True)]
        return not any(map(int.__gt__, lower, most)) and sum(lower) <= budget * self._units <= sum(most)

    def least(self, budget: int) -> Fraction:
        """The least that all cells may get together."""
        return Fraction(sum(self._limits(budget)[0]), self._units)

    def most(self, budget: int) -> Fraction:
        """The most that all cells may get together."""
        return Fraction(sum(self._limits(budget)[1]), self._units)

    @cached_property
    def _whole(self) -> list[int]:
        """Whole numbers in the proportions of the weights."""
        scale = lcm(*(w.denominator for w in self.weights))
        return [w.numerator * (scale // w.denominator) for w in self.weights]

    @cached_property
    def _units(self) -> int:
        """Parts of a token in which every bound is a whole number."""
        return lcm(*(s.denominator for b in self.bounds for s in (b.min_share, b.max_share)))

    @cached_property
    def _lines(self) -> list[list[int]]:
        """In these units: at_least, at_most (-1: none), and the shares' slopes."""
        unit = self._units
        at_most = [-1 if b.at_most is None else b.at_most * unit for b in self.bounds]
        slopes = [[int(b.min_share * unit) for b in self.bounds], [int(b.max_share * unit) for b in self.bounds]]
        return [[b.at_least * unit for b in self.bounds], at_most, *slopes]

    def _limits(self, budget: int) -> tuple[list[int], list[int]]:
        """Least and most of every cell; a cell without weight gets no more than the least."""
        at_least, at_most, least, most = self._lines
        lower = [max(n, slope * budget) for n, slope in zip(at_least, least, strict=True)]
        upper = [slope * budget if n < 0 else min(n, slope * budget) for n, slope in zip(at_most, most, strict=True)]
        return lower, [min(h, low) if not w else h for h, low, w in zip(upper, lower, self._whole, strict=True)]

    @cached_property
    def _still_path(self) -> Path | None:
        """The path, if it does not depend on the budget: if no bound is a share."""
        if any(b.min_share or b.max_share != 1 for b in self.bounds):
            return None
        at_least, at_most, *_ = self._lines
        return self._path(at_least, [None if n < 0 else n for n in at_most])

    def _path(self, lower: Sequence[int], upper: Sequence[int | None]) -> Path:
        """The way up. Points are sorted by whole numbers that compare as they do.

        Two fractions whose denominators are below 2 ** b differ by more than 2 ** (-2 * b), or not at all.
        """
        bits = 2 * max(self._whole, default=0).bit_length() + 1
        points = [(low, w, w) for low, w in zip(lower, self._whole, strict=True) if w]
        points += [(high, w, -w) for high, w in zip(upper, self._whole, strict=True) if w and high is not None]
        keys = [(bound << bits) // weight for bound, weight, _ in points]
        steps, rising, still = [], 0, sum(lower)
        for i in sorted(range(len(keys)), key=keys.__getitem__):  # at the same point, first those that join
            bound, weight, change = points[i]
            steps.append((rising, still, bound, weight))
            rising += change
            still -= bound if change > 0 else -bound
        return Path(steps, rising, still)

    def whole(self, budget: int, names: Sequence[str]) -> list[int]:
        """The budget, which the bounds must allow, split into whole tokens.

        Rounded to the nearest, the cells' numbers have a sum that is a little off. So this takes the largest budget t
        whose rounded sum is not above the one asked for, and gives what is left, one token each, to cells that have one
        more at t + 1: first to those that get there first, at equal times by name. It is Sainte-Laguë's rule (rounding
        to the nearest; Balinski and Young 1982, "Fair Representation", on divisor methods) along the way on which the
        budget grows. As every cell's exact number grows with the budget, no cell has less of a larger one; largest
        remainders cannot promise that (the Alabama paradox). Bounds in tokens hold exactly, those in shares at t.
        """

        @cache
        def near(t: int) -> list[int] | None:
            found = self.at(t)
            return found.near() if found else None

        def small(t: int) -> bool:
            """Whether t is not too large; a budget that cannot be filled is so if it lies above the one asked for."""
            found = near(t)
            return t < budget if found is None else sum(found) <= budget

        if (here := near(budget)) is None:
            raise ValueError(f"the bounds leave no way to split {budget}")
        off = budget - sum(here)
        low, high = min(budget, budget + off), max(budget, budget + off)
        while off > 0 and small(high):
            low, high = high, 2 * high - budget
        while off < 0 and not small(low):
            low, high = 2 * low - budget, low
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if small(middle) else (low, middle)
        return self._between(low, high, budget, names) if off else here

    def _between(self, low: int, high: int, budget: int, names: Sequence[str]) -> list[int]:
        """The cells at `low`, and of those that have more at `high` as many one token more as the budget allows."""
        less, more = self.at(low), self.at(high)
        # Where one end cannot be filled, the other rounds to more than its sum, or to less.
        given = less.near() if less else more.down()  # type: ignore[union-attr]
        above = more.near() if more else less.up()  # type: ignore[union-attr]
        growing = [i for i in range(len(names)) if above[i] > given[i]]
        growing.sort(key=lambda i: (Fraction(2 * given[i] + 1, self._whole[i] or 1), names[i]))
        for i in growing[: budget - sum(given)]:
            given[i] += 1
        return given
