"""A corpus of short documents with planted duplicates, in Parquet shards, of any size and the same bytes each time.

`python bench/synthetic.py 1000000` writes it to build/bench/ and prints the folder. Of 100 documents, 80 have random
words of their own. 12 are one of these again, in threes: as it is, in capitals, with other punctuation, or with a word
more; they stand in the next shard. 8 begin as one of them does but go on otherwise: they must stay. One document of ten
thousand is a copy of one and the same text.
An id is a number and a variant; of all that have the same number one document must stay.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BUILD = Path(__file__).resolve().parent.parent / "build" / "bench"
SHARD = 250_000
"""Documents per shard."""
PIECE = 50_000
"""Documents that are made at a time."""
ORIGINAL, COPIED, CHANGED = 0.80, 0.12, 0.08
SAME = 1e-4
"""Share of documents that are copies of one and the same text."""
FEWEST, MOST = 25, 40
"""Words per document. With 25, one word more leaves a similarity of 21/22: 14 x 8 bands miss 8 of 10^8 such pairs."""
VOCABULARY = 50_000
VERSION = 1


def build(documents: int) -> Path:
    """The folder of the corpus of this size, built unless it is there."""
    folder = BUILD / f"synthetic-v{VERSION}-{documents}"
    if not (done := folder.with_suffix(".done")).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shards = max(2, documents // SHARD)
        for shard in range(shards):
            _write(folder / f"{shard:05d}.parquet", _pieces(shard, shards, documents // shards))
        done.touch()
    return folder


def _write(path: Path, tables: Iterator[pa.Table]) -> None:
    with pq.ParquetWriter(path, pa.schema({"id": pa.string(), "text": pa.string()}), compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def _pieces(shard: int, shards: int, count: int) -> Iterator[pa.Table]:
    """The documents of a shard; copies are of texts of the shard before."""
    for first in range(0, count, PIECE):
        size = min(PIECE, count - first)
        copied, changed, same = int(size * COPIED), int(size * CHANGED), int(size * SAME)
        base = shard * count + first
        other = (shard - 1) % shards * count + first
        own = _texts(base, size - copied - changed - same)
        theirs = _texts(other, copied + changed)
        which = np.arange(copied) // 3
        kinds = np.random.default_rng([2, base]).integers(1, 5, copied)
        texts = [own, _copies(theirs.take(which), kinds), _changed(theirs.slice(copied), base)]
        ids = [f"{base + at:010d}-0" for at in range(len(own))]
        ids += [f"{other + at:010d}-{kind}" for at, kind in zip(which.tolist(), kinds.tolist(), strict=True)]
        ids += [f"{base + len(own) + at:010d}-0" for at in range(changed)] + [
            f"{'same':10}-{base + at}" for at in range(same)
        ]
        texts.append(pa.array([SAME_TEXT] * same, pa.string()))
        yield pa.table({"id": pa.array(ids), "text": pa.concat_arrays(texts)})


def _words() -> pa.Array:
    random = np.random.default_rng(0)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    drawn = {bytes(random.choice(letters, random.integers(2, 10))).decode() for _ in range(2 * VOCABULARY)}
    return pa.array(sorted(drawn)[:: len(drawn) // VOCABULARY][:VOCABULARY])


WORDS = _words()


def _texts(first: int, count: int) -> pa.Array:
    """Texts number `first` and on: of random words, the same each time."""
    random = np.random.default_rng([1, first])
    # as many as the piece has, so that the texts of a number do not depend on how many are asked for
    lengths = random.integers(FEWEST, MOST + 1, PIECE)[:count]
    words = random.integers(0, VOCABULARY, PIECE * MOST)[: count * MOST].reshape(count, MOST)
    flat = words[np.arange(MOST) < lengths[:, None]]
    lists = pa.ListArray.from_arrays(np.append(0, np.cumsum(lengths)).astype(np.int32), WORDS.take(flat))
    return pc.binary_join(lists, " ")


SAME_TEXT = " ".join(WORDS.take(np.arange(0, 30_000, 1000)).to_pylist())


def _copies(texts: pa.Array, kinds: np.ndarray) -> pa.Array:
    variants = [
        texts,
        pc.utf8_upper(texts),
        pc.binary_join_element_wise(pc.replace_substring(texts, " ", " - ", max_replacements=3), "!", ""),
        pc.binary_join_element_wise(texts, "last", " "),
    ]
    return pc.choose(pa.array(kinds - 1), *variants)


def _changed(texts: pa.Array, seed: int) -> pa.Array:
    """Texts whose first ten words are those of others: at most 6 of 36 runs of five words are in both."""
    random = np.random.default_rng([3, seed])
    begin = pc.list_slice(pc.split_pattern(texts, " "), 0, 10)
    end = WORDS.take(random.integers(0, VOCABULARY, 20 * len(texts)))
    offsets = np.arange(0, 20 * len(texts) + 1, 20, dtype=np.int32)
    return pc.binary_join_element_wise(
        pc.binary_join(begin, " "), pc.binary_join(pa.ListArray.from_arrays(offsets, end), " "), " "
    )


if __name__ == "__main__":
    print(build(int(sys.argv[1])))
