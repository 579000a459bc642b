"""C4's three sentences against datatrove's own three steps, which run in the peers' environment, on real documents."""

import json
import subprocess
from collections import Counter
from hashlib import blake2s
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datacurate.core.phase import Size
from datacurate.stages.dedup.sentence_spans import SentenceSpans
from tests.quality import corpus

COUNT = 1500
PEERS = corpus.ROOT / ".venv-bench" / "bin" / "python"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS.exists(), reason="no .venv-bench with datatrove"),
    pytest.mark.skipif(not corpus.DATA.exists(), reason="no data folder beside the checkout"),
]


def rank(name: str) -> int:
    return int.from_bytes(blake2s(name.encode(), digest_size=16).digest()[:8], "little")


@pytest.fixture(scope="module")
def docs() -> dict[str, str]:
    """English documents by rank; a third of them a second time, between sentences of another document."""
    texts = [document.text for document in corpus.documents() if document.language == "en"][:COUNT]
    mixed = [f"{texts[at - 1][:300]}. {text}\n{texts[at - 2][-200:]}" for at, text in enumerate(texts) if at % 3 == 0]
    named = {f"doc-{at:06d}": text for at, text in enumerate(texts + mixed)}
    return {name: named[name] for name in sorted(named, key=rank)}


def theirs(docs: dict[str, str], words: int, sentences: int) -> dict[str, str]:
    lines = "\n".join(json.dumps({"id": name, "text": text}) for name, text in docs.items())
    script = Path(__file__).with_name("datatrove_spans.py")
    command = [PEERS, script, str(words), str(sentences)]
    run = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return {row["id"]: row["text"] for row in map(json.loads, run.stdout.splitlines())}


def ours(docs: dict[str, str], **options: int) -> dict[str, str]:
    stage = SentenceSpans(**options)
    table = pa.table({"id": list(docs), "text": pa.array(docs.values(), pa.large_string())})
    rows = np.arange(len(docs), dtype=np.uint64)
    found = stage.repeats([stage.hashed(table, rows, Size(0, 1))], 0)
    repeats = pa.concat_tables(found).sort_by("row").combine_chunks()
    made = stage.apply(table, rows, repeats).docs
    return dict(zip(made["id"].to_pylist(), made["text"].to_pylist(), strict=True))


@pytest.mark.parametrize(("words", "sentences"), [(50, 3), (0, 0)])
def test_spans_are_datatrove_s(docs, words, sentences):
    """White space at the ends of documents aside, the same texts go on, but for a few of other words than spaCy's."""
    expected = theirs(docs, words, sentences)
    found = ours(docs, min_words=words, min_sentences=sentences)
    kinds = Counter()
    for name, text in docs.items():
        mine, other = found.get(name, "").strip(), expected.get(name, "").strip()
        changed = "kept" if other == text.strip() else "cut" if other else "dropped"
        kinds[changed, mine == other] += 1
    print(f"sentence_spans: {len(docs)} documents; (datatrove, same) {dict(kinds)}")
    wrong = sum(count for (_, same), count in kinds.items() if not same)
    assert len(docs) > COUNT and kinds["cut", True] > 0.2 * COUNT
    assert wrong <= 0.002 * len(docs), dict(kinds)
