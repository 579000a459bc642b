"""Windows that another corpus has, against slow twins."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import winnow_known, winnow_match
from datacurate.kernels.winnow_known import NONE, Blocks, Copies

numbers = st.lists(st.sampled_from([0, 1, 5, 2**63, 2**64 - 1, 2**64 - 2]) | st.integers(0, 2**64 - 1), max_size=40)


@settings(deadline=None)
@given(numbers, numbers, st.integers(1, 3))
def test_records_whose_anchor_we_have(own, theirs, fields):
    records = np.array([[anchor, *range(fields - 1)] for anchor in theirs + own[::2]], np.uint64).reshape(-1)
    known = winnow_known.set_of(np.array(own, np.uint64))
    assert known.anchors.tolist() == sorted(set(own))
    found = winnow_known.meeting(records, known, fields).tolist()
    assert found == [at for at, anchor in enumerate(theirs + own[::2]) if anchor in own]


few = st.integers(0, 3)
blocks = st.lists(st.tuples(few, few, few | st.just(2**64 - 1), few), max_size=30)


@settings(deadline=None)
@given(st.sets(st.tuples(few, few), max_size=8), blocks)
def test_the_least_copy_of_whole_blocks(own, theirs):
    high, low = np.array(sorted(own), np.uint64).reshape(-1, 2).T.copy()
    whole = winnow_known.Whole(high, low)
    for some in (theirs[::2], theirs[1::2]):
        whole.meet(*np.array(some, np.uint64).reshape(-1, 4).T.copy())
    for digest, order, there in zip(sorted(own), *(array.tolist() for array in whole.copies), strict=True):
        copies = [(order, there) for *block, order, there in theirs if tuple(block) == digest]
        assert (order, there) == (min(copies) if copies else (0, int(NONE)))


LEAST = 3
contexts = st.lists(st.tuples(st.integers(0, 2), st.text("ab", min_size=LEAST, max_size=2 * LEAST - 1)), max_size=8)


def made(said, tokens):
    """Blocks whose anchor is the first symbol of the last window, so that every window holds it."""
    windows = np.array([len(text) - LEAST + 1 for _, text in said], np.int64)
    raw = [b"".join(letter.encode() + b" " * tokens for letter in text) for _, text in said]
    groups = np.array([group for group, _ in said], np.int64)
    return Blocks(groups, windows, windows - 1, pa.array(raw, pa.large_binary()))


def windows(group, text):
    """A block's windows: the group, what stands in it, and where the anchor is."""
    last = len(text) - LEAST
    return [(group, text[at : at + LEAST], last - at) for at in range(last + 1)]


@settings(max_examples=200, deadline=None)
@given(contexts, st.lists(st.tuples(contexts.map(lambda some: some[:1]), few, few), max_size=12), st.booleans())
def test_windows_of_ours_that_stand_in_theirs(ours, given_, tokens):
    theirs = [(*some[0], order, start) for some, order, start in given_ if some]
    copies: dict = {}
    for group, text, order, start in theirs:
        for at, window in enumerate(windows(group, text)):
            copies[window] = min(copies.get(window, (9, 9)), (order, start + at))
    wanted = [copies.get(window) for block in ours for window in windows(*block)]
    orders, starts = np.array([block[2:] for block in theirs], np.int64).reshape(-1, 2).T
    sides = made(ours, tokens), made([block[:2] for block in theirs], tokens)
    if ours and theirs:
        found = winnow_known.compare(*sides, orders.astype(np.uint64), starts, LEAST, tokens)
        got = dict(zip(found[0].tolist(), zip(*(array.tolist() for array in found[1:]), strict=True), strict=True))
        assert got == {at: copy for at, copy in enumerate(wanted) if copy}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_spans_of_members_are_what_their_windows_cover(data):
    counts = data.draw(st.lists(st.integers(1, 5), max_size=5))
    whole = [data.draw(st.booleans()) for _ in counts]
    times = [data.draw(st.integers(1, 3)) for _ in counts]
    flats = np.cumsum([0, *(1 if one else count for one, count in zip(whole, counts, strict=True))])
    copies = Copies.none(int(flats[-1]))
    for window in range(flats[-1]):
        if data.draw(st.booleans()):
            copies.orders[window], copies.there[window] = data.draw(few), data.draw(few)
    bounds = np.cumsum([0, *times])
    lead = np.array(counts, np.int64) - 1
    classes = winnow_match.Classes(np.arange(len(counts)), np.array(counts, np.int64), lead, bounds)
    starts = np.arange(bounds[-1], dtype=np.uint64) * np.uint64(100)
    places = starts.astype(np.int64) + np.repeat(lead, times)
    begins = np.arange(bounds[-1], dtype=np.uint64) << np.uint64(32) | starts
    members = winnow_match.Members(starts + np.uint64(7), places, starts, begins)
    covered, wanted = {}, {}
    for row, run, order, there in winnow_known.spans(classes, members, flats, copies, LEAST).tolist():
        start, size = run >> 32, run >> 16 & 0xFFFF
        assert start - (run & 0xFFFF) == row - 7 and there & 0xFFFFFFFF == (row - 7) // 100
        assert there >> 63
        for at in range(size - LEAST + 1):
            covered[row, start + at] = (order, ((there >> 32) - winnow_match.ELSEWHERE) + at)
    for c, (count, one) in enumerate(zip(counts, whole, strict=True)):
        for member in range(bounds[c], bounds[c + 1]):
            for at in range(count):
                window = flats[c] + (0 if one else at)
                if copies.there[window] != NONE:
                    there = int(copies.there[window]) + (at if one else 0)
                    wanted[int(starts[member]) + 7, int(starts[member]) + at] = (int(copies.orders[window]), there)
    assert covered == wanted
