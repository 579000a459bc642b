"""Measures the sample: peaks of memory of single tasks, and what files hold beside what an empty one takes."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from datacurate.core.memory import release_memory
from datacurate.core.paths import located
from datacurate.core.source import Source
from datacurate.core.store import PartWriter, read_footer, read_parts
from datacurate.core.task import Task

PAGE = 40
"""Bytes of a Parquet page's header and of an empty zstd frame, about: columns of one row take 33 to 40."""


PAGE_BYTES = 1 << 20
"""Bytes of a full page, which is what is compressed at a time."""
BATCHES = 3
"""Batches that are read to see what reading takes: the first, and more that are there with what is left of others."""


class Measured(NamedTuple):
    """Memory of this process at its highest while a task ran, and before."""

    peak: int
    before: int


class Peak:
    """The highest memory of this process while a task runs, from /proc (Linux)."""

    def __init__(self) -> None:
        self.base = _status("VmRSS")

    def of(self, task: Task) -> Measured:
        """Do a task. What earlier ones left behind counts: a worker has done others, too."""
        gc.collect()
        release_memory()
        _forget_peak()
        before = _status("VmRSS")
        task.attempt()
        return Measured(max(_status("VmHWM"), before), before)

    def of_reading(self, source: Source, file: str) -> int:
        """What the first batches of a file take while they are read."""
        gc.collect()
        release_memory()
        _forget_peak()
        before = _status("VmRSS")
        for _ in zip(range(BATCHES), source.read(located(file), "probe"), strict=False):
            pass
        return max(_status("VmHWM") - before, 0)


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _status(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:")), 0)


def _groups(path: str) -> Iterator[Any]:
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    yield from (about.row_group(at) for at in range(about.num_row_groups))


def overhead(path: str) -> int:
    """Bytes of a file that do not grow with its rows: the footer, page headers, and excerpts in ledgers."""
    with open(path, "rb") as file:
        file.seek(-8, os.SEEK_END)
        footer = int.from_bytes(file.read(4), "little") + 12
    few = "excerpt" if path.endswith(".ledger.parquet") else ""
    return footer + sum(_fixed(group.column(at), few) for group in _groups(path) for at in range(group.num_columns))


def _fixed(column: Any, few: str) -> int:
    """Bytes of a column that do not grow: all of a constant one, and of the excerpts, of which a ledger keeps few."""
    constant = column.total_uncompressed_size < 2 * PAGE + column.num_values
    size = column.total_compressed_size
    return size if constant or column.path_in_schema == few else min(PAGE, size)


def content(path: str) -> int:
    """The other bytes."""
    return max(os.path.getsize(path) - overhead(path), 0)


def uncompressed(path: str, key: tuple[int, ...] | None = None) -> int:
    """Bytes that a part, or its rows of one key, take in memory."""
    groups = list(_groups(path))
    if key is not None:
        at = read_footer(path).get("groups", {}).get(",".join(map(str, key)), [])
        groups = [groups[one] for one in at]
    return sum(group.total_byte_size for group in groups)


def shrinks(paths: list[str], by: tuple[str, ...], folder: Path) -> float:
    """How much smaller the contents of files are when they are one file: a small one compresses less well.

    Files of other columns, from other sources, are joined apart.
    """
    apart = sum(content(path) for path in paths)
    if len(paths) < 2 or not apart or apart > len(paths) * PAGE_BYTES:
        return 1.0
    alike: dict[Any, list[str]] = {}
    for path in paths:
        alike.setdefault(_schema(path), []).append(path)
    return min(1.0, sum(_joined(some, by, folder / "joined.parquet") for some in alike.values()) / apart)


def _joined(paths: list[str], by: tuple[str, ...], out: Path) -> int:
    """The contents of some files as one."""
    writer = PartWriter(out, by)
    for path in paths:
        writer.write(read_parts([path]))
    writer.commit({})
    return content(str(out))


def _schema(path: str) -> Any:
    import pyarrow.parquet as pq

    return pq.read_schema(path).remove_metadata()
