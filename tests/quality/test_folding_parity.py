"""Words of `minhash: {shingle: folded}` against datatrove's simplify_text, which runs in the peers' environment."""

import csv
import gzip
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from datacurate.kernels import shingles

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "kernels"))
import oracle_minhash as oracle  # noqa: E402

SHARED = Path(os.environ.get("DATACURATE_SHARED", ROOT.parent / "shared"))
PEERS = ROOT / ".venv-bench"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (PEERS / "bin" / "python").exists(), reason="no .venv-bench with datatrove"),
    pytest.mark.skipif(not (SHARED / "data" / "lid").exists(), reason="no data folder beside the checkout"),
]


def texts() -> list[str]:
    """Sentences in 200 languages, web pages, documentation."""
    with gzip.open(SHARED / "data" / "lid" / "sentences.tsv.gz", "rt", encoding="utf-8") as file:
        found = ["\t".join(row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    for path in ("text/c4_demo.jsonl.gz", "neardup/18f_handbook_history/docs.jsonl.gz"):
        with gzip.open(SHARED / "data" / path, "rt", encoding="utf-8") as lines:
            found += [json.loads(line)["text"] for line in lines]
    return found


def test_words_are_those_of_datatrove():
    docs = texts()
    command = [PEERS / "bin" / "python", Path(__file__).with_name("datatrove_folding.py")]
    made = subprocess.run(command, input="\n".join(map(json.dumps, docs)), capture_output=True, text=True, check=True)
    values, offsets = shingles.shingle_sets(pa.array(docs), 1, "folded")
    other = []
    for doc, line, (start, end) in zip(docs, made.stdout.splitlines(), pairwise(offsets), strict=True):
        theirs = {word.replace("ς", "σ") for word in json.loads(line)}  # noqa: RUF001
        if values[start:end].tolist() != sorted({oracle.mix(oracle.word_hash(word, "folded")) for word in theirs}):
            other.append(doc[:200])
    print(f"{len(other)} of {len(docs)} texts have other words: {other[:3]}")
    assert len(docs) > 10_000
    assert not other
