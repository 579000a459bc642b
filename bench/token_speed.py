"""Speed of tokenization by kind of tokenizer and library, and of exports, in one run.

`python bench/token_speed.py ../shared/data [--repeats 3]`: MB of UTF-8 a CPU second on one core. What is timed is what
a stage does: the ids and the end-of-text of every document, from strings; *first* on texts that the tokenizer sees for
the first time, *again* the best of some repeats (gigatoken remembers words). Texts are English prose of `text/`, and
sentences of 112 languages, forty to a document. The merging SentencePiece model is trained here.
(A script in this folder must not be called tokenize.py: Python's own module would be hidden behind it.)
"""

from __future__ import annotations

import os

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import argparse
import gzip
import io
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import sentencepiece
import tiktoken

from datacurate.mixture import pack, tiktoken_file, tokenize
from datacurate.mixture.export import files, samples
from datacurate.mixture.export.run import format_class

ENGLISH = ("tinyshakespeare.txt.gz", "wiki_demo.txt.gz", "c4_demo.jsonl.gz", "wikitext2_valid.txt.gz")
DOCUMENT = 4000
"""Characters of a document, about."""
SLOW = 1_000_000
"""Characters of a corpus that the slower libraries are given."""


def main() -> None:
    """Time everything and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    texts = corpora(given.shared)
    with tempfile.TemporaryDirectory() as folder:
        tokenizers = kinds(given.shared, Path(folder), texts["112 languages"])
        columns = f"{'with':>14}{'first':>8}{'again':>8}{'reference':>11}{'owner':>8}{'first/ref.':>11}"
        print(f"{'MB a second':28}{'texts':>15}{columns}")
        for kind, (path, end, owner) in tokenizers.items():
            for name, documents in texts.items():
                row(kind, tokenize.load(str(path), end), owner, name, documents, given.repeats)
        print(f"\n{'packing, MB a second':28}", end="")
        whole(tokenizers["GPT-2, vocab.json"][0], texts["English"], given.repeats)
        print(f"\n{'export, million tokens a second':32}")
        exports(Path(folder), given.repeats)


def corpora(shared: Path) -> dict[str, list[str]]:
    """Documents by corpus."""
    english = [gzip.decompress((shared / "text" / name).read_bytes()).decode() for name in ENGLISH]
    with gzip.open(shared / "lid" / "sentences.tsv.gz", "rt", encoding="utf-8") as lines:
        sentences = [line.rstrip("\n").split("\t")[2] for line in lines][1:]
    return {
        "English": [text[at : at + DOCUMENT] for text in english for at in range(0, len(text), DOCUMENT)],
        "112 languages": ["\n".join(sentences[at : at + 40]) for at in range(0, len(sentences), 40)],
    }


def kinds(shared: Path, folder: Path, sentences: list[str]) -> dict[str, tuple[Path, str, Callable]]:
    """Tokenizers: the file, the end-of-text, and how the library that owns the kind encodes texts."""
    ranks = folder / "cl100k_base.tiktoken"
    with gzip.open(shared / "tokenizers" / "cl100k_base.tiktoken.gz") as packed, open(ranks, "wb") as file:
        shutil.copyfileobj(packed, file)
    merging, unigram = folder / "merging.model", shared / "tokenizers" / "sp_test_model.model"
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences[::4]), model_writer=made, vocab_size=16_000, model_type="bpe",
        byte_fallback=True, minloglevel=2, character_coverage=0.99, max_sentence_length=100_000,
    )  # fmt: skip
    merging.write_bytes(made.getvalue())
    encoding = tiktoken.Encoding(
        "cl100k",
        pat_str=tiktoken_file.ENCODINGS["cl100k_base"].pattern,
        mergeable_ranks=tiktoken_file.read_ranks(ranks.read_bytes()),
        special_tokens={},
    )
    return {
        "GPT-2, vocab.json": (shared / "tokenizers" / "gpt2", "<|endoftext|>", None),
        "cl100k, tiktoken": (ranks, "<|endoftext|>", lambda texts: [encoding.encode_ordinary(t) for t in texts]),
        "SentencePiece, BPE 16,000": (merging, "</s>", None),
        "SentencePiece, Unigram 1,000": (unigram, "</s>", None),
    }


def row(
    kind: str, encoder: tokenize.Encoder, owner: Callable | None, name: str, texts: list[str], repeats: int
) -> None:
    """One line of the table."""
    encoder.encode(texts[:64])
    few = some(texts)
    first = rate(encoder.encode, texts, 1)
    again = rate(encoder.encode, texts, repeats)
    reference = rate(encoder.reference.encode, few, 1)
    theirs = f"{rate(owner, few, 1):8.1f}" if owner else f"{'':>8}"
    library = type(encoder.fast or encoder.reference).__name__
    ours = f"{library:>14}{first:8.1f}{again:8.1f}"
    print(f"{kind:28}{name:>15}{ours}{reference:11.2f}{theirs}{first / reference:11.1f}", flush=True)


def whole(path: Path, texts: list[str], repeats: int) -> None:
    """From an Arrow column of texts to packed rows."""
    encoder, column = tokenize.load(str(path), "<|endoftext|>"), pa.array(texts)

    def run(_: list[str]) -> None:
        flat, offsets = encoder.encode(column.to_pylist())
        stretches = pack.whole(flat, offsets, np.zeros(len(offsets) - 1, np.int32))
        pack.as_table(pack.pack(stretches, 2048), 0, np.zeros(-(-len(flat) // 2048)))

    run(texts[:64])
    print(f"{rate(run, texts, repeats):8.1f}  (texts of a column, encoded with GPT-2's and packed in rows of 2,048)")


def exports(folder: Path, repeats: int) -> None:
    """Writing ten million tokens in documents of 1,000, and in rows of 2,000."""
    tokens = np.random.default_rng(0).integers(0, 50_000, 10_000_000).astype(np.int32)
    for name in ("megatron", "datatrove", "numpy", "mds", "litdata", "huggingface"):
        unit = format_class(name).units[0]
        size = 1000 if unit == "documents" else 2000
        offsets = np.arange(0, len(tokens) + 1, size)
        sizes = np.full(len(offsets) - 1, size)
        table = pa.table({"documents": [[0]] * len(sizes), "begins": [[0]] * len(sizes)})
        made = samples.Samples(tokens, offsets, offsets[:-1], sizes, np.zeros(len(sizes), np.int32), table)
        about = files.About("train", unit, "bench", ["a"], 50_257, 50_256, size)

        def run(name: str = name, made: samples.Samples = made, about: files.About = about) -> None:
            target = files.Files(Path(tempfile.mkdtemp(dir=folder)))
            writer = format_class(name)(target, about)
            writer.add(made)
            writer.close()
            shutil.rmtree(target.folder)

        print(f"{name:28}{len(tokens) / 1e6 / min(seconds(run) for _ in range(repeats)):12.0f}", flush=True)


def some(texts: list[str]) -> list[str]:
    """The first texts that together are long enough for a slow library."""
    ends = np.cumsum([len(text) for text in texts])
    return texts[: int(np.searchsorted(ends, SLOW)) + 1]


def rate(function: Callable, texts: list[str], repeats: int) -> float:
    """MB a second, the best of some repeats."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    return size / min(seconds(lambda: function(texts)) for _ in range(repeats))


def seconds(function: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    main()
