"""Progress of a run: live bars on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from typing import Any

from datacurate.cli_stages import printable
from datacurate.core.executor import Failure
from datacurate.core.plan import Barrier
from datacurate.core.task import Task


def reporter(quiet: bool = False) -> Any:
    """The reporter that suits standard error: bars on a terminal, lines elsewhere, nothing with `quiet`."""
    if quiet:
        from datacurate.core.run import Silent

        return Silent()
    return Bars() if sys.stderr.isatty() else Lines()


def _told(failure: Failure) -> str:
    """What failed, and why unless the user can mend it: such an error ends the run and is said in full there."""
    return f"failed: {failure.task}" + (f": {failure.message}" if failure.error is None else "")


class Lines:
    """One line when a barrier starts, and one when tasks of it fail; a line every 10 s in long ones."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.said = 0.0
        self.done = self.total = 0

    def barrier(self, barrier: Barrier, missing: int) -> None:
        self.done, self.total = 0, missing
        if missing:
            self._say(f"{barrier.label}: {missing} of {len(barrier.tasks)} tasks")

    def finished(self, task: Task) -> None:
        self.done += 1
        if time.monotonic() - self.said > 10:
            self._say(f"  {self.done} of {self.total} done")

    def failed(self, failure: Failure) -> None:
        self._say(f"  {_told(failure)}")

    def _say(self, line: str) -> None:
        self.said = time.monotonic()
        print(f"[{self.said - self.began:6.1f} s] {printable(line)}", file=sys.stderr, flush=True)


class Bars:
    """One bar per barrier."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.bar: Any = None

    def barrier(self, barrier: Barrier, missing: int) -> None:
        self.progress.start()
        if self.bar is not None:
            self.progress.stop_task(self.bar)
        done = len(barrier.tasks) - missing
        names = barrier.label.split(" + ")
        label = barrier.label if len(names) < 4 else f"{names[0]} … {names[-1]}"
        self.bar = self.progress.add_task(label, total=len(barrier.tasks), completed=done)

    def finished(self, task: Task) -> None:
        self.progress.advance(self.bar)

    def failed(self, failure: Failure) -> None:
        self.progress.console.print(printable(_told(failure)), markup=False)

    def close(self) -> None:
        self.progress.stop()
