"""A child process that takes pages from a worker, so that a page which hangs or kills a library costs itself only.

One child serves a worker for as long as it lives. It gets a batch at a time: pages through shared memory, results back
through a pipe. It says which page it is on; the kernel ends it when a page has had its CPU time (`ITIMER_PROF`, which
stops C code too) and refuses it memory above a limit (`RLIMIT_AS`). A child that dies is replaced, and the pages
behind go on. One that used up its time is to blame; any other page that a child died on is tried once more, alone,
before it is blamed: what killed the child may have been somebody else.
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from datacurate.core.errors import CurateError

WALL_FACTOR = 10
WALL_LEAST = 60
"""A page that gets no further for ten times its CPU seconds, and a minute at least, waits for something: it is
stopped."""
START_SECONDS = 600
"""The child may take as long until its first page: it compiles kernels, a minute on a slow machine, the first time."""
STATE_BYTES = 16
"""What both sides see: the page that the child is on, and the kilobytes of its peak before the first page."""
MEMORY_WORDS = ("memory allocation", "MemoryError", "bad_alloc", "out of memory", "Cannot allocate")
"""What libraries print before they give up for want of memory."""


class Job(NamedTuple):
    """What the child does with each page, and within which limits."""

    factory: str
    """`module:function`, which makes the function of a page from `options`."""
    options: Any
    seconds: float
    megabytes: int


@dataclass(frozen=True)
class Failure:
    """Why a page has no result."""

    rule: str
    """`timeout`, `memory`, `crash`, or `extraction`: an exception."""
    error: str
    value: float | None = None
    bound: float | None = None


class _Died(Exception):
    def __init__(self, page: int, failure: Failure):
        self.page, self.failure = page, failure


class Sandbox:
    """The child of this process, started when it is needed."""

    def __init__(self) -> None:
        self.child: _Child | None = None
        self.barren = 0

    def results(self, job: Job, pages: Sequence[tuple]) -> list[Any | Failure]:
        """What the job makes of each page: `(html, charset, content type)`."""
        made: list[Any | Failure] = [None] * len(pages)
        groups = [list(range(len(pages)))] if pages else []
        while groups:
            group = groups.pop()
            try:
                self._attempt(job, pages, group, made)
            except _Died as death:
                groups += self._after(death, group, made)
        return made

    def _attempt(self, job: Job, pages: Sequence[tuple], group: list[int], made: list) -> None:
        """Let the child work on some pages; raises _Died, with what it finished in `made`."""
        if self.child is None:
            self.child = _Child()
        try:
            for at, result in self.child.work(job, [pages[at] for at in group]):
                made[group[at]] = result
                self.barren = 0
        except BaseException:
            self.child.kill()
            self.child = None
            raise

    def _after(self, death: _Died, group: list[int], made: list) -> list[list[int]]:
        """The groups that remain when a child died, the one to try first at the end."""
        rest = [at for at in group if made[at] is None]
        if death.page < 0 or group[death.page] not in rest:
            self.barren += 1
            if self.barren >= 3:
                raise CurateError(f"extract: the process that reads pages dies before it starts: {death.failure.error}")
            return [rest] if rest else []
        culprit = group[death.page]
        rest.remove(culprit)
        if death.failure.rule == "timeout" or len(group) == 1:
            made[culprit] = death.failure
            return [rest] if rest else []
        return [part for part in (rest, [culprit]) if part]

    def stop(self) -> None:
        """End the child."""
        if self.child is not None:
            self.child.kill()
            self.child = None


class _Child:
    """One process and the ways to it."""

    def __init__(self) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self.pages = os.memfd_create("pages")
        self.errors = os.memfd_create("errors")
        state = os.memfd_create("state")
        os.truncate(state, STATE_BYTES)
        self.state = mmap.mmap(state, STATE_BYTES)
        given = (theirs_in, theirs_out, self.pages, state)
        paths = os.pathsep.join(dict.fromkeys(path for path in sys.path if path))
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from datacurate.stages._sandbox_child import main; main()"]
            + [str(number) for number in (*given, os.getpid())],
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=self.errors,
            stderr=self.errors,
            env={**os.environ, "PYTHONPATH": paths},
        )
        for number in (theirs_in, theirs_out, state):
            os.close(number)
        self.to, self.back = Connection(ours_out, readable=False), Connection(ours_in, writable=False)

    def work(self, job: Job, pages: list[tuple]):
        """Yields (position, result or Failure) of pages as they come."""
        self._at(-1)
        os.ftruncate(self.pages, 0)
        os.lseek(self.pages, 0, os.SEEK_SET)
        with open(self.pages, "wb", buffering=1 << 20, closefd=False) as shared:
            for html, *_ in pages:
                shared.write(html)
        about = [(len(html), *rest) for html, *rest in pages]
        limit = max(WALL_LEAST, WALL_FACTOR * job.seconds)
        try:
            self.to.send_bytes(pickle.dumps((tuple(job), about)))
            while (reply := self._reply(limit)) is not None:
                if isinstance(reply, str):
                    raise CurateError(reply)
                for at, failed, result in reply:
                    yield at, Failure(*result) if failed else result
        except (EOFError, OSError):
            raise _Died(self._at(), self._cause(job)) from None
        except _Stuck:
            raise _Died(self._at(), Failure("timeout", f"no progress in {limit:g} s", limit, limit)) from None

    def _reply(self, limit: float) -> Any:
        """The next message. Raises _Stuck when the child stays at one page for longer than `limit` seconds."""
        page, since = self._at(), time.monotonic()
        while not self.back.poll(1.0):
            if self._at() != page:
                page, since = self._at(), time.monotonic()
            elif time.monotonic() - since > (limit if page >= 0 else START_SECONDS):
                raise _Stuck
        return pickle.loads(self.back.recv_bytes())

    def _at(self, page: int | None = None) -> int:
        """The position of the page that the child is on; sets it when given."""
        if page is not None:
            self.state[:8] = page.to_bytes(8, "little", signed=True)
        return int.from_bytes(self.state[:8], "little", signed=True)

    def _cause(self, job: Job) -> Failure:
        """Why the child died. Memory is a guess from how far its peak rose: a buffer that doubles is refused at half of
        the limit. The peak of before counts, for the kernel lets a child inherit its parent's."""
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGPROF:
            return Failure("timeout", f"more than {job.seconds:g} s of CPU time", job.seconds, job.seconds)
        said = self._said()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        grown = (used.ru_maxrss - int.from_bytes(self.state[8:], "little")) / 1024
        if any(word in said for word in MEMORY_WORDS) or code == -signal.SIGKILL or grown > job.megabytes / 2:
            return Failure("memory", f"{how} {said}".strip(), grown, job.megabytes)
        return Failure("crash", f"{how} {said}".strip(), float(code), None)

    def _said(self) -> str:
        """The last that the child printed."""
        size = os.lseek(self.errors, 0, os.SEEK_END)
        return os.pread(self.errors, 300, max(size - 300, 0)).decode("utf-8", "replace").strip()

    def kill(self) -> None:
        """End the process, and let go of what leads to it."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
        for end in (self.to, self.back, self.state):
            end.close()
        for number in (self.pages, self.errors):
            os.close(number)


class _Stuck(Exception):
    pass


_own: dict[int, Sandbox] = {}


def sandbox() -> Sandbox:
    """The sandbox of this process."""
    process = os.getpid()
    if process not in _own:
        _own.clear()
        _own[process] = Sandbox()
        atexit.register(_own[process].stop)
    return _own[process]
