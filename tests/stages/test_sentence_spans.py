"""Runs of sentences that stand in more than one place: against a slow twin, in any sharding, at the edges."""

from __future__ import annotations

import itertools
import random
import re
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from part_tools import dealt, ledger, rank, result, table

from datacurate.kernels import spans
from datacurate.kernels.arrow import bytes_and_offsets
from datacurate.kernels.text import sentences as count_sentences
from datacurate.stages.dedup.sentence_spans import SentenceSpans
from tests.kernels import oracle_lines, text_samples

SENTENCES = [
    "The end.",
    "It rains, again.",
    "it RAINS again!",
    "We paid 3,000.50 for 12.",
    "We paid 7 for 8?",
    "Why?",
    "Hm.",
]
BOUNDS = {"min_words": 0, "min_sentences": 0, "min_left": 0}


def corpus(seed: int, count: int = 30) -> pa.Table:
    rng = random.Random(seed)
    texts = {}
    for at in range(count):
        parts = [sentence + rng.choice([" ", "\n", "\n\n"]) for sentence in rng.choices(SENTENCES, k=rng.randrange(9))]
        texts[f"d{at}"] = "".join(parts)
    return table(texts)


def places(text: str, unit: str) -> list[tuple[int, int]]:
    """Sentences of these texts: every one ends in a mark that a space or line feed follows."""
    if unit == "line":
        return oracle_lines.parts(text.encode(), "line", blank=True)
    return [match.span() for match in re.finditer(r"\S.*?[.?!](?=\s|$)", text)]


def twin(docs: pa.Table, stage: SentenceSpans) -> dict[str, str]:
    """What is left of every document, in Python, before bounds; white space at the ends aside."""
    rows = {row["id"]: row["text"] for row in docs.to_pylist()}
    seen: set[str] = set()
    left = {}
    for name in sorted(rows, key=rank):
        found = places(rows[name], stage.unit)
        forms = [oracle_lines.form(rows[name][a:b].encode(), stage.normalize).decode() for a, b in found]
        gone: set[int] = set()
        for at in range(len(found) - stage.span + 1):
            run = " ".join(forms[at : at + stage.span])
            if stage.normalize == "none":
                run = rows[name][found[at][0] : found[at + stage.span - 1][1]]
            if run in seen and (stage.unit == "line" or run.strip()):
                gone |= set(range(at, at + stage.span))
            seen.add(run)
        pieces = [(found[at - 1][1] if at else 0, found[at][1]) for at in range(len(found)) if at not in gone]
        if stage.unit == "line":
            left[name] = "\n".join(rows[name][a:b] for at, (a, b) in enumerate(found) if at not in gone)
        else:
            left[name] = "".join(rows[name][a:b] for a, b in pieces) if gone else rows[name]
    return left


@pytest.mark.parametrize(
    "options", [{}, {"span": 1}, {"span": 2, "normalize": "none"}, {"preset": "tfds"}, {"unit": "line"}], ids=str
)
def test_against_the_twin_in_any_sharding(tmp_path, options):
    docs = corpus(len(str(options)))
    expected = {name: text.strip() for name, text in twin(docs, SentenceSpans(**options)).items()}
    given_texts = {row["id"]: row["text"].strip() for row in docs.to_pylist()}
    assert expected != given_texts
    for seed, count in enumerate((1, 3)):
        got = result(tmp_path, "sentence_spans", dealt(docs, count, seed), f"run{seed}", **{**options, **BOUNDS})
        assert {name: text.strip() for name, text in got.items()} == expected


@settings(deadline=None)
@given(text_samples.documents)
def test_sentences_are_those_that_are_counted(rows):
    text = pa.array(rows, pa.binary())
    data, offsets = bytes_and_offsets(text)
    found = spans.sentences(data, offsets)
    counts = [int((found.documents == at).sum()) for at in range(len(rows))]
    assert counts == count_sentences(text).tolist()
    assert (found.starts < found.ends).all() and (found.starts[1:] >= found.ends[:-1]).all()


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=8), max_size=4))
def test_overlapping_places_become_one(made):
    import numpy as np

    docs = [sorted((start, start + size) for start, size in places) for places in made]
    flat = np.array([place for places in docs for place in places], np.int64).reshape(-1, 2)
    at, starts, ends = spans.merged(np.cumsum([0, *map(len, docs)]), flat[:, 0], flat[:, 1])
    for number, places in enumerate(docs):
        got = list(zip(starts[at[number] : at[number + 1]], ends[at[number] : at[number + 1]], strict=True))
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(got))
        covered = {byte for a, b in got for byte in range(a, b)}
        assert covered == {byte for a, b in places for byte in range(a, b)}


def test_what_is_left_decides_and_the_ledger_says_why(tmp_path):
    shared = "We sell boats. They float well. Call us today."
    texts = {f"d{at}": f"Boat {'abcde'[at]} is new. {shared}" for at in range(5)}
    first = min(texts, key=rank)
    assert result(tmp_path, "sentence_spans", [table(texts)]) == {first: texts[first]}
    rows = ledger(tmp_path, "sentence_spans")
    assert [(row["rule"], row["value"], row["bound"], row["rules"]) for row in rows] == [
        ("too_few_words", 5.0, 50.0, ["too_few_words", "too_few_sentences"])
    ] * 4


def test_short_empty_and_blank_documents(tmp_path):
    texts = {
        "a": "",
        "b": "",
        "c": " \n",
        "d": " \n",
        "e": "One. Two.",
        "f": "One. Two.",
        "g": "... ... ...",
        "h": "... ... ...",
    }
    assert result(tmp_path, "sentence_spans", [table(texts)]) == texts


def test_a_hundred_thousand_identical_documents(tmp_path):
    text = "We sell boats. They float well. Call us today."
    docs = table({f"d{at:06d}": text for at in range(100_000)})
    SentenceSpans().warm()
    started = time.perf_counter()
    assert result(tmp_path, "sentence_spans", [docs], max_loss=None) == {min(docs["id"].to_pylist(), key=rank): text}
    assert time.perf_counter() - started < 40
