"""Token ids beside the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.phase import each
from datacurate.core.stage import Map
from datacurate.mixture import marks
from datacurate.mixture import pieces as marked
from datacurate.mixture.pack import ids_of
from datacurate.mixture.tokenizer_options import TokenizerOptions


class Tokenize(TokenizerOptions, Map):
    """Every document with its token ids and their number.

    From here on the ledger counts tokens beside documents and bytes, so that later stages say what they cost in the
    unit that training pays in. The ids are those of the mixture: end-of-text at the end, and counted.
    gigatoken, whose ids are compared with those of Hugging Face tokenizers when it is loaded, or of sentencepiece.
    """

    version = 3
    makes = ("token_ids", "tokens")

    def columns(self, text: pa.Array, pieces: pa.Array | None = None, scored: pa.Array | None = None) -> dict[str, Any]:
        """`token_ids` (lists of int32) and `tokens` (their lengths, int32)."""
        flat, offsets = marked.encode(self.encoder(), text, pieces, scored)
        ids = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(ids_of(flat)))
        return {"token_ids": ids, "tokens": pa.array(np.diff(offsets).astype(np.int32))}

    @each
    def mapped(self, docs: pa.Table) -> pa.Table:
        """The documents with their tokens; the column says how many ids there are and which ends a document."""
        encoder = self.encoder()
        return marks.marked(super().mapped(docs), marks.Marks(encoder.vocabulary, encoder.end_of_text))
