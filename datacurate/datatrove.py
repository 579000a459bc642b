"""Our filters and maps as a step of a datatrove pipeline. Needs datatrove: `pip install 'datacurate[datatrove]'`."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from pydantic import ValidationError

from datacurate.core.errors import RecipeError
from datacurate.core.recipe import explain
from datacurate.core.registry import stage_class
from datacurate.core.stage import Filter, Map, Outcome, Stage


class CurateFilter(BaseFilter):
    """A stage of datacurate as a datatrove filter: `CurateFilter("gopher_quality", preset="dolma")`.

    Documents are handled `batch_size` at a time. The first failing rule is the reason; columns that the stage adds
    become metadata; texts are replaced where the stage edits them. Stages that compare documents with each other
    (deduplication) cannot be steps, and unknown options are none: RecipeError.
    """

    name = "datacurate"

    def __init__(self, stage: str | Stage, batch_size: int = 1000, exclusion_writer: Any = None, **options: Any):
        self.stage = _made(stage_class(stage), options) if isinstance(stage, str) else stage
        self.name = f"datacurate {self.stage.name()}"
        super().__init__(exclusion_writer, batch_size)
        self.last = self.stage.phases()[-1].name
        alone = all(phase.grouping == "each" and "rows" not in phase.reads for phase in self.stage.phases())
        if not alone or self.stage.result != "documents":
            raise RecipeError(f"{self.stage.name()} compares documents; run it with `curate`, not as a datatrove step.")

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """Whether one document is kept, and the rule that drops it."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        """The same for many documents, which is what makes it fast."""
        docs = _table(batch)
        outcome = self._outcome(docs)
        reasons: dict[int, str] = {}
        for removed in outcome.removed:
            rules = [removed.rule] * len(removed.index) if isinstance(removed.rule, str) else removed.rule
            reasons |= dict(zip(removed.index.tolist(), rules, strict=True))
        kept = [at for at in range(len(batch)) if at not in reasons]
        _hand_back([batch[at] for at in kept], docs, outcome.rest(docs), self.stage.rewrites)
        return [(False, reasons[at]) if at in reasons else True for at in range(len(batch))]

    def _outcome(self, docs: pa.Table) -> Outcome:
        if isinstance(self.stage, Filter):
            return self.stage.decided(docs, self.stage.measured(docs))
        made = self.stage.mapped(docs) if isinstance(self.stage, Map) else getattr(self.stage, self.last)(docs)
        return made if isinstance(made, Outcome) else Outcome(made)


def _made(kind: type[Stage], options: dict[str, Any]) -> Stage:
    try:
        return kind(**options)
    except ValidationError as error:
        raise RecipeError("\n".join(f"{kind.name()}: {explain(one, kind)}" for one in error.errors())) from None


def _table(batch: list[Document]) -> pa.Table:
    """The documents as a table: text, id, and the metadata whose values are of one plain type."""
    texts = [document.text.encode("utf-8", "replace").decode() for document in batch]
    columns: dict[str, Any] = {"id": [str(document.id) for document in batch], "text": pa.array(texts, pa.string())}
    names = dict.fromkeys(name for document in batch for name in document.metadata)
    columns["source"] = [str(document.metadata.get("source") or "datatrove") for document in batch]
    for name in names:
        if name not in columns:
            columns[name] = _column([document.metadata.get(name) for document in batch])
    return pa.table(columns)


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else json.dumps(value, default=str) for value in values])


def _hand_back(kept: list[Document], came: pa.Table, went: pa.Table, texts: bool) -> None:
    """Put (edited) texts and new columns of the documents that go on back into datatrove's objects."""
    new = [name for name in went.schema.names if name not in came.schema.names]
    columns = {name: went[name].to_pylist() for name in new}
    edited = went["text"].to_pylist() if texts else [document.text for document in kept]
    for at, (document, text) in enumerate(zip(kept, edited, strict=True)):
        document.text = text
        document.metadata.update({name: values[at] for name, values in columns.items()})
