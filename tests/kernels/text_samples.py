"""Inputs that the kernel tests share: strategies, awkward documents and real text in many scripts."""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path

import pyarrow as pa
from hypothesis import strategies as st

SHARED = Path(os.environ.get("DATACURATE_SHARED", Path(__file__).resolve().parents[3] / "shared"))

TRICKY = "ab nt\\=+~(5's.,:/-_#@&0…•\u2019'\u2028\x85\r\n\n\t\x1c A東あアー한ُ́\u200d\u00a0😀\ufffd\x00"
"""Few characters, so that repeats happen; each one is special to some rule."""

awkward = st.text(TRICKY, max_size=60).map(str.encode)
repeating = st.lists(st.sampled_from(["a", "b", "ab", "a b", ".", "…", "é", "\n", "\n\n", " "]), max_size=80).map(
    lambda parts: " ".join(parts).encode()
)
anything = st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode), awkward, repeating)
mixed_bytes = st.tuples(awkward, st.binary(max_size=6), awkward).map(b"".join)
documents = st.lists(st.one_of(anything, mixed_bytes), max_size=6)

HARD = [
    b"",
    b"\n",
    b" \n\n \n",
    "don't  CAN\u2019T we'll n't 'tis U.S.A. http://a.b/c?d=1). x://! a.B 1,000.50:3 東京タワーです".encode(),
    b"\xf0\x9f\x98 \xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80 \xe2\x80",
    b"\xc2\x85 a\r\nb\x0b\x0c- c ...\n\xe2\x80\xa2 d . ..\n",
    b"a b a b a b a b a b a b a b a b a b a b",
    b"word " * 400,
    b"line\n" * 200 + b"para\n\n" * 100,
    b"aa a aaa a aa aaaa a a a aaa " * 30,
]


@cache
def real_documents(limit: int = 1500) -> tuple[bytes, ...]:
    """Sentences in many languages and whole web documents; empty when the data folder is not there."""
    found: list[bytes] = []
    sentences = SHARED / "data" / "lid" / "sentences.tsv.gz"
    if sentences.exists():
        lines = gzip.decompress(sentences.read_bytes()).decode().split("\n")
        step = max(len(lines) // limit, 1)
        found += [line.split("\t")[-1].encode() for line in lines[1::step]]
    for path in sorted((SHARED / "data" / "text").glob("**/*.jsonl.gz")):
        rows = gzip.decompress(path.read_bytes()).decode().split("\n")[:15]
        found += [json.loads(row)["text"][:20_000].encode() for row in rows if row.strip()]
    return tuple(found)


def layouts(rows: list[bytes | None]) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The same documents in every Arrow layout that a kernel may meet."""
    plain = pa.array(rows, pa.binary())
    padded = pa.array([b"before", *rows, b"after"], pa.binary())
    half = len(rows) // 2
    return {
        "binary": plain,
        "large": pa.array(rows, pa.large_binary()),
        "sliced": padded.slice(1, len(rows)),
        "chunked": pa.chunked_array([plain[:half], plain[half:], plain[:0]]),
        "dictionary": plain.dictionary_encode(),
        "view": plain.cast(pa.binary_view()),
    }
