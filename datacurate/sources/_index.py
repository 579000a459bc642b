"""Lists of WARC records: CDXJ, CDX, Common Crawl's columnar index (Parquet, CSV), and lists of WARC files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from datacurate.core.errors import InputError
from datacurate.core.paths import file_name, is_remote
from datacurate.sources._bytes import Stream

NAMES = {
    "filename": ("filename", "warc_filename", "warc_path", "file"),
    "offset": ("offset", "warc_record_offset", "warc_offset"),
    "length": ("length", "warc_record_length", "warc_length"),
    "url": ("url", "original", "target_uri"),
}
"""What columns and keys are called: pywb, Common Crawl, and others."""
LETTERS = {"g": "filename", "V": "offset", "S": "length", "a": "url"}
"""Letters of a CDX header (https://iipc.github.io/warc-specifications/specifications/cdx-format/cdx-2015/)."""
HEADERLESS = {11: (10, 9, 8, 2), 10: (9, 8, None, 2), 9: (8, 7, None, 2)}
"""Places of file, offset, length and address in lines of a CDX without header, by the number of fields."""
LINE_BYTES = 1 << 20
"""Longest line; a longer one names nothing."""
MOST = 1 << 63
"""No byte of a file lies so far."""
NUMBER = re.compile(r"\s*([0-9]{1,19})(?:\.0)?\s*")
"""What offsets and lengths look like; columns with nulls have become floats in some indexes."""


@dataclass(frozen=True)
class Row:
    """Where a record lies."""

    number: int
    """Line or row of the list, from 1."""
    filename: str
    offset: int
    length: int | None
    url: str | None = None


@dataclass(frozen=True)
class BadRow:
    """A line that does not say where a record lies."""

    number: int
    error: str
    line: bytes


KINDS = {".parquet": "parquet", ".csv": "csv", ".cdx": "cdx", ".cdxj": "cdx", ".paths": "paths"}


def kind_of(file: Path) -> str:
    """`parquet`, `csv`, `cdx` (also CDXJ) or `paths`, by name; where that says nothing, by the first line."""
    name = file_name(file).lower().removesuffix(".gz").removesuffix(".zst")
    if (known := KINDS.get(name[name.rfind(".") :])) is not None:
        return known
    first = Stream(file).peek(4096).split(b"\n")[0].strip()
    fields = first.split()
    if len(fields) == 1 and not first.startswith(b"{"):
        return "paths"
    return "cdx"


def check_list(file: Path, kind: str) -> None:
    """Raise InputError for a list whose columns do not say where records lie."""
    if kind in ("parquet", "csv"):
        next({"parquet": _parquet, "csv": _csv}[kind](file), None)


def paths(file: Path) -> Iterator[tuple[int, str]]:
    """The names in a list of files, with the numbers of their lines; of an over-long line the name is empty."""
    for number, line in _lines(file):
        name = line.decode("utf-8", "surrogateescape").strip()
        if not name.startswith("#"):
            yield number, name


def rows(file: Path, kind: str, part: int, parts: int) -> Iterator[Row | BadRow]:
    """The rows of a list that belong to a part: all records of a WARC file are in one part."""
    made = {"parquet": _parquet, "csv": _csv, "cdx": _cdx}[kind](file)
    for row in made:
        name = row.filename if isinstance(row, Row) else str(row.number)
        if crc32(name.encode("utf-8", "replace")) % parts == part:
            yield row


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    from datacurate.sources.jsonl import lines

    stream = Stream(file)
    for number, line, size in lines(stream, LINE_BYTES):
        yield number, line if size <= LINE_BYTES else b""
    if stream.damage is not None:
        raise InputError(f"{file}: the list is damaged: {stream.damage.error}. Fetch it again.")


def _row(number: int, said: dict[str, Any], line: bytes) -> Row | BadRow:
    """A row of what a line says."""
    name, offset, length = said.get("filename"), said.get("offset"), said.get("length")
    at, size = _number(offset), None if length in (None, "", "-") else _number(length)
    if at < 0 or size == -1 or at + (size or 0) >= MOST:
        return BadRow(number, f"line {number}: no usable offset and length: {offset!r:.50}, {length!r:.50}", line)
    if not isinstance(name, str) or not name or name == "-" or size == 0:
        return BadRow(number, f"line {number}: file {name!r:.300}, offset {at}, length {size}", line)
    url = said.get("url")
    return Row(number, name, at, size, url if isinstance(url, str) else None)


def _number(said: Any) -> int:
    """An offset or a length; -1 for what is none."""
    found = (
        NUMBER.fullmatch(said if isinstance(said, str) else repr(said)) if isinstance(said, str | int | float) else None
    )
    return int(found[1]) if found else -1


def _cdx(file: Path) -> Iterator[Row | BadRow]:
    """CDXJ (`key timestamp {json}`, or `{json}` alone) and CDX of 9 to 11 fields, with or without header."""
    places: dict[str, int] = {}
    for number, line in _lines(file):
        fields = line.split()
        if fields[:1] == [b"CDX"]:
            places = {LETTERS[c.decode()]: at for at, c in enumerate(fields[1:]) if c.decode("latin-1") in LETTERS}
        elif fields and b"{" in line and (start := line.index(b"{")) < 4096 and len(line[:start].split()) <= 3:
            yield _from_json(number, line, start)
        else:
            yield _from_fields(number, [field.decode("utf-8", "replace") for field in fields], places, line)


def _from_json(number: int, line: bytes, start: int) -> Row | BadRow:
    try:
        said = json.loads(line[start:])
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"line {number}: {error}"[:300], line)
    return _row(number, _named(said) if isinstance(said, dict) else {}, line)


