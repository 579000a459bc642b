"""How runs of words that a document shares with a benchmark item become evidence, by each project's rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.contam import AT, LENGTH, PLACE, TEXT, Grams, grown, looked_up, runs_of
from datacurate.kernels.contam_words import room, tables_of, words_of
from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.shingles import longest

if TYPE_CHECKING:
    import pyarrow as pa

ANY, SHARE, SKIPGRAM, CLUSTER, WHOLE, ALIGNED = range(6)
RULES = ("any", "share", "skipgram", "cluster", "whole", "aligned")
"""Their names in options."""
MATCH = 5
"""Whole numbers of a match: document, text, first byte, byte behind the last, words that are the same."""
DOCUMENT, OF, START, END, WORDS = range(MATCH)
GAP = 16
"""Words between two runs of one match. Three changed words and the runs of two words between them are 7."""
BESIDE = 8
"""Words beside a run in which single words that are the same count, too."""


class Params(NamedTuple):
    """What a rule needs: n, most places of an n-gram from which a run begins, and the rule's own numbers."""

    rule: int
    ngram: int
    most: int
    budget: int
    """Words of a match that may differ (SKIPGRAM), or n-grams in a row that may miss (CLUSTER)."""
    sample: int
    """Of how many n-grams one is looked up at first (CLUSTER)."""
    least: int
    """Fewest words of a match (ALIGNED)."""


@njit(nogil=True, cache=True)
def _in_order(runs, count, order):
    """Write to `order` the runs by text, and by place in the document."""
    keys = np.empty(count, np.int64)
    for k in range(count):
        keys[k] = (runs[k, TEXT] << 32) | runs[k, AT]
    order[:count] = np.argsort(keys, kind="mergesort")


@borrowing
def _cover(place, length, stamp, covered):
    """Mark words of a text; returns the number of those that were not yet."""
    marked = 0
    for j in range(place, place + length):
        marked += covered[j] != stamp
        covered[j] = stamp
    return marked


@borrowing
def _extended(words, count, grams, runs, k, budget, stamp, covered):
    """Llama 2's skipgram: the run goes on to the right over words that differ, at most `budget`, and ends in one that
    does not. Marks the words; returns how many words of the document it spans, and how many were not marked yet."""
    text, at, place = runs[k, TEXT], runs[k, AT], runs[k, PLACE]
    first, last = grams.starts[text] + place, grams.starts[text + 1]
    left = budget
    length = kept = runs[k, LENGTH]
    marked = 0
    while at + length < count and first + length < last:
        if words[at + length] == grams.words[first + length]:
            marked += _cover(place + length, 1, stamp, covered)
            kept = length + 1
        elif left == 0:
            break
        else:
            left -= 1
        length += 1
    return kept, marked


@borrowing
def _beside(words, count, grams, runs, k, stamp, covered):
    """Mark words beside a run, on its diagonal, that are the same; returns the number of the new ones, and from where
    to where they reach in the document."""
    text, at, place, length = runs[k, TEXT], runs[k, AT], runs[k, PLACE], runs[k, LENGTH]
    first, last = grams.starts[text] + place, grams.starts[text + 1]
    marked = 0
    low, high = at, at + length
    for j in range(-min(BESIDE, at, place), 0):
        if words[at + j] == grams.words[first + j]:
            marked += _cover(place + j, 1, stamp, covered)
            low = min(low, at + j)
    for j in range(length, length + min(BESIDE, count - high, last - first - length)):
        if words[at + j] == grams.words[first + j]:
            marked += _cover(place + j, 1, stamp, covered)
            high = at + j + 1
    return marked, low, high


@borrowing
def _most(words, count, grams, runs, k):
    """How many words of its text a run can cover that stands alone."""
    text, at, place, length = runs[k, TEXT], runs[k, AT], runs[k, PLACE], runs[k, LENGTH]
    first, last = grams.starts[text] + place, grams.starts[text + 1]
    same = length
    for j in range(-min(BESIDE, at, place), 0):
        same += words[at + j] == grams.words[first + j]
    for j in range(length, length + min(BESIDE, count - at - length, last - first - length)):
        same += words[at + j] == grams.words[first + j]
    return same


