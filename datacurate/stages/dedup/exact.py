"""Documents that say the same, character for character."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datacurate.core.phase import Size, each
from datacurate.core.stage import one_array
from datacurate.stages.dedup._base import CHOICE
from datacurate.stages.dedup._digests import DigestDedup

if TYPE_CHECKING:
    import pyarrow as pa


class Exact(DigestDedup):
    """Keep one document of all that have the same text.

    Copies come first in any crawl and are cheap to find. Texts are compared after runs of white space became one
    space and none at the ends; what is compared is their 128-bit BLAKE2s digest. Documents without text are all
    kept: two empty documents say nothing alike, and a filter should drop them for being empty.
    Exact deduplication as in Lee et al. 2021 (arXiv:2107.06499), section 4, at the level of documents.
    """

    ignore_case: bool = False
    """Whether upper and lower case count as the same. Off: what differs in case is left to `minhash`."""

    version: ClassVar[int] = 5
    rule: ClassVar[str] = "exact_duplicate"

    def digests(self, docs: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """The digests of the texts that are not empty."""
        from datacurate.kernels import content

        digests, lengths = content.quick_digests(one_array(docs["text"]), self.ignore_case)
        some = np.flatnonzero(lengths)
        return digests[some], some

    @each(uses=("ignore_case",), over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digest and id of every document of another dataset that has text."""
        return super().index(docs, dataset)

    @each(uses=("ignore_case", *CHOICE))
    def digest(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """The digest of every document that has text, and what says which copy stays."""
        return super().digest(docs, rows, size)

    def warm(self) -> None:
        """Compile the kernel."""
        import pyarrow as pa

        from datacurate.kernels import content, firsts

        text = pa.array(["a"])
        firsts.ranks(text, text)
        content.quick_digests(text, self.ignore_case)
