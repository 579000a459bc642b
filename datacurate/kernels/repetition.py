"""Repetition of lines, paragraphs and n-grams in one document, exact and in linear time.

A token that starts a rare string cannot start a repeated n-gram. Cheap stamped tables sort such positions out,
and only what remains meets the exact tables, whose hits are verified against the bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.memory import (
    find_or_add,
    find_or_add_padded,
    hash_bytes,
    hash_padded,
    load64,
    mixed,
    store64,
    zero_bytes,
)
from datacurate.kernels.text import count_characters, decode
from datacurate.kernels.unicode import CLASS, SPACE

SIGNALS = (
    "characters", "dup_paragraphs", "dup_paragraph_chars", "dup_lines", "dup_line_chars",
    *(f"top_{n}_gram" for n in (2, 3, 4)), *(f"dup_{n}_grams" for n in range(5, 11)),
)  # fmt: skip
"""What `measure_repetition` fills: a count, then shares."""

_A = np.uint64(0x9E3779B97F4A7C15)
_B = np.uint64(0xC2B2AE3D27D4EB4F)
_C = np.uint64(0x94D049BB133111EB)
_PAD = 32
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)


@njit(nogil=True, cache=True)
def workspace(room, items):
    """Arrays for documents of at most `room` bytes and `items` tokens or lines: texts, numbers, tables, stamps.

    numba writes zeros over new tables, so these go by items: 10 MB without a space need next to nothing.
    """
    size = 1 << 10
    while size < 2 * items:
        size *= 2
    glued = np.empty(room + _PAD, np.uint8)
    spaced = np.empty(2 * room + _PAD, np.uint8)
    numbers = np.empty((8, items + _PAD), np.int32)
    hashes = np.empty((2, items + _PAD), np.uint64)
    slots = np.zeros(size, np.int64)
    filter_ = np.zeros(4 * size, np.uint32)
    stamps = np.zeros(2, np.int64)
    return glued, spaced, numbers, hashes, slots, filter_, stamps


@njit(nogil=True, cache=True)
def _mask(least, array):
    """The mask of a power of two that is at least `least`, within the array: small tables stay in the L1 cache."""
    size = 64
    while size < least and size < len(array):
        size *= 2
    return size - 1


@njit(nogil=True, cache=True)
def _newlines(text):
    count = 0
    for byte in text:
        count += byte == 0x0A
    return count


@njit(nogil=True, cache=True)
def _pieces(data, start, end, breaks, most, slots, hashes, starts, lengths, stamp):
    """Pieces of `data[start:end]` between runs of at least `breaks` newlines, at most `most`: how many,
    how many of them repeat an earlier one, and the characters of those."""
    mask = _mask(2 * most, slots)
    pieces = entries = repeats = characters = 0
    at = i = start
    while i <= end:
        while i + 8 <= end and not zero_bytes(load64(data, i) ^ _NEWLINES):
            i += 8
        while i < end and data[i] != 0x0A:
            i += 1
        stop = i
        while i < end and data[i] == 0x0A:
            i += 1
        if stop < end and i - stop < breaks:
            continue
        pieces += 1
        if pieces == 1 and stop >= end:
            break  # alone: nothing that it could repeat
        length = stop - at
        h = hash_bytes(data, at, length)
        entry = find_or_add(slots, mask, stamp, hashes, starts, lengths, entries, h, data, at, length)
        if entry == entries:
            entries += 1
        else:
            repeats += 1
            characters += count_characters(data, at, stop)
        if stop >= end:
            break
        at = i
    return pieces, repeats, characters


@njit(nogil=True, cache=True)
def _stripped(data, begin, end, table):
    """The range without white space at its ends."""
    while begin < end:
        point, width = decode(data, begin, end)
        if (table[point] & CLASS) != SPACE:
            break
        begin += width
    while begin < end:
        last = end - 1
        while last > begin and last > end - 4 and (data[last] & 0xC0) == 0x80:
            last -= 1
        point, width = decode(data, last, end)
        if last + width != end or (table[point] & CLASS) != SPACE:
            break
        end = last
    return begin, end


@njit(nogil=True, cache=True)
def _copy_words(data, begin, starts, ends, count, glued, spaced, at, chars, word_hashes):
    """The tokens one after the other, glued and with a space between; returns whether a token holds a space.

    `at[j]` is where token j starts in `glued` (in `spaced`: plus j), `chars[j]` the same in characters.
    """
    holds_space = False
    limit = len(data)
    to = 0
    characters = 0
    for j in range(count):
        start = begin + starts[j]
        length = np.int64(ends[j] - starts[j])
        at[j] = to
        chars[j] = characters
        h = np.uint64(length) * _A
        high = np.uint64(0)
        done = 0
        while done < length:
            word = np.uint64(0)
            left = min(length - done, 8)
            if start + done + 8 <= limit:
                word = load64(data, start + done)
                if left < 8:
                    word &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
            else:
                for k in range(left):
                    word |= np.uint64(data[start + done + k]) << np.uint64(8 * k)
            store64(glued, to + done, word)
            store64(spaced, to + j + done, word)
            high |= word
            h = (h ^ word) * _B
            h ^= h >> np.uint64(32)
            # a byte of `word` is 0x20 where the byte of `gap` is zero
            gap = word ^ np.uint64(0x2020202020202020)
            if (gap - np.uint64(0x0101010101010101)) & ~gap & np.uint64(0x8080808080808080):
                holds_space = True
            done += 8
        word_hashes[j] = h
        spaced[to + j + length] = 0x20
        to += length
        if high & np.uint64(0x8080808080808080):
            characters += count_characters(data, start, start + length)
        else:
            characters += length
    at[count] = to
    chars[count] = characters
    return holds_space


@njit(nogil=True, cache=True)
def _candidate_pairs(word_hashes, count, filter_, mask, stamp, keys, out):
    """Positions whose pair of tokens may occur twice; none that does is left out. Returns how many."""
    for j in range(count - 1):
        key = mixed(word_hashes[j] * _A + word_hashes[j + 1])
        k = np.int64(key >> np.uint64(32)) & mask
        keys[j] = k
        filter_[k] = stamp + 1 if filter_[k] >= stamp else stamp
    found = 0
    for j in range(count - 1):
        out[found] = j
        found += filter_[keys[j]] > stamp
    return found


@njit(nogil=True, cache=True)
def _top(n, count, spaced, at, chars, positions, found, slots, mask, stamp, hashes, starts, lengths, tally, first):
    """Characters of the most frequent n-gram times its occurrences; the earliest of equals.

    Positions that cannot repeat are not in `positions`. Those that do repeat stay in it for n + 1; returns how many.
    """
    entries = 0
    for k in range(found):
        j = positions[k]
        if j + n > count:
            continue
        start = np.int64(at[j]) + j
        length = np.int64(at[j + n]) + j + n - 1 - start
        h = hash_padded(spaced, start, length)
        entry = find_or_add_padded(slots, mask, stamp, hashes, starts, lengths, entries, h, spaced, start, length)
        if entry == entries:
            entries += 1
            tally[entry] = 0
            first[entry] = j
        tally[entry] += 1
    best = 0
    most = 1
    for entry in range(entries):
        if tally[entry] > most:  # entries are in order of first occurrence
            most = tally[entry]
            best = first[entry]
    return most * (np.int64(chars[best + n]) - chars[best] + n - 1)


@njit(nogil=True, cache=True)
def _candidate_runs(glued, at, count, filter_, mask, stamp, keys, longer, flags):
    """Bit 1 of a flag: the 16 bytes from this token on may occur twice. Bit 2: the same of 8 bytes,
    among the tokens with less than 16 bytes in five tokens, which are too short for the first test.
    Bit 8: the same of 32 bytes, among those with bit 1."""
    for j in range(count - 4):
        key = mixed(load64(glued, at[j]) * _A + load64(glued, at[j] + 8) * _B)
        k = np.int64(key >> np.uint64(32)) & mask
        keys[j] = k
        filter_[k] = stamp + 1 if filter_[k] >= stamp else stamp
    for j in range(count - 4):
        flags[j] = filter_[keys[j]] > stamp
    stamp += 2
    for j in range(count - 4):
        if at[j + 5] - at[j] < 16:
            key = mixed(load64(glued, at[j]) * _A)
            k = np.int64(key >> np.uint64(32)) & mask
            keys[j] = k
            filter_[k] = stamp + 1 if filter_[k] >= stamp else stamp
    found = 0
    for j in range(count - 4):
        short = at[j + 5] - at[j] < 16
        if short:
            flags[j] |= 2 * (filter_[keys[j]] > stamp) | 4 * (at[j + 5] - at[j] < 8)
        keys[found] = j
        found += flags[j] != 0
    stamp += 2
    for i in range(found):
        start = at[keys[i]]
        key = load64(glued, start + 8) * _A + load64(glued, start + 16) * _B + load64(glued, start + 24) * _C
        k = np.int64(mixed(load64(glued, start) + key) >> np.uint64(32)) & mask
        longer[i] = k
        filter_[k] = stamp + 1 if filter_[k] >= stamp else stamp
    for i in range(found):
        flags[keys[i]] |= 8 * (filter_[longer[i]] > stamp)
    return found


@njit(nogil=True, cache=True)
def _duplicates(n, count, glued, at, chars, positions, found, flags, slots, mask, stamp, hashes, starts, lengths):
    """Characters of n-grams, without separators, that repeat an earlier one; a repeated one is jumped over."""
    entries = free = characters = 0
    for k in range(found):
        j = positions[k]
        if j < free:
            continue
        if j + n > count:
            break
        start = np.int64(at[j])
        length = np.int64(at[j + n]) - start
        flag = flags[j]
        if not ((flag & 8) if length >= 32 else (flag & 1) if length >= 16 else (flag & 2) if length >= 8 else True):
            continue
        h = hash_padded(glued, start, length)
        entry = find_or_add_padded(slots, mask, stamp, hashes, starts, lengths, entries, h, glued, start, length)
        if entry == entries:
            entries += 1
        else:
            characters += np.int64(chars[j + n]) - chars[j]
            free = j + n
    return characters


@njit(nogil=True, cache=True)
def measure_repetition(data, begin, end, table, token_starts, token_ends, count, work, out):
    """Fills `out` with SIGNALS of one document; returns the workspace, grown if the document needed it."""
    # starts are kept in 32 bits, so they count from the document's first byte
    text = data[begin:end]
    lines = _newlines(text) + 1
    room, items = len(work[0]) - _PAD, work[2].shape[1] - _PAD
    if end - begin > room or max(count, lines) > items:
        work = workspace(max(room, 2 * (end - begin)), max(items, 2 * count, 2 * lines))
    glued, spaced, numbers, wide, slots, filter_, stamps = work
    starts, lengths, tally, first = numbers[0], numbers[1], numbers[2], numbers[3]
    at, chars, keys, positions = numbers[4], numbers[5], numbers[6], numbers[7]
    hashes, word_hashes = wide[0], wide[1]
    total = count_characters(data, begin, end)
    if total == 0:
        return work
    out[0] = total
    stamp = stamps[0]
    low, high = _stripped(text, 0, end - begin, table)
    pieces, repeats, repeated = _pieces(text, low, high, 2, lines, slots, hashes, starts, lengths, stamp + 1)
    out[1] = repeats / pieces
    out[2] = repeated / total
    pieces, repeats, repeated = _pieces(text, 0, end - begin, 1, lines, slots, hashes, starts, lengths, stamp + 2)
    out[3] = repeats / pieces
    out[4] = repeated / total
    stamp += 2

    holds_space = _copy_words(data, begin, token_starts, token_ends, count, glued, spaced, at, chars, word_hashes)
    sieve = _mask(8 * count, filter_)
    cut = stamps[1] + 2
    if holds_space:
        # hashes of whole tokens say nothing of `a b|c` against `a|b c`
        found = max(count - 1, 0)
        for j in range(found):
            positions[j] = j
    else:
        found = _candidate_pairs(word_hashes, count, filter_, sieve, cut, keys, positions)
    for n in range(2, 5):
        if count >= n:
            stamp += 1
            mask = _mask(2 * found, slots)
            top = _top(n, count, spaced, at, chars, positions, found, slots, mask, stamp,
                       hashes, starts, lengths, tally, first)  # fmt: skip
            out[3 + n] = top / total
        if not holds_space:
            found = _followed(positions, found)
    found = _candidate_runs(glued, at, count, filter_, sieve, cut + 2, keys, positions, tally)
    for n in range(5, 11):
        stamp += 1
        mask = _mask(2 * found, slots)
        repeated = _duplicates(n, count, glued, at, chars, keys, found, tally, slots, mask, stamp,
                               hashes, starts, lengths)  # fmt: skip
        out[3 + n] = repeated / total
    stamps[0] = stamp
    stamps[1] = cut + 6
    return work


@njit(nogil=True, cache=True)
def _followed(positions, found):
    """Keeps the positions j for which j + 1 is there too: an n-gram repeats only if both its (n-1)-grams do."""
    kept = 0
    for k in range(found - 1):
        j = positions[k]
        positions[kept] = j
        kept += positions[k + 1] == j + 1
    return kept
