"""Identity by content: keys of stages and digests of files. Paths, hosts and workers never enter."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

WHOLE = 256 << 20
BLOCKS = 64
BLOCK = 256 << 10
"""Files up to WHOLE bytes are digested whole, longer ones by size and BLOCKS evenly spaced blocks of BLOCK bytes."""


def key(*parts: Any) -> str:
    """16 hexadecimal digits that stand for JSON values; equal for equal values on every machine."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return blake2b(canonical.encode(), digest_size=8).hexdigest()


def file_digest(path: str | Path) -> str:
    """16 hexadecimal digits of a file's content.

    A file over 256 MB is sampled (head, tail and evenly spaced blocks, 16 MB in all, and its size),
    so that planning over terabytes reads gigabytes; a change that keeps the size and touches only bytes
    between the blocks goes unseen. Of a remote file counts what the store says: its size, and its ETag or time; it
    is read only where the store says nothing. Raises OSError when the file cannot be read.
    """
    from datacurate.core.paths import Bundle, Listed, Lost, Part, is_remote, located, remote_identity
    from datacurate.core.web import opened

    path = located(path) if isinstance(path, str) else path
    if isinstance(path, Bundle):
        return key("bundle", [[name, file_digest(file)] for name, file in zip(path.names, path.files, strict=True)])
    if isinstance(path, Listed):
        return path.digest
    if isinstance(path, Lost):
        return key("lost", [entry[:3] for entry in path.entries])
    if isinstance(path, Part):
        return key("part", file_digest(path.path), path.number, path.count)
    if is_remote(path) and (said := remote_identity(path)) is not None:
        return key("remote", said)
    size = path.stat().st_size
    digest = blake2b(str(size).encode(), digest_size=8)
    with opened(path) as file:
        if size <= WHOLE:
            while block := file.read(1 << 20):
                digest.update(block)
        else:
            for number in range(BLOCKS):
                file.seek((size - BLOCK) * number // (BLOCKS - 1))
                digest.update(file.read(BLOCK))
    return digest.hexdigest()
