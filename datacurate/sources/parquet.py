"""Parquet files: one document per row, other columns kept.

Rows without text are quarantined (`no_text`), and so are texts and ids that are not UTF-8 (`not_utf8`). A file that
is no Parquet is one `not_parquet` record, a file of zero bytes one `empty` record; when pages of a row group cannot
be read, the rest of that row group is one `unreadable` record that names the rows, and reading goes on at the next.

Pages are streamed, so memory does not grow with the row group. Rows without an id get a digest as in `jsonl`.
A column of the file that bears a name which the source fills otherwise is kept as `NAME_in_file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datacurate.core.conversation import as_text
from datacurate.core.errors import InputError, did_you_mean
from datacurate.core.paths import file_name, is_remote
from datacurate.core.source import BATCH_BYTES, BATCH_ROWS, Read, Source, Unread
from datacurate.core.web import in_pieces, unranged
from datacurate.sources._batch import digest, quarantined

BUFFER = 1 << 20
"""Bytes of a column chunk that are read at once; without a buffer Arrow loads whole column chunks."""
_SOUND: set[tuple[Any, ...]] = set()
"""Readings of files that this process has been through without a bad row: stages read a file several times."""


class Parquet(Source):
    """One document per row."""

    suffixes = (".parquet",)
    reread = True

    text: str = "text"
    """Column of the text; or of lists of messages, whose contents then are the text. The column stays."""
    id: str | None = "id"
    """Column of the id; files and rows without it get a digest. None gives every row a digest."""

    def columns(self) -> set[str]:
        """The columns of all files that can be read."""
        return set(self.types())

    def types(self) -> dict[str, Any]:
        """What the columns hold; the null type where files disagree. Files that cannot be read are left out."""
        found: dict[str, Any] = dict.fromkeys(self.makes, pa.string())
        try:
            opened = [_opened(file) for file in self.files()]
        except InputError:
            opened = []
        for one in opened:
            for field in one.schema_arrow if one is not None else ():
                if field.name != self.id and (field.name != self.text or _is_messages(field.type)):
                    name = f"{field.name}_in_file" if field.name in self.makes else field.name
                    found[name] = field.type if found.get(name, field.type) == field.type else pa.null()
        return found

    def lacking(self, column: str) -> list[Path]:
        """Files that can be read and do not have it."""
        opened = {file: _opened(file) for file in self.files()}
        return [file for file, one in opened.items() if one is not None and column not in one.schema_arrow.names]

    def check(self, files: list[Path]) -> None:
        """Raise InputError when a readable file has no such columns, or a text column that holds no strings."""
        for file in files:
            if (opened := _opened(file)) is None:
                continue
            schema = opened.schema_arrow
            if self.text not in schema.names:
                raise InputError(self._missing(file, "text", self.text, schema.names, "the text"))
            for name in (self.text, self.id):
                if name and schema.names.count(name) > 1:
                    raise InputError(f"{file}: {schema.names.count(name)} columns called '{name}'. Rename the others.")
            kind = schema.field(self.text).type
            if not (_is_string(kind) or _is_messages(kind)):
                raise InputError(
                    f"{file}: column '{self.text}' holds {kind}, not strings. "
                    f"Say which one holds the text: {{parquet: {file}, text: COLUMN}}"
                )
            if self.id and self.id not in schema.names and "id" in self.model_fields_set:
                raise InputError(self._missing(file, "id", self.id, schema.names, "the id"))

    @staticmethod
    def _missing(file: Path, option: str, name: str, names: list[str], what: str) -> str:
        near = did_you_mean(name, names)
        near = f" {near}" if near.startswith("Did") else ""
        example = near.split("'")[1] if near else "COLUMN"
        return (
            f"{file} has no column '{name}'; it has: {', '.join(names)}.{near} "
            f"Say which one holds {what}: {{parquet: {file}, {option}: {example}}}"
        )

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one file in bounded batches, in row order."""
        opened = _opened(file)
        if opened is None or self.text not in opened.schema_arrow.names:
            yield Read(_empty(), [self._unreadable_file(file)])
            return
        schema, first, bad = self._rows(opened.schema_arrow.empty_table(), 0, file, source), 0, 0
        yield schema
        for group in range(opened.num_row_groups):
            for some in self._group(opened, group, first, file, source):
                bad += len(some.unread)
                yield some
            first += opened.metadata.row_group(group).num_rows
        if not bad:
            _SOUND.add(self._reading(file))

    def _reading(self, file: Path) -> tuple[Any, ...]:
        """What is read, as it stands."""
        about = file.stat()
        return str(file), about.st_size, about.st_mtime, about.st_ino, self.text, self.id

    def _unreadable_file(self, file: Path) -> Unread:
        size = file.stat().st_size
        if not size:
            return quarantined(file_name(file), "empty", "the file is empty")
        try:
            error = f"no column '{self.text}'; it has: {', '.join(pq.ParquetFile(file).schema_arrow.names)}"
        except (pa.ArrowException, OSError) as why:
            error = str(why)
        with file.open("rb") as data:
            return quarantined(file_name(file), "not_parquet", error, data.read(1 << 16), size)

    def _group(self, opened: Any, group: int, first: int, file: Path, source: str) -> Iterator[Read]:
        """The documents of one row group, of which `first` rows lie before it."""
        about = opened.metadata.row_group(group)
        done = 0
        try:
            for batch in opened.iter_batches(_batch_rows(about), row_groups=[group]):
                yield self._rows(pa.Table.from_batches([batch]), first + done, file, source)
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            last = first + about.num_rows - 1
            message = f"rows {first + done} to {last} (row group {group}): {error}"
            size = about.total_byte_size * (about.num_rows - done) // max(about.num_rows, 1)
            unread = Unread(f"{file_name(file)}:{first + done}", "quarantined", "unreadable", size, message)
            yield Read(self._rows(opened.schema_arrow.empty_table(), 0, file, source).docs, [unread])

    def _rows(self, table: pa.Table, first: int, file: Path, source: str) -> Read:
        """The documents of a few rows; `first` is the number of the first."""
        if self.id in table.column_names:
            known = self._reading(file) in _SOUND
            ids, texts = _sound(table[self.id], known), _sound(table[self.text], known)
            if ids is not None and texts is not None and pc.min(pc.binary_length(ids)).as_py() != 0:
                made = {"id": ids, "text": texts, "source": pa.array([source] * len(texts), pa.string())}
                return Read(self._with_rest(made, table))
        return self._row_by_row(table, first, file, source)

    def _row_by_row(self, table: pa.Table, first: int, file: Path, source: str) -> Read:
        """The same where a row may lack its text or id, or hold bytes that are no UTF-8."""
        texts, bad = _strings(table[self.text])
        ids, bad_ids = _strings(table[self.id]) if self.id in table.column_names else ([None] * len(texts), {})
        unread, keep = [], []
        for at, text in enumerate(texts):
            name = f"{file_name(file)}:{first + at}"
            if (broken := bad.get(at) or bad_ids.get(at)) is not None:
                unread.append(quarantined(name, "not_utf8", f"row {first + at}: not UTF-8", broken))
            elif text is None:
                unread.append(quarantined(name, "no_text", f"row {first + at}: '{self.text}' is null"))
            else:
                keep.append(at)
                ids[at] = ids[at] or digest(source, file_name(file), first + at, text)
        made = {
            "id": pa.array([ids[at] for at in keep], pa.string()),
            "text": pa.array([texts[at] for at in keep], pa.string()),
            "source": pa.array([source] * len(keep), pa.string()),
        }
        return Read(self._with_rest(made, table.take(pa.array(keep, pa.int64()))), unread)

    def _with_rest(self, made: dict[str, Any], table: pa.Table) -> pa.Table:
        """The columns that every source makes, and the file's others behind them."""
        for name in table.column_names:
            if name != self.id and (name != self.text or _is_messages(table[name].type)):
                made[f"{name}_in_file" if name in ("id", "text", "source") else name] = table[name]
        return pa.table(made).combine_chunks()


