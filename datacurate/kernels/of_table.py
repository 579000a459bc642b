"""Which documents hold a character of a set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.memory import load64
from datacurate.kernels.utf8 import decode

if TYPE_CHECKING:
    import pyarrow as pa

_HIGH_BITS = np.uint64(0x8080808080808080)


@njit(nogil=True, cache=True)
def _holding(data, offsets, wanted, out):
    for document in range(len(out)):
        i, end = offsets[document], offsets[document + 1]
        while i < end:
            if i + 8 <= end and not load64(data, i) & _HIGH_BITS:
                i += 8
            elif data[i] < 0x80:
                i += 1
            else:
                point, width = decode(data, i, end)
                if wanted[point]:
                    out[document] = True
                    break
                i += width


def holding(texts: pa.Array | pa.ChunkedArray, wanted: np.ndarray) -> np.ndarray:
    """Per document, whether it has a character beyond ASCII that `wanted` (one value per code point) says is wanted."""
    data, offsets = bytes_and_offsets(texts)
    out = np.zeros(len(offsets) - 1, bool)
    _holding(data, offsets, read_only(wanted), out)
    return out
