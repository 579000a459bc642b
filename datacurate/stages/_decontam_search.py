"""What `decontaminate` finds in a batch of documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datacurate.core.stage import one_array
from datacurate.core.task import SHARD_BITS
from datacurate.stages import _decontam_answers, _decontam_index, _decontam_items, _decontam_twins
from datacurate.stages._decontam_index import Index
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

MOST = {"aligned": 16}
"""Places of an n-gram, by method, from which no run begins if it has more: an n-gram in so many items says little of
any. All others have 4096, which bounds the time that an item of one repeated word can take."""
NEARLY_ALL = 0.8
"""Share of a text from which a document is taken to hold the item, not a phrase of it."""


class Found(NamedTuple):
    """Evidence in a batch, by document, item and place. `act`: whether the action is taken."""

    documents: np.ndarray
    items: np.ndarray
    parts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    words: np.ndarray
    scores: np.ndarray
    act: np.ndarray


def kind_of(stage: Any) -> int:
    """The number of the kind of words."""
    from datacurate.kernels.contam_words import KINDS

    return KINDS.index(stage.words)


def index(stage: Any, items: pa.Table) -> pa.Table:
    """The index of a stage, as a table."""
    from datacurate.kernels.contam import grams, seeds

    kind = kind_of(stage)
    least = (stage.min_words, stage.min_bits)
    aligned = stage.method == "aligned"
    texts = _decontam_index.texts_of(items, stage.text, kind, stage.ngram, least, aligned)
    chosen = None
    if stage.method == "cluster":
        weights = _decontam_index.idf(texts, stage.ngram)
    elif aligned:
        weights = _decontam_index.weights(texts, _decontam_items.rows(items), kind)
        span = max(stage.min_words, stage.ngram)
        chosen = seeds(weights, texts.starts, stage.ngram, span, stage.min_bits, _decontam_index.SEED)
    else:
        weights = np.ones(len(texts.words))
    if stage.method == "whole":  # such a match begins with the first words of its text
        chosen = np.zeros(len(texts.words), bool)
        chosen[texts.starts[:-1][np.diff(texts.starts) > 0]] = True
    made = grams(texts.words, texts.starts, weights, stage.ngram, chosen)
    return _decontam_index.as_table(Index(made, texts.items, texts.parts))


def needed(stage: Any, index: Index, items: pa.Table) -> np.ndarray:
    """The least share of every text that is evidence."""
    names = one_array(items["benchmark"]).dictionary_encode()
    own = [stage.thresholds.get(name, stage.threshold) for name in names.dictionary.to_pylist()]
    share = np.array(own, np.float64)[names.indices.to_numpy()[index.items]] if len(names) else np.empty(0)
    size = np.diff(index.grams.starts)
    if stage.method == "aligned":
        total = _totals(index)
        longer = np.isin(index.parts, (_decontam_index.OVERLAP, _decontam_index.OPTIONS))
        share = np.where(longer, np.maximum(share, np.maximum(NEARLY_ALL, 1 - _questions(index, total) / 2)), share)
        return np.maximum(share, stage.min_bits / np.maximum(total, 1e-9))
    if stage.method == "cluster" and stage.lenient_from > stage.perfect_up_to:
        along = np.clip((size - stage.perfect_up_to) / (stage.lenient_from - stage.perfect_up_to), 0, 1)
        return 1 - along * (1 - share)
    return share


def _questions(index: Index, total: np.ndarray) -> np.ndarray:
    """Of every text the share that its item's question has in it: an answer without at least half of its question is no
    evidence."""
    own = np.zeros(index.items.max(initial=-1) + 1)
    first = index.parts == _decontam_index.QUESTION
    own[index.items[first]] = total[first]
    return own[index.items] / np.maximum(total, 1e-9)


def searchable(stage: Any, index: Index, items: pa.Table) -> np.ndarray:
    """For every item whether a document that holds all of it would be found: enough words, worth enough, of which an
    n-gram begins a match."""
    made = index.grams
    places = np.repeat(np.diff(made.bounds), np.diff(made.bounds))
    begins = np.zeros(len(index.items), bool)
    begins[(made.postings >> 32)[places <= MOST.get(stage.method, 4096)]] = True
    if stage.method == "aligned":
        begins &= (np.diff(made.starts) >= stage.min_words) & (needed(stage, index, items) <= 1)
    found = np.zeros(items.num_rows, bool)
    found[index.items[begins]] = True
    return found


def _totals(index: Index) -> np.ndarray:
    """What the words of every text weigh."""
    sums = np.concatenate([[0.0], np.cumsum(index.grams.weights)])
    return sums[index.grams.starts[1:]] - sums[index.grams.starts[:-1]]


class _Ready(NamedTuple):
    """An index as kernels read it, and what a stage asks of it."""

    made: Index
    params: Any
    needed: np.ndarray
    totals: np.ndarray
    ignored: np.ndarray


_READY = _rows.Latest()
_FOUND = _rows.Latest()
_FIRST = _rows.Latest()


def _ready(stage: Any, items: pa.Table, index: pa.Table, common: pa.Table | None) -> _Ready:
    from datacurate.kernels import contam_rules

    made = _decontam_index.from_table(index)
    most = MOST.get(stage.method, 4096)
    least = stage.min_words if stage.method == "aligned" else 0
    rule = contam_rules.RULES.index(stage.method)
    params = contam_rules.Params(rule, stage.ngram, most, stage.budget, stage.sample, least)
    ignored = np.zeros(made.grams.count, bool)
    if common is not None:
        ignored[_rows.numpy(common, "ngram")] = True
    return _Ready(made, params, needed(stage, made, items), contam_rules.totals(made.grams), ignored)


def _matches(stage: Any, text: pa.Array, ready: _Ready) -> Any:
    from datacurate.kernels import contam_rules

    return contam_rules.matches(text, kind_of(stage), ready.made.grams, *ready[1:])


def phrases(stage: Any, docs: pa.Table, rows: np.ndarray, items: pa.Table, index: pa.Table) -> pa.Table:
    """The documents in which something matches, with the numbers of the n-grams in what does, as bytes."""
    ready = _FIRST.of((items, index), lambda: _ready(stage, items, index, None), last=False)
    found = _matches(stage, one_array(docs["text"]), ready)
    counted = (found.scores < NEARLY_ALL) | (stage.method == "any")
    some, at = np.unique(found.numbers[:, 0], return_index=True)
    bounds = np.append(at, len(counted)).tolist()
    text = one_array(docs["text"])
    said = []
    for doc, first, last in zip(some.tolist(), bounds, bounds[1:], strict=False):
        mine = found.numbers[first:last][counted[first:last]]
        said.append(_grams_in(stage, text[doc], mine, ready) if len(mine) else b"")
    return _rows.table(row=(np.asarray(rows, np.uint64)[some], "uint64"), ngrams=(said, "large_binary"))


def _grams_in(stage: Any, text: Any, matches: np.ndarray, ready: _Ready) -> bytes:
    """The different n-grams of the index in some matches of a document."""
    import pyarrow as pa

    from datacurate.kernels import contam, contam_words

    data = text.as_buffer()
    spans = [bytes(data[start:end]) for start, end in matches[:, 2:4].tolist()]
    cut = contam_words.words(pa.array(spans, pa.large_binary()), kind_of(stage))
    return contam.known(cut.hashes, cut.bounds, ready.params.ngram, ready.made.grams).tobytes()


def common(phrases: Parts, max_documents: int | None) -> pa.Table:
    """The n-grams that are in more documents than may be."""
    counts: Counter[int] = Counter()
    for piece in phrases if max_documents is not None else ():
        for said in piece["ngrams"].to_pylist():
            counts.update(np.frombuffer(said, np.int32).tolist())
    many = sorted(ngram for ngram, count in counts.items() if max_documents is not None and count > max_documents)
    return _rows.table(ngram=(many, "int32"), documents=([counts[ngram] for ngram in many], "int64"))


def candidates(phrases: Parts) -> Iterator[pa.Table]:
    """The documents in which something matches, by shard."""
    yield _candidates(np.empty(0, np.uint64))
    for piece in phrases:
        yield _candidates(_rows.numpy(piece, "row"))


def _candidates(row: np.ndarray) -> pa.Table:
    return _rows.table(shard=(row >> np.uint64(SHARD_BITS), "int32"), row=(row, "uint64"))


def found(
    stage: Any,
    docs: pa.Table,
    rows: np.ndarray,
    items: pa.Table,
    index: pa.Table,
    candidates: pa.Table,
    common: pa.Table,
    last: bool = False,
) -> Found:
    """The evidence in a batch; the phase that asks as the `last` one lets go of it."""
    asked = (docs, index, common)
    return _FOUND.of(asked, lambda: _find(stage, docs, rows, items, index, candidates, common), last)


def _find(
    stage: Any,
    docs: pa.Table,
    rows: np.ndarray,
    items: pa.Table,
    index: pa.Table,
    candidates: pa.Table,
    common: pa.Table,
) -> Found:
    """Documents in which nothing matched before common phrases were known are not looked at again."""
    some, _ = _rows.found(rows, candidates)
    ready = _READY.of((index, common), lambda: _ready(stage, items, index, common), last=False)
    texts = one_array(docs["text"]).take(some)
    found = _matches(stage, texts, ready)
    doc, text, start, end, words = found.numbers.T
    act = found.scores >= (stage.act_at or 0)
    made = Found(doc, ready.made.items[text], ready.made.parts[text], start, end, words, found.scores, act)
    if stage.answers != "ignore":
        made = _decontam_answers.with_answers(stage, made, texts, items)
    order = np.lexsort((made.ends, made.starts, made.parts, made.items, made.documents))
    made = Found(*(column[order] for column in made))
    return made._replace(documents=some[made.documents])


def as_table(stage: Any, found: Found, docs: pa.Table, rows: np.ndarray, items: pa.Table) -> pa.Table:
    """The evidence as a table that people and reports read."""
    import pyarrow as pa

    alike = np.zeros(len(found.items), bool)
    if stage.method in _decontam_twins.RANKED:
        columns = (found.items, found.starts, found.ends, found.scores)
        matches = [_decontam_twins.Match(*one) for one in zip(*(c.tolist() for c in columns), strict=True)]
        alike = _decontam_twins.twins(found.documents, matches, docs["text"], items["question"])
    named = items.take(pa.array(found.items)) if len(found.items) else items.slice(0, 0)
    mine = docs.select(["id", "source"]).take(pa.array(found.documents, pa.int64()))
    return _rows.table(
        row=(np.asarray(rows, np.uint64)[found.documents], "uint64"),
        id=(mine["id"], "large_string"),
        source=(mine["source"], "string"),
        benchmark=(named["benchmark"], "string"),
        item=(named["item"], "int32"),
        part=([_decontam_index.PARTS[part] for part in found.parts.tolist()], "string"),
        start=(found.starts, "int64"),
        end=(found.ends, "int64"),
        words=(found.words, "int32"),
        score=(found.scores, "float64"),
        acted=(found.act, "bool_"),
        alike=(alike, "bool_"),
    )


def warm(stage: Any) -> None:
    """Compile the kernels, on one document."""
    import pyarrow as pa

    from datacurate.stages import _decontam_actions, _decontam_items

    said = " ".join(f"word{n}" for n in range(80))
    item = _decontam_items.Item("warm", 0, "", said, [said[:90]])
    items = _decontam_items.as_table([item])
    blank = stage.model_copy(update={"thresholds": {}})
    docs = pa.table({"id": ["a"], "text": [said + "\n" + said[:90]], "source": ["a"]})
    made = index(blank, items)
    rows = np.zeros(1, np.uint64)
    seen = phrases(blank, docs, rows, items, made)
    found_ = found(blank, docs, rows, items, made, seen, common([seen], 10), last=True)  # type: ignore[arg-type]
    _decontam_actions.outcome(blank, docs, items, found_)
