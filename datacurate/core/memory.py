"""What the allocators of a process keep, and give back."""

import contextlib
import os


def keep_memory() -> None:
    """Have Arrow keep freed memory for 10 s before it gives it back to the system.

    Taking it again, zeroed page by page, was a twentieth of the time of `minhash`. Arrow's allocator reads this
    once, when it is loaded: it holds for processes that start from here, and for this one if nothing has imported
    Arrow yet.
    """
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10000")


def release_memory() -> None:
    """Give memory that is free back to the system, so that what a task needed is not held while others run.

    A worker that ran four tasks one after the other held 60 to 100 MB more than the largest of them needed.
    """
    import ctypes

    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
