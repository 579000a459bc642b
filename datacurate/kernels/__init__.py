"""Loops over Arrow buffers: bytes in, numbers out. Submodules load on first use, because numba is slow to import."""

from __future__ import annotations

import importlib
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any


def _cache_folder() -> Path | None:
    """Where compiled code is kept: a folder named after what all kernels say; None where none can be made.

    numba looks only at the file that holds a function: a helper changed in another file would go unnoticed.
    """
    digest = blake2b(digest_size=6)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "datacurate" / f"kernels-{digest.hexdigest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(folder)))
    except OSError:
        pass  # numba then caches beside the sources, or not at all
    return None


CACHE = _cache_folder()


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from error
