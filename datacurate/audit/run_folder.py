"""Run folders: what `execute` left behind, read back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacurate.core.dataset import MANIFEST
from datacurate.core.errors import InputError


@dataclass(frozen=True)
class FinishedStage:
    """One stage of a finished run: its folder and its manifest."""

    folder: Path
    manifest: dict[str, Any]
    label: str
    """The stage's name, with `#2` when it is the second of this name."""

    @property
    def name(self) -> str:
        return self.manifest["stage"]

    @property
    def books(self) -> dict[str, Any] | None:
        """The totals of its ledger; None when it hands on no documents."""
        return self.manifest.get("ledger")

    @property
    def ledgers(self) -> dict[str, Path]:
        """Ledger files by shard."""
        paths = [self._path(path) for path in self.manifest["ledgers"]]
        return {path.name.removesuffix(".ledger.parquet"): path for path in paths}

    @property
    def shards(self) -> dict[str, Path]:
        """Files of documents (or sequences) by shard; none when its documents were not stored."""
        return {shard["name"]: self._path(shard["path"]) for shard in self.manifest["shards"]}

    def phase(self, name: str) -> dict[str, Path]:
        """Parts of a phase by name; none when the stage has no such phase."""
        parts = self.manifest["phases"].get(name, {}).get("parts", [])
        return {Path(part).stem: self._path(part) for part in parts}

    def _path(self, relative: str) -> Path:
        """A file named relative to the folder, which may have been reached through a link."""
        path = self.folder / relative
        return path if path.exists() else Path(os.path.normpath(path))


@dataclass(frozen=True)
class Finished:
    """A finished run: its plan, its recipe and its stages in order."""

    folder: Path
    plan: dict[str, Any]
    recipe: str
    stages: list[FinishedStage]

    @property
    def name(self) -> str:
        return str(self.plan["recipe"])

    @property
    def booked(self) -> list[FinishedStage]:
        """The stages that keep books: those through which documents flow."""
        return [stage for stage in self.stages if stage.books is not None]

    @property
    def documents(self) -> FinishedStage | None:
        """The last stage whose documents are stored, if that is the last one through which documents flow."""
        return self.booked[-1] if self.booked and self.booked[-1].manifest["shards"] else None

    def last(self, name: str) -> FinishedStage | None:
        """The last stage of this name, if there is one."""
        return next((stage for stage in reversed(self.stages) if stage.name == name), None)


def open_run(folder: str | Path) -> Finished:
    """Read a run's folder. InputError when it is none, or when the run has not finished."""
    folder = Path(folder)
    plan = _plan(folder)
    planned = plan["stages"]
    first = 0 if planned and planned[0]["name"] == "read" else 1
    stages: list[FinishedStage] = []
    for number, stage in enumerate(planned, first):
        path = folder / f"{number:02d}-{stage['name']}"
        again = sum(other.name == stage["name"] for other in stages)
        label = f"{stage['name']}#{again + 1}" if again else stage["name"]
        stages.append(FinishedStage(path, _manifest(path, stage), label))
    _check_files(folder, stages)
    return Finished(folder, plan, _text(folder / "recipe.yaml"), stages)


def _plan(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Name the folder of a run, e.g. runs/web.")
    if not (folder / "plan.json").exists():
        hint = "Name the folder of a run, which holds plan.json and one folder per stage."
        if (folder.parent / "plan.json").exists():
            hint = f"It is a stage of the run {folder.parent}: name that folder."
        raise InputError(f"{folder} is not the folder of a run. {hint}")
    try:
        plan = json.loads(_text(folder / "plan.json"))
        return {"recipe": plan["recipe"], "stages": list(plan["stages"])}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}/plan.json: cannot read the plan: {error}. Run the recipe again.") from None


def _manifest(folder: Path, planned: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a planned stage; one of another key was left by an earlier run."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
    if manifest.get("key") != planned["key"]:
        raise InputError(
            f"{folder.parent}: the run has not finished: {folder.name} is not done. "
            "Run the same command again to do the rest."
        )
    return manifest


def _check_files(folder: Path, stages: list[FinishedStage]) -> None:
    missing = [path for stage in stages for path in stage.ledgers.values() if not path.exists()]
    if missing:
        raise InputError(
            f"{folder}: the ledger {missing[0]} and {len(missing) - 1} more are missing from the store. "
            "Run the recipe again: it makes what is missing."
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}. Run the recipe again.") from None
