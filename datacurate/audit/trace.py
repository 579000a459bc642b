"""A document's whole life: what every stage of a run did with it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.audit.markup import seen
from datacurate.audit.run_folder import Finished, FinishedStage, open_run
from datacurate.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.audit.trace_cuts import Lost
    from datacurate.audit.trace_rows import Piece

HINTS = 5
"""Ids that are named when one is unknown."""
FIGURES = ("fate", "rule", "rules", "value", "bound", "survivor", "similarity", "error")
"""Columns of a ledger that say what happened."""
BESIDE = ("id", "source", "bytes", "_error")
"""Columns of stored signals that are none."""


@dataclass(frozen=True)
class Event:
    """What one stage did with a document: `went_on`, `dropped`, `merged`, `quarantined`, `drawn`, `not_drawn`."""

    stage: str
    fate: str
    rule: str | None = None
    rules: list[str] = field(default_factory=list)
    value: float | None = None
    bound: float | None = None
    survivor: str | None = None
    similarity: float | None = None
    error: str | None = None
    signals: dict[str, Any] = field(default_factory=dict)
    split: str | None = None
    times: int | None = None
    tokens: int | None = None
    """In the mixture: tokens of the document, and how often it was drawn."""
    tokens_written: int | None = None
    drawn_by: dict[str, int] = field(default_factory=dict)
    """Copies by training stage, where a mixture has several."""
    rows: list[Piece] = field(default_factory=list)
    """Where its pieces lie in packed rows."""
    cut: Lost | None = None
    """What the stage cut out of the document."""


@dataclass(frozen=True)
class Copy:
    """One document of the id; an id that several files hold has several."""

    source: str
    shard: str
    bytes: int | None
    excerpt: str | None
    events: list[Event]

    @property
    def kept(self) -> bool:
        """Whether it went through all stages."""
        return not any(event.fate in ("dropped", "merged", "quarantined") for event in self.events)


@dataclass(frozen=True)
class Life:
    """What became of all documents of one id in a run."""

    id: str
    run: str
    copies: list[Copy]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON; what does not apply is left out."""
        copies = []
        for copy in self.copies:
            events = [{k: v for k, v in asdict(e).items() if v not in (None, [], {})} for e in copy.events]
            copies.append({**asdict(copy), "kept": copy.kept, "events": events})
        return {"id": self.id, "run": self.run, "copies": copies}

    def as_text(self) -> str:
        """Plain text for people."""
        return render(self)


def trace(run: str | Path, id: str, cuts: bool = True) -> Life:
    """What became of a document. InputError when no document of the run has this id.

    Reads the ledgers first and then the id column of the last documents; a text only where a stage cut parts out of
    documents (unless `cuts` is false), to show the longest.
    """
    finished = open_run(run)
    copies = [_removed(finished, at, shard, row) for at, shard, row in _ledger_rows(finished, id)]
    copies += _kept(finished, id)
    if not copies:
        raise InputError(f"{finished.folder}: no document has the id {id!r}. {_hint(finished, id)}")
    if cuts:
        from datacurate.audit.trace_cuts import with_cuts

        copies = with_cuts(finished, id, copies)
    return Life(id, finished.name, copies)