def _named(said: dict[str, Any]) -> dict[str, Any]:
    """What a mapping says, by our names."""
    return {ours: next((said[name] for name in theirs if name in said), None) for ours, theirs in NAMES.items()}


def _from_fields(number: int, fields: list[str], places: dict[str, int], line: bytes) -> Row | BadRow:
    if not places and len(fields) in HEADERLESS:
        found = zip(("filename", "offset", "length", "url"), HEADERLESS[len(fields)], strict=True)
        places = {name: at for name, at in found if at is not None}
    if not places or max(places.values()) >= len(fields):
        return BadRow(
            number, f"line {number}: {len(fields)} fields; a CDX has 9 to 11, or a header that names them", line
        )
    return _row(number, {name: fields[at] for name, at in places.items()}, line)


def _parquet(file: Path) -> Iterator[Row | BadRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file.open("rb") if is_remote(file) else file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file}: no Parquet that can be read: {error}. Fetch it again.") from None
    yield from _tables(
        file, opened.schema_arrow.names, opened.iter_batches(columns=_columns(file, opened.schema_arrow.names))
    )


def _csv(file: Path) -> Iterator[Row | BadRow]:
    import csv

    names: list[str] = []
    for number, line in _lines(file):
        try:
            fields = next(csv.reader([line.decode("utf-8-sig", "replace")]))
        except (csv.Error, StopIteration) as error:
            yield BadRow(number, f"line {number}: {error}", line)
            continue
        if not names:
            names = fields
            _columns(file, names)
        elif len(fields) != len(names):
            yield BadRow(number, f"line {number}: {len(fields)} fields, the header has {len(names)}", line)
        else:
            yield _row(number, _named(dict(zip(names, fields, strict=True))), line)


def _columns(file: Path, names: list[str]) -> list[str]:
    """The columns that are read; InputError when those that say where records lie are not there."""
    found = [name for theirs in NAMES.values() for name in theirs if name in names]
    for ours in ("filename", "offset", "length"):
        if not set(NAMES[ours]) & set(names):
            known = ", ".join(NAMES[ours])
            raise InputError(
                f"{file}: no column for the {ours} of records ({known}); it has: {', '.join(names)[:300]}."
            )
    return found


def _tables(file: Path, names: list[str], batches: Iterator[Any]) -> Iterator[Row | BadRow]:
    number = 0
    for batch in batches:
        for said in batch.to_pylist():
            number += 1
            yield _row(number, _named(said), str(said).encode()[:1000])
