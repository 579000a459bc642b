"""What to say when a mixture cannot be drawn: which bound is met, what can be had instead, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from datacurate.mixture.groups import Group, Request, Tokens, listed
from datacurate.mixture.water import Bounds, last
from datacurate.mixture.weights import exact

SHOWN = 20
"""Sources that a message lists at most; those that fall short come first."""


def against_limits(tokens: int, asked: Request) -> str:
    """The message where the limits leave no way, whatever the documents are."""
    bounds = {group.name: group.bounds for group in asked.groups}
    cells = {name: own for group in asked.groups for name, (_, own) in group.cells.items()}
    for name, own in [*bounds.items(), *cells.items()]:
        low, high = own.lower(tokens), own.upper(tokens)
        if low > high:
            return (
                f"mixture: of {tokens:,} tokens '{name}' is to get at least {_about(low)} ({_least(own, tokens)}) "
                f"and at most {_about(high)} ({_most(own, tokens)}). Lower the one or raise the other."
            )
    least, most = asked.split.least, asked.split.most
    if least(tokens) > tokens:
        lines = [f"  {n}: at least {_about(b.lower(tokens))} ({_least(b, tokens)})" for n, b in bounds.items()]
        lines = [line for line, own in zip(lines, bounds.values(), strict=True) if own.lower(tokens)]
        head = f"mixture: {tokens:,} tokens are fewer than the limits ask for, {_about(least(tokens))}:"
        enough = _first_enough(least, tokens)
        advice = ["lower at_least or min_share", *([f"set tokens to at least {enough:,}"] if enough else [])]
    else:
        open_ = [group for group in asked.groups if group.weight or group.bounds.lower(tokens)]
        lines = [f"  {g.name}: at most {_about(_upper(g, tokens))} ({_most(g.bounds, tokens)})" for g in open_]
        head = f"mixture: {tokens:,} tokens are more than the limits allow, {_about(most(tokens))}:"
        reach = last(lambda n: most(n) >= n, tokens)
        advice = ["raise at_most or max_share", *([f"set tokens to at most {reach:,}"] if reach else [])]
    return "\n".join([head, *_few(lines), _advised(advice)])


@dataclass(frozen=True)
class Supply:
    """A budget, what is asked of the cells, and what they have."""

    tokens: int
    asked: Request
    given: Request
    """The same, bound by what there is."""
    available: Tokens
    caps: Tokens
    passes: Mapping[str, Fraction]
    """How often each cell may be passed over."""
    max_epochs: float
    rescale: bool
    noun: str
    used: Tokens
    """Tokens that earlier training stages have drawn of each cell."""
    fresh: bool
    """Whether only documents that these have not drawn may be drawn, once."""

    def message(self) -> str:
        """The message where the documents are too few for what is asked."""
        asked = self.asked.whole_groups(self.tokens)
        off = {group.name: group.supply(self.caps) - asked[group.name] for group in self.asked.groups}
        order = sorted(self.asked.groups, key=lambda group: (min(0, off[group.name]), group.name))
        short = [group for group in order if off[group.name] < 0]
        passes = f"at most {self.max_epochs:g} epochs of each {self.noun}"
        passes = f"documents that no earlier stage has drawn, and {passes}" if self.fresh else passes
        head = f"mixture: {self.tokens:,} tokens cannot be drawn with {passes}:"
        lines = _few([self._line(group, asked[group.name]) for group in order])
        near = [f"The nearest mixture that can be drawn: {self._nearest()}."] if self._can_rescale() else []
        return "\n".join([head, *lines, *self._limits(), *near, _advised(self._advice(asked, short))])

    def _has(self, group: Group) -> int:
        return sum(self.available[cell] for cell in group.cells)

    def _used(self, group: Group) -> int:
        return sum(self.used[cell] for cell in group.cells)

    def _line(self, group: Group, asked: int) -> str:
        name = group.name if group.alone else f"{group.name} ({len(group.cells):,} {self.noun}s)"
        can = group.supply(self.caps)
        drawn = f" ({n:,} drawn by earlier stages)" if (n := self._used(group)) else ""
        line = f"  {name}: has {self._has(group):,} tokens{drawn}, can give {can:,}, asked for {asked:,}"
        if asked <= can:
            return line
        own = self._own_passes(group)
        return line + (
            f" (too many: at most {listed([f'{float(n):g}' for n in own])} epochs)" if own else " (too many)"
        )

    def _own_passes(self, group: Group) -> list[Fraction]:
        """What limits say of the epochs of its cells."""
        return sorted({self.passes[cell] for cell in group.cells} - {exact(self.max_epochs)})

    def _limits(self) -> list[str]:
        """Limits that hold the nearest mixture down, beside what there is."""
        most = {group.name: group.own.upper(self.tokens) for group in self.asked.groups}
        held = [g for g in self.asked.groups if most[g.name] < min(self.tokens, g.supply(self.caps))]
        said = {g.name: f"at most {_about(most[g.name])} ({_most(g.own, self.tokens)})" for g in held}
        return _few([f"  limit of {name}: {what}" for name, what in said.items()])

    def _can_rescale(self) -> bool:
        return self.given.feasible(self.tokens)

    def _nearest(self) -> str:
        found = self.given.whole(self.tokens)
        shown = sorted(found, key=lambda name: (-found[name], name))
        return listed([f"{name} {found[name]:,} ({100 * found[name] / self.tokens:.1f} %)" for name in shown])

    def _advice(self, asked: Tokens, short: Sequence[Group]) -> list[str]:
        advice = [f"set tokens to at most {reach:,}"] if (reach := self._reach()) else []
        if self.fresh:
            advice.append("set seen to 'count', which draws documents again")
        elif short and all(self._has(group) for group in short):
            common = [group for group in short if not self._own_passes(group)]
            own = [group for group in short if self._own_passes(group)]
            advice += [f"raise max_epochs to {self._passes_for(asked, common)}"] if common else []
            advice += [f"raise max_epochs of {g.name} to {self._passes_for(asked, [g])}" for g in own[:3]]
        if not self.rescale and self._can_rescale():
            advice.append("set on_shortfall to 'rescale', which draws the nearest")
        names = listed([group.name for group in short])
        return [*advice, f"give {names} less weight or more documents" if short else "add documents"]

    def _passes_for(self, asked: Tokens, short: Sequence[Group]) -> str:
        needed = max(Fraction(asked[group.name] + self._used(group), self._has(group)) for group in short)
        return f"{ceil(needed * 100) / 100:g}"

    def _reach(self) -> int:
        """The largest budget that can be drawn this way."""
        if self.rescale:
            return last(lambda n: self.given.split.most(n) >= n, self.tokens)
        return self.asked.largest(self.tokens, [group.supply(self.caps) for group in self.asked.groups])


def _upper(group: Group, tokens: int) -> Fraction:
    """The most that a group may get; without weight it gets no more than the least."""
    return group.bounds.upper(tokens) if group.weight else group.bounds.lower(tokens)


def _first_enough(least: Callable[[int], Fraction], tokens: int) -> int:
    """The smallest budget above `tokens` that covers the least that it must; 0 if there is none."""
    most = tokens
    while least(most) > most:
        most *= 2
        if most > 10**18:
            return 0
    return most - last(lambda n: least(most - n) <= most - n, most - tokens)


def _least(bounds: Bounds, tokens: int) -> str:
    """The limit that says the least."""
    share = bounds.min_share * tokens >= bounds.at_least
    return f"min_share {float(bounds.min_share):g}" if share else "at_least"


def _most(bounds: Bounds, tokens: int) -> str:
    """The limit that says the most."""
    share = bounds.at_most is None or bounds.max_share * tokens <= bounds.at_most
    return f"max_share {float(bounds.max_share):g}" if share else "at_most"


def _about(tokens: Fraction) -> str:
    """Tokens, the fraction of one left out."""
    return f"{floor(tokens):,}"


def _few(lines: Sequence[str]) -> list[str]:
    """The first of many lines."""
    return [*lines[:SHOWN], *([f"  … and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else [])]


def _advised(advice: Sequence[str]) -> str:
    return f"Do one of these: {'; '.join(advice)}."
