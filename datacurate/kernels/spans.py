"""Sentences as places in texts, runs of several of them, and what a text is without some."""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.folding import folding
from datacurate.kernels.lines import Parts, skip_space
from datacurate.kernels.memory import pointer
from datacurate.kernels.sentences import END, MARK, marks
from datacurate.kernels.sentences import _marks_of as marks_of
from datacurate.kernels.text import segment


@njit(nogil=True, cache=True)
def _sentences(data, offsets, tokens, firsts, lasts, table, starts, ends, documents):
    """The rules of `sentences.count_sentences`: where each sentence's first word begins and its last one ends."""
    n = 0
    for document in range(len(offsets) - 1):
        begin = offsets[document]
        ended = False
        for j in range(tokens[document], tokens[document + 1]):
            first, last = begin + firsts[j], begin + lasts[j]
            found = marks_of(data, first, last, table)
            begins = j == tokens[document]
            if ended:
                gap = first - ends[n - 1]
                begins = gap > 1 or (gap == 1 and data[first - 1] != 0x20) or not found & MARK
            if begins:
                starts[n], documents[n] = first, document
                ended = False
                n += 1
            ends[n - 1] = last
            ended |= (found & END) != 0
    return n


def sentences(data: np.ndarray, offsets: np.ndarray) -> Parts:
    """The sentences of all documents, by spaCy's `sentencizer` over our own words, without white space at the ends."""
    words = segment(data, offsets)
    room = len(words.starts)
    starts, ends, documents = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    arrays = (read_only(data), read_only(offsets), words.offsets, words.starts, words.ends, marks())
    n = _sentences(*arrays, starts, ends, documents)
    return Parts(starts[:n], ends[:n], documents[:n])


def runs(parts: Parts, length: int) -> np.ndarray:
    """The first part of every run of `length` parts of one document."""
    last = len(parts.documents) - length + 1
    if last <= 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(parts.documents[:last] == parts.documents[length - 1 :])


def behind(parts: Parts, offsets: np.ndarray) -> np.ndarray:
    """Where the part before each part ends; for a document's first part, where the document begins."""
    before = np.empty(len(parts.ends), np.int64)
    before[1:] = parts.ends[:-1]
    first = np.ones(len(before), bool)
    first[1:] = parts.documents[1:] != parts.documents[:-1]
    before[first] = offsets[parts.documents[first]]
    return before


@njit(nogil=True, cache=True)
def _merge(at, starts, ends):
    n = 0
    for document in range(len(at) - 1):
        low, high = at[document], at[document + 1]
        at[document] = n
        for k in range(low, high):
            if n > at[document] and starts[k] < ends[n - 1]:
                ends[n - 1] = max(ends[n - 1], ends[k])
            else:
                starts[n], ends[n] = starts[k], ends[k]
                n += 1
    at[len(at) - 1] = n
    return n


def merged(at: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same places with those that overlap made one; document `i` has `at[i]:at[i + 1]`, in order of `starts`."""
    at, starts, ends = (np.array(array, np.int64) for array in (at, starts, ends))
    n = _merge(at, starts, ends)
    return at, starts[:n], ends[:n]


@njit(nogil=True, cache=True)
def _sentence_cuts(data, offsets, flags, at, starts, ends, out):
    text = pointer(data)
    for document in range(len(offsets) - 1):
        begin, stop = offsets[document], offsets[document + 1]
        place = begin
        for k in range(at[document], at[document + 1]):
            start, end = max(place, begin + starts[k]), begin + ends[k]
            following = skip_space(text, end, stop, flags)
            if following == stop or start == begin:
                end = place = following
            out[2 * k], out[2 * k + 1] = start - begin, end - begin


def sentence_cuts(
    data: np.ndarray, offsets: np.ndarray, at: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """int32[2 * n]: the given places, with the white space behind them where they begin or end a document."""
    out = np.empty(2 * len(starts), np.int32)
    arrays = (read_only(array) for array in (data, offsets))
    _sentence_cuts(*arrays, folding().flags, *(read_only(array) for array in (at, starts, ends)), out)
    return out
