"""What fastText makes of a text before it asks for labels: the mean of the vectors of its words and their n-grams."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from datacurate.kernels.memory import (
    borrowing,
    count_bits,
    first_bit,
    first_bytes,
    hash_padded,
    inlined,
    load64,
    places64,
    pointer,
    same_padded,
)

OFFSET = np.uint32(2166136261)
PRIME = np.uint32(16777619)
SEEN = 8192
"""Words of which we remember the rows: 0.3 MB, which fit in the second cache of a processor."""
SEEN_WIDE = 1 << 16
"""The same of models whose rows are wide: reading those of a word anew costs more than a place in memory."""
ROOM = 1 << 17
"""Their rows, of all together."""
LONGEST = 40
"""Bytes of the longest word that is remembered."""
ROOM_OF_WORD = (LONGEST + 2) * 7 + 1
"""Most rows of such a word: n-grams of up to seven lengths, and itself."""
PIECE = 256
"""Places of a longer word whose n-grams are listed at a time."""
WAITING = ROOM + PIECE * 7
"""Behind the lists of words: rows that wait to be added, many at a time."""
WAITING_MOST = WAITING + 2048
FIELDS = 5
KEY, PLACE, LENGTH, FIRST, COUNT = range(FIELDS)
"""Of a word seen: its hash, where it stands, its bytes, the first of its rows, and how many they are."""
LANES = 16
"""Dimensions of lid.176, whose sums stay in one vector register."""
MIN, MAX, WORDS, BUCKETS, PRUNED, INVERSE, END = range(7)
"""What a model's `grams` hold: least and most characters of n-grams, rows of words, buckets, whether buckets were
pruned, 2^64 / buckets, plus 1, and the row of the end of a line (-1: none)."""
LABEL = b"__label__"
SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: its products have well-mixed upper bits (Fibonacci hashing)."""


