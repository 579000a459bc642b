"""Where chains begin: files of sources that are read, stored documents, datasets of earlier runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from datacurate.core.dataset import Dataset
from datacurate.core.errors import InputError, RecipeError, did_you_mean, nearest
from datacurate.core.identity import file_digest, key
from datacurate.core.paths import file_name, unreadable
from datacurate.core.plan import Made, PlannedStage
from datacurate.core.source import Source
from datacurate.core.stage import Stage, holds
from datacurate.core.task import Input


def check_stored(folder: str) -> None:
    """Raise InputError when a dataset's documents are not there: a fused stage hands them on without storing them."""
    dataset = Dataset.open(folder)
    kept = dataset.manifest.get("ledger", {}).get("out", {}).get("documents", 0)
    if kept and not dataset.shards:
        raise InputError(
            f"{folder}: this stage handed on {kept:,} documents without storing them. "
            "Name a later stage of the run; the last one is always stored."
        )


def given_stage(dataset: Dataset) -> PlannedStage:
    """A dataset as the stage before the first one, so that training can read a mixture made earlier."""
    shards = dataset.shards
    product = Made("given", dataset.key, tuple(s.name for s in shards), tuple(str(s.path) for s in shards), "by")
    folder = dataset.folder.resolve()
    phases = {}
    for name, phase in dataset.manifest["phases"].items():
        paths = tuple(os.path.normpath(folder / part) for part in phase["parts"])
        phases[name] = Made(name, phase["key"], tuple(Path(path).stem for path in paths), paths, "once")
    manifest = dataset.manifest
    return PlannedStage(
        0, manifest["stage"], dataset.key, None, manifest["fields"], manifest["version"], phases, given=product
    )


def storing(head: Input) -> Input:
    """The same input, its documents stored as they were read."""
    return replace(head, docs=str(head.ledger).replace(".ledger.parquet", ".parquet"))


def again(head: Input | str) -> Input | str:
    """What later tasks read: the stored documents, or the file once more."""
    if isinstance(head, str) or not head.source.reread:
        return stored_path(head)
    return replace(head, ledger=None)


def stored_path(head: Input | str) -> str:
    return head if isinstance(head, str) else str(storing(head).docs)


def columns_of(sources: Any) -> frozenset[str] | None:
    """Columns that the documents of all sources are known to have; None when a source keeps its own columns."""
    known = [source.columns() for source in sources]
    return None if any(columns is None for columns in known) else frozenset(set.union(*map(set, known)))


def types_of(sources: Any) -> dict[str, Any]:
    """Arrow types of columns, None where sources disagree or nothing is known."""
    found: dict[str, Any] = {}
    for source in sources:
        for column, kind in source.types().items():
            found[column] = kind if found.get(column, kind) == kind else None
    return found


def expanded(source: Source) -> list[Path]:
    return source.files()


def left_out(source: Source) -> dict[str, dict[str, int]]:
    """How many files of the source's folders are not read, by ending, if there are any."""
    left = {} if source.dataset() else source.listing().left
    return {"left_out": dict(sorted(left.items()))} if left else {}


def shards_of(name: str, source: Source) -> Iterator[tuple[Path, int, str]]:
    """What the source reads shard by shard, with its size and the shard's name, which the content makes."""
    for file in source.shards():
        with unreadable(file):
            yield file, file.stat().st_size, shard_of(name, file)


def shard_of(name: str, file: Path) -> str:
    """The name of the shard that a file of a source becomes."""
    called = file_name(file)
    return f"{plain(name)}-{plain(called.split('.')[0])}-{key(name, called, file_digest(file))}"


def plain(name: str) -> str:
    """A name made safe for a file: letters, digits, `_` and `-`."""
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in name)[:80] or "_"


def unique(shard: str, taken: dict[str, Any]) -> str:
    """The shard's name, with a number when a file of equal name and content is there already."""
    number, name = 1, shard
    while name in taken:
        number += 1
        name = f"{shard}-{number}"
    return name


def check_needed(stage: Stage, columns: frozenset[str], made: Iterable[str], sources: dict[str, Source]) -> None:
    """Raise RecipeError when nothing makes a column that a stage cannot do without, or a file of a source lacks it.

    `columns` are all that are there in front of the stage, `made` those of them that other stages make.
    """
    for column, needed in stage.reads().items():
        if needed and not holds(columns, column):
            hint = nearest(column, columns) or _keys(column, sources, stage) or did_you_mean(column, columns)
            raise RecipeError(f"{stage.name()} needs the column '{column}', which nothing before it makes. {hint}")
        if needed and column in columns and column not in (*stage.needs, *made):
            _check_files(stage, column, sources)


def _keys(column: str, sources: dict[str, Source], stage: Stage) -> str:
    """What the first record of a source has, where its keys are kept in `meta`."""
    for source in sources.values():
        if (found := source.first_keys()) is not None:
            place, keys = found
            near = nearest(column, keys).replace("'", "'meta.", 1) if stage.reads_meta else ""
            return f"{place}, has the keys {', '.join(keys)}; those that are no columns are in 'meta'. {near}".rstrip()
    return ""


def _check_files(stage: Stage, column: str, sources: dict[str, Source]) -> None:
    for name, source in sources.items():
        if lacking := source.lacking(column):
            more = f" and {len(lacking) - 1} more files" if lacking[1:] else ""
            raise RecipeError(
                f"{stage.name()} needs the column '{column}', which {lacking[0]}{more} of source {name} "
                f"{'lack' if more else 'lacks'}. Write it into these files, with nulls, or leave them out."
            )
