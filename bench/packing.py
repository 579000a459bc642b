"""What packing loses, on real documents: padding of ours, and cropping of nanochat's way, in one run.

    python bench/packing.py [DATA] [--documents 30000]

DATA is the folder with `text/` and `tokenizers/gpt2/`; without it, the sample and its tokenizer are used. Documents are
tokenized, and drawn with replacement until there are enough to fill many rows; a corpus of few rows mostly shows the
last one. The table says what is lost of all tokens (cropped), what is empty of all places (padding), and how many of
the documents that a row could hold are cut.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from bisect import bisect_right, insort
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from datacurate.mixture import tokenize
from datacurate.mixture.layout import Layout, lay_out

ROOT = Path(__file__).resolve().parent.parent
BUFFER = 1000
"""Documents that nanochat's loader chooses from."""


def main() -> None:
    """Print the table, and what planning rows takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=ROOT.parent / "shared" / "data")
    parser.add_argument("--documents", type=int, default=30_000)
    given = parser.parse_args()
    corpora = {name: lengths(texts, given.data) for name, texts in read(given.data).items()}
    corpora["all"] = np.concatenate(list(corpora.values()))
    rng = np.random.default_rng(0)
    heads = f"{'cropped':>10}{'padding':>10}{'cut':>10}"
    print(f"{'documents':14}{'tokens':>15}{'median':>8}{'row':>7}  {'packing':20}{heads}")
    for name, found in corpora.items():
        many = rng.choice(found, given.documents)
        for row in (2048, 4096):
            for way, shares in ways(many, row).items():
                about = f"{name:14}{many.sum():15,}{int(np.median(many)):8,}{row:7,}  {way:20}"
                print(about + "".join(f"{100 * share:8.2f} %" for share in shares))
    as_they_are(corpora["all"], 4096)
    speed(np.resize(corpora["all"], 1_000_000))


def read(data: Path) -> dict[str, list[str]]:
    """Texts of the data folder by kind; else those of the sample."""
    text = data / "text"
    if not text.exists():
        return {"handbook": pq.read_table(ROOT / "sample" / "handbook.parquet")["text"].to_pylist()}
    wiki = unpacked(text / "wiki_demo.txt.gz").splitlines()
    articles = unpacked(text / "wikitext2_valid.txt.gz")
    return {
        "c4": list(jsonl(text / "c4_demo.jsonl.gz")),
        "ccnet": [t for path in sorted(text.glob("cc_en_head*")) for t in jsonl(path)],
        "wikipedia": [*wiki, *re.split(r"(?m)^ = (?=[^=])", articles)],
        "mix": [t for path in sorted((text / "mix").glob("*.gz")) for t in jsonl(path)],
        "books": [unpacked(path, "latin-1") for path in sorted((text / "gutenberg").glob("*.gz"))],
    }


def unpacked(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file."""
    return gzip.decompress(path.read_bytes()).decode(encoding)


def jsonl(path: Path) -> Iterator[str]:
    """The texts of a JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line).get("text") or ""


def lengths(texts: list[str], data: Path) -> np.ndarray:
    """Tokens of every document that has some, with its mark of the end."""
    gpt2 = data / "tokenizers" / "gpt2"
    name = str(gpt2 if gpt2.exists() else ROOT / "sample" / "tokenizer.json")
    encoder = tokenize.load(name, "<|endoftext|>")
    found = np.diff(encoder.encode(texts)[1])
    return found[found > 0]


def ways(sizes: np.ndarray, row: int) -> dict[str, tuple[float, float, float]]:
    """Shares cropped, padded and cut, for each way to pack."""
    made = {way: measured(lay_out(sizes, row, way), sizes) for way in ("concatenate", "best_fit")}
    made["document, cropped"] = measured(lay_out(sizes, row, "document", crop=True), sizes)
    made["nanochat's"] = nanochat(sizes, row)
    return made


def measured(laid: Layout, sizes: np.ndarray) -> tuple[float, float, float]:
    """Shares of tokens cropped, of places padded, and of documents cut that a row could hold."""
    pieces = np.bincount(laid.document, minlength=len(sizes))[sizes <= laid.capacity]
    cropped = laid.cropped(sizes).sum()
    padded = 1 - laid.size.sum() / (laid.rows * laid.capacity)
    return cropped / sizes.sum(), padded, float((pieces > 1).mean()) if len(pieces) else 0.0


def nanochat(sizes: np.ndarray, sequence_length: int) -> tuple[float, float, float]:
    """Best fit with cropping, as nanochat's `dataloader.py` (the loader `bos_bestfit`) does it, written anew.

    A row of T + 1 tokens is filled from a buffer of documents: with the longest that fits into what is left, and when
    none fits, with the beginning of the shortest, whose rest is thrown away. What is in the buffer at the end counts as
    neither used nor lost.
    """
    waiting, buffer = iter(sizes.tolist()), []
    used = lost = cut = documents = 0
    for size in waiting:
        insort(buffer, size)
        if len(buffer) == BUFFER:
            break
    ended = len(buffer) < BUFFER
    while not ended:
        left = sequence_length + 1
        while left and not ended:
            fits = bisect_right(buffer, left) - 1
            size = buffer.pop(max(fits, 0))
            documents += 1
            lost, cut = lost + max(0, size - left), cut + (left < size <= sequence_length + 1)
            used, left = used + min(size, left), max(0, left - size)
            if (following := next(waiting, None)) is None:
                ended = True
            else:
                insort(buffer, following)
    return lost / max(1, used + lost), 0.0, cut / max(1, documents)


def as_they_are(sizes: np.ndarray, row: int) -> None:
    """The corpus as it is, not drawn from: its last row weighs more."""
    laid = lay_out(sizes, row, "best_fit")
    least = -(-int(sizes.sum()) // row)
    _, padded, _ = measured(laid, sizes)
    print(f"as they are: {len(sizes):,} documents, {row:,} a row: {laid.rows:,} rows, padding {100 * padded:.2f} %")
    print(f"  (no way to pack takes fewer rows than {least:,})")


def speed(sizes: np.ndarray) -> None:
    """Least CPU seconds of five to plan the rows of a million documents."""
    for way in ("concatenate", "best_fit"):
        best = 1e9
        for _ in range(5):
            began = time.process_time()
            lay_out(sizes, 4096, way)
            best = min(best, time.process_time() - began)
        print(
            f"planning {len(sizes):,} documents, {way}: {best:.2f} s, {sizes.sum() / best / 1e9:.2f} billion tokens/s"
        )


if __name__ == "__main__":
    main()
