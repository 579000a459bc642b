"""Single records of WARC files, as a list names them: the pages of one site, one language, one query of an index.

`path` names the lists: CDXJ and CDX (`.cdxj`, `.cdx`, `.cdx.gz`), Common Crawl's columnar index as Parquet or CSV
(columns `warc_filename`, `warc_record_offset`, `warc_record_length`; `filename`, `offset`, `length` are understood,
too), or a list of whole WARC files (`warc.paths.gz`). `base` is the folder or URL that file names are relative to:
`https://data.commoncrawl.org/`, `s3://commoncrawl/`, a folder; without it, the folder of the list. A name that leads
out of its base is not followed; full URLs are, where no base is given.

Only the named ranges are fetched: neighbours within 64 KB of each other together, at most 8 MB in one request and
32 MB at a time. A list is dealt out to `shards_per_list` tasks by the hash of the WARC file's name. Records become
documents, or are dropped or quarantined, as in `warc`; besides:

    bad_row       a line of the list that does not say where a record lies
    missing       the named WARC file is not there
    bad_range     the range is not there (behind the end of the file), or no record starts where the list says

Other errors of a store (no rights, no network) are tried three times, and then fail the task, so that the next run goes
on from there. A server that ignores ranges and sends whole files is an error at once.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from datacurate.core.errors import InputError
from datacurate.core.paths import EXTRAS, Part, file_name, is_remote, located, without_secrets
from datacurate.core.source import PAYLOAD_BYTES, Read, Source
from datacurate.core.types import Positive
from datacurate.sources._batch import Batch, Unique, quarantined
from datacurate.sources._bytes import Stream
from datacurate.sources._frames import WARC, Format, frames
from datacurate.sources._index import BadRow, Row, check_list, kind_of, paths, rows
from datacurate.sources._pages import SCHEMA, add_record, record_id

WINDOW = 65536
"""So many rows of a list are sorted by file and offset at a time."""
GAP = 64 << 10
REQUEST = 8 << 20
"""Ranges with a gap of up to GAP bytes between them are one request, of up to REQUEST bytes."""
FLIGHT = 32 << 20
"""So many bytes are asked for at a time, the store's library may ask for them in parallel."""
ATTEMPTS = 3


@dataclass
class _Request:
    """One range of one file, and the rows that lie in it."""

    filename: str
    start: int
    end: int
    rows: list[Row] = field(default_factory=list)


