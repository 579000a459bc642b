"""Token ids of documents that stages have marked: sentinels between pieces of a text, in any order.

A stage that wants control tokens in a document leaves its text as it is and says in a column `pieces` how it is to be
read: a list of (token, begin, end), each of which stands for the token and, behind it, the tokens of the text's bytes
from `begin` to `end`. A piece without a token is text alone. So a sentinel is one because a stage said so, and a page
that spells its name out is text (`Encoder`). Every piece is encoded alone, as StarCoder's Megatron does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import InputError, RecipeError, did_you_mean
from datacurate.core.stage import one_array
from datacurate.mixture import scored as masks
from datacurate.mixture.draw import gather
from datacurate.mixture.libraries import Ragged
from datacurate.mixture.tokenize import Encoder, framed

COLUMN = "pieces"
TYPE = pa.list_(pa.struct([("token", pa.string()), ("begin", pa.int64()), ("end", pa.int64())]))
GUARD = "☺"
"""What a text is put behind, so that a tokenizer adds no space in front of it (Code Llama, `encode_infilling`)."""


@dataclass(frozen=True)
class Unit:
    """A stretch of text that is encoded alone, behind a control token if it has one. Places: bytes of all texts."""

    token: str
    text: str
    opens: bool
    """Whether it is encoded as the beginning of a text, with the space in front that the tokenizer adds there."""
    spelled: int
    """Where the text spells the token, in documents of which not all is scored."""
    begin: int
    end: int


def encode(encoder: Encoder, text: Any, pieces: Any = None, scored: Any = None) -> Ragged:
    """Token ids of each document between the marks of its begin and end; of those with pieces, piece by piece.

    With `scored` (`mixture/scored.py`), a token that no loss is taken of is there as its complement.
    """
    marked = None if pieces is None else one_array(pieces)
    places = None if scored is None else masks.checked(scored, pieces, text)
    if marked is None or marked.null_count == len(marked):
        return encoder.encode_array(one_array(text))
    texts = [t or "" for t in text.to_pylist()]
    asked = places or [None] * len(texts)
    flat, at, bounds, units = _assembled(encoder, texts, checked(marked), asked)
    offsets = at[2 * np.array(bounds, np.int64)]
    whole = np.array([one is None for one in asked], bool)
    if whole.all():
        return framed(flat, offsets, encoder.begin_of_text, encoder.end_of_text)
    flat = masks.complemented(flat, _scored(encoder, texts, units, at, flat, asked))
    return masks.closed(flat, offsets, whole, encoder)


def of_documents(encoder: Encoder, docs: pa.Table) -> Ragged:
    """Token ids of documents by all that their columns say."""
    columns = [docs[name] if name in docs.schema.names else None for name in (COLUMN, masks.COLUMN)]
    return encode(encoder, docs["text"], *columns)


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


def _assembled(
    encoder: Encoder, texts: list[str], pieces: pa.ListArray, asked: list[Any]
) -> tuple[np.ndarray, np.ndarray, list[int], list[Unit]]:
    """The ids of all documents, without marks at their ends; where units and their texts begin; units by document."""
    units, bounds = _units(encoder, texts, pieces, asked)
    flat, offsets = _encoded(encoder, [(unit.text, unit.opens) for unit in units])
    known = sorted({unit.token for unit in units if unit.token})
    ids = np.array([token_id(encoder, name) for name in known], np.int32)
    # a sentinel lies behind all texts in one array, and is fetched like a stretch of it
    place = {name: offsets[-1] + at for at, name in enumerate(known)}
    starts = np.empty(2 * len(units), np.int64)
    starts[0::2] = [place[unit.token] if unit.token else 0 for unit in units]
    starts[1::2] = offsets[:-1]
    lengths = np.empty(2 * len(units), np.int64)
    lengths[0::2] = [bool(unit.token) for unit in units]
    lengths[1::2] = np.diff(offsets)
    made, ends = gather(np.concatenate([flat, ids]), starts, lengths)
    return made, ends, bounds, units


def _units(encoder: Encoder, texts: list[str], pieces: pa.ListArray, asked: list[Any]) -> tuple[list[Unit], list[int]]:
    """What is encoded alone, and where in it documents begin."""
    units: list[Unit] = []
    bounds, base = [0], 0
    for text, found, places in zip(texts, pieces.to_pylist(), asked, strict=True):
        data = text.encode()
        if found is None:
            units.append(Unit("", text, True, base, base, base + len(data)))
        else:
            cuts = places if places is not None and not encoder.shows_places else []
            before = 0
            for piece in _cut(found, cuts):
                token, begin, end = piece["token"] or "", piece["begin"], piece["end"]
                inner = _slice(data, begin, end)
                opens = not begin or (places is not None and encoder.spaced)
                spelled = max(data.rfind(token.encode(), before, begin), 0) if places is not None else 0
                units.append(Unit(token, inner, opens, base + spelled, base + begin, base + end))
                before = end
        bounds.append(len(units))
        base += len(data) + 1
    return units, bounds


def _cut(pieces: list[dict[str, Any]], places: list[int]) -> list[dict[str, Any]]:
    """The pieces, cut at places."""
    made: list[dict[str, Any]] = []
    for piece in pieces:
        edges = [piece["begin"], *(p for p in places if piece["begin"] < p < piece["end"]), piece["end"]]
        names = [piece["token"], *[None] * (len(edges) - 2)]
        made += [{"token": n, "begin": a, "end": b} for n, a, b in zip(names, edges, edges[1:], strict=False)]
    return made


def _scored(
    encoder: Encoder, texts: list[str], units: list[Unit], at: np.ndarray, ids: np.ndarray, asked: list[Any]
) -> np.ndarray:
    """Whether the loss is taken of each id."""
    begins, ends = masks.bounds(asked, [text.encode() for text in texts])
    columns = zip(*((unit.spelled, unit.begin, unit.end) for unit in units), strict=True)
    laid = masks.Units(at, *(np.array(column, np.int64) for column in columns))
    first, last = masks.extents(encoder, ids, laid)
    if not encoder.lossless and encoder.shows_places:
        guard = _guard(encoder)
        for u in masks.crossed(laid, begins, ends).tolist():
            head = GUARD if len(guard) and not units[u].opens else ""
            own, spans = masks.places(encoder, units[u].text, head)
            here = slice(at[2 * u + 1], at[2 * u + 2])
            if not np.array_equal(own, ids[here]):
                raise InputError(
                    f"no place in the text is known for tokens of {units[u].text[:80]!r}. Please report it."
                )
            first[here], last[here] = spans[:, 0] + units[u].begin, spans[:, 1] + units[u].begin
    return masks.overlaps(first, last, begins, ends)


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
