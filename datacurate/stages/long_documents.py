"""Long documents made of related ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from datacurate.core.phase import Phase, Size, by, each, once
from datacurate.core.stage import Outcome
from datacurate.core.types import Count
from datacurate.stages import _joining, _related
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

HOW = ("related", "column", "max_bytes")
"""The fields that say which documents are related: words are looked for that enough documents have."""


class LongDocuments(_joining.Joining):
    """One long document of several that are related, up to a length; the rest stays as it is.

    Few texts are as long as the window of a model that is to read long ones, so related documents are put one
    behind the other. They are of one value of a column, of one host, or `similar`: documents whose most telling word
    (TF-IDF) is the same, each followed by the one that shares most such words with it. The first keeps its id, the
    others are merged into it, and `joined` has the ids of all. AFM (Gunter et al. 2024, arXiv:2407.21075, section 3.1)
    concatenates documents for its last stage, and asks questions about them; those come with synthesis. Similar
    neighbours as in In-Context Pretraining (Shi et al. 2024, arXiv:2310.10638), with words instead of embeddings.
    """

    related: Literal["similar", "host", "column"] = "similar"
    """What documents have in common: telling words, the host in their `url`, or the value of `column`."""
    column: str | None = None
    """The column for `related: column`; `meta.KEY` of JSON Lines. Documents without a value stay alone."""
    order_by: str | None = None
    """A column by which documents of one host or value are ordered (texts as texts: `10` comes before `9`); unset, by a
    hash of seed and id."""
    max_bytes: Annotated[int, Field(ge=1, le=_joining.MOST_BYTES)] = 131_072
    """The longest text that is made: 131,072 bytes are about 32,768 tokens of English, AFM's length."""
    min_bytes: Count = 0
    """What comes to less stays the documents that it is made of."""
    between: str = "\n\n"
    """What stands between two documents."""
    seed: Count = 0
    """Chooses which documents of one host or value follow each other."""

    @model_validator(mode="after")
    def _column_is_named(self) -> LongDocuments:
        if (self.related == "column") != (self.column is not None):
            raise ValueError("column: name the column that `related: column` compares; leave it out otherwise")
        if self.related == "similar" and self.order_by:
            raise ValueError("order_by: similar documents are ordered by what they share. Leave it out")
        return self

    def reads(self) -> dict[str, bool]:
        """The columns that say what is related."""
        more = {"host": "url", "column": self.column}.get(self.related)
        return super().reads() | {name: True for name in (more, self.order_by) if name}

    def chosen_phases(self) -> list[Phase]:
        """Words are counted for similar documents alone."""
        left_out = () if self.related == "similar" else ("words", "frequencies")
        return [phase for phase in self.phases() if phase.name not in left_out]

    @each(uses=())
    def words(self, docs: pa.Table) -> pa.Table:
        """In how many documents words are."""
        return _related.words(docs)

    @once(uses=(), streams=("words",))
    def frequencies(self, words: Parts) -> pa.Table:
        """How telling words are, by how few of all documents have them."""
        return _related.weights(words)

    @each(uses=HOW)
    def sized(self, docs: pa.Table, frequencies: pa.Table | None = None) -> pa.Table:
        """Bytes of the groups."""
        return _related.sized(_related.keyed(self, docs, frequencies))

    @once(uses=(), streams=("sized",))
    def heavy(self, sized: Parts) -> pa.Table:
        """Groups that are too large for one task."""
        return _related.heavy(sized)

    @each(uses=(*HOW, "order_by", "seed"))
    def near(
        self, docs: pa.Table, rows: np.ndarray, size: Size, heavy: pa.Table, frequencies: pa.Table | None = None
    ) -> pa.Table:
        """The documents that may have related ones, dealt out by what they have in common."""
        return _related.near(self, docs, rows, size, _related.keyed(self, docs, frequencies), heavy)

    @by("slice", keys=_joining.slices, shardwise=True)
    def united(self, near: pa.Table) -> pa.Table:
        """What becomes of every document that is joined."""
        return _joining.verdict(near, self._bundles(near))

    def _bundles(self, near: pa.Table) -> Iterator[_joining.Bundle]:
        sizes = _rows.numpy(near, "bytes")
        gap = len(self.between.encode())
        for members in _joining.groups(near, "place", "order"):
            walk = _related.path(near, members) if self.related == "similar" else members
            for begin, end in _joining.piles(sizes[walk].tolist(), self.max_bytes, gap):
                total = int(sizes[walk[begin:end]].sum()) + gap * (end - begin - 1)
                if end - begin > 1 and total >= self.min_bytes:
                    pile = walk[begin:end].tolist()
                    yield _joining.Bundle(pile, self.between.join(near["text"][at].as_py() for at in pile))

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, united: pa.Table) -> Outcome:
        """The documents, long ones in place of the first of those that they are made of."""
        return _joining.applied(docs, rows, united, "joined")

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import topics

        super().warm()
        topics.warm()
