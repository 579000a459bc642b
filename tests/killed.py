"""Runs of one stage in processes of their own that stop inside a chosen phase, so that they can be killed there.

Processes are forked from one that has imported everything (`context`): starting Python anew for each would take most of
the time.
"""

from __future__ import annotations

import functools
import inspect
import json
import multiprocessing
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datacurate.core.registry import stage_class, stage_modules
from tests.contract import exam

STAGES = [name for name in exam.STAGES if ".dedup." in stage_modules()[name]]
"""Every deduplicating stage; a new file in stages/dedup is among them by being there."""


@dataclass(frozen=True)
class Job:
    """A run of a stage over the Parquet files of a folder, into `out`."""

    stage: str
    options: dict[str, Any]
    docs: str
    out: str
    workers: int = 0
    """0: in the process itself."""
    phase: str | None = None
    """Where to stop; None: run to the end, and count the calls of every phase."""
    call: int = 1
    """Which call of the phase stops, counted over all processes of the run."""

    @property
    def store(self) -> Path:
        return Path(self.out) / "store"

    @property
    def marker(self) -> Path:
        """Written by the process that stops: its id, and the phase."""
        return Path(self.out) / "stopped.json"

    def calls(self, phase: str) -> Path:
        """A file with a byte for every call of a phase."""
        return Path(self.out) / f"{phase}.calls"

    def start(self) -> Any:
        """The process, leader of a group of its own."""
        process = context().Process(target=_run, args=(self,))
        process.start()
        return process

    def finish(self) -> None:
        """Run to the end, without stopping."""
        process = replace(self, phase=None).start()
        process.join(120)
        assert process.exitcode == 0, (Path(self.out) / "log").read_text()


@functools.cache
def context() -> Any:
    """Processes that are forked from one in which nothing but imports happened."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.killed_warm"])
    return found


def _run(job: Job) -> None:
    os.setsid()
    Path(job.out).mkdir(parents=True, exist_ok=True)
    log = os.open(f"{job.out}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from datacurate.core.plan import plan
    from datacurate.core.recipe import Recipe
    from datacurate.core.run import execute
    from datacurate.executors.inline import Inline
    from datacurate.sources.parquet import Parquet

    made = "model" in job.options  # `exam.make` would make a model first, and import torch
    stage = stage_class(job.stage)(**job.options) if made else exam.make(job.stage, **job.options)
    watch(job)
    recipe = Recipe(name="killed", sources={"docs": Parquet(path=job.docs)}, stages=[stage])
    logs = Path(job.out) / "logs"
    executor = _workers(job, logs) if job.workers else Inline(logs)
    execute(plan(recipe, job.store), executor, Path(job.out) / "run")


def _workers(job: Job, logs: Path) -> Any:
    """Worker processes that watch phases, too."""
    from datacurate.executors import local

    class Watching(local.Local):
        def _spawn(self) -> Any:
            ours, theirs = self.context.Pipe()
            process = self.context.Process(target=_work, args=(job, theirs, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            return local._Worker(process, ours)

    return Watching(job.workers, logs)


def _work(job: Job, pipe: Any, supervisor: int) -> None:
    from datacurate.executors import local

    watch(job)
    local._work(pipe, supervisor)


def watch(job: Job) -> None:
    """Count the calls of the stage's phases in this process, and stop in the one that the job names."""
    from datacurate.stages import _embeddings

    _embeddings.embedder = lambda *_: Letters()  # type: ignore[assignment]
    kind = stage_class(job.stage)
    for phase in kind.phases():
        setattr(kind, phase.name, _watched(getattr(kind, phase.name), job))


def _watched(method: Any, job: Job) -> Any:
    """A phase that does its work and then, in the call that is asked for, goes no further: nothing of it is committed.

    One that yields tables stops behind the first, which is written by then.
    """
    name = method.__name__

    @functools.wraps(method)
    def call(*args: Any, **named: Any) -> Any:
        made = method(*args, **named)
        if inspect.isgenerator(made):
            return pieces(made)
        reached()
        return made

    def pieces(made: Any) -> Any:
        for at, piece in enumerate(made):
            yield piece
            if not at:
                reached()

    def reached() -> None:
        with job.calls(name).open("ab") as file:
            file.write(b".")
            file.flush()
            count = file.tell()
        if name == job.phase and count >= job.call:
            _stop(job)

    return call


def _stop(job: Job) -> None:
    path = job.marker.with_suffix(".tmp")
    path.write_text(json.dumps({"process": os.getpid(), "phase": job.phase}))
    path.rename(job.marker)
    while True:
        time.sleep(60)


class Letters:
    """In the place of a model of sentences: how often a text has every letter."""

    def tokens(self, text: str) -> np.ndarray:
        """The text's bytes."""
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    def known(self, ids: np.ndarray) -> tuple[int, int]:
        """All of them."""
        return len(ids), 0

    def vectors(self, ids: list[np.ndarray]) -> np.ndarray:
        """Counts of letters, brought to length 1."""
        made = np.array([np.bincount(one % 32, minlength=32) for one in ids], np.float32).reshape(-1, 32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def described(job: Job) -> str:
    """A job in one line, for messages."""
    return json.dumps(asdict(job))
