"""What is asked for: cells, alone or in groups, with weights and limits; and a budget split among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from datacurate.core import types
from datacurate.core.errors import RecipeError
from datacurate.mixture.water import Bounds, Split, last, last_near
from datacurate.mixture.weights import check_known, checked, claims, exact, is_pattern

Tokens = dict[str, int]
"""Tokens per cell."""
UNCAPPED = "Give a finite number of 0 or more; 1000000 is as good as no cap"


def _finite(number: float) -> float:
    if number == float("inf"):
        raise ValueError(f"epochs without an end cannot be planned. {UNCAPPED}")
    return number


Epochs = Annotated[float, Field(ge=0), AfterValidator(_finite)]
"""How often documents may be passed over."""


class Limit(BaseModel):
    """Bounds of what a source gets, or of what the sources that a pattern fits get together."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    at_least: types.Count = 0
    """Tokens that it gets at least."""
    at_most: types.Count | None = None
    """Tokens that it gets at most."""
    min_share: types.Fraction = 0.0
    """Share of the budget that it gets at least."""
    max_share: types.Fraction = 1.0
    """Share of the budget that it gets at most."""
    max_epochs: Epochs | None = None
    """How often it, or each source that the pattern fits, may be passed over."""

    @model_validator(mode="after")
    def _room(self) -> Limit:
        if self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least} is above at_most {self.at_most}. Lower one, raise one")
        if self.min_share > self.max_share:
            raise ValueError(f"min_share {self.min_share} is above max_share {self.max_share}. Lower one, raise one")
        return self

    def bounds(self) -> Bounds:
        """The limits of tokens and shares, in exact numbers."""
        return Bounds(self.at_least, self.at_most, exact(self.min_share), exact(self.max_share))


@dataclass(frozen=True)
class Group:
    """Cells that have a weight together. A cell without company is a group of one."""

    name: str
    weight: Fraction
    own: Bounds
    """Of the group as a whole."""
    cells: Mapping[str, tuple[Fraction, Bounds]]
    """Weight within the group, and bounds in tokens, of each cell."""

    @property
    def alone(self) -> bool:
        """Whether it is one cell under its own name."""
        return self.name in self.cells

    @cached_property
    def split(self) -> Split:
        """How its tokens go to its cells."""
        return Split([weight for weight, _ in self.cells.values()], [bounds for _, bounds in self.cells.values()])

    @cached_property
    def bounds(self) -> Bounds:
        """Its own bounds, and no less and no more than its cells can have together."""
        least = sum(bounds.at_least for _, bounds in self.cells.values())
        most = [bounds.at_most if weight else bounds.at_least for weight, bounds in self.cells.values()]
        made = replace(self.own, at_least=max(self.own.at_least, least))
        return made if None in most else made.capped(sum(n for n in most if n is not None))

    def supply(self, caps: Tokens) -> int:
        """Tokens that its cells can give together, whatever the group's own bounds."""
        most = {c: caps[c] if b.at_most is None else min(caps[c], b.at_most) for c, (_, b) in self.cells.items()}
        return sum(most[cell] if weight else bounds.at_least for cell, (weight, bounds) in self.cells.items())

    def capped(self, caps: Tokens) -> Group:
        """The group with each of its cells bound by what it can give."""
        return replace(self, cells={c: (w, b.capped(caps[c])) for c, (w, b) in self.cells.items()})

    def whole(self, tokens: int) -> Tokens:
        """Its tokens split among its cells."""
        if len(self.cells) == 1:
            return dict.fromkeys(self.cells, tokens)
        return dict(zip(self.cells, self.split.whole(tokens, list(self.cells)), strict=True))


