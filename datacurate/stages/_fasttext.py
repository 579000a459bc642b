"""Files of fastText's supervised models (format of version 11 and 12), read into arrays for the kernels."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from datacurate.core.errors import CurateError

MAGIC = 793712314
SUPERVISED, SOFTMAX, HIERARCHICAL = 3, 3, 1


@dataclass(frozen=True)
class Model:
    """A model as the kernels want it."""

    labels: list[str]
    sums: tuple[np.ndarray, ...]
    """What `kernels.fasttext_sums.add_text` reads."""
    nodes: np.ndarray
    """Output vectors: one column for each node of the tree, or, for softmax, each label, and zeros up to a multiple of
    16."""
    tree: np.ndarray
    """Of hierarchical softmax: left and right child of each node, and a leaf's place from the left; else empty."""
    width: int


class _Reader:
    """Values of a file, in turn."""

    def __init__(self, path: str) -> None:
        self.data = np.memmap(path, np.uint8, "r") if os.path.getsize(path) else np.empty(0, np.uint8)
        self.at = 0

    def values(self, form: str) -> tuple[Any, ...]:
        form = f"<{form}"
        found = struct.unpack(form, self.data[self.at : self.at + struct.calcsize(form)].tobytes())
        self.at += struct.calcsize(form)
        return found

    def array(self, kind: Any, count: int) -> np.ndarray:
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.at + size > len(self.data):
            raise struct.error("the file ends too early")
        found = np.frombuffer(self.data[self.at : self.at + size].tobytes(), kind)  # a copy: aligned
        self.at += size
        return found


@dataclass
class _Arguments:
    """What the head of the file says of the model."""

    width: int
    word_ngrams: int
    loss: int
    model: int
    buckets: int
    shortest: int
    longest: int


def _arguments(file: _Reader) -> _Arguments:
    magic, version = file.values("2i")
    if magic != MAGIC or version not in (11, 12):
        raise struct.error("not a fastText model of version 11 or 12")
    width, _, _, _, _, ngrams, loss, kind, buckets, shortest, longest, _ = file.values("12i")
    file.values("d")
    longest = 0 if version == 11 and kind == SUPERVISED else longest
    return _Arguments(width, ngrams, loss, kind, buckets, shortest, longest)


def _dense(file: _Reader) -> np.ndarray:
    rows, width = file.values("2q")
    return file.array(np.float32, rows * width).reshape(rows, width)


def _centroids(file: _Reader) -> tuple[int, int, np.ndarray]:
    width, parts, size, _ = file.values("4i")
    return parts, size, file.array(np.float32, width * 256)


def _quantised(file: _Reader) -> np.ndarray:
    """The rows of a product-quantised matrix, each part looked up and multiplied by the row's norm."""
    (normed,) = file.values("?")
    rows, width, codes = file.values("2qi")
    code = file.array(np.uint8, codes)
    parts, size, centroids = _centroids(file)
    code = code.reshape(rows, parts)
    made = np.empty((rows, width), np.float32)
    for part in range(parts):
        begin, end = part * size, min((part + 1) * size, width)
        table = centroids[begin * 256 : begin * 256 + 256 * (end - begin)].reshape(256, end - begin)
        made[:, begin:end] = table[code[:, part]]
    if normed:
        norms = file.array(np.uint8, rows)
        made *= _centroids(file)[2][norms][:, None]
    return made


def _matrix(file: _Reader, quantised: bool) -> np.ndarray:
    return _quantised(file) if quantised else _dense(file)


