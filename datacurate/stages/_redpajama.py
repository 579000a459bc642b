"""RedPajama-v2's signals as Arrow columns or as the JSON that was published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from datacurate.stages._columns import numbers

if TYPE_CHECKING:
    from collections.abc import Container

    import numpy as np
    import pyarrow as pa

    from datacurate.kernels.redpajama_signals import Lines

COPIED = {
    "original_length": "ccnet_original_length",
    "original_nlines": "ccnet_original_nlines",
    "language_score": "ccnet_language_score",
    "perplexity": "ccnet_perplexity",
}
"""Signals that CCNet knows from before: from columns, where documents have them."""
OPTIONAL = ("url", "language", "bucket", *COPIED)
BUCKETS = {"head": 0.0, "middle": 1.0, "tail": 2.0}
"""Numbers of CCNet's buckets (app/src/core/worker.py)."""
DOCUMENT = (
    "ccnet_length", "ccnet_nlines", "rps_doc_curly_bracket", "rps_doc_ldnoobw_words", "rps_doc_lorem_ipsum",
    "rps_doc_stop_word_fraction", "rps_doc_frac_all_caps_words", "rps_doc_frac_lines_end_with_ellipsis",
    "rps_doc_frac_no_alph_words", "rps_doc_frac_unique_words", "rps_doc_mean_word_length", "rps_doc_num_sentences",
    "rps_doc_symbol_to_word_ratio", "rps_doc_unigram_entropy", "rps_doc_word_count",
    *(f"rps_doc_frac_chars_dupe_{n}grams" for n in range(5, 11)),
    *(f"rps_doc_frac_chars_top_{n}gram" for n in range(2, 5)),
)  # fmt: skip
LINES = (
    "rps_lines_ending_with_terminal_punctution_mark", "rps_lines_javascript_counts", "rps_lines_num_words",
    "rps_lines_numerical_chars_fraction", "rps_lines_start_with_bulletpoint", "rps_lines_uppercase_letter_fraction",
)  # fmt: skip
SPANS = "rps_lines_spans"
"""Ours: where the lines of a document begin and end, in characters: start, end, start, end."""
WHOLE = ("rps_doc_word_count", "rps_lines_num_words")
"""Published as whole numbers; all others as floats."""
LISTED = {"rps_doc_stop_word_fraction": "stop", "rps_doc_ldnoobw_words": "bad"}


def types(there: Container[str], ut1: bool) -> dict[str, Any]:
    """Arrow types of the columns that are made of documents with the columns `there`."""
    import pyarrow as pa

    number = {name: pa.int64() if name in WHOLE else pa.float64() for name in (*DOCUMENT, *LINES)}
    optional = [name for column, name in {**COPIED, "bucket": "ccnet_bucket"}.items() if column in there]
    optional += ["rps_doc_ut1_blacklist"] if ut1 else []
    made = {name: number[name] for name in DOCUMENT} | dict.fromkeys(optional, pa.float64())
    return made | {name: pa.list_(number[name]) for name in LINES} | {SPANS: pa.list_(pa.int32())}


