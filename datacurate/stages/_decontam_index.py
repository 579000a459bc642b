"""The index of `decontaminate`: the texts of items that are looked for, their words, and the table of their n-grams."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datacurate.core.stage import one_array
from datacurate.stages import _decontam_items
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.kernels.contam import Grams

WORDS = Path(__file__).resolve().parent.parent / "data" / "words" / "en.txt"
"""Bits of the most frequent English words."""
SUPPOSED = 1 << 17
"""Words of ordinary text that are added to those of the benchmarks when frequencies are counted: a small benchmark
knows nothing of how frequent words are."""
RARE = 18.0
"""Bits of a word that is no frequent English one."""
SIGN = 10.0
"""Bits of a character that is a word by itself: common Chinese characters have 6 to 12."""
SEED = 36.0
"""Bits of an n-gram from which `aligned` begins to compare: one in four billion places, were words independent. With 28
the search takes twice as long and finds nothing more (docs/design/decontaminate.md)."""
QUESTION, ANSWER, OVERLAP, WHOLE, SENTENCE, LINE, OPTIONS = range(7)
PARTS = ("question", "answer", "question and answer", "item", "last sentence", "line", "question and choices")
"""What a text is of its item."""


class Texts(NamedTuple):
    """Texts that are looked for, as words: those of text t are `words[starts[t]:starts[t + 1]]`."""

    words: np.ndarray
    starts: np.ndarray
    items: np.ndarray
    parts: np.ndarray


class Index(NamedTuple):
    """The n-grams of the texts, and of each text its item and what part of it that is."""

    grams: Grams
    items: np.ndarray
    parts: np.ndarray


def texts_of(items: pa.Table, wanted: str, kind: int, ngram: int, least: tuple[int, float], bare: bool) -> Texts:
    """The texts of all items that a preset looks for. `least`: words and bits below which a question says too little,
    and is looked for with more of its item, `bare`: of which the label before it is no part."""
    rows = _decontam_items.rows(items)
    if wanted in ("answer_overlap", "question_answer_overlap"):
        return _overlaps(rows, wanted == "question_answer_overlap", kind, ngram)
    if wanted == "lines":
        return _lines(rows, kind, least[0])
    if wanted == "question":
        return _questions(rows, kind, least, bare)
    cut = _decontam_items.last_sentence if wanted == "last_sentence" else None
    said = [cut(row["question"]) if cut else _decontam_items.whole(row) for row in rows]
    part = SENTENCE if cut else WHOLE
    return _joined([(number, part, one) for number, one in enumerate(_cut(said, kind))])


def _cut(texts: list[str], kind: int) -> list[np.ndarray]:
    """The words of every text."""
    import pyarrow as pa

    from datacurate.kernels import contam_words

    found = contam_words.words(pa.array(texts, pa.large_string()), kind)
    return np.split(found.hashes, found.bounds[1:-1]) if texts else []


def _joined(texts: list[tuple[int, int, np.ndarray]]) -> Texts:
    words = [one for _, _, one in texts]
    starts = np.cumsum([0, *map(len, words)], dtype=np.int64)
    numbers = np.array([(item, part) for item, part, _ in texts], np.int32).reshape(-1, 2)
    return Texts(np.concatenate([np.empty(0, np.uint64), *words]), starts, numbers[:, 0], numbers[:, 1])


def _questions(rows: list[dict[str, Any]], kind: int, least: tuple[int, float], bare: bool) -> Texts:
    """The questions; where one says too little to be told from chance, the question with its answer, and with all
    choices, too: if `bare` without the label that stands before all questions of its benchmark."""
    from datacurate.kernels.contam_words import PLAIN

    questions = _cut([row["question"] for row in rows], kind)
    found = [(number, QUESTION, words) for number, words in enumerate(questions)]
    if kind != PLAIN:
        return _joined(found)
    asked = _cut(_decontam_items.unlabelled(rows), kind) if bare else questions
    few = _too_short(asked, rows, kind, *least)
    more = [(number, OVERLAP, one) for number in few for one in rows[number]["answers"]]
    more += [(number, OPTIONS, "\n".join(rows[number]["choices"])) for number in few if rows[number]["choices"]]
    for (number, part, _), words in zip(more, _cut([one for _, _, one in more], kind), strict=True):
        if len(asked[number]) and len(words):
            found.append((number, part, np.concatenate([asked[number], words])))
    return _joined(found)


def _too_short(
    questions: list[np.ndarray], rows: list[dict[str, Any]], kind: int, min_words: int, min_bits: float
) -> list[int]:
    """The numbers of questions that cannot be told from chance."""
    texts = _joined([(number, QUESTION, words) for number, words in enumerate(questions)])
    size = np.diff(texts.starts)
    total = np.add.reduceat(np.append(weights(texts, rows, kind), 0), texts.starts[:-1]) if len(size) else np.empty(0)
    total[size == 0] = 0
    return np.flatnonzero((total < min_bits) | (size < min_words)).tolist()


def _overlaps(rows: list[dict[str, Any]], with_question: bool, kind: int, ngram: int) -> Texts:
    """datatrove's: answers, and the n-grams that lie across the border of question and answer."""
    pairs = [(number, one) for number, row in enumerate(rows) for one in row["answers"] or row["choices"] or [""]]
    questions = _cut([row["question"] for row in rows], kind)
    found = [(number, QUESTION, words) for number, words in enumerate(questions)] if with_question else []
    for (number, _), words in zip(pairs, _cut([one for _, one in pairs], kind), strict=True):
        across = np.concatenate([questions[number][max(0, len(questions[number]) - ngram + 1) :], words[: ngram - 1]])
        found += [(number, ANSWER, words), (number, OVERLAP, across)]
    return _joined(found)


