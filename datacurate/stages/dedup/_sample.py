"""Lots of documents such that copies of a document, and most of what resembles it, draw the same lot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datacurate.core.stage import one_array

if TYPE_CHECKING:
    import pyarrow as pa

NGRAM = 5
"""Words per shingle, as in `minhash`."""


def lots(docs: pa.Table) -> np.ndarray:
    """A number for every document, evenly spread: the least hash of its runs of words, after a permutation.

    Two documents draw the same with a probability that is their Jaccard similarity (Broder 1997), so that a sample by
    lots has about as large a share of duplicates as the whole; a sample by documents, of share p, has p squared of the
    pairs. Those of fewer than NGRAM words draw by a digest of their text.
    """
    from datacurate.kernels import content, minhash

    text = one_array(docs["text"])
    if "html" in docs.schema.names and text.null_count == len(text):
        text = one_array(docs["html"])
    hashes, counts = minhash.sketch(text, NGRAM, 1, 1, 7)
    digests, _ = content.digests(text)
    return np.where(counts > 0, hashes[:, 0], digests[:, 0])
