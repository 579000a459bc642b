"""Parts of texts that say the same, counted: what a message about many cuts names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import read_only
from datacurate.kernels.memory import hash_bytes, mixed


class Together(NamedTuple):
    """Equal parts of one group of documents: a hash of their bytes, the first of them, and how much they are in all."""

    hashes: np.ndarray
    documents: np.ndarray
    """The document of the first one."""
    starts: np.ndarray
    ends: np.ndarray
    counts: np.ndarray
    """Documents that have one."""
    bytes: np.ndarray


@njit(nogil=True, cache=True)
def _together(data, offsets, groups, at, starts, ends, step, slots, hashes, first, last, counts, sizes):
    """Open addressing; a part is known by its hash and length within a group. `first` and `last` are parts."""
    mask = np.uint64(len(slots) - 1)
    n = 0
    for document in range(0, len(at) - 1, step):
        for k in range(at[document], at[document + 1]):
            length = ends[k] - starts[k]
            own = hash_bytes(data, offsets[document] + starts[k], length)
            place = mixed(own ^ np.uint64(groups[document])) & mask
            while True:
                found = slots[place] - 1
                if found < 0:
                    found = slots[place] = n
                    slots[place] += 1
                    hashes[n], first[n], last[n], counts[n], sizes[n] = own, k, -1, 0, 0
                    n += 1
                if hashes[found] == own and groups[document] == groups[last[found] if counts[found] else document]:
                    break
                place = (place + np.uint64(1)) & mask
            counts[found] += last[found] != document
            last[found] = document
            sizes[found] += length
    return n


def together(
    data: np.ndarray,
    offsets: np.ndarray,
    groups: np.ndarray,
    at: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    step: int = 1,
) -> Together:
    """The parts `starts[at[i]:at[i + 1]]` and `ends` of documents `i` of `groups[i]`, equal ones of a group as one.

    Of every `step` documents one is looked at. Places are counted from the document's first byte. Equal is what has the
    same 64-bit hash, which is enough to show an example of it.
    """
    total = int((at[1:] - at[:-1])[::step].sum())
    slots = np.zeros(1 << max(4, (2 * total).bit_length()), np.int64)
    hashes, (first, last, counts, sizes) = np.empty(total, np.uint64), np.empty((4, total), np.int64)
    arrays = (read_only(array) for array in (data, offsets, groups, at, starts, ends))
    n = _together(*arrays, step, slots, hashes, first, last, counts, sizes)
    first = first[:n]
    documents = np.searchsorted(at, first, side="right") - 1
    return Together(hashes[:n], documents, starts[first], ends[first], counts[:n], sizes[:n])
