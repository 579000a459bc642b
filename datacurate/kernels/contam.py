"""Runs of words that documents share with benchmark items, found in one pass over the documents.

Every document is cut into words (`contam_words.py`); the hash of each run of n words is looked up in a table of bits
that fits into the processor's second cache, and only if its bit is set in the hash table of the items' n-grams. What is
found is extended, word by word, to runs as long as they are the same: a run of m words stands for m - n + 1 n-grams.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import borrowing, inlined, mixed, pointer
from datacurate.kernels.prefetch import prefetch
from datacurate.kernels.shingles import BASE

NOWHERE = -1
"""Stands where no n-gram of the index begins."""
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Stands in places of the table that hold nothing."""
MOST_BITS = 23
"""Two to this many bits are a megabyte: with more, a look-up misses the second cache (2 MB here)."""
BITS_PER_GRAM = 16
AHEAD = 8
"""Look-ups that are waited for at once."""
TEXT, AT, PLACE, LENGTH = range(4)
"""Numbers of a run: text of an item, first word in the document, first word in the text, words."""


class Grams(NamedTuple):
    """The n-grams of benchmark items.

    `slots[2 * k]` is the hash in place k of an open-addressing table and the next one its number, or EMPTY: both are in
    one line of the cache. The postings of gram g, `text << 32 | place`, are `bounds[g]:bounds[g + 1]`. The words of
    text t are `words[starts[t]:starts[t + 1]]`, and `weights` what each of them says.
    """

    bits: np.ndarray
    slots: np.ndarray
    bounds: np.ndarray
    postings: np.ndarray
    words: np.ndarray
    starts: np.ndarray
    weights: np.ndarray

    @property
    def count(self) -> int:
        """How many different n-grams there are."""
        return len(self.bounds) - 1


@inlined
def _bit(h, mask):
    return (h >> np.uint64(40)) & mask


@njit(nogil=True, cache=True)
def _hashes(words, count, ngram, out):
    """Write the hash of every run of `ngram` of the first `count` words; returns how many there are."""
    if count < ngram:
        return 0
    oldest = np.uint64(1)
    rolling = np.uint64(0)
    for i in range(ngram - 1):
        oldest *= BASE
        rolling = rolling * BASE + words[i]
    for i in range(count - ngram + 1):
        rolling = rolling * BASE + words[i + ngram - 1]
        out[i] = mixed(rolling)
        rolling -= words[i] * oldest
    return count - ngram + 1


@njit(nogil=True, cache=True)
def _text_hashes(words, starts, ngram, chosen, out, postings):
    filled = 0
    for text in range(len(starts) - 1):
        begin = starts[text]
        more = _hashes(words[begin : starts[text + 1]], starts[text + 1] - begin, ngram, out[filled:])
        first = filled
        for i in range(more):
            if not chosen[begin + i]:
                continue
            out[filled] = out[first + i]
            postings[filled] = (text << 32) | i
            filled += 1
    return filled