@dataclass(frozen=True)
class Request:
    """A mixture as it is asked for: its groups, each with weight and bounds."""

    groups: Sequence[Group]

    @cached_property
    def split(self) -> Split:
        """How a budget goes to the groups."""
        return Split([group.weight for group in self.groups], [group.bounds for group in self.groups])

    @cached_property
    def floors(self) -> bool:
        """Whether every cell can have the least that it must."""
        bounds = [b for group in self.groups for _, b in group.cells.values()]
        return not any(b.at_most is not None and b.at_least > b.at_most for b in bounds)

    def feasible(self, budget: int) -> bool:
        """Whether the bounds leave a way to split the budget."""
        return self.floors and self.split.feasible(budget)

    def whole(self, budget: int, groups: Tokens | None = None) -> Tokens:
        """The budget, which must be feasible, split among all cells; `groups` says how among the groups."""
        tokens = groups or self.whole_groups(budget)
        made = [group.whole(tokens[group.name]) for group in self.groups]
        return {cell: n for part in made for cell, n in part.items()}

    def capped(self, caps: Tokens) -> Request:
        """The request with each cell bound by what it can give."""
        return Request([group.capped(caps) for group in self.groups])

    def whole_groups(self, budget: int) -> Tokens:
        """The budget, which must be feasible, split among the groups."""
        names = [group.name for group in self.groups]
        return dict(zip(names, self.split.whole(budget, names), strict=True))

    def highest(self, most: int) -> int:
        """The largest budget up to `most` that the bounds leave a way to split; 0 if there is none."""
        if self.feasible(most):
            return most
        top = last(lambda n: self.split.most(n) >= n, most)
        shares = [b.at_most // b.min_share for b in self.split.bounds if b.at_most is not None and b.min_share]
        top = min([top, *map(int, shares)])
        return top if top and self.feasible(top) else 0

    def largest(self, most: int, supply: Sequence[int]) -> int:
        """The largest budget up to `most` that asks no group for more whole tokens than its supply; 0 if none.

        Whole numbers pass a supply where the exact ones, rounded, do. How many tokens that are is found nearby.
        """

        def near(t: int) -> list[int] | None:
            found = self.split.at(t)
            return found.near() if found else None

        def holds(n: int) -> bool:
            """Also of budgets too small for the bounds."""
            return not self.split.feasible(n) or _within(list(self.whole_groups(n).values()), supply)

        if not (top := self.highest(most)):
            return 0
        start = last(lambda t: (found := near(t)) is None or _within(found, supply), top)
        found = last_near(holds, min(top, max(0, sum(near(start) or [0]))), top)
        return found if found and self.feasible(found) else 0


def _within(tokens: Sequence[int], supply: Sequence[int]) -> bool:
    return all(n <= most for n, most in zip(tokens, supply, strict=True))


def request(
    available: Tokens,
    by_size: Mapping[str, Fraction],
    weights: Mapping[str, float] | None,
    limits: Mapping[str, Limit],
    noun: str = "source",
) -> Request:
    """The groups that weights and limits make of the cells; `by_size` weighs cells where no weight tells them apart.

    A pattern among the weights makes a group. A pattern among the limits bounds that group, if it is the same; or else
    it makes a group of cells that have been without company.
    """
    names = list(available)
    if weights is None:
        weighed = {name: by_size[name] for name in names}
        members = {name: [name] for name in names}
    else:
        weighed = checked(weights, noun)
        members = _members(claims(weights, names, "weight", noun))
        if missing := sorted(set(names) - {name for cells in members.values() for name in cells}):
            raise RecipeError(f"mixture: no weight for {listed(missing)}. Give each a weight; 0 leaves it out.")
    within = dict(by_size)
    check_known(limits, names, "limit", noun)
    for key in sorted(limits):
        if key in members or key in by_size or not is_pattern(key):
            continue
        joined = _members(claims([key], names, "limit", noun))[key]
        if _bounds(limits[key]):
            _check_alone(key, joined, members, noun)
            within |= {name: weighed[name] for name in joined}
            weighed[key] = sum((weighed.pop(name) for name in joined), Fraction(0))
            members = {k: cells for k, cells in members.items() if k not in joined} | {key: joined}
    return Request([_group(key, weighed[key], cells, within, limits) for key, cells in sorted(members.items())])


def epochs(
    available: Tokens, max_epochs: float, limits: Mapping[str, Limit], noun: str = "source"
) -> dict[str, Fraction]:
    """How often each cell may be passed over."""
    if not 0 <= max_epochs < float("inf"):
        raise RecipeError(f"mixture: max_epochs is {max_epochs}. {UNCAPPED}.")
    own = {key: limit.max_epochs for key, limit in limits.items() if limit.max_epochs is not None}
    claimed = claims(own, list(available), "limit", noun)
    return {name: exact(own[claimed[name]] if name in claimed else max_epochs) for name in available}


def _members(claimed: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of each key."""
    members: dict[str, list[str]] = {}
    for name, key in claimed.items():
        members.setdefault(key, []).append(name)
    return members


def _bounds(limit: Limit) -> bool:
    """Whether a limit says more than a number of epochs."""
    return limit.bounds() != Bounds()


def _check_alone(key: str, joined: list[str], members: Mapping[str, list[str]], noun: str) -> None:
    """Raise if a cell that a limit's pattern fits is in a group already."""
    for group, cells in members.items():
        if group not in joined and (shared := sorted(set(cells) & set(joined))):
            raise RecipeError(
                f"mixture: the limit '{key}' fits '{shared[0]}', which is in the group '{group}' already. A {noun} can "
                f"be in one group: limit '{group}' or '{shared[0]}' instead."
            )


def _group(
    key: str, weight: Fraction, cells: list[str], within: Mapping[str, Fraction], limits: Mapping[str, Limit]
) -> Group:
    """A group with the limits of its key and of its cells."""
    limit = limits.get(key, Limit())
    if cells == [key]:
        return Group(key, weight, limit.bounds(), {key: (Fraction(1), Bounds())})
    inner = {name: limits.get(name, Limit()).bounds() for name in cells}
    for name, bounds in inner.items():
        if bounds.min_share or bounds.max_share < 1:
            raise RecipeError(
                f"mixture: '{name}' has limits of share of its own, and is in the group '{key}'. Say at_least and "
                f"at_most in tokens, or give '{name}' a weight of its own."
            )
    some = any(within[name] for name in cells)
    return Group(key, weight, limit.bounds(), {n: (within[n] if some else Fraction(1), b) for n, b in inner.items()})


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names, the first of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
