"""What fastText makes of a text before it asks for labels: the mean of the vectors of its words and their n-grams."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from datacurate.kernels.fasttext_grams import (
    BUCKETS,
    END,
    LANES,
    LENGTHS,
    MAX,
    MIN,
    MOST_CHARACTERS,
    PRUNED,
    ROOM_FOR_CHARACTERS,
    WIDEST,
    WORDS,
    list_kept,
    list_one_by_one,
    parted,
    parted64,
    start_of,
)
from datacurate.kernels.fasttext_words import SPREAD, find_word, word_key
from datacurate.kernels.memory import borrowing, first_bit, inlined, places64, pointer, same_padded
from datacurate.kernels.prefetch import prefetch

LABEL = b"__label__"
SEEN = 8192
"""Words of which we remember the rows: 0.3 MB, which fit in the second cache of a processor."""
SEEN_WIDE = 1 << 16
"""The same of models whose rows are wide: reading those of a word anew costs more than a place in memory."""
ROOM = 1 << 17
"""Their rows, of all together."""
LONGEST = 40
"""Bytes of the longest word that is remembered."""
ROOM_OF_WORD = (LONGEST + 2) * LENGTHS + 1
"""Most rows of such a word: n-grams of up to seven lengths, and itself."""
WAITING = ROOM + MOST_CHARACTERS * LENGTHS
"""Behind the lists of words: rows that wait to be added, many at a time."""
WAITING_MOST = WAITING + 2048
FIELDS = 5
KEY, PLACE, LENGTH, FIRST, COUNT = range(FIELDS)
"""Of a word seen: its hash, where it stands, its bytes, the first of its rows, and how many they are."""
LABEL = b"__label__"


@intrinsic
def _copy8(typing, listed, start, to):
    """Copies eight numbers within a list. Never bounds-checked: there is room."""

    def codegen(context, builder, signature, values):
        eight = ir.VectorType(ir.IntType(32), 8)
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        old, new = (builder.bitcast(builder.gep(data, [at]), eight.as_pointer()) for at in values[1:])
        builder.store(builder.load(old, align=4), new, align=4)
        return context.get_dummy_value()

    return types.void(listed, types.int64, types.int64), codegen


@intrinsic
def _add_rows16(typing, rows, listed, first, count, total):
    """Adds `count` listed rows of 16 to `total`, one after the other. Never bounds-checked: they exist."""

    def codegen(context, builder, signature, values):
        lane = ir.VectorType(ir.FloatType(), LANES)

        def start(k):
            return context.make_array(signature.args[k])(context, builder, values[k]).data

        table = builder.bitcast(start(0), lane.as_pointer())
        places, where = builder.gep(start(1), [values[2]]), builder.bitcast(start(4), lane.as_pointer())
        sums = cgutils.alloca_once(builder, lane)
        builder.store(builder.load(where, align=4), sums)
        with cgutils.for_range(builder, values[3]) as loop:
            row = builder.sext(builder.load(builder.gep(places, [loop.index])), ir.IntType(64))
            one = builder.load(builder.gep(table, [row]), align=4)
            builder.store(builder.fadd(builder.load(sums), one), sums)
        builder.store(builder.load(sums), where, align=4)
        return context.get_dummy_value()

    return types.void(rows, listed, types.int64, types.int64, total), codegen


@intrinsic
def _add16(typing, rows, begin, total, base):
    """Adds 16 numbers to others. Never bounds-checked: they are there."""

    def codegen(context, builder, signature, values):
        lane = ir.VectorType(ir.FloatType(), LANES)

        def place(k):
            data = context.make_array(signature.args[k])(context, builder, values[k]).data
            return builder.bitcast(builder.gep(data, [values[k + 1]]), lane.as_pointer())

        old = builder.load(place(2), align=4)
        builder.store(builder.fadd(old, builder.load(place(0), align=4)), place(2), align=4)
        return context.get_dummy_value()

    return types.void(rows, types.int64, total, types.int64), codegen


@borrowing
def _add_wide(rows, begin, total, base, width):
    """Adds a row of any width."""
    d = 0
    while d + LANES <= width:
        _add16(rows, begin + d, total, base + d)
        d += LANES
    while d < width:
        total[base + d] += rows[begin + d]
        d += 1


@inlined
def _add_rows(rows, listed, first, count, total):
    """Adds the listed rows to `total` in their order, as fastText does: the sums have its very bits."""
    width = len(total)
    if width == LANES:
        _add_rows16(rows, listed, first, count, total)
        return
    for k in range(first, first + count):
        _add_wide(rows, np.int64(listed[k]) * width, total, 0, width)


@inlined
def is_space(c):
    """Whether fastText ends a word at a byte."""
    return c == 0x20 or 0x09 <= c <= 0x0D or c == 0


@inlined
def _row_of(data, i, length, key, words, dictionary):
    """The row of a word; -1: the model does not know it, -2: it is a label, and no word."""
    entry = find_word(data, i, length, key, *dictionary)
    if entry >= 0:
        return entry if entry < words else np.int64(-2)
    if length < len(LABEL) or data[i] != LABEL[0]:
        return np.int64(-1)
    same = 0
    for k in range(len(LABEL)):
        same += data[i + k] == LABEL[k]
    return np.int64(-2) if same == len(LABEL) else np.int64(-1)


@inlined
def _end_of_word(data, i, end, whole):
    """Where the word ends that begins at `i`; `whole` bytes are there in all, of which `end` belong to the text."""
    while i < end and i + 64 <= whole:
        spaces = places64(data, i, 0x20, 0x20) | places64(data, i, 0x09, 0x0D) | places64(data, i, 0, 0)
        if spaces:
            return min(i + first_bit(spaces), end)
        i += 64
    i = min(i, end)
    while i < end and not is_space(data[i]):
        i += 1
    return i


@intrinsic
def _framed(typing, data, i, length, word):
    """Writes `<word>` of at most 62 bytes; two masks of its bytes: not ASCII, and beginning no character.

    One load and one store: a vector that is read soon after from several stores waits for all of them. Never
    bounds-checked: 64 bytes from the one before `i` on are there.
    """

    def codegen(context, builder, signature, values):
        lane, byte = ir.VectorType(ir.IntType(8), 64), ir.IntType(8)
        data, word = (start_of(context, builder, signature.args[k], values[k]) for k in (0, 3))
        data = builder.gep(data, [builder.sub(values[1], ir.Constant(ir.IntType(64), 1))])
        text = builder.load(builder.bitcast(data, lane.as_pointer()), align=1)
        last = builder.trunc(builder.add(values[2], ir.Constant(ir.IntType(64), 1)), ir.IntType(32))
        text = builder.insert_element(text, ir.Constant(byte, 0x3C), ir.Constant(ir.IntType(32), 0))
        text = builder.insert_element(text, ir.Constant(byte, 0x3E), last)
        builder.store(text, builder.bitcast(word, lane.as_pointer()), align=1)
        high = builder.icmp_signed("<", text, ir.Constant(lane, [0] * 64))
        begins = builder.icmp_signed(">=", text, ir.Constant(lane, [0xC0] * 64))
        masks = [builder.bitcast(one, ir.IntType(64)) for one in (high, builder.and_(high, builder.not_(begins)))]
        return context.make_tuple(builder, signature.return_type, masks)

    return types.UniTuple(types.uint64, 2)(data, types.int64, types.int64, word), codegen


@inlined
def _copied(data, i, length, word):
    """Writes `<word>`."""
    word[0], word[length + 1] = 0x3C, 0x3E
    for k in range(length):
        word[k + 1] = data[i + k]


@inlined
def _shape(grams):
    return grams[MIN], grams[MAX], grams[WORDS], grams[BUCKETS], grams[PRUNED]


@borrowing
def _add_long(data, i, length, model, word, characters, lanes, listed, total):
    """Adds the rows of a word of any length; how many they were, -1 if it is the one that ends a line."""
    grams, kept, filter, table, texts, starts, rows = model
    shape = _shape(grams)
    _copied(data, i, length, word)
    key = word_key(word, 1, length)
    entry = _row_of(word, 1, length, key, grams[WORDS], (filter, table, texts, starts))
    added, at = 0, 0
    if entry == -2:
        return added
    if entry == grams[END] and entry >= 0:
        return -1
    if entry >= 0:
        listed[ROOM] = entry
        _add_rows(rows, listed, ROOM, 1, total)
        added = 1
    while at < length + 2:
        count, stop, wide = parted(word, at, length + 2, MOST_CHARACTERS + LENGTHS, characters)
        to = stop if count <= MOST_CHARACTERS else _after(word, at, MOST_CHARACTERS)
        if wide > WIDEST:
            free = list_one_by_one(word, at, to, length + 2, shape, kept, listed, ROOM)
        else:
            most, ends = min(count, MOST_CHARACTERS), (at == 0, stop == length + 2)
            wide = max(wide, 2)  # its characters are not at the beginning of `word`
            free = list_kept(word, characters, wide, most, count, ends, shape, kept, lanes, listed, ROOM)
        _add_rows(rows, listed, ROOM, free - ROOM, total)
        added += free - ROOM
        at = to
    return added


@inlined
def _after(word, at, characters):
    """Where so many characters end, of which there is one more."""
    while True:
        characters -= (word[at] & 0xC0) != 0x80 or at == 0
        if characters < 0:
            return at
        at += 1


@inlined
def _list_word(data, i, length, whole, word, characters, shape, kept, lanes, listed, free):
    """Lists the rows of the n-grams of a word of at most LONGEST bytes."""
    inside = (np.uint64(1) << np.uint64(length + 2)) - np.uint64(1)
    if i >= 1 and i + 63 <= whole:
        high, within = _framed(data, i, length, word)
    else:
        _copied(data, i, length, word)
        high, within = places64(word, 0, 0x80, 0xFF), places64(word, 0, 0x80, 0xBF)
    count, wide = length + 2, 1
    if high & inside:
        count, wide = parted64(word, length + 2, inside & ~within, characters)
    if wide > WIDEST:
        return list_one_by_one(word, 0, length + 2, length + 2, shape, kept, listed, free)
    return list_kept(word, characters, wide, count, count, (True, True), shape, kept, lanes, listed, free)


@borrowing
def _sum_word(rows, listed, first, count, sums, base, width):
    """Writes the sum of a word's rows at `base`."""
    for d in range(width):
        sums[base + d] = 0
    for k in range(first, first + count):
        _add_wide(rows, np.int64(listed[k]) * width, sums, base, width)