def _huffman(counts: list[int]) -> np.ndarray:
    """The tree of hierarchical softmax, by the counts of its leaves, which fall; the last node is the root."""
    leaves = len(counts)
    weights = counts + [10**15] * (leaves - 1)
    tree = np.full((2 * leaves - 1, 3), -1, np.int32)
    leaf, node = leaves - 1, leaves
    for made in range(leaves, 2 * leaves - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                tree[made, side], leaf = leaf, leaf - 1
            else:
                tree[made, side], node = node, node + 1
        weights[made] = weights[tree[made, 0]] + weights[tree[made, 1]]
    place, waiting = 0, [2 * leaves - 2]
    while waiting:
        at = waiting.pop()
        if at < leaves:
            tree[at, 2], place = place, place + 1
        else:
            waiting += [tree[at, 1], tree[at, 0]]
    return tree


def _pruned(pairs: np.ndarray, rows: np.ndarray, words: int, buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with those of n-grams in the order of their buckets; and for each 32 buckets a number that holds a bit for
    each that is there, and above them the row of the first."""
    pairs = pairs.reshape(-1, 2)
    order = pairs[np.argsort(pairs[:, 0])]
    bits = np.zeros(buckets // 32 + 1, np.int64)
    np.bitwise_or.at(bits, order[:, 0] >> 5, np.int64(1) << (order[:, 0] & 31).astype(np.int64))
    each = np.bitwise_count(bits).astype(np.int64)
    kept = ((words + np.cumsum(each) - each) << 32) | bits
    return np.concatenate([rows[:words], rows[words + order[:, 1]]]), kept


def _opened(path: str, reading: Callable[[_Reader], Any]) -> Any:
    """What `reading` makes of a file; CurateError when it is not there, or is no supervised fastText model."""
    if not Path(path).is_file():
        raise CurateError(f"language: there is no model file '{path}'. Name a fastText model, such as lid.176.bin")
    try:
        return reading(_Reader(path))
    except (struct.error, ValueError, OverflowError, MemoryError) as error:
        raise CurateError(
            f"language: '{path}' cannot be read as a fastText model ({error}). Give the .bin or .ftz file that "
            "fastText itself loads; a file of vectors (.vec), an archive or a Git LFS pointer is none"
        ) from error


@dataclass(frozen=True)
class _Dictionary:
    """Words and, behind them, labels."""

    words: int
    pruned: int
    texts: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    def entry(self, at: int) -> bytes:
        return self.texts[self.starts[at] : self.starts[at + 1]].tobytes()

    def labels(self) -> list[str]:
        names = [self.entry(at).decode() for at in range(self.words, len(self.counts))]
        return [name.removeprefix("__label__") for name in names]

    def end_of_line(self) -> int:
        return next((at for at in range(self.words) if self.entry(at) == b"</s>"), -1)


def _dictionary(file: _Reader) -> _Dictionary:
    from datacurate.kernels import fasttext_words

    size, words, labels, _, pruned = file.values("3i2q")
    if min(size, words) < 0 or labels < 1 or words + labels != size or size > len(file.data):
        raise ValueError("its dictionary is broken")
    file.at, texts, starts, counts, kinds = fasttext_words.entries(file.data, file.at, size)
    if file.at < 0 or kinds[:words].any() or not kinds[words:].all():
        raise ValueError("its dictionary is broken")
    return _Dictionary(words, pruned, texts, starts, counts)


def _head(file: _Reader) -> tuple[_Arguments, _Dictionary]:
    asked = _arguments(file)
    if asked.model != SUPERVISED:
        raise ValueError("it was not trained with 'supervised', so it has no labels")
    return asked, _dictionary(file)


def _read(file: _Reader) -> Model | None:
    from datacurate.kernels import fasttext_words

    asked, known = _head(file)
    words, pruned = known.words, known.pruned
    pairs = file.array(np.int32, 2 * max(pruned, 0))
    (quantised,) = file.values("?")
    rows = _matrix(file, quantised)
    (quantised_out,) = file.values("?")
    out = _matrix(file, quantised and quantised_out)
    if out.shape != (len(known.counts) - words, asked.width) or rows.shape[1] != asked.width:
        raise ValueError("its matrices do not fit its dictionary")
    if asked.loss not in (SOFTMAX, HIERARCHICAL) or asked.word_ngrams > 1 or asked.longest - asked.shortest > 6:
        return None
    hierarchical = asked.loss == HIERARCHICAL
    kept = np.zeros(1, np.int64)
    buckets = max(asked.buckets, 1)
    longest = asked.longest if asked.buckets and pruned != 0 else 0
    if pruned > 0:
        rows, kept = _pruned(pairs, rows, words, buckets)
    elif longest and len(rows) < words + buckets:
        raise ValueError("its matrices do not fit its dictionary")
    grams = np.array([asked.shortest, longest, words, buckets, pruned > 0, known.end_of_line()], np.int64)
    filter, table = fasttext_words.tables(known.texts, known.starts)
    sums = (grams, kept, filter, table, known.texts, known.starts, _aligned(rows))
    return Model(
        labels=known.labels(),
        sums=tuple(_read_only(array) for array in sums),
        nodes=_read_only(_columns(out[:-1] if hierarchical else out)),
        tree=_read_only(_huffman(known.counts[words:].tolist()) if hierarchical else np.empty((0, 3), np.int32)),
        width=asked.width,
    )


def _columns(out: np.ndarray) -> np.ndarray:
    """The output vectors as columns, and so many of zeros that the kernels can take 16 at a time."""
    made = np.zeros((out.shape[1], -(-max(len(out), 1) // 16) * 16), np.float32)
    made[:, : len(out)] = out.T
    return _aligned(made).reshape(made.shape)


def _aligned(rows: np.ndarray) -> np.ndarray:
    """The rows one after the other, from a multiple of 64 bytes on: one of 16 dimensions is one line of the cache."""
    room = np.empty(rows.size + 16, np.float32)
    begin = -room.ctypes.data % 64 // 4
    room[begin : begin + rows.size] = rows.reshape(-1)
    return room[begin : begin + rows.size]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


@cache
def model(path: str) -> Model | None:
    """The model of a file, read once in a process; None if the kernels cannot run it, but fastText can."""
    return _opened(path, _read)


@cache
def labels(path: str) -> list[str]:
    """The labels of a file's model, whatever its kind; only the dictionary is read."""
    return _opened(path, lambda file: _head(file)[1].labels())


@cache
def raw(path: str) -> Any:
    """The model as the library fastText reads it: for what the kernels do not run, and to compare with."""
    import fasttext.FastText

    fasttext.FastText.eprint = lambda *_, **__: None  # a warning on stderr about load_model's return type
    return fasttext.load_model(path)
