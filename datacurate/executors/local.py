"""Supervised worker processes on this machine: one pool per run; a dead worker costs its own task only."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from datacurate.core.errors import CurateError
from datacurate.core.executor import Failure, compiled_marker, quietly_named
from datacurate.core.memory import keep_memory, release_memory
from datacurate.core.stage import Stage
from datacurate.core.task import Task
from datacurate.core.web import masked

START_SECONDS = 300
"""Warming compiles kernels: a minute on a slow machine, the first time."""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: Task | None = None


class Local:
    """`workers` processes, started once. The first compiles the kernels before any of them gets a task."""

    def __init__(self, workers: int, logs: Path):
        self.workers = workers
        self.logs = logs
        self.pool: list[_Worker] = []
        self.warned: set[str] = set()
        self.context = multiprocessing.get_context("spawn")

    def start(self, stages: list[Stage]) -> None:
        """Start the workers. The first compiles and caches what the stages need, unless an earlier run did."""
        self.logs.mkdir(parents=True, exist_ok=True)
        keep_memory()
        self.pool = [self._spawn() for _ in range(self.workers)]
        done = compiled_marker(stages)
        if done is None or not done.exists():
            self._warm(self.pool[:1], stages)
            if done is not None:
                done.touch()
        self._warm(self.pool, stages)

    def _warm(self, workers: list[_Worker], stages: list[Stage]) -> None:
        """Let workers load, at the same time, what the stages need."""
        for worker in workers:
            worker.pipe.send(("warm", stages, str(self.logs / "warm.log")))
        for worker in workers:
            self._receive_warm(worker)

    def _receive_warm(self, worker: _Worker) -> None:
        failure: str | None = f"a worker was not ready in {START_SECONDS} s"
        error: CurateError | None = None
        try:
            if worker.pipe.poll(START_SECONDS):
                failure, error, warnings = worker.pipe.recv()
                self._pass_on(warnings)
        except EOFError:
            failure = "the worker died"
        if error is not None:
            raise error
        if failure:
            raise CurateError(f"Starting workers failed: {failure}. Read {self.logs / 'warm.log'}.")

    def _spawn(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(theirs, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def run(self, tasks: list[Task], finished: Callable[[Task], None]) -> list[Failure]:
        """Attempt all tasks. A worker that dies is replaced; its task is reported, the others go on."""
        waiting = list(reversed(tasks))
        failures: list[Failure] = []
        while waiting or any(worker.task for worker in self.pool):
            for worker in self.pool:
                if worker.task is None and waiting:
                    self._hand_over(worker, waiting.pop())
            busy = {worker.pipe: worker for worker in self.pool if worker.task is not None}
            for pipe in wait(list(busy)):
                failure = self._collect(busy[pipe], finished)  # type: ignore[index]
                failures += [failure] if failure else []
        return failures

    def _log(self, task: Task) -> str:
        return str(self.logs / f"{quietly_named(task.label)}.log")

    def _hand_over(self, worker: _Worker, task: Task) -> None:
        worker.task = task
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.pipe.send(("task", task, self._log(task)))

    def _collect(self, worker: _Worker, finished: Callable[[Task], None]) -> Failure | None:
        task = worker.task
        assert task is not None
        worker.task = None
        try:
            message, error, warnings = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._bury(worker, task)
        self._pass_on(warnings)
        if message is None:
            finished(task)
            return None
        return Failure(task.label, message, self._log(task), error)

    def _pass_on(self, warnings: list[str]) -> None:
        """Give warnings of workers to this process's log, each once."""
        for warning in warnings:
            if warning not in self.warned:
                self.warned.add(warning)
                logging.getLogger("datacurate").warning("%s", warning)

    def _bury(self, worker: _Worker, task: Task) -> Failure:
        worker.process.join()
        code = worker.process.exitcode
        self.pool[self.pool.index(worker)] = self._spawn()
        how = f"killed by {signal.Signals(-code).name}" if code and code < 0 else f"exit status {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        log = self._log(task)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"the worker died: {how}{hint}\n")
        return Failure(task.label, f"the worker died: {how}{hint}", log)

    def stop(self) -> None:
        """Close the pipes; idle workers end by themselves, busy ones are terminated."""
        for worker in self.pool:
            busy = worker.task is not None
            worker.pipe.close()
            if busy:
                worker.process.terminate()
        for worker in self.pool:
            worker.process.join(10)
        self.pool = []


def _work(pipe: Connection, supervisor: int) -> None:
    """A worker's life: receive a job, do it with output going to its log, say how it went."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads are 10 times slower on shared cores
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(supervisor)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=[_Stderr()])
    while True:
        try:
            kind, job, log = pipe.recv()
        except (EOFError, OSError):
            return
        with _output_to(log), _Warnings() as warnings:
            message, error = _attempt(kind, job)
        if message is None:
            _remove_empty(log)
        pipe.send((message, error, warnings.messages))
        release_memory()


def _attempt(kind: str, job: Any) -> tuple[str | None, CurateError | None]:
    try:
        if kind == "warm":
            for stage in job:
                stage.warm()
        else:
            job.attempt()
    except Exception as error:
        print(masked(traceback.format_exc()), file=sys.stderr)
        return masked(f"{type(error).__name__}: {error}"), error if isinstance(error, CurateError) else None
    return None, None


class _Stderr(logging.StreamHandler):
    """Writes to whatever standard error is at the moment: the log of the task."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        super().emit(record)


class _Warnings(logging.Handler):
    """Keeps what is said at level WARNING or above, for the supervisor."""

    def __enter__(self) -> _Warnings:
        self.messages: list[str] = []
        self.setLevel(logging.WARNING)
        logging.getLogger("datacurate").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("datacurate").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.messages.append(record.getMessage())


@contextlib.contextmanager
def _output_to(path: str) -> Any:
    """Send standard output and error, of libraries too, to a log file."""
    with open(path, "a", encoding="utf-8") as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


def _remove_empty(path: str) -> None:
    with contextlib.suppress(OSError):
        if os.path.getsize(path) == 0:
            os.unlink(path)


def _die_with(supervisor: int) -> None:
    """End this worker when the supervisor is gone, so that a killed run leaves nobody behind."""
    import threading

    def watch() -> None:
        while os.getppid() == supervisor:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
