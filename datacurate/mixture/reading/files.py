"""Row groups of packed files, here or behind URLs, read by several threads and each only once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.core.errors import InputError
from datacurate.core.paths import file_name, is_remote, located, unreadable, without_secrets
from datacurate.core.store import atomic
from datacurate.core.web import in_pieces, opened, unranged

COLUMNS = ("input_ids", "starts", "sources", "unscored", "length", "split")
"""What training reads; mixtures of plain text may lack `unscored`."""
OPEN = 64
"""So many files are open at a time."""
BUFFER = 1 << 20

Value = TypeVar("Value")


class Once(Generic[Value]):
    """Values that are made by the thread that asks first, while others wait for it; the last `keep` are kept."""

    def __init__(self, make: Callable[..., Value], keep: int) -> None:
        self.make, self.keep = make, keep
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple, Future[Value]] = OrderedDict()

    def __call__(self, *key: Any) -> Value:
        with self._lock:
            found = self._made.get(key)
            mine = found is None
            if found is None:
                found = self._made[key] = Future()
            self._made.move_to_end(key)
            while len(self._made) > self.keep:
                self._made.popitem(last=False)
        if mine:
            try:
                found.set_result(self.make(*key))
            except BaseException as error:
                with self._lock:
                    self._made.pop(key, None)
                found.set_exception(error)
        return found.result()


class Opened:
    """A Parquet file, and where its row groups begin."""

    def __init__(self, path: str, cache: Path | None) -> None:
        self.path, self._lock = path, threading.Lock()
        remote = is_remote(path)
        if remote and cache is not None:
            path, remote = str(fetched(path, cache)), False
        self.source: Any = in_pieces(located(path)) if remote else path
        self.shared = remote
        with unranged(located(self.path)) if remote else unreadable(self.path):
            self.metadata = pq.ParquetFile(self.source).metadata
        groups = range(self.metadata.num_row_groups)
        self.ends = np.cumsum([self.metadata.row_group(group).num_rows for group in groups], dtype=np.int64)
        names = self.metadata.schema.to_arrow_schema().names
        self.columns = [name for name in COLUMNS if name in names]
        if missing := sorted({*COLUMNS} - {*names, "unscored"}):
            raise InputError(f"{without_secrets(self.path)}: no packed rows: the column '{missing[0]}' is missing.")

    def read(self, group: int) -> pa.Table:
        """A row group. A remote file is read by one thread at a time, since it has one place to read at."""
        if not self.shared:
            file = pq.ParquetFile(self.source, metadata=self.metadata, buffer_size=BUFFER)
            return file.read_row_group(group, columns=self.columns, use_threads=False)
        with self._lock, unranged(located(self.path)):
            file = pq.ParquetFile(self.source, metadata=self.metadata, pre_buffer=True)
            return file.read_row_group(group, columns=self.columns, use_threads=False)


class PackedFiles:
    """Rows of packed files by file and number; the last row groups are kept, since blocks share them."""

    def __init__(self, cache: str | Path | None = None, keep: int = 8) -> None:
        cache = Path(cache).expanduser() if cache else None
        self._opened: Once[Opened] = Once(lambda path: Opened(path, cache), OPEN)
        self._group: Once[pa.Table] = Once(self._read, keep)

    def length(self, path: str) -> int:
        """Tokens per row."""
        with unreadable(path):
            return self._opened(path).metadata.schema.to_arrow_schema().field("input_ids").type.list_size

    def rows(self, path: str, first: int, count: int, wanted: np.ndarray) -> pa.Table:
        """Of `count` rows that follow each other the `wanted` ones, in ascending order and counted from `first`.

        InputError when the file has fewer, or cannot be read. Row groups without a wanted row are not read.
        """
        with unreadable(path):
            ends = self._opened(path).ends
            if not len(ends) or first + count > ends[-1]:
                raise InputError(
                    f"{without_secrets(path)}: has {ends[-1] if len(ends) else 0:,} rows, and {first + count:,} are "
                    "needed. The file is of another mixture, or cut short: copy or export the mixture again."
                )
            groups = np.searchsorted(ends, first + wanted, side="right")
            tables = []
            for group in np.unique(groups).tolist():
                begin = int(ends[group - 1]) if group else 0
                tables.append(_taken(self._group(path, group), first + wanted[groups == group] - begin))
        return pa.concat_tables(tables)

    def _read(self, path: str, group: int) -> pa.Table:
        return self._opened(path).read(group)


def _taken(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Some rows of a table; no copy where they follow each other."""
    if len(rows) == rows[-1] - rows[0] + 1:
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))


def fetched(url: str, cache: Path) -> Path:
    """A copy of a remote file, which all processes of a machine share; made under another name and renamed."""
    name = hashlib.blake2s(url.encode(), digest_size=8).hexdigest() + "-" + file_name(located(url))
    copy = cache / name
    if copy.exists():
        return copy
    own = cache / f"{os.getpid()}.{threading.get_ident()}"
    with unreadable(url), opened(located(url)) as file, atomic(own / name) as temporary, temporary.open("wb") as out:
        while data := file.read(1 << 22):
            out.write(data)
    os.replace(own / name, copy)
    own.rmdir()
    return copy
