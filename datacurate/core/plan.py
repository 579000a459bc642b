"""Plans: a recipe resolved to keys, and to barriers of independent tasks. Nothing runs here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from datacurate.core.identity import key
from datacurate.core.recipe import Recipe
from datacurate.core.stage import Stage
from datacurate.core.task import Task


@dataclass(frozen=True)
class Made:
    """What a phase makes: parts in one folder, under one key."""

    label: str
    key: str
    parts: tuple[str, ...]
    paths: tuple[str, ...]
    grouping: Literal["each", "by", "once"]

    @property
    def identity(self) -> str:
        """The key together with the parts in order: what a phase depends on that reads all of them."""
        return key(self.key, self.parts)


@dataclass
class PlannedStage:
    """One stage of a plan: its keys and where its files will be."""

    number: int
    name: str
    key: str
    stage: Stage | None
    fields: dict[str, Any]
    version: int
    phases: dict[str, Made] = field(default_factory=dict)
    ledgers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    sources: dict[str, Any] = field(default_factory=dict)
    brought: dict[str, dict[str, int]] = field(default_factory=dict)
    """Documents and bytes by source that come from datasets, beside those that are read from files."""
    given: Made | None = None
    """What a dataset that is read in place hands on."""

    @property
    def folder(self) -> str:
        """The stage's folder in the run."""
        return f"{self.number:02d}-{self.name}"

    @property
    def product(self) -> Made | None:
        """The phase whose parts the stage hands on, when these are not documents."""
        if self.stage is None or self.stage.result == "documents":
            return self.given
        return self.phases[self.stage.handed_on or list(self.phases)[-1]]

    def finished(self) -> bool:
        """Whether the ledgers, and what the stage hands on if that is stored, are all there."""
        product = self.product
        return all(Path(path).exists() for path in (*self.ledgers, *(product.paths if product else ())))

    def identity(self) -> dict[str, Any]:
        """What is remembered of the stage, to explain at the next run why something runs again."""
        phases = {name: made.identity for name, made in self.phases.items()}
        return {
            "name": self.name, "key": self.key, "version": self.version, "fields": self.fields, "phases": phases,
            "sources": self.sources,
        }  # fmt: skip


@dataclass
class Barrier:
    """Tasks that may run at the same time, once those of all earlier barriers are done."""

    label: str
    tasks: list[Task]


@dataclass
class Plan:
    """A recipe, resolved: stages with keys, and barriers of tasks."""

    recipe: Recipe
    store: str
    stages: list[PlannedStage]
    barriers: list[Barrier]
    brought: dict[str, dict[str, int]] = field(default_factory=dict)
    """Documents and bytes, by source, of the datasets that are read in place."""

    @property
    def tasks(self) -> list[Task]:
        return [task for barrier in self.barriers for task in barrier.tasks]

    def missing(self) -> list[Task]:
        """The tasks that are not done."""
        return [task for task in self.tasks if not task.done()]


def plan(recipe: Recipe, store: str | Path) -> Plan:
    """Resolve a recipe. Reads the digests of source and model files; raises InputError when they cannot be read."""
    from datacurate.core.planner import Planner

    return Planner(recipe, Path(store)).plan()