class Cdx(Source):
    """Records of WARC files that a CDX, a columnar index or a list of files names."""

    suffixes = (".cdxj", ".cdxj.gz", ".cdx", ".cdx.gz", ".paths", ".paths.gz")
    makes = tuple(SCHEMA.names)

    base: str | None = None
    """Folder or URL that the file names in the lists are relative to; without it, the list's own folder."""
    shards_per_list: Positive = 16
    """Tasks that share a list of records."""
    max_bytes: Positive = 64 << 20
    """Longest record, and longest body after decoding; longer ones are quarantined."""

    def shards(self) -> list[Path]:
        """Parts of lists of records, and the files of lists of files."""
        found: list[Any] = []
        for file in self.files():
            if kind_of(file) == "paths":
                found += [located(self._named(file, name)) for name in paths(file)]
            else:
                found += [Part(str(file), at, self.shards_per_list) for at in range(self.shards_per_list)]
        return found

    def check(self, files: list[Path]) -> None:
        """Raise InputError for lists that name no records or files."""
        for file in files:
            if kind_of(file) == "paths":
                for name in paths(file):
                    self._named(file, name)
            else:
                check_list(file, kind_of(file))

    def _named(self, file: Path, name: str) -> str:
        """Where a file lies that a list of files names."""
        try:
            return self._full(file, name)
        except ValueError as error:
            raise InputError(f"{file}: {error}. Give the base that the list means: base: FOLDER_OR_URL.") from None

    def _full(self, file: Path, name: str) -> str:
        """Where a file lies that a list names; ValueError where the name leads out of the base."""
        base = self.base if self.base is not None else str(file).rpartition("/")[0] or "."
        base = base.rstrip("/") + "/"
        if is_remote(name) and self.base is None and name.partition("://")[0].lower() in EXTRAS:
            return name
        if name.startswith(base):
            name = name[len(base) :]
        if is_remote(name) or name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"'{without_secrets(name)[:300]}' leads out of the base '{without_secrets(base)}'")
        return base + name

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of a part of a list, or of a WARC file, in bounded batches."""
        if not isinstance(file, Part):
            yield from self._archive(file, source)
            return
        batch, unique = Batch(SCHEMA), Unique()
        where = located(file.path)
        wanted = rows(where, kind_of(where), file.number, file.count)
        while window := list(islice(wanted, WINDOW)):
            good = [row for row in window if isinstance(row, Row) and not self._astray(where, row)]
            for bad in (row if isinstance(row, BadRow) else self._astray(where, row) for row in window):
                if bad is not None:
                    batch.leave(quarantined(f"{file_name(where)}:{bad.number}", "bad_row", bad.error, bad.line))
            for request, data in self._fetched(where, good):
                for row in request.rows:
                    self._record(row, request, data, unique, source, batch)
                    if batch.full:
                        yield batch.take()
        yield batch.take()

    def _astray(self, where: Path, row: Row) -> BadRow | None:
        """What is wrong with the file name of a row."""
        try:
            self._full(where, row.filename)
        except ValueError as error:
            return BadRow(row.number, f"line {row.number}: {error}", row.filename.encode("utf-8", "replace"))
        return None

    def _archive(self, file: Path, source: str) -> Iterator[Read]:
        from datacurate.sources.arc import Arc
        from datacurate.sources.warc import Warc

        kind = Arc if ".arc" in file_name(file).lower() else Warc
        yield from kind(path=str(file), max_bytes=self.max_bytes).read(file, source)

    def _fetched(self, where: Path, wanted: Iterable[Row]) -> Iterator[tuple[_Request, Any]]:
        """Requests and their bytes, or the error that a store gave, in order of file and offset."""
        flight: list[_Request] = []
        size = 0
        for request in _requests(wanted, self.max_bytes):
            if flight and size + request.end - request.start > FLIGHT:
                yield from zip(flight, self._ranges(where, flight), strict=True)
                flight, size = [], 0
            flight.append(request)
            size += request.end - request.start
        if flight:
            yield from zip(flight, self._ranges(where, flight), strict=True)

    def _ranges(self, where: Path, flight: list[_Request]) -> list[Any]:
        """The bytes of each request; for files that are not there, the error."""
        places = [located(self._full(where, request.filename)) for request in flight]
        if not is_remote(places[0]):
            return [_local(place, request) for place, request in zip(places, flight, strict=True)]
        inner, fs = [place.path for place in places], places[0].fs  # type: ignore[attr-defined]
        found: list[Any] = [OSError("not asked for")] * len(flight)
        for attempt in range(ATTEMPTS):
            open_ = [at for at, got in enumerate(found) if _again(got)]
            if not open_:
                break
            time.sleep(attempt)
            ends = [flight[at].end for at in open_]
            got = fs.cat_ranges(
                [inner[at] for at in open_], [flight[at].start for at in open_], ends, on_error="return"
            )
            for at, data in zip(open_, got, strict=True):
                found[at] = data
        for place, request, data in zip(places, flight, found, strict=True):
            if _again(data):
                hint = "Check rights and network, and run again: what was finished is kept."
                raise InputError(f"{without_secrets(place)}: {type(data).__name__}: {data}. {hint}")
            if isinstance(data, bytes) and len(data) > request.end - request.start:
                raise InputError(
                    f"{without_secrets(place)}: the server ignores ranges. Copy the file, or use another base."
                )
        return found

    def _record(self, row: Row, request: _Request, data: Any, unique: Unique, source: str, batch: Batch) -> None:
        """Add the record of a row to the batch."""
        name = f"{row.filename}@{row.offset}"
        if isinstance(data, Exception):
            rule = "missing" if isinstance(data, FileNotFoundError) else "bad_range"
            batch.leave(quarantined(unique(name), rule, f"{type(data).__name__}: {data}"[:500]))
            return
        start = row.offset - request.start
        stop = len(data) if row.length is None else start + row.length
        piece = data[start:stop]
        if row.length is not None and len(piece) < row.length:
            error = f"the range of {row.length:,} bytes at {row.offset:,} has {len(piece):,}"
            batch.leave(quarantined(unique(name), "bad_range", error, piece[:PAYLOAD_BYTES], len(piece)))
            return
        place = _Piece(name, piece)
        frame = next(frames(Stream(place), self.max_bytes, _format(row.filename)), None)  # type: ignore[arg-type]
        if frame is None or frame.rule == "bad_header":
            error = f"no record starts at byte {row.offset:,}: {piece[:40]!r}"
            batch.leave(quarantined(unique(name), "bad_range", error, piece[:PAYLOAD_BYTES], len(piece)))
            return
        add_record(frame, unique(record_id(frame, Path(name))), source, batch, self.max_bytes)


def _format(filename: str) -> Format:
    from datacurate.sources.arc import Arc

    return Arc.format if ".arc" in filename.lower().rpartition("/")[2] else WARC


@dataclass(frozen=True)
class _Piece:
    """Bytes that open like a file."""

    name: str
    data: bytes

    def open(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)

    def stat(self) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(st_size=len(self.data))


def _requests(wanted: Iterable[Row], most: int) -> Iterator[_Request]:
    """Rows in order of file and offset, near ones in one request. A row without length takes a megabyte."""
    open_: _Request | None = None
    for row in sorted(wanted, key=lambda row: (row.filename, row.offset, row.number)):
        end = row.offset + min(row.length or 1 << 20, most)
        near = open_ is not None and open_.filename == row.filename and row.offset <= open_.end + GAP
        if open_ is not None and near and row.length and max(end, open_.end) - open_.start <= REQUEST:
            open_.end = max(end, open_.end)
            open_.rows.append(row)
            continue
        if open_ is not None:
            yield open_
        open_ = _Request(row.filename, row.offset, end, [row])
    if open_ is not None:
        yield open_


def _local(place: Path, request: _Request) -> Any:
    """A range of a file of this machine; the error where it is not there."""
    try:
        with place.open("rb") as file:
            file.seek(request.start)
            return file.read(request.end - request.start)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        return FileNotFoundError(str(error))


def _again(got: Any) -> bool:
    """Whether to ask again: not for bytes, and not for what is not there."""
    if not isinstance(got, Exception) or isinstance(got, FileNotFoundError):
        return False
    return "416" not in str(got) and "InvalidRange" not in str(got)
