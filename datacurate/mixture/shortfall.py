"""What to say when a mixture cannot be drawn: which bound is met, what can be had instead, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from datacurate.mixture.groups import Group, Request, Tokens, listed
from datacurate.mixture.water import Bounds, last, last_near
from datacurate.mixture.weights import exact

MOST_RAISED = 4
"""Numbers of epochs that one piece of advice names at most."""
SHOWN = 20
"""Sources that a message lists at most; those that fall short come first."""


@dataclass(frozen=True)
class Supply:
    """A budget, what is asked of the cells, and what they have."""

    tokens: int
    asked: Request
    available: Tokens
    caps_of: Callable[[Mapping[str, Fraction]], Tokens]
    """What each cell can give when it may be passed over so often."""
    passes: Mapping[str, Fraction]
    """How often each cell may be passed over."""
    own: Mapping[str, str]
    """Of cells whose epochs a limit says, that limit."""
    max_epochs: float
    rescale: bool
    noun: str
    used: Tokens
    """Tokens that earlier training stages have drawn of each cell."""
    again: Callable[[], bool] | None
    """Where only documents that these have not drawn may be drawn: whether it could be done with all."""

    @cached_property
    def caps(self) -> Tokens:
        """What each cell can give."""
        return self.caps_of(self.passes)

    @cached_property
    def given(self) -> Request:
        """What is asked, bound by what there is."""
        return self.asked.capped(self.caps)

    @cached_property
    def wanted(self) -> Tokens:
        """Whole tokens that are asked of each group."""
        return self.asked.whole_groups(self.tokens)

    @cached_property
    def supply(self) -> Tokens:
        """Tokens that each group can give."""
        return {group.name: group.supply(self.caps) for group in self.asked.groups}

    def can(self, tokens: int, passes: Mapping[str, Fraction] | None = None) -> bool:
        """Whether a budget can be drawn, perhaps with other numbers of passes."""
        if not self.asked.feasible(tokens):
            return False
        caps = self.caps if passes is None else self.caps_of(passes)
        if any(b.at_least > caps[cell] for group in self.asked.groups for cell, (_, b) in group.cells.items()):
            return False
        supply = [group.supply(caps) for group in self.asked.groups]
        if self.rescale:
            return self.asked.split.room(tokens, supply)
        wanted = self.wanted if tokens == self.tokens else self.asked.whole_groups(tokens)
        return all(n <= most for n, most in zip(wanted.values(), supply, strict=True))

    def reach(self) -> int:
        """The largest budget up to the one asked for that can be drawn this way; 0 if there is none."""
        if self.rescale:
            return self.given.highest(self.tokens)
        return self.asked.largest(self.tokens, list(self.supply.values())) if self.given.floors else 0

    def nearest(self) -> list[str]:
        """The line that names the nearest mixture: of the budget, or else of the largest that there is enough for."""
        if not (tokens := self.given.highest(self.tokens)):
            return []
        found = self.given.whole(tokens)
        shown = sorted((name for name in found if found[name]), key=lambda name: (-found[name], name))
        told = listed([f"{name} {found[name]:,} ({100 * found[name] / tokens:.1f} %)" for name in shown])
        of = "" if tokens == self.tokens else f", of {tokens:,} tokens"
        return [f"The nearest mixture that can be drawn{of}: {told}."]

    def message(self) -> str:
        """The message where the documents are too few for what is asked."""
        asked = self._asked()
        short = [group for group in self.asked.groups if asked[group.name] > self.supply[group.name]]
        order = sorted(
            self.asked.groups, key=lambda group: (min(0, self.supply[group.name] - asked[group.name]), group.name)
        )
        passes = f"at most {self.max_epochs:g} epochs of each {self.noun}"
        passes = f"documents that no earlier stage has drawn, and {passes}" if self.again else passes
        head = f"mixture: {self.tokens:,} tokens cannot be drawn with {passes}:"
        lines = _few([*self._floors(), *(self._line(group, asked[group.name]) for group in order)])
        return "\n".join([head, *lines, *self._limits(), *self.nearest(), _advised(self._advice(asked, short))])

    def _asked(self) -> Tokens:
        """What is asked of each group; with rescale rounded up where there is less, as nothing below that will do."""
        found = self.asked.split.at(self.tokens)
        up = found.up() if found and self.rescale else list(self.wanted.values())
        pairs = zip(self.wanted.items(), up, strict=True)
        return {name: most if most > self.supply[name] else n for (name, n), most in pairs}

    def _floors(self) -> list[str]:
        """Cells of groups that must give more than they can."""
        some = [(c, b.at_least) for g in self.given.groups if not g.alone for c, (_, b) in g.cells.items()]
        some = [(cell, least) for cell, least in some if least > self.caps[cell]]
        return [f"  {cell}: can give {self.caps[cell]:,}, at_least {least:,} (too many)" for cell, least in some]

    def _has(self, group: Group) -> int:
        return sum(self.available[cell] for cell in group.cells)

    def _used(self, group: Group) -> int:
        return sum(self.used[cell] for cell in group.cells)

    def _line(self, group: Group, asked: int) -> str:
        name = group.name if group.alone else f"{group.name} ({len(group.cells):,} {self.noun}s)"
        can = self.supply[group.name]
        drawn = f" ({n:,} drawn by earlier stages)" if (n := self._used(group)) else ""
        line = f"  {name}: has {self._has(group):,} tokens{drawn}, can give {can:,}, asked for {asked:,}"
        if asked <= can:
            return line
        own = sorted({self.passes[cell] for cell in group.cells} - {exact(self.max_epochs)})
        return line + (
            f" (too many: at most {listed([f'{float(n):g}' for n in own])} epochs)" if own else " (too many)"
        )

    def _limits(self) -> list[str]:
        """Limits that hold the nearest mixture down, beside what there is."""
        most = {group.name: group.own.upper(self.tokens) for group in self.asked.groups}
        held = [g for g in self.asked.groups if most[g.name] < min(self.tokens, self.supply[g.name])]
        said = {g.name: f"at most {_about(most[g.name])} ({_most(g.own, self.tokens)})" for g in held}
        return _few([f"  limit of {name}: {what}" for name, what in said.items()])

    def _advice(self, asked: Tokens, short: Sequence[Group]) -> list[str]:
        advice = [f"set tokens to at most {reach:,}"] if (reach := self.reach()) else []
        if self.again and self.again():
            advice.append("set seen to 'count', which draws documents again")
        elif not self.again and (raised := self._more_epochs(asked, short)):
            advice.append(raised)
        if not self.rescale and self.given.feasible(self.tokens):
            advice.append("set on_shortfall to 'rescale', which draws the nearest")
        names = listed([group.name for group in short])
        return [*advice, f"give {names} less weight or more documents" if short else "add documents"]

    def _more_epochs(self, asked: Tokens, short: Sequence[Group]) -> str:
        """Which max_epochs to raise, and to what, in hundredths rounded up; nothing if that would not do."""
        hundredths = self._needed(asked, short)
        if not hundredths or len(hundredths) > MOST_RAISED:
            return ""
        enough = self._raised(hundredths)
        if not enough and not self._raised(dict.fromkeys(hundredths, 10**17)):
            return ""
        if self.rescale or not enough:  # else they are the least that will do
            while not enough:
                hundredths = {key: 2 * n for key, n in hundredths.items()}
                enough = self._raised(hundredths)
            for key in sorted(hundredths):
                hundredths[key] = self._enough(hundredths, key)
        now = {self.own.get(cell, ""): n for cell, n in self.passes.items()}
        hundredths = {key: n for key, n in hundredths.items() if n > 100 * now[key]}
        said = {key: f"max_epochs of {key}" if key else "max_epochs" for key in sorted(hundredths)}
        return "raise " + " and ".join(f"{said[key]} to {_plain(hundredths[key])}" for key in said)

    def _enough(self, hundredths: Mapping[str, int], key: str) -> int:
        """The least of one number that will do beside the others."""
        all_ = 100 * Fraction(self.tokens + sum(self.used.values()), sum(self.available.values()))
        start = min(hundredths[key] - 1, ceil(all_) - 1)  # where nothing but this number binds, it is there
        return 1 + last_near(lambda n: not self._raised({**hundredths, key: n}), start, hundredths[key] - 1)

    def _needed(self, asked: Tokens, short: Sequence[Group]) -> dict[str, int]:
        """Hundredths of epochs below which groups and cells cannot give what they must, by the limit that says them."""
        least = [(list(g.cells), asked[g.name] + self._used(g), self._has(g)) for g in short]
        cells = {c: b.at_least for g in self.given.groups if not g.alone for c, (_, b) in g.cells.items()}
        unmet = [c for c, n in cells.items() if n > self.caps[c]]
        least += [([c], cells[c] + self.used[c], self.available[c]) for c in unmet]
        found: dict[str, int] = {}
        for names, tokens, has in least:
            for key in {self.own.get(name, "") for name in names}:
                found[key] = max(found.get(key, 1), ceil(100 * Fraction(tokens, max(1, has))))
        return found

    def _raised(self, hundredths: Mapping[str, int]) -> bool:
        """Whether the budget can be drawn with these numbers of epochs, if they are more than now."""
        more = {key: Fraction(n, 100) for key, n in hundredths.items()}
        return self.can(self.tokens, {c: max(n, more.get(self.own.get(c, ""), n)) for c, n in self.passes.items()})


def against_limits(case: Supply) -> str:
    """The message where the limits leave no way, whatever the documents are."""
    tokens, asked = case.tokens, case.asked
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
        enough = enough if enough and case.can(enough) else 0
        advice = ["lower at_least or min_share", *([f"set tokens to at least {enough:,}"] if enough else [])]
    else:
        open_ = [group for group in asked.groups if group.weight or group.bounds.lower(tokens)]
        lines = [f"  {g.name}: at most {_about(_upper(g, tokens))} ({_most(g.bounds, tokens)})" for g in open_]
        head = f"mixture: {tokens:,} tokens are more than the limits allow, {_about(most(tokens))}:"
        reach = case.reach()
        advice = ["raise at_most or max_share", *([f"set tokens to at most {reach:,}"] if reach else [])]
    return "\n".join([head, *_few(lines), *case.nearest(), _advised(advice)])


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


def _plain(hundredths: int) -> str:
    """A number of epochs, digit by digit; from a thousand on a whole one."""
    whole, rest = divmod(hundredths, 100)
    if whole >= 1000:
        return str(whole + bool(rest))
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")


def _about(tokens: Fraction) -> str:
    """Tokens, the fraction of one left out."""
    return f"{floor(tokens):,}"


def _few(lines: Sequence[str]) -> list[str]:
    """The first of many lines."""
    return [*lines[:SHOWN], *([f"  … and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else [])]


def _advised(advice: Sequence[str]) -> str:
    return f"Do one of these: {'; '.join(advice)}."
