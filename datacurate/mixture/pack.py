"""Documents packed into rows of equal length, each piece with the document and the place that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.stage import one_array
from datacurate.mixture.layout import lay_out


def packed_schema(sequence_length: int) -> pa.Schema:
    """What training reads. A file is of one training stage; `part` is its number there, the order of reading.

    `unscored` holds flat [begin, end) pairs of places in the row that no loss is taken of.
    """
    return pa.schema(
        {
            "part": pa.int32(),
            "stage": pa.int32(),
            "input_ids": pa.list_(pa.int32(), sequence_length),
            "starts": pa.list_(pa.int32()),
            "sources": pa.list_(pa.int32()),
            "documents": pa.list_(pa.uint64()),
            "begins": pa.list_(pa.int64()),
            "unscored": pa.list_(pa.int32()),
            "length": pa.int32(),
            "cropped": pa.int64(),
            "split": pa.int8(),
        }
    )


@dataclass(frozen=True)
class Stretches:
    """Tokens `flat[offsets[i] : offsets[i + 1]]` of stretch i, its source, its document and where in that it begins.

    A token that no loss is taken of is there as its complement, below 0; `ids_of` gives its id.
    """

    flat: np.ndarray
    offsets: np.ndarray
    sources: np.ndarray
    documents: np.ndarray
    begins: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Rows of `sequence_length`; unused places hold 0. `offsets` cuts what is there per piece into rows.

    Tokens are complements where no loss is taken of them.
    """

    input_ids: np.ndarray
    starts: np.ndarray
    sources: np.ndarray
    documents: np.ndarray
    begins: np.ndarray
    offsets: np.ndarray
    length: np.ndarray
    cropped: np.ndarray
    """Per row: tokens of its last document that come after it and are in no row."""

    @property
    def count(self) -> int:
        return len(self.length)


def whole(flat: np.ndarray, offsets: np.ndarray, sources: np.ndarray, documents: np.ndarray | None = None) -> Stretches:
    """Whole documents as stretches; without names for them, they are numbered."""
    names = np.arange(len(offsets) - 1) if documents is None else documents
    return Stretches(flat, offsets, sources, names.astype(np.uint64), np.zeros(len(names), np.int64))


def pack(stretches: Stretches, sequence_length: int, packing: str = "concatenate", crop: bool = False) -> Rows:
    """The stretches as rows; see `layout.lay_out` for the ways to pack."""
    from datacurate.kernels import packing as kernel

    sizes = np.diff(stretches.offsets)
    laid = lay_out(sizes, sequence_length, packing, crop)
    input_ids = np.zeros((laid.rows, sequence_length), np.int32)
    row = np.repeat(np.arange(laid.rows), np.diff(laid.offsets))
    places, tokens = row * sequence_length + laid.start, stretches.offsets[laid.document] + laid.begin
    kernel.copy(stretches.flat, tokens, laid.size, places, input_ids.reshape(-1))
    cropped = laid.cropped(sizes)[laid.document[laid.offsets[1:] - 1]] if crop else np.zeros(laid.rows, np.int64)
    return Rows(
        input_ids,
        laid.start.astype(np.int32),
        stretches.sources[laid.document].astype(np.int32),
        stretches.documents[laid.document],
        stretches.begins[laid.document] + laid.begin,
        laid.offsets.astype(np.int32),
        laid.length.astype(np.int32),
        cropped.astype(np.int64),
    )


def unpack(table: pa.Table) -> Stretches:
    """The pieces of a packed table, row by row; tokens that no loss is taken of are complements again."""
    length = numbers(table["length"])
    starts, sizes = lists(table["starts"])
    ids = marked(input_ids(table), *lists(table["unscored"]))
    flat = ids[np.arange(ids.shape[1]) < length[:, None]]
    row = np.repeat(np.arange(len(length)), sizes)
    before = np.cumsum(length, dtype=np.int64) - length
    offsets = np.append(before[row] + starts, length.sum(dtype=np.int64))
    return Stretches(flat, offsets, *(lists(table[c])[0] for c in ("sources", "documents", "begins")))


def input_ids(table: pa.Table) -> np.ndarray:
    """The token ids of a packed table, int32 of shape (rows, sequence_length)."""
    width = table.schema.field("input_ids").type.list_size
    chunks = [np.asarray(c.flatten()).reshape(-1, width) for c in table["input_ids"].chunks]
    return np.concatenate([np.zeros((0, width), np.int32), *chunks])


