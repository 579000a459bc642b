"""Real text and packed files to train on."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.mixture import pack
from datacurate.mixture.reading.find import of_paths
from datacurate.training.data import Sequences

ROOT = Path(__file__).parents[2]
END, VOCABULARY = 0, 512


def real_text() -> str:
    """Shakespeare from the shared folder; without it, made up by an order-2 Markov chain."""
    shared = Path(os.environ.get("DATACURATE_SHARED", ROOT.parent / "shared"))
    path = shared / "data/text/tinyshakespeare.txt.gz"
    if path.exists():
        return gzip.open(path, "rt", encoding="utf-8").read()[:500_000]
    return markov(90_000)


def markov(words: int) -> str:
    """Text in which two words leave a choice of three for the next one."""
    rng = random.Random(0)
    known = ["".join(rng.choices("abcdefghijklmnop", k=rng.randrange(2, 6))) for _ in range(120)]
    made = [0, 1]
    while len(made) < words:
        a, b = made[-2:]
        made.append((31 * a + 17 * b + rng.choice((0, 0, 0, 40, 80))) % len(known))
    lines = [" ".join(known[w] for w in made[i : i + 12]) for i in range(0, words, 12)]
    return "\n\n".join(lines)


def source_of(document: np.ndarray) -> np.ndarray:
    """One of two sources, such that both splits hold both."""
    return (document // 2 + document // 12) % 2


def write_packed(folder: Path, documents: list[np.ndarray], length: int, parts: int = 3) -> list[Path]:
    """Packed files of two sources; every 12th document is validation."""
    paths = []
    for part in range(parts):
        tables = []
        for split in (0, 1):
            mine = [i for i in range(part, len(documents), parts) if (i % 12 == 0) == bool(split)]
            chosen = [documents[i] for i in mine]
            offsets = np.cumsum([0, *map(len, chosen)])
            flat = np.concatenate([np.zeros(0, np.int32), *chosen])
            rows = pack.pack(pack.whole(flat, offsets, source_of(np.array(mine, np.int64))), length)
            tables.append(pack.as_table(rows, split, np.full(rows.count, part)))
        paths.append(folder / f"0-{part}.parquet")
        pq.write_table(pa.concat_tables(tables), paths[-1])
    return paths


def index_of(paths: list[Path]) -> pa.Table:
    """What the mixture's phase `index` would say of files."""
    rows = []
    for part, path in enumerate(paths):
        split = np.asarray(pq.read_table(path, columns=["split"])["split"])
        rows += [{"stage": 0, "part": part, "split": s, "rows": int((split == s).sum())} for s in (0, 1)]
    return pa.Table.from_pylist(rows)


def receipt_of(paths: list[Path]) -> pa.Table:
    """What its phase `receipt` would say."""
    table = pa.concat_tables([pq.read_table(path) for path in paths]).to_pylist()
    rows = []
    for index, source in enumerate("pq"):
        for split in (0, 1):
            row = {"stage_index": 0, "stage": "train", "index": index, "source": source, "split": split}
            tokens = sum(tokens_of(one, index) for one in table if one["split"] == split)
            amounts = dict.fromkeys(("planned_tokens", "drawn_tokens", "written_tokens"), tokens)
            rows.append({**row, "vocabulary": VOCABULARY, **amounts})
    return pa.Table.from_pylist(rows)


def tokens_of(row: dict, source: int) -> int:
    ends = [*row["starts"][1:], row["length"]]
    return sum(b - a for a, b, s in zip(row["starts"], ends, row["sources"], strict=True) if s == source)


def sequences(paths: list[Path], split: int = 0, seed: int = 0, mask_documents: bool = True) -> Sequences:
    """The rows of files, as the training stage opens them."""
    found = of_paths(paths, index_of(paths), receipt_of(paths), ("train", "validation")[split])
    return Sequences(found, seed, mask_documents)
