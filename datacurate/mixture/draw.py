"""Which documents are drawn, how often, and where in the shuffled order each copy lands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from datacurate.mixture import pack, schemas

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hashes(ids: list[str], salt: str) -> np.ndarray:
    """64-bit hash (uint64) of (salt, id) of each document."""
    key = blake2b(salt.encode(), digest_size=16).digest()
    made = b"".join(blake2b(id_.encode(), key=key, digest_size=8).digest() for id_ in ids)
    return np.frombuffer(made, "<u8").astype(np.uint64)


def held_out(ids: list[str], share: float) -> np.ndarray:
    """Mask of the documents held out for validation; the mixture's seed plays no part in it."""
    if share == 1:
        return np.ones(len(ids), bool)
    return hashes(ids, "validation").astype(np.float64) < share * 2.0**64


def mix(x: np.ndarray) -> np.ndarray:
    """The finalizer of splitmix64 (Steele et al. 2014), a bijection of uint64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def positions(order: np.ndarray, epoch: np.ndarray, seed: int, stage: int = 0) -> np.ndarray:
    """Place of each copy in a training stage's shuffled order, uint64: a hash of (seed, stage, document, epoch)."""
    salt = mix(np.array([(seed + stage * 2**32) % 2**64], np.uint64) + GOLDEN)
    return mix(mix(order ^ salt) + (epoch.astype(np.uint64) + np.uint64(1)) * GOLDEN)


def names(order: np.ndarray, row: np.ndarray, source: np.ndarray, position: np.ndarray) -> np.ndarray:
    """What packed rows call documents that are sorted by position and source: their order, which is a hash of the id.

    Of documents of one source that share an id, those at one position are called `order ^ (row + 1)`, so that their
    pieces can be told apart; `row` is where the document lies, as in the phase `counted`.
    """
    same = (position[1:] == position[:-1]) & (source[1:] == source[:-1])
    return np.where(np.append(same, False) | np.append(False, same), order ^ (row + np.uint64(1)), order)


def bucket_of(position: np.ndarray, buckets: int) -> np.ndarray:
    """The top bits of the position, int32; `buckets` is a power of two."""
    bits = buckets.bit_length() - 1
    return (position >> np.uint64(64 - bits)).astype(np.int32) if bits else np.zeros(len(position), np.int32)


def copies(
    order: np.ndarray, row: np.ndarray, n: np.ndarray, cut: Mapping[str, np.ndarray], may: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each document, the whole copies that are drawn, and the tokens of one more (0: none).

    `cut` holds, for each document, the columns that say which interval of its ring is drawn (`schemas.CUT`), and `may`
    says whether it may be drawn at all.
    """
    may = may & (n > 0)
    behind = _behind(order, row, cut["start_order"], cut["start_row"])
    past = _behind(order, row, cut["cut_order"], cut["cut_row"])
    at = (order == cut["cut_order"]) & (row == cut["cut_row"])
    around = ~_behind(cut["cut_order"], cut["cut_row"], cut["start_order"], cut["start_row"])
    before = np.where(around, behind | ~past, behind & ~past)
    last = np.where(at, cut["cut_tokens"], np.where(before & (cut["cut_tokens"] > 0), n, 0))
    return np.where(may, cut["whole_epochs"], 0), np.where(may, last, 0)


def _behind(order: np.ndarray, row: np.ndarray, other: np.ndarray, other_row: np.ndarray) -> np.ndarray:
    """Whether (order, row) comes behind another pair, or is the same."""
    return (order > other) | ((order == other) & (row >= other_row))


def each_stage(
    counted: Mapping[str, np.ndarray], cuts: Mapping[str, np.ndarray]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Training stages in turn, with the whole copies that each draws of documents, and the tokens of one more.

    `counted` are columns of the documents, and `group` the numbers of their rings; `cuts` are arrays of (training
    stages, rings).
    """
    order, row, n, mask, group = (counted[name] for name in ("order", "row", "n", "mask", "group"))
    seen = np.zeros(len(n), bool)
    for stage in range(len(cuts["fresh"])):
        cut = {name: cuts[name][stage][group] for name in schemas.CUT}
        may = (mask >> stage & 1).astype(bool) & ~(cut["fresh"] & seen)
        whole, last = copies(order, row, n, cut, may)
        seen |= (whole > 0) | (last > 0)
        yield stage, whole, last


def cut_short(tokens: pa.Array, n: np.ndarray, index: np.ndarray, size: np.ndarray) -> pa.Array:
    """The first `size` tokens of the documents `index`, which have `n`, as bytes; whole documents are not decoded.

    A document that is cut short still ends with its last token, the end of text.
    """
    taken = tokens.take(pa.array(index))
    short = np.flatnonzero(size < n[index])
    if not len(short):
        return taken
    flat, whole = pack.of_bytes(taken.take(pa.array(short)), n[index[short]]), np.cumsum(n[index[short]])
    kept, ends = gather(flat, whole - n[index[short]], size[short])
    kept[ends[1:] - 1] = flat[whole - 1]
    places = np.arange(len(index))
    places[short] = len(index) + np.arange(len(short))
    return pa.concat_arrays([taken, pack.as_bytes(kept, ends)]).take(pa.array(places))


def gather(flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stretches `flat[start : start + length]` of tokens one after another, and their int64 offsets."""
    from datacurate.kernels import packing

    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    made = np.empty(offsets[-1], np.int32)
    packing.copy(flat, starts, lengths, offsets[:-1], made)
    return made, offsets
