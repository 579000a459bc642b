"""The child's side of `_sandbox.py`: takes batches of pages, works on one after the other, sends results back."""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

FLUSH_PAGES, FLUSH_BYTES = 256, 1 << 20
"""Results are sent back when there are as many; those not yet sent are lost when a page kills the child."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Work until the parent closes the pipe, or dies."""
    take, give, pages, state, parent = (int(word) for word in sys.argv[1:6])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    source, back = Connection(take, writable=False), Connection(give, readable=False)
    while True:
        try:
            job, about = pickle.loads(source.recv_bytes())
        except (EOFError, OSError):
            return
        _serve(job, about, pages, state, back)


def _serve(job: tuple, about: list[tuple], pages: int, state: int, back: Connection) -> None:
    """Work on one batch."""
    factory, options, seconds, megabytes = job
    try:
        extract = _made(factory, options)
    except Exception as error:
        back.send_bytes(pickle.dumps(str(error)))
        return
    _limit_memory(megabytes)
    os.pwrite(state, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss.to_bytes(8, "little"), 8)
    made: list[tuple[int, bool, Any]] = []
    size = offset = 0
    for at, (length, *rest) in enumerate(about):
        os.pwrite(state, at.to_bytes(8, "little", signed=True), 0)
        html = os.pread(pages, length, offset)
        offset += length
        signal.setitimer(signal.ITIMER_PROF, seconds)
        failed, result = _attempt(extract, html, rest, megabytes)
        signal.setitimer(signal.ITIMER_PROF, 0)
        made.append((at, failed, result))
        size += len(result[0])
        if len(made) >= FLUSH_PAGES or size >= FLUSH_BYTES:
            back.send_bytes(pickle.dumps(made))
            made, size = [], 0
    back.send_bytes(pickle.dumps(made))
    back.send_bytes(pickle.dumps(None))


def _attempt(extract: Callable, html: bytes, rest: list, megabytes: int) -> tuple[bool, tuple]:
    """Whether it failed, and the result, or the fields of a Failure."""
    try:
        return False, extract(html, *rest)
    except MemoryError as error:
        return True, ("memory", f"MemoryError: {error}".rstrip(": "), float(megabytes), float(megabytes))
    except Exception as error:  # whatever a library does on garbage must not stop the batch
        return True, ("extraction", f"{type(error).__name__}: {error}"[:500])


@cache
def _made(factory: str, options: Any) -> Callable:
    module, name = factory.split(":")
    return getattr(importlib.import_module(module), name)(options)


def _limit_memory(megabytes: int) -> None:
    """Let the process have `megabytes` more than it has now."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = now + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
