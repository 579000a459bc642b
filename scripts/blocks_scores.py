"""Scores of extraction, as the peers' own evaluations count them.

Segments (trafilatura's evaluation): a wanted segment that is found is a true positive, a missing one a false
negative, an unwanted one that is found a false positive; white space is collapsed on both sides, for every engine
alike. Runs of four words (article-extraction-benchmark): as multisets, precision and recall of each page, then their
means over pages, then F1 of the means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from blocks_labels import Example

Score = tuple[float, float, float]


def f1(precision: float, recall: float) -> Score:
    """Precision, recall and F1."""
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def segments(pages: Iterable[tuple[Sequence[str], Sequence[str], str]]) -> Score:
    """Of (wanted, unwanted, text)."""
    hit = missed = wrong = 0
    for wanted, unwanted, text in pages:
        text = " ".join(text.split())
        found = sum(segment in text for segment in wanted)
        hit, missed = hit + found, missed + len(wanted) - found
        wrong += sum(segment in text for segment in unwanted)
    return f1(hit / max(hit + wrong, 1), hit / max(hit + missed, 1))


def shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Runs of four words; the whole text where it has fewer."""
    if len(words) < 4:
        return Counter([tuple(words)] if words else [])
    return Counter(tuple(words[at : at + 4]) for at in range(len(words) - 3))


def four_grams(pages: Iterable[tuple[str, str]]) -> Score:
    """Of (article, text)."""
    from blocks_labels import tokens

    precisions, recalls = [], []
    for article, text in pages:
        gold, made = shingles(tokens(article)), shingles(tokens(text))
        same = sum((gold & made).values())
        precisions.append(same / max(sum(made.values()), 1))
        recalls.append(same / max(sum(gold.values()), 1))
    return f1(float(np.mean(precisions)), float(np.mean(recalls)))


def scores(pages: Sequence[Example], guesses: Sequence[np.ndarray], threshold: float) -> dict[str, list[float]]:
    """F1 by set for blocks whose value is above a threshold, as `stages/_blocks.py` keeps them."""
    from datacurate.stages._blocks import kept

    made = [
        "\n".join(text for text, one in zip(page.texts, kept(page.blocks, guess, threshold), strict=True) if one)
        for page, guess in zip(pages, guesses, strict=True)
    ]
    return by_set(pages, made)


def by_set(pages: Sequence[Example], made: Sequence[str]) -> dict[str, list[float]]:
    """Precision, recall and F1 by set, of whatever the set has."""
    table = {}
    for name in sorted({page.set for page in pages}):
        own = [(page, text) for page, text in zip(pages, made, strict=True) if page.set == name]
        if any(page.wanted or page.unwanted for page, _ in own):
            triples = [(page.wanted, page.unwanted, text) for page, text in own]
            table[f"{name} segments"] = [round(x, 4) for x in segments(triples)]
        if pairs := [(page.article, text) for page, text in own if page.article]:
            table[f"{name} 4-grams"] = [round(x, 4) for x in four_grams(pairs)]
    return table
