"""Rules over columns that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import field_validator, model_validator

from datacurate.core import conditions
from datacurate.core.condition_text import parse
from datacurate.core.conditions import leaves
from datacurate.core.errors import InputError, RecipeError, did_you_mean
from datacurate.core.phase import each
from datacurate.core.signals import Signal, judge
from datacurate.core.stage import Filter, Outcome, Removed

if TYPE_CHECKING:
    import pyarrow as pa

Missing = Literal["drop", "keep", "quarantine"]
UNKNOWN = "no value: "
"""Begins the rules that remove documents of which a condition cannot be decided."""


class Where(Filter):
    """Keep documents whose columns fulfil conditions, such as `rps_doc_word_count >= 50`.

    For columns that earlier stages or the source left: quality signals, scores of classifiers, attributes of other
    tools. A condition compares a column with a number, a text in quotes, true or false, by `<= < >= > == !=`,
    `in [...]`, `is null`, and joins such comparisons by `and`, `or`, `not` and brackets. A column with another name
    than letters, digits, `_` and `.` stands in backquotes; `a.b` is also the field b of the column a. Texts are
    compared by code point. Each condition is one rule, named after what removes a document: `keep: a >= 50` is the rule
    `a < 50`. Where a condition is one comparison with a number, the ledger holds the value and the bound.

    A value that is null or NaN makes a comparison undecided; `a > 1 or b > 1` is decided when b alone decides it.
    The grammar is that of SQL's WHERE (ISO 9075), with its three-valued logic.
    """

    keep: tuple[str, ...] = ()
    """Conditions that all must be true."""
    drop: tuple[str, ...] = ()
    """Conditions of which none may be true."""
    missing: Missing = "drop"
    """What becomes of a document of which a condition cannot be decided, because a value is missing: `drop` it (rule
    `no value: ...`), `keep` it as if that condition were not there, as dolma's mixer does, or `quarantine` it."""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        """One condition may stand without a list."""
        if not isinstance(given, dict):
            return given
        return {k: (v,) if k in ("keep", "drop") and isinstance(v, str) else v for k, v in given.items()}

    @field_validator("keep", "drop")
    @classmethod
    def _readable(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """The conditions as they are written out again, so that spaces and brackets do not enter the key."""
        read = tuple(str(parse(text)) for text in given)
        for text in read:
            if read.count(text) > 1:
                raise ValueError(f"the condition '{text}' stands here twice. Remove one")
        return read

    @model_validator(mode="after")
    def _sound(self) -> Where:
        """There is a condition; a column holds numbers or texts, not both."""
        if not self.keep and not self.drop:
            raise ValueError("there is no condition. Give 'keep' or 'drop' one, such as keep: rps_doc_word_count >= 50")
        kinds: dict[str, str] = {}
        for leaf in (leaf for node in self.conditions().values() for leaf in leaves(node)):
            if not isinstance(leaf, conditions.IsNull):
                value = leaf.value if isinstance(leaf, conditions.Comparison) else leaf.values[0]
                kind = conditions.kind_of_value(value)
                if kinds.setdefault(leaf.column, kind) != kind:
                    raise ValueError(
                        f"the column '{leaf.column}' is compared with {kinds[leaf.column]} and with {kind}"
                    )
        return self

    def check_columns(self, known: dict[str, Any]) -> None:
        """Raise RecipeError when a column is known to hold something else than it is compared with."""
        for rule, node in self.conditions().items():
            for column in node.columns():
                kind = known.get(column)
                if kind is not None and (problem := conditions.mismatch(node, column, kind)):
                    raise RecipeError(f"{self.name()}: the condition '{rule}': {problem}")

    def conditions(self) -> dict[str, conditions.Node]:
        """What must be true of a document that stays, by the name of the rule that removes the others."""
        kept = [parse(text) for text in self.keep]
        dropped = [conditions.Not(parse(text)) for text in self.drop]
        return {conditions.negated(node): node for node in (*kept, *dropped)}

    def reads(self) -> dict[str, bool]:
        """The columns that the conditions name; a field of a column stands for that column."""
        return dict.fromkeys((column for node in self.conditions().values() for column in node.columns()), True)

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """What is measured is which columns, not what they are compared with."""
        return super().changed_fields() if uses is None else {"columns": sorted(self.reads())}

    @each
    def measured(self, docs: pa.Table) -> pa.Table:
        """The columns that the conditions name, as they are."""
        import pyarrow as pa

        found = {}
        for text, node in self.conditions().items():
            for column in node.columns():
                found[_signal(column)] = values = self._column(docs, column, text)
                _check(node, column, values.type, text)
        return pa.table(dict(sorted(found.items())))

    def _column(self, docs: pa.Table, column: str, text: str) -> pa.Array:
        """A column, or a field of one, of the documents."""
        if (found := conditions.values_of(docs, column)) is not None:
            return found
        raise InputError(
            f"{self.name()}: the condition '{text}' reads the column '{column}', which the documents do not have. "
            f"{did_you_mean(column, docs.schema.names)}"
        )

    def rules(self, **signals: Any) -> dict[str, Any]:
        """For each condition: it is not known to be false; and, unless those are kept, it can be decided."""
        masks: dict[str, Any] = {}
        for name, node in self.conditions().items():
            truth = node.truth(_Given(signals))
            masks[name] = _with_bound(truth.true | truth.unknown, node)
            if self.missing != "keep" and not all(isinstance(leaf, conditions.IsNull) for leaf in leaves(node)):
                masks[UNKNOWN + name] = ~truth.unknown
        return masks

    @each
    def decided(self, docs: pa.Table, measured: pa.Table) -> Outcome:
        """The documents that fulfil all conditions."""
        keep, removed = judge(self, measured)
        went = self.handed(docs.filter(keep), measured.filter(keep))
        return Outcome(went, [part for one in removed for part in self._parted(one)])

    def _parted(self, removed: Removed) -> list[Removed]:
        """Undecided documents apart, as quarantined ones, if that is what becomes of them."""
        if self.missing != "quarantine":
            return [removed]
        unknown = np.array([rule.startswith(UNKNOWN) for rule in removed.rule], dtype=bool)
        return [_some(removed, ~unknown), replace(_some(removed, unknown), fate="quarantined")]


class _Given(dict):
    """Signals by the name of the column that they are."""

    def __missing__(self, column: str) -> Any:
        return self[_signal(column)]


def _signal(column: str) -> str:
    """A column's name among the signals, where the engine adds columns of its own."""
    return f"{column} (column)" if column in ("id", "source", "bytes") or column.startswith("_") else column


def _check(node: conditions.Node, column: str, type_: pa.DataType, text: str) -> None:
    """Raise InputError when a column holds something else than the condition compares it with."""
    if problem := conditions.mismatch(node, column, type_):
        raise InputError(f"where: the condition '{text}': {problem}")


def _with_bound(mask: np.ndarray, node: conditions.Node) -> np.ndarray:
    """The mask, with the name of its signal and its bound where the condition is one comparison with a number."""
    one = node.part if isinstance(node, conditions.Not) else node
    if not isinstance(one, conditions.Comparison) or isinstance(one.value, str | bool):
        return mask
    signal = Signal.of(_signal(one.column), mask)
    signal.bound = float(one.value)
    return signal


def _some(removed: Removed, mine: np.ndarray) -> Removed:
    """Some of the documents that `judge` removed."""
    at = np.flatnonzero(mine)
    rule, value, bound = removed.rule, removed.value, removed.bound
    rules: Any = removed.rules
    assert value is not None and bound is not None
    return Removed(
        removed.index[at], removed.fate, [rule[i] for i in at.tolist()], rules.take(at), value[at], bound[at]
    )
