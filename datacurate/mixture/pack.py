"""Documents laid end to end and cut into rows of equal length: no token is lost, padding comes last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datacurate.core.stage import one_array


def packed_schema(sequence_length: int) -> pa.Schema:
    """What training reads. `part` is the number of the file, which is the order in which files are read."""
    return pa.schema(
        {
            "part": pa.int32(),
            "input_ids": pa.list_(pa.int32(), sequence_length),
            "starts": pa.list_(pa.int32()),
            "sources": pa.list_(pa.int32()),
            "length": pa.int32(),
            "split": pa.int8(),
        }
    )


@dataclass(frozen=True)
class Rows:
    """Rows of `sequence_length`; the last may be short. `offsets` cuts `starts` and `sources` into rows."""

    input_ids: np.ndarray
    starts: np.ndarray
    sources: np.ndarray
    offsets: np.ndarray
    length: np.ndarray

    @property
    def count(self) -> int:
        return len(self.length)


def pack(flat: np.ndarray, offsets: np.ndarray, sources: np.ndarray, sequence_length: int) -> Rows:
    """The documents `flat[offsets[i] : offsets[i + 1]]` (none is empty) as rows; unused places hold 0."""
    count = -(-len(flat) // sequence_length)
    input_ids = np.zeros((count, sequence_length), np.int32)
    input_ids.reshape(-1)[: len(flat)] = flat
    row_starts = np.arange(count, dtype=np.int64) * sequence_length
    starts = np.union1d(offsets[:-1], row_starts)
    document = np.searchsorted(offsets, starts, side="right") - 1
    return Rows(
        input_ids,
        (starts % sequence_length).astype(np.int32),
        sources[document].astype(np.int32),
        np.searchsorted(starts, np.append(row_starts, len(flat))).astype(np.int32),
        np.minimum(len(flat) - row_starts, sequence_length).astype(np.int32),
    )


def unpack(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The stretches of a packed table in order: tokens, int64 offsets, and source of each."""
    length = numbers(table["length"])
    starts, sizes = lists(table["starts"])
    ids = input_ids(table)
    flat = ids[np.arange(ids.shape[1]) < length[:, None]]
    row = np.repeat(np.arange(len(length)), sizes)
    before = np.cumsum(length, dtype=np.int64) - length
    offsets = np.append(before[row] + starts, length.sum(dtype=np.int64))
    return flat, offsets, lists(table["sources"])[0]


def input_ids(table: pa.Table) -> np.ndarray:
    """The token ids of a packed table, int32 of shape (rows, sequence_length)."""
    width = table.schema.field("input_ids").type.list_size
    chunks = [np.asarray(c.flatten()).reshape(-1, width) for c in table["input_ids"].chunks]
    return np.concatenate([np.zeros((0, width), np.int32), *chunks])


def as_table(rows: Rows, split: int, part: np.ndarray) -> pa.Table:
    """Packed rows as a table; `part` holds one number per row."""
    columns = [
        pa.array(part, pa.int32()),
        pa.FixedSizeListArray.from_arrays(pa.array(rows.input_ids.reshape(-1)), rows.input_ids.shape[1]),
        pa.ListArray.from_arrays(pa.array(rows.offsets), pa.array(rows.starts)),
        pa.ListArray.from_arrays(pa.array(rows.offsets), pa.array(rows.sources)),
        pa.array(rows.length),
        pa.array(np.full(rows.count, split, np.int8)),
    ]
    return pa.table(columns, schema=packed_schema(rows.input_ids.shape[1]))


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column of numbers as a numpy array."""
    return np.asarray(one_array(column))


def lists(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """A list<int32> column as flat values and list lengths (chunk by chunk: no offset overflow)."""
    values = [np.asarray(chunk.flatten()) for chunk in column.chunks]
    sizes = [np.asarray(chunk.value_lengths()) for chunk in column.chunks]
    return np.concatenate([np.zeros(0, np.int32), *values]), np.concatenate([np.zeros(0, np.int64), *sizes])


def counts(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens of a packed table per split and source: (split, source, tokens), one entry per pair present."""
    _, offsets, sources = unpack(table)
    split = np.repeat(numbers(table["split"]), lists(table["starts"])[1]).astype(np.int64)
    pairs, at = np.unique(sources * 2 + split, return_inverse=True)
    tokens = np.zeros(len(pairs), np.int64)
    np.add.at(tokens, at, np.diff(offsets))
    return pairs % 2, pairs // 2, tokens
