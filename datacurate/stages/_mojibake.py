"""Pairs of characters without which ftfy finds no mojibake, read from ftfy's own expression."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

LAST = 0x10000
_EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)


@cache
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Bits of each character of the first plane as the first and as the second of a pair, one bit for an alternative.

    ftfy mends a line only if its expression for badness is found there. Each of its alternatives holds a character, or
    two next to each other, that nothing in it may leave out: where no such pair stands, it finds nothing. The place
    0xFFFF stands for all characters beyond the first plane; a further one of the first array holds the bits of
    alternatives of a single character. An expression that cannot be read so makes every line a candidate.
    """
    from ftfy.badness import BADNESS_RE

    firsts, seconds = np.zeros(LAST + 1, np.uint64), np.zeros(LAST, np.uint64)
    alternatives = _alternatives(BADNESS_RE)
    if alternatives is None or len(alternatives) > 64:
        firsts[:], seconds[:] = _EVERY, _EVERY
    else:
        for number, (first, second) in enumerate(alternatives):
            bit = np.uint64(1 << number)
            firsts[:LAST][first] |= bit
            if second is None:
                firsts[LAST] |= bit
            else:
                seconds[second] |= bit
    for array in (firsts, seconds):
        array.setflags(write=False)
    return firsts, seconds


def _alternatives(expression: re.Pattern) -> list[tuple[np.ndarray, np.ndarray | None]] | None:
    """For each alternative the rarest pair of characters in it; None if the expression is of another form."""
    try:
        from re import _parser  # type: ignore[attr-defined]

        [(name, (_, branches))] = _parser.parse(expression.pattern, expression.flags).data
        if str(name) != "BRANCH" or expression.flags & re.IGNORECASE:
            return None
        return [_rarest(branch.data) for branch in branches]
    except (ImportError, AttributeError, ValueError, TypeError):
        return None


def _rarest(items: list[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Of the characters that stand next to each other in a sequence, those of which fewest texts have both."""
    sets = [_characters(*item) for item in items]
    found = [(a, b) for a, b in pairwise(sets) if a is not None and b is not None]
    if not found:
        [only] = [one for one in sets if one is not None]
        return only, None
    return min(found, key=lambda pair: int(pair[0].sum()) * int(pair[1].sum()))


def _characters(name: Any, value: Any) -> np.ndarray | None:
    """The characters of the first plane that an item matches, or more; None for one that may match nothing."""
    found = np.zeros(LAST, bool)
    if str(name) == "LITERAL":
        found[min(value, LAST - 1)] = True
    elif str(name) == "IN":
        for kind, part in value:
            if str(kind) == "LITERAL":
                found[min(part, LAST - 1)] = True
            elif str(kind) == "RANGE":
                found[part[0] : part[1] + 1] = True
            else:  # a category such as \\s, or a negation: any character
                found[:] = True
    elif str(name) in ("ANY", "NOT_LITERAL"):
        found[:] = True
    else:
        return None
    return found
