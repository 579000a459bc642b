"""Runs of sentences that stand in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datacurate.core.phase import Size, each
from datacurate.core.stage import one_array
from datacurate.core.types import Count, Positive
from datacurate.stages.dedup._parts import Found, PartDedup

if TYPE_CHECKING:
    import pyarrow as pa

COMPARED = ("unit", "span", "normalize", "scope", "group")
"""The fields that digests depend on: other bounds do not read the documents again."""


class SentenceSpans(PartDedup):
    """Keep one copy of every run of three sentences, and documents of which enough sentences are left.

    Three sentences in a row that stand elsewhere are a quotation, a press release or a notice, wherever in the
    document they are; a single sentence says little. Every sentence goes that is part of a run that stands in another
    place before. Of equal runs that one stays whose document has the least digest of its id: the result does not
    depend on how documents are spread over files. Runs are equal when their 128-bit BLAKE2s digests are.

    C4 (Raffel et al. 2020, section 2.2): "discarded all but one of any three-sentence span occurring more than once".
    `datatrove`: as datatrove 0.10 does it for English (pipeline/dedup/sentence_dedup.py); of its bounds those of words
    and sentences hold for documents that something was cut out of, as there. `tfds`: as TensorFlow Datasets does it
    (text/c4_utils.py, remove_duplicate_text), which compares single lines. Sentences are spaCy's `sentencizer`'s over
    our words, where TFDS has NLTK's Punkt.
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "datatrove": {},
        "tfds": {"unit": "line", "span": 1, "normalize": "lower", "min_words": 0},
    }

    preset: str = "datatrove"
    """Whose rules: `datatrove` or `tfds`; options that are given win over it."""
    unit: Literal["sentence", "line"] = "sentence"
    """What a run is made of: sentences, or lines, blank ones too."""
    span: Positive = 3
    """Sentences or lines in a run. Documents with fewer are left alone."""
    normalize: Literal["none", "lower", "ccnet", "letters", "datatrove"] = "datatrove"
    """The form in which sentences are compared. `datatrove`: in lower case, with 0 for every number, without accents,
    with one space for any punctuation and white space. The others are those of `lines`."""
    min_words: Count = 50
    """Fewest words of a document that something was cut out of; with fewer it is dropped."""
    min_sentences: Count = 3
    """Fewest sentences of a document that something was cut out of."""

    def found(self, docs: pa.Table, salts: np.ndarray | None, which: np.ndarray | None) -> Found:
        """All runs that say something."""
        from datacurate.kernels import blake2s, line_forms, lines, spans
        from datacurate.kernels.arrow import bytes_and_offsets

        data, offsets = bytes_and_offsets(one_array(docs["text"]))
        lined = self.unit == "line"
        parts = lines.parts(data, offsets, "line", blank=True) if lined else spans.sentences(data, offsets)
        form, firsts, lasts = line_forms.forms(data, parts.starts, parts.ends, self.normalize)
        first = spans.runs(parts, self.span)
        last = first + self.span - 1
        if not lined:
            written = np.append(0, np.cumsum(lasts > firsts))
            first = first[written[last + 1] > written[first]]
            last = first + self.span - 1
        documents = parts.documents[first]
        digests = blake2s.digests(form, firsts[first], lasts[last], salts, None if which is None else which[documents])
        begin = offsets[documents]
        starts = parts.starts[first] if lined else spans.behind(parts, offsets)[first]
        return Found(digests, documents, starts - begin, parts.ends[last] - begin)

    def cuts(self, text: Any, at: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The lines with their line feeds, the sentences with the white space before them."""
        from datacurate.kernels import lines, spans
        from datacurate.kernels.arrow import bytes_and_offsets

        data, offsets = bytes_and_offsets(text)
        if self.unit == "line":
            return lines.cuts(data, offsets, "line", at, starts, ends)
        return spans.sentence_cuts(data, offsets, at, starts, ends)

    def left(self, text: Any, touched: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
        """Characters, words and sentences of documents that something was cut out of."""
        from datacurate.kernels import text as kernel

        some = text.take(touched)
        words = kernel.words(some)
        sentences = kernel.sentences(some, words)
        found = {"too_few_words": (np.diff(words.offsets), self.min_words)}
        return super().left(text, touched) | found | {"too_few_sentences": (sentences, self.min_sentences)}

    @each(uses=(*COMPARED, "slices", "bloom"))
    def hashed(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """A row per slice: the records of its runs in this batch, and the batch's first row."""
        return super().hashed(docs, rows, size)

    @each(uses=COMPARED, over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digests of the runs of another dataset, with the id of a document that each stands in."""
        return super().index(docs, dataset)
