"""JSON Lines, plain, gzip, zstd or lz4: one document per line.

A line that is no document is quarantined with its number, the error and its head: `not_json`, `not_object`,
`no_text` (no string under the text key), `bad_unicode` (lone surrogates such as `"\\ud800"`, which no UTF-8 file can
hold), `not_utf8`, `too_long`. Damaged compression is one `gzip`, `zstd`, `lz4` or `truncated` record, with the line
that it cuts; reading goes on at the next gzip member or frame, and lost lines are not counted. A file of
zero bytes is one `empty` record. Lines of white space are no records.

A line without an id gets the digest of the source's name, the file's name without its folder, the line number and
the text: it stays the same when the folder moves, and no two lines of a file share it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from datacurate.core.conversation import as_text
from datacurate.core.paths import file_name
from datacurate.core.source import PAYLOAD_BYTES, Read, Source, Unread
from datacurate.core.types import Positive
from datacurate.sources._batch import Batch, Unique, digest, quarantined
from datacurate.sources._bytes import Stream

SCHEMA = pa.schema({name: pa.string() for name in ("id", "text", "source", "url", "date", "meta")})

TEXT = re.compile(rb"[^\x00-\x08\x0e-\x1f]+\Z")
"""What unpacked lines look like: JSON has no control characters, and what is no gzip member unpacks to some."""


class Unusable(Exception):
    """A line that is no document; `rule` names the kind."""

    def __init__(self, rule: str, error: str) -> None:
        super().__init__(error)
        self.rule = rule


class Jsonl(Source):
    """One JSON object per line."""

    version = 2  # keys inside meta stay in their order
    suffixes = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.lz4", ".json.gz", ".json.zst", ".ndjson", ".ndjson.gz")
    makes = tuple(SCHEMA.names)

    text: str = "text"
    """Key of the text; or of a list of messages, whose contents then are the text. The list stays in `meta`."""
    id: str | None = "id"
    """Key of the id; lines without it get a digest. None gives every line a digest."""
    max_bytes: Positive = 64 << 20
    """Longest line; longer ones are quarantined."""

    def first_keys(self) -> tuple[str, list[str]] | None:
        """File and line of the first document, and its keys."""
        for file in self.files():
            for number, line, size in lines(Stream(file), self.max_bytes):
                if size <= self.max_bytes:
                    with suppress(Unusable):
                        return f"{file}, line {number}", [str(key) for key in parsed(line)]
        return None

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one file in bounded batches, in line order."""
        batch, stream = Batch(SCHEMA), Stream(file)
        if stream.holds_nothing:
            batch.leave(quarantined(file_name(file), "empty", "the file is empty"))
        before, goes_on, unique = 0, True, Unique()
        while goes_on:
            for number, line, size in lines(stream, self.max_bytes, before):
                before = number
                try:
                    self._line(line, size, number, file, source, batch)
                except Unusable as why:
                    error = f"line {number}: {why}"
                    batch.leave(quarantined(f"{file_name(file)}:{number}", why.rule, error, line, size))
                if batch.full:
                    yield batch.take()
            goes_on = False
            if stream.damage is not None:
                lost, goes_on = self._damaged(stream, file, unique)
                batch.leave(lost)
                if batch.full:
                    yield batch.take()
        yield batch.take()

    def _damaged(self, stream: Stream, file: Path, unique: Unique) -> tuple[Unread, bool]:
        """What is lost at damage, and whether the file goes on behind it. The stream moves there."""
        damage, id = stream.damage, unique(f"{file_name(file)}@{stream.position}")
        assert damage is not None
        head = stream.take(PAYLOAD_BYTES)
        size = len(head) + stream.skip(1 << 62)
        skipped = stream.recover(TEXT)
        lost = max(file.stat().st_size - damage.start, 0) if skipped is None else skipped
        size += max(lost - (damage.end - damage.start), 0) if damage.begun else lost
        if skipped is not None and (end := stream.until(b"\n", self.max_bytes)) > 0:
            try:
                parsed(stream.peek(end))
            except Unusable:  # the rest of a line that began in what is lost
                size += stream.skip(end)
        return quarantined(id, damage.rule, damage.error, head, size), skipped is not None

    def _line(self, line: bytes, size: int, number: int, file: Path, source: str, batch: Batch) -> None:
        """Add the document of one line to the batch."""
        if size > self.max_bytes:
            raise Unusable("too_long", f"{size:,} bytes; max_bytes is {self.max_bytes:,}")
        row = parsed(line)
        text = row.pop(self.text, None)
        if isinstance(text, list):
            if (said := as_text(text)) is None:
                raise Unusable("no_text", f"no list of messages, each with a content that is text, under '{self.text}'")
            row[self.text], text = text, said
        if not isinstance(text, str):
            raise Unusable("no_text", f"no string under '{self.text}'; keys: {', '.join(map(str, row))[:200]}")
        own = row.pop(self.id, None) if self.id else None
        id = str(own) if own not in (None, "") else digest(source, file_name(file), number, text)
        url, date = _simple(row, "url"), _simple(row, "date")
        # sorted at the top alone: what is inside, such as messages, stays in the order in which a template writes it
        meta = json.dumps(dict(sorted(row.items())), ensure_ascii=False, separators=(",", ":")) if row else None
        values = (id, text, source, url, date, meta)
        _check_unicode(values)
        batch.add(*values, size=size)


def parsed(line: bytes) -> dict[str, Any]:
    """The JSON object of a line."""
    try:
        row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise Unusable("not_utf8", str(error)[:300]) from None
    except (ValueError, RecursionError) as error:
        raise Unusable("not_json", str(error)[:300]) from None
    if not isinstance(row, dict):
        raise Unusable("not_object", f"a JSON {type(row).__name__}, not an object")
    return row


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its pairs; a key that stands there twice would lose its first value."""
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unusable("duplicate_key", f"the key {twice!r} stands there twice")
    return made


def lines(stream: Stream, most: int, number: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """Number, bytes and length of each line with more than white space; only the head of what is over-long.

    A line that damage cuts short stays in the stream. `number` lines lie before.
    """
    while stream.peek(1):
        number += 1
        size = stream.until(b"\n", most)
        if size < 0 and stream.damage is not None:
            return
        line, size = (stream.take(size)[:-1], size - 1) if size > 0 else _last_or_long(stream, most)
        if line.strip():
            yield number, line, size


def _last_or_long(stream: Stream, most: int) -> tuple[bytes, int]:
    """A line without line end or with more than `most` bytes (then only its head), and its length."""
    ahead = stream.peek(most + 1)
    if len(ahead) <= most:
        return stream.take(len(ahead)), len(ahead)
    head, size = ahead[:PAYLOAD_BYTES], 0
    while (end := stream.until(b"\n", 1 << 20)) < 0 and (got := stream.skip(1 << 20)):
        size += got
    return head, size + stream.skip(max(end, 0))


def _simple(row: dict[str, Any], key: str) -> str | None:
    """A string taken out of the row; anything else stays there."""
    return row.pop(key) if isinstance(row.get(key), str) else None


def _check_unicode(values: tuple[str | None, ...]) -> None:
    try:
        for value in values:
            if value is not None:
                value.encode()
    except UnicodeEncodeError as error:
        raise Unusable("bad_unicode", str(error)[:300]) from None
