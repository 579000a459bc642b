"""Where tasks run: in this process, in worker processes."""

import os


def keep_memory() -> None:
    """Have Arrow keep freed memory for 10 s before it gives it back to the system.

    Taking it again, zeroed page by page, was a twentieth of the time of `minhash`. Arrow's allocator reads this
    once, when it is loaded: it holds for processes that start from here, and for this one if nothing has imported
    Arrow yet.
    """
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10000")
