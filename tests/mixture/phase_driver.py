"""Runs a stage's phases as the engine would: each over shards, by over keys, once over everything."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.phase import Size


def run(stage, docs: pa.Table, shards: int = 1, batch: int = 50) -> dict[str, list[pa.Table]]:
    """The tables of every phase: one per shard, key, or one in all."""
    edges = [round(i * docs.num_rows / shards) for i in range(shards + 1)]
    split = [docs.slice(a, b - a) for a, b in pairwise(edges)]
    made: dict[str, list[pa.Table]] = {}
    grouping = {p.name: p.grouping for p in stage.chosen_phases()}
    for phase in stage.chosen_phases():
        method = getattr(stage, phase.name)
        if phase.grouping == "each" and "docs" in phase.reads:
            made[phase.name] = [_batches(method, phase, shard, s, batch) for s, shard in enumerate(split)]
        elif phase.grouping == "each":
            made[phase.name] = [
                _whole(
                    method(
                        *(_given(phase, r, made[r][s] if grouping[r] == "each" else _all(made[r])) for r in phase.reads)
                    )
                )
                for s in range(shards)
            ]
        elif phase.grouping == "by":
            keys = phase.keys(stage, Size(0, shards))
            made[phase.name] = [_by(method, phase, made, key) for key in keys]
        else:
            made[phase.name] = [method(*(_given(phase, r, _all(made[r])) for r in phase.reads))]
    return made


def _all(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables)


def _given(phase, name: str, table: pa.Table):
    """A table as the phase gets it: some columns, or in pieces."""
    table = table.select(phase.columns.get(name, table.schema.names))
    if name not in phase.streams:
        return table
    return [table.slice(at, 100) for at in range(0, max(1, table.num_rows), 100)]


def _whole(made) -> pa.Table:
    return made if isinstance(made, pa.Table) else _all(list(made))


def _batches(method, phase, shard: pa.Table, number: int, batch: int) -> pa.Table:
    made = []
    for start in range(0, max(1, shard.num_rows), batch):
        piece = shard.slice(start, batch)
        rows = pa.array([(number << 40) | (start + i) for i in range(piece.num_rows)], pa.uint64()).to_numpy()
        made.append(method(piece, rows) if "rows" in phase.reads else method(piece))
    return _all(made)


def _by(method, phase, made, key):
    given = dict(zip(phase.by, key, strict=True))
    for name in phase.reads:
        if name not in phase.by:
            found = [_of_key(t, phase.by, key) for t in made[name]]
            table = _all([t for t in found if t.num_rows] or found[:1])  # rows of other keys may be longer
            given[name] = table.select(phase.columns.get(name, table.schema.names))
    return method(**given)


def _of_key(table: pa.Table, columns, key) -> pa.Table:
    for column, value in zip(columns, key, strict=True):
        table = table.filter(pc.equal(table[column], value))
    return table
