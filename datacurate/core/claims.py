"""Claims on tasks: locks that the operating system gives up when their holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from datacurate.core.store import make_folder


@contextlib.contextmanager
def claim(path: str | Path) -> Iterator[None]:
    """Hold the only claim on a task; waits while another process (of any launch) holds it.

    The operating system gives the claim up when its holder dies, however it dies.
    """
    path = Path(path)
    make_folder(path.parent)
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _same_file(path, descriptor):
            break
        os.close(descriptor)
        time.sleep(0.01)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
