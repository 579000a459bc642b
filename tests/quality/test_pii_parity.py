"""The preset `datatrove` against datatrove's PIIFormatter itself, byte for byte, on real and on made-up texts."""

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from datacurate.stages.pii import Pii
from tests.quality import corpus

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not importlib.util.find_spec("datatrove"), reason="datatrove is not installed"),
    pytest.mark.skipif(not (corpus.DATA / "text").exists(), reason="no data folder beside the checkout"),
]
PIECES = (
    "a", "Z", "é", "ß", "中", "0", "9", "1", "25", "255", "256", "8.8", "8.8.8.8", "10.0.0.1", ".",
    ".", "..", "@", "@", "-",
    "_", "'", "/", "[", "]", ":", " ", "\n", "foo@bar.com", "x@[1.2.3.4]", "x@[1.2.3.a-b:]", "٣",
    "²", "+", "!", "#", "b.c",
)  # fmt: skip


def ours(texts: list[str]) -> list[str]:
    """The texts as our stage hands them on."""
    stage = Pii(preset="datatrove")
    docs = pa.table({"id": [str(at) for at in range(len(texts))], "text": texts, "source": ["s"] * len(texts)})
    measured = pa.table(stage.measure(docs["text"].combine_chunks()))
    return stage.handed(docs, measured)["text"].to_pylist()


def theirs(texts: list[str]) -> list[str]:
    """The texts as datatrove hands them on."""
    script = Path(__file__).with_name("datatrove_pii.py")
    lines = "\n".join(json.dumps(text) for text in texts)
    run = subprocess.run([sys.executable, script], input=lines, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr[-2000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_real_texts():
    """Among these thousands have something to replace."""
    texts = [document.text for document in corpus.documents(characters=20_000)]
    expected = theirs(texts)
    assert sum(a != b for a, b in zip(texts, expected, strict=True)) > 300
    assert ours(texts) == expected


def test_made_up_texts():
    """Pieces of addresses thrown together, where the expressions backtrack and overlap."""
    rng = random.Random(5)
    texts = ["".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 40))) for _ in range(20_000)]
    expected = theirs(texts)
    assert sum(a != b for a, b in zip(texts, expected, strict=True)) > 5_000
    for text, mine, his in zip(texts, ours(texts), expected, strict=True):
        assert mine == his, text