@dataclass
class Measured:
    """The signals of a batch: those of documents as Arrow arrays, those of lines one after the other."""

    documents: dict[str, pa.Array]
    lines: Lines
    lengths: np.ndarray

    def as_columns(self) -> dict[str, Any]:
        """One column per signal; line signals are lists."""
        import numpy as np
        import pyarrow as pa

        offsets, ends = self.lines.offsets.astype(np.int32), self.lines.ends
        spans = np.stack([self._starts(), ends], axis=1).astype(np.int32).ravel()
        made: dict[str, Any] = dict(self.documents)
        for name in LINES:
            made[name] = pa.ListArray.from_arrays(pa.array(offsets), _number(name, self.lines.values[name]))
        made[SPANS] = pa.ListArray.from_arrays(pa.array(2 * offsets), pa.array(spans))
        return made

    def _starts(self) -> np.ndarray:
        import numpy as np

        starts = np.concatenate([[0], self.lines.ends[:-1]])[: len(self.lines.ends)]
        starts[self.lines.offsets[:-1][np.diff(self.lines.offsets) > 0]] = 0
        return starts

    def as_json(self) -> dict[str, Any]:
        """All signals as one string per document: `{name: [[start, end, score], ...]}`."""
        import pyarrow as pa

        names, columns = list(self.documents), [array.to_pylist() for array in self.documents.values()]
        starts, ends = self._starts().tolist(), self.lines.ends.tolist()
        scores = {name: _number(name, self.lines.values[name]).to_pylist() for name in LINES}
        made = []
        for at, (low, high) in enumerate(pairwise(self.lines.offsets.tolist())):
            length = int(self.lengths[at])
            signals = {name: [[0, length, column[at]]] for name, column in zip(names, columns, strict=True)}
            places = list(zip(starts[low:high], ends[low:high], strict=True))
            for name in LINES:
                rows = zip(places, scores[name][low:high], strict=True)
                signals[name] = [[start, end, score] for (start, end), score in rows]
            if not places:  # RedPajama-Data, lines.py: this one signal says null where there is no line
                signals["rps_lines_start_with_bulletpoint"] = [[0, length, None]]
            made.append(json.dumps(signals, separators=(",", ":")))
        return {"quality_signals": pa.array(made, pa.string())}


def measure(
    text: pa.Array, there: dict[str, pa.Array], language: str | None, ut1: str | None, categories: tuple[str, ...]
) -> Measured:
    """The signals of a batch; `there` are the columns of OPTIONAL that the documents have."""
    import numpy as np

    from datacurate.kernels import redpajama_signals
    from datacurate.stages import _wordlists

    numbered, lists = _wordlists.redpajama_lists()
    known = _languages(there.get("language"), len(text), language)
    codes = np.array([numbered.get(name, -1) for name in known], np.int64)
    signals, lines = redpajama_signals.measure(text, codes, lists)
    lengths = signals["ccnet_length"]
    _without_list(signals, known, _wordlists)
    made: dict[str, Any] = {name: _number(name, signals[name]) for name in DOCUMENT}
    for column, name in COPIED.items():
        if column in there:
            made[name] = numbers(there[column], len(text), "signals", column)
    if "bucket" in there:
        made["ccnet_bucket"] = _bucket_numbers(there["bucket"])
    if ut1:
        made["rps_doc_ut1_blacklist"] = _ut1(there.get("url"), len(text), _wordlists.domain_categories(ut1, categories))
    return Measured(made, lines, lengths)


def _languages(column: Any, count: int, default: str | None) -> list[str]:
    spoken = [None] * count if column is None else column.to_pylist()
    return [name if name and name != "und" else default or "" for name in spoken]


def _without_list(signals: dict[str, np.ndarray], known: list[str], lists: Any) -> None:
    """Null for signals of a list that the document's language does not have."""
    import numpy as np

    files = {"stop": lists.stop_word_files(), "bad": lists.bad_word_files()}
    for name, kind in LISTED.items():
        lacking = np.array([language not in files[kind] for language in known], bool)
        signals[name] = np.where(lacking, np.nan, signals[name])


def _number(name: str, values: np.ndarray) -> pa.Array:
    """NaN is null; whole numbers only where they are published as such."""
    import pyarrow as pa

    if name in WHOLE:
        return pa.array(values.astype("int64"))
    return pa.array(values.astype("float64"), pa.float64(), from_pandas=True)


def _bucket_numbers(column: Any) -> pa.Array:
    import pyarrow as pa

    return pa.array([BUCKETS.get(name) for name in column.to_pylist()], pa.float64())


def _ut1(urls: Any, count: int, domains: dict[str, int]) -> pa.Array:
    """The number of the domain's categories; null for domains that are in none."""
    import pyarrow as pa

    from datacurate.stages._wordlists import domain_of

    found = [None] * count if urls is None else [domains.get(domain_of(url) or "") for url in urls.to_pylist()]
    return pa.array(found, pa.float64())
