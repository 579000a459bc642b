"""What a stage knows of other datasets: tables made of their documents, on the fly or kept in an index.

An index is a folder that holds the parts of the `over` phases of one stage, named as in the store, and a manifest that
lists them. Parts never change; extending an index adds some and replaces the manifest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from datacurate.core.claims import claim
from datacurate.core.dataset import Dataset
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.heads import check_stored, expanded, plain
from datacurate.core.identity import file_digest, key
from datacurate.core.phase import Phase, selected_on
from datacurate.core.plan import Made
from datacurate.core.source import Source
from datacurate.core.stage import Stage
from datacurate.core.store import write_json
from datacurate.core.task import EachTask, Step

INDEX = "index.json"
FORMAT = 1
TAIL = 64 << 10
"""Bytes at the end of a part (Parquet's directory of the file) that stand for it: planning does not read it all."""
AGAIN = "Make the index again with `curate dedup index`"


@dataclass(frozen=True)
class Parts:
    """The tables of one dataset (or index): per `over` phase the parts by identity, and the tasks that make them."""

    paths: dict[str, dict[str, str]]
    tasks: list[EachTask]
    datasets: list[dict[str, Any]]
    """Name, key and shards of the dataset, or of those that are in the index."""


@dataclass(frozen=True)
class Index:
    """An index on disk: `manifest` names the stage and its options, the datasets, and every part."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> Index:
        """Read the manifest; InputError when there is none, or when a part is missing or damaged."""
        path = Path(folder) / INDEX
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            index = cls(Path(folder), manifest)
            if manifest["format"] != FORMAT:
                raise InputError(f"{folder}: an index of format {manifest['format']}, not {FORMAT}. {AGAIN}.")
            for part in manifest["parts"]:
                index._check(part)
        except FileNotFoundError:
            raise InputError(f"{folder}: no {INDEX} here. Make one with `curate dedup index`.") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: cannot read the index: {error!r}. {AGAIN}.") from None
        return index

    def _check(self, part: dict[str, Any]) -> None:
        path = self.folder / part["path"]
        if not path.exists():
            raise InputError(f"{self.folder}: {part['path']} is missing. {AGAIN}, or restore the file.")
        if _described(path) != {name: part[name] for name in ("bytes", "digest")}:
            raise InputError(f"{self.folder}: {part['path']} is damaged. {AGAIN}, or restore the file.")

    def fit(self, stage: Stage) -> None:
        """Raise RecipeError unless the index was made with what this stage would make it with."""
        wanted, own = rules(stage), self.manifest["rules"]
        if own == wanted:
            return
        if own["stage"] != wanted["stage"]:
            raise RecipeError(f"{self.folder}: an index for {own['stage']}, which {wanted['stage']} cannot use.")
        both = own["options"].keys() | wanted["options"].keys()
        other = [n for n in sorted(both) if own["options"].get(n) != wanted["options"].get(n)]
        said = [f"{n} {_said(own['options'].get(n))}, not {_said(wanted['options'].get(n))}" for n in other]
        said += [f"{n} {own[n]}, not {wanted[n]}" for n in ("version", "files") if own[n] != wanted[n]]
        name = f"{self.folder}: the index was made with {wanted['stage']} of {'; '.join(said)}"
        raise RecipeError(f"{name}. {AGAIN}, or give the stage the options of the index.")

    def parts(self, phase: str) -> dict[str, str]:
        """Paths of the parts of a phase, by their identity."""
        mine = [self.folder / part["path"] for part in self.manifest["parts"] if part["phase"] == phase]
        return {_identity(path): str(path) for path in mine}

    def holds(self, dataset: Dataset) -> bool:
        """Whether every shard of a dataset is in the index, under whatever name."""
        return _shards(dataset) <= {(d["key"], shard) for d in self.manifest["datasets"] for shard in d["shards"]}


def over_phases(stage: Stage | type[Stage]) -> list[Phase]:
    """The phases of a stage that see documents of other datasets."""
    return [phase for phase in stage.phases() if phase.over]


def rules(stage: Stage) -> dict[str, Any]:
    """All that the tables of an index depend on beside the documents."""
    used = {name for phase in over_phases(stage) for name in phase.uses or ()}
    options = stage.model_dump(mode="json", include=used)
    files = [file_digest(path) for path in stage.files()]
    return {"stage": stage.name(), "version": stage.version, "options": options, "files": files}


def check_not_read(stage: Stage, sources: dict[str, Source]) -> None:
    """Raise RecipeError when a run reads what it is to be compared with: every document would be its own copy.

    A dataset is known by its files, whatever links lead there, and by key and shards; one in an index by these alone,
    since an index knows no files of it.
    """
    phases = [phase for phase in stage.chosen_phases() if phase.over]
    folders = dict.fromkeys(str(folder) for phase in phases for folder in getattr(stage, str(phase.over)))
    for folder in folders:
        files, shards = _identities(folder)
        for name, source in sources.items():
            place = source.dataset()
            paths, own = (
                _identities(place) if place is not None else ({*map(os.path.realpath, expanded(source))}, set())
            )
            if files & paths or shards & own:
                raise RecipeError(
                    f"{stage.name()}: against: {folder} holds documents that source {name} reads: each would be merged "
                    "into itself. Leave it out of `against`, or out of the sources."
                )


def _identities(folder: str) -> tuple[set[str], set[tuple[str, str]]]:
    """Files, and keys with shards, of a dataset or of those that an index holds; nothing of what cannot be opened."""
    try:
        if (Path(folder) / INDEX).exists():
            held = Index.open(folder).manifest["datasets"]
            return set(), {(one["key"], shard) for one in held for shard in one["shards"]}
        dataset = Dataset.open(folder)
    except InputError:
        return set(), set()  # `known_tables` says what is wrong
    return {os.path.realpath(shard.path) for shard in dataset.shards}, _shards(dataset)


def known_tables(stage: Stage, store: str) -> tuple[dict[str, Made], list[EachTask]]:
    """What the `over` phases of a stage make of the datasets and indexes that it names, and the tasks still to do.

    The order of the entries does not matter, nor that one is named twice. A `@by` phase gets the tables whole, as
    `store.Parts`, and asks for `only` some keys: an index is laid out once, whatever the size of the run.
    """
    phases = [phase for phase in stage.chosen_phases() if phase.over]
    folders = dict.fromkeys(str(folder) for phase in phases for folder in getattr(stage, str(phase.over)))
    entries = [_entry(stage, folder, store) for folder in folders]
    check_names([(folder, one) for folder, entry in zip(folders, entries, strict=True) for one in entry.datasets])
    made: dict[str, Made] = {}
    for phase in phases:
        paths = {name: path for entry in entries for name, path in entry.paths[phase.name].items()}
        names = tuple(sorted(paths))
        label = f"{stage.name()}.{phase.name}"
        made[phase.name] = Made(label, key(label, names), names, tuple(paths[name] for name in names), "once")
    return made, list({task.outputs[0]: task for entry in entries for task in entry.tasks}.values())


def check_names(datasets: Iterable[tuple[str | Path, dict[str, Any]]]) -> None:
    """Raise RecipeError when different datasets have one name: ledgers could not tell survivors in them apart.

    Of each dataset the folder that it, or its index, was found in, and what an index says of it.
    """
    seen: dict[str, tuple[str | Path, dict[str, Any]]] = {}
    for folder, one in datasets:
        other, before = seen.setdefault(one["name"], (folder, one))
        if before is one:
            continue
        if before["key"] != one["key"] or {*before["shards"]}.isdisjoint(one["shards"]):
            where = f"{other} and {folder} have" if other != folder else f"{folder} has"
            raise RecipeError(
                f"{where} different datasets named '{one['name']}', and ledgers name survivors NAME:ID. "
                "A dataset's name is its folder's: rename one of the folders, or write the datasets to folders of "
                "different names."
            )


def _entry(stage: Stage, folder: str, store: str) -> Parts:
    """The tables of one entry: of an index as they are there, of a dataset as they will be in the store."""
    try:
        if (Path(folder) / INDEX).exists():
            index = Index.open(folder)
            index.fit(stage)
            paths = {phase.name: index.parts(phase.name) for phase in over_phases(stage)}
            return Parts(paths, [], index.manifest["datasets"])
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder. Name a finished dataset or an index.")
        return dataset_parts(stage, folder, store)
    except InputError as error:
        raise InputError(f"{stage.name()}: against: {error}") from None


def dataset_parts(stage: Stage, folder: str | Path, store: str) -> Parts:
    """The tables of a dataset under `store`, and one task per shard that makes them."""
    check_stored(str(folder))
    dataset = Dataset.open(folder)
    _check_columns(stage, dataset)
    phases = over_phases(stage)
    folders = {p.name: f"{store}/{stage.name()}.{p.name}-{_phase_key(stage, p, dataset)}" for p in phases}
    tasks = []
    for number, shard in enumerate(dataset.shards):
        steps = [_step(stage, p, f"{folders[p.name]}/{shard.name}.parquet", dataset_name(dataset)) for p in phases]
        label = f"{stage.name()} index {dataset_name(dataset)} {shard.name}"
        tasks.append(EachTask(label, shard.name, number, str(shard.path), tuple(steps), f"{store}/.claims"))
    outs = {p.name: [f"{folders[p.name]}/{shard.name}.parquet" for shard in dataset.shards] for p in phases}
    paths = {name: {_identity(Path(out)): out for out in mine} for name, mine in outs.items()}
    return Parts(paths, tasks, [_entered(dataset)])


def _check_columns(stage: Stage, dataset: Dataset) -> None:
    import pyarrow.parquet as pq

    for shard in dataset.shards[:1]:
        there = pq.read_schema(shard.path).names
        for column in ("id", *stage.reads_over()):
            if column not in there:
                raise InputError(f"{dataset.folder}: its documents have no column '{column}'.")


def _step(stage: Stage, phase: Phase, out: str, name: str) -> Step:
    header = {"stage": stage.name(), "phase": phase.name, "dataset": name}
    by = selected_on(phase, stage.phases())
    return Step(stage, phase, "side", out, header, by=by, given={"dataset": name})


def _phase_key(stage: Stage, phase: Phase, dataset: Dataset) -> str:
    files = [file_digest(path) for path in stage.files()]
    fields = stage.changed_fields(phase.uses)
    return key(stage.name(), stage.version, phase.name, fields, files, dataset.key, dataset_name(dataset))


def dataset_name(dataset: Dataset) -> str:
    """What ledgers call a dataset: its folder's name, or for a stage's folder in a run the run's."""
    folder = dataset.folder.resolve()
    inside = folder.name == dataset.manifest.get("folder") and (folder.parent / "recipe.yaml").exists()
    return plain(folder.parent.name if inside else folder.name)


def _shards(dataset: Dataset) -> set[tuple[str, str]]:
    return {(dataset.key, shard.name) for shard in dataset.shards}


def _identity(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _described(path: Path) -> dict[str, Any]:
    """Bytes of a part and a digest of its end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL))
        return {"bytes": size, "digest": blake2b(file.read(), digest_size=8).hexdigest()}


def _said(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def new(stage: Stage) -> dict[str, Any]:
    """The manifest of an index that holds nothing yet."""
    return {"format": FORMAT, "rules": rules(stage), "datasets": [], "parts": []}


def add(folder: str | Path, stage: Stage, datasets: list[Dataset]) -> Index:
    """Enter datasets, whose parts are in the folder, in the manifest; what another launch entered meanwhile stays."""
    path = Path(folder) / INDEX
    with claim(Path(folder) / ".claims" / "index.lock"):
        manifest = Index.open(folder).manifest if path.exists() else new(stage)
        for dataset in datasets:
            if not Index(Path(folder), manifest).holds(dataset):
                manifest["datasets"].append(_entered(dataset))
                manifest["parts"] += [p for p in _entered_parts(folder, stage, dataset) if p not in manifest["parts"]]
        write_json(path, manifest)
    return Index.open(folder)


def _entered(dataset: Dataset) -> dict[str, Any]:
    shards = [shard.name for shard in dataset.shards]
    return {"name": dataset_name(dataset), "key": dataset.key, "documents": len(dataset), "shards": shards}


def _entered_parts(folder: str | Path, stage: Stage, dataset: Dataset) -> Iterator[dict[str, Any]]:
    made = dataset_parts(stage, dataset.folder, str(folder))
    for phase, paths in made.paths.items():
        for path in sorted(paths.values()):
            place = Path(path).relative_to(folder)
            yield {"phase": phase, "path": str(place), **_described(Path(path))}
