"""Items that match only because another item, which the document holds, is nearly the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

RANKED = ("share", "skipgram", "cluster", "aligned")
"""Methods whose scores are shares of an item. With the others one n-gram is evidence, whoever else has it."""
WHOLE = 1 - 1e-6
"""An item of which so much is there is there."""
OWN = 0.8
"""Share of the words that set an item apart from the better match, of which the document holds fewer when the item is a
twin only. A question about a passage has all of its own; the same problem with other names and numbers none."""
AROUND = 1_000
"""Bytes on both sides of the two matches in which these words are looked for: the next question on the same passage."""
ALIKE = 0.05
"""Of items with the same words in another order, how much better the match of the one that is there must be."""
_WORD = re.compile(r"\w+")


class Match(NamedTuple):
    """One match of a document: an item, the bytes, and the share of the item."""

    item: int
    start: int
    end: int
    score: float


def twins(
    documents: np.ndarray, matches: Sequence[Match], texts: pa.Array | pa.ChunkedArray, questions: pa.ChunkedArray
) -> np.ndarray:
    """For each match whether its item is a twin only. Matches of one document stand together."""
    made = np.zeros(len(matches), bool)
    borders = np.flatnonzero(np.diff(documents)) + 1
    for group in np.split(np.arange(len(matches)), borders):
        mine = [matches[at] for at in group]
        pairs = list(_pairs(mine))
        if pairs:
            text = (texts[int(documents[group[0]])].as_py() or "").encode("utf-8", "replace")
            for less, better in pairs:
                made[group[less]] |= _is_twin(mine[less], mine[better], text, questions)
    return made


def _pairs(matches: list[Match]) -> Iterator[tuple[int, int]]:
    """Each match beside the better ones of other items that cover half of it."""
    order = sorted(range(len(matches)), key=lambda at: matches[at].start)
    starts = [matches[at].start for at in order]
    furthest = np.maximum.accumulate([matches[at].end for at in order])
    for less, one in enumerate(matches):
        if one.score >= WHOLE:
            continue
        first, last = np.searchsorted(furthest, one.start, "right"), np.searchsorted(starts, one.end)
        for better in order[first:last]:
            other = matches[better]
            shared = min(one.end, other.end) - max(one.start, other.start)
            if other.item != one.item and other.score > one.score and 2 * shared >= one.end - one.start:
                yield less, better


def _is_twin(less: Match, better: Match, text: bytes, questions: pa.ChunkedArray) -> bool:
    own = _words(questions[less.item].as_py()) - _words(questions[better.item].as_py())
    if not own:
        return better.score - less.score > ALIKE
    start, end = min(less.start, better.start) - AROUND, max(less.end, better.end) + AROUND
    there = _words(text[max(start, 0) : end].decode("utf-8", "replace"))
    return len(own & there) < OWN * len(own)


def _words(text: str | None) -> set[str]:
    return set(_WORD.findall((text or "").casefold()))