@njit(nogil=True, cache=True)
def _fill(hashes, slots, bits):
    mask = np.uint64(len(slots) // 2 - 1)
    wide = np.uint64(64 * len(bits) - 1)
    for g in range(len(hashes)):
        h = hashes[g]
        bit = _bit(h, wide)
        bits[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        at = h & mask
        while slots[2 * at + 1] != EMPTY:
            at = (at + np.uint64(1)) & mask
        slots[2 * at] = h
        slots[2 * at + 1] = g


@njit(nogil=True, cache=True)
def _seeds(weights, starts, ngram, span, least, enough, chosen):
    for text in range(len(starts) - 1):
        begin, last = starts[text], starts[text + 1] - ngram + 1
        for i in range(begin, last):
            chosen[i] = weights[i : i + ngram].sum() >= enough
        for i in range(begin, max(begin + 1, starts[text + 1] - span + 1)):
            stop = min(i + span, starts[text + 1])
            if weights[i:stop].sum() < least or stop - i < ngram:
                continue
            best = i
            for k in range(i + 1, stop - ngram + 1):
                if weights[k : k + ngram].sum() > weights[best : best + ngram].sum():
                    best = k
            chosen[best] = True


def seeds(weights: np.ndarray, starts: np.ndarray, ngram: int, span: int, least: float, enough: float) -> np.ndarray:
    """Whether comparing begins at each n-gram of texts: where its words weigh `enough`, and where it is the heaviest
    of some `span` words that weigh at least `least`. So no match of so many words in a row is missed."""
    chosen = np.zeros(len(weights), bool)
    _seeds(read_only(weights), read_only(starts), ngram, span, least, enough, chosen)
    return chosen


def grams(
    words: np.ndarray, starts: np.ndarray, weights: np.ndarray, ngram: int, chosen: np.ndarray | None = None
) -> Grams:
    """The n-grams of texts, whose words these are; all, or only those that are `chosen`."""
    chosen = np.ones(len(words), bool) if chosen is None else chosen
    hashes, postings = np.empty(len(words), np.uint64), np.empty(len(words), np.int64)
    found = _text_hashes(read_only(words), read_only(starts), ngram, read_only(chosen), hashes, postings)
    order = np.argsort(hashes[:found], kind="stable")  # postings in the order of texts
    different, first = np.unique(hashes[:found][order], return_index=True)
    size = 1 << max(4, int(2 * len(different)).bit_length())
    slots = np.full(2 * size, EMPTY, np.uint64)
    wanted = int(BITS_PER_GRAM * len(different)).bit_length()
    bits = np.zeros(1 << (min(MOST_BITS, max(10, wanted)) - 6), np.uint64)
    _fill(read_only(different), slots, bits)
    bounds = np.append(first, found).astype(np.int64)
    return Grams(*map(read_only, (bits, slots, bounds, postings[order], words, starts, weights)))


@borrowing
def _in_table(slots, mask, h):
    """The number of the n-gram with this hash, or NOWHERE."""
    at = h & mask
    while slots[2 * at + 1] != EMPTY:
        if slots[2 * at] == h:
            return np.int64(slots[2 * at + 1])
        at = (at + np.uint64(1)) & mask
    return np.int64(NOWHERE)


@borrowing
def looked_up(words, count, ngram, grams, ignored, scratch):
    """Write to `found` the number of the n-gram at every word, NOWHERE for none and for ignored ones, and to `hits`
    where there is one; how many these are."""
    found, hits, hashes = scratch
    bits, slots = pointer(grams.bits), pointer(grams.slots)
    wide = np.uint64(64 * len(grams.bits) - 1)
    mask = np.uint64(len(grams.slots) // 2 - 1)
    oldest = np.uint64(1)
    rolling = np.uint64(0)
    some = filled = 0
    for i in range(ngram - 1):
        oldest *= BASE
        rolling = rolling * BASE + words[i]
    for i in range(count - ngram + 1):
        rolling = rolling * BASE + words[i + ngram - 1]
        h = mixed(rolling)
        rolling -= words[i] * oldest
        found[i] = NOWHERE
        bit = _bit(h, wide)
        hits[some], hashes[some] = i, h
        some += np.int64((bits[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1))
    for k in range(some):
        if k + AHEAD < some:
            prefetch(slots, np.int64(2 * (hashes[k + AHEAD] & mask)))
        number = _in_table(slots, mask, hashes[k])
        if number != NOWHERE and not ignored[number]:
            found[hits[k]] = number
            hits[filled] = hits[k]
            filled += 1
    return filled


@borrowing
def _length(words, found, count, grams, at, text, place, ngram, whole):
    """Words that document and text have in common from an n-gram on; unless `whole`, as long as its n-grams count."""
    first, stop = grams.starts[text], grams.starts[text + 1]
    length = ngram
    while at + length < count and first + place + length < stop:
        if not whole and found[at + length - ngram + 1] == NOWHERE:
            break
        if words[at + length] != grams.words[first + place + length]:
            break
        length += 1
    return length


@inlined
def _postings(grams, number):
    return grams.bounds[number + 1] - grams.bounds[number]


@inlined
def _stands(grams, number, text, place):
    """Whether an n-gram has a posting: they are in the order of texts and places."""
    wanted = (np.int64(text) << 32) | np.int64(place)
    low, high = grams.bounds[number], grams.bounds[number + 1]
    while low < high:
        middle = (low + high) >> 1
        if grams.postings[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < grams.bounds[number + 1] and grams.postings[low] == wanted


@borrowing
def _before(words, found, grams, at, text, place, most, whole):
    """Words in front of an n-gram that belong to its run; -1 if the run is found from an n-gram before this one."""
    first = grams.starts[text] + place
    more = 0
    while more < min(at, place) and words[at - more - 1] == grams.words[first - more - 1]:
        more += 1
        number = found[at - more]
        if number != NOWHERE and _postings(grams, number) <= most and _stands(grams, number, text, place - more):
            return -1
        if not whole:
            return 0
    return more


@njit(nogil=True, cache=True)
def grown(array):
    """A longer array that begins with this one."""
    wider = np.empty((2 * len(array) + 64, array.shape[1]), array.dtype)
    wider[: len(array)] = array
    return wider


@inlined
def _ask(grams, found, hits, k, filled):
    """Ask for what the hits behind hit `k` lead to: each of four steps when the one before is there."""
    if k + 4 * AHEAD < filled:
        prefetch(grams.bounds, np.int64(found[hits[k + 4 * AHEAD]]))
    if k + 3 * AHEAD < filled:
        prefetch(grams.postings, grams.bounds[found[hits[k + 3 * AHEAD]]])
    if k + 2 * AHEAD < filled:
        posting = grams.postings[grams.bounds[found[hits[k + 2 * AHEAD]]]]
        prefetch(grams.starts, posting >> 32)
    if k + AHEAD < filled:
        posting = grams.postings[grams.bounds[found[hits[k + AHEAD]]]]
        prefetch(grams.words, grams.starts[posting >> 32] + (posting & 0xFFFFFFFF))


@njit(nogil=True, cache=True)
def runs_of(words, count, scratch, some, grams, ngram, most, whole, out):
    """Write all runs of a document to `out`, by their first words; returns that, perhaps grown, and how many.

    No run is found from an n-gram of more than `most` places: those say little, and take long. `whole`: runs go as far
    as words are the same, and not only over n-grams that count. The first `some` of `hits` say where n-grams are.
    """
    filled = 0
    found, hits, _ = scratch
    for hit in range(some):
        _ask(grams, found, hits, hit, some)
        at = np.int64(hits[hit])
        number = found[at]
        if _postings(grams, number) > most:
            continue
        for k in range(grams.bounds[number], grams.bounds[number + 1]):
            text, place = grams.postings[k] >> 32, grams.postings[k] & 0xFFFFFFFF
            before = _before(words, found, grams, at, text, place, most, whole)
            if before < 0:
                continue
            if filled == len(out):
                out = grown(out)
            out[filled, TEXT] = text
            out[filled, AT] = at - before
            out[filled, PLACE] = place - before
            out[filled, LENGTH] = before + _length(words, found, count, grams, at, text, place, ngram, whole)
            filled += 1
    return out, filled


@njit(nogil=True, cache=True)
def _known(words, bounds, ngram, grams, hashes, out):
    filled = 0
    mask = np.uint64(len(grams.slots) // 2 - 1)
    for i in range(len(bounds) - 1):
        count = _hashes(words[bounds[i] : bounds[i + 1]], bounds[i + 1] - bounds[i], ngram, hashes)
        for k in range(count):
            number = _in_table(grams.slots, mask, hashes[k])
            if number != NOWHERE:
                out[filled] = number
                filled += 1
    return filled


def known(words: np.ndarray, bounds: np.ndarray, ngram: int, grams: Grams) -> np.ndarray:
    """The different n-grams of some texts that are in the index, as int32 in order."""
    hashes, out = np.empty(len(words), np.uint64), np.empty(len(words), np.int32)
    return np.unique(out[: _known(read_only(words), read_only(bounds), ngram, grams, hashes, out)])
