"""An engine that does what pages make libraries do: hang, take memory, die. The sandbox imports it in the child."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import time

FACTORY = f"{__name__}:extractor"


def extractor(options):
    """The function of a page; `options` is a folder for marks that outlive the child."""

    def extract(html: bytes, charset=None, content_type=None):
        word = html.decode()
        if word == "spin":
            re.match("(a+)+$", "a" * 64 + "b")  # C code that would take centuries, and handles no signals of Python
        if word == "sleep":
            time.sleep(3600)
        if word == "allocate":
            return (str(len(b"x" * (8 << 30))), None)
        if word == "allocate-in-c":
            _abort_for_memory()
        if word == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if word == "null":
            ctypes.string_at(0)
        if word == "abort":
            os.abort()
        if word == "exit":
            os._exit(3)
        if word == "raise":
            raise RuntimeError("no such thing")
        if word.startswith("once:") and not os.path.exists(mark := os.path.join(options, word[5:])):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return word.upper(), None

    return extract


def _abort_for_memory() -> None:
    """What Rust does when an allocation fails."""
    os.write(2, b"memory allocation of 8589934592 bytes failed\n")
    os.abort()


def refused(options):
    """A factory that cannot make its function."""
    raise ImportError("no library of this name")
