"""Speed of `language` beside fastText's own prediction, and of `normalize` beside ftfy, in one run.

`python bench/language.py [--repeats 5]`: least CPU seconds of some repeats, one core, texts in memory, as MB of UTF-8 a
second. Documents are those of the benchmark's corpus (`corpus.py`); where ../shared/data is there also sentences of
112 languages, alone and forty to a document. `head` is the first 1,000 characters of each document.
"""

from __future__ import annotations

import argparse
import gzip
import random
import time
from collections.abc import Callable

import corpus
import ftfy
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.stages import _fasttext
from datacurate.stages.language import Language, model_path
from datacurate.stages.normalize import Normalize

MOST = 6_000_000
"""Characters of a corpus that are used: fastText takes a tenth of a second for a million."""
BROKEN = 0.05
"""Share of lines that are made mojibake in what `normalize` has to mend."""
ACCENTS = str.maketrans("aeiou", "áéíóú")


def main() -> None:
    """Time everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    found = corpora()
    head = f"{'MB a second':22}{'documents':>10}{'MB':>7}{'whole':>8}{'by line':>9}{'head':>6}"
    print(f"{head}{'fastText':>10}{'ratio':>7}")
    for name, texts in found.items():
        language(name, texts, repeats)
    print(f"\n{'MB a second':22}{'MB':>7}{'normalize':>11}{'ftfy':>8}{'ratio':>7}  documents changed")
    for name, texts in found.items():
        normalize(name, texts, repeats)
        normalize(f"{name}, spoilt", spoilt(texts), repeats)
        normalize(f"{name}, mended", mended(texts), repeats)


def corpora() -> dict[str, list[str]]:
    """Texts by name."""
    files = sorted(corpus.build("small").glob("*.parquet"))
    found = {"documents": some(text for file in files for text in pq.read_table(file)["text"].to_pylist())}
    sentences = corpus.SHARED / "lid" / "sentences.tsv.gz"
    if sentences.exists():
        with gzip.open(sentences, "rt", encoding="utf-8") as lines:
            rows = [line.rstrip("\n").split("\t") for line in lines][1:]
        alone = [text for _, _, text in rows]
        found["sentences"] = alone
        found["forty sentences"] = ["\n".join(alone[at : at + 40]) for at in range(0, len(alone), 40)]
    return found


def some(texts) -> list[str]:
    """The first texts that together are long enough."""
    kept, length = [], 0
    for text in texts:
        kept.append(text)
        length += len(text)
        if length > MOST:
            break
    return kept


def spoilt(texts: list[str]) -> list[str]:
    """The texts with some lines that were read in the wrong encoding, where they have a letter to show it."""
    rng = random.Random(1)

    def line(text: str) -> str:
        return text.translate(ACCENTS).encode().decode("latin-1") if rng.random() < BROKEN else text

    return ["\n".join(map(line, text.split("\n"))) for text in texts]


def mended(texts: list[str]) -> list[str]:
    """The texts after `normalize`, which has nothing left to do."""
    docs = pa.table({"id": [str(at) for at in range(len(texts))], "text": texts})
    return Normalize().decided(docs, Normalize().measured(docs)).rest(docs)["text"].to_pylist()


def speed(size: int, work: Callable[[], object], repeats: int) -> float:
    """MB a second of the fastest of some repeats, by CPU time."""
    work()
    best = float("inf")
    for _ in range(repeats):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return size / 1e6 / best


def language(name: str, texts: list[str], repeats: int) -> None:
    """A row of the first table; labels must be the library's."""
    array, size = pa.array(texts, pa.string()), sum(len(text.encode()) for text in texts)
    whole, lines, heads = Language(), Language(by="paragraph"), Language(measured_chars=1000)
    figures = [speed(size, lambda stage=stage: stage.measure(array), repeats) for stage in (whole, lines, heads)]
    flat, raw = [text.replace("\n", " ") for text in texts], _fasttext.raw(str(model_path()))
    theirs = speed(size, lambda: raw.predict(flat, k=1), 2)
    labels = [label[0].removeprefix("__label__") if label else "und" for label in raw.predict(flat, k=1)[0]]
    ours = whole.measure(array)["language"].to_pylist()
    apart = sum(a != b for a, b, text in zip(ours, labels, flat, strict=True) if text.strip())
    shown = "".join(f"{figure:{width}.0f}" for figure, width in zip(figures, (8, 9, 6), strict=True))
    print(f"{name:22}{len(texts):10,}{size / 1e6:7.1f}{shown}{theirs:10.1f}{figures[0] / theirs:7.1f}", end="")
    print("" if not apart else f"  {apart} labels differ")


def normalize(name: str, texts: list[str], repeats: int) -> None:
    """A row of the second table; ftfy does what `normalize` does of what it knows, and nothing else."""
    array, size = pa.array(texts, pa.string()), sum(len(text.encode()) for text in texts)
    stage = Normalize()
    docs = pa.table({"id": [str(at) for at in range(len(texts))], "text": array})

    def run() -> pa.Table:
        return stage.decided(docs, stage.measured(docs)).rest(docs)

    ours = speed(size, run, repeats)
    config = ftfy.TextFixerConfig(
        fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False, explain=False
    )
    theirs = speed(size, lambda: [ftfy.fix_text(text, config) for text in texts], 1)
    changed = sum(a != b for a, b in zip(run()["text"].to_pylist(), texts, strict=True))
    print(f"{name:22}{size / 1e6:7.1f}{ours:11.0f}{theirs:8.1f}{ours / theirs:7.0f}  {changed:,} of {len(texts):,}")


if __name__ == "__main__":
    main()
