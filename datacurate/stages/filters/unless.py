"""Another filter's rules, with exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import field_validator, model_validator

from datacurate.core.errors import CurateError, InputError, did_you_mean
from datacurate.core.phase import each
from datacurate.core.registry import stage_class
from datacurate.core.stage import Filter, one_array, with_columns
from datacurate.core.types import Amount
from datacurate.stages._columns import numbers

if TYPE_CHECKING:
    import pyarrow as pa

MARK = "spared (column)"
"""The signal that holds the column; no filter names one of its own so."""


class Unless(Filter):
    """Keep documents that another filter keeps, and those that a column spares from some or all of its rules.

    Rules made for prose take formulas, tables or verse for broken text. Here the rules in `spared` do not apply to
    documents of which `column` is at least `least`, such as `maths` of the stage of that name; all other rules do. The
    ledger has the filter's own rules, values and bounds. Nulls spare nothing; without `column` nothing is spared.
    The mechanism is ours; OpenWebMath and others leave such rules out for all of their pages instead.
    """

    filter: dict[str, Any] = {"gopher_quality": {}}
    """The filter and its options, as a recipe has them: a name, or `{gopher_quality: {min_words: 100}}`."""
    column: str | None = None
    """Column of numbers or of true and false."""
    least: Amount = 1
    """Least value of `column` that spares a document."""
    spared: tuple[str, ...] = ()
    """Rules of the filter that do not apply to those documents; empty means every rule."""

    @field_validator("filter", mode="before")
    @classmethod
    def _one_filter(cls, given: Any) -> dict[str, Any]:
        """The filter's name and options, written out so that equal filters are equal."""
        pairs = {given: {}} if isinstance(given, str) else given
        if not isinstance(pairs, dict) or len(pairs) != 1:
            raise ValueError("filter is one filter: a name, or {NAME: {OPTION: VALUE}}")
        ((name, options),) = pairs.items()
        try:
            kind = stage_class(name)
        except CurateError as error:
            raise ValueError(str(error)) from None
        if not issubclass(kind, Filter) or kind.rewrites or kind.adds or issubclass(kind, Unless):
            raise ValueError(
                f"'{name}' is no filter that only keeps or drops. Name one that neither edits nor adds columns"
            )
        return {name: kind(**(options or {})).options()}

    @model_validator(mode="after")
    def _known_rules(self) -> Unless:
        """The filter has the rules in `spared`."""
        from datacurate.core.signals import rule_names

        names = rule_names(self.inner()) if self.spared else None
        for name in self.spared:
            if names is not None and name not in names:
                raise ValueError(f"{self.inner().name()} has no rule '{name}'. {did_you_mean(name, names)}")
        return self

    def inner(self) -> Filter:
        """The filter itself."""
        ((name, options),) = self.filter.items()
        made: Any = stage_class(name)(**options)
        return made

    def reads(self) -> dict[str, bool]:
        """What the filter reads, and the column."""
        return self.inner().reads() | ({self.column: True} if self.column else {})

    def files(self) -> list[str]:
        """Those of the filter."""
        return self.inner().files()

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """Of the measure: what the filter measures with, and the column; its version always."""
        inner = self.inner()
        measured = {"filter": [inner.name(), inner.changed_fields(inner.measured_with)], "column": self.column}
        return (super().changed_fields() if uses is None else measured) | {"filter_version": inner.version}

    @each
    def measured(self, docs: pa.Table) -> pa.Table:
        """The filter's signals and the column."""
        signals = self.inner().measured(docs)
        if self.column is None:
            return signals
        if self.column not in docs.schema.names:
            hint = did_you_mean(self.column, docs.schema.names)
            raise InputError(f"unless: the documents have no column '{self.column}'. {hint}")
        return with_columns(signals, {MARK: self._marks(one_array(docs[self.column]))})

    def _marks(self, column: Any) -> Any:
        import pyarrow as pa

        values = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        return numbers(values, len(values), "unless", self.column or "")

    def rules(self, **signals: Any) -> dict[str, Any]:
        """The filter's rules; the spared ones pass where the column is large enough."""
        import pyarrow as pa

        from datacurate.core.signals import masks

        marks = signals.pop(MARK, None)
        rules = masks(self.inner(), pa.table(signals))
        if marks is None:
            return rules
        with np.errstate(invalid="ignore"):
            large = marks.to_numpy(zero_copy_only=False) >= self.least
        return {name: mask | large if name in (self.spared or rules) else mask for name, mask in rules.items()}

    def warm(self) -> None:
        """Compile the filter's kernels."""
        self.inner().warm()
