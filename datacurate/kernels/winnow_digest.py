"""BLAKE2b with 128 bits inside kernels, for many short stretches of one buffer (RFC 7693).

hashlib computes the same digest, but a call costs a microsecond: as much as hashing a kilobyte.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.memory import load64

BLOCK = 128
"""Bytes that are hashed at a time."""
_IV = tuple(
    np.uint64(word)
    for word in (
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    )
)  # fmt: skip
_0, _1, _2, _3, _4, _5, _6, _7 = _IV
_SIXTEEN_BYTES = np.uint64(0x01010010)
"""The parameter word: no key, one leaf, 16 bytes of digest."""
_16, _24, _32, _63, _40, _48, _1BIT = (np.uint64(n) for n in (16, 24, 32, 63, 40, 48, 1))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(nogil=True, cache=True, forceinline=True)
def _mix(a, b, c, d, x, y):
    """The function G of section 3.1: rotations by 32, 24, 16 and 63."""
    a = a + b + x
    d ^= a
    d = (d >> _32) | (d << _32)
    c += d
    b ^= c
    b = (b >> _24) | (b << _40)
    a = a + b + y
    d ^= a
    d = (d >> _16) | (d << _48)
    c += d
    b ^= c
    return a, (b >> _63) | (b << _1BIT), c, d


@njit(nogil=True, cache=True, forceinline=True)
def _round(v, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p):  # noqa: E741
    """One round, with the message words in its order: four columns, then four diagonals."""
    a0, b0, c0, d0 = _mix(v[0], v[4], v[8], v[12], a, b)
    a1, b1, c1, d1 = _mix(v[1], v[5], v[9], v[13], c, d)
    a2, b2, c2, d2 = _mix(v[2], v[6], v[10], v[14], e, f)
    a3, b3, c3, d3 = _mix(v[3], v[7], v[11], v[15], g, h)
    a0, b1, c2, d3 = _mix(a0, b1, c2, d3, i, j)
    a1, b2, c3, d0 = _mix(a1, b2, c3, d0, k, l)
    a2, b3, c0, d1 = _mix(a2, b3, c0, d1, m, n)
    a3, b0, c1, d2 = _mix(a3, b0, c1, d2, o, p)
    return a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3


@njit(nogil=True, cache=True)
def _compress(h, data, i, count, last):
    """The state after the 128 bytes at `i`; `count` bytes have been taken in so far, these included."""
    m0, m1 = load64(data, i + 0), load64(data, i + 8)
    m2, m3 = load64(data, i + 16), load64(data, i + 24)
    m4, m5 = load64(data, i + 32), load64(data, i + 40)
    m6, m7 = load64(data, i + 48), load64(data, i + 56)
    m8, m9 = load64(data, i + 64), load64(data, i + 72)
    m10, m11 = load64(data, i + 80), load64(data, i + 88)
    m12, m13 = load64(data, i + 96), load64(data, i + 104)
    m14, m15 = load64(data, i + 112), load64(data, i + 120)
    final = _6 ^ _ALL if last else _6
    v = h + (_0, _1, _2, _3, _4 ^ np.uint64(count), _5, final, _7)  # noqa: RUF005 (numba knows no `*h`)
    v = _round(v, m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15)
    v = _round(v, m14, m10, m4, m8, m9, m15, m13, m6, m1, m12, m0, m2, m11, m7, m5, m3)
    v = _round(v, m11, m8, m12, m0, m5, m2, m15, m13, m10, m14, m3, m6, m7, m1, m9, m4)
    v = _round(v, m7, m9, m3, m1, m13, m12, m11, m14, m2, m6, m5, m10, m4, m0, m15, m8)
    v = _round(v, m9, m0, m5, m7, m2, m4, m10, m15, m14, m1, m11, m12, m6, m8, m3, m13)
    v = _round(v, m2, m12, m6, m10, m0, m11, m8, m3, m4, m13, m7, m5, m15, m14, m1, m9)
    v = _round(v, m12, m5, m1, m15, m14, m13, m4, m10, m0, m7, m6, m3, m9, m2, m8, m11)
    v = _round(v, m13, m11, m7, m14, m12, m1, m3, m9, m5, m0, m15, m4, m8, m6, m2, m10)
    v = _round(v, m6, m15, m14, m9, m11, m3, m0, m8, m12, m2, m13, m7, m1, m4, m10, m5)
    v = _round(v, m10, m2, m8, m4, m7, m6, m1, m5, m15, m11, m9, m14, m3, m12, m13, m0)
    v = _round(v, m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15)
    v = _round(v, m14, m10, m4, m8, m9, m15, m13, m6, m1, m12, m0, m2, m11, m7, m5, m3)
    return (
        h[0] ^ v[0] ^ v[8], h[1] ^ v[1] ^ v[9], h[2] ^ v[2] ^ v[10], h[3] ^ v[3] ^ v[11],
        h[4] ^ v[4] ^ v[12], h[5] ^ v[5] ^ v[13], h[6] ^ v[6] ^ v[14], h[7] ^ v[7] ^ v[15],
    )  # fmt: skip


@njit(nogil=True, cache=True)
def digest(data, start, end, pad):
    """The digest of `data[start:end]` as two words, the first eight bytes first; `pad` are 128 bytes of scratch."""
    h = (_0 ^ _SIXTEEN_BYTES, _1, _2, _3, _4, _5, _6, _7)
    i = start
    while end - i > BLOCK:
        h = _compress(h, data, i, i + BLOCK - start, False)
        i += BLOCK
    for k in range(end - i):
        pad[k] = data[i + k]
    pad[end - i :] = 0
    h = _compress(h, pad, 0, end - start, True)
    return h[0], h[1]
