"""Which documents are drawn, how often, and where in the shuffled order each copy lands."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from datacurate.mixture.allocate import Cut

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


def positions(order: np.ndarray, epoch: np.ndarray, seed: int) -> np.ndarray:
    """Place of each copy in the shuffled order, uint64: a hash of (seed, document, epoch)."""
    salt = mix(np.array([seed % 2**64], np.uint64) + GOLDEN)
    return mix(mix(order ^ salt) + (epoch.astype(np.uint64) + np.uint64(1)) * GOLDEN)


def bucket_of(position: np.ndarray, buckets: int) -> np.ndarray:
    """The top bits of the position, int32; `buckets` is a power of two."""
    bits = buckets.bit_length() - 1
    return (position >> np.uint64(64 - bits)).astype(np.int32) if bits else np.zeros(len(position), np.int32)


def copies(order: np.ndarray, row: np.ndarray, n: np.ndarray, cut: Cut) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The copies drawn of one source's documents: the document's index, epoch, tokens from its start."""
    same = order == np.uint64(cut.order)
    before = (order < np.uint64(cut.order)) | (same & (row < np.uint64(cut.row)))
    at = same & (row == np.uint64(cut.row))
    last = np.where(before, n, np.where(at, cut.tokens, 0))
    times = np.where(n > 0, cut.whole_epochs + (last > 0), 0)
    index = np.repeat(np.arange(len(n)), times)
    epoch = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
    return index, epoch, np.where(epoch < cut.whole_epochs, n[index], last[index])


def gather(flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stretches `flat[start : start + length]` one after another, and their int64 offsets."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return flat[np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])], offsets
