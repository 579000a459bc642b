"""Finds the index of packed rows in whatever folder is named: a run, a mixture, an export, or bare files."""

from __future__ import annotations

import json
import logging
import os
import posixpath
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import filesystem
from fsspec.asyn import sync

from datacurate.core.dataset import MANIFEST
from datacurate.core.errors import InputError
from datacurate.core.paths import file_name, is_remote, located, unreadable, without_secrets
from datacurate.core.web import in_pieces, reason
from datacurate.mixture.reading.index import INDEX, SPLITS, Index, Split, StageRows, parsed, stages_of

log = logging.getLogger("datacurate")

WAY_OUT = (
    "Name the folder of a run that has a mixture, of its mixture (RUN/NN-mixture), of its rows in the store "
    "(STORE/mixture.packed-KEY), or of `curate export --format packed`."
)


def open_index(folder: str | Path, split: Split = "train", stage: str | None = None) -> Index:
    """The index of the packed rows in a folder, here or behind a URL; of one training stage, or of all in turn.

    InputError when there are none.
    """
    if split not in SPLITS:
        raise InputError(f"no split is called '{split}'. There are: {', '.join(SPLITS)}.")
    found = replace(_found(str(folder), split), folder=without_secrets(str(folder))).only(stage)
    if not len(found):
        raise InputError(f"{folder}: the split '{split}' has no rows. Choose the other split, or make a mixture of it.")
    return found


def _found(folder: str, split: Split) -> Index:
    if (text := read_text(folder, INDEX)) is not None:
        return parsed(text, folder, split)
    if (text := read_text(folder, "plan.json")) is not None:
        folder = _mixture(folder, text)
    if (text := read_text(folder, MANIFEST)) is not None:
        return _of_manifest(folder, text, split)
    return _of_files(folder, split)


def read_text(folder: str, name: str) -> str | None:
    """The text of a file, or None where there is none; InputError for other trouble."""
    path = joined(folder, name)
    try:
        return small_file(path).decode("utf-8")
    except Exception as error:  # of any kind, for remote files
        status = getattr(error, "status", getattr(error.__cause__, "status", None))
        absent = isinstance(error, FileNotFoundError | NotADirectoryError) and error.__cause__ is None
        if absent or status in (403, 404, 410):
            return None
        raise InputError(f"{without_secrets(path)}: cannot be read: {reason(error)}.") from error


def small_file(path: str) -> bytes:
    """A whole file. No connection to a web server stays open: DataLoader forks its workers, and they would share it."""
    if not path.lower().startswith(("http://", "https://")):
        with located(path).open("rb") as file:
            return file.read()
    fs = filesystem("http", skip_instance_cache=True)
    try:
        return fs.cat_file(path)
    finally:
        if fs._session is not None:
            sync(fs.loop, fs._session.close)


def _mixture(folder: str, text: str) -> str:
    """The folder of the last mixture that a run's plan names."""
    try:
        planned = json.loads(text)["stages"]
        first = 0 if planned and planned[0]["name"] == "read" else 1
        numbers = [(at, s["key"]) for at, s in enumerate(planned, first) if s["name"] == "mixture"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}/plan.json: cannot read the plan: {error}. Run the recipe again.") from None
    if not numbers:
        raise InputError(f"{folder}: this run has no mixture. {WAY_OUT}")
    number, key = numbers[-1]
    mixture = joined(folder, f"{number:02d}-mixture")
    if (made := read_text(mixture, MANIFEST)) is None or json.loads(made).get("key") != key:
        raise InputError(f"{folder}: the run has not finished. Run the same command again to do the rest.")
    return mixture


def joined(folder: str, name: str) -> str:
    """A file named relative to a folder; `..` is undone in the text, since stores behind URLs have no such thing."""
    if not is_remote(folder):
        return os.path.normpath(os.path.join(os.path.realpath(Path(folder).expanduser()), name))
    scheme, _, rest = folder.partition("://")
    path, mark, query = rest.partition("?")
    return f"{scheme}://{posixpath.normpath(posixpath.join(path, name))}{mark}{query}"


def _of_manifest(folder: str, text: str, split: Split) -> Index:
    """The index that a mixture's own phase has made."""
    try:
        manifest = json.loads(text)
        if manifest["stage"] != "mixture":
            raise InputError(f"{folder}: this is what the stage {manifest['stage']} made. {WAY_OUT}")
        phases = manifest["phases"]
        if "index" not in phases:
            raise InputError(f"{folder}: made by an older datacurate. Run the same command again: it adds an index.")
        index, receipt = (_table(joined(folder, phases[name]["parts"][0])) for name in ("index", "receipt"))
        paths = [shard["path"] for shard in manifest["shards"]]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{folder}/{MANIFEST}: cannot be read ({error!r}). Run the recipe again.") from None
    stages = _stages(index, paths, folder, split, stages_told(receipt))
    return Index(folder, manifest["key"], split, sources_of(receipt), stages)


