"""What the engine asks of an executor: to attempt tasks. Whether a task is done is decided by its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from datacurate.core.errors import CurateError
from datacurate.core.identity import key
from datacurate.core.stage import Stage
from datacurate.core.task import Task


@dataclass(frozen=True)
class Failure:
    """A task that did not get done: what was said, and the log to read."""

    task: str
    message: str
    log: str
    error: CurateError | None = None
    """The error itself when it is one that a user can fix."""


class Executor(Protocol):
    """Attempts tasks somewhere. Tasks are picklable and share nothing but the store."""

    workers: int
    logs: Path

    def start(self, stages: list[Stage]) -> None:
        """Get ready; compile kernels once before fanning out."""

    def run(self, tasks: list[Task], finished: Callable[[Task], None]) -> list[Failure]:
        """Attempt all tasks, calling `finished` for each that got done; the failures are returned, never raised."""

    def stop(self) -> None:
        """Let workers go."""


def compiled_marker(stages: list[Stage]) -> Path | None:
    """A file that is there once the kernels of these stages have been compiled into the cache; None without a cache."""
    kernels = import_module("datacurate.kernels")
    names = sorted({stage.name() for stage in stages})
    return None if kernels.CACHE is None else kernels.CACHE / f"compiled-{key(kernels.sources_digest(), names)}"


def quietly_named(label: str) -> str:
    """A task's label as a file name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in label)[:150]
