"""The n-grams of a word, as fastText hashes them: sixteen beginnings at a time, and only those that the model kept."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from datacurate.kernels.memory import count_bits, first_bit, inlined, load64

OFFSET = np.uint32(2166136261)
PRIME = np.uint32(16777619)
LANES = 16
"""Beginnings of n-grams that are hashed together."""
MOST_CHARACTERS = 256
"""Beginnings of a longer word that are listed at a time; a multiple of LANES."""
ROOM_FOR_CHARACTERS = MOST_CHARACTERS + 3 * LANES
"""Those, what n-grams reach behind them, and what the last lanes read in vain."""
WIDEST = 4
"""Bytes of the longest character that lanes know. One with more is no UTF-8, and goes one by one."""
LENGTHS = 7
"""Most lengths of n-grams (`_fasttext._read` turns models away that have more)."""
MIN, MAX, WORDS, BUCKETS, PRUNED, END = range(6)
"""What a model's `grams` hold: least and most characters of n-grams, rows of words, buckets, whether buckets were
pruned, and the row of the end of a line (-1: none)."""


@inlined
def hashed(h, c):
    """FNV-1a as fastText has it, which takes bytes for signed."""
    return np.uint32((h ^ np.uint32(np.int32(np.int8(c)))) * PRIME)


def start_of(context, builder, kind, value):
    """Where an array or what a pointer points to begins."""
    return value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data


def _lanes(kind):
    return ir.VectorType(kind, LANES)


def _all(builder, kind, value):
    """A value in all lanes."""
    none = ir.Constant(_lanes(kind), ir.Undefined)
    first = builder.insert_element(none, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, none, ir.Constant(_lanes(ir.IntType(32)), None))


_8, _32, _64, _REAL = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()


def _hash_byte(builder, hashes, byte):
    """The hashes after one more byte of each lane."""
    return builder.mul(builder.xor(hashes, byte), ir.Constant(_lanes(_32), [int(PRIME)] * LANES))


def _hash_characters(builder, characters, place, wide, hashes):
    """Hashes one more character of each lane: its first byte, and those of the others that it has."""
    at = builder.bitcast(builder.gep(characters, [place]), _lanes(_32).as_pointer())
    packed, zero = builder.load(at, align=4), ir.Constant(_lanes(_32), None)
    with cgutils.for_range(builder, wide) as loop:
        shift = builder.sub(_32(24), builder.shl(builder.trunc(loop.index, _32), _32(3)))
        top = builder.shl(packed, _all(builder, _32, shift))
        byte = builder.ashr(top, ir.Constant(_lanes(_32), [24] * LANES))
        old = builder.load(hashes)
        there = builder.icmp_unsigned("!=", byte, zero)
        builder.store(builder.select(there, _hash_byte(builder, old, byte), old), hashes)


def _hash_single(builder, word, place, hashes):
    """The same in a word of ASCII."""
    at = builder.bitcast(builder.gep(word, [place]), _lanes(_8).as_pointer())
    byte = builder.sext(builder.load(at, align=1), _lanes(_32))
    builder.store(_hash_byte(builder, builder.load(hashes), byte), hashes)


def _remainders(builder, hashes, size, share):
    """Each hash modulo `size`, of which `share` is the inverse: the quotient by doubles is right, or 1 too small where
    the remainder would be 0."""
    real = builder.uitofp(hashes, _lanes(_REAL))
    quotient = builder.fptoui(builder.fmul(real, _all(builder, _REAL, share)), _lanes(_32))
    sizes = _all(builder, _32, size)
    rest = builder.sub(hashes, builder.mul(quotient, sizes))
    return builder.select(builder.icmp_unsigned(">=", rest, sizes), builder.sub(rest, sizes), rest)


def _kept(builder, buckets, kept, wanted):
    """Of the wanted lanes those whose bucket has its bit, in the lower halves of `kept`."""
    blocks = builder.lshr(buckets, ir.Constant(_lanes(_32), [5] * LANES))
    places = builder.shl(builder.zext(blocks, _lanes(_64)), ir.Constant(_lanes(_64), [3] * LANES))
    places = builder.add(places, _all(builder, _64, builder.ptrtoint(kept, _64)))
    pointers = builder.inttoptr(places, ir.VectorType(_32.as_pointer(), LANES))
    kind = ir.FunctionType(_lanes(_32), [pointers.type, _32, _lanes(ir.IntType(1)), _lanes(_32)])
    gather = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.gather.v16i32.v16p0")
    none = ir.Constant(_lanes(_32), None)
    block = builder.call(gather, [pointers, ir.Constant(_32, 4), wanted, none])
    bit = builder.shl(
        ir.Constant(_lanes(_32), [1] * LANES), builder.and_(buckets, ir.Constant(_lanes(_32), [31] * LANES))
    )
    return builder.icmp_unsigned("!=", builder.and_(block, bit), none)


@intrinsic
def _hash16(typing, word, characters, at, count, wide, shape, share, kept, buckets, masks):
    """Hashes the n-grams of the word that begin in 16 characters from `at` on; which of the characters begin any.

    With `wide` 1 the characters are the bytes of `word`, else they have up to so many bytes and are in `characters`.
    `shape` is (least characters, most, buckets, whether they were pruned). Of the n-grams of n characters, `buckets`
    from 16 * n - 16 on has the buckets, and `masks[n - 1]` says which are there. Never bounds-checked.
    """

    def codegen(context, builder, signature, values):
        arrays = {k: start_of(context, builder, signature.args[k], values[k]) for k in (0, 1, 7, 8, 9)}
        at, count, wide = values[2:5]
        shortest, longest, size, pruned = (builder.extract_value(values[5], k) for k in range(4))
        hashes = cgutils.alloca_once(builder, _lanes(_32))
        builder.store(ir.Constant(_lanes(_32), [int(OFFSET)] * LANES), hashes)
        begun = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(LANES), 0))
        lanes = ir.Constant(_lanes(_64), list(range(LANES)))
        with cgutils.for_range(builder, longest) as loop:
            place = builder.add(at, loop.index)
            with builder.if_else(builder.icmp_signed("==", wide, _64(1))) as (single, several):
                with single:
                    _hash_single(builder, arrays[0], place, hashes)
                with several:
                    _hash_characters(builder, arrays[1], place, wide, hashes)
            with builder.if_then(builder.icmp_signed(">=", loop.index, builder.sub(shortest, _64(1)))):
                there = builder.icmp_signed("<", lanes, _all(builder, _64, builder.sub(count, place)))
                found = cgutils.alloca_once_value(builder, there)
                rest = _remainders(builder, builder.load(hashes), builder.trunc(size, _32), values[6])
                with builder.if_then(builder.icmp_signed("!=", pruned, _64(0))):
                    builder.store(_kept(builder, rest, arrays[7], there), found)
                where = builder.gep(arrays[8], [builder.mul(loop.index, _64(LANES))])
                builder.store(rest, builder.bitcast(where, _lanes(_32).as_pointer()), align=4)
                mask = builder.bitcast(builder.load(found), ir.IntType(LANES))
                builder.store(builder.zext(mask, _64), builder.gep(arrays[9], [loop.index]))
                builder.store(builder.or_(builder.load(begun), mask), begun)
        return builder.zext(builder.load(begun), _64)

    four = types.UniTuple(types.int64, 4)
    three = (types.int64,) * 3
    return types.uint64(word, characters, *three, four, types.float64, kept, buckets, masks), codegen


@inlined
def _row(bucket, words, pruned, kept):
    """The row of a bucket that is there."""
    if pruned:
        block = kept[bucket >> 5]
        return (block >> 32) + count_bits(np.uint64(block) & ((np.uint64(1) << np.uint64(bucket & 31)) - np.uint64(1)))
    return words + bucket


@inlined
def list_kept(word, characters, wide, most, count, ends, shape, kept, lanes, listed, free):
    """Lists the rows of the n-grams that begin in the first `most` of `count` characters; how many are listed then.

    `ends`: whether the first begins the word and the last ends it. fastText makes no n-grams of these alone.
    """
    shortest, longest, words, size, pruned = shape
    buckets, masks = lanes
    share = 1.0 / size
    four = (np.int64(shortest), np.int64(longest), np.int64(size), np.int64(pruned))
    for at in range(0, most, LANES):
        begun = _hash16(word, characters, at, count, wide, four, share, kept, buckets, masks)
        if shortest <= 1:
            masks[0] &= ~np.uint64(at == 0 and ends[0])
            if ends[1] and 0 <= count - 1 - at < LANES:
                masks[0] &= ~(np.uint64(1) << np.uint64(count - 1 - at))
        if most - at < LANES:
            begun &= (np.uint64(1) << np.uint64(most - at)) - np.uint64(1)
        while begun:
            k = first_bit(begun)
            begun &= begun - np.uint64(1)
            for n in range(max(shortest, 1) - 1, longest):
                listed[free] = _row(np.int64(buckets[LANES * n + k]), words, pruned, kept)
                free += np.int64((masks[n] >> np.uint64(k)) & np.uint64(1))
    return free


@inlined
def list_one_by_one(word, begin, end, length, shape, kept, listed, free):
    """The same of the n-grams of `word[:length]` that begin in its bytes `begin` to `end`, for characters of any
    bytes."""
    shortest, longest, words, size, pruned = shape
    for i in range(begin, end):
        if (word[i] & 0xC0) == 0x80:
            continue
        h = OFFSET
        j = i
        n = 1
        while j < length and n <= longest:
            h = hashed(h, word[j])
            j += 1
            while j < length and (word[j] & 0xC0) == 0x80:
                h = hashed(h, word[j])
                j += 1
            if n >= shortest and not (n == 1 and (i == 0 or j == length)):
                bucket = np.int64(h) % size
                if not pruned or (kept[bucket >> 5] >> (bucket & 31)) & 1:
                    listed[free] = _row(bucket, words, pruned, kept)
                    free += 1
            n += 1
    return free


@inlined
def parted(word, at, end, most, characters):
    """Writes up to `most` characters of `word[at:end]`, each as the bytes of a number, of which the first is lowest.

    Returns how many they are, where they end, and the bytes of the longest: more than WIDEST are not written.
    """
    count, wide = 0, 1
    while at < end and count < most:
        packed, width = np.uint32(word[at]), 1
        at += 1
        while at < end and (word[at] & 0xC0) == 0x80:
            if width < WIDEST:
                packed |= np.uint32(word[at]) << np.uint32(8 * width)
            width += 1
            at += 1
        characters[count] = packed
        wide = max(wide, width)
        count += 1
    return count, at, wide


@inlined
def parted64(word, length, starts, characters):
    """`parted` of a whole word of at most 64 bytes, which eight more follow; bit k says whether byte k begins a
    character."""
    count, wide = 0, 1
    while starts:
        at = first_bit(starts)
        starts &= starts - np.uint64(1)
        width = min(first_bit(starts), length) - at
        mask = np.uint64(0xFFFFFFFF) >> np.uint64(8 * max(WIDEST - width, 0))
        characters[count] = np.uint32(load64(word, at) & mask)
        wide = max(wide, width)
        count += 1
    return count, wide
