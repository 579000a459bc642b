"""The slow, obvious twin of planning and drawing over training stages: one document after another, no bins, no cuts."""

from __future__ import annotations

from dataclasses import dataclass, field

from datacurate.core.errors import RecipeError
from datacurate.mixture import allocate


@dataclass
class Document:
    cell: str
    split: int
    order: int
    row: int
    n: int
    mask: int
    allowed: int = 7
    """The training stages whose condition it fulfils, as bits, whatever its length."""
    drawn: list[list[int]] = field(default_factory=list)
    """Per training stage: the tokens of each copy."""

    @property
    def place(self):
        return self.order, self.row


def simulate(documents: list[Document], stages, validation: float) -> None:
    """Fill `drawn` of all documents, stage by stage."""
    names = sorted({d.cell for d in documents})
    stopped: dict[str, tuple[int, int]] = {}
    for s, stage in enumerate(stages):
        for d in documents:
            d.drawn.append([])
        seen = {id(d) for d in documents if any(d.drawn[:s])}
        allowed = [d for d in documents if d.mask >> s & 1]
        fresh = [d for d in allowed if not (stage.seen == "exclude" and id(d) in seen)]

        def tokens(of, split, names=names):
            return {c: sum(d.n for d in of if d.cell == c and d.split == split) for c in names}

        used = {c: sum(sum(map(sum, d.drawn)) for d in allowed if d.cell == c and d.split == 0) for c in names}
        short_too = [d for d in documents if d.allowed >> s & 1]
        new = [d for d in short_too if not (stage.seen == "exclude" and id(d) in seen)]
        left = allocate.Left(tokens(allowed, 0), used, stage.seen == "exclude", tokens(new, 0), tokens(short_too, 0))
        have = tokens(fresh, 0)
        even = stage.strategy == "unimax"
        policy = "rescale" if even and not stage.weights else stage.on_shortfall
        temperature = float("inf") if even else stage.temperature
        limits = (stage.max_epochs, policy, stage.limits, temperature, "source", left)
        train = allocate.plan(stage.tokens, stage.weights, have, *limits)
        held = allocate.validation_plan(train, tokens(allowed, 1), validation)
        for c in names:
            ring = sorted((d for d in fresh if d.cell == c and d.split == 0 and d.n), key=lambda d: d.place)
            last = _go_round(ring, s, train[c], stopped.get(c))
            stopped[c] = last or stopped.get(c)
            ring = sorted((d for d in allowed if d.cell == c and d.split == 1 and d.n), key=lambda d: d.place)
            _go_round(ring, s, held[c], None)


def _go_round(ring: list[Document], stage: int, tokens: int, stopped):
    """Draw documents from behind the place where the last stage stopped; whole rounds leave that place as it is."""
    if stopped is not None:
        ring = [d for d in ring if d.place > stopped] + [d for d in ring if d.place <= stopped]
    total, at, last, left = sum(d.n for d in ring), 0, None, tokens
    while left:
        d = ring[at % len(ring)]
        taken = min(d.n, left)
        d.drawn[stage].append(taken)
        left -= taken
        last = d
        at += 1
    return last.place if last is not None and tokens % total else None


__all__ = ["Document", "RecipeError", "simulate"]