@borrowing
def add_text(data, start, end, model, room, total):
    """Adds the vectors of `data[start:end]` to `total`, which is 0; returns how many they are, and of how many words.

    Rows of 16 are added in fastText's order, so that sums have its very bits. Wider ones, of models far larger than any
    cache, are added word by word: the sum of a word that was seen is there already.
    """
    grams, kept, filter, table, texts, starts, rows = model
    word, characters, lanes, listed, seen, used, sums = room
    width = len(total)
    shape = _shape(grams)
    last, whole = grams[END], len(data)
    text, letters, rows_of, memory = pointer(data), pointer(word), pointer(listed), pointer(seen)
    parts, vectors = pointer(characters), (pointer(lanes[0]), pointer(lanes[1]))
    some, known = pointer(kept), (pointer(filter), table, pointer(texts), pointer(starts))
    spread = np.uint64(len(seen) // FIELDS - 1)
    added, tokens, free, waiting = 0, 0, used[0], WAITING
    i = start
    while True:
        while i < end and is_space(text[i]):
            i += 1
        if i >= end:
            break
        to = _end_of_word(text, i, end, whole)
        length = to - i
        tokens += 1
        if length > LONGEST or to + 8 > whole:
            _add_rows(rows, listed, WAITING, waiting - WAITING, total)
            added += waiting - WAITING
            waiting = WAITING
            count = _add_long(data, i, length, model, word, characters, lanes, listed, total)
            if count < 0:
                break
            added += count
            i = to
            continue
        key = word_key(text, i, length)
        slot = FIELDS * np.int64(((key * SPREAD) >> np.uint64(40)) & spread)
        there = memory[slot + KEY] == np.int64(key) and memory[slot + LENGTH] == length
        if not there or (length >= 8 and not same_padded(text, memory[slot + PLACE], i, length)):
            entry = _row_of(text, i, length, key, shape[WORDS], known)
            if entry == last and entry >= 0:
                break
            if free > ROOM - ROOM_OF_WORD:
                seen[:] = 0
                free = 0
            count = free
            if entry >= 0:
                rows_of[count] = entry
                count += 1
            if entry > -2:
                count = _list_word(text, i, length, whole, letters, parts, shape, some, vectors, rows_of, count)
            memory[slot + KEY], memory[slot + PLACE], memory[slot + LENGTH] = np.int64(key), i, length
            memory[slot + FIRST], memory[slot + COUNT] = free, count - free
            if width != LANES:
                _sum_word(rows, listed, free, count - free, sums, slot // FIELDS * width, width)
            else:
                for k in range(free, count):
                    prefetch(rows, np.int64(listed[k]) * LANES)
                free = count
        first, count = memory[slot + FIRST], memory[slot + COUNT]
        if width != LANES:
            _add_wide(sums, slot // FIELDS * width, total, 0, width)
            added += count
            i = to
            continue
        for k in range(0, count, 8):
            _copy8(listed, first + k, waiting + k)
        waiting += count
        i = to
        if waiting > WAITING_MOST:
            _add_rows(rows, listed, WAITING, waiting - WAITING, total)
            added += waiting - WAITING
            waiting = WAITING
    used[0] = free
    if last >= 0:
        listed[waiting] = last
        waiting += 1
    _add_rows(rows, listed, WAITING, waiting - WAITING, total)
    return added + waiting - WAITING, tokens


@njit(nogil=True, cache=True)
def room_for(longest, width):
    """What `add_text` writes in: a word of at most `longest` bytes, its characters, lanes, lists of rows, the words
    seen, room used, and the words' sums where they are wide."""
    words = SEEN if width == LANES else SEEN_WIDE
    word, characters = np.zeros(longest + 128, np.uint8), np.zeros(ROOM_FOR_CHARACTERS, np.uint32)
    lanes = np.empty(LENGTHS * LANES, np.int32), np.zeros(LENGTHS, np.uint64)
    listed, seen = np.empty(WAITING_MOST + 2 * ROOM_OF_WORD, np.int32), np.zeros(words * FIELDS, np.int64)
    sums = np.empty(0 if width == LANES else words * width, np.float32)
    return word, characters, lanes, listed, seen, np.zeros(1, np.int64), sums
