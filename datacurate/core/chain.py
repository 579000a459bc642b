"""One pass over one shard: documents flow through the fused steps batch by batch, every row accounted for."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import CurateError
from datacurate.core.ledger import ShardLedger
from datacurate.core.paths import located
from datacurate.core.stage import Filter, Outcome, Removed, Stage, kept, with_columns, without_derived
from datacurate.core.store import PartWriter, read_batches, read_key, read_parts, row_bytes
from datacurate.core.task import SHARD_BITS, EachTask, Input, Step, visible

ERROR = "_error"
"""Column beside stored signals: why a document could not be measured, null where it could."""


class Chain:
    """One run of an EachTask: documents flow through the steps batch by batch."""

    def __init__(self, task: EachTask):
        self.task = task
        first, self.head = task.start()
        self.steps = task.steps[first:]
        self.writers: dict[str, PartWriter] = {}
        self.ledgers: dict[str, ShardLedger] = {}
        self.tables = _read_tables(self.steps, task.number)
        self.stored = {s.out: _Stored(s.out) for s in self.steps if s.role == "measure" and Path(s.out).exists()}
        self.there = {s.out for s in self.steps if s.role == "side" and Path(s.out).exists()}
        self.rows: dict[str, int] = {}

    def run(self) -> None:
        try:
            for batch in self._batches():
                self._flow(batch)
            self._commit()
        except BaseException:
            for writer in [*self.writers.values(), *(ledger.writer for ledger in self.ledgers.values())]:
                writer.abandon()
            raise

    def _batches(self) -> Iterator[pa.Table]:
        return read_batches(self.head) if isinstance(self.head, str) else self._source(self.head)

    def _source(self, head: Input) -> Iterator[pa.Table]:
        for read in head.source.read(located(head.path), head.name):
            docs = read.docs.replace_schema_metadata(None)
            if head.ledger:
                ledger = self._ledger(head.ledger, head.header)
                ledger.enter(docs, docs, [], rewrites=False)
                ledger.unread(read.unread, head.name)
            if head.docs:
                self._writer(head.docs).write(docs)
            yield docs

    def _flow(self, docs: pa.Table) -> None:
        aligned: dict[str, pa.Table] = {}
        for step in self.steps:
            if step.role == "measure":
                aligned[step.out] = self._measure(step, docs)
            elif step.role == "side" and step.out in self.there:
                pass
            elif step.role == "side":
                self._writer(step.out, step.by).write(self._call(step, docs, aligned))
            else:
                docs, stays = self._main(step, docs, aligned)
                if stays is not None:
                    aligned = {name: table.filter(stays) for name, table in aligned.items()}

    def _measure(self, step: Step, docs: pa.Table) -> pa.Table:
        if step.out in self.stored:
            return self.stored[step.out].next(docs.num_rows)
        made, errors = isolate(lambda part: self._call(step, part, {}), docs)
        made = with_columns(made, {ERROR: pa.array(errors, pa.string())})
        beside = {"id": docs["id"], "source": docs["source"], "bytes": pa.array(row_bytes(docs))}
        beside |= {f"_{name}": docs[name] for name in ("language", "tokens") if name in docs.schema.names}
        self._writer(step.out).write(with_columns(made, beside))
        return made

    def _main(self, step: Step, docs: pa.Table, aligned: dict[str, pa.Table]) -> tuple[pa.Table, Any]:
        came, beside = docs, aligned
        failed: list[Removed] = []
        if isinstance(step.stage, Filter):
            came, failed, beside = _set_aside_errors(docs, aligned, step)
        removed: list[Removed] = [*failed]
        went, more, picked = self._decide(step, came, beside)
        if came.num_rows != docs.num_rows:
            back = np.setdiff1d(np.arange(docs.num_rows), failed[0].index)
            more = [_moved(r, back) for r in more]
        removed += more
        if step.stage.rewrites:
            went = without_derived(went, step.stage.makes)
        trusted = step.stage.rewrites or picked or _only_drops(step.stage)
        self._ledger(step.out, step.header).enter(docs, went, removed, trusted)
        if step.docs and not Path(step.docs).exists():
            self._writer(step.docs).write(went)
        if not removed:
            return went, None
        return went, kept(docs.num_rows, removed)

    def _decide(self, step: Step, docs: pa.Table, aligned: dict[str, pa.Table]) -> tuple[pa.Table, list[Removed], bool]:
        """Run a main phase; when it raises, find the documents it raises on and quarantine those.

        Also whether the documents that go on were picked here.
        """
        try:
            made = self._call(step, docs, aligned)
            return *_unpack(made, docs), isinstance(made, Outcome) and made.docs is None
        except (CurateError, MemoryError):
            raise
        except Exception:
            if "rows" in step.phase.reads:
                raise
        return *self._halves(step, docs, aligned), False

    def _halves(self, step: Step, docs: pa.Table, aligned: dict[str, pa.Table]) -> tuple[pa.Table, list[Removed]]:
        nothing = docs.slice(0, 0)
        parts = [_unpack(self._call(step, nothing, _slices(aligned, 0, 0)), nothing)[0]]
        removed = []
        for start, stop in _leaves(docs.num_rows, lambda a, b: self._works(step, docs, aligned, a, b)):
            piece, beside = docs.slice(start, stop - start), _slices(aligned, start, stop)
            try:
                went, more = _unpack(self._call(step, piece, beside), piece)
                parts.append(went)
                removed += [_moved(r, np.arange(start, stop)) for r in more]
            except Exception as error:
                removed.append(_quarantine(np.array([start]), [_error_text(error)], step.stage.name()))
        return pa.concat_tables(parts, promote_options="default").combine_chunks(), removed

    def _works(self, step: Step, docs: pa.Table, aligned: dict, start: int, stop: int) -> bool:
        try:
            self._call(step, docs.slice(start, stop - start), _slices(aligned, start, stop))
        except (CurateError, MemoryError):
            raise
        except Exception:
            return False
        return True

    def _call(self, step: Step, docs: pa.Table, aligned: dict[str, pa.Table]) -> Any:
        arguments: dict[str, Any] = {}
        for name in step.phase.reads:
            if name == "docs":
                arguments[name] = docs
            elif name == "rows":
                arguments[name] = self._references(step, docs.num_rows)
            elif name in self.tables[step.out]:
                arguments[name] = self.tables[step.out][name]
            elif name in step.beside:
                arguments[name] = aligned[step.beside[name]]
            elif name in step.given:
                arguments[name] = step.given[name]
        return getattr(visible(step.stage, step.phase), step.phase.name)(**arguments)

    def _references(self, step: Step, count: int) -> np.ndarray:
        start = self.rows.get(step.out, 0)
        self.rows[step.out] = start + count
        first = (self.task.number << SHARD_BITS) + start
        return np.arange(first, first + count, dtype=np.uint64)

    def _writer(self, path: str, by: tuple[str, ...] = ()) -> PartWriter:
        if path not in self.writers:
            self.writers[path] = PartWriter(path, by)
        return self.writers[path]

    def _ledger(self, path: str, header: dict[str, Any]) -> ShardLedger:
        if path not in self.ledgers:
            self.ledgers[path] = ShardLedger(path, {**header, "shard": self.task.shard})
        return self.ledgers[path]

    def _commit(self) -> None:
        """Signals and side tables first, then ledgers, then documents: what exists last proves the rest."""
        documents = {step.docs for step in self.steps} | {getattr(self.head, "docs", None)}
        for path, writer in self.writers.items():
            if path not in documents:
                writer.commit({"shard": self.task.shard})
        receipts = {path: ledger.commit() for path, ledger in self.ledgers.items()}
        if isinstance(self.head, Input) and self.head.docs:
            self.writers[self.head.docs].commit(receipts[str(self.head.ledger)])
        for step in self.steps:
            if step.docs in self.writers:
                self.writers[step.docs].commit(receipts[step.out])


def _only_drops(stage: Stage) -> bool:
    """Whether the documents that go on are picked by the engine itself: their texts need no comparing."""
    return isinstance(stage, Filter) and type(stage).decided is Filter.decided and type(stage).handed is Filter.handed


class _Stored:
    """Signals of an earlier run, handed out batch by batch beside the documents."""

    def __init__(self, path: str):
        table = read_parts([path])
        beside = dict.fromkeys(("id", "source", "bytes", "_language", "_tokens"))
        self.table, self.at = with_columns(table, beside), 0

    def next(self, count: int) -> pa.Table:
        part = self.table.slice(self.at, count)
        if part.num_rows != count:
            raise AssertionError(f"stored signals end after {self.at + part.num_rows} documents")
        self.at += count
        return part.combine_chunks()


def _read_tables(steps: tuple[Step, ...], shard: int) -> dict[str, dict[str, pa.Table]]:
    """By step and name; what several steps read is read once."""
    read: dict[tuple[tuple[str, ...], bool], pa.Table] = {}
    for step in steps:
        for name, paths in step.tables.items():
            own = (paths, name in step.shardwise)
            read[own] = read[own] if own in read else _of_shard(paths, shard) if own[1] else read_parts(paths)
    return {s.out: {name: read[paths, name in s.shardwise] for name, paths in s.tables.items()} for s in steps}


def _of_shard(paths: tuple[str, ...], shard: int) -> pa.Table:
    return read_key(paths, (shard,)).sort_by("row").combine_chunks()


def _unpack(result: Any, came: pa.Table) -> tuple[pa.Table, list[Removed]]:
    """The documents that go on, of those that came, and the removed ones."""
    if not isinstance(result, Outcome):
        return result.combine_chunks(), []
    return result.rest(came).combine_chunks(), [r for r in result.removed if len(r.index)]


def _slices(aligned: dict[str, pa.Table], start: int, stop: int) -> dict[str, pa.Table]:
    return {name: table.slice(start, stop - start) for name, table in aligned.items()}


def _moved(removed: Removed, positions: np.ndarray) -> Removed:
    """The same removal with its index translated to positions in the whole batch."""
    return replace(removed, index=positions[removed.index])


def _set_aside_errors(docs: pa.Table, aligned: dict[str, pa.Table], step: Step) -> tuple[Any, list[Removed], dict]:
    """Take out the documents that could not be measured, as quarantined."""
    errors = aligned[step.beside["measured"]][ERROR]
    if errors.null_count == len(errors):
        return docs, [], aligned
    good = errors.is_null()
    index = np.flatnonzero(~good.to_numpy())
    failed = _quarantine(index, [error for error in errors.to_pylist() if error], step.stage.name())
    return docs.filter(good), [failed], {name: table.filter(good) for name, table in aligned.items()}


def _quarantine(index: np.ndarray, errors: list[str], stage: str) -> Removed:
    return Removed(index=index, fate="quarantined", rule=f"{stage}_failed", error=errors)


def _error_text(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"[:500]


def _leaves(count: int, works: Callable[[int, int], bool]) -> Iterator[tuple[int, int]]:
    """Split [0, count) into ranges that work as a whole and single rows that do not."""
    stack = [(0, count)]
    while stack:
        start, stop = stack.pop()
        if stop - start <= 1 or works(start, stop):
            yield start, stop
        else:
            middle = (start + stop) // 2
            stack += [(middle, stop), (start, middle)]


def isolate(call: Callable[[pa.Table], pa.Table], docs: pa.Table) -> tuple[pa.Table, list[str | None]]:
    """`call(docs)`, row-aligned; rows on which it raises become nulls, and their errors are returned beside."""
    try:
        return call(docs), [None] * docs.num_rows
    except (CurateError, MemoryError):
        raise
    except Exception:
        parts = [call(docs.slice(0, 0))]
    errors: list[str | None] = [None] * docs.num_rows

    def works(start: int, stop: int) -> bool:
        try:
            parts.append(call(docs.slice(start, stop - start)))
        except (CurateError, MemoryError):
            raise
        except Exception as error:
            errors[start] = _error_text(error) if stop - start == 1 else None
            return False
        return True

    for start, stop in _leaves(docs.num_rows, works):
        if stop - start == 1:
            works(start, stop)
    made = pa.concat_tables(parts, promote_options="default").combine_chunks()
    good = np.array([error is None for error in errors])
    sources = np.where(good, np.cumsum(good) - 1, 0)
    return made.take(pa.array(sources, mask=~good)), errors
