"""How many tokens a document has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.stage import Map
from datacurate.mixture import pieces as marked
from datacurate.mixture.tokenizer_options import TokenizerOptions


class CountTokens(TokenizerOptions, Map):
    """Every document with the number of its tokens; the ids themselves are not stored.

    From here on the ledger counts tokens beside documents and bytes. The count is that of `tokenize`, and of the
    mixture: end-of-text included.
    """

    makes = ("tokens",)

    def columns(self, text: pa.Array, pieces: pa.Array | None = None, scored: pa.Array | None = None) -> dict[str, Any]:
        """`tokens` (int32)."""
        offsets = marked.encode(self.encoder(), text, pieces, scored)[1]
        return {"tokens": pa.array(np.diff(offsets).astype(np.int32))}
