"""Corpora for `bench/probe.py` of real documents that the model behind `curate plan --probe` was not fitted on.

`pages`: the main text of Debian's documentation in all languages, without the English pages that are in
`bench/corpus.py`, and of the web pages of ../shared/data/web_pages. `questions`: short texts, among them MMLU's
questions, each four times with another answer. `paragraphs`: those of books and Wikipedia, and tweets. All are repeated
until a hundredth of them is some thousand documents: in copy c the letters of all words of five letters or more are
exchanged for others of as many bytes in UTF-8, so that sizes stay as they are, short lines recur everywhere, and copies
share hardly any run of five words.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from corpus import BUILD, PAGES, SHARED

COPIES = {"pages": 35, "questions": 4, "paragraphs": 6}
SHARDS = 8
LONG_WORD = re.compile(r"[^\W\d_]{5,}")
VERSION = 2


def build(name: str) -> Path:
    """The folder of a corpus, built unless it is there."""
    folder = BUILD / f"probe-v{VERSION}-{name}"
    if not (done := folder.with_suffix(".done")).exists():
        folder.mkdir(parents=True, exist_ok=True)
        base = _base(name)
        tables = [_exchanged("".join(base), copy) for copy in range(COPIES[name])]
        for shard in range(SHARDS):
            _write(folder / f"{shard:02d}.parquet", base, tables, shard)
        done.touch()
    return folder


def _write(path: Path, base: list[str], tables: list[dict[int, int]], shard: int) -> None:
    schema = pa.schema({"id": pa.string(), "text": pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for copy, table in enumerate(tables):
            mine = range((shard + copy) % SHARDS, len(base), SHARDS)
            texts = [_varied(base[at], table) for at in mine]
            writer.write_table(pa.table({"id": [f"{copy:03d}-{at:06d}" for at in mine], "text": texts}, schema))


def _varied(text: str, table: dict[int, int]) -> str:
    return LONG_WORD.sub(lambda word: word[0].translate(table), text) if table else text


def _exchanged(text: str, copy: int) -> dict[int, int]:
    """Another letter for every letter: of the same case, alphabet and length in UTF-8. Copy 0 is as it is."""
    alike = defaultdict(list)
    for letter in sorted(set(text)):
        if letter.isalpha():
            alike[(len(letter.encode("utf-8", "replace")), ord(letter) >> 8, letter.isupper())].append(ord(letter))
    table: dict[int, int] = {}
    for letters in alike.values():
        others = random.Random(copy).sample(letters, len(letters))
        table |= dict(zip(letters, others, strict=True))
    return table if copy else {}


def _base(name: str) -> list[str]:
    made = {"pages": _pages, "questions": _questions, "paragraphs": _paragraphs}
    return [text for text in made[name]() if text]


def _paragraphs() -> Iterator[str]:
    for file in sorted(SHARED.glob("text/**/*.txt.gz")):
        data = gzip.decompress(file.read_bytes())
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        yield from re.split(r"\r?\n\s*\r?\n", text)
    yield from (row[-1] for row in csv.reader(_lines("toxicity/davidson_labeled_data.csv.gz")))


def _lines(name: str) -> Iterator[str]:
    with gzip.open(SHARED / name, "rt", encoding="utf-8") as file:
        yield from file


def _questions() -> Iterator[str]:
    of: dict[str, Callable[[dict], str]] = {
        "mmlu_test": lambda row: f"{row['question']}\n{row['answer']}",
        "boolq": lambda row: row["query"],
        "lambada_openai": lambda row: row["context"],
        "gsm8k_test": lambda row: row["question"],
        "piqa": lambda row: "\n".join(row["choices"]),
        "arc_easy": lambda row: "\n".join(row["choices"]),
    }
    for name, text in of.items():
        yield from (text(json.loads(line)) for line in _lines(f"benchmarks/{name}.jsonl.gz"))
    rows = csv.reader(_lines("lid/sentences.tsv.gz"), delimiter="\t", quoting=csv.QUOTE_NONE)
    yield from (max(row, key=len) for row in rows)


def _pages() -> Iterator[str]:
    gold = map(json.loads, _lines("docs_pages/docs_a.gold.jsonl.gz"))
    english = {page["url"] for page in gold if page["lang_lid"] == "en"}
    seen: set[str] = set()
    for url, text in _extracted("docs_pages/docs_a.warc.gz"):
        if url in english and len(seen) < PAGES:
            seen.add(url)  # what `corpus.py` has
        else:
            yield text()
    yield from (text() for _, text in _extracted("web_pages/web_a.warc.gz"))


def _extracted(name: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Address and text of every page that was answered."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with (SHARED / name).open("rb") as warc:
        for record in ArchiveIterator(warc, record_types=WarcRecordType.response):
            if record.http_headers is None or record.http_headers.status_code == 200:
                yield str(record.headers.get("WARC-Target-URI")), partial(_text, record.reader.read())


def _text(html: bytes) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(html.decode("utf-8", "replace"), main_content=True)


if __name__ == "__main__":
    for name in COPIES:
        texts = _base(name)
        print(name, len(texts), sum(len(text.encode("utf-8", "replace")) for text in texts), [*islice(texts, 2)])
