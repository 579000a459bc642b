"""Lines and paragraphs that stand in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datacurate.core.phase import Size, each
from datacurate.core.stage import one_array
from datacurate.core.types import Count
from datacurate.stages.dedup._parts import Found, PartDedup

if TYPE_CHECKING:
    import pyarrow as pa

COMPARED = ("unit", "normalize", "skip_empty", "min_chars", "min_words", "scope", "group")
"""The fields that digests depend on: another `keep` or `min_left` does not read the documents again."""


class Lines(PartDedup):
    """Keep one copy of every line or paragraph, and documents of which enough is left.

    Menus, footers and notices stand on every page of a site; they are lines that repeat while the texts around them
    differ. Lines end in line feeds. Parts are equal when their 128-bit BLAKE2s digests are; nobody can make two lines
    meet, and none is removed for resembling another. Of equal lines that one stays whose document has the least digest
    of its id: the result does not depend on how documents are spread over files. What is left of a document is its
    other lines, joined by line feeds. Documents without text are never compared.

    `dolma`: Dolma's paragraph deduplication (Soldaini et al. 2024, arXiv:2402.00159, section 3.1.3; src/deduper.rs),
    without its Bloom filter's accidents. `ccnet`: CCNet (Wenzek et al. 2019, arXiv:1911.00359, section 3.1;
    cc_net/dedup.py and text_normalizer.py), which removes all copies and compares without case, digits and marks.
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "dolma": {},
        "ccnet": {"normalize": "ccnet", "keep": "none", "skip_empty": False},
    }

    preset: str = "dolma"
    """Whose rules: `dolma` or `ccnet`; options that are given win over it."""
    unit: Literal["line", "paragraph"] = "line"
    """What is compared: lines, or paragraphs, which are runs of lines between blank ones."""
    normalize: Literal["none", "lower", "ccnet", "letters"] = "none"
    """The form in which parts are compared. `none`: as they are. `lower`: without white space at the ends, in lower
    case. `ccnet`: also with 0 for every digit, without control characters and the marks that CCNet lists (not those of
    ASCII). `letters`: also without any mark of punctuation and accents, with one space for any white space."""
    skip_empty: bool = True
    """Leave blank lines alone; otherwise they are lines like others, of which only one in all documents stays."""
    min_chars: Count = 0
    """Fewest characters, in the form that is compared, of parts that are compared; shorter ones are left alone."""
    min_words: Count = 0
    """Fewest words, between white space, of parts that are compared."""

    def found(self, docs: pa.Table, salts: np.ndarray | None, which: np.ndarray | None) -> Found:
        """The lines or paragraphs that are long enough."""
        from datacurate.kernels import blake2s, line_forms, lines
        from datacurate.kernels.arrow import bytes_and_offsets

        data, offsets = bytes_and_offsets(one_array(docs["text"]))
        parts = lines.parts(data, offsets, self.unit, not self.skip_empty)
        form, first, last = line_forms.forms(data, parts.starts, parts.ends, self.normalize)
        if self.min_chars or self.min_words:
            characters, words = line_forms.measure(form, first, last)
            enough = np.flatnonzero((characters >= self.min_chars) & (words >= self.min_words))
            first, last, parts = first[enough], last[enough], lines.Parts(*(part[enough] for part in parts))
        digests = blake2s.digests(form, first, last, salts, None if which is None else which[parts.documents])
        begin = offsets[parts.documents]
        return Found(digests, parts.documents, parts.starts - begin, parts.ends - begin)

    def cuts(self, text: Any, at: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The lines with their line feeds, the paragraphs with the blank lines behind them."""
        from datacurate.kernels import lines
        from datacurate.kernels.arrow import bytes_and_offsets

        return lines.cuts(*bytes_and_offsets(text), self.unit, at, starts, ends)

    @each(uses=(*COMPARED, "slices", "bloom"))
    def hashed(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """A row per slice: the records of its lines in this batch, and the batch's first row."""
        return super().hashed(docs, rows, size)

    @each(uses=COMPARED, over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digests of the lines of another dataset, with the id of a document that each stands in."""
        return super().index(docs, dataset)
