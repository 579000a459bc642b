"""Other text in place of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.ledger import EXCERPT_CHARS
from datacurate.core.stage import one_array
from datacurate.stages._pii_fakes import fakes

if TYPE_CHECKING:
    from datacurate.stages.pii import Pii

SPANS = pa.list_(pa.struct([("kind", pa.string()), ("form", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))
"""What the column `pii` holds: what was found where, in bytes of the text."""


NOT_SHOWN = "(not shown: more candidates than max_candidates, so not all of the text was checked)"
"""Excerpt of a document that was not checked to its end."""


def apply(stage: Pii, docs: pa.Table, spans: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The texts with masks and fakes, and the spans as they are then."""
    from datacurate.kernels.pii import splice

    text = one_array(docs["text"])
    at, rows = _flat(spans)
    if not len(rows):
        return text, spans
    kinds, named = rows.field("kind").to_pylist(), rows.field("form").to_pylist()
    starts, ends = (rows.field(name).to_numpy() for name in ("start", "end"))
    actions = [stage.action_of(kind) for kind in kinds]
    secrets = _secrets(text, at, starts, ends)
    pieces = [
        secret if action != "mask" else placeholder(stage, kind, form).encode()
        for secret, action, kind, form in zip(secrets, actions, kinds, named, strict=True)
    ]
    if "replace" in actions:
        _put_fakes(stage, docs, at, actions, list(zip(kinds, named, secrets, strict=True)), pieces)
    if set(actions) == {"count"}:
        return text, spans
    made, new_starts, new_ends = splice(text, at, starts, ends, pieces)
    fields = [rows.field("kind"), rows.field("form"), pa.array(new_starts), pa.array(new_ends)]
    moved = pa.StructArray.from_arrays(fields, fields=list(SPANS.value_type))
    return made, pa.ListArray.from_arrays(pa.array(at.astype(np.int32)), moved).cast(SPANS)


def placeholder(stage: Pii, kind: str, form: str) -> str:
    """What stands in place of a masked form."""
    return stage.placeholders.get(form) or stage.placeholders.get(kind) or f"<{kind.upper()}>"


def _flat(spans: pa.Array) -> tuple[np.ndarray, pa.StructArray]:
    """Where each document's spans begin among all of them, and these."""
    sizes = pc.fill_null(pc.list_value_length(spans), 0).to_numpy()
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), spans.flatten()


def _secrets(text: pa.Array, at: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[bytes]:
    """The bytes of every span."""
    from datacurate.kernels.arrow import bytes_and_offsets

    data, offsets = bytes_and_offsets(text)
    docs = np.repeat(np.arange(len(at) - 1), np.diff(at))
    begins = offsets[:-1][docs]
    view = data.data
    return [bytes(view[a:b]) for a, b in zip((begins + starts).tolist(), (begins + ends).tolist(), strict=True)]


def _put_fakes(
    stage: Pii, docs: pa.Table, at: np.ndarray, actions: list[str], found: list[tuple[str, str, bytes]],
    pieces: list[bytes],
) -> None:  # fmt: skip
    """Put fakes among the pieces, document by document."""
    lists: Any = stage.replacements
    for doc in np.flatnonzero(np.diff(at)).tolist():
        mine = [k for k in range(int(at[doc]), int(at[doc + 1])) if actions[k] == "replace"]
        if not mine:
            continue
        said = [(kind, form, secret.decode("utf-8", "replace")) for kind, form, secret in (found[k] for k in mine)]
        made = fakes(docs["id"][doc].as_py() or "", said, lists, stage.reuse)
        for k, fake in zip(mine, made, strict=True):
            pieces[k] = fake.encode()


def excerpts(stage: Pii, docs: pa.Table, spans: pa.Array, unchecked: np.ndarray, index: np.ndarray) -> list[str]:
    """How the documents at `index` begin, with everything that was found masked, whatever its action.

    Of a document that was not checked to its end nothing is shown: what is in it is not known.
    """
    made = []
    for at in index.tolist():
        if unchecked[at]:
            made.append(NOT_SHOWN)
            continue
        data = (docs["text"][at].as_py() or "").encode("utf-8", "replace")
        place, parts, size = 0, [], 0
        for span in spans[at].as_py() or []:
            if size > 4 * EXCERPT_CHARS:
                break
            parts += [data[place : span["start"]], placeholder(stage, span["kind"], span["form"]).encode()]
            size += span["start"] - place
            place = span["end"]
        parts.append(data[place : place + 4 * EXCERPT_CHARS])
        made.append(b"".join(parts).decode("utf-8", "replace")[:EXCERPT_CHARS])
    return made
