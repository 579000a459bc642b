"""What stages share that keep one of several documents: which one stays, and when removing too much stops the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from datacurate.core.errors import InputError, RecipeError, did_you_mean
from datacurate.core.phase import Phase, each, once
from datacurate.core.stage import Outcome, Stage, one_array
from datacurate.core.task import SHARD_BITS
from datacurate.core.types import Fraction
from datacurate.stages._columns import field_of, numbers
from datacurate.stages.dedup import _guard, _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

CHOICE = ("keep", "best", "priority")
"""The fields that say which document stays."""
EXCERPT = 80
"""Characters of a text that are kept as a sample of it."""


class DocumentDedup(Stage):
    """Base of stages that merge documents into others, their survivors.

    A subclass has a phase `verdict`, shardwise, with the columns `shard`, `row`, `source`, `survivor` and `similarity`
    of every document that goes (`removed` makes it). Here are the choice of survivors, the guard, and the last phase.
    """

    unkeyed: ClassVar[tuple[str, ...]] = ("max_loss",)
    judged_by: ClassVar[str | None] = "guard"
    rule: ClassVar[str]
    """Why its documents go, in the ledger."""
    reads_meta: ClassVar[bool] = True

    keep: Literal["first", "longest", "newest", "best"] = "longest"
    """Which document survives: the longest in bytes of text; the newest by column `date` (ISO 8601; documents without
    such a date count as the oldest, and the run says how many these are); the one with the greatest
    `best`; among equals the one with the least id, so that it does not matter how documents are spread over files.
    `first`: the first in the order of shards and rows."""
    best: str | None = None
    """Column of numbers for `keep: best`, such as a quality score; `meta.KEY` of JSON Lines. Documents without a number
    come last."""
    priority: tuple[str, ...] = ()
    """Sources in the order in which they keep their documents, before `keep` decides; others come after these."""
    max_loss: Fraction | None = 0.95
    """Largest share of its documents that a source may lose; more stops the run and names the largest clusters.
    Sources of fewer than 100 documents may lose any share. `null`: no limit."""

    @model_validator(mode="after")
    def _best_is_named(self) -> DocumentDedup:
        if (self.keep == "best") != (self.best is not None):
            raise ValueError("best: name the column of numbers that `keep: best` compares; leave it out otherwise")
        return self

    @classmethod
    def phases(cls) -> list[Phase]:
        """The subclass's phases between `census` and the last two."""
        found = super().phases()
        last = ("guard", "apply")
        return [phase for phase in found if phase.name not in last] + [phase for phase in found if phase.name in last]

    def reads(self) -> dict[str, bool]:
        """The text, and the columns that the choice of survivors looks at."""
        wanted = super().reads()
        if self.keep == "newest":
            wanted["date"] = True
        if self.keep == "best" and self.best:
            wanted[self.best] = True
        return wanted

    def check_sources(self, known: Iterable[str]) -> None:
        """Raise RecipeError when `priority` names a source that the recipe does not have."""
        names = set(known)
        for name in self.priority:
            if name not in names:
                raise RecipeError(f"{self.name()}: priority: no source '{name}'. {did_you_mean(name, names)}")

    @each(uses=("keep", "best"))
    def census(self, docs: pa.Table) -> pa.Table:
        """Documents by source, and how many of them do not have what `keep` compares."""
        import pyarrow as pa

        unknown = np.isneginf(self._worth(docs)) if self.keep in ("newest", "best") else np.zeros(docs.num_rows, bool)
        counted = pa.table({"source": one_array(docs["source"]).fill_null(""), "unknown": unknown.astype(np.int64)})
        made = counted.group_by("source", use_threads=False).aggregate([("source", "count"), ("unknown", "sum")])
        return _rows.table(
            source=(made["source"], "large_string"),
            documents=(made["source_count"], "int64"),
            unknown=(made["unknown_sum"], "int64"),
        )

    def standing(self, docs: pa.Table) -> dict[str, tuple]:
        """Columns for `_rows.table` that `order` reads: of every document its rank by source, and its worth."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rank = pc.fill_null(pc.index_in(docs["source"], pa.array(self.priority, pa.string())), len(self.priority))
        return {"rank": (one_array(rank), "int32"), "worth": (self._worth(docs), "float64")}

    def _worth(self, docs: pa.Table) -> Any:
        from datacurate.kernels import shingles

        if self.keep == "longest":
            return shingles.lengths(one_array(docs["text"])).astype(np.float64)
        if self.keep == "newest":
            return np.array([_seconds(date) for date in docs["date"].to_pylist()], np.float64)
        if self.keep == "best":
            column = self._best_column(docs)
            return np.nan_to_num(column.to_numpy(zero_copy_only=False).astype(np.float64), nan=-np.inf)
        return np.zeros(docs.num_rows)

    def _best_column(self, docs: pa.Table) -> Any:
        column = field_of(docs, str(self.best))
        if column is None:
            where = f"source '{docs['source'][0]}'" if docs.num_rows else "the documents"
            raise InputError(
                f"{self.name()}: best: documents of {where} have no column '{self.best}'. "
                f"{did_you_mean(str(self.best), docs.schema.names)}"
            )
        return numbers(one_array(column), docs.num_rows, self.name(), str(self.best))

    def order(self, table: pa.Table) -> np.ndarray:
        """Positions of the rows of a table with `standing`, `row` and `about`: the most worth keeping first.

        A column `print`, a hash of what a document says, tells apart those that have an id twice.
        """
        import pyarrow.compute as pc

        # ids that repeat are no reason to look at where documents lie, as long as their texts differ
        said = [name for name in ("excerpt", "print") if name in table.schema.names]
        last = ["row"] if self.keep == "first" else ["id", *said, "row"]
        keys = [("rank", "ascending"), ("worth", "descending"), *((name, "ascending") for name in last)]
        return pc.sort_indices(table, sort_keys=keys).to_numpy()

    @once(uses=(), streams=("census", "verdict", "known"))
    def guard(self, census: Parts, verdict: Parts, known: Parts | None = None) -> pa.Table:
        """Documents and removed documents by source."""
        return _guard.counted(census, verdict if known is None else verdict + known)

    def refuse(self, books: dict[str, dict[str, Any]], tables: Callable[[str], Parts]) -> None:
        """GuardError when a source loses more of its documents than `max_loss`."""
        if self.max_loss is not None:
            _guard.check(tables("guard"), lambda: self._gone(tables), self.name(), self.max_loss)

    def _gone(self, tables: Callable[[str], Parts]) -> Parts:
        found = tables("verdict")
        return found + tables("known") if any(phase.name == "known" for phase in self.chosen_phases()) else found

    @each
    def apply(
        self, docs: pa.Table, rows: np.ndarray, verdict: pa.Table, guard: pa.Table, known: pa.Table | None = None
    ) -> Outcome:
        """The documents without those that have a survivor; `known` are those whose survivor is in another dataset."""
        return _rows.without(rows, verdict, self.rule, known)


def prints(docs: pa.Table) -> dict[str, tuple]:
    """A column for `_rows.table` that `order` reads, too: it tells texts of one id apart."""
    from datacurate.kernels import firsts

    return {"print": (firsts.ranks(docs["id"], docs["text"]), "uint64")}


def about(docs: pa.Table) -> dict[str, tuple]:
    """Columns for `_rows.table` that `removed` and `order` read beside `row`: id, source, how the text begins."""
    import pyarrow.compute as pc

    begins = pc.utf8_slice_codeunits(one_array(docs["text"]), 0, EXCERPT)
    return {
        "id": (docs["id"], "large_string"),
        "source": (docs["source"], "large_string"),
        "excerpt": (begins, "large_string"),
    }


def removed(members: pa.Table, gone: np.ndarray, survivors: Any, similarity: np.ndarray) -> pa.Table:
    """The shardwise table `verdict`: rows `gone` of `members`, which has `about` and `row`, and what survives them.

    `survivors` are rows of `members`, or (an Arrow array) names of documents in other datasets. One removed document of
    each survivor keeps its excerpt, for the guard's message.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    against = not isinstance(survivors, np.ndarray)
    names = one_array(survivors if against else members["id"].take(survivors))
    row = _rows.numpy(members, "row")[gone]
    first = np.zeros(len(gone), bool)
    first[np.unique(pc.dictionary_encode(names).indices if against else survivors, return_index=True)[1]] = True
    excerpt = pc.if_else(pa.array(first), one_array(members["excerpt"].take(gone)), None)
    return _rows.table(
        shard=(row >> np.uint64(SHARD_BITS), "int32"),
        row=(row, "uint64"),
        source=(members["source"].take(gone), "large_string"),
        survivor=(names, "large_string"),
        similarity=(similarity, "float64"),
        excerpt=(excerpt, "large_string"),
        against=(np.full(len(gone), against), "bool_"),
    )


def _seconds(date: Any) -> float:
    """Seconds since 1970 of an ISO 8601 date; minus infinity of what is none."""
    try:
        moment = date if isinstance(date, datetime) else datetime.fromisoformat(_whole(str(date)))
    except ValueError:
        return -np.inf
    return (moment.replace(tzinfo=None) - (moment.utcoffset() or _NONE) - _EPOCH).total_seconds()


def _whole(date: str) -> str:
    """A date of which only the year, or year and month, are known, as its first day."""
    return f"{date}{'-01-01'[len(date) - 4 :]}" if len(date) in (4, 7) else date


_EPOCH = datetime(1970, 1, 1)
_NONE = _EPOCH - _EPOCH
