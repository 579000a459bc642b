"""Which files hold how many rows of a packed mixture, from its receipts: no footer is read for that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from datacurate.core.errors import InputError, did_you_mean

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
INDEX = "index.json"
"""The index of an export."""
VERSION = 1


@dataclass(frozen=True)
class StageRows:
    """The rows that one split has of one training stage: file i holds `counts[i]` of them, from its row `firsts[i]` on.

    `names` are relative to `root`, a folder on this machine or behind a URL.
    """

    name: str
    root: str
    names: Sequence[str]
    firsts: np.ndarray
    counts: np.ndarray
    sequence_length: int | None = None
    """None where only the files know."""
    first_row: int = 0
    """The number in the mixture of the stage's first row."""

    @cached_property
    def ends(self) -> np.ndarray:
        """Rows up to the end of each file."""
        return np.cumsum(self.counts, dtype=np.int64)

    @property
    def rows(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def pieces(self, first: int, stop: int) -> list[tuple[int, int, int]]:
        """File, row in it and number of rows, for rows `first` to `stop` of the stage."""
        at = int(np.searchsorted(self.ends, first, side="right"))
        found = []
        while first < stop:
            begin = int(self.ends[at] - self.counts[at])
            count = min(stop, int(self.ends[at])) - first
            found.append((at, int(self.firsts[at]) + first - begin, count))
            first, at = first + count, at + 1
        return [piece for piece in found if piece[2]]


@dataclass(frozen=True)
class Index:
    """The rows of one split, training stage by training stage. `key` is the identity of the mixture."""

    folder: str
    key: str
    split: Split
    sources: tuple[str, ...]
    stages: tuple[StageRows, ...]

    def __len__(self) -> int:
        return sum(stage.rows for stage in self.stages)

    @cached_property
    def bounds(self) -> np.ndarray:
        """Where each stage begins among all rows, and where the last ends."""
        return np.cumsum([0, *(stage.rows for stage in self.stages)], dtype=np.int64)

    @property
    def stage_names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages)

    def only(self, stage: str | None) -> Index:
        """The rows of one training stage. InputError for a name that there is not."""
        if stage is None:
            return self
        if stage not in self.stage_names:
            hint = did_you_mean(stage, list(self.stage_names))
            raise InputError(f"{self.folder}: no training stage is called '{stage}'. {hint}")
        return replace(self, stages=tuple(one for one in self.stages if one.name == stage))

    def place(self, row: int) -> tuple[StageRows, str, int]:
        """Stage, file and row in the file of a row of the mixture. InputError for a number that is too high."""
        if not 0 <= row < len(self):
            raise InputError(
                f"{self.folder}: the split '{self.split}' has rows 0 to {len(self) - 1:,}, none is {row:,}."
            )
        at = int(np.searchsorted(self.bounds, row, side="right")) - 1
        stage = self.stages[at]
        file, inside, _ = stage.pieces(row - int(self.bounds[at]), row - int(self.bounds[at]) + 1)[0]
        return stage, stage.names[file], inside

    def number(self, stage: StageRows, file: int, inside: int) -> int:
        """The number in the mixture of a row of a file."""
        return stage.first_row + int(stage.ends[file] - stage.counts[file] - stage.firsts[file]) + inside


def stages_of(
    files: Iterable[tuple[int, str, int, int]], names: Sequence[str], root: str, lengths: Sequence[int | None]
) -> tuple[StageRows, ...]:
    """Stages from files in order: number of the stage, name of the file, first row and number of rows."""
    found: list[list[tuple[str, int, int]]] = [[] for _ in names]
    for stage, name, first, count in files:
        if count:
            found[stage].append((name, first, count))
    made, first_row = [], 0
    for name, length, mine in zip(names, lengths, found, strict=True):
        firsts, counts = (np.array([one[i] for one in mine], np.int64) for i in (1, 2))
        made.append(StageRows(name, root, [one[0] for one in mine], firsts, counts, length, first_row))
        first_row += made[-1].rows
    return tuple(made)


def written(key: str, sources: Sequence[str], stages: list[dict[str, Any]], files: list[dict[str, Any]]) -> str:
    """The text of an index: stages with `name`, `sequence_length` and, if only one is there, `first_row` (by
    split: its number in the mixture); files with `name`, `stage` (its place there), `split`, `rows`."""
    told = {"version": VERSION, "key": key, "sources": list(sources), "stages": stages, "files": files}
    return json.dumps(told, separators=(",", ":")) + "\n"


def parsed(text: str, folder: str, split: Split) -> Index:
    """The index of an export. InputError when it is none."""
    try:
        told = json.loads(text)
        if told["version"] != VERSION:
            raise InputError(
                f"{folder}/{INDEX}: an index of version {told['version']}, and this datacurate reads {VERSION}. "
                "Install a newer datacurate, or export the mixture again."
            )
        files = [(f["stage"], f["name"], 0, f["rows"]) for f in told["files"] if f["split"] == split]
        names = [stage["name"] for stage in told["stages"]]
        stages = stages_of(files, names, folder, [stage["sequence_length"] for stage in told["stages"]])
        if len(stages) == 1:
            stages = (replace(stages[0], first_row=told["stages"][0].get("first_row", {}).get(split, 0)),)
        return Index(folder, told["key"], split, tuple(told["sources"]), stages)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{folder}/{INDEX}: this is no index of packed rows ({error!r}). Export them again.") from None
