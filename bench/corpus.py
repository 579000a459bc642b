"""The corpora of the benchmark: Parquet under build/bench/, the same bytes each time.

From ../shared/data where it is there: the 18F handbook's history and editions of Gutenberg books (near-duplicates),
samples of C4, ccnet, arXiv, Stack Exchange and others, and the English pages of Debian's documentation after
main-content extraction. Otherwise from the repository's sample/.

`small` is those documents, once. `medium` and `large` are 2 and 4 copies of them: in copy c the letters of all words
of five letters or more are rotated by c. That keeps sizes, stop words, symbols, lines and repetition as they are, and
makes documents of different copies share hardly any run of five words.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
BUILD = ROOT / "build" / "bench"
SHARDS = 4
COPIES = {"small": 1, "medium": 2, "large": 4}
PAGES = 2_000
VERSION = 3
"""Bump when the corpus changes: it names the folder."""

TEXTS = (
    "neardup/*/docs.jsonl.gz", "text/c4_demo.jsonl.gz", "text/cc_en_head-*.jsonl.gz",
    "text/mix/*.jsonl.gz", "quality/*.jsonl.gz",
)  # fmt: skip
LONG_WORD = re.compile("[A-Za-z]{5,}")


def build(size: str) -> Path:
    """The folder of corpus `small`, `medium` or `large`, built unless it is there."""
    folder = BUILD / f"corpus-v{VERSION}-{'shared' if SHARED.exists() else 'sample'}-{size}"
    if not (done := folder.with_suffix(".done")).exists():
        folder.mkdir(parents=True, exist_ok=True)
        for shard in range(SHARDS):
            _write(folder / f"{shard:03d}.parquet", _documents(size)[shard::SHARDS])
        done.touch()
    return folder


def describe(folder: Path) -> dict[str, Any]:
    """Files, documents, bytes of text and of Parquet, and how the corpus was made."""
    files = sorted(folder.glob("*.parquet"))
    tables = [pq.read_table(file, columns=["text"]) for file in files]
    return {
        "name": folder.name,
        "files": len(files),
        "documents": sum(table.num_rows for table in tables),
        "text_bytes": sum(len(text.encode()) for table in tables for text in table["text"].to_pylist()),
        "parquet_bytes": sum(file.stat().st_size for file in files),
        "digest": hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12],
    }


def _documents(size: str) -> list[tuple[str, str]]:
    base = list(_shared() if SHARED.exists() else _sample())
    base = [(f"{at:06d}", text) for at, text in enumerate(base) if text]
    return [(f"{copy}-{name}", _vary(text, copy)) for copy in range(COPIES[size]) for name, text in base]


def _vary(text: str, copy: int) -> str:
    rotated = _rotated(string.ascii_lowercase, copy) + _rotated(string.ascii_uppercase, copy)
    table = str.maketrans(string.ascii_letters, rotated)
    return LONG_WORD.sub(lambda word: word[0].translate(table), text) if copy else text


def _rotated(letters: str, by: int) -> str:
    return letters[by:] + letters[:by]


def _write(path: Path, rows: list[tuple[str, str]]) -> None:
    table = pa.table({"id": [name for name, _ in rows], "text": [text for _, text in rows]})
    pq.write_table(table, path, compression="zstd", compression_level=1, use_dictionary=False, row_group_size=4096)


def _shared() -> Iterator[str]:
    for pattern in TEXTS:
        for file in sorted(SHARED.glob(pattern)):
            yield from _json_lines(file)
    yield from _pages(SHARED / "docs_pages")


def _sample() -> Iterator[str]:
    yield from _json_lines(ROOT / "sample" / "books.jsonl.gz")
    yield from pq.read_table(ROOT / "sample" / "handbook.parquet")["text"].to_pylist()


def _json_lines(file: Path) -> Iterator[str]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line).get("text") or "" for line in lines)


def _pages(folder: Path) -> Iterator[str]:
    """The main text of the first English pages."""
    from fastwarc.warc import ArchiveIterator
    from resiliparse.extract.html2text import extract_plain_text

    with gzip.open(folder / "docs_a.gold.jsonl.gz", "rt", encoding="utf-8") as gold:
        english = {page["url"] for page in map(json.loads, gold) if page["lang_lid"] == "en"}
    left = PAGES
    with (folder / "docs_a.warc.gz").open("rb") as warc:
        for record in ArchiveIterator(warc):
            if left and record.headers.get("WARC-Target-URI") in english:
                left -= 1
                yield extract_plain_text(record.reader.read().decode("utf-8", "replace"), main_content=True)
