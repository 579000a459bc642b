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
    too_large     the range is longer than `max_bytes`; it is not fetched

All that lies in a range is accounted for: where it spans several records, all are read. Of a row without length the
first record is.

Of a list of whole files (a `warc.paths` has 90,000 lines), `bad_row` and `missing` lines are one shard; the
files that are there are read. A list of which nothing can be read (every line is `bad_row` or `missing`, or there is
none) is not quarantined: it stops the run with an error before it starts, whatever `quarantine_limit` says. So do other
errors of a store (no rights, no network), for what is there must not be taken for missing; while records are
fetched they are tried three times, and then fail the task, so that the next run goes on from there. A server that
ignores ranges and sends whole files is an error at once.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from datacurate.core.errors import InputError
from datacurate.core.paths import (
    EXTRAS,
    Listed,
    Lost,
    Part,
    file_name,
    is_remote,
    located,
    printable,
    unreadable,
    without_secrets,
)
from datacurate.core.source import PAYLOAD_BYTES, Read, Source, Unread
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
LOOKS = 100
"""So many files of a list are looked for in `check`; planning looks for all."""
LOOKERS = 32
"""Requests at a time while remote files of a list are looked for."""
NAME_BYTES, PATH_BYTES = 255, 4096
"""Longest file name and path of Linux; names of S3 and GCS have 1,024 bytes at most."""


@dataclass
class _Request:
    """One range of one file, and the rows that lie in it."""

    filename: str
    start: int
    end: int
    rows: list[Row] = field(default_factory=list)


