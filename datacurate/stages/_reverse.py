"""Which documents are reversed, what keeps its order in them, and where the marks between stretches stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.errors import InputError
from datacurate.core.stage import one_array, with_columns
from datacurate.mixture import draw
from datacurate.mixture import pieces as marked

if TYPE_CHECKING:
    from datacurate.kernels.text import Words
    from datacurate.stages.reverse import Reverse


def turned(stage: Reverse, docs: pa.Table) -> pa.Table:
    """The documents, those that are chosen in reverse."""
    from datacurate.kernels import reversal

    text = one_array(docs["text"])
    hashes = draw.hashes([i or "" for i in docs["id"].to_pylist()], f"reverse {stage.seed}")
    chosen = (draw.mix(hashes) >> np.uint64(11)).astype(np.float64) * 2.0**-53 < stage.share
    chosen &= pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False) > 0
    if stage.sources:
        source = one_array(docs["source"]).cast(pa.string())
        chosen &= pc.is_in(source, pa.array(stage.sources)).to_numpy(zero_copy_only=False)
    some = pa.array(np.flatnonzero(chosen))
    blocks = _blocks(stage, docs.take(some), hashes[chosen])
    made = _within(text, some, chosen, reversal.reverse(text.take(some), np.ones(len(some), bool), blocks))
    how = pc.if_else(pa.array(chosen), stage.unit, pa.scalar(None, pa.string()))
    return with_columns(
        docs, {"text": made, "reversed": how, marked.COLUMN: _pieces(stage, docs, chosen, some, blocks)}
    )


def _within(whole: Any, some: Any, chosen: np.ndarray, changed: Any) -> Any:
    """A column with the changed values in their places."""
    if not len(some):
        return whole
    at = np.cumsum(chosen) - 1
    new = changed.cast(whole.type) if changed.type != whole.type else changed
    return pc.if_else(pa.array(chosen), new.take(pa.array(np.maximum(at, 0))), whole)


def _blocks(stage: Reverse, docs: pa.Table, hashes: np.ndarray) -> Words:
    from datacurate.kernels import reversal

    text = one_array(docs["text"])
    if stage.unit == "words":
        return reversal.words(text)
    if stage.unit == "segments":
        return reversal.segments(text, stage.longest, hashes)
    if stage.names_column is None:
        return reversal.names(text)
    return reversal.listed(text, *_names(docs, stage.names_column))


def _names(docs: pa.Table, column: str) -> tuple[pa.Array, np.ndarray]:
    """All listed names, and which row each is of. InputError for a column of other things."""
    found = one_array(docs[column])
    kind = found.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if pa.types.is_null(kind):
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    if not lists or not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
        raise InputError(f"reverse: names_column: '{column}' holds {kind}, not lists of names. Name another column.")
    owners = pc.list_parent_indices(found).to_numpy(zero_copy_only=False).astype(np.int64)
    return found.flatten(), owners


def _pieces(stage: Reverse, docs: pa.Table, chosen: np.ndarray, some: Any, blocks: Words) -> Any:
    """The column `pieces`: with a token between stretches, null for other reversed texts, and as it was for others."""
    before = marked.checked(one_array(docs[marked.COLUMN])) if marked.COLUMN in docs.schema.names else None
    old = pa.nulls(docs.num_rows, marked.TYPE) if before is None else before
    made: list[Any] = [None] * len(some)
    if stage.token is not None:
        sizes = pc.binary_length(one_array(docs["text"]).take(some)).to_pylist()
        bounds = blocks.offsets.tolist()
        for k, (size, begin, end) in enumerate(zip(sizes, bounds, bounds[1:], strict=False)):
            made[k] = _marks(stage.token, size, blocks.starts[begin + 1 : end].tolist())
    return _within(old, some, chosen, pa.array(made, marked.TYPE))


def _marks(token: str, size: int, starts: list[int]) -> list[tuple[str | None, int, int]] | None:
    """Pieces of a text of so many bytes, in which stretches but the first began at `starts` before it was reversed."""
    if not starts:
        return None
    edges = [0, *(size - start for start in reversed(starts)), size]
    return [(None if at == 0 else token, edges[at], edges[at + 1]) for at in range(len(edges) - 1)]
