"""Token ids of documents that stages have marked: sentinels between pieces of a text, in any order.

A stage that wants control tokens in a document leaves its text as it is and says in a column `pieces` how it is to be
read: a list of (token, begin, end), each of which stands for the token and, behind it, the tokens of the text's bytes
from `begin` to `end`. A piece without a token is text alone. So a sentinel is one because a stage said so, and a page
that spells its name out is text (`Encoder`). Every piece is encoded alone, as StarCoder's Megatron does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import InputError, RecipeError, did_you_mean
from datacurate.core.stage import one_array
from datacurate.mixture.draw import gather
from datacurate.mixture.libraries import Ragged
from datacurate.mixture.tokenize import Encoder, framed

COLUMN = "pieces"
TYPE = pa.list_(pa.struct([("token", pa.string()), ("begin", pa.int64()), ("end", pa.int64())]))
GUARD = "☺"
"""What a text is put behind, so that a tokenizer adds no space in front of it (Code Llama, `encode_infilling`)."""


def encode(encoder: Encoder, text: Any, pieces: Any = None) -> Ragged:
    """Token ids of each document between the marks of its begin and end; of those with pieces, piece by piece."""
    texts = [t or "" for t in text.to_pylist()]
    marked = None if pieces is None else one_array(pieces)
    if marked is None or marked.null_count == len(marked):
        return encoder.encode(texts)
    return framed(*_assembled(encoder, texts, checked(marked)), encoder.begin_of_text, encoder.end_of_text)


def checked(pieces: Any) -> Any:
    """The column, if it holds pieces. InputError for another one that has its name."""
    kind = pieces.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        try:
            return pieces.cast(TYPE)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            pass
    raise InputError(
        f"the column '{COLUMN}' holds {kind}, not lists of (token, begin, end) as `fim` makes them. Rename it."
    )


def _assembled(encoder: Encoder, texts: list[str], pieces: pa.ListArray) -> Ragged:
    """The ids of all documents, without marks at their ends."""
    units, names, bounds = _units(texts, pieces)
    flat, offsets = _encoded(encoder, units)
    known = sorted({name for name in names if name})
    ids = np.array([token_id(encoder, name) for name in known], np.int32)
    # a sentinel lies behind all texts in one array, and is fetched like a stretch of it
    place = {name: offsets[-1] + at for at, name in enumerate(known)}
    starts = np.empty(2 * len(units), np.int64)
    starts[0::2] = [place[name] if name else 0 for name in names]
    starts[1::2] = offsets[:-1]
    lengths = np.empty(2 * len(units), np.int64)
    lengths[0::2] = [bool(name) for name in names]
    lengths[1::2] = np.diff(offsets)
    made, ends = gather(np.concatenate([flat, ids]), starts, lengths)
    return made, ends[2 * np.array(bounds, np.int64)]


def _units(texts: list[str], pieces: pa.ListArray) -> tuple[list[tuple[str, bool]], list[str], list[int]]:
    """What is encoded alone, and whether it begins its document; the token in front of each; where documents begin."""
    units: list[tuple[str, bool]] = []
    names: list[str] = []
    bounds = [0]
    for text, found in zip(texts, pieces.to_pylist(), strict=True):
        if found is None:
            units.append((text, True))
            names.append("")
        else:
            units += [(_slice(text.encode(), piece["begin"], piece["end"]), not piece["begin"]) for piece in found]
            names += [piece["token"] or "" for piece in found]
        bounds.append(len(units))
    return units, names, bounds


def _slice(text: bytes, begin: int | None, end: int | None) -> str:
    try:
        if begin is None or end is None or not 0 <= begin <= end <= len(text):
            raise ValueError("out of the text")
        return text[begin:end].decode()
    except ValueError as error:
        raise InputError(
            f"pieces: {begin} to {end} is no stretch of characters in a text of {len(text)} bytes, so the text was "
            "changed after its pieces were found. Put `fim` behind what changes texts."
        ) from error


def _encoded(encoder: Encoder, units: list[tuple[str, bool]]) -> Ragged:
    """Ids of each unit; those within a document get no space in front that the text does not have."""
    guard = _guard(encoder)
    size = len(guard)
    guarded = np.array([bool(size and text and not first) for text, first in units])
    texts = [GUARD + text if behind else text for (text, _), behind in zip(units, guarded, strict=True)]
    flat, offsets = encoder.plain(texts)
    if not guarded.any():
        return flat, offsets
    heads = offsets[:-1][guarded][:, None] + np.arange(size)
    if (merged := (flat[np.minimum(heads, len(flat) - 1)] != guard).any(axis=1)).any():
        for at in np.flatnonzero(guarded)[merged].tolist():
            guarded[at], texts[at] = False, units[at][0]
        flat, offsets = encoder.plain(texts)
    skip = guarded * size
    return gather(flat, offsets[:-1] + skip, np.diff(offsets) - skip)


def _guard(encoder: Encoder) -> np.ndarray:
    """Ids of what keeps the tokenizer from adding a space; none, where it adds none."""
    before, after, alone = _ids(encoder, GUARD), _ids(encoder, GUARD + "a"), _ids(encoder, "a")
    added = np.array_equal(after[: len(before)], before) and not np.array_equal(after[len(before) :], alone)
    return before if added else before[:0]


def _ids(encoder: Encoder, text: str) -> np.ndarray:
    return encoder.plain([text])[0]


def token_id(encoder: Encoder, name: str) -> int:
    """The id of a control token. RecipeError when the tokenizer has none of that name."""
    if name in encoder.special:
        return encoder.special[name]
    raise RecipeError(
        f"the tokenizer has no special token '{name}', which documents are marked with. "
        f"{did_you_mean(name, encoder.special)} Choose another preset of `fim`, or add the token to the tokenizer."
    )