def _ledger_rows(run: Finished, id: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Stage number, shard and ledger row of every removed document of the id."""
    for at, stage in enumerate(run.booked):
        for shard, path in stage.ledgers.items():
            for row in rows_with(path, id, ["id", "source", "bytes", "excerpt", *FIGURES]):
                yield at, shard, row


def rows_with(path: Path, id: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a part that have this id. Only the id column is read of row groups without it."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = []
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            same = pc.equal(file.read_row_group(group, columns=["id"])["id"], id)
            rows = np.flatnonzero(same.fill_null(False).to_numpy())
            if len(rows):
                found += file.read_row_group(group, columns=columns).take(rows).to_pylist()
    return found


def _removed(run: Finished, at: int, shard: str, row: dict[str, Any]) -> Copy:
    """The copy that a ledger row tells of: it went through the stages before."""
    stages = run.booked
    events = [_went_on(stage, shard, row["id"]) for stage in stages[:at]]
    told = {name: row[name] for name in FIGURES if row[name] is not None}
    event = Event(stages[at].label, signals=_signals(stages[at], shard, row["id"]), **told)
    return Copy(row["source"], shard, row["bytes"], row["excerpt"], [*events, event])


def _went_on(stage: FinishedStage, shard: str, id: str) -> Event:
    return Event(stage.label, "went_on", signals=_signals(stage, shard, id))


def _signals(stage: FinishedStage, shard: str, id: str) -> dict[str, Any]:
    """What a filter measured of the document, if that is stored and the shard holds the id once."""
    path = stage.phase("measured").get(shard)
    rows = rows_with(path, id) if path is not None and path.exists() else []
    return {name: value for name, value in rows[0].items() if name not in BESIDE} if len(rows) == 1 else {}


def _kept(run: Finished, id: str) -> list[Copy]:
    """The copies that went through all stages, and what the mixture did with them."""
    drawn = list(_drawn(run, id))
    if run.documents is None:
        return [_whole(run, shard, source, event, id) for shard, source, event in drawn]
    copies = []
    for shard, path in run.documents.shards.items():
        events = [event for own, _, event in drawn if own == shard]  # in the order of the documents, as these are
        for row in rows_with(path, id, ["id", "source"]):
            copies.append(_whole(run, shard, row["source"], events.pop(0) if events else None, id))
    return copies


def _whole(run: Finished, shard: str, source: str, drawn: Event | None, id: str) -> Copy:
    events = [_went_on(stage, shard, id) for stage in run.booked]
    return Copy(source, shard, None, None, [*events, *([drawn] if drawn else [])])


def _drawn(run: Finished, id: str) -> Iterator[tuple[str, str, Event]]:
    """Shard, source and event of every document that the mixture knows by the hash of the id."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from datacurate.mixture.draw import hashes

    stage = run.last("mixture")
    parts = stage.phase("counted") if stage else {}
    if stage is None or not parts:
        return
    order = int(hashes([id], f"order {stage.manifest['fields'].get('seed', 0)}")[0])
    found = []
    for shard, path in parts.items():
        column = pq.read_table(path, columns=["order"])["order"]
        rows = np.flatnonzero(pc.equal(column, _uint64(order)).to_numpy())
        found += [(shard, row) for row in (pq.read_table(path).take(rows).to_pylist() if len(rows) else [])]
    for at, (shard, row) in enumerate(found):
        others = [other for other, (_, one) in enumerate(found) if other != at and one["source"] == row["source"]]
        yield shard, row["source"], _draw(stage, row, [found[other][1] for other in others])


def _uint64(value: int) -> pa.Scalar:
    import pyarrow as pa

    return pa.scalar(value, pa.uint64())


def _draw(stage: FinishedStage, row: dict[str, Any], others: list[dict[str, Any]]) -> Event:
    """How often a document was drawn, recomputed from where the mixture's last pass stopped.

    `others` are the documents of the same source with the same id.
    """
    from datacurate.audit.trace_rows import Drawing, copies, pieces
    from datacurate.core.store import read_parts

    plans = read_parts(list(stage.phase("allocated").values()))
    names = dict(zip(plans["source"].to_pylist(), plans["index"].to_pylist(), strict=True))
    mine, *rest = copies(plans, [row, *others])
    beside = [max((whole + (last > 0) for whole, last in each), default=0) for each in zip(*rest, strict=True)]
    about = (row["order"], names[row["source"]], row["split"], row["n"], mine)
    drawing = Drawing(*about, row["row"], beside or [0] * len(mine))
    stages = dict.fromkeys(plans["stage_name"].to_pylist())
    split, fate = "validation" if row["split"] else "train", "drawn" if sum(drawing.times) else "not_drawn"
    by = dict(zip(stages, drawing.times, strict=True)) if len(stages) > 1 else {}
    more: dict[str, Any] = {"drawn_by": {name: n for name, n in by.items() if n}, "rows": pieces(stage, drawing)}
    told = {"times": sum(drawing.times), "tokens": row["n"], "tokens_written": drawing.tokens}
    return Event(stage.label, fate, split=split, **told, **more)


def _hint(run: Finished, id: str) -> str:
    """Ids that begin like the one that is unknown."""
    length = len(id)
    while length:
        near = sorted(set(_beginning_with(run, id[:length])))[:HINTS]
        if near:
            return "Ids that begin alike: " + ", ".join(map(repr, near)) + "."
        length //= 2
    return "No id of this run begins alike. Look up ids in the documents' Parquet files or the report's samples."


def _beginning_with(run: Finished, prefix: str) -> Iterator[str]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    paths = [path for stage in run.booked for path in stage.ledgers.values()]
    paths += run.documents.shards.values() if run.documents else []
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["id"]):
                ids = batch.column("id")
                yield from ids.filter(pc.starts_with(ids, prefix)).slice(0, HINTS).to_pylist()


