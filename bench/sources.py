"""Speed of reading WARC files beside fastwarc, and of finding encodings beside others, in one run.

    python bench/sources.py [--repeats 7]

Reading: least CPU seconds. fastwarc is given the least that makes the same documents: iterate over responses, parse
HTTP, keep status 200 and HTML or text, read the body, make the same Arrow batches. It does not undo content codings
(with `auto_decode='all'` fastwarc 2.0.1 stops after 5 of web_pages' 749 records without an error), checks no lengths
and counts nothing.

Encodings: files of the data folder's encodings_a.zip decoded right, with their declarations and without.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType

from datacurate.core.source import BATCH_BYTES, BATCH_ROWS
from datacurate.sources._pages import PAGE_TYPES, SCHEMA
from datacurate.sources.warc import Warc
from datacurate.stages._charset import decoded

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
DECLARATION = re.compile(rb"(encoding|charset)(\s*=\s*[\"']?\s*)[\w-]+", re.I)


def main() -> None:
    """Time everything and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    shared = sorted(SHARED.glob("*_pages/*.warc.gz"))
    reading(shared or [ROOT / "sample" / "web.warc.gz"], repeats)
    if (SHARED / "encodings_a.zip").exists():
        encodings(SHARED / "encodings_a.zip")


def reading(files: list[Path], repeats: int) -> None:
    """Seconds of CPU by file and reader, taken in turn."""
    print(f"{'file':24}{'documents':>10}{'fastwarc':>10}{'ours':>8}{'ratio':>7}")
    sums = [0.0, 0.0]
    for file in files:
        least, counts = [1e9, 1e9], [0, 0]
        for _ in range(repeats):
            for at, read in enumerate((by_fastwarc, by_us)):
                began = time.process_time()
                counts[at] = read(file)
                least[at] = min(least[at], time.process_time() - began)
        print(f"{file.name:24}{counts[1]:10,}{least[0]:10.3f}{least[1]:8.3f}{least[1] / least[0]:7.2f}")
        sums = [sums[0] + least[0], sums[1] + least[1]]
    print(f"{'all':34}{sums[0]:10.3f}{sums[1]:8.3f}{sums[1] / sums[0]:7.2f}")


def by_us(file: Path) -> int:
    """Documents of a file, read by the source."""
    return sum(batch.docs.num_rows for batch in Warc(path=str(file)).read(file, "bench"))


def by_fastwarc(file: Path) -> int:
    """Documents of a file, read by fastwarc and put into the same batches."""
    count = size = 0
    rows: list[tuple] = []
    with file.open("rb") as opened:
        for record in ArchiveIterator(opened, record_types=WarcRecordType.response, parse_http=True):
            http, kind = record.http_headers, record.http_content_type
            if http is None or http.status_code != 200 or kind not in PAGE_TYPES:
                continue
            body, headers = record.reader.read(), record.headers
            url, date = headers.get("WARC-Target-URI"), headers.get("WARC-Date")
            rows.append((record.record_id, None, "bench", url, date, body, record.http_charset, kind))
            count, size = count + 1, size + len(body)
            if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                table(rows)
                rows, size = [], 0
    table(rows)
    return count


def table(rows: list[tuple]) -> pa.Table:
    """Rows as a batch."""
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(v, f.type) for v, f in zip(columns, SCHEMA, strict=False)], schema=SCHEMA)


def encodings(path: Path) -> None:
    """Files decoded right, and milliseconds a file."""
    sys.path.insert(0, str(ROOT / "tests" / "quality"))
    from test_encodings import by_charset_normalizer, by_resiliparse, encoding_of

    files = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, _, file = name.partition("/")
            if file:
                files.append((encoding_of(folder), archive.read(name)))
    readers: dict[str, Callable[[bytes], str]] = {
        "ours": lambda data: decoded(data, None),
        "resiliparse": by_resiliparse,
        "charset-normalizer": by_charset_normalizer,
    }
    print(f"\n{'of ' + str(len(files)) + ' files':24}{'declared':>10}{'blank':>8}{'ms':>7}")
    for name, read in readers.items():
        began = time.process_time()
        declared = right(files, read)
        each = 1000 * (time.process_time() - began) / len(files)
        blank = right([(codec, DECLARATION.sub(rb"\1\2", data)) for codec, data in files], read)
        print(f"{name:24}{declared:10}{blank:8}{each:7.1f}")


def right(files: list[tuple[str, bytes]], read: Callable[[bytes], str]) -> int:
    """How many files are decoded as their codec does."""
    wanted = ((data, data.decode(codec, "replace").lstrip("\ufeff")) for codec, data in files)
    return sum(read(data).lstrip("\ufeff") == text for data, text in wanted)


if __name__ == "__main__":
    main()