def ids_of(tokens: np.ndarray) -> np.ndarray:
    """The ids of tokens, some of which may be complements."""
    return np.maximum(tokens, ~tokens)


def marked(ids: np.ndarray, places: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Rows of ids with complements in the [begin, end) pairs of places, of which each row has `sizes` numbers."""
    if not len(places):
        return ids
    row = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    edges = np.zeros(ids.size + 1, np.int8)
    # One pair may end where the next begins, or in the place that begins the next row.
    np.add.at(edges, row * ids.shape[1] + places, np.where(np.arange(len(places)) % 2, -1, 1).astype(np.int8))
    unscored = np.cumsum(edges[:-1], dtype=np.int8).reshape(ids.shape) > 0
    return np.where(unscored, ~ids, ids)


def _unscored(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of places [begin, end) of the runs of complements of each row, flat, and int32 offsets of the rows."""
    count = len(ids)
    if not count or ids.min() >= 0:
        return np.zeros(0, np.int32), np.zeros(count + 1, np.int32)
    edges = np.diff(np.pad(ids < 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, place = np.nonzero(edges)  # row by row; in a row begins and ends take turns
    return place.astype(np.int32), np.searchsorted(row, np.arange(count + 1)).astype(np.int32)


def as_table(rows: Rows, split: int, part: np.ndarray, stage: int = 0) -> pa.Table:
    """Packed rows of a training stage as a table; `part` holds one number per row."""
    pieces = (rows.starts, rows.sources, rows.documents, rows.begins)
    unscored, of_rows = _unscored(rows.input_ids)
    ids = ids_of(rows.input_ids) if len(unscored) else rows.input_ids
    columns = [
        pa.array(part, pa.int32()),
        pa.array(np.full(rows.count, stage, np.int32)),
        pa.FixedSizeListArray.from_arrays(pa.array(ids.reshape(-1)), ids.shape[1]),
        *(pa.ListArray.from_arrays(pa.array(rows.offsets), pa.array(values)) for values in pieces),
        pa.ListArray.from_arrays(pa.array(of_rows), pa.array(unscored)),
        pa.array(rows.length),
        pa.array(rows.cropped),
        pa.array(np.full(rows.count, split, np.int8)),
    ]
    return pa.table(columns, schema=packed_schema(rows.input_ids.shape[1]))


TOKENS = pa.large_binary()
"""What tables inside the mixture hold a document's tokens as: two bytes each where that is enough, else four. Lists of
numbers take Parquet five times as long, as it notes of each number whether it begins a list."""


def as_bytes(flat: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """Tokens, some of which may be complements, as a column of TOKENS."""
    narrow = not len(flat) or (flat.min() >= 0 and flat.max() < 1 << 16)
    values = np.ascontiguousarray(flat, np.uint16 if narrow else np.int32)
    buffers = [None, pa.py_buffer((offsets * values.itemsize).astype(np.int64)), pa.py_buffer(values)]
    return pa.Array.from_buffers(TOKENS, len(offsets) - 1, buffers)


def of_bytes(column: Any, sizes: np.ndarray) -> np.ndarray:
    """The tokens of such a column, one after another; `sizes` says how many each document has."""
    made, at = [np.zeros(0, np.int32)], 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        own, at = sizes[at : at + len(chunk)], at + len(chunk)
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        raw = np.frombuffer(data or b"", np.uint8)
        wide = np.full(len(own), True) if ends[-1] - ends[0] == 4 * own.sum() else np.diff(ends) > 2 * own
        for start, stop in runs(wide):
            part = raw[ends[start] : ends[stop]]
            made.append(np.require(part.view(np.int32 if wide[start] else np.uint16), np.int32, "A"))
    return made[1] if len(made) == 2 else np.concatenate(made)


def runs(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    yield from pairwise([0, *edges.tolist(), len(values)] if len(values) else [])


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column of numbers as a numpy array."""
    return np.asarray(one_array(column))


def lists(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """A column of lists as flat values and list lengths (chunk by chunk: no offset overflow)."""
    values = [np.asarray(chunk.flatten()) for chunk in column.chunks]
    sizes = [np.asarray(chunk.value_lengths()) for chunk in column.chunks]
    none = np.zeros(0, column.type.value_type.to_pandas_dtype())
    return np.concatenate([none, *values]), np.concatenate([np.zeros(0, np.int64), *sizes])
