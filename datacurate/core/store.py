"""Files of the store: written under a temporary name, synced, renamed; never changed afterwards."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datacurate.core.errors import InputError
from datacurate.core.source import BATCH_BYTES, BATCH_ROWS

GROUP_ROWS = 1 << 16
GROUP_BYTES = 16 << 20
"""A row group is cut at this many rows or bytes, wherever batches end, so that equal rows make equal files."""
FOOTER = b"datacurate"
PLAIN = ("source", "rule", "fate", "language")
"""Columns with few distinct values, the only ones that are dictionary-encoded."""
BUFFER = 1 << 20
BYTES = [
    getattr(pa.types, f"is_{name}")
    for name in ["string", "large_string", "binary", "large_binary", "fixed_size_binary"]
]
HELD_BYTES = 64 << 20
"""Rows that are laid out by key are written when there are so many bytes of them; then a key has more row groups."""


def explain_os_error(error: OSError, path: str | Path) -> InputError:
    """The same error in words that say what to do."""
    advice = {
        errno.ENOSPC: "the disk is full. Free some space and run again: finished shards are kept",
        errno.EDQUOT: "the disk quota is used up. Free some space and run again: finished shards are kept",
        errno.EACCES: "permission denied. Choose a folder that you may write, with --out or --store",
        errno.EROFS: "the file system is read-only. Choose another folder, with --out or --store",
        errno.ENOTDIR: "a part of this path is a file. Choose another folder, with --out or --store",
        errno.EEXIST: "a file is in the way. Choose another folder, with --out or --store",
    }
    what = advice.get(error.errno or 0, f"{error.strerror or error}. Check the path and run again")
    return InputError(f"{path}: {what}.")


def make_folder(path: str | Path) -> Path:
    """Create a folder and its parents; InputError when that is not possible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, path) from error
    return Path(path)


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`; synced and renamed to `path` when the block ends well, else removed.

    The folder is not synced: a name that a power failure takes back is a task that is not done.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise explain_os_error(error, path) from error


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically, indented, with stable order as given."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


class PartWriter:
    """Writes one Parquet file from batches; nothing is visible before `commit`.

    Row groups are cut by rows and bytes counted from the start of the file, never by batch. With `by` there is one
    per key and HELD_BYTES; if batches come in the order of their keys (`ascending`), only the last key is held.
    """

    def __init__(self, path: str | Path, by: tuple[str, ...] = (), ascending: bool = False):
        self.path = Path(path)
        self.by = by
        self.ascending = ascending
        self.temporary = self.path.with_name(f".{self.path.name}.tmp")
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.Table] = []
        self._rows = 0
        self._bytes = 0
        self._groups: dict[str, list[int]] = {}
        self._keyed: dict[tuple[int, ...], list[pa.Table]] = {}
        make_folder(self.path.parent)

    def write(self, batch: pa.Table) -> None:
        """Add rows. All batches of a file have one schema."""
        self._schema = batch.schema
        if self.by:
            for piece, full in self._filling(batch):
                self._hold_by_key(piece)
                if full or (self.ascending and len(self._keyed) > 1):
                    self._write_keys(sorted(self._keyed)[: None if full else -1])
            return
        for piece in self._cut(batch):
            self._held.append(piece)
            if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._flush()

    def _filling(self, batch: pa.Table) -> Iterator[tuple[pa.Table, bool]]:
        """Pieces of the batch, and whether HELD_BYTES are full with them, counted from the start of the file."""
        ends = self._bytes + np.cumsum(cell_bytes(batch))
        full = np.flatnonzero(np.diff(ends // HELD_BYTES, prepend=self._bytes // HELD_BYTES))
        start = 0
        for stop in (full + 1).tolist():
            yield batch.slice(start, stop - start), True
            start = stop
        self._bytes = int(ends[-1]) if len(ends) else self._bytes
        if start < batch.num_rows or not batch.num_rows:
            yield batch.slice(start), False

    def _hold_by_key(self, batch: pa.Table) -> None:
        """Keep the rows of every key apart, batch by batch: sorting the whole at the end takes three times as much."""
        columns = [batch[name].to_numpy().astype(np.int64) for name in self.by]
        order = np.lexsort(columns[::-1])
        keys = np.stack(columns, axis=1)[order]
        cuts = np.flatnonzero(np.any(np.diff(keys, axis=0), axis=1)) + 1
        edges = [0, *cuts.tolist(), len(keys)] if len(keys) else []
        sorted_already = np.array_equal(order, np.arange(len(order)))
        batch = (batch if sorted_already else batch.take(pa.array(order))).combine_chunks()
        for start, stop in itertools.pairwise(edges):
            piece = batch.slice(start, stop - start)
            self._keyed.setdefault(tuple(keys[start].tolist()), []).append(piece)

    def _cut(self, batch: pa.Table) -> Iterator[pa.Table]:
        """Pieces of the batch, each ending where a row group is full."""
        sizes = np.cumsum(row_bytes(batch))
        start = 0
        while start < batch.num_rows:
            before = sizes[start - 1] if start else 0
            by_bytes = int(np.searchsorted(sizes, before + GROUP_BYTES - self._bytes)) + 1
            stop = min(batch.num_rows, by_bytes, start + GROUP_ROWS - self._rows)
            self._rows += stop - start
            self._bytes += int(sizes[stop - 1] - before)
            yield batch.slice(start, stop - start)
            start = stop

    def _flush(self) -> None:
        if self._held:
            self._write_group(pa.concat_tables(self._held))
        self._held, self._rows, self._bytes = [], 0, 0

    def _write_group(self, table: pa.Table) -> None:
        table = table.combine_chunks().replace_schema_metadata(None)
        try:
            if self._writer is None:
                self._writer = _open_writer(self.temporary, table.schema)
            if table.num_rows:
                self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        except OSError as error:
            self.abandon()
            raise explain_os_error(error, self.path) from error

    def _write_keys(self, values: list[tuple[int, ...]]) -> None:
        if self._writer is None:
            self._write_group(self._schema.empty_table())
        for value in values:
            self._groups.setdefault(",".join(map(str, value)), []).append(sum(map(len, self._groups.values())))
            self._write_group(pa.concat_tables(self._keyed.pop(value)))

    def commit(self, footer: dict[str, Any] | None = None) -> None:
        """Write what is held and the footer, sync, and rename to the final path."""
        if self.by:
            self._write_keys(sorted(self._keyed))
        else:
            if not self._held and self._writer is None:
                self._held = [self._schema.empty_table()]
            if self._held:
                self._flush()
        if self._writer is None:
            raise AssertionError(f"{self.path}: a part was committed before any batch gave its schema")
        footer = dict(footer or {}, by=list(self.by), groups=self._groups) if self.by else footer or {}
        self._writer.add_key_value_metadata({FOOTER: json.dumps(footer, ensure_ascii=False).encode()})
        try:
            self._writer.close()
            with atomic(self.path):
                pass
        except OSError as error:
            raise explain_os_error(error, self.path) from error

    def abandon(self) -> None:
        """Remove what was written so far."""
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.close()
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)


def _open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    plain = [name for name in schema.names if name in PLAIN]
    squeezed = {path: "none" if random else "zstd" for path, random in map(_leaf, schema)}
    return pq.ParquetWriter(path, schema, compression=squeezed, use_dictionary=plain, write_statistics=False)


def _leaf(column: pa.Field) -> tuple[str, bool]:
    """A column's path in Parquet, and whether it holds hashes, vectors or references, which do not compress."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return f"{column.name}.list.element", pa.types.is_uint64(column.type.value_type)
    return column.name, pa.types.is_uint64(column.type) or pa.types.is_large_binary(column.type)


def row_bytes(batch: pa.Table) -> np.ndarray:
    """Bytes of every row's text (or HTML, before it has text): what ledgers count. Shape (rows,), int64."""
    total = np.zeros(batch.num_rows, dtype=np.int64)
    if "text" not in batch.schema.names:
        return total + max(1, batch.nbytes // max(batch.num_rows, 1))
    lengths = pc.binary_length(batch["text"])
    if "html" in batch.schema.names:
        lengths = pc.coalesce(lengths, pc.binary_length(batch["html"]))
    return pc.fill_null(lengths, 0).to_numpy().astype(np.int64)


def cell_bytes(batch: pa.Table) -> np.ndarray:
    """About the bytes of every row, whatever batch it is in. Shape (rows,), int64."""
    return sum((_bytes_of(column) for column in batch.columns), np.zeros(batch.num_rows, np.int64))


def _bytes_of(column: Any) -> Any:
    """Bytes of every row of a column: lists count eight for each value, structs their fields."""
    kind = column.type
    if pa.types.is_struct(kind):
        return sum((_bytes_of(field) for field in column.flatten()), np.zeros(len(column), np.int64))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return 8 * pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    if any(is_bytes(kind) for is_bytes in BYTES):
        return pc.fill_null(pc.binary_length(column), 0).to_numpy().astype(np.int64)
    width = kind.index_type.bit_width if pa.types.is_dictionary(kind) else 0
    return max(1, (kind.bit_width if pa.types.is_primitive(kind) else width) // 8)


def write_part(
    path: str | Path,
    tables: pa.Table | Iterable[pa.Table],
    by: tuple[str, ...] = (),
    footer: dict | None = None,
    ascending: bool = True,
) -> None:
    """Write a whole table, or several in the order of their keys (if they are `ascending`), as one part."""
    whole = isinstance(tables, pa.Table)
    writer = PartWriter(path, by, ascending=ascending and not whole)
    try:
        for table in [tables] if whole else tables:
            writer.write(table)
        writer.commit(footer)
    except BaseException:
        writer.abandon()
        raise


def read_footer(path: str | Path) -> dict[str, Any]:
    """The receipt in a part's footer."""
    metadata = pq.read_metadata(path).metadata or {}
    return json.loads(metadata.get(FOOTER, b"{}"))


def read_parts(paths: Iterable[str | Path], columns: list[str] | None = None) -> pa.Table:
    """The rows of several parts, in the order given."""
    tables = [pq.ParquetFile(path).read(columns=columns) for path in paths]
    return pa.concat_tables(tables, promote_options="default").combine_chunks()


class Parts:
    """The rows of several parts, a row group or some small ones at a time; can be gone through more than once."""

    def __init__(
        self,
        paths: Iterable[str | Path],
        keys: Iterable[tuple[int, ...]] | None = None,
        columns: list[str] | None = None,
    ):
        self.paths, self.columns = tuple(paths), columns
        self.keys = None if keys is None else [",".join(map(str, key)) for key in keys]

    def __add__(self, more: Parts) -> Parts:
        return Parts((*self.paths, *more.paths), columns=self.columns)

    def only(self, keys: Iterable[tuple[int, ...]]) -> Parts:
        """The rows with one of these keys, of parts that are laid out by key."""
        return Parts(self.paths, keys, self.columns)

    def __iter__(self) -> Iterator[pa.Table]:
        for path in self.paths:
            try:
                with pq.ParquetFile(path) as file:
                    for groups in _together(file, self._groups(file)):
                        yield file.read_row_groups(groups, self.columns).replace_schema_metadata(None)
            except (OSError, pa.ArrowInvalid) as error:
                raise InputError(f"{path}: cannot be read: {error}. Remove it and make it again.") from error

    def _groups(self, file: pq.ParquetFile) -> Iterable[int]:
        if self.keys is None:
            return range(file.num_row_groups)
        groups = json.loads(file.metadata.metadata[FOOTER])["groups"]
        found = [groups[key] for key in self.keys if key in groups]
        return sorted(itertools.chain(*(one if isinstance(one, list) else [one] for one in found)))


def _together(file: pq.ParquetFile, groups: Iterable[int]) -> Iterator[list[int]]:
    """Row groups, as many at a time as have GROUP_BYTES: reading thousands of small ones alone takes seconds."""
    some: list[int] = []
    size = 0
    for group in groups:
        more = file.metadata.row_group(group).total_byte_size
        if some and size + more > GROUP_BYTES:
            yield some
            some, size = [], 0
        some.append(group)
        size += more
    if some:
        yield some


def read_key(paths: Iterable[str | Path], value: tuple[int, ...], columns: list[str] | None = None) -> pa.Table:
    """The rows with one `@by` key, from every part that was written with these columns in mind.

    Parts without such rows may be of another schema.
    """
    tables, empty = [], None
    for path in paths:
        file = pq.ParquetFile(path)
        footer = json.loads(file.metadata.metadata[FOOTER])
        if groups := footer["groups"].get(",".join(map(str, value))):
            tables.append(file.read_row_groups(groups, columns))
        elif empty is None:
            empty = file.schema_arrow.empty_table()
    if not tables and empty is not None:
        tables = [empty.select(columns) if columns else empty]
    return pa.concat_tables(tables).replace_schema_metadata(None).combine_chunks()


def read_batches(path: str | Path) -> Iterator[pa.Table]:
    """The rows of a part in batches of bounded rows and bytes, one chunk per column."""
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER) as file:
        if file.metadata.num_rows == 0:
            yield file.schema_arrow.empty_table().replace_schema_metadata(None)
        for group in range(file.num_row_groups):
            rows = _batch_rows(file.metadata.row_group(group))
            for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
                yield from bounded(pa.Table.from_batches([batch]).replace_schema_metadata(None))


def _batch_rows(group: Any) -> int:
    """How many rows to decode at a time, from the mean size of a row in this row group."""
    mean = max(1, group.total_byte_size // max(1, group.num_rows))
    return int(min(BATCH_ROWS, max(1, BATCH_BYTES // mean)))


def bounded(table: pa.Table) -> Iterator[pa.Table]:
    """Slices of a table with at most BATCH_ROWS rows and about BATCH_BYTES of text; at least one, if empty."""
    sizes = np.cumsum(row_bytes(table))
    start = 0
    while start < table.num_rows or start == 0:
        before = sizes[start - 1] if start else 0
        stop = int(np.searchsorted(sizes, before + BATCH_BYTES)) + 1
        stop = min(table.num_rows, stop, start + BATCH_ROWS)
        yield table.slice(start, stop - start).combine_chunks()
        if stop >= table.num_rows:
            return
        start = stop
