"""Runs tasks one after the other in this process; for tests, small runs and debuggers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from datacurate.core.errors import CurateError
from datacurate.core.executor import Failure, quietly_named
from datacurate.core.stage import Stage
from datacurate.core.task import Task
from datacurate.core.web import masked


class Inline:
    """One task at a time, here."""

    workers = 1

    def __init__(self, logs: Path):
        self.logs = logs

    def start(self, stages: list[Stage]) -> None:
        """Nothing to start: what is slow to load is loaded by the first task that needs it."""

    def run(self, tasks: list[Task], finished: Callable[[Task], None]) -> list[Failure]:
        """Attempt all tasks; a failing one does not stop the others."""
        failures = []
        for task in tasks:
            try:
                task.attempt()
                finished(task)
            except Exception as error:
                log = self.logs / f"{quietly_named(task.label)}.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text(masked(traceback.format_exc()), encoding="utf-8")
                failures.append(Failure(task.label, masked(f"{type(error).__name__}: {error}"), str(log), _user(error)))
        return failures

    def stop(self) -> None:
        """Nothing to stop."""


def _user(error: Exception) -> CurateError | None:
    return error if isinstance(error, CurateError) else None
