"""Words and similarity of two texts, as `minhash` counts them: for people who ask why a document went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BASE = np.uint64(0xD6E8FEB86659FD93)
"""An odd number whose powers tell places in a word and in a run apart."""


@dataclass(frozen=True)
class Words:
    """The words of a text: where they begin and end, in characters, and a hash of each in lower case."""

    start: np.ndarray
    end: np.ndarray
    hash: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def runs(self, ngram: int) -> np.ndarray:
        """The hash of every run of `ngram` words."""
        count = max(len(self) - ngram + 1, 0)
        hashes = np.zeros(count, np.uint64)
        for at in range(ngram):
            hashes = hashes * BASE + self.hash[at : at + count]
        return hashes


def words(text: str) -> Words:
    """The words of a text by the tables of `kernels/casefold.py`; no Python object per word, and linear time."""
    from datacurate.kernels.casefold import ALONE, WORD, tables

    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    _, pages, entries = tables()
    found = entries[pages[codes >> 8], codes & 255]
    kind, low = found & 3, (codes + (found >> 2)).astype(np.uint64)
    inside, alone = kind == WORD, kind == ALONE
    before = np.append(False, inside[:-1]) if len(inside) else inside
    start = np.flatnonzero(alone | (inside & ~before))
    if not len(start):
        return Words(start, start, np.empty(0, np.uint64))
    letters = inside | alone
    owner = np.cumsum(alone | (inside & ~before)) - 1
    end = np.zeros(len(start), np.int64)
    places = np.flatnonzero(letters)
    np.maximum.at(end, owner[places], places + 1)
    return Words(start, end, _hashes(low, places, owner[places], start))


def characters(text: str) -> Words:
    """Every character as a word of its own, and as it is: capitals differ from small letters, as in `minhash`."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    start = np.arange(len(codes))
    return Words(start, start + 1, (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def _hashes(low: np.ndarray, places: np.ndarray, owner: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The hash of every word from its letters at `places`, whose word is `owner`."""
    scattered = (low[places] + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    scattered ^= scattered >> np.uint64(29)
    depth = places - start[owner]
    sums = np.zeros(len(start), np.uint64)
    np.add.at(sums, owner, scattered * _powers(int(depth.max()) + 1)[depth])
    return (sums ^ (sums >> np.uint64(32))) * np.uint64(0xFF51AFD7ED558CCD)


def _powers(count: int) -> np.ndarray:
    powers = np.full(count, BASE, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


@dataclass(frozen=True)
class Shingle:
    """What sets are made of: runs of `ngram` words or of what else `minhash` calls a `shingle`."""

    kind: str
    ngram: int

    @property
    def unit(self) -> str:
        """What shared runs of two texts are marked by: a unit other than a character is about a word."""
        return "characters" if self.kind == "characters" else "words"

    def __str__(self) -> str:
        return f"runs of {self.ngram} {self.kind}" if self.kind != "folded" else f"runs of {self.ngram} folded words"


@dataclass(frozen=True)
class Alike:
    """How alike two texts are: of sets of runs of words."""

    jaccard: float
    contained: float
    """The share of the first text's runs that the second has."""


def alike(text: str, other: str, shingle: Shingle) -> Alike | None:
    """The true similarity of two whole texts; None when one of them is too short to have a shingle."""
    import pyarrow as pa

    from datacurate.kernels import shingles

    values, offsets = shingles.shingle_sets(pa.array([text, other], pa.large_string()), shingle.ngram, shingle.kind)
    mine, others = values[: offsets[1]], values[offsets[1] : offsets[2]]
    if not len(mine) or not len(others):
        return None
    common = len(np.intersect1d(mine, others, assume_unique=True))
    return Alike(common / (len(mine) + len(others) - common), common / len(mine))


def equal(text: str, other: str) -> bool:
    """Whether two texts are the same but for white space: what `exact` compares."""
    return text.split() == other.split()