def render(life: Life) -> str:
    """The life as plain text, one line per stage."""
    lines = [f"{life.id} in run {life.run}"]
    if len(life.copies) > 1:
        lines.append(f"{len(life.copies)} documents have this id.")
    for copy in life.copies:
        size = f", {copy.bytes:,} bytes" if copy.bytes is not None else ""
        lines.append(f"source {copy.source}, shard {copy.shard}{size}")
        width = max((len(event.stage) for event in copy.events), default=0)
        for event in copy.events:
            lines.append(f"  {event.stage:<{width}}  {told(event)}")
            lines += [f"  {'':<{width}}    {line}" for line in [*_told_cuts(event), *_told_rows(event)]]
        if copy.excerpt:
            lines.append(f"  begins: {' '.join(copy.excerpt[:160].split())}")
    return "\n".join(seen(line) for line in lines)


def _told_rows(event: Event) -> list[str]:
    from datacurate.audit.trace_rows import told

    return told(event.rows)


def _told_cuts(event: Event) -> list[str]:
    if event.cut is None:
        return []
    from datacurate.audit.trace_cuts import told

    return told(event.cut)


def told(event: Event) -> str:
    """One event in words."""
    if event.fate == "went_on":
        return "went on" + _measured(event)
    if event.fate in ("drawn", "not_drawn"):
        return _told_draw(event)
    if event.fate == "merged":
        alike = f", similarity {event.similarity:.3f}" if event.similarity is not None else ""
        return f"merged into {event.survivor}{alike} ({event.rule})"
    if event.fate == "quarantined":
        return f"quarantined by {event.rule}: {event.error}"
    compared = f": {event.value:,.6g}" if event.value is not None else ""
    compared += f", bound {event.bound:,.6g}" if event.bound is not None else ""
    also = [rule for rule in event.rules if rule != event.rule]
    more = f"; also fails {', '.join(also)}" if also else ""
    return f"dropped by {event.rule}{compared}{more}" + _measured(event)


def _measured(event: Event) -> str:
    signals = event.signals
    if event.stage.partition("#")[0] == "pii":  # of twelve kinds most are not there
        signals = {name: value for name, value in signals.items() if value and name != "spans"}
    shown = [f"{name} {_figure(value)}" for name, value in signals.items()]
    return f"  ({', '.join(shown)})" if shown else ""


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:80]


def _told_draw(event: Event) -> str:
    from datacurate.core.errors import plural

    held = "held out for validation, " if event.split == "validation" else ""
    if not event.times:
        return f"{held}not drawn ({plural(event.tokens or 0, 'token')})"
    times = "once" if event.times == 1 else f"{event.times} times"
    by = f" ({', '.join(f'{n} in {name}' for name, n in event.drawn_by.items())})" if event.drawn_by else ""
    written = plural(event.tokens_written or 0, "token")
    return f"{held}drawn {times}{by}: {written} written, of a document of {event.tokens:,}"