@intrinsic
def _high64(typing, a, b):
    """The upper half of the product of two uint64."""

    def codegen(context, builder, signature, values):
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(values[0], wide), builder.zext(values[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


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
def _hashed(h, c):
    """FNV-1a as fastText has it, which takes bytes for signed."""
    return np.uint32((h ^ np.uint32(np.int32(np.int8(c)))) * PRIME)


@inlined
def _find_word(word, length, h, mask, slots, texts, starts):
    """The row of a word of the model's, -1 if it knows it not."""
    at = np.int64(h) & mask
    while slots[at] >= 0:
        entry = np.int64(slots[at])
        begin = starts[entry]
        if starts[entry + 1] - begin == length:
            k = 0
            while k < length and texts[begin + k] == word[k + 1]:
                k += 1
            if k == length:
                return entry
        at = (at + 1) & mask
    return np.int64(-1)


@inlined
def _remainder(h, size, inverse):
    """`h % size` by two multiplications (Lemire, Kaser, Kurz 2019); `inverse` is 2^64 divided by `size`, and 1."""
    return np.int64(_high64(inverse * np.uint64(h), np.uint64(size)))


@inlined
def _list(bucket, words, pruned, bits, before, listed, count):
    """Lists the row of a bucket, if it was not pruned; how many are listed then."""
    if pruned:
        block = bits[bucket >> 6]
        bit = np.uint64(1) << np.uint64(bucket & 63)
        listed[count] = words + before[bucket >> 6] + count_bits(block & (bit - np.uint64(1)))
        return count + np.int64((block & bit) != 0)
    listed[count] = words + bucket
    return count + 1


@inlined
def _list_ngrams(word, begin, end, length, shape, bits, before, listed, count):
    """Lists the rows of the n-grams of `word[:length]` that start in `begin` to `end`; how many are listed then."""
    shortest, longest, words, size, pruned, inverse = shape
    for i in range(begin, end):
        if (word[i] & 0xC0) == 0x80:
            continue
        h = OFFSET
        j = i
        n = 1
        while j < length and n <= longest:
            h = _hashed(h, word[j])
            j += 1
            while j < length and (word[j] & 0xC0) == 0x80:
                h = _hashed(h, word[j])
                j += 1
            if n >= shortest and not (n == 1 and (i == 0 or j == length)):
                bucket = _remainder(h, size, inverse)
                count = _list(bucket, words, pruned, bits, before, listed, count)
            n += 1
    return count


@inlined
def _list_ascii(word, length, shape, bits, before, listed, count):
    """`_list_ngrams` of a whole word of single bytes."""
    shortest, longest, words, size, pruned, inverse = shape
    for i in range(length):
        h = OFFSET
        for n in range(1, min(longest, length - i) + 1):
            h = _hashed(h, word[i + n - 1])
            if n >= shortest and not (n == 1 and (i == 0 or i + 1 == length)):
                count = _list(_remainder(h, size, inverse), words, pruned, bits, before, listed, count)
    return count


@inlined
def _is_label(word, length):
    """Whether a word that the model does not know begins as labels do."""
    if length < len(LABEL) or word[1] != LABEL[0]:
        return False
    same = 0
    for k in range(len(LABEL)):
        same += word[k + 1] == LABEL[k]
    return same == len(LABEL)


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


@inlined
def _read_word(data, i, length, words, mask, slots, texts, starts, word):
    """Copies the word to `<word>`; its row (-1: the model does not know it, -2: it is no word), and if it is ASCII."""
    h = OFFSET
    high = np.uint8(0)
    word[0] = 0x3C
    for k in range(length):
        word[k + 1] = data[i + k]
        h = _hashed(h, data[i + k])
        high |= data[i + k]
    word[length + 1] = 0x3E
    entry = _find_word(word, length, h, mask, slots, texts, starts)
    entry = np.int64(-2) if entry >= words or (entry < 0 and _is_label(word, length)) else entry
    return entry, high < 0x80


@borrowing
def _add_long(data, i, length, model, word, listed, total):
    """Adds the rows of a word of any length; how many they were, -1 if it is the one that ends a line."""
    grams, bits, before, slots, texts, starts, rows = model
    shape = grams[MIN], grams[MAX], grams[WORDS], grams[BUCKETS], grams[PRUNED], np.uint64(grams[INVERSE])
    entry, _ = _read_word(data, i, length, grams[WORDS], len(slots) - 1, slots, texts, starts, word)
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
        to = min(at + PIECE, length + 2)
        count = _list_ngrams(word, at, to, length + 2, shape, bits, before, listed, ROOM) - ROOM
        _add_rows(rows, listed, ROOM, count, total)
        added += count
        at = to
    return added


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
    grams, bits, before, slots, texts, starts, rows = model
    word, listed, seen, used, sums = room
    width = len(total)
    shape = grams[MIN], grams[MAX], grams[WORDS], grams[BUCKETS], grams[PRUNED], np.uint64(grams[INVERSE])
    last, mask, whole = grams[END], len(slots) - 1, len(data)
    text, letters, rows_of, memory = pointer(data), pointer(word), pointer(listed), pointer(seen)
    known, names, begins, some, offsets = (
        pointer(slots),
        pointer(texts),
        pointer(starts),
        pointer(bits),
        pointer(before),
    )
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
            count = _add_long(data, i, length, model, word, listed, total)
            if count < 0:
                break
            added += count
            i = to
            continue
        if length < 8:
            key = load64(text, i) & first_bytes(length)
            slot = FIELDS * np.int64(((key * SPREAD) >> np.uint64(40)) & spread)
        else:
            key = hash_padded(text, i, length)
            slot = FIELDS * np.int64(key & spread)
        there = memory[slot + KEY] == np.int64(key) and memory[slot + LENGTH] == length
        if not there or (length >= 8 and not same_padded(text, memory[slot + PLACE], i, length)):
            entry, ascii = _read_word(text, i, length, shape[WORDS], mask, known, names, begins, letters)
            if entry == last and entry >= 0:
                break
            if free > ROOM - ROOM_OF_WORD:
                seen[:] = 0
                free = 0
            count = free
            if entry >= 0:
                rows_of[count] = entry
                count += 1
            if entry > -2 and ascii:
                count = _list_ascii(letters, length + 2, shape, some, offsets, rows_of, count)
            elif entry > -2:
                count = _list_ngrams(letters, 0, length + 2, length + 2, shape, some, offsets, rows_of, count)
            memory[slot + KEY], memory[slot + PLACE], memory[slot + LENGTH] = np.int64(key), i, length
            memory[slot + FIRST], memory[slot + COUNT] = free, count - free
            if width != LANES:
                _sum_word(rows, listed, free, count - free, sums, slot // FIELDS * width, width)
            else:
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
    """What `add_text` writes in: a word of at most `longest` bytes, lists of rows, the words seen, room used, and the
    words' sums where they are wide."""
    words = SEEN if width == LANES else SEEN_WIDE
    listed, seen = np.empty(WAITING_MOST + 2 * ROOM_OF_WORD, np.int32), np.zeros(words * FIELDS, np.int64)
    sums = np.empty(0 if width == LANES else words * width, np.float32)
    return np.empty(longest + 2, np.uint8), listed, seen, np.zeros(1, np.int64), sums
