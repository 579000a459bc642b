"""Which parts two texts share: runs of words that both have, and passages of the two side by side."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datacurate.stages.dedup._compare import Words

COMPARED = 1_000_000
"""Characters of a text that are compared word by word: two of this length take about a second."""


@dataclass(frozen=True)
class Passage:
    """A stretch of both texts, in characters: the same words in both, or what stands between such stretches."""

    left: tuple[int, int]
    right: tuple[int, int]
    same: bool


@dataclass(frozen=True)
class Match:
    """Two texts (as far as they are compared), their passages in order, and the parts of each that the other has."""

    left: str
    right: str
    left_length: int
    right_length: int
    """Characters of the whole texts."""
    passages: list[Passage]
    left_shared: list[tuple[int, int]]
    right_shared: list[tuple[int, int]]
    """Maximal stretches of characters covered by runs of `ngram` units that the other text has, too."""
    ngram: int
    unit: str = "words"
    """Words or characters."""

    @property
    def clipped(self) -> bool:
        """Whether a text is longer than what was compared."""
        return self.left_length > len(self.left) or self.right_length > len(self.right)


def match(left: str, right: str, ngram: int, unit: str = "words", most: int = COMPARED) -> Match:
    """Compare two texts in time that grows with their length (times its logarithm), whatever they hold."""
    from datacurate.stages.dedup._compare import characters, words

    a, b = left[:most], right[:most]
    mine, others = (characters(text) if unit == "characters" else words(text) for text in (a, b))
    ngram = max(1, min(ngram, len(mine), len(others)))
    passages = _passages(_blocks(mine, others, ngram), mine, others, len(a), len(b))
    own = _spans(mine, _covered(mine, others, ngram))
    theirs = _spans(others, _covered(others, mine, ngram))
    return Match(a, b, len(left), len(right), passages, own, theirs, ngram, unit)


def _covered(words: Words, other: Words, ngram: int) -> np.ndarray:
    """Which words stand in a run of `ngram` words that the other text has, too."""
    shared = _among(words.runs(ngram), np.sort(other.runs(ngram)))
    steps = np.zeros(len(words) + 1, np.int64)
    steps[: len(shared)] += shared
    steps[ngram : ngram + len(shared)] -= shared
    return np.cumsum(steps)[:-1] > 0


def _among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which values are among sorted ones. (`np.isin` hashes: two million values took it 5 s.)"""
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    return known[places] == values if len(known) else np.zeros(len(values), bool)


def _spans(words: Words, covered: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of characters from the first to the last of neighbouring covered words."""
    edges = np.diff(np.concatenate([[False], covered, [False]]).astype(np.int8))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return list(zip(words.start[first].tolist(), words.end[last].tolist(), strict=True))


Block = tuple[int, int, int]
"""First word on the left, on the right, and how many words are the same from there on."""


def _blocks(a: Words, b: Words, ngram: int) -> list[Block]:
    """Stretches of equal words, in an order that both texts have: beginning, unique runs, end."""
    head = _equal(a.hash, b.hash)
    tail = _equal(a.hash[head:][::-1], b.hash[head:][::-1])
    stop_a, stop_b = len(a) - tail, len(b) - tail
    blocks = [(0, 0, head)] if head else []
    at_a, at_b = head, head
    one, other = (words.runs(ngram)[head : max(stop - ngram + 1, head)] for words, stop in ((a, stop_a), (b, stop_b)))
    for i, j in _anchors(one, other, head):
        if i < at_a or j < at_b:
            continue
        while i > at_a and j > at_b and a.hash[i - 1] == b.hash[j - 1]:
            i, j = i - 1, j - 1
        size = _equal(a.hash[i:stop_a], b.hash[j:stop_b])
        blocks.append((i, j, size))
        at_a, at_b = i + size, j + size
    return blocks + ([(stop_a, stop_b, tail)] if tail else [])


def _equal(a: np.ndarray, b: np.ndarray) -> int:
    """How many of the first values are equal; looks at twice as many as that at most."""
    size, count = min(len(a), len(b)), 64
    while True:
        differs = np.flatnonzero(a[: min(count, size)] != b[: min(count, size)])
        if len(differs):
            return int(differs[0])
        if count >= size:
            return size
        count *= 2


def _anchors(a: np.ndarray, b: np.ndarray, offset: int) -> list[tuple[int, int]]:
    """Places of runs that both texts have exactly once, as many as stand in the same order in both."""
    own, first, counts = np.unique(a, return_index=True, return_counts=True)
    other, second, others = np.unique(b, return_index=True, return_counts=True)
    _, i, j = np.intersect1d(own[counts == 1], other[others == 1], assume_unique=True, return_indices=True)
    left, right = first[counts == 1][i] + offset, second[others == 1][j] + offset
    order = np.argsort(left)
    left, right = left[order], right[order]
    chosen = _rising(right.tolist())
    return list(zip(left[chosen].tolist(), right[chosen].tolist(), strict=True))


def _rising(values: list[int]) -> list[int]:
    """Positions of a longest rising subsequence."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for position, value in enumerate(values):
        place = bisect_left(ends, value)
        before.append(at[place - 1] if place else -1)
        ends[place : place + 1] = [value]
        at[place : place + 1] = [position]
    chosen, position = [], at[-1] if at else -1
    while position >= 0:
        chosen.append(position)
        position = before[position]
    return chosen[::-1]


def _passages(blocks: list[Block], a: Words, b: Words, left: int, right: int) -> list[Passage]:
    """Blocks and what is between them, in characters; what stands between words goes with the words before it."""
    made: list[Passage] = []
    at = (0, 0)

    def upto(i: int, j: int, same: bool) -> tuple[int, int]:
        stop = (_begin(a, i, left), _begin(b, j, right))
        if stop != at:
            made.append(Passage((at[0], stop[0]), (at[1], stop[1]), same))
        return stop

    for i, j, size in blocks:
        at = upto(i, j, False)
        at = upto(i + size, j + size, True)
    upto(len(a), len(b), False)
    return made


def _begin(words: Words, at: int, whole: int) -> int:
    """Where a passage begins that has this word first; what stands before the first word of all belongs to it."""
    if at >= len(words):
        return whole
    return int(words.start[at]) if at else 0
