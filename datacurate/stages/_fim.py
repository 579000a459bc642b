"""Which documents are filled in, where they are cut, and in which order their pieces are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.stage import one_array
from datacurate.mixture import draw, scored
from datacurate.mixture import pieces as marked

if TYPE_CHECKING:
    from datacurate.stages.fim import Fim

CHOSEN, MODE, FIRST, SECOND, FILE = (np.uint64(n) for n in range(1, 6))
"""What a number is drawn for."""

Piece = tuple[str | None, int, int]


class Stretch(NamedTuple):
    """A part of a document that can be filled in: one file, or all of it."""

    document: int
    piece: int
    prefix: int
    """Byte of the text at which its prefix begins."""
    begin: int
    """Byte from which on it is cut; a file's path stands before."""
    end: int


class Told(NamedTuple):
    """What stages in front say of documents, in columns that need not be there."""

    scored: Any = None
    """What `chat` makes: set for conversations that it has written out."""
    joined: Any = None
    """What `repo_order` makes: the files of a document."""
    fim: Any = None
    """What an earlier `fim` has made of them."""


def columns(stage: Fim, ids: Any, text: Any, source: Any, pieces: Any, also: Told) -> dict[str, Any]:
    """The columns `fim` and `pieces`."""
    from datacurate.kernels import fill_middle
    from datacurate.kernels.arrow import bytes_and_offsets

    data, offsets = bytes_and_offsets(text)
    sizes = np.diff(offsets)
    hashes = draw.hashes([i or "" for i in ids.to_pylist()], f"fim {stage.seed}")
    told = None if pieces is None else marked.checked(one_array(pieces)).to_pylist()
    before = [None if found is None else _piece_list(found) for found in told or [None] * len(sizes)]
    chosen = (_uniform(hashes, CHOSEN) < stage.rate) & (sizes > 0) & _of(stage.sources, source)
    mode = _modes(also.fim, len(sizes))
    chosen &= _open(before, mode, also)
    spm = _uniform(hashes, MODE) < stage.spm_rate
    found = _stretches(stage, data, offsets, np.flatnonzero(chosen).tolist(), before, hashes)
    at = np.array([s.document for s in found], np.int64)
    own = draw.mix(hashes[at] ^ draw.mix(np.array([s.piece for s in found], np.uint64)))
    draws = np.stack([_uniform(own, FIRST), _uniform(own, SECOND)], axis=1)
    starts, ends = (np.array([getattr(s, name) for s in found], np.int64) for name in ("begin", "end"))
    cuts = (fill_middle.cut(data, starts + offsets[at], ends + offsets[at], draws) - offsets[at][:, None]).tolist()
    made: list[list[Piece] | None] = list(before)
    for stretch, (a, b) in zip(reversed(found), reversed(cuts), strict=True):
        i = stretch.document
        mode[i] = "spm" if spm[i] else "psm"
        made[i] = _replaced(made[i], stretch, _filled(stage, bool(spm[i]), stretch, a, b))
    return {"fim": pa.array(mode, pa.string()), "pieces": _as_column(made)}


