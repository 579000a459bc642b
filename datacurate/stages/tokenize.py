"""Token ids beside the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.stage import Map
from datacurate.mixture import tokenize


class Tokenize(Map):
    """Every document with its token ids and their number.

    From here on the ledger counts tokens beside documents and bytes, so that later stages say what they cost in the
    unit that training pays in. The ids are those of the mixture: end-of-text at the end, and counted.
    gigatoken, whose ids are compared with Hugging Face tokenizers when it is loaded.
    """

    makes = ("token_ids", "tokens")

    tokenizer: str
    """Path of a tokenizer.json (or of its folder), or the name of a Hugging Face repository."""
    end_of_text: str = "<|endoftext|>"
    """The token that closes every document."""

    def files(self) -> list[str]:
        """The tokenizer.json, when it is a local file."""
        path = tokenize.local_file(self.tokenizer)
        return [path] if path else []

    def warm(self) -> None:
        """Load the tokenizer."""
        tokenize.load(self.tokenizer, self.end_of_text)

    def columns(self, text: pa.Array) -> dict[str, Any]:
        """`token_ids` (lists of int32) and `tokens` (their lengths, int32)."""
        flat, offsets = tokenize.load(self.tokenizer, self.end_of_text).encode([t or "" for t in text.to_pylist()])
        ids = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(flat))
        return {"token_ids": ids, "tokens": pa.array(np.diff(offsets).astype(np.int32))}
