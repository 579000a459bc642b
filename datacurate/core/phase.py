"""Phases: methods of a stage that make one task per shard, one per key, or one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from datacurate.core.errors import RecipeError


@dataclass(frozen=True)
class Phase:
    """One step of a stage: how many tasks it makes, and what it reads.

    `reads` are the method's parameter names: `docs` (the documents), an earlier phase of the stage,
    `rows` (references of the rows of `docs`), `size` (what the `keys` of `@by` phases get, for `@each`),
    `folder` (a private folder that outlives a killed task) or the name of a `@by` column (its value for this task).
    Those in `optional` have a default: the earlier phase that they name need not be there.
    """

    name: str
    grouping: Literal["each", "by", "once"]
    reads: tuple[str, ...]
    by: tuple[str, ...] = ()
    keys: Callable[..., Sequence[tuple[int, ...]]] | None = None
    gpus: int = 0
    uses: tuple[str, ...] | None = None
    """The only fields that the phase can see and that enter its key; None for all."""
    shardwise: bool = False
    """Whether the rows name documents, by columns `shard` and `row`: `@each` phases get those of their shard alone."""
    streams: tuple[str, ...] = ()
    """Parameters that are handed over as `store.Parts`, to be read piece by piece."""
    optional: tuple[str, ...] = ()
    over: str | None = None
    """The field that names other datasets, or indexes of them: their documents are what the phase sees."""
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of some parameters that are tables: the columns that are read. Others are read whole."""
    own: tuple[str, ...] = ()
    """Parameters that are tables of `@by` phases with the same keys, whose rows of a key are all in that key's part."""


def chosen(phases: Sequence[Phase], named: Callable[[str], Any]) -> list[Phase]:
    """The phases that are called for when `named(field)` says what a field names: not those over no dataset, nor those
    that cannot do without what these make."""
    left: list[Phase] = []
    missing: set[str] = set()
    for phase in phases:
        if (phase.over and not named(phase.over)) or missing & (set(phase.reads) - set(phase.optional)):
            missing.add(phase.name)
        else:
            left.append(phase)
    return left


def selected_on(phase: Phase, phases: Sequence[Phase]) -> tuple[str, ...]:
    """Columns of a phase's table by which other phases of the stage select their rows."""
    if phase.shardwise:
        return ("shard",)
    wanted = {p.by for p in phases if p.grouping == "by" and phase.name in p.reads}
    if len(wanted) > 1:
        raise RecipeError(f"{phase.name} is read by different columns; read it by one.")
    return wanted.pop() if wanted else ()


def _mark(method: Callable, grouping: Any, **more: Any) -> Callable:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    reads = tuple(p.name for p in parameters)
    optional = tuple(p.name for p in parameters if p.default is not p.empty)
    method.__phase__ = Phase(method.__name__, grouping, reads, optional=optional, **more)  # type: ignore[attr-defined]
    return method


def each(
    method: Callable | None = None,
    *,
    gpus: int = 0,
    uses: tuple[str, ...] | None = None,
    over: str | None = None,
    streams: tuple[str, ...] = (),
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Callable:
    """One task per shard of documents; sees it in bounded batches, and all of any earlier `@by` or `@once` phase.

    `uses` names the only fields that the phase can see: the others do not enter its key. `over` names a field that
    names other datasets: the phase sees their documents, and in `dataset` the name of the one that these belong to.
    A phase that reads tables alone gets those in `streams` piece by piece, as `store.Parts`, and may yield tables
    instead of returning one. `columns` says which columns of a table are read.
    """
    more: dict[str, Any] = {"gpus": gpus, "uses": uses, "over": over, "streams": streams, "columns": columns or {}}
    return _mark(method, "each") if method is not None else lambda m: _mark(m, "each", **more)


def by(
    *names: str,
    keys: Callable[..., Sequence[tuple[int, ...]]],
    uses: tuple[str, ...] | None = None,
    shardwise: bool = False,
    streams: tuple[str, ...] = (),
    columns: Mapping[str, Sequence[str]] | None = None,
    own: tuple[str, ...] = (),
) -> Callable:
    """One task per key; sees the rows that have this key in the columns `names`, from every shard, in shard order.

    `keys(stage, size)` lists the keys before anything runs; `size` is the input's `Size`. A `shardwise` table names
    documents in its columns `shard` (int32) and `row`: an `@each` phase that reads it gets only those of its own shard,
    in the order of `row`. The parameters in `streams` come piece by piece, as `store.Parts`. It may return a table, or
    yield tables of one schema; if it is `shardwise`, in the order of `shard`. `columns` says which columns of a table
    are read. Of `@by` phases in `own`, which have the same keys, a task reads its own key's part alone.
    """
    more = {"by": names, "keys": keys, "uses": uses, "shardwise": shardwise, "streams": streams}
    more |= {"columns": columns or {}, "own": own}
    return lambda method: _mark(method, "by", **more)


def once(
    method: Callable | None = None,
    *,
    gpus: int = 0,
    uses: tuple[str, ...] | None = None,
    shardwise: bool = False,
    streams: tuple[str, ...] = (),
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Callable:
    """One task that sees everything; the parameters in `streams` piece by piece, as `store.Parts`.

    It may return a table, or yield tables of one schema; if it is `shardwise`, in the order of `shard`. `columns` says
    which columns of a table are read.
    """
    more: dict[str, Any] = {"gpus": gpus, "uses": uses, "shardwise": shardwise, "streams": streams}
    more["columns"] = columns or {}
    return _mark(method, "once") if method is not None else lambda m: _mark(m, "once", **more)


@dataclass(frozen=True)
class Size:
    """What is known of a stage's input before it runs: bytes of source files and number of shards."""

    bytes: int
    shards: int
