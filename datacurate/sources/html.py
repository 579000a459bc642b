"""Folders of HTML files: one document per file, its path in the folder is its id.

Small files are read together: a shard holds up to 1,024 files or 64 MB. `extract` finds out from `<meta>` and the
bytes which encoding a file is in. Files may be compressed (`.html.gz`, `.zst`, `.lz4`).

In folders of this machine, files are taken too whose name is one of a page that a program made (`index.php`,
`view?id=3`, `index.html.1`, no ending at all), if their content begins like HTML; the run says how many other files
of unknown ending there are.

A file of zero bytes is one `empty` record, one longer than `max_bytes` one `too_large`, one whose compression is
damaged `gzip` or `truncated`, one that has become unreadable `unreadable`. A file whose content is binary (PDF, images,
archives) is dropped as `not_html`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from datacurate.core.paths import Bundle, by_root, file_name, is_remote, printable, size_of
from datacurate.core.source import PAYLOAD_BYTES, Read, Source, Unread
from datacurate.core.types import Positive
from datacurate.core.web import hidden, reason
from datacurate.sources._batch import Batch, Unique, quarantined
from datacurate.sources._bytes import Stream
from datacurate.sources._content import LOOKED_AT, binary
from datacurate.sources._pages import SCHEMA

BUNDLE_FILES, BUNDLE_BYTES = 1024, 64 << 20
"""A shard holds at most so many files, and about as many bytes."""
PACKING = ("", ".gz", ".zst", ".lz4")


class Html(Source):
    """HTML files."""

    version = 2
    suffixes = tuple(end + packing for end in (".html", ".htm", ".xhtml", ".shtml", ".xht") for packing in PACKING)
    sniffs = True
    makes = tuple(SCHEMA.names)

    max_bytes: Positive = 64 << 20
    """Longest file; longer ones are quarantined."""

    def shards(self) -> list[Path]:
        """The files in bundles. Where one ends depends on names near by, so that a new file moves few others."""
        bundles: list[Any] = []
        for root, names in by_root(self.files()).items():
            held, size = [], 0
            for name in names:
                held.append(name)
                size += size_of(f"{root}/{name}")
                border = crc32(name.encode("utf-8", "surrogateescape")) % (BUNDLE_FILES // 2) == 0
                if border or len(held) == BUNDLE_FILES or size >= BUNDLE_BYTES:
                    bundles.append(Bundle(root, tuple(held)))
                    held, size = [], 0
            bundles += [Bundle(root, tuple(held))] if held else []
        return bundles

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of a bundle, or of one file, in bounded batches."""
        batch, unique = Batch(SCHEMA), Unique()
        if isinstance(file, Bundle):
            names = [hidden(name) for name in file.names] if is_remote(file.root) else file.names
            pairs = list(zip(names, file.files, strict=True))
        else:
            pairs = [(file_name(file), file)]
        for name, one in pairs:
            self._file(unique(printable(name)), one, source, batch)
            if batch.full:
                yield batch.take()
        yield batch.take()

    def _file(self, id: str, file: Path, source: str, batch: Batch) -> None:
        """Add one file to the batch."""
        try:
            size = file.stat().st_size
            stream = Stream(file)
            html = stream.peek(self.max_bytes + 1)
        except OSError as error:
            batch.leave(quarantined(id, "unreadable", reason(error)))
            return
        head = html[:PAYLOAD_BYTES]
        if stream.holds_nothing:
            batch.leave(quarantined(id, "empty", "the file is empty"))
        elif len(html) > self.max_bytes:
            batch.leave(quarantined(id, "too_large", f"over {self.max_bytes:,} bytes, which is max_bytes", head, size))
        elif stream.damage is not None:
            batch.leave(quarantined(id, stream.damage.rule, stream.damage.error, head or stream.damage.head, size))
        elif found := binary(html[:LOOKED_AT]):
            batch.leave(Unread(id, "dropped", "not_html", len(html), f"content is {found}"))
        else:
            kind = "application/xhtml+xml" if ".xhtml" in file_name(file).lower() else "text/html"
            batch.add(id, None, source, None, None, html, None, kind, size=len(html))