@borrowing
def _weight(grams, text, stamp, covered):
    """What the marked words of a text weigh."""
    first = grams.starts[text]
    weight = 0.0
    for j in range(grams.starts[text + 1] - first):
        if covered[j] == stamp:
            weight += grams.weights[first + j]
    return weight


@njit(nogil=True, cache=True)
def _put(out, filled, doc, text, start, end, marked, score):
    matches, scores = out
    if filled == len(matches):
        matches, scores = grown(matches), grown(scores)
    matches[filled, DOCUMENT] = doc
    matches[filled, OF] = text
    matches[filled, START] = start
    matches[filled, END] = end
    matches[filled, WORDS] = marked
    scores[filled, 0] = score
    return (matches, scores), filled + 1


@njit(nogil=True, cache=True)
def _by_share(params, words, count, grams, runs, order, needed, stamp, covered):
    """Of the runs of one text, whether enough of it is covered; where each run ends is written to its length."""
    text = runs[order[0], TEXT]
    size = grams.starts[text + 1] - grams.starts[text]
    marked = 0
    for k in order:
        run = runs[k]
        if params.rule == WHOLE and (run[PLACE] or run[LENGTH] < size):
            run[LENGTH] = 0
            continue
        marked += _cover(run[PLACE], run[LENGTH], stamp, covered)
        if params.rule == SKIPGRAM:
            run[LENGTH], more = _extended(words, count, grams, runs, k, params.budget, stamp, covered)
            marked += more
    share = marked / size
    return share, marked, marked > 0 and share >= needed[text]


@njit(nogil=True, cache=True)
def _places(params, runs, order, places, doc, share, marked, out, filled):
    """A match for each place of the document where runs of one text stand; runs whose n-grams touch are one place."""
    text = runs[order[0], TEXT]
    start = end = np.int64(-1)
    for k in order:
        run = runs[k]
        if run[LENGTH] == 0:
            continue
        if start >= 0 and run[AT] <= end - params.ngram + 1:
            end = max(end, run[AT] + run[LENGTH])
            continue
        if start >= 0:
            out, filled = _put(out, filled, doc, text, places[0][start], places[1][end - 1], marked, share)
        start, end = run[AT], run[AT] + run[LENGTH]
    if start >= 0:
        out, filled = _put(out, filled, doc, text, places[0][start], places[1][end - 1], marked, share)
    return out, filled


@inlined
def _behind(params, before, at):
    """Whether a run is too far behind what is before it to belong to the same match."""
    return at - (before - params.ngram + 1) > params.budget if params.rule == CLUSTER else at - before > GAP


@borrowing
def _cluster(params, words, count, grams, runs, order, begin, end, stamp, covered):
    """Weight and number of the words (CLUSTER: n-grams) that runs close to each other share with their text, and from
    which to which word of the document they reach. Too few words are not weighed."""
    sampled = params.rule == ALIGNED
    low, high = runs[order[begin], AT], np.int64(0)
    marked = 0
    for number in range(begin, end):
        k = order[number]
        at, length = runs[k, AT], runs[k, LENGTH]
        high = max(high, at + length)
        if params.rule == ALIGNED:
            marked += _cover(runs[k, PLACE], length, stamp, covered)
            more, first, last = _beside(words, count, grams, runs, k, stamp, covered)
            marked += more
            low, high = min(low, first), max(high, last)
        else:
            length -= params.ngram - 1
            marked += _cover(runs[k, PLACE], length, stamp, covered)
            sampled |= (at + length - 1) // params.sample * params.sample >= at
    if not sampled or marked < params.least:
        return 0.0, marked, low, high
    weight = _weight(grams, runs[order[begin], TEXT], stamp, covered)
    if marked > high - low:  # a phrase that the text repeats, and the document has fewer times
        weight *= (high - low) / marked
    return weight, marked, low, high


