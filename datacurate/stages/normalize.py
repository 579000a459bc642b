"""Texts mended: mojibake, entities, composed characters, spaces, line breaks, control and invisible characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.stage import one_array, with_columns
from datacurate.core.types import Count
from datacurate.stages.filters._editing import EditingFilter

if TYPE_CHECKING:
    from datacurate.stages._repairs import Wanted

_MENDED = ("mojibake", "entities", "composed", "ligatures", "widths")
_EDITED = ("line_breaks", "spaces", "runs", "trailing", "controls", "invisible", "directions")
REPAIRS = (*_MENDED, "line_breaks", "spaces", "runs", "trailing", "blank_lines", "controls", "invisible", "directions")
"""What is counted in each document."""


class Normalize(EditingFilter):
    """Every document with its text mended: mojibake, left-over entities, spaces and characters that nobody sees.

    A text that was read in the wrong encoding, that has other spaces and line breaks than its neighbours, or characters
    in it that have no form, looks like another text to filters, deduplication and tokenizers. Each repair has an
    option, and is counted in each document; `curate audit` sums them up. Leading spaces stay, so that code survives.
    A text that was normalized is not changed by doing it again.

    Mojibake, entities, ligatures and widths as in ftfy 6 (Speer 2019), which FineWeb-2 runs over all texts (2025); here
    only lines are given to it in which its own expression may find something. NFC as in Unicode Annex 15.
    """

    version = 2  # sequences of terminals go whole
    measured_with = (*_MENDED, *_EDITED, "max_blank_lines")
    shrinks: ClassVar[tuple[str, ...]] = ("saved_bytes",)

    mojibake: bool = True
    """Whether lines that were read in the wrong encoding are mended (`schÃ¶n`); counts lines."""
    entities: bool = True
    """Whether HTML's entities become characters (`&amp;`), in documents without a tag; counts them."""
    composed: bool = True
    """Whether characters are composed, as NFC says; counts lines."""
    ligatures: bool = False
    """Whether ligatures become letters; counts them."""
    widths: bool = False
    """Whether fullwidth Latin and halfwidth Katakana get their usual widths; counts them."""
    line_breaks: bool = True
    """Whether carriage returns, form feeds and Unicode's separators become line feeds; counts them."""
    spaces: bool = True
    """Whether non-breaking spaces and those of other widths become plain ones; counts them. The ideographic space,
    which indents Chinese, stays, and so does the narrow one in Mongolian."""
    runs: bool = False
    """Whether several spaces or tabs in a row, within a line, become the first of them; counts what goes."""
    trailing: bool = True
    """Whether spaces and tabs at ends of lines go; counts lines."""
    max_blank_lines: Count | None = 2
    """Most blank lines in a row; further ones go and are counted. `null`: any number."""
    controls: bool = True
    """Whether control characters and terminals' escape sequences go, titles and links of up to 4 KB included; counts
    them."""
    invisible: bool = True
    """Whether soft hyphens, zero-width spaces, joiners and byte order marks go; counts them. Joiners stay where they
    shape letters, as in Persian and the scripts of India, and between the parts of an emoji; zero-width spaces stay in
    scripts such as Khmer and Thai."""
    directions: bool = True
    """Whether marks and controls of writing direction go; counts them."""
    max_mojibake: Count | None = None
    """Most lines with mojibake of a document that is kept, mended; what more is broken is often broken for good."""

    def _wanted(self) -> Wanted:
        from datacurate.stages._repairs import Wanted

        return Wanted(
            tuple(name for name in _MENDED if getattr(self, name)),
            tuple(name for name in _EDITED if getattr(self, name)),
            (1 << 62) if self.max_blank_lines is None else self.max_blank_lines + 1,
        )

    def measure(self, text: Any) -> dict[str, Any]:
        """How often each repair is made, and by how many bytes the text gets shorter."""
        from datacurate.stages._repairs import repaired

        made, counts = repaired(text, self._wanted())
        none = pa.ListArray.from_arrays(np.zeros(len(text) + 1, np.int32), pa.array([], pa.int32()))
        saved = np.asarray(pc.fill_null(pc.binary_length(text), 0)).astype(np.int64)
        saved = saved - np.asarray(pc.fill_null(pc.binary_length(made), 0))
        return {**{name: counts[name] for name in REPAIRS}, "saved_bytes": saved, "cuts": none}

    def rules(self, mojibake: Any) -> dict[str, Any]:
        """`mojibake`: few enough lines have it."""
        every = np.ones(len(mojibake), bool)
        return {"mojibake": every if self.max_mojibake is None else mojibake <= self.max_mojibake}

    def handed(self, docs: pa.Table, measured: pa.Table) -> pa.Table:
        """The documents, with those texts repaired that need it."""
        from datacurate.stages._repairs import repaired

        text = one_array(docs["text"])
        dirty = np.zeros(len(text), bool)
        for name in REPAIRS:
            dirty |= np.asarray(measured[name]) > 0
        if not dirty.any():
            return docs
        mask = pa.array(dirty)
        made, _ = repaired(text.filter(mask), self._wanted())
        return with_columns(docs, {"text": pc.replace_with_mask(text, mask, made.cast(text.type))})

    def warm(self) -> None:
        """Compile the kernels, and load ftfy."""
        self.measure(pa.array(["A text.\u00a0", "schÃ¶n &amp; gut"]))
