"""What a model is given of packed rows: ids, labels, and where documents begin. Arrays alone, no torch."""

from __future__ import annotations

from typing import Literal

import numpy as np

from datacurate.mixture.reading.rows import Lists, PackedRows

IGNORED = -100
"""The label of places that are not scored."""
Labels = Literal["next", "same"]


def ids(rows: PackedRows) -> np.ndarray:
    """Token ids, int64 of shape (rows, sequence_length)."""
    return rows.ids.astype(np.int64)


def labels(rows: PackedRows, kind: Labels = "next", mask_documents: bool = True) -> np.ndarray:
    """The token to predict at each place, int64, or IGNORED.

    `next` names the token behind the place; `same` the token of the place, for models that shift labels themselves
    (Hugging Face's). Nothing is asked of padding, of `unscored` tokens, of a row's first token, which nothing precedes,
    nor, with `mask_documents`, of the first token of a document.
    """
    count, length = rows.ids.shape
    same = rows.ids.astype(np.int64)
    same[:, 0] = IGNORED
    same[_padding(rows)] = IGNORED
    if mask_documents:
        same[rows.starts.row, rows.starts.flat] = IGNORED
    if len(rows.unscored.flat):
        same[_unscored(rows)] = IGNORED
    if kind == "same":
        return same
    shifted = np.full((count, length), IGNORED, np.int64)
    shifted[:, :-1] = same[:, 1:]
    return shifted


def document_ids(rows: PackedRows) -> np.ndarray:
    """The number of the document in its row, from 1, int64; 0 in the padding."""
    first = np.zeros(rows.ids.shape, np.int64)
    first[rows.starts.row, rows.starts.flat] = 1
    documents = np.cumsum(first, axis=1)
    documents[_padding(rows)] = 0
    return documents


def position_ids(rows: PackedRows) -> np.ndarray:
    """The place of each token in its piece of a document, from 0, int64; padding is a piece of its own."""
    count, length = rows.ids.shape
    bounds = boundaries(rows)
    piece = np.repeat(bounds[:-1], np.diff(bounds))
    return (np.arange(count * length) - piece).reshape(count, length)


def boundaries(rows: PackedRows) -> np.ndarray:
    """Where pieces begin in the rows laid end to end, and the end (int32): `cu_seqlens` of attention kernels for
    sequences of many lengths. Padding is a piece of its own, so that the pieces cover all places."""
    count, length = rows.ids.shape
    pieces = rows.starts.flat + rows.starts.row * length
    short = np.flatnonzero(rows.lengths < length)
    padding = rows.lengths[short] + short * length
    return np.append(np.sort(np.unique(np.concatenate([pieces, padding]))), count * length).astype(np.int32)


def sources(rows: PackedRows) -> np.ndarray:
    """The number of the source of each token, int64; -1 in the padding."""
    at = document_ids(rows) + rows.starts.offsets[:-1, None] - 1
    found = np.append(rows.sources.flat, -1)[at].astype(np.int64)
    found[_padding(rows)] = -1
    return found


def _unscored(rows: PackedRows) -> np.ndarray:
    """Which tokens no loss is taken of."""
    count, length = rows.ids.shape
    turns = np.zeros((count, length + 1), np.int32)
    np.add.at(turns, (rows.unscored.row, rows.unscored.flat), np.tile([1, -1], len(rows.unscored.flat) // 2))
    return np.cumsum(turns, axis=1)[:, :length] > 0


def _padding(rows: PackedRows) -> np.ndarray:
    return np.arange(rows.ids.shape[1]) >= rows.lengths[:, None]


def filled(rows: PackedRows, count: int) -> PackedRows:
    """The rows, and behind them as many of padding alone as make `count`; their number is -1."""
    more = count - len(rows.numbers)
    if not more:
        return rows

    def empty(lists: Lists) -> Lists:
        return Lists(lists.flat, np.append(lists.offsets, np.full(more, lists.offsets[-1])))

    ids = np.zeros((more, rows.ids.shape[1]), np.int32)
    return PackedRows(
        np.append(rows.numbers, np.full(more, -1)),
        rows.stage,
        np.concatenate([rows.ids, ids]),
        np.append(rows.lengths, np.zeros(more, rows.lengths.dtype)),
        *(empty(lists) for lists in (rows.starts, rows.sources, rows.unscored)),
    )
