"""Which documents are related: by a value, by their host, or by their most telling words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.errors import InputError
from datacurate.core.phase import Size
from datacurate.core.stage import one_array
from datacurate.stages import _joining
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    from datacurate.core.store import Parts
    from datacurate.stages.long_documents import LongDocuments

LEAST, MOST = 2, 0.1
"""A word is telling that at least so many documents have, and at most this share of all."""
GROUP_CLASSES = 1 << 20
"""Bytes of groups are counted by this many classes: 8 MB, whatever there is to count."""
HEAVY = 64 << 20
"""A group of more bytes is cut into parts, by hash of the ids, so that a task holds a bounded share."""
BLOCK = 256
"""Similar documents are compared with each other in blocks of this many."""


def words(docs: pa.Table) -> pa.Table:
    """In how many documents of the batch words of each class are; behind the last class, documents and bytes."""
    from datacurate.kernels import topics

    found, counts = topics.classes(docs["text"])
    totals = (docs.num_rows, int(_bytes(docs).sum()))
    at = np.append(found, [topics.CLASSES, topics.CLASSES + 1])
    return _rows.table(at=(at, "int32"), documents=(np.append(counts, totals), "int64"))


def _bytes(docs: pa.Table) -> np.ndarray:
    length = pc.fill_null(pc.binary_length(one_array(docs["text"])), 0)
    return length.to_numpy(zero_copy_only=False).astype(np.int64)


def weights(words: Parts) -> pa.Table:
    """What an occurrence of a word counts for, by class: ln(documents / documents with the word), float32.

    Behind the last class, the documents, and the bytes of a document on average.
    """
    from datacurate.kernels import topics

    counts = np.zeros(topics.CLASSES + 2, np.int64)
    for table in words:
        np.add.at(counts, _rows.numpy(table, "at"), _rows.numpy(table, "documents"))
    own, documents = counts[:-2], max(1, int(counts[-2]))
    told = (own >= LEAST) & (own <= max(LEAST, MOST * documents))
    weight = np.where(told, np.log(documents / np.maximum(own, 1) + 1), 0)
    return pa.table({"weight": np.append(weight, [documents, counts[-1] / documents]).astype(np.float32)})


def keyed(stage: LongDocuments, docs: pa.Table, frequencies: pa.Table | None) -> pa.Table:
    """Of every document the hash of what it may share with others (0: it stays alone), its bytes and telling words."""
    made = _by_words(docs, frequencies, stage.max_bytes) if frequencies is not None else _by_value(stage, docs)
    return pa.table({"group": made[0], "bytes": _bytes(docs), "terms": made[1], "scores": made[2]})


def _by_words(docs: pa.Table, frequencies: pa.Table, length: int) -> tuple[Any, Any, Any]:
    from datacurate.kernels import topics
    from datacurate.mixture.draw import mix

    weight = _rows.numpy(frequencies, "weight")
    terms, scores = topics.telling(docs["text"], weight)
    each = np.where(scores > 0, weight[topics.class_of(terms)], np.inf)
    # the best word that as many have as make a long document; without one, the commonest
    documents, mean = weight[-2:].tolist()
    enough = each <= np.log(documents / max(2.0, length / max(mean, 1.0)) + 1)
    best = np.where(enough.any(axis=1), enough.argmax(axis=1), each.argmin(axis=1))
    chosen = terms[np.arange(len(terms)), best]
    group = np.where(scores[:, 0] > 0, mix(chosen ^ mix(_sources(docs))), 0)
    fixed = [pa.array(each.reshape(-1)) for each in (terms, scores)]
    return pa.array(group, pa.uint64()), *(pa.FixedSizeListArray.from_arrays(each, topics.TERMS) for each in fixed)


def _sources(docs: pa.Table) -> np.ndarray:
    """A hash of every document's source."""
    coded = pc.dictionary_encode(one_array(docs["source"]).cast(pa.string()))
    names = _joining.hashes([name or "" for name in coded.dictionary.to_pylist()], "source")
    at = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)
    return names[at] if len(names) else np.zeros(docs.num_rows, np.uint64)


def _by_value(stage: LongDocuments, docs: pa.Table) -> tuple[Any, Any, Any]:
    values = _hosts(docs["url"].to_pylist()) if stage.related == "host" else _texts(docs, str(stage.column))
    hashes = _joining.hashes([f"{value}" for value in values], "related")
    from datacurate.mixture.draw import mix

    some = np.array([value is not None and value != "" for value in values], bool)
    nothing = pa.nulls(docs.num_rows)
    return pa.array(np.where(some, mix(hashes ^ mix(_sources(docs))), 0), pa.uint64()), nothing, nothing


