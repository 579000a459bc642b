"""The signals of the stage `pii`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.stages._pii_tables import forms

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.kernels.pii import Spans
    from datacurate.stages.pii import Pii


def measure(stage: Pii, text: pa.Array) -> dict[str, Any]:
    """Spans, counts and what was not checked, from the fields that the stage measures with."""
    from datacurate.kernels import pii
    from datacurate.kernels.pii_bytes import KINDS

    if stage.patterns == "datatrove":
        spans = pii.like_datatrove(text, "email" in stage.kinds, "ip" in stage.kinds, stage.public_only)
    else:
        spans = _ours(stage, text)
    counts = np.zeros((len(KINDS), len(text)), np.int32)
    np.add.at(counts, (spans.kind, spans.doc), 1)
    found: dict[str, Any] = {"total": counts.sum(axis=0), "unchecked": spans.lost}
    found |= {kind: counts[at] for at, kind in enumerate(KINDS)}
    return found | {"spans": as_list(spans, len(text))}


def _ours(stage: Pii, text: pa.Array) -> Spans:
    from datacurate.kernels import pii
    from datacurate.stages._pii_find import find

    how = (stage.countries, stage.regions, stage.leniency == "possible", stage.random_strings, stage.public_only)
    spans = find(text, stage.kinds, *how, stage.max_candidates)
    return pii.settled(_with_names(stage, text, spans)) if stage.ner else spans


def _with_names(stage: Pii, text: pa.Array, spans: Spans) -> Spans:
    """The spans, and those that a model finds."""
    from datacurate.kernels.pii_bytes import KINDS, SURE
    from datacurate.stages._pii_ner import entities

    rows = []
    for doc, one in enumerate(text.to_pylist()):
        named = entities(one or "", stage.ner, stage.ner_model, stage.ner_language, stage.ner_min_score)  # type: ignore[arg-type]
        rows += [
            (doc, KINDS.index(kind), forms().index(kind), start, end, SURE)
            for kind, start, end in named
            if kind in stage.kinds
        ]
    more = np.array(rows, np.int32).reshape(-1, 6)
    names = ("doc", "kind", "form", "start", "end", "sure")
    return replace(spans, **{n: np.concatenate([getattr(spans, n), more[:, at]]) for at, n in enumerate(names)})


def as_list(spans: Spans, count: int) -> pa.Array:
    """Spans in the order of documents as one list per document."""
    import pyarrow as pa

    from datacurate.kernels.pii_bytes import KINDS
    from datacurate.stages._pii_apply import SPANS

    at = np.searchsorted(spans.doc, np.arange(count + 1)).astype(np.int32)
    kinds = pa.array(KINDS, pa.string()).take(pa.array(spans.kind))
    named = pa.array(forms(), pa.string()).take(pa.array(spans.form))
    fields = [kinds, named, pa.array(spans.start, pa.int32()), pa.array(spans.end, pa.int32())]
    rows = pa.StructArray.from_arrays(fields, fields=list(SPANS.value_type))
    return pa.ListArray.from_arrays(pa.array(at), rows).cast(SPANS)
