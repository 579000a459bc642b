"""Rows and unread records gathered into bounded batches, and ids for records that have none."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.source import BATCH_BYTES, BATCH_ROWS, PAYLOAD_BYTES, Read, Unread


def digest(*parts: object) -> str:
    """An id made of the parts: 32 hex digits of BLAKE2b, so 10^12 documents collide with a chance below 10^-14."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8, "little") + data)
    return made.hexdigest()


def quarantined(id: str, rule: str, error: str, payload: bytes = b"", size: int | None = None) -> Unread:
    """A broken record; `size` is its whole length where `payload` is only its head."""
    size = len(payload) if size is None else size
    return Unread(id, "quarantined", rule, size, error, bytes(payload[:PAYLOAD_BYTES]))


class Unique:
    """Ids of one file made unique: the second `a` becomes `a#2`."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self._seen)

    def __call__(self, id: str) -> str:
        count = self._seen[id] = self._seen.get(id, 0) + 1
        if count == 1:
            return id
        made = id
        while self._seen[id] > 1 and made in self._seen:
            made = f"{id}#{self._seen[id]}"
            if made in self._seen:
                self._seen[id] += 1
        if made != id:
            self._seen[made] = 1
        return made


class _Bytes:
    """A binary column in the making: values are copied into one buffer at once, so that none keeps its file's alive."""

    def __init__(self) -> None:
        self._data = pa.allocate_buffer(0)
        self._view = memoryview(self._data).cast("B")
        self._ends, self._missing = [0], 0

    def append(self, value: Any) -> None:
        """One value: bytes, something like it, or None."""
        last = self._ends[-1]
        if value is None:
            self._missing += 1
            self._ends.append(last if last < 0 else ~last)
            return
        start = last if last >= 0 else ~last
        end = start + len(value)
        if end > len(self._view):
            self._grow(start, end)
        self._view[start:end] = value
        self._ends.append(end)

    def _grow(self, used: int, wanted: int) -> None:
        """Make room: of Arrow's allocator, which hands out again what an earlier batch has touched."""
        room = pa.allocate_buffer(max(2 * wanted, BATCH_BYTES + BATCH_BYTES // 4))
        view = memoryview(room).cast("B")
        view[:used] = self._view[:used]
        self._data, self._view = room, view

    def array(self) -> pa.Array:
        """The column."""
        ends = np.array(self._ends, dtype=np.int32)
        valid = ends[1:] >= 0
        offsets = np.where(ends < 0, ~ends, ends)
        bitmap = None if not self._missing else pa.py_buffer(np.packbits(valid, bitorder="little"))
        buffers = [bitmap, pa.py_buffer(offsets), self._data.slice(0, int(offsets[-1]))]
        return pa.Array.from_buffers(pa.binary(), len(valid), buffers, self._missing)


class Batch:
    """Rows under an explicit schema (with one binary column at most), and unread records, until the batch is full."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        binary = [at for at, field in enumerate(schema) if field.type == pa.binary()]
        self._place = binary[0] if binary else None
        self._clear()

    def _clear(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._binary = _Bytes()
        self._unread: list[Unread] = []
        self._bytes = 0

    def add(self, *row: Any, size: int) -> None:
        """One document, its values in the order of the schema; `size` is its length in bytes."""
        if self._place is not None:
            self._binary.append(row[self._place])
            row = (*row[: self._place], None, *row[self._place + 1 :])
        self._rows.append(row)
        self._bytes += size

    def leave(self, unread: Unread) -> None:
        """One record that is no document."""
        self._unread.append(unread)
        self._bytes += len(unread.payload)

    @property
    def full(self) -> bool:
        """Whether the batch has reached its bounds."""
        return len(self._rows) + len(self._unread) >= BATCH_ROWS or self._bytes >= BATCH_BYTES

    def take(self) -> Read:
        """What was gathered, and start anew."""
        columns = list(zip(*self._rows, strict=True)) or [() for _ in self.schema]
        arrays = [
            self._binary.array() if at == self._place else pa.array(values, field.type)
            for at, (values, field) in enumerate(zip(columns, self.schema, strict=True))
        ]
        read = Read(pa.Table.from_arrays(arrays, schema=self.schema), self._unread)
        self._clear()
        return read