def _opened(file: Path) -> Any:
    """The file opened for streaming, or None when it is no Parquet."""
    try:
        opened = in_pieces(file) if is_remote(file) else file
        with unranged(file):
            return pq.ParquetFile(opened, pre_buffer=False, buffer_size=BUFFER)
    except (pa.ArrowException, OSError):
        return None


def _empty() -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in ("id", "text", "source")})


def _batch_rows(about: Any) -> int:
    """Rows per batch such that an average batch of the row group has a quarter of BATCH_BYTES: rows differ in size."""
    average = max(about.total_byte_size // max(about.num_rows, 1), 1)
    return int(min(max(BATCH_BYTES // 4 // average, 1), BATCH_ROWS))


def _is_string(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_messages(kind: Any) -> bool:
    """Whether values are lists of messages: of structs that have a content."""
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return lists and pa.types.is_struct(kind.value_type) and kind.value_type.get_field_index("content") >= 0


def _conversations(column: pa.ChunkedArray) -> tuple[list[str | None], dict[int, bytes]]:
    """What conversations say, and which hold bytes that are not UTF-8, by position."""
    values: list[str | None] = []
    bad: dict[int, bytes] = {}
    for at, value in enumerate(column):
        try:
            values.append(as_text(value.as_py()))
        except UnicodeDecodeError as error:
            bad[at] = error.object
            values.append(None)
    return values, bad


def _sound(column: pa.ChunkedArray, known: bool) -> Any:
    """A column of strings as it is, when no value is null and all are `known` or found to be UTF-8; else None."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if column.null_count or not _is_string(kind):
        return None
    try:
        plain = pc.cast(column, pa.string())
        if not known:
            plain.validate(full=True)
    except (pa.ArrowException, OSError):
        return None
    return plain


def _strings(column: pa.ChunkedArray) -> tuple[list[str | None], dict[int, bytes]]:
    """A column as strings, and the bytes of values that are not UTF-8 by position; numbers become strings."""
    if _is_messages(column.type):
        return _conversations(column)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not _is_string(kind):
        return pc.cast(column, pa.string()).to_pylist(), {}
    raw = pc.cast(pc.cast(column, kind), pa.large_binary()).to_pylist()
    values: list[str | None] = []
    bad: dict[int, bytes] = {}
    for at, value in enumerate(raw):
        try:
            values.append(None if value is None else value.decode("utf-8"))
        except UnicodeDecodeError:
            bad[at] = value
            values.append(None)
    return values, bad
