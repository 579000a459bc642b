"""128-bit digests of texts, for finding exact duplicates."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from datacurate.kernels import blake2s
from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.casefold import tables
from datacurate.kernels.memory import first_bit, places
from datacurate.kernels.shingles import decode
from datacurate.kernels.utf8 import encode

SPACE = 32
_BYTES = ir.VectorType(ir.IntType(8), 64)


@intrinsic
def _copy64(typing, data, i, out, to, lower):
    """Copies 64 bytes of ASCII, white space as spaces and capitals plus `lower`; both arrays must have them."""

    def codegen(context, builder, signature, values):
        def place(at: int):
            array = context.make_array(signature.args[at])(context, builder, values[at])
            return builder.bitcast(builder.gep(array.data, [values[at + 1]]), _BYTES.as_pointer())

        def all_of(value: int):
            return ir.Constant(_BYTES, [value] * 64)

        def within(low: int, width: int):
            return builder.icmp_unsigned("<=", builder.sub(text, all_of(low)), all_of(width))

        text = builder.load(place(0), align=1)
        none = ir.Constant(_BYTES, ir.Undefined)
        first = builder.insert_element(none, values[4], ir.Constant(ir.IntType(32), 0))
        more = builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), 64), None))
        small = builder.select(within(0x41, 25), builder.add(text, more), text)
        space = builder.or_(within(0x09, 4), within(0x1C, 3))
        builder.store(builder.select(space, all_of(SPACE), small), place(2), align=1)
        return context.get_dummy_value()

    return types.void(data, types.int64, out, types.int64, types.uint8), codegen


@njit(nogil=True, cache=True, forceinline=True)
def _first(count):
    """A mask of the first `count` bits, of 1 to 64."""
    return np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - count)


@njit(nogil=True, cache=True)
def _ascii_block(data, at, end, after_space, out, filled, lower):
    """Copies up to 64 bytes of ASCII, of every run of white space one space; `(how many bytes, filled, after_space)`.

    64 more bytes must be behind them in both arrays, for every piece is copied as 64 bytes.
    """
    one = np.uint64(1)
    size = min(first_bit(places(data, at, at + 64, 0x80, 0xFF)), end - at)
    if size == 0:
        return size, filled, after_space
    spaces = places(data, at, at + 64, 0x1C, 0x20) | places(data, at, at + 64, 0x09, 0x0D)
    spaces &= _first(size)
    kept = _first(size) & ~(spaces & (spaces << one | np.uint64(after_space)))
    while kept:
        start = first_bit(kept)
        length = first_bit(~(kept >> np.uint64(start)))
        _copy64(data, at + start, out, filled, lower)
        filled += length
        if start + length >= 64:
            break
        kept &= ~_first(start + length)
    return size, filled, (spaces >> np.uint64(size - 1)) & one != 0


@njit(nogil=True, cache=True)
def _normalised(data, offsets, plain, pages, entries, ignore_case, out, bounds):
    """Copy the texts to `out`, with runs of white space as one space, none at the ends, perhaps in lower case."""
    filled = 0
    lower = np.uint8(32 if ignore_case else 0)
    for i in range(len(offsets) - 1):
        begin = filled
        after_space = True  # white space at the beginning is none
        at = offsets[i]
        end = offsets[i + 1]
        while at < end:
            if data[at] < 128:
                if at + 128 <= len(data):
                    size, filled, after_space = _ascii_block(data, at, end, after_space, out, filled, lower)
                    at += size
                    continue
                written = plain[data[at]]
                at += 1
                if written != SPACE or not after_space:
                    out[filled] = written
                    filled += 1
                after_space = written == SPACE
                continue
            code, size = decode(data, at, end)
            entry = entries[pages[code >> 8], code & 255] if code >= 0 else np.int32(0)
            if entry & 3 == 3:
                if not after_space:
                    out[filled] = SPACE
                    filled += 1
                after_space = True
                at += size
                continue
            after_space = False
            small = code + (entry >> 2)
            if ignore_case and small != code:
                if small < 128:
                    out[filled] = small
                    filled += 1
                else:
                    filled = encode(small, out, filled)
            else:
                for k in range(size):
                    out[filled] = data[at + k]
                    filled += 1
            at += size
        if filled > begin and after_space:
            filled -= 1
        bounds[i + 1] = filled


def _ascii(ignore_case: bool) -> np.ndarray:
    """What is written for every ASCII character: itself, its lower-case form, or a space."""
    written = [ord(" ") if chr(code).isspace() else code for code in range(128)]
    if ignore_case:
        written = [ord(chr(code).lower()) for code in written]
    return np.array(written, dtype=np.uint8)


def normalised(array: pa.Array | pa.ChunkedArray, ignore_case: bool) -> tuple[np.ndarray, np.ndarray]:
    """`(data, offsets)` of the texts as they are compared: white space collapsed, perhaps in lower case.

    Bytes that are not valid UTF-8 stay as they are.
    """
    data, offsets = bytes_and_offsets(array)
    size = int(offsets[-1] - offsets[0])
    # the lower-case form of a two-byte letter may need three bytes
    out = np.empty(size + (size // 2 if ignore_case else 0) + 64, dtype=np.uint8)
    bounds = np.zeros(len(offsets), dtype=np.int64)
    _, pages, entries = tables()
    arrays = (read_only(data), read_only(offsets), _ascii(ignore_case), pages, entries)
    _normalised(*arrays, ignore_case, out, bounds)
    return out[: bounds[-1]], bounds


def digests(array: pa.Array | pa.ChunkedArray, ignore_case: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """`(128 bits as two uint64 columns, length)` of every text, both after normalisation.

    The digest is BLAKE2b: merging is not verified further, so nobody must be able to make two texts meet.
    """
    data, bounds = normalised(array, ignore_case)
    view = data.data
    parts = [blake2b(view[a:b], digest_size=16).digest() for a, b in pairwise(bounds.tolist())]
    return np.frombuffer(b"".join(parts), dtype="<u8").reshape(-1, 2), np.diff(bounds)


def quick_digests(array: pa.Array | pa.ChunkedArray, ignore_case: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The same with BLAKE2s, three times as fast: eight texts at a time (`kernels/blake2s.py`)."""
    data, bounds = normalised(array, ignore_case)
    return blake2s.digests(data, bounds[:-1], bounds[1:]), np.diff(bounds)