class Cdx(Source):
    """Records of WARC files that a CDX, a columnar index or a list of files names."""

    version = 2
    suffixes = (".cdxj", ".cdxj.gz", ".cdx", ".cdx.gz", ".paths", ".paths.gz")
    makes = tuple(SCHEMA.names)

    base: str | None = None
    """Folder or URL that the file names in the lists are relative to; without it, the list's own folder."""
    shards_per_list: Positive = 16
    """Tasks that share a list of records."""
    max_bytes: Positive = 64 << 20
    """Longest record, and longest body after decoding; longer ones are quarantined."""

    def shards(self) -> list[Path]:
        """Parts of lists of records; the files of lists of files, and what of such a list cannot be read."""
        found: list[Any] = []
        for file in self.files():
            if kind_of(file) == "paths":
                found += self._listed(file, paths(file))
            else:
                found += [Part(str(file), at, self.shards_per_list) for at in range(self.shards_per_list)]
        return found

    def check(self, files: list[Path]) -> None:
        """Raise InputError for lists that name no records or files. Of a long list of files some are looked for."""
        for file in files:
            if kind_of(file) != "paths":
                check_list(file, kind_of(file))
                continue
            names = list(paths(file))
            self._listed(file, [names[at * len(names) // LOOKS] for at in range(LOOKS)] if names[LOOKS:] else names)

    def _listed(self, file: Path, lines: Iterable[tuple[int, str]]) -> list[Any]:
        """The files of a list that are there, and one `Lost` of its other lines. InputError where none is there."""
        named: list[tuple[int, str, Listed]] = []
        lost: list[tuple[int, str, str, str]] = []
        for number, name in lines:
            try:
                named.append((number, name, Listed(self._full(file, name))))
            except ValueError as error:
                lost.append((number, shown(name), "bad_row", f"line {number}: {error}"))
        _look([one for *_, one in named])
        for number, name, one in named:
            if one.size is None:
                lost.append((number, shown(name), "missing", f"line {number}: no file at {without_secrets(one)[:300]}"))
        there = [one for *_, one in named if one.size is not None]
        if not there:
            found = f"nothing of it can be read, for example {lost[0][3]}" if lost else "it names no file"
            raise InputError(f"{file}: {found}. Give the base that the list means: base: FOLDER_OR_URL.")
        return [*there, Lost(str(file), tuple(sorted(lost)))] if lost else there

    def _full(self, file: Path, name: str) -> str:
        """Where a file lies that a list names; ValueError where the name is none, or leads out of the base."""
        if not name or any(char < " " or char == "\x7f" for char in name):
            raise ValueError(f"'{shown(name)}' is no file name")
        if is_remote(name) and self.base is None and name.partition("://")[0].lower() in EXTRAS:
            return name
        base = self.base if self.base is not None else str(file).rpartition("/")[0] or "."
        base = base.rstrip("/") + "/"
        if name.startswith(base):
            name = name[len(base) :]
        if is_remote(name) or name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"'{shown(without_secrets(name))}' leads out of the base '{without_secrets(base)}'")
        _check_name(name, remote=is_remote(base))
        return base + name

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of a part of a list, or of a WARC file, in bounded batches."""
        batch, unique = Batch(SCHEMA), Unique()
        if not isinstance(file, Part):
            yield from _lost(file, batch) if isinstance(file, Lost) else self._archive(located(str(file)), source)
            return
        where = located(file.path)
        wanted = rows(where, kind_of(where), file.number, file.count)
        while window := list(islice(wanted, WINDOW)):
            good = []
            for row in window:
                if (bad := self._unusable(where, row)) is not None:
                    batch.leave(bad)
                    if batch.full:
                        yield batch.take()
                elif isinstance(row, Row):
                    good.append(row)
            for request, data in self._fetched(where, good):
                for row in request.rows:
                    for _ in self._records(row, request, data, unique, source, batch):
                        if batch.full:
                            yield batch.take()
        yield batch.take()

    def _unusable(self, where: Path, row: Row | BadRow) -> Unread | None:
        """A row that cannot be followed."""
        id = f"{file_name(where)}:{row.number}"
        if isinstance(row, BadRow):
            return quarantined(id, "bad_row", row.error, row.line)
        name = row.filename.encode("utf-8", "replace")
        try:
            self._full(where, row.filename)
        except ValueError as error:
            return quarantined(id, "bad_row", f"line {row.number}: {error}", name)
        if row.length is not None and row.length > self.max_bytes:
            wrong = f"line {row.number}: a range of {row.length:,} bytes; max_bytes is {self.max_bytes:,}"
            return quarantined(id, "too_large", wrong, name, row.length)
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

    def _records(
        self, row: Row, request: _Request, data: Any, unique: Unique, source: str, batch: Batch
    ) -> Iterator[None]:
        """Add all that lies in the range of a row to the batch, one record at a time."""
        name = f"{row.filename}@{row.offset}"
        if isinstance(data, Exception):
            rule = "missing" if isinstance(data, FileNotFoundError) else "bad_range"
            batch.leave(quarantined(unique(name), rule, f"{type(data).__name__}: {data}"[:500]))
            yield
            return
        start = row.offset - request.start
        stop = len(data) if row.length is None else start + row.length
        piece = data[start:stop]
        if row.length is not None and len(piece) < row.length:
            error = f"the range of {row.length:,} bytes at {row.offset:,} has {len(piece):,}"
            batch.leave(quarantined(unique(name), "bad_range", error, piece[:PAYLOAD_BYTES], len(piece)))
            yield
            return
        found = frames(Stream(_Piece(name, piece)), self.max_bytes, _format(row.filename))  # type: ignore[arg-type]
        frame = next(found, None)
        if frame is None or frame.rule == "bad_header":
            error = f"no record starts at byte {row.offset:,}: {piece[:40]!r}"
            batch.leave(quarantined(unique(name), "bad_range", error, piece[:PAYLOAD_BYTES], len(piece)))
            yield
            return
        for one in chain([frame], () if row.length is None else found):
            add_record(one, unique(record_id(one, Path(name))), source, batch, self.max_bytes)
            yield


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


def _check_name(name: str, remote: bool) -> None:
    """Raise ValueError for what no file can be called; names of S3 and GCS are UTF-8, those of Linux any bytes."""
    parts = [part.encode() if remote else os.fsencode(part) for part in name.split("/")]
    longest = PATH_BYTES if remote else NAME_BYTES
    if max(map(len, parts)) > longest or sum(map(len, parts)) + len(parts) > PATH_BYTES:
        raise ValueError(f"'{shown(name)}' is longer than a file name can be")


def _lost(file: Lost, batch: Batch) -> Iterator[Read]:
    """The lines of a list of files that cannot be read."""
    for number, name, rule, error in file.entries:
        batch.leave(quarantined(f"{file.name}:{number}", rule, error, name.encode()))
        if batch.full:
            yield batch.take()
    yield batch.take()


def shown(name: str) -> str:
    """As much of a name as a message and a book have room for."""
    return printable(name)[:300]


def _look(files: list[Listed]) -> None:
    """Ask for all files; for remote ones, each of which takes a request or two, many at a time."""
    with ThreadPoolExecutor(LOOKERS) as pool:
        asked = {one: pool.submit(one.look) for one in files if is_remote(one.path)}
        try:
            for one in files:
                with unreadable(one):
                    asked[one].result() if one in asked else one.look()
        finally:
            pool.shutdown(cancel_futures=True)


def _local(place: Path, request: _Request) -> Any:
    """A range of a file of this machine; the error where it is not there."""
    try:
        with place.open("rb") as file:
            if request.start >= file.seek(0, os.SEEK_END):  # file systems refuse to seek to 2^63
                return b""
            file.seek(request.start)
            return file.read(request.end - request.start)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        return FileNotFoundError(str(error))
    except OSError as error:
        raise InputError(f"{place}: cannot be read: {error}. Check its rights, and run again.") from error


def _again(got: Any) -> bool:
    """Whether to ask again: not for bytes, and not for what is not there."""
    if not isinstance(got, Exception) or isinstance(got, FileNotFoundError):
        return False
    return "416" not in str(got) and "InvalidRange" not in str(got)
