"""BLAKE2s-128 of many short texts at once: eight digests side by side, one in each lane of a vector.

The digest is that of `hashlib.blake2s(text, digest_size=16, salt=salt[:8], person=salt[8:])` (RFC 7693). A line is a
few dozen bytes, for which a call from Python costs more than hashing does; one lane takes one 64-byte block a round,
and takes the next text when its own is done, so that lengths do not matter.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import load64, pointer

LANES = 8
BLOCK = 64
_ROUNDS = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
"""Which words of the block a round mixes in (RFC 7693, section 2.7)."""
_MIXED = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13),
          (3, 4, 9, 14))  # fmt: skip
_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_START = read_only(np.array([_IV[0] ^ 0x01010010, *_IV[1:]], np.uint32))
"""The state of a digest of 16 bytes without a key (RFC 7693, section 2.5: fanout and depth 1)."""
_VECTOR = ir.VectorType(ir.IntType(32), LANES)


def _all(value: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * LANES)


def _turned(builder, value, by: int):
    """Every 32-bit lane rotated to the right."""
    return builder.or_(builder.lshr(value, _all(by)), builder.shl(value, _all(32 - by)))


def _mix(builder, v: list, places: tuple, x, y) -> None:
    """The function G (RFC 7693, section 3.1) on the words of `v` at `places`."""
    a, b, c, d = places
    v[a] = builder.add(builder.add(v[a], v[b]), x)
    v[d] = _turned(builder, builder.xor(v[d], v[a]), 16)
    v[c] = builder.add(v[c], v[d])
    v[b] = _turned(builder, builder.xor(v[b], v[c]), 12)
    v[a] = builder.add(builder.add(v[a], v[b]), y)
    v[d] = _turned(builder, builder.xor(v[d], v[a]), 8)
    v[c] = builder.add(v[c], v[d])
    v[b] = _turned(builder, builder.xor(v[b], v[c]), 7)


@intrinsic
def _compress(typing, state, block, counter):
    """One block of every lane (RFC 7693, section 3.2).

    `state` is uint32[8 * LANES], `block` uint32[16 * LANES], word by word, lanes side by side; `counter` is
    uint32[3 * LANES]: low and high word of the bytes so far, and all ones where the block is a text's last.
    """

    def codegen(context, builder, signature, values):
        def words(at: int, count: int) -> list:
            array = context.make_array(signature.args[at])(context, builder, values[at])
            start = builder.bitcast(array.data, _VECTOR.as_pointer())
            return [builder.gep(start, [ir.Constant(ir.IntType(64), k)]) for k in range(count)]

        places = words(0, 8)
        before = [builder.load(place, align=4) for place in places]
        message = [builder.load(place, align=4) for place in words(1, 16)]
        low, high, last = (builder.load(place, align=4) for place in words(2, 3))
        v = before + [_all(word) for word in _IV]
        v[12], v[13], v[14] = builder.xor(v[12], low), builder.xor(v[13], high), builder.xor(v[14], last)
        for order in _ROUNDS:
            for number, four in enumerate(_MIXED):
                _mix(builder, v, four, message[order[2 * number]], message[order[2 * number + 1]])
        for k, place in enumerate(places):
            builder.store(builder.xor(before[k], builder.xor(v[k], v[k + 8])), place, align=4)
        return context.get_dummy_value()

    return types.void(state, block, counter), codegen


@njit(nogil=True, cache=True)
def _load_last(data, at, left, block, lane):
    """The last `left` bytes of a text, and zeros behind them, as a lane's words."""
    for word in range(16):
        value = np.uint32(0)
        for k in range(4):
            if 4 * word + k < left:
                value |= np.uint32(data[at + 4 * word + k]) << np.uint32(8 * k)
        block[word * LANES + lane] = value


@njit(nogil=True, cache=True, forceinline=True)
def _load(data, at, left, block, lane):
    """Up to 64 bytes at `at` as a lane's words. 64 bytes must be there, but only `left` of them count."""
    text, words = pointer(data), pointer(block)
    for k in range(8):
        word = load64(text, at + 8 * k)
        short = 8 * (left - 8 * k)
        if short < 64:
            word = np.uint64(0) if short <= 0 else word & ((np.uint64(1) << np.uint64(short)) - np.uint64(1))
        words[2 * k * LANES + lane] = np.uint32(word)
        words[(2 * k + 1) * LANES + lane] = np.uint32(word >> np.uint64(32))


@njit(nogil=True, cache=True)
def _begin(state, lane, start, salts, which):
    """A lane's state before the first byte."""
    for k in range(8):
        state[k * LANES + lane] = start[k]
    if which >= 0:
        for k in range(4):
            state[(4 + k) * LANES + lane] ^= salts[which, k]


@njit(nogil=True, cache=True)
def _digests(data, starts, ends, salts, which, start, out):
    state = np.zeros(8 * LANES, np.uint32)
    block = np.zeros(16 * LANES, np.uint32)
    counter = np.zeros(3 * LANES, np.uint32)
    text = np.full(LANES, -1, np.int64)  # what every lane works on
    at = np.zeros(LANES, np.int64)
    following = 0
    while True:
        busy = False
        for lane in range(LANES):
            if text[lane] < 0:
                if following >= len(starts):
                    continue
                text[lane], at[lane] = following, starts[following]
                _begin(state, lane, start, salts, which[following] if len(which) else -1)
                following += 1
            busy = True
            i, end = at[lane], ends[text[lane]]
            left = min(end - i, BLOCK)
            if i + BLOCK <= len(data):
                _load(data, i, left, block, lane)
            else:
                _load_last(data, i, left, block, lane)
            so_far = i + left - starts[text[lane]]
            counter[lane] = np.uint32(so_far & 0xFFFFFFFF)
            counter[LANES + lane] = np.uint32(so_far >> 32)
            counter[2 * LANES + lane] = np.uint32(0xFFFFFFFF) if i + left >= end else np.uint32(0)
            at[lane] = i + left
        if not busy:
            return
        _compress(state, block, counter)
        for lane in range(LANES):
            one = text[lane]
            if one >= 0 and at[lane] >= ends[one]:
                out[one, 0] = np.uint64(state[lane]) | np.uint64(state[LANES + lane]) << np.uint64(32)
                out[one, 1] = np.uint64(state[2 * LANES + lane]) | np.uint64(state[3 * LANES + lane]) << np.uint64(32)
                text[lane] = -1


_NO_SALTS = read_only(np.zeros((0, 4), np.uint32))
_NONE = read_only(np.zeros(0, np.int64))


def digests(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    salts: np.ndarray | None = None,
    which: np.ndarray | None = None,
) -> np.ndarray:
    """uint64[n, 2]: the digest of every `data[starts[i]:ends[i]]`.

    Texts under different salts never meet: `salts` are digests, uint64[k, 2], and text `i` has `salts[which[i]]`.
    """
    out = np.empty((len(starts), 2), np.uint64)
    salted = salts is not None and which is not None
    drawn = read_only(salts).view(np.uint32).reshape(-1, 4) if salted else _NO_SALTS
    chosen = read_only(which.astype(np.int64, copy=False)) if salted else _NONE
    _digests(read_only(data), read_only(starts), read_only(ends), read_only(drawn), chosen, _START, out)
    return out
