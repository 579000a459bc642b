"""Eight bytes at a time: loads and stores that need no alignment, and the hashing and comparing built on them."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

_A = np.uint64(0x9E3779B97F4A7C15)
_B = np.uint64(0xBF58476D1CE4E5B9)
_C = np.uint64(0x94D049BB133111EB)
_32 = np.uint64(32)
CHECKED = bool(config.BOUNDSCHECK)
"""Whether numba was asked to check bounds."""

borrowing = njit(nogil=True, cache=True, _nrt=CHECKED)
"""Compiles functions that only borrow arrays: they count no references, which takes longer than a short line does."""
inlined = njit(nogil=True, cache=True, _nrt=CHECKED, forceinline=True)
"""The same, put into the caller."""

# forceinline: handing five arrays over costs more than looking one entry up (repetition: 16 ns a byte, else 27)


def _pointer(context, builder, kind, value, index):
    data = value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data
    at = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [index])
    return builder.bitcast(at, ir.IntType(64).as_pointer())


@intrinsic
def _start(typing, array):
    def codegen(context, builder, signature, values):
        return context.make_array(signature.args[0])(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), codegen


@njit(nogil=True, cache=True, forceinline=True)
def pointer(array):
    """The first element's place, to be read and written like the array. The array must outlive it.

    numba counts references of arrays wherever they pass through branches and calls, and forgets to leave it: 60 ns a
    token. Pointers have none. With NUMBA_BOUNDSCHECK the array itself is returned, so that accesses are checked.
    """
    return array if CHECKED else _start(array)


@intrinsic
def load64(typing, array, index):
    """The eight bytes at `index` of a uint8 array. Never bounds-checked: the caller knows that they are there."""

    def codegen(context, builder, signature, values):
        pointer = _pointer(context, builder, signature.args[0], *values)
        return builder.load(pointer, align=1)

    return types.uint64(array, types.int64), codegen


@intrinsic
def store64(typing, array, index, word):
    """Writes eight bytes at `index` of a uint8 array. Never bounds-checked: the caller knows that there is room."""

    def codegen(context, builder, signature, values):
        pointer = _pointer(context, builder, signature.args[0], *values[:2])
        builder.store(values[2], pointer, align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), codegen


@intrinsic
def _within64(typing, array, index, low, width):
    """Bit k: whether the byte at `index + k` less `low` is at most `width`. Never bounds-checked: 64 must be there."""

    def codegen(context, builder, signature, values):
        vector = ir.VectorType(ir.IntType(8), 64)
        pointer = builder.bitcast(_pointer(context, builder, signature.args[0], *values[:2]), vector.as_pointer())
        less = builder.sub(builder.load(pointer, align=1), _repeated(builder, vector, values[2]))
        within = builder.icmp_unsigned("<=", less, _repeated(builder, vector, values[3]))
        return builder.bitcast(within, ir.IntType(64))

    return types.uint64(array, types.int64, types.uint8, types.uint8), codegen


def _repeated(builder, vector, value):
    none = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(none, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


@intrinsic
def first_bit(typing, word):
    """The place of the lowest bit that is set in a uint64; 64 if none is."""

    def codegen(context, builder, signature, values):
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def count_bits(typing, word):
    """How many bits are set in a uint64."""

    def codegen(context, builder, signature, values):
        return builder.ctpop(values[0])

    return types.int64(types.uint64), codegen


@njit(nogil=True, cache=True, forceinline=True)
def places(data, i, end, low, high):
    """Bit k: whether `low <= data[i + k] <= high`, for the 64 bytes from `i` on, or fewer where `end` is nearer."""
    if end - i >= 64:
        return _within64(data, i, np.uint8(low), np.uint8(high - low))
    return _last_places(data, i, end, low, high)


@njit(nogil=True, cache=True, forceinline=True)
def places64(data, i, low, high):
    """`places` of an array or pointer of which 64 bytes from `i` on are there. Never bounds-checked."""
    return _within64(data, i, np.uint8(low), np.uint8(high - low))


@njit(nogil=True, cache=True)
def _last_places(data, i, end, low, high):
    left = np.uint64(end - i)
    if i + 64 <= len(data):
        return _within64(data, i, np.uint8(low), np.uint8(high - low)) & ((np.uint64(1) << left) - np.uint64(1))
    found = np.uint64(0)
    for k in range(left):
        found |= np.uint64(low <= data[i + k] <= high) << np.uint64(k)
    return found


@njit(nogil=True, cache=True, forceinline=True)
def letters64(data, i):
    """Bit k: whether the byte at `i + k` is an ASCII letter. Never bounds-checked: 64 bytes must be there."""
    return _within64(data, i, np.uint8(0x61), np.uint8(25)) | _within64(data, i, np.uint8(0x41), np.uint8(25))


@njit(nogil=True, cache=True, forceinline=True)
def mixed(h):
    """A uint64 with every bit depending on all."""
    h = (h ^ (h >> _32)) * _B
    h = (h ^ (h >> np.uint64(29))) * _C
    return h ^ (h >> _32)


@njit(nogil=True, cache=True, forceinline=True)
def hash_bytes(buffer, start, length):
    """A 64-bit hash of `length` bytes."""
    h = np.uint64(length) * _A
    i = start
    end = start + length
    while i + 8 <= end:
        h = (h ^ load64(buffer, i)) * _B
        h ^= h >> _32
        i += 8
    if i < end:
        tail = np.uint64(0)
        while i < end:
            tail = (tail << np.uint64(8)) | np.uint64(buffer[i])
            i += 1
        h = (h ^ tail) * _B
    return mixed(h)


@njit(nogil=True, cache=True, forceinline=True)
def same_bytes(buffer, a, b, length):
    """Whether the `length` bytes at `a` and at `b` are equal."""
    i = 0
    while i + 8 <= length:
        if load64(buffer, a + i) != load64(buffer, b + i):
            return False
        i += 8
    while i < length:
        if buffer[a + i] != buffer[b + i]:
            return False
        i += 1
    return True


@njit(nogil=True, cache=True, forceinline=True)
def first_bytes(count):
    """A mask of the first `count` bytes of a loaded word, of 0 to 7."""
    return (np.uint64(1) << np.uint64(8 * count)) - np.uint64(1)


@njit(nogil=True, cache=True, forceinline=True)
def hash_padded(buffer, start, length):
    """A 64-bit hash of `length` bytes that eight more bytes follow, whatever they are: no loop over the last ones."""
    h = np.uint64(length) * _A
    i = start
    end = start + length
    while i + 8 <= end:
        h = (h ^ load64(buffer, i)) * _B
        h ^= h >> _32
        i += 8
    return mixed((h ^ (load64(buffer, i) & first_bytes(end - i))) * _C)


@njit(nogil=True, cache=True, forceinline=True)
def same_padded(buffer, a, b, length):
    """`same_bytes` where eight more bytes follow both."""
    i = 0
    while i + 8 <= length:
        if load64(buffer, a + i) != load64(buffer, b + i):
            return False
        i += 8
    return ((load64(buffer, a + i) ^ load64(buffer, b + i)) & first_bytes(length - i)) == 0


@njit(nogil=True, cache=True, forceinline=True)
def find_or_add(slots, mask, hashes, starts, lengths, count, h, buffer, start, length):
    """The entry that equals these bytes, or `count` after adding them as entry `count`.

    `slots` is an open-addressing table of entries plus one; 0 is empty. An equal hash is believed only when the
    bytes are equal too.
    """
    at = (h >> _32) & np.uint64(mask)
    while slots[at]:
        entry = np.int64(slots[at]) - 1
        if (
            hashes[entry] == h
            and lengths[entry] == length
            and same_bytes(buffer, np.int64(starts[entry]), start, length)
        ):
            return entry
        at = (at + np.uint64(1)) & np.uint64(mask)
    slots[at] = count + 1
    hashes[count] = h
    starts[count] = start
    lengths[count] = length
    return count


@njit(nogil=True, cache=True, forceinline=True)
def find_or_add_padded(slots, mask, hashes, starts, lengths, count, h, buffer, start, length):
    """`find_or_add` in a buffer of which every entry is followed by eight more bytes."""
    at = (h >> _32) & np.uint64(mask)
    while slots[at]:
        entry = np.int64(slots[at]) - 1
        if (
            hashes[entry] == h
            and lengths[entry] == length
            and same_padded(buffer, np.int64(starts[entry]), start, length)
        ):
            return entry
        at = (at + np.uint64(1)) & np.uint64(mask)
    slots[at] = count + 1
    hashes[count] = h
    starts[count] = start
    lengths[count] = length
    return count


@njit(nogil=True, cache=True, forceinline=True)
def zero_bytes(word):
    """Not 0 when one of the eight bytes is zero: the high bit of that byte, and perhaps of bytes above it."""
    return (word - np.uint64(0x0101010101010101)) & ~word & np.uint64(0x8080808080808080)
