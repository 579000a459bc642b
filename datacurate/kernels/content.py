"""128-bit digests of texts, for finding exact duplicates."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets
from datacurate.kernels.casefold import tables
from datacurate.kernels.shingles import decode

SPACE = 32


@njit(nogil=True, cache=True)
def _encode(code, out, at):
    """Write a code point above ASCII as UTF-8; the position after it."""
    if code < 0x800:
        out[at] = 0xC0 | (code >> 6)
    elif code < 0x10000:
        out[at] = 0xE0 | (code >> 12)
        out[at + 1] = 0x80 | ((code >> 6) & 0x3F)
        at += 1
    else:
        out[at] = 0xF0 | (code >> 18)
        out[at + 1] = 0x80 | ((code >> 12) & 0x3F)
        out[at + 2] = 0x80 | ((code >> 6) & 0x3F)
        at += 2
    out[at + 1] = 0x80 | (code & 0x3F)
    return at + 2


@njit(nogil=True, cache=True)
def _normalised(data, offsets, plain, pages, entries, ignore_case, out, bounds):
    """Copy the texts to `out`, with runs of white space as one space, none at the ends, perhaps in lower case."""
    filled = 0
    for i in range(len(offsets) - 1):
        begin = filled
        gap = False
        at = offsets[i]
        end = offsets[i + 1]
        while at < end:
            byte = data[at]
            if byte < 128:
                written = plain[byte]
                at += 1
                if written == SPACE:
                    gap = True
                    continue
                if gap and filled > begin:
                    out[filled] = SPACE
                    filled += 1
                gap = False
                out[filled] = written
                filled += 1
                continue
            code, size = decode(data, at, end)
            entry = entries[pages[code >> 8], code & 255] if code >= 0 else np.int32(0)
            if entry & 3 == 3:
                gap = True
                at += size
                continue
            if gap and filled > begin:
                out[filled] = SPACE
                filled += 1
            gap = False
            lower = code + (entry >> 2)
            if ignore_case and lower != code:
                if lower < 128:
                    out[filled] = lower
                    filled += 1
                else:
                    filled = _encode(lower, out, filled)
            else:
                for k in range(size):
                    out[filled] = data[at + k]
                    filled += 1
            at += size
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
    out = np.empty(size + (size // 2 if ignore_case else 0) + 1, dtype=np.uint8)
    bounds = np.zeros(len(offsets), dtype=np.int64)
    _, pages, entries = tables()
    _normalised(data, offsets, _ascii(ignore_case), pages, entries, ignore_case, out, bounds)
    return out[: bounds[-1]], bounds


def digests(array: pa.Array | pa.ChunkedArray, ignore_case: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """`(128 bits as two uint64 columns, length)` of every text, both after normalisation.

    The digest is BLAKE2b: merging is not verified further, so nobody must be able to make two texts meet.
    """
    data, bounds = normalised(array, ignore_case)
    view = data.data
    parts = [blake2b(view[a:b], digest_size=16).digest() for a, b in pairwise(bounds.tolist())]
    return np.frombuffer(b"".join(parts), dtype="<u8").reshape(-1, 2), np.diff(bounds)
