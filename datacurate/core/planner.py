"""Makes plans: keys for every phase, neighbouring `@each` phases fused into one task per shard."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from datacurate.core.dataset import Dataset
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.heads import (
    again,
    check_needed,
    check_stored,
    columns_of,
    expanded,
    given_stage,
    left_out,
    shards_of,
    stored_path,
    storing,
    types_of,
    unique,
)
from datacurate.core.identity import file_digest, key
from datacurate.core.index import check_not_read, known_tables
from datacurate.core.phase import Phase, Size, selected_on
from datacurate.core.plan import Barrier, Made, Plan, PlannedStage
from datacurate.core.recipe import Recipe
from datacurate.core.source import Source
from datacurate.core.stage import Filter, Stage, holds, is_derived
from datacurate.core.task import EachTask, Input, Step, TableTask, Task
from datacurate.core.web import masked

ALWAYS = ("docs", "rows", "size", "folder")
"""Parameters of phases that need nothing in front."""


@dataclass
class _Link:
    """A step of the open chain, for all shards."""

    stage: Stage
    phase: Phase
    role: Literal["measure", "main", "side"]
    folder: str
    header: dict[str, Any]
    tables: dict[str, tuple[str, ...]]
    beside: dict[str, str]
    by: tuple[str, ...]
    shardwise: tuple[str, ...] = ()
    stores: bool = False
    size: Size | None = None

    @property
    def only_drops(self) -> bool:
        """Whether it belongs to a row of filters: it measures, or drops documents and leaves texts alone."""
        filters = isinstance(self.stage, Filter) and not self.stage.rewrites
        return self.role == "measure" or (self.role == "main" and filters)


@dataclass
class _Docs:
    """The documents at one point: their key and, per shard, where they are or how they are read."""

    key: str
    heads: dict[str, Input | str]
    columns: frozenset[str] | None

    @property
    def shards(self) -> tuple[str, ...]:
        return tuple(self.heads)

    @property
    def identity(self) -> str:
        return key(self.key, self.shards)


class Planner:
    """Walks through a recipe, keeping one chain of `@each` phases open until something must wait for it."""

    def __init__(self, recipe: Recipe, store: Path):
        self.recipe = recipe
        self.store = str(store)
        self.claims = f"{store}/.claims"
        self.stages: list[PlannedStage] = []
        self.barriers: list[Barrier] = []
        self.links: list[_Link] = []
        self.bytes = 0
        self.given: PlannedStage | None = None
        self.brought: dict[str, dict[str, int]] = {}
        self.types = types_of(recipe.sources.values())

    def plan(self) -> Plan:
        self.head = self.docs = self._read_sources()
        previous = self.given
        for stage in self.recipe.all_stages():
            previous = self._add(stage, previous)
        self._close()
        return Plan(self.recipe, self.store, self.stages, self.barriers, self.brought)

    def _read_sources(self) -> _Docs:
        heads: dict[str, Input | str] = {}
        keys, described, ledgers = [], {}, []
        self._check_sources()
        for name, source in self.recipe.sources.items():
            own, mine, files = self._dataset(source) if source.dataset() else self._files(name, source)
            for shard, head in mine.items():
                heads[unique(f"{shard}-{own}" if shard in heads else shard, heads)] = head
            keys.append(own)
            described[name] = {"key": own, "files": files, **left_out(source)}
            ledgers += [str(head.ledger) for head in mine.values() if isinstance(head, Input)]
        own = keys[0] if len(keys) == 1 else key("sources", keys)
        if ledgers:
            read = PlannedStage(0, "read", own, None, {}, 1, ledgers=tuple(ledgers), sources=described)
            self.stages.append(replace(read, brought=self.brought))
        return _Docs(own, heads, columns_of(self.recipe.sources.values()))

    def _check_sources(self) -> None:
        """Raise one InputError for everything that is wrong with the files of all sources."""
        errors = []
        for name, source in self.recipe.sources.items():
            try:
                check_stored(str(source.dataset())) if source.dataset() else source.check(expanded(source))
            except InputError as error:
                errors.append(f"source {name}: {error}")
        if errors:
            raise InputError("\n".join(errors))

    def _dataset(self, source: Source) -> tuple[str, dict[str, Input | str], list[str]]:
        dataset = Dataset.open(str(source.dataset()))
        self.bytes += sum(shard.bytes for shard in dataset.shards)
        self.given = given_stage(dataset)
        for name, books in dataset.manifest.get("sources", {}).items():
            mine = self.brought.setdefault(name, {"documents": 0, "bytes": 0})
            self.brought[name] = {unit: mine[unit] + books["out"][unit] for unit in mine}
        return dataset.key, {s.name: str(s.path) for s in dataset.shards}, [s.name for s in dataset.shards]

    def _files(self, name: str, source: Source) -> tuple[str, dict[str, Input | str], list[str]]:
        options = masked(source.model_dump(mode="json", exclude_defaults=True, exclude={"path"}))
        own = key("read", source.name(), source.version, options, name)
        folder = f"{self.store}/read-{own}"
        header = {"stage": "read", "key": own, "version": source.version, "fields": options, "parents": []}
        heads: dict[str, Input | str] = {}
        for file, size, shard in shards_of(name, source):
            self.bytes += size
            shard = unique(shard, heads)
            heads[shard] = Input(name, source, str(file), f"{folder}/{shard}.ledger.parquet", header)
        # by name, not by path: where files lie must not matter
        return own, dict(sorted(heads.items())), sorted(heads)

    def _add(self, stage: Stage, previous: PlannedStage | None) -> PlannedStage:
        self._check_columns(stage)
        digests = [file_digest(path) for path in stage.files()]
        fields = masked({**stage.changed_fields(), **({"files": digests} if digests else {})})
        number = self.stages[-1].number + 1 if self.stages else 1
        planned = PlannedStage(number, stage.name(), "", stage, fields, stage.version)
        self._add_known(stage, planned)
        for phase in stage.chosen_phases():
            if not phase.over:
                _Adding(self, planned, previous, phase, digests).add()
        if stage.result == "documents":
            self._learn_columns(stage)
        else:
            planned.key = planned.product.key if planned.product else ""
        self.stages.append(planned)
        return planned

    def _add_known(self, stage: Stage, planned: PlannedStage) -> None:
        """What the stage knows of other datasets: tables that are there, or made before it begins."""
        check_not_read(stage, self.recipe.sources)
        planned.phases |= (known := known_tables(stage, self.store))[0]
        if tasks := known[1]:
            self.barriers.append(Barrier(f"{stage.name()} index", list(tasks)))

    def _check_columns(self, stage: Stage) -> None:
        stage.check_sources({*self.recipe.sources, *self.brought})
        if self.docs.columns is None or stage.result == "model":
            return
        made = {name for planned in self.stages if planned.stage for name in planned.stage.made(self.docs.columns)}
        check_needed(stage, self.docs.columns, made, self.recipe.sources)
        stage.check_columns(self.types)

    def _learn_columns(self, stage: Stage) -> None:
        if self.docs.columns is not None:
            made = stage.made(self.docs.columns)
            kept = {name for name in self.docs.columns if not (stage.rewrites and is_derived(name))}
            self.docs.columns = frozenset(kept) | set(made)
            self.types |= made

    def _close(self) -> None:
        """Turn the open chain into one task per shard."""
        mains = [link for link in self.links if link.role == "main"]
        if mains:
            mains[-1].stores = True
        reads = not mains and bool(self.links)
        tasks: list[Task] = []
        for number, (shard, head) in enumerate(self.head.heads.items()):
            if reads and isinstance(head, Input) and not head.source.reread:
                head = storing(head)
            tasks.append(self._each_task(number, shard, head))
        if self.links:
            label = " + ".join(dict.fromkeys(link.stage.name() for link in self.links))
            if any(isinstance(head, Input) and head.ledger for head in self.head.heads.values()):
                label = f"read + {label}"
            self.barriers.append(Barrier(label, tasks))
        elif not self.barriers and any(isinstance(head, Input) for head in self.head.heads.values()):
            self._read_only()
        if mains:
            folder = mains[-1].folder
            self.docs.heads = {shard: f"{folder}/{shard}.parquet" for shard in self.head.heads}
        elif reads:
            self.docs.heads = {shard: again(head) for shard, head in self.docs.heads.items()}
        self.links, self.head = [], self.docs

    def _read_only(self) -> None:
        """A recipe without stages still reads, counts and stores its sources."""
        tasks: list[Task] = [
            EachTask(f"read {shard}", shard, number, storing(head), (), self.claims)
            for number, (shard, head) in enumerate(self.head.heads.items())
            if isinstance(head, Input)
        ]
        self.barriers.append(Barrier("read", tasks))
        self.docs.heads = {shard: stored_path(head) for shard, head in self.head.heads.items()}
        self.stages[0].documents = tuple(str(path) for path in self.docs.heads.values())

    def _each_task(self, number: int, shard: str, head: Input | str) -> EachTask:
        steps = tuple(_step(link, shard) for link in self.links)
        names = "+".join(dict.fromkeys(link.stage.name() for link in self.links))
        gpus = max((link.phase.gpus for link in self.links), default=0)
        return EachTask(f"{names} {shard}", shard, number, head, steps, self.claims, gpus)


@dataclass
class _Adding:
    """Adds one phase of a stage to the plan."""

    planner: Planner
    planned: PlannedStage
    previous: PlannedStage | None
    phase: Phase
    digests: list[str]

    def add(self) -> None:
        self._check_reads()
        if self.phase.grouping == "each" and "docs" in self.phase.reads:
            self._to_chain()
        else:
            self.planner._close()
            self._to_tables()

    @property
    def stage(self) -> Stage:
        assert self.planned.stage is not None
        return self.planned.stage

    @property
    def size(self) -> Size:
        return Size(self.planner.bytes, len(self.planner.docs.shards))

    @property
    def is_measure(self) -> bool:
        return isinstance(self.stage, Filter) and self.phase.name == "measured"

    @property
    def is_main(self) -> bool:
        return self.stage.result == "documents" and self.phase.name == self.stage.phases()[-1].name

    def _own_key(self, parents: Sequence[str], more: Any = None) -> str:
        uses = self.stage.measured_with if isinstance(self.stage, Filter) and self.is_measure else self.phase.uses
        phase = None if self.is_main else self.phase.name
        fields = self.stage.changed_fields(uses)
        return key(self.stage.name(), self.stage.version, phase, fields, self.digests, list(parents), more)

    def _check_reads(self) -> None:
        """Raise RecipeError when nothing before this phase makes what it reads."""
        for name in self.phase.reads:
            if name not in (*ALWAYS, *self.phase.by, *self.phase.optional) and self._found(name) is None:
                raise RecipeError(
                    f"{self.stage.name()}.{self.phase.name} reads '{name}', which nothing before it makes. "
                    f"Put the stage that makes it in front: a training needs a mixture, for example."
                )

    def _found(self, name: str) -> Made | None:
        """The phase that a parameter names: of this stage, or of the one before."""
        if name in self.planned.phases:
            return self.planned.phases[name]
        if self.previous is None or name in self.phase.optional:
            return None
        if name == "sequences":
            return self.previous.product
        return self.previous.phases.get(name)

    def _by(self) -> tuple[str, ...]:
        return selected_on(self.phase, self.stage.phases())

    def _to_chain(self) -> None:
        planner = self.planner
        found = {name: self._found(name) for name in self.phase.reads}
        tables = {n: m.paths for n, m in found.items() if m is not None and m.grouping != "each"}
        keys = [m.identity for m in found.values() if m is not None and m.grouping != "each"]
        beside = {n: m for n, m in found.items() if m is not None and m.grouping == "each"}
        at = self._place()
        in_front = [link.header["key"] for link in planner.links[:at] if link.role == "main"]
        parents = [in_front[-1] if in_front else planner.head.key, *keys]
        # references hold the shard's number: where they are stored, other shards make other references
        order: list[Any] = [planner.docs.identity] if "rows" in self.phase.reads and not self.is_main else []
        order += [
            len(p.keys(self.stage, self.size)) for p in self.stage.phases() if p.keys and "size" in self.phase.reads
        ]
        own = self._own_key([*parents, *order])
        folder = self._folder(own)
        header = {
            "stage": self.stage.name(), "key": own, "version": self.stage.version, "fields": self.planned.fields,
            "parents": parents,
        }  # fmt: skip
        role: Any = "measure" if self.is_measure else "main" if self.is_main else "side"
        besides = {name: made.key for name, made in beside.items()}
        shardwise = tuple(p.name for p in self.stage.phases() if p.shardwise and p.name in tables)
        by, stores = self._by(), self.stage.costly
        link = _Link(self.stage, self.phase, role, folder, header, tables, besides, by, shardwise, stores, self.size)
        if not self.is_measure or all(other.folder != folder for other in planner.links):
            planner.links.insert(at, link)
        self._remember(own, folder, role)

    def _place(self) -> int:
        """Where in the chain it stands: at the end, or, to measure, in front of filters that add nothing it reads."""
        links, at = self.planner.links, len(self.planner.links)
        while self.is_measure and at and links[at - 1].only_drops and not self._waits_for(links[at - 1]):
            at -= 1
        return at

    def _waits_for(self, link: _Link) -> bool:
        """Whether a filter in front adds a column that this phase reads."""
        added = link.stage.made() if link.role == "main" else ()
        return any(holds(added, column) for column in self.stage.reads())

    def _folder(self, own: str) -> str:
        name = self.stage.name() if self.is_main else f"{self.stage.name()}.{self.phase.name}"
        return f"{self.planner.store}/{name}-{own}"

    def _remember(self, own: str, folder: str, role: str) -> None:
        planner, shards = self.planner, self.planner.docs.shards
        paths = tuple(f"{folder}/{shard}.parquet" for shard in shards)
        label = f"{self.stage.name()}.{self.phase.name}"
        self.planned.phases[self.phase.name] = Made(label, own, shards, paths, "each")
        if role == "main":
            self.planned.key = own
            self.planned.documents = paths
            self.planned.ledgers = tuple(f"{folder}/{shard}.ledger.parquet" for shard in shards)
            heads: dict[str, Input | str] = dict(zip(shards, paths, strict=True))
            planner.docs = _Docs(own, heads, planner.docs.columns)

    def _to_tables(self) -> None:
        found = {n: m for n in self.phase.reads if (m := self._found(n)) is not None}
        same_shard = self.phase.grouping == "each"
        parents = [m.key if same_shard and m.grouping == "each" else m.identity for m in found.values()]
        keys: Sequence[Any] = [None]
        if self.phase.grouping == "by":
            keys = list(self.phase.keys(self.stage, self.size)) if self.phase.keys else []
        own = self._own_key(parents, keys if self.phase.grouping == "by" else None)
        folder = f"{self.planner.store}/{self.stage.name()}.{self.phase.name}-{own}"
        parts = self._parts(found, keys)
        paths = tuple(f"{folder}/{part}.parquet" for part in parts)
        label = f"{self.stage.name()}.{self.phase.name}"
        self.planned.phases[self.phase.name] = Made(label, own, parts, paths, self.phase.grouping)
        tasks: list[Task] = [
            self._table_task(found, part, path, None if self.phase.grouping != "by" else tuple(keys[at]), at)
            for at, (part, path) in enumerate(zip(parts, paths, strict=True))
        ]
        self.planner.barriers.append(Barrier(label, tasks))

    def _parts(self, found: dict[str, Made], keys: Sequence[Any]) -> tuple[str, ...]:
        if self.phase.grouping == "once":
            return ("all",)
        if self.phase.grouping == "by":
            return tuple("-".join(map(str, value)) for value in keys)
        return next(made.parts for made in found.values() if made.grouping == "each")

    def _table_task(self, found: dict[str, Made], part: str, path: str, value: Any, at: int) -> TableTask:
        own = {n for n, m in found.items() if n in self.phase.own or self.phase.grouping == m.grouping == "each"}
        tables = {n: (m.paths[m.parts.index(part)],) if n in own else m.paths for n, m in found.items()}
        keyed = tuple(n for n, m in found.items() if m.grouping != "once") if value is not None else ()
        folder = path.removesuffix(".parquet") if "folder" in self.phase.reads else None
        header = {"stage": self.planned.name, "phase": self.phase.name, "part": part}
        return TableTask(
            f"{self.stage.name()}.{self.phase.name} {part}", self.stage, self.phase, path, tables,
            self.planner.claims, value, self._by(), folder, header, keyed, self.phase.gpus,
        )  # fmt: skip


def _step(link: _Link, shard: str) -> Step:
    part, made = f"{link.folder}/{shard}", f"{os.path.dirname(link.folder)}/{link.stage.name()}"
    beside = {name: f"{made}.{name}-{own}/{shard}.parquet" for name, own in link.beside.items()}
    main = link.role == "main"
    out, docs = f"{part}.ledger.parquet" if main else f"{part}.parquet", f"{part}.parquet" if link.stores else None
    more = (docs if main else None, link.tables, beside, link.by, link.shardwise)
    return Step(link.stage, link.phase, link.role, out, link.header, *more, given={"size": link.size})
