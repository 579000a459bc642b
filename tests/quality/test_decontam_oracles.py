"""Exact against slow twins on real text; against datatrove's own filter; and on the fixtures of AI2's decon."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datacurate.stages.decontaminate import Decontaminate
from tests.quality import corpus, planted

sys.path.append(str(Path(__file__).resolve().parents[1] / "kernels"))
import oracle_contam as oracle

PEERS = corpus.ROOT / ".venv-bench" / "bin" / "python"
pytestmark = pytest.mark.shared
SMALL = ("gsm8k", "piqa", "humaneval")
"""Benchmarks that the slow twins go through."""


def small(data, preset, **options):
    whole = planted.stage(data, preset).benchmarks
    return Decontaminate(benchmarks={name: whole[name].path for name in SMALL}, preset=preset, **options)


@pytest.fixture(scope="module")
def cut(shared):
    """The documents with their words, and every item as a whole with its words."""
    docs, _ = planted.documents(shared)
    said = []
    for row in small(shared, "gpt3").items().to_pylist():
        choices, answers = json.loads(row["choices"]), json.loads(row["answers"])
        text = "\n".join([row["question"], *choices, *(one for one in answers if one not in choices)])
        said.append((row["benchmark"], row["item"], [word for word, _, _ in oracle.plain(text.encode())]))
    return docs, [oracle.plain(text.encode()) for text in docs["text"].to_pylist()], said


def places(table):
    return {(row["id"], row["benchmark"], row["item"], row["start"], row["end"]) for row in table.to_pylist()}


@pytest.mark.parametrize(("ngram", "max_documents"), [(13, None), (5, None), (5, 10), (3, 3)])
def test_any_ngram_is_exact_on_real_text(shared, cut, ngram, max_documents):
    """All places where an n-gram of an item stands, and no other; common n-grams left out."""
    docs, words, items = cut
    owners = defaultdict(set)
    for number, (_, _, text) in enumerate(items):
        for gram in oracle.ngrams(text, ngram):
            owners[gram].add(number)
    grams = [oracle.ngrams([word for word, _, _ in doc], ngram) for doc in words]
    held = Counter(gram for doc in grams for gram in set(doc) if gram in owners)
    wanted = set()
    for id, doc, own in zip(docs["id"].to_pylist(), words, grams, strict=True):
        runs = defaultdict(list)
        for at, gram in enumerate(own):
            if gram in owners and (max_documents is None or held[gram] <= max_documents):
                for number in owners[gram]:
                    runs[number].append(at)
        for number, some in runs.items():
            for group in np.split(np.array(some), np.flatnonzero(np.diff(some) > 1) + 1):
                end = doc[group[-1] + ngram - 1][2]
                wanted.add((id, *items[number][:2], doc[group[0]][1], end))
    made = small(shared, "gpt3", ngram=ngram, max_documents=max_documents)
    found, _ = planted.evidence(made, docs)
    assert places(found) == wanted and len(wanted) > 100


@pytest.mark.parametrize("preset", ["llama2", "llama3"])
def test_shares_are_exact_on_real_text(shared, cut, preset):
    docs, words, items = cut
    made = small(shared, preset, threshold=0.05)
    found, _ = planted.evidence(made, docs)
    ours = {(row["id"], row["benchmark"], row["item"]): row["score"] for row in found.to_pylist()}
    wanted = {}
    owners = defaultdict(set)
    for number, (_, _, text) in enumerate(items):
        for gram in oracle.ngrams(text, made.ngram):
            owners[gram].add(number)
    for id, doc in zip(docs["id"].to_pylist(), words, strict=True):
        said = [word for word, _, _ in doc]
        for number in {n for gram in set(oracle.ngrams(said, made.ngram)) for n in owners.get(gram, ())}:
            benchmark, item, text = items[number]
            share = (
                oracle.skipgram(said, text, made.ngram, made.budget)
                if preset == "llama2"
                else oracle.share(said, text, made.ngram)
            )
            if share >= 0.05:
                wanted[id, benchmark, item] = share
    assert ours == wanted and len(wanted) > 100


@pytest.mark.skipif(not PEERS.exists(), reason="no .venv-bench with datatrove")
@pytest.mark.parametrize("query", [False, True])
def test_datatrove_decides_the_same(shared, query):
    docs, _ = planted.documents(shared)
    made = small(shared, "datatrove", text="question_answer_overlap" if query else "answer_overlap")
    found, items = planted.evidence(made, docs)
    pairs = [
        (row["question"], label, row["benchmark"])
        for row in items.to_pylist()
        for label in json.loads(row["answers"]) or json.loads(row["choices"]) or [""]
    ]
    asked = {"pairs": pairs, "docs": docs["text"].to_pylist(), "query": query}
    script = Path(__file__).with_name("datatrove_decont.py")
    told = subprocess.run([PEERS, script], input=json.dumps(asked), capture_output=True, text=True, check=True)
    theirs = json.loads(told.stdout)["found"]
    accused = {id for id, one in zip(docs["id"].to_pylist(), theirs, strict=True) if one}
    assert accused == set(found["id"].to_pylist()) and len(accused) > 20


LEAKED = {
    "clean": [], "contaminated_at_beginning": [(0, 101)], "contaminated_at_end": [(0, 101)],
    "contaminated_middle_position": [(0, 101)], "contaminated_mixed": [(0, 101), (3, 102)],
    "contaminated_multiple_in_one": [(0, 101), (0, 102)], "contaminated_punctuation_variation": [(0, 101)],
    "contaminated_single_deletion": [(0, 101)], "contaminated_single_edit": [(0, 101)],
    "contaminated_single_insertion": [(0, 101)], "demo": [], "long_document": [(0, 101), (0, 102)],
    "contaminated_edge_cases": [(0, 101), (1, 101), (2, 101), (3, 101), (3, 102), (4, 101)],
}  # fmt: skip
"""What their files hold, by name: documents and items. The paraphrase in `mixed` is none; `demo` is of other items."""
EXACT = ("contaminated_at_beginning", "contaminated_at_end", "contaminated_middle_position", "long_document")


@pytest.mark.parametrize("fields", [["question"], ["passage", "question"]])
def test_fixtures_of_decon(shared, fields):
    folder = shared / "benchmarks" / "decon_fixtures"
    name = "question_answer" if len(fields) == 1 else "passage_question_answer"
    about = {"question": fields, "answer": ["answer"], "id": ["doc_id"]}
    ai2 = {"ai2": {"path": str(folder / "reference" / f"{name}_reference.jsonl"), "fields": about}}
    for preset in ("curate", "decon"):
        made = Decontaminate(benchmarks=ai2, preset=preset, sample=1)
        for path in sorted((folder / "training").glob("*.jsonl")):
            texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
            docs = pa.table({"id": [str(n) for n in range(len(texts))], "text": texts, "source": ["a"] * len(texts)})
            found, items = planted.evidence(made, docs)
            ids = {row["item"]: int(row["name"]) for row in items.to_pylist()}
            held = sorted({(int(row["id"]), ids[row["item"]]) for row in found.to_pylist()})
            if preset == "curate" or path.stem in EXACT:
                assert held == LEAKED[path.stem], path
            assert set(held) <= set(LEAKED[path.stem])
