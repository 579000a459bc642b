"""Labels, scripts and shares of languages of a batch of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.stages import _fasttext

SHARES = pa.list_(pa.struct([("language", pa.string()), ("share", pa.float32())]))


@dataclass(frozen=True)
class Measured:
    """What is known of each document."""

    language: pa.Array
    score: np.ndarray
    script: pa.Array
    mixed: np.ndarray | None = None
    shares: pa.Array | None = None


class _Texts:
    """A batch of texts as bytes, and what the model says of parts of them."""

    def __init__(self, text: Any, path: str) -> None:
        from datacurate.kernels.arrow import bytes_and_offsets

        self.data, self.offsets = bytes_and_offsets(text)
        self.path = path
        self.model = _fasttext.model(path)
        self.labels = _fasttext.labels(path)

    def predicted(self, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of each span's label, -1 for a span without text, and its probability."""
        if self.model is None:
            return self._predicted_by_fasttext(starts, ends)
        from datacurate.kernels.fasttext_labels import predict

        labels, scores = predict(self.model, self.data, starts, ends)
        return labels, np.where(labels < 0, np.float32(0), scores)

    def _predicted_by_fasttext(self, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same from the library, for models that the kernels do not run."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        labels, scores = np.full(len(starts), -1, np.int32), np.zeros(len(starts), np.float32)
        for at, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            line = self.data[start:end].tobytes().decode(errors="replace").replace("\n", " ")
            if line.strip():
                names, found = _fasttext.raw(self.path).predict(line)
                for name, score in zip(names, found, strict=True):  # one, or none
                    labels[at], scores[at] = numbers[name.removeprefix("__label__")], min(float(score), 1.0)
        return labels, scores

    def blank(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Whether spans have nothing but spaces of any kind; asked of those that have no letters."""
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        return np.array([not self.data[a:b].tobytes().decode(errors="replace").strip() for a, b in pairs], bool)


def measured(text: Any, path: str, most: int | None, by_paragraph: bool, min_letters: int) -> Measured:
    """Label, probability, script and mixture of every text, of its first `most` characters."""
    from datacurate.kernels import scripts

    texts = _Texts(text, path)
    starts = texts.offsets[:-1]
    ends = texts.offsets[1:] if most is None else scripts.heads(texts.data, texts.offsets, most)
    letters, script = scripts.scripts(texts.data, starts, ends)
    parts = _paragraphs(texts, ends, min_letters) if by_paragraph else None
    labels, scores = _whole(texts, starts, ends, letters, parts)
    found = Measured(
        language=pa.array(_names(texts.labels, labels), pa.string()),
        score=scores,
        script=pa.DictionaryArray.from_arrays(pa.array(script), pa.array(scripts.NAMES)).cast(pa.string()),
    )
    return found if parts is None else _with_shares(found, texts.labels, labels, parts)


def _names(labels: list[str], numbers: np.ndarray) -> list[str]:
    return [labels[number] if number >= 0 else "und" for number in numbers.tolist()]


@dataclass(frozen=True)
class _Shares:
    """Letters and mean probability by document and language, the most letters of a document first."""

    document: np.ndarray
    label: np.ndarray
    letters: np.ndarray
    score: np.ndarray

    def firsts(self) -> np.ndarray:
        """The place of each document's main language."""
        return np.flatnonzero(np.diff(self.document, prepend=-1))


def _paragraphs(texts: _Texts, ends: np.ndarray, min_letters: int) -> _Shares:
    """What languages the paragraphs are in that have letters enough."""
    from datacurate.kernels import scripts

    starts, stops, document = scripts.lines(texts.data, texts.offsets, ends)
    letters, _ = scripts.scripts(texts.data, starts, stops)
    long = letters >= max(min_letters, 1)
    starts, stops, document, letters = (array[long] for array in (starts, stops, document, letters))
    labels, scores = texts.predicted(starts, stops)
    known = labels >= 0
    document, labels, letters, scores = document[known], labels[known], letters[known], scores[known].astype(float)
    keys, at = np.unique(document * len(texts.labels) + labels, return_inverse=True)
    sums = np.bincount(at, letters, len(keys))
    means = np.bincount(at, letters * scores, len(keys)) / np.maximum(sums, 1)
    of, label = keys // len(texts.labels), keys % len(texts.labels)
    order = np.lexsort((label, -sums, of))
    return _Shares(of[order], label[order], sums[order], means[order])


def _whole(
    texts: _Texts, starts: np.ndarray, ends: np.ndarray, letters: np.ndarray, parts: _Shares | None
) -> tuple[np.ndarray, np.ndarray]:
    """Each document's label and score: of its paragraphs where they have any, else of all of it."""
    labels, scores = np.full(len(starts), -1, np.int32), np.zeros(len(starts), np.float32)
    rest = np.ones(len(starts), bool)
    if parts is not None and len(parts.document):
        firsts = parts.firsts()
        of = parts.document[firsts]
        labels[of], scores[of], rest[of] = parts.label[firsts], parts.score[firsts], False
    labels[rest], scores[rest] = texts.predicted(starts[rest], ends[rest])
    doubtful = np.flatnonzero(letters == 0)
    none = doubtful[texts.blank(starts[doubtful], ends[doubtful])]
    labels[none], scores[none] = -1, 0
    return labels, scores


def _with_shares(found: Measured, names: list[str], labels: np.ndarray, parts: _Shares) -> Measured:
    """`found` with what part of each document is in which language; one without paragraphs is all in its own."""
    mixed = np.zeros(len(labels), np.float32)
    sums = np.bincount(parts.document, parts.letters, len(labels))
    share = parts.letters / sums[parts.document] if len(parts.document) else parts.letters
    firsts = parts.firsts()
    mixed[parts.document[firsts]] = 1 - share[firsts]
    alone = np.flatnonzero((sums == 0) & (labels >= 0))
    document = np.concatenate([parts.document, alone])
    order = np.argsort(document, kind="stable")
    label = np.concatenate([parts.label, labels[alone]])[order]
    parted = np.concatenate([share, np.ones(len(alone))])[order].astype(np.float32)
    offsets = np.searchsorted(document[order], np.arange(len(labels) + 1)).astype(np.int32)
    structs = pa.StructArray.from_arrays(
        [pa.array(_names(names, label), pa.string()), pa.array(parted)], fields=list(SHARES.value_type)
    )
    return Measured(found.language, found.score, found.script, mixed, pa.ListArray.from_arrays(offsets, structs))
