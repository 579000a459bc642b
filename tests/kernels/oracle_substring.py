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


WORD = 2**64
BASE, FIRST, SECOND = 0xD6E8FEB86659FD93, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mixed(h: int) -> int:
    """SplitMix64's finaliser, with other shifts."""
    h = (h ^ (h >> 32)) * FIRST % WORD
    h = (h ^ (h >> 29)) * SECOND % WORD
    return h ^ (h >> 32)


def winnowed(values: list[int], blocks: list[bytes], least: int, kgram: int) -> list[tuple[int, bytes, int, int, int]]:
    """(hash of the anchor, block, start, lead, windows) of every anchor that is told of, from the hashes of symbols.

    `blocks` are the symbols' bytes.
    """
    hashes = []
    for at in range(len(values) - kgram + 1):
        rolling = 0
        for value in values[at : at + kgram]:
            rolling = (rolling * BASE + value) % WORD
        hashes.append(mixed(rolling))
    found: list[list[int]] = []
    for start in range(len(values) - least + 1):
        place = min(range(start, start + least - kgram + 1), key=lambda at: (hashes[at], -at))
        if found and found[-1][1] == place:
            found[-1][2] += 1
        else:
            found.append([start, place, 1])
    rows = [
        (hashes[place], b"".join(blocks[start : start + windows + least - 1]), start, place - start, windows)
        for start, place, windows in found
    ]
    return [row for run in _runs(rows) for row in _thinned(run, least)]


def _runs(rows: list) -> list[list]:
    """Neighbours with one hash and one block."""
    runs: list[list] = []
    for row in rows:
        if runs and runs[-1][-1][:2] == row[:2]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _thinned(run: list, least: int) -> list:
    """The anchors in the first two windows' length, then as few as leave no gap wider than a window, and the last."""
    place = [row[2] + row[3] for row in run]
    kept = [at for at in range(len(run)) if place[at] - place[0] <= 2 * least]
    for at in range(kept[-1] + 1, len(run)):
        if place[at] - place[kept[-1]] > least:
            kept.append(at - 1)
    if kept[-1] != len(run) - 1:
        kept.append(len(run) - 1)
    return [run[at] for at in kept]


def cut_bytes(text: bytes, spans: list[tuple[int, int]], tokens: list[tuple[int, int]] | None, lines: bool, gaps: bool):
    """The bytes that go with spans of symbols, which do not touch; `tokens` are None where symbols are bytes."""
    found = []
    for first, after in spans:
        if tokens is None:
            start, end, low, high = first, after, first, after
        else:
            start, end = tokens[first][0], tokens[after - 1][1]
            low = tokens[first - 1][1] if first else 0
            high = tokens[after][0] if after < len(tokens) else len(text)
        if lines:
            begins = [at for at in range(low, high + 1) if at == 0 or text[at - 1 : at] == b"\n"]
            stops = [at for at in range(low, high + 1) if at == len(text) or text[at - 1 : at] == b"\n"]
            start, end = (begins[0], stops[-1]) if begins and stops else (0, 0)
        elif tokens is None:
            while start < end and text[start] & 0xC0 == 0x80:
                start += 1
            while start < end < len(text) and text[end] & 0xC0 == 0x80:
                end -= 1
        elif gaps and (low == 0 or high == len(text)):
            start, end = low, high
        elif gaps:
            before, behind = text[low:start], text[end:high]
            less = (before.count(b"\n"), len(before)) <= (behind.count(b"\n"), len(behind))
            start, end = (low, end) if less else (start, high)
        if start < end:
            found.append((start, end))
    return found


def classes(records: list[list[int]], bases: list[int]) -> list[list]:
    """Groups of records that share an anchor: per class (windows, lead, contested) and its members, as
    (row, symbol of the anchor, order, byte and symbol at which the block begins)."""
    groups = defaultdict(lambda: defaultdict(list))
    for number, (anchor, high, low, order, at, place) in enumerate(records):
        start, lead, windows = place >> 32, (place >> 16) & 0xFFFF, place & 0xFFFF
        member = (bases[number] + (at >> 32), start + lead, order, (at & 0xFFFFFFFF) << 32 | start)
        groups[anchor][high, low].append((order, number, member, windows, lead))
    made = []
    for group in groups.values():
        if sum(map(len, group.values())) > 1:
            found = sorted(sorted(block) for block in group.values())
            about = [((block[0][3], block[0][4], len(found) > 1), [member[2] for member in block]) for block in found]
            made.append(about)
    return made
