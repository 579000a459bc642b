"""What `substring` takes out because another dataset has it, phase by phase, against suffix array and dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.stages.dedup import _substring_against
from datacurate.stages.dedup.substring import Substring
from tests.quality import corpus
from tests.quality.substring_phases import (
    LETTERS,
    RUNS,
    agree,
    by_lists,
    drive,
    evidence,
    oracle,
    sample,
    sharded,
    texts_after,
)

UNITS = [("tokens", 50), ("tokens", 25), ("bytes", 100), ("bytes", 50)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(LETTERS | RUNS, min_size=1, max_size=5),
    st.lists(LETTERS | RUNS, min_size=1, max_size=5),
    st.integers(3, 8),
    st.sampled_from(["bytes", "tokens"]),
    st.sampled_from(["keep_first", "remove_all"]),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 3),
)
def test_tiny_alphabets(theirs, ours, least, unit, mode, shards, slices):
    if unit == "tokens":
        theirs, ours = ([" ".join(text) for text in texts] for texts in (theirs, ours))
    half = len(theirs) // 2
    others = [(name, [(f"o{i}", text) for i, text in enumerate(texts)], shards[1])
              for name, texts in (("a", theirs[:half]), ("b", theirs[half:]))]  # fmt: skip
    docs = [(f"d{i}", text) for i, text in enumerate(ours)]
    agree(docs, by_lists, shards[0], others, min_length=least, unit=unit, mode=mode, slices=slices)


def halves():
    """The sample as two datasets that have much in common, some of it in parts."""
    docs = sample()
    rng = np.random.default_rng(11)
    theirs = rng.random(len(docs)) < 0.5
    more = [(f"x{i}", f"Before it. {docs[i][1][50:900]} And after.") for i in range(0, 60, 2) if docs[i][1]]
    return [doc for doc, there in zip(docs, theirs, strict=True) if there], [
        *(doc for doc, there in zip(docs, theirs, strict=True) if not there), *more,
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["keep_first", "remove_all"])
@pytest.mark.parametrize(("unit", "least"), UNITS)
def test_equals_a_suffix_array_of_both(unit, least, mode, monkeypatch):
    """Also when what is looked at together is little: then pieces are many."""
    theirs, ours = halves()
    made, total = agree(ours, oracle.by_suffix_array, 3, [("old", theirs, 4)], unit=unit, min_length=least, mode=mode)
    _, alone = agree(ours, oracle.by_suffix_array, 3, unit=unit, min_length=least, mode=mode)
    assert total > alone + 2_000
    monkeypatch.setattr(_substring_against, "HELD", 5_000)
    stage = Substring(min_left=0, unit=unit, min_length=least, mode=mode)
    pieces = drive(stage, sharded(ours, 3), others=[("old", sharded(theirs, 4))])
    assert pieces["met"].num_rows > made["met"].num_rows
    assert texts_after(pieces) == texts_after(made)
    assert evidence(pieces, sharded(ours, 3), 1000) == evidence(made, sharded(ours, 3), 1000)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("mode", ["keep_first", "remove_all"])
@pytest.mark.parametrize(("unit", "least"), UNITS)
def test_equals_a_suffix_array_of_real_text(unit, least, mode, shared):
    """Web pages, documentation, handbooks, books and forums in more than 70 languages, half of them another dataset."""
    docs = [(str(i), document.text) for i, document in enumerate(corpus.documents(characters=1_000_000))]
    there = np.random.default_rng(3).random(len(docs)) < 0.5
    theirs, ours = ([doc for doc, one in zip(docs, there, strict=True) if one == side] for side in (True, False))
    others = [("old", theirs, 4)]
    _, total = agree(ours, oracle.by_suffix_array, 3, others, unit=unit, min_length=least, mode=mode)
    _, alone = agree(ours, oracle.by_suffix_array, 3, unit=unit, min_length=least, mode=mode)
    print(f"{unit} {least} {mode}: {total} symbols in repeats, {alone} without the other dataset")
    assert total > alone + 100_000


def test_dealing_and_order_do_not_matter():
    """Of either side, of several datasets, of slices and batches: texts and evidence are the same."""
    theirs, ours = (docs[-150:] for docs in halves())
    names = ("a", "b")
    rng = np.random.default_rng(5)
    for options in ({}, {"mode": "remove_all", "unit": "bytes"}):
        whole = None
        for count, slices, batch in ((1, 2, 1000), (2, 5, 11), (7, 80, 40)):
            mixed, both = ([docs[i] for i in rng.permutation(len(docs))] for docs in (ours, theirs))
            parts = [[doc for doc in both if (int(doc[0].strip("x")) % 2 == at)] for at in (0, 1)]
            others = [(name, sharded(part, count)) for name, part in zip(names, parts, strict=True)]
            stage = Substring(min_length=30, slices=slices, **options)
            made = drive(stage, sharded(mixed, count), batch, others[:: 1 if count % 2 else -1])
            found = texts_after(made), evidence(made, sharded(mixed, count), batch)
            whole = whole or found
            assert found == whole
        assert any(survivor.startswith("a:") for *_, survivor in whole[1])


def test_evidence_names_a_document_that_says_the_same():
    theirs, ours = halves()
    texts = {one: text.encode() for one, text in ours if text}
    texts |= {f"old:{one}": text.encode() for one, text in theirs if text}
    for unit in ("bytes", "tokens"):
        split = sharded(ours, 2)
        made = drive(Substring(unit=unit, min_length=40), split, others=[("old", sharded(theirs, 2))])
        found = evidence(made, split, 1000)
        assert sum(survivor.startswith("old:") for *_, survivor in found) > 50
        for one, start, end, survivor in found:
            said = texts[one][start:end]
            assert "".join(said.decode().split()) in "".join(texts[survivor].decode().split())


SPAN = " ".join(f"w{i}" for i in range(60))


@pytest.mark.parametrize("unit", ["tokens", "bytes"])
def test_a_boilerplate_of_20_000_documents_there(unit):
    """In different surroundings, so that every one of them is asked for: time is linear, and what is held together
    bounded."""
    docs = [(f"d{i}", f"number {i * i % 99991} begins {SPAN} and {i * i % 99989} ends it all") for i in range(20_000)]
    ours = [("one", f"Own words. {SPAN} Others."), ("two", "Nothing of it.")]
    stage = Substring(unit=unit, min_left=0)
    made = drive(stage, sharded(ours, 2), 4096, [("old", sharded(docs, 3))])
    assert made["said"].num_rows >= 20_000
    went = texts_after(made)
    assert SPAN not in went["one"] and went["two"] == "Nothing of it."
    found = evidence(made, sharded(ours, 2), 4096)
    assert {one for one, *_ in found} == {"one"} and all(survivor.startswith("old:d") for *_, survivor in found)