def sources_of(receipt: pa.Table) -> tuple[str, ...]:
    """Names of the sources, in the order of their numbers."""
    names = dict(zip(receipt["index"].to_pylist(), receipt["source"].to_pylist(), strict=True))
    return tuple(names[number] for number in sorted(names))


def stages_told(receipt: pa.Table) -> list[str]:
    """Names of the training stages, in order."""
    names = dict(zip(receipt["stage_index"].to_pylist(), receipt["stage"].to_pylist(), strict=True))
    return [names[number] for number in sorted(names)]


def of_paths(paths: Sequence[Path], index: pa.Table, receipt: pa.Table, split: Split) -> Index:
    """The index of parts that a phase gets, from the tables that the phases `index` and `receipt` made."""
    stages = _stages(index, [str(path) for path in paths], ".", split, stages_told(receipt))
    return Index("the mixture", "", split, sources_of(receipt), stages)


def _stages(index: pa.Table, paths: Sequence[str], root: str, split: Split, names: list[str]) -> tuple[StageRows, ...]:
    """Stages from the rows of the phase `index`: stage, part, split, rows."""
    by_stem = {posixpath.basename(path).removesuffix(".parquet"): path for path in paths}
    number = SPLITS.index(split)
    counts: dict[tuple[int, int], list[int]] = {}
    for stage, part, side, rows in zip(*(index[name].to_pylist() for name in index.column_names), strict=True):
        counts.setdefault((stage, part), [0, 0])[side] = rows
    files = []
    for (stage, part), found in sorted(counts.items()):
        files.append((stage, by_stem[f"{stage}-{part}"], number * found[0], found[number]))
    return stages_of(files, names, root, [None] * len(names))


def stage_names(count: int) -> list[str]:
    """Names of training stages that have none."""
    return ["train"] if count == 1 else [f"stage{number}" for number in range(count)]


def _table(path: str) -> pa.Table:
    """A small Parquet file, wherever it lies. Read by this thread: a process that ends soon after Arrow's threads were
    begun aborted in one of six runs ("terminate called without an active exception")."""
    with unreadable(path):
        return pq.ParquetFile(BytesIO(small_file(path))).read(use_threads=False)


def _of_files(folder: str, split: Split) -> Index:
    """Bare files of packed rows, by name; their rows are counted, which for many files takes a while."""
    try:
        found = sorted(file_name(path) for path in located(folder).iterdir() if path.name.endswith(".parquet"))
    except Exception as error:  # of any kind, for remote folders
        raise InputError(f"{without_secrets(folder)}: no packed rows are here ({reason(error)}). {WAY_OUT}") from None
    if not found:
        raise InputError(f"{without_secrets(folder)}: no packed rows are here. {WAY_OUT}")
    if len(found) > 100:
        log.warning("%s has no index: counting the rows of %d files", without_secrets(folder), len(found))
    number, files = SPLITS.index(split), []
    for name in sorted(found, key=_numbers):
        stage, rows = _counted(joined(folder, name))
        files.append((stage, name, number * rows[0], rows[number]))
    names = stage_names(1 + max(file[0] for file in files))
    key = folder.rstrip("/").rpartition("/")[2].removeprefix("mixture.packed-")
    stages = stages_of(sorted(files, key=lambda file: file[0]), names, folder, [None] * len(names))
    return Index(folder, key, split, (), stages)


def _numbers(name: str) -> tuple[tuple[int, str], ...]:
    """Part 10 comes after part 9."""
    words = name.removesuffix(".parquet").split("-")
    return tuple((int(word), "") if word.isdecimal() else (-1, word) for word in words)


def _counted(path: str) -> tuple[int, list[int]]:
    """Training stage of a file, and its rows per split."""
    with unreadable(path):
        file = pq.ParquetFile(in_pieces(located(path)) if is_remote(path) else path)
        if "split" not in file.schema_arrow.names or "input_ids" not in file.schema_arrow.names:
            raise InputError(f"{without_secrets(path)}: this file holds no packed rows. {WAY_OUT}")
        columns = [name for name in ("split", "stage") if name in file.schema_arrow.names]
        table = file.read(columns=columns)
    split = np.asarray(table["split"])
    stage = int(table["stage"][0].as_py()) if "stage" in columns and len(split) else 0
    return stage, [int((split == number).sum()) for number in range(len(SPLITS))]
