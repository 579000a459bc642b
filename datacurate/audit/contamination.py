"""Which items of benchmarks a run's documents hold: from the evidence that `decontaminate` leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from datacurate.audit.dedup_find import Documents
from datacurate.audit.dedup_match import Match, match
from datacurate.audit.run_folder import Finished, FinishedStage, open_run
from datacurate.core.errors import InputError, did_you_mean
from datacurate.core.task import SHARD_BITS

STAGE = "decontaminate"
PLACES = 5
"""Places of an item that are kept, those with the largest share of it."""
AROUND = 150
"""Characters of the document on both sides of what is shown."""
LONGEST = 6_000
"""Characters of a place that are compared with the item."""
RUN = 3
"""Words of a run that is marked where document and item stand side by side."""

Key = tuple[str, int]
"""An item: its benchmark and number."""


@dataclass(frozen=True)
class Spot:
    """One place of a document that holds an item, or a part of it."""

    id: str
    source: str
    shard: str
    row: int
    part: str
    start: int
    end: int
    words: int
    score: float
    acted: bool


@dataclass
class Leak:
    """One item that is in documents."""

    benchmark: str
    item: int
    name: str = ""
    documents: int = 0
    acted: int = 0
    """Documents in which enough of it is for the stage to act."""
    sources: Counter[str] = field(default_factory=Counter)
    """Documents by source."""
    spots: list[Spot] = field(default_factory=list)
    """At most PLACES."""

    @property
    def score(self) -> float:
        """The largest share of it that a document holds."""
        return max(spot.score for spot in self.spots)


@dataclass
class Benchmark:
    """What is known of one benchmark."""

    name: str
    items: int
    not_searchable: int = 0
    """Items too short to be told from chance: whether they leaked is not known."""
    without_text: int = 0
    """Rows of its files without a question."""
    leaks: list[Leak] = field(default_factory=list)
    """Items that are in documents, those in most documents first."""
    alike: list[Leak] = field(default_factory=list)
    """Items that only look like one that is there: twins with other names and numbers."""
    documents: int = 0
    sources: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Contamination:
    """What one stage found."""

    run: Finished
    at: int
    """The number of the stage among those that keep books."""
    options: dict[str, Any]
    benchmarks: list[Benchmark]

    @property
    def stage(self) -> FinishedStage:
        """The stage."""
        return self.run.booked[self.at]

    def chosen(self, benchmark: str | None, item: int | None) -> list[Leak]:
        """The leaks of one benchmark, or of all when none is named; or one item, also one that is only alike."""
        named = [one for one in self.benchmarks if benchmark in (None, one.name)]
        if item is None:
            return [leak for one in named for leak in one.leaks]
        return [leak for one in named for leak in (*one.leaks, *one.alike) if leak.item == item]


@dataclass(frozen=True)
class Shown:
    """A place side by side with the item."""

    spot: Spot
    match: Match | None
    remark: str


def contamination(run: str | Path, benchmark: str | None = None) -> list[Contamination]:
    """What every `decontaminate` of a run found; InputError when there is none, or no benchmark of this name."""
    finished = open_run(run)
    found = list(of_run(finished))
    if not found:
        raise InputError(f"{run}: no stage of this run is `{STAGE}`. Add it to the recipe.")
    known = [one.name for made in found for one in made.benchmarks]
    if benchmark is not None and benchmark not in known:
        raise InputError(f"{run}: no benchmark '{benchmark}'. {did_you_mean(benchmark, known)}")
    return found


def of_run(run: Finished) -> Iterator[Contamination]:
    """What every `decontaminate` of a run found."""
    for at, stage in enumerate(run.booked):
        if stage.name == STAGE and stage.phase("items") and stage.phase("evidence"):
            yield Contamination(run, at, stage.manifest["fields"], _benchmarks(stage))


def _benchmarks(stage: FinishedStage) -> list[Benchmark]:
    items = _items(stage)
    totals = Counter(items["benchmark"].to_pylist())
    names = dict(zip(_keys(items), items["name"].to_pylist(), strict=True))
    short = Counter(items.filter(_unsearchable(stage, items))["benchmark"].to_pylist())
    blank = dict(zip(*(items[name].to_pylist() for name in ("benchmark", "without_text")), strict=True))
    benchmarks = {name: Benchmark(name, count, short[name], blank[name]) for name, count in totals.items()}
    leaks: dict[Key, Leak] = {}
    alike: dict[Key, Leak] = {}
    for shard, path in sorted(stage.phase("evidence").items()):
        for rows in _by_document(path):
            _add_document(shard, rows, benchmarks, leaks, alike)
    for key, leak in (leaks | {key: leak for key, leak in alike.items() if key not in leaks}).items():
        leak.name = names.get(key, "")
        leak.spots.sort(key=lambda spot: (-spot.score, spot.id, spot.start))
        one = benchmarks[leak.benchmark]
        (one.leaks if key in leaks else one.alike).append(leak)
    for one in benchmarks.values():
        for found in (one.leaks, one.alike):
            found.sort(key=lambda leak: (-leak.documents, -leak.score, leak.item))
    return sorted(benchmarks.values(), key=lambda one: (-len(one.leaks), one.name))


def _unsearchable(stage: FinishedStage, items: Any) -> Any:
    """Of every item whether the stage could not find it."""
    import pyarrow as pa

    from datacurate.core.store import read_parts
    from datacurate.stages import _decontam_index, _decontam_search
    from datacurate.stages.decontaminate import Decontaminate

    index = _decontam_index.from_table(read_parts(stage.phase("index").values()))
    given = {name: value for name, value in stage.manifest["fields"].items() if name in Decontaminate.model_fields}
    return pa.array(~_decontam_search.searchable(Decontaminate(**given), index, items))


def _by_document(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The evidence of one document after the other; its rows stand together."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows = (row for batch in file.iter_batches() for row in batch.to_pylist())
        yield from (list(group) for _, group in groupby(rows, key=itemgetter("row")))


def _add_document(
    shard: str,
    rows: list[dict[str, Any]],
    benchmarks: dict[str, Benchmark],
    leaks: dict[Key, Leak],
    alike: dict[Key, Leak],
) -> None:
    """Add what was found in one document."""
    source = rows[0]["source"] or ""
    held = {(row["benchmark"], row["item"]) for row in rows if not row["alike"]}
    seen = set[Key]()
    for row in rows:
        key = (row["benchmark"], row["item"])
        leak = (leaks if key in held else alike).setdefault(key, Leak(*key))
        if key not in seen:
            leak.documents += 1
            leak.acted += row["acted"]
            leak.sources[source] += 1
        seen.add(key)
        _keep(leak, _spot(shard, row))
    for name in {name for name, _ in held}:
        benchmarks[name].documents += 1
        benchmarks[name].sources[source] += 1


def _spot(shard: str, row: dict[str, Any]) -> Spot:
    own = {name: row[name] for name in ("part", "start", "end", "words", "score", "acted")}
    return Spot(row["id"] or "", row["source"] or "", shard, row["row"] & ((1 << SHARD_BITS) - 1), **own)


def _keep(leak: Leak, spot: Spot) -> None:
    leak.spots.append(spot)
    if len(leak.spots) > PLACES:
        leak.spots.remove(min(leak.spots, key=lambda one: (one.score, one.end - one.start, one.shard, -one.row)))


def _items(stage: FinishedStage) -> Any:
    from datacurate.core.store import read_parts

    return read_parts(stage.phase("items").values())


def _keys(items: Any) -> list[Key]:
    return list(zip(items["benchmark"].to_pylist(), items["item"].to_pylist(), strict=True))


def texts(found: Contamination, leaks: list[Leak]) -> dict[Key, str]:
    """Items as people read them: question, choices, answers."""
    items = _items(found.stage)
    at = {key: row for row, key in enumerate(_keys(items))}
    return {(leak.benchmark, leak.item): _said(items.slice(at[leak.benchmark, leak.item], 1)) for leak in leaks}


def _said(items: Any) -> str:
    row = items.to_pylist()[0]
    choices, answers = json.loads(row["choices"]), json.loads(row["answers"])
    lines = [row["question"].strip(), *(f"- {one}" for one in choices), *(f"Answer: {one}" for one in answers)]
    return "\n".join(lines)


def shown(found: Contamination, leak: Leak, text: str, most: int = PLACES) -> list[Shown]:
    """The places of an item, each beside the item."""
    documents = Documents(found.run)
    made = []
    for spot in leak.spots[:most]:
        place, remark = documents.place(found.at, spot.shard)
        whole = place.text_of(spot.row) if place is not None else None
        pair = None if whole is None else match(_around(whole, spot), text, RUN)
        made.append(Shown(spot, pair, remark))
    return made


def _around(text: str, spot: Spot) -> str:
    """What a place says, and a little before and behind it."""
    data = text.encode("utf-8", "replace")
    before = data[max(0, spot.start - 4 * AROUND) : spot.start].decode("utf-8", "replace")[-AROUND:]
    behind = data[spot.end : spot.end + 4 * AROUND].decode("utf-8", "replace")[:AROUND]
    return before + data[spot.start : spot.end].decode("utf-8", "replace")[:LONGEST] + behind
