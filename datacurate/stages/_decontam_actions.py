"""What `decontaminate` does to documents in which items were found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.core.stage import Outcome, Removed, one_array, with_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.stages._decontam_search import Found

MARKED = 50
"""Items that the mark of one document names."""


def outcome(stage: Any, docs: pa.Table, items: pa.Table, found: Found) -> Outcome:
    """The documents that go on, as the action leaves them."""
    found = type(found)(*(column[found.act] for column in found))
    if stage.action == "mark":
        return Outcome(with_columns(docs, {"contamination": _marks(docs, items, found)}))
    if not len(found.documents):
        return Outcome(None)
    if stage.action == "cut":
        return _cut(stage, docs, items, found)
    return Outcome(None, [_removed(items, found, np.unique(found.documents), "contaminated")])


def _removed(items: pa.Table, found: Found, index: np.ndarray, rule: str, **more: Any) -> Removed:
    """Documents that go, with the item that most of is there in the place of a survivor."""
    order = np.lexsort((found.items, -found.scores, found.documents))
    first = order[np.searchsorted(found.documents[order], index)]
    names = [_name(items, int(item)) for item in found.items[first]]
    usual = {"value": found.scores[first], "similarity": found.scores[first]}
    return Removed(index=index, fate="dropped", rule=rule, survivor=names, **{**usual, **more})


def _name(items: pa.Table, item: int) -> str:
    """An item as ledgers name it: BENCHMARK:ITEM."""
    return f"{items['benchmark'][item].as_py()}:{items['item'][item].as_py()}"


def _marks(docs: pa.Table, items: pa.Table, found: Found) -> pa.Array:
    """For each document what it holds, as JSON: items with the share that is there and its places; null for none."""
    import pyarrow as pa

    marks: list[str | None] = [None] * docs.num_rows
    bounds = np.searchsorted(found.documents, np.arange(docs.num_rows + 1))
    for doc in np.unique(found.documents).tolist():
        held: dict[str, dict[str, Any]] = {}
        for row in range(bounds[doc], bounds[doc + 1]):
            name = _name(items, int(found.items[row]))
            one = held.setdefault(name, {"item": name, "score": 0.0, "spans": []})
            one["score"] = max(one["score"], round(float(found.scores[row]), 4))
            one["spans"].append([int(found.starts[row]), int(found.ends[row])])
            if len(held) > MARKED:
                break
        marks[doc] = json.dumps(list(held.values())[:MARKED], ensure_ascii=False)
    return pa.array(marks, pa.string())


def _cut(stage: Any, docs: pa.Table, items: pa.Table, found: Found) -> Outcome:
    import pyarrow as pa

    from datacurate.kernels import contam_cuts, edit, lines
    from datacurate.kernels.arrow import bytes_and_offsets

    text = one_array(docs["text"])
    data, offsets = bytes_and_offsets(text)
    places = (found.documents, found.starts, found.ends)
    at, cuts, pieces = contam_cuts.widened(data, offsets, *places, stage.window, stage.min_piece)
    touched = np.unique(found.documents)
    rest = edit.cut(text, pa.LargeListArray.from_arrays(pa.array(at), pa.array(cuts)))
    left = lines.characters(*bytes_and_offsets(rest.take(touched)), max(stage.min_left, 1))
    many = pieces[touched] > (stage.max_pieces or np.iinfo(np.int64).max)
    few = (left < max(stage.min_left, 1)) & ~many
    removed = []
    if many.any():
        bound = np.full(int(many.sum()), stage.max_pieces)
        value = pieces[touched[many]].astype(np.float64)
        removed.append(_removed(items, found, touched[many], "too_many_pieces", value=value, bound=bound))
    if few.any():
        bound = np.full(int(few.sum()), stage.min_left)
        removed.append(_removed(items, found, touched[few], "too_little_left", value=left[few], bound=bound))
    docs = with_columns(docs, {"text": rest})
    keep = np.ones(docs.num_rows, bool)
    keep[touched[many | few]] = False
    return Outcome(docs.filter(pa.array(keep)), removed)