def _uniform(hashes: np.ndarray, what: np.uint64) -> np.ndarray:
    """A number in [0, 1) for each hash."""
    return (draw.mix(hashes + np.array([what]) * draw.GOLDEN) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _of(sources: tuple[str, ...], source: Any) -> np.ndarray:
    if not sources:
        return np.ones(len(source), bool)
    return pc.is_in(source.cast(pa.string()), pa.array(sources)).to_numpy(zero_copy_only=False)


def _modes(fim: Any, size: int) -> list[str | None]:
    """What an earlier stage has filled in; a column of other values is none of ours."""
    values = [None] * size if fim is None else fim.to_pylist()
    return [value if value in ("psm", "spm") else None for value in values]


def _open(before: list, mode: list[str | None], also: Told) -> np.ndarray:
    """Which documents may be filled in: no conversations, none twice, and with pieces only those made of files."""
    there = np.array([found is not None for found in before], bool)
    own = also.scored is not None and also.scored.type.equals(scored.TYPE)
    fresh = np.array([one is None for one in mode], bool) & ~_set(also.scored if own else None, there)
    return fresh & (~there | _set(also.joined, there))


def _set(column: Any, like: np.ndarray) -> np.ndarray:
    """Where a column has values; nowhere, where there is none."""
    return np.zeros(len(like), bool) if column is None else column.is_valid().to_numpy(zero_copy_only=False)


def _piece_list(found: list[dict[str, Any]]) -> list[Piece]:
    return [(piece["token"], piece["begin"], piece["end"]) for piece in found]


def _stretches(stage: Fim, data: Any, offsets: Any, chosen: list[int], before: list, hashes: Any) -> list[Stretch]:
    """What is filled in, of the documents that are chosen."""
    made: list[Stretch] = []
    for i in chosen:
        if before[i] is None:
            made.append(Stretch(i, 0, 0, 0, int(offsets[i + 1] - offsets[i])))
            continue
        document = data[offsets[i] : offsets[i + 1]]
        files = [
            Stretch(i, k, begin if stage.path_in_prefix else after, after, end)
            for k, (_, begin, end) in enumerate(before[i])
            if (after := _behind_first_line(document, begin, end)) < end
        ]
        made += files[-1:] if stage.within == "last" else _drawn(stage, files, hashes[i])
    return made


def _drawn(stage: Fim, files: list[Stretch], document: np.uint64) -> list[Stretch]:
    own = draw.mix(np.array([document]) ^ draw.mix(np.array([s.piece for s in files], np.uint64)))
    return [s for s, u in zip(files, _uniform(own, FILE), strict=True) if u < stage.file_rate]


def _behind_first_line(document: np.ndarray, begin: int, end: int) -> int:
    """Where a file's path ends."""
    for start in range(begin, end, 4096):
        found = np.flatnonzero(document[start : min(end, start + 4096)] == 10)
        if len(found):
            return start + int(found[0]) + 1
    return end


def _filled(stage: Fim, spm: bool, stretch: Stretch, a: int, b: int) -> list[Piece]:
    """The pieces of one stretch that is cut at bytes `a` and `b`."""
    begin, end = stretch.prefix, stretch.end
    prefix, suffix, middle = stage.prefix_token, stage.suffix_token, stage.middle_token
    if not spm:
        made = [(prefix, begin, a), (suffix, b, end), (middle, a, b)]
    elif stage.spm == "variant_1":
        made = [(suffix, b, end), (prefix, begin, a), (middle, a, b)]
    elif stage.joined:
        made = [(prefix, b, b), (suffix, b, end), (middle, begin, b)]
    else:
        made = [(prefix, b, b), (suffix, b, end), (middle, begin, a), (None, a, b)]
    return [*made, (stage.end_token, b, b)] if stage.end_token else made


def _replaced(pieces: list[Piece] | None, stretch: Stretch, filled: list[Piece]) -> list[Piece]:
    """A document's pieces with those of one stretch in its place."""
    if pieces is None:
        return filled
    token, begin, _ = pieces[stretch.piece]
    return [*pieces[: stretch.piece], (token, begin, stretch.prefix), *filled, *pieces[stretch.piece + 1 :]]


def _as_column(made: list[list[Piece] | None]) -> pa.Array:
    """Lists of pieces as Arrow has them."""
    flat = [piece for pieces in made if pieces for piece in pieces]
    token, begin, end = zip(*flat, strict=True) if flat else ((), (), ())
    values = pa.StructArray.from_arrays(
        [pa.array(token, pa.string()), pa.array(begin, pa.int64()), pa.array(end, pa.int64())],
        fields=list(marked.TYPE.value_type),
    )
    offsets = np.cumsum([0, *(len(pieces or ()) for pieces in made)])
    empty = pa.array([pieces is None for pieces in made], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=marked.TYPE, mask=empty)
