"""Gopher's signals and decisions against datatrove itself, which runs in the peers' environment."""

import gzip
import json
import os
import subprocess
from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datacurate.kernels import gopher, unicode
from datacurate.kernels.text import Words
from datacurate.stages.filters.gopher_quality import GopherQuality
from datacurate.stages.filters.gopher_repetition import GopherRepetition

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DATACURATE_SHARED", ROOT.parent / "shared"))
PEERS = ROOT / ".venv-bench" / "bin" / "python"
LANGUAGES = {"de": "deu", "fr": "fra", "es": "spa", "ru": "rus", "el": "ell", "fi": "fin", "tr": "tur"}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not PEERS.exists(), reason="no .venv-bench with datatrove"),
    pytest.mark.skipif(not (SHARED / "data" / "text").exists(), reason="no data folder beside the checkout"),
]


def english() -> list[str]:
    """Web pages, forum posts, patents, abstracts and articles."""
    found = []
    for path in sorted((SHARED / "data" / "text").glob("**/*.jsonl.gz")):
        rows = gzip.decompress(path.read_bytes()).decode().splitlines()
        texts = [json.loads(row).get("text", "") for row in rows if row.strip()]
        found += [text[:30_000] for text in texts if "the " in text][:220]
    return found


def foreign() -> list[tuple[str, str]]:
    """Documents made of sentences, 30 to a document, of several languages."""
    rows = gzip.decompress((SHARED / "data" / "lid" / "sentences.tsv.gz").read_bytes()).decode().split("\n")[1:]
    found = []
    for language, group in groupby((row.split("\t") for row in rows if row), key=lambda row: row[0]):
        sentences = [row[-1] for row in group] if language in LANGUAGES else []
        for at in range(0, min(len(sentences), 900), 30):
            some = sentences[at : at + 30]
            found.append(("\n".join(some + some[: at // 90]), LANGUAGES[language]))
    return found


@pytest.fixture(scope="module")
def compared():
    rows = [(text, "eng") for text in english()] + foreign()
    lines = "\n".join(json.dumps({"text": text, "language": language}) for text, language in rows)
    script = Path(__file__).with_name("datatrove_words.py")
    run = subprocess.run([PEERS, script], input=lines, capture_output=True, text=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(rows)
    return [text for text, _ in rows], [language for _, language in rows], answers


def spans(text: str, words: list[str]) -> list[tuple[int, int]]:
    """Where the words stand, as bytes of the UTF-8 text."""
    found, at, byte = [], 0, 0
    for word in words:
        start = text.index(word, at)
        byte += len(text[at:start].encode())
        at = start + len(word)
        found.append((byte, byte + len(word.encode())))
        byte = found[-1][1]
    return found


def test_signals_are_equal_given_the_same_words(compared):
    texts, languages, answers = compared
    located = [spans(text, answer["words"]) for text, answer in zip(texts, answers, strict=True)]
    flat = np.array([span for of_one in located for span in of_one], np.int32)
    words = Words(flat[:, 0], flat[:, 1], np.cumsum([0, *map(len, located)], dtype=np.int64))
    array = pa.array(texts, pa.large_string())
    found = gopher.quality(array, GopherQuality().stop_words, words) | gopher.repetition(array, words)
    assert len(texts) > 350 and len(set(languages)) > 4
    for i, answer in enumerate(answers):
        assert {name: values[i] for name, values in found.items()} == answer["signals"], texts[i][:200]


def decisions(stage, texts):
    docs = pa.table({"id": [str(i) for i in range(len(texts))], "text": texts, "source": ["s"] * len(texts)})
    decided = stage.decided(docs, stage.measured(docs))
    kept = np.zeros(len(texts), bool)
    kept[[int(i) for i in decided.docs["id"].to_pylist()]] = True
    return kept


STAGES = {"quality": GopherQuality(), "repetition": GopherRepetition()}


@pytest.mark.parametrize(
    ("peer", "latex", "at_most"),
    [("quality", False, 0.01), ("repetition", False, 0.005), ("quality", True, 0.05), ("repetition", True, 0.25)],
)
def test_decisions_in_fast_mode_are_nearly_datatrove_s(compared, peer, latex, at_most):
    """English web text and prose; LaTeX apart, where spaCy keeps more of a formula as one token."""
    texts, languages, answers = compared
    chosen = [i for i, text in enumerate(texts) if languages[i] == "eng" and ("\\section" in text) == latex]
    mine = decisions(STAGES[peer], [texts[i] for i in chosen])
    theirs = np.array([answers[i][peer] is True for i in chosen])
    reasons = Counter(str(answers[i][peer]) for i, a, b in zip(chosen, mine, theirs, strict=True) if a != b)
    print(f"{peer}: {sum(mine != theirs)} of {len(mine)} differ, {np.mean(~theirs):.3f} removed; {reasons}")
    assert len(chosen) >= 20
    assert np.mean(mine != theirs) <= at_most, reasons


def test_the_punctuation_set_is_datatrove_s():
    code = "from datatrove.utils.text import PUNCTUATION_SET as P; print(*sorted(map(ord, P)))"
    run = subprocess.run([PEERS, "-c", code], capture_output=True, text=True, check=True)
    assert unicode.punctuation() == set(map(int, run.stdout.split()))
