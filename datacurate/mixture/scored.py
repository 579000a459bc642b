"""Which tokens of a document the loss is taken of.

The column `scored` holds pairs [begin, end) of bytes of the text, flat, and a checksum of the text that they are places
of; null for documents that are scored whole. A token is scored when it has a byte of these (as
`return_assistant_tokens_mask` of transformers counts); another one becomes its complement, `~id`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import InputError
from datacurate.core.stage import one_array
from datacurate.mixture.libraries import Ragged
from datacurate.mixture.tokenize import Encoder, framed

COLUMN = "scored"
TYPE = pa.struct([("checksum", pa.int64()), ("places", pa.list_(pa.int64()))])


@dataclass(frozen=True)
class Units:
    """What was encoded alone: the stretches of text of all documents, each with the special token in front of it.

    Token u of `special` is at `at[2 * u]` of the flat ids (if it has one), its text's tokens from `at[2 * u + 1]` to
    `at[2 * u + 2]`. Places are bytes, counted over all texts.
    """

    at: np.ndarray
    special: np.ndarray
    """Where the special token is spelled in the text."""
    begin: np.ndarray
    end: np.ndarray


def value(text: str, places: list[int]) -> dict[str, Any]:
    """What the column holds of a text."""
    return {"checksum": zlib.crc32(text.encode()), "places": places}


def checked(scored: Any, pieces: Any, text: Any) -> list[list[int] | None]:
    """The places of each document. InputError where its text has changed since, and for another column of the name."""
    column = one_array(scored)
    if not (pa.types.is_null(column.type) or column.type.equals(TYPE)):
        raise InputError(f"the column '{COLUMN}' holds {column.type}, not what `chat` makes. Rename it.")
    values = column.to_pylist()
    there = [i for i, one in enumerate(values) if one is not None]
    texts = text.take(pa.array(there, pa.int64())).to_pylist()
    lost = there and (pieces is None or one_array(pieces).take(pa.array(there, pa.int64())).null_count)
    if lost or any(value(t or "", []) != {**values[i], "places": []} for i, t in zip(there, texts, strict=True)):
        raise InputError(
            "a stage behind `chat` may have changed its texts, so what is to be scored is lost. Put `chat` behind the "
            "stages that change texts, right in front of the mixture."
        )
    return [one and one["places"] for one in values]


def bounds(scored: list[list[int] | None], texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Begins and ends of what is scored, in bytes counted over all texts; a document without a column is scored."""
    begins, ends, base = [], [], 0
    for places, text in zip(scored, texts, strict=True):
        own = [0, len(text)] if places is None else places
        begins += [base + place for place in own[::2]]
        ends += [base + place for place in own[1::2]]
        base += len(text) + 1
    return np.array(begins, np.int64), np.array(ends, np.int64)


def overlaps(first: np.ndarray, stop: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether each stretch [first, stop) has a byte of the sorted stretches [begins, ends)."""
    at = np.searchsorted(ends, first, side="right")
    return (at < len(ends)) & (np.append(begins, np.iinfo(np.int64).max)[at] < np.maximum(stop, first + 1))


def extents(encoder: Encoder, ids: np.ndarray, units: Units) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of every token: exact where the tokenizer spells bytes; else those of its unit."""
    special, text, stop = units.at[0:-1:2], units.at[1::2], units.at[2::2]
    first, last = np.empty(len(ids), np.int64), np.empty(len(ids), np.int64)
    marked = text > special
    first[special[marked]] = units.special[marked]
    last[special[marked]] = units.special[marked] + 1
    size = stop - text
    of_text = np.ones(len(ids), bool)
    of_text[special[marked]] = False
    if encoder.lossless:
        lengths = np.where(of_text, encoder.lengths[ids], 0)
        before = np.cumsum(lengths) - lengths
        begin = before - np.repeat(np.append(before, 0)[text] - units.begin, size + marked)
        first[of_text], last[of_text] = begin[of_text], (begin + lengths)[of_text]
    else:
        first[of_text], last[of_text] = np.repeat(units.begin, size), np.repeat(units.end, size)
    return first, last


def crossed(units: Units, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Units in which what is scored begins or ends."""
    edges = np.sort(np.concatenate([begins, ends]))
    inner = np.searchsorted(edges, units.end, side="left") - np.searchsorted(edges, units.begin, side="right")
    return np.flatnonzero(inner > 0)


def places(encoder: Encoder, text: str, head: str) -> Ragged:
    """Ids of a stretch as the reference library encodes it behind `head`, and where in its bytes each one ends.

    The first value of the second array is where the first one begins: tokens follow each other.
    """
    made = encoder.reference.tokenizer.encode(head + text, add_special_tokens=False)  # type: ignore[attr-defined]
    kept = [(i, a, b) for i, (a, b) in zip(made.ids, made.offsets, strict=True) if b > len(head) or not head]
    ids = np.array([i for i, _, _ in kept], np.int32)
    sizes = [len(char.encode()) for char in text]
    bytes_of = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    spans = np.array([(a, b) for _, a, b in kept], np.int64).reshape(-1, 2) - len(head)
    keep = ~np.isin(ids, encoder.control)
    return ids[keep], bytes_of[np.maximum(spans[keep], 0)]


def complemented(ids: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """The ids, with complements where they are not scored."""
    return np.where(scored, ids, ~ids)


def closed(flat: np.ndarray, offsets: np.ndarray, whole: np.ndarray, encoder: Encoder) -> Ragged:
    """Documents between the marks of their begin and end; those that are not `whole`ly scored get them once.

    A template that writes a mark itself has written it; another mark is not scored.
    """
    begin, end = encoder.begin_of_text, encoder.end_of_text
    sizes = np.diff(offsets)
    heads, tails = offsets[:-1][sizes > 1], offsets[1:][sizes > 1] - 1
    first, last = np.full(len(sizes), ~(begin or 0), np.int32), np.full(len(sizes), ~end, np.int32)
    first[sizes > 1], last[sizes > 1] = flat[heads], flat[tails]
    opens = ~whole & (sizes > 1) & (np.maximum(first, ~first) == begin) if begin is not None else np.zeros_like(whole)
    closes = ~whole & (sizes > 1) & (np.maximum(last, ~last) == end)
    keep = np.ones(len(flat), bool)
    keep[offsets[:-1][opens]] = False
    keep[offsets[1:][closes] - 1] = False
    kept = np.concatenate([[0], np.cumsum(keep)])
    made, moved = framed(flat[keep], kept[offsets], begin, end)
    some = ~whole & (np.diff(moved) > 0)
    made[moved[1:][some] - 1] = np.where(closes, last, ~end)[some]
    if begin is not None:
        made[moved[:-1][some]] = np.where(opens, first, ~begin)[some]
    return made, moved
