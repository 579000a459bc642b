"""From signals and rules to a keep-mask and the reasons of the rest."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import InputError
from datacurate.core.stage import Filter, Removed, one_array


class Signal(np.ndarray):
    """A signal that remembers its name when a rule compares it, so that the ledger can say value and bound."""

    name: str | None = None
    bound: float | None = None

    @classmethod
    def of(cls, name: str, values: np.ndarray) -> Signal:
        signal = values.view(cls)
        signal.name = name
        return signal

    def __array_finalize__(self, parent: Any) -> None:
        self.name = getattr(parent, "name", None)
        self.bound = getattr(parent, "bound", None)

    def _compared(self, mask: Any, bound: Any) -> Any:
        if isinstance(mask, Signal):
            mask.name = self.name
            mask.bound = float(bound) if isinstance(bound, int | float | np.number) else None
        return mask

    def __le__(self, bound: Any) -> Any:
        return self._compared(super().__le__(bound), bound)

    def __lt__(self, bound: Any) -> Any:
        return self._compared(super().__lt__(bound), bound)

    def __ge__(self, bound: Any) -> Any:
        return self._compared(super().__ge__(bound), bound)

    def __gt__(self, bound: Any) -> Any:
        return self._compared(super().__gt__(bound), bound)


def ready(stage: Filter, docs: pa.Table) -> pa.StructArray | None:
    """The signals that the stage `signals` left, if they still hold; InputError when they cannot be this filter's.

    They hold when only the text was measured: other columns may have changed since. Where one is null all are measured.
    """
    name = stage.signal_column()
    if name not in docs.schema.names or not set(stage.reads()) <= {"id", "text"}:
        return None
    column = one_array(docs[name])
    parameters = inspect.signature(stage.rules).parameters.values()
    held = {field.name for field in column.type} if pa.types.is_struct(column.type) else set()
    for signal in (p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.default is p.empty):
        if signal not in held:
            raise InputError(
                f"{stage.name()}: the column '{name}' is of type {str(column.type)[:60]} and lacks the signal "
                f"'{signal}': the stage 'signals' did not make it. Rename or remove it."
            )
    return None if column.null_count else column


def masks(stage: Filter, measured: pa.Table) -> dict[str, np.ndarray]:
    """The masks of the stage's rules over stored signals, in rule order.

    A parameter with a default names a signal that is measured with some options only.
    """
    parameters = inspect.signature(stage.rules).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return stage.rules(**{name: one_array(measured[name]) for name in measured.column_names})
    there = set(measured.column_names)
    names = [name for name, p in parameters.items() if name in there or p.default is p.empty]
    signals = {name: Signal.of(name, _numpy(measured[name])) for name in names}
    return stage.rules(**signals)


def rule_names(stage: Filter) -> list[str] | None:
    """The names of the stage's rules, which no document decides; None when its rules cannot work on no documents."""
    parameters = inspect.signature(stage.rules).parameters.values()
    given = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD] or list(stage.reads())
    for kind in (pa.float64(), pa.string(), pa.null()):
        try:
            return list(masks(stage, pa.table({name: pa.array([], kind) for name in given})))
        except Exception:  # what a rule asks of its signals is its own affair
            continue
    return None


def judge(stage: Filter, measured: pa.Table) -> tuple[pa.Array, list[Removed]]:
    """The keep-mask of a batch and, when something fails, the removed rows with their reasons."""
    rules = masks(stage, measured)
    names = list(rules)
    passed = np.stack([np.asarray(mask, dtype=bool) for mask in rules.values()])
    keep = passed.all(axis=0)
    index = np.flatnonzero(~keep)
    if not len(index):
        return pa.array(keep), []
    failed = ~passed[:, index]
    first = failed.argmax(axis=0)
    removed = Removed(
        index=index,
        fate="dropped",
        rule=[names[i] for i in first],
        rules=_named(failed, names),
        value=_values(list(rules.values()), measured, first, index),
        bound=np.array([_bound(rules[names[i]]) for i in first], dtype=np.float64),
    )
    return pa.array(keep), [removed]


def _named(failed: np.ndarray, names: list[str]) -> pa.Array:
    """The names of the rules that every document fails, from `failed` (rules, documents)."""
    _, rule = np.nonzero(failed.T)
    offsets = np.concatenate([[0], np.cumsum(failed.sum(axis=0))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(names, pa.string()).take(pa.array(rule)))


def _values(rules: list[Any], measured: pa.Table, first: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The value that the first failing rule compared, NaN where the rule does not compare one signal."""
    value = np.full(len(index), np.nan)
    for at, mask in enumerate(rules):
        name = getattr(mask, "name", None)
        mine = np.flatnonzero(first == at)
        if name is None or not len(mine):
            continue
        signal = _numpy(measured[name])
        if signal.dtype.kind in "iufb":
            value[mine] = signal[index[mine]]
    return value


def _bound(mask: Any) -> float:
    bound = getattr(mask, "bound", None)
    return np.nan if bound is None else bound


def _numpy(column: Any) -> np.ndarray:
    values = one_array(column).to_numpy(zero_copy_only=False)
    return values.astype(str) if values.dtype == object else values
