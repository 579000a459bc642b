"""Which symbols are repeats, by a dictionary of all windows and by a suffix array. Nothing here is of our kernels.

Texts are lists of symbols, in document order. A window is `least` symbols of one text; it is a repeat when the first
window that equals it is in an earlier text, or ends before it begins. `everything` counts that first one, too.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np


def by_dictionary(texts: list[list], least: int, everything: bool = False) -> list[list[bool]]:
    """For every symbol of every text, whether a repeat covers it."""
    places = defaultdict(list)
    for doc, text in enumerate(texts):
        for at in range(len(text) - least + 1):
            places[tuple(text[at : at + least])].append((doc, at))
    covered = [[False] * len(text) for text in texts]
    for (first_doc, first_at), *others in places.values():
        repeats = [(doc, at) for doc, at in others if doc != first_doc or at - first_at >= least]
        if repeats and everything:
            repeats = [(first_doc, first_at), *others]
        for doc, at in repeats:
            covered[doc][at : at + least] = [True] * least
    return covered


def by_suffix_array(texts: list[np.ndarray], least: int, everything: bool = False) -> list[np.ndarray]:
    """The same from pydivsufsort's suffix array and longest common prefixes; texts are arrays of one integer type."""
    from pydivsufsort import divsufsort, kasai

    joined = np.ascontiguousarray(np.concatenate(texts))
    suffixes = divsufsort(joined)
    common = kasai(joined, suffixes)
    bounds = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    doc = np.repeat(np.arange(len(texts)), np.diff(bounds))
    # neighbours that share `least` symbols are of one group; some of a group may reach into the next text
    group = np.concatenate([[0], np.cumsum(np.asarray(common)[: len(suffixes) - 1] < least)])
    whole = suffixes + least <= bounds[doc[suffixes] + 1]
    suffixes, group = suffixes[whole].astype(np.int64), group[whole]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    first = np.repeat(np.minimum.reduceat(suffixes, starts), np.diff(np.append(starts, len(suffixes))))
    repeat = (doc[suffixes] != doc[first]) | (suffixes - first >= least)
    if everything:
        repeat = np.repeat(np.logical_or.reduceat(repeat, starts), np.diff(np.append(starts, len(suffixes))))
    ends = np.zeros(len(joined) + 1, np.int64)
    np.add.at(ends, suffixes[repeat], 1)
    np.add.at(ends, suffixes[repeat] + least, -1)
    covered = np.cumsum(ends)[:-1] > 0
    return np.split(covered, bounds[1:-1])