def _lines(rows: list[dict[str, Any]], kind: int, min_words: int) -> Texts:
    """OLMo's: lines of any field that have enough words by UAX #29 and a letter or digit."""
    import pyarrow as pa

    from datacurate.kernels import uax29
    from datacurate.kernels.arrow import bytes_and_offsets

    fields = [(n, text) for n, row in enumerate(rows) for text in (row["question"], *row["answers"], *row["choices"])]
    lines = [(n, line) for n, text in fields for line in text.split("\n") if any(map(str.isalnum, line))]
    counts = np.diff(uax29.words(*bytes_and_offsets(pa.array([line for _, line in lines], pa.string()))).offsets)
    lines = [one for one, count in zip(lines, counts.tolist(), strict=True) if count >= min_words]
    words = _cut([line for _, line in lines], kind)
    return _joined([(number, LINE, one) for (number, _), one in zip(lines, words, strict=True)])


def weights(texts: Texts, rows: list[dict[str, Any]], kind: int) -> np.ndarray:
    """Bits of every word: how rare it is, in the texts and in English; from the third time in a text on it halves,
    then a third and so on. All 1 where words are not ours."""
    from datacurate.kernels.contam_words import PLAIN

    if kind != PLAIN:
        return np.ones(len(texts.words))
    different, which, counts = np.unique(texts.words, return_inverse=True, return_counts=True)
    usual = np.full(len(different), RARE)
    known, bits = frequent()
    at = np.searchsorted(different, known)
    at[at == len(different)] = 0
    same = different[at] == known if len(different) else np.zeros(len(known), bool)
    usual[at[same]] = bits[same]
    signs = _signs(rows)
    usual[np.isin(different, signs)] = SIGN
    share = (counts + SUPPOSED * 2.0**-usual) / (len(texts.words) + SUPPOSED)
    return -np.log2(share)[which] / np.maximum(_times(texts, which) - 1, 1)


def _times(texts: Texts, which: np.ndarray) -> np.ndarray:
    """Of each word the how manieth of its kind it is in its text: a table of ones says no more than one of them."""
    owner = np.repeat(np.arange(len(texts.items)), np.diff(texts.starts))
    order = np.lexsort((which, owner))
    new = np.ones(len(order), bool)
    new[1:] = (which[order][1:] != which[order][:-1]) | (owner[order][1:] != owner[order][:-1])
    first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0)) if len(order) else order
    times = np.empty(len(order), np.int64)
    times[order] = np.arange(len(order)) - first + 1
    return times


@cache
def frequent() -> tuple[np.ndarray, np.ndarray]:
    """Hashes and bits of frequent English words."""
    lines = [line.split() for line in WORDS.read_text(encoding="utf-8").splitlines()]
    hashes = [one[0] for one in _cut([word for word, _ in lines], 0)]
    return np.array(hashes, np.uint64), np.array([float(bits) for _, bits in lines])


def _signs(rows: list[dict[str, Any]]) -> np.ndarray:
    """Hashes of the characters that are words by themselves."""
    from datacurate.kernels.casefold import UNSPACED

    there = {char for row in rows for char in set(row["question"]).union(*row["answers"]) if ord(char) >= 0xE00}
    signs = [char for char in sorted(there) if any(first <= ord(char) <= last for first, last in UNSPACED)]
    return np.array([one[0] for one in _cut(signs, 0) if len(one)], np.uint64)


def idf(texts: Texts, ngram: int) -> np.ndarray:
    """Of the n-gram at every word its inverse document frequency, log(texts / texts that have it); 0 for one that the
    text has had before, and where none begins. decon weights n-grams so (allenai/decon, doc/simple.md)."""
    from datacurate.kernels.contam import grams

    made = grams(texts.words, texts.starts, np.ones(len(texts.words)), ngram)
    numbers = np.repeat(np.arange(made.count), np.diff(made.bounds))
    owners, places = made.postings >> 32, made.postings & 0xFFFFFFFF
    pairs, first = np.unique(numbers * np.int64(len(texts.items) + 1) + owners, return_index=True)
    frequency = np.bincount(pairs // (len(texts.items) + 1), minlength=made.count)
    found = np.zeros(len(texts.words))
    found[texts.starts[owners[first]] + places[first]] = np.log1p(len(texts.items) / frequency[numbers[first]])
    return found


def as_table(index: Index) -> pa.Table:
    """The arrays of an index as a table, one row for each: what the engine keeps and hands to workers."""
    arrays = {**index.grams._asdict(), "text_items": index.items, "text_parts": index.parts}
    return _rows.table(
        name=(list(arrays), "string"),
        type=([str(array.dtype) for array in arrays.values()], "string"),
        values=([len(array) for array in arrays.values()], "int64"),
        data=([_aligned(array) for array in arrays.values()], "large_binary"),
    )


def _aligned(array: np.ndarray) -> bytes:
    """Its bytes, so many that the next array begins where numbers of eight bytes may."""
    data = np.ascontiguousarray(array).tobytes()
    return data + bytes(-len(data) % 8)


def from_table(table: pa.Table) -> Index:
    """The index in such a table; nothing is copied."""
    from datacurate.kernels.arrow import read_only
    from datacurate.kernels.contam import Grams

    data = one_array(table["data"])
    _, ends, buffer = data.buffers()
    at = np.frombuffer(ends, np.int64)[data.offset : data.offset + len(data) + 1]
    arrays = {}
    for row, one in enumerate(table.select(["name", "type", "values"]).to_pylist()):
        empty = not one["values"]
        array = np.empty(0, one["type"]) if empty else np.frombuffer(buffer, one["type"], one["values"], int(at[row]))
        arrays[one["name"]] = read_only(array)
    return Index(Grams(*(arrays[name] for name in Grams._fields)), arrays["text_items"], arrays["text_parts"])