@njit(nogil=True, cache=True)
def _clusters(
    params, words, count, grams, runs, order, first, last, needed, totals, places, doc, stamp, covered, out, filled
):
    """A match for each group of runs of one text that are close to each other and cover enough of it."""
    text = runs[order[first], TEXT]
    begin = first
    end = np.int64(0)
    for k in range(first, last + 1):
        if k < last and (k == begin or not _behind(params, end, runs[order[k], AT])):
            end = max(end, runs[order[k], AT] + runs[order[k], LENGTH])
            continue
        stamp += 1
        weight, marked, low, high = _cluster(params, words, count, grams, runs, order, begin, k, stamp, covered)
        if weight > 0 and weight >= needed[text] * totals[text]:
            share = weight / totals[text]
            out, filled = _put(out, filled, doc, text, places[0][low], places[1][high - 1], marked, share)
        begin = k
        if k < last:
            end = runs[order[k], AT] + runs[order[k], LENGTH]
    return out, filled, stamp


@njit(nogil=True, cache=True)
def _document(params, scratch, count, grams, runs, found, order, needed, totals, doc, stamp, covered, out, filled):
    """Add the matches of one document."""
    _in_order(runs, found, order)
    places = (scratch[1], scratch[2])
    begin = 0
    while begin < found:
        end = begin + 1
        while end < found and runs[order[end], TEXT] == runs[order[begin], TEXT]:
            end += 1
        first, begin = begin, end
        alone = params.rule == ALIGNED and end - first == 1
        if alone and _most(scratch[0], count, grams, runs, order[first]) < params.least:
            continue
        if params.rule in (CLUSTER, ALIGNED):
            out, filled, stamp = _clusters(
                params, scratch[0], count, grams, runs, order, first, end, needed, totals, places, doc, stamp, covered,
                out, filled,
            )  # fmt: skip
            continue
        mine = order[first:end]
        stamp += 1
        share, marked, enough = _by_share(params, scratch[0], count, grams, runs, mine, needed, stamp, covered)
        if enough:
            out, filled = _places(params, runs, mine, places, doc, share, marked, out, filled)
    return out, filled, stamp


@njit(nogil=True, cache=True)
def _matches(kind, data, offsets, tables, grams, ignored, params, needed, totals, scratch, numbers, covered):
    out = np.empty((64, MATCH), np.int64), np.empty((64, 1), np.float64)
    runs, order = np.empty((1024, 4), np.int64), np.empty(1024, np.int64)
    filled = 0
    stamp = np.int64(0)
    whole = params.rule in (ALIGNED, WHOLE)
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        if begin == end:
            continue
        count = words_of(kind, data, begin, end, tables, scratch)
        some = looked_up(scratch[0], count, params.ngram, grams, ignored, numbers) if count >= params.ngram else 0
        if not some:
            continue
        runs, some = runs_of(scratch[0], count, numbers, some, grams, params.ngram, params.most, whole, runs)
        if len(order) < len(runs):
            order = np.empty(len(runs), np.int64)
        out, filled, stamp = _document(
            params, scratch, count, grams, runs, some, order, needed, totals, doc, stamp, covered, out, filled
        )
    return out[0][:filled], out[1][:filled, 0]


class Matches(NamedTuple):
    """Places of documents that are evidence: `numbers` has the columns of MATCH, `scores` say how much of the text."""

    numbers: np.ndarray
    scores: np.ndarray


def totals(grams: Grams) -> np.ndarray:
    """What the words of every text weigh."""
    if len(grams.starts) < 2:
        return np.empty(0)
    return np.add.reduceat(np.append(grams.weights, 0), grams.starts[:-1])


def matches(
    text: pa.Array | pa.ChunkedArray,
    kind: int,
    grams: Grams,
    params: Params,
    needed: np.ndarray,
    totals: np.ndarray,
    ignored: np.ndarray,
) -> Matches:
    """What documents hold of the texts, in the order of documents, texts and places.

    `needed` is for each text the least share that counts, `totals` what its words weigh, `ignored` the n-grams that do
    not count.
    """
    data, offsets = bytes_and_offsets(text)
    most = int(longest(offsets)) // 2 + 2
    sizes = np.diff(grams.starts)
    covered = np.full(int(sizes.max(initial=0)) + 1, -1, np.int64)
    found = _matches(
        kind, data, offsets, tables_of(kind), grams, read_only(ignored), params, read_only(needed), read_only(totals),
        room(most), (np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.uint64)), covered,
    )  # fmt: skip
    return Matches(*found)