def _hosts(urls: list[str | None]) -> list[str | None]:
    """The host of each address, without `www.`; None where there is none."""
    return [None if url is None else _host(url) for url in urls]


def _host(url: str) -> str | None:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def _texts(docs: pa.Table, column: str) -> list[str | None]:
    found = _joining.values(docs, column)
    if pa.types.is_nested(found.type):
        raise InputError(f"long_documents: the column '{column}' holds {found.type}; name one of texts or numbers.")
    return found.cast(pa.string()).to_pylist()


def sized(keyed: pa.Table) -> pa.Table:
    """Bytes of the groups, by class."""
    group, size = _rows.numpy(keyed, "group"), _rows.numpy(keyed, "bytes")
    some = group != 0
    found, at = np.unique(_class(group[some]), return_inverse=True)
    totals = np.zeros(len(found), np.int64)
    np.add.at(totals, at, size[some])
    return _rows.table(at=(found, "int32"), bytes=(totals, "int64"))


def _class(group: np.ndarray) -> np.ndarray:
    return (group % np.uint64(GROUP_CLASSES)).astype(np.int64)


def heavy(sized: Iterable[pa.Table]) -> pa.Table:
    """Into how many parts groups of a class are cut, where that is more than one."""
    totals = np.zeros(GROUP_CLASSES, np.int64)
    for table in sized:
        np.add.at(totals, _rows.numpy(table, "at"), _rows.numpy(table, "bytes"))
    at = np.flatnonzero(totals > HEAVY)
    return _rows.table(at=(at, "int32"), parts=(-(-totals[at] // HEAVY), "int64"))


def near(
    stage: LongDocuments, docs: pa.Table, rows: np.ndarray, size: Size, keyed: pa.Table, heavy: pa.Table
) -> pa.Table:
    """The documents that may have related ones, dealt out by group."""
    from datacurate.mixture.draw import mix

    group = _rows.numpy(keyed, "group")
    order = _joining.hashes([i or "" for i in docs["id"].to_pylist()], f"long {stage.seed}")
    parts = np.ones(GROUP_CLASSES, np.uint64)
    parts[_rows.numpy(heavy, "at")] = _rows.numpy(heavy, "parts").astype(np.uint64)
    part = (order >> np.uint64(32)) * parts[_class(group)] >> np.uint64(32)
    # what is longer than a long document may be stays alone, and so does what has no text (yet: pages before `extract`)
    size_of = _rows.numpy(keyed, "bytes")
    some = np.flatnonzero((group != 0) & (size_of > 0) & (size_of <= stage.max_bytes))
    told = {name: one_array(keyed[name]).take(pa.array(some)) for name in ("bytes", "terms", "scores")}
    made = _joining.gathered(docs, rows, size, np.where(part > 0, mix(group + part), group), some)
    made = made.append_column("order", pa.array(order[some])).append_column("place", _place(stage, docs, some))
    for name, values in told.items():
        made = made.append_column(name, values)
    return made


def _place(stage: LongDocuments, docs: pa.Table, some: np.ndarray) -> Any:
    """What documents of a group are ordered by before their hash."""
    if stage.order_by is None:
        return pa.nulls(len(some), pa.float64())
    found = _joining.values(docs, stage.order_by).take(pa.array(some))
    if pa.types.is_integer(found.type) or pa.types.is_floating(found.type):
        return found.cast(pa.float64())
    if pa.types.is_nested(found.type):
        raise InputError(f"long_documents: order_by: '{stage.order_by}' holds {found.type}. Name texts or numbers.")
    return found.cast(pa.large_string())


def path(table: pa.Table, members: np.ndarray) -> np.ndarray:
    """Documents of a group, each followed by the most similar one of its block."""
    from datacurate.kernels import topics

    terms, scores = (_matrix(table[name], members) for name in ("terms", "scores"))
    # those that share their second word, too, come into one block
    order = np.lexsort((np.arange(len(members)), terms[:, 1]))
    walked = []
    for at in range(0, len(order), BLOCK):
        block = order[at : at + BLOCK]
        walked.append(block[topics.path(terms[block], scores[block])])
    return members[np.concatenate(walked)]


def _matrix(column: Any, members: np.ndarray) -> np.ndarray:
    lists = one_array(column).take(pa.array(members))
    return lists.flatten().to_numpy(zero_copy_only=False).reshape(len(members), -1)
