"""What `substring` takes out, phase by phase and without the engine, against a suffix array and a dictionary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels.firsts import ranks
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
    table,
    texts_after,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(LETTERS | RUNS, min_size=1, max_size=6),
    st.integers(3, 8),
    st.sampled_from(["bytes", "tokens"]),
    st.sampled_from(["keep_first", "remove_all"]),
    st.integers(1, 3),
)
def test_tiny_alphabets(texts, least, unit, mode, shards):
    texts = [" ".join(text) for text in texts] if unit == "tokens" else texts
    docs = [(f"d{i}", text) for i, text in enumerate(texts)]
    agree(docs, by_lists, shards, min_length=least, unit=unit, mode=mode, slices=2)


@pytest.mark.parametrize("mode", ["keep_first", "remove_all"])
@pytest.mark.parametrize(("unit", "least"), [("tokens", 50), ("tokens", 25), ("bytes", 100), ("bytes", 50)])
def test_equals_a_suffix_array(unit, least, mode):
    _, total = agree(sample(), oracle.by_suffix_array, 3, unit=unit, min_length=least, mode=mode)
    assert total > 2_000


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("mode", ["keep_first", "remove_all"])
@pytest.mark.parametrize(("unit", "least"), [("tokens", 50), ("tokens", 25), ("bytes", 100), ("bytes", 50)])
def test_equals_a_suffix_array_on_real_text(unit, least, mode, shared):
    """Web pages, documentation, handbooks, books and forums in more than 70 languages."""
    docs = [(str(i), document.text) for i, document in enumerate(corpus.documents(characters=1_000_000))]
    assert sum(len(text.encode()) for _, text in docs) > 20e6
    _, total = agree(docs, oracle.by_suffix_array, 5, unit=unit, min_length=least, mode=mode)
    print(f"{unit} {least} {mode}: {len(docs)} documents, {total} symbols in repeats")
    assert total > 100_000


def test_sharding_and_order_do_not_matter():
    docs = sample()[-200:]
    rng = np.random.default_rng(5)
    for options in ({}, {"mode": "remove_all", "unit": "bytes"}):
        whole = drive(Substring(min_length=30, **options), sharded(docs, 1))
        for count, slices in ((2, 5), (7, None)):
            mixed = [docs[i] for i in rng.permutation(len(docs))]
            made = drive(Substring(min_length=30, slices=slices, **options), sharded(mixed, count), batch=11)
            assert texts_after(made) == texts_after(whole)
            assert evidence(made, sharded(mixed, count), 11) == evidence(whole, sharded(docs, 1), 1000)
    assert evidence(whole, sharded(docs, 1), 1000)


def test_evidence_names_a_document_that_says_the_same():
    docs = [(one, text) for one, text in sample() if text]
    texts = {one: text.encode() for one, text in docs}
    for unit in ("bytes", "tokens"):
        split = sharded(docs, 2)
        made = drive(Substring(unit=unit, min_length=40), split)
        found = evidence(made, split, 1000)
        assert len(found) > 50
        for one, start, end, survivor in found:
            said = texts[one][start:end]
            assert "".join(said.decode().split()) in "".join(texts[survivor].decode().split())


WORDS = [f"w{i}" for i in range(60)]
SPAN = " ".join(WORDS)


def after(texts, **options):
    """The texts of documents that come in this order, as they go on; and what was dropped."""
    docs = in_wanted_order(texts)
    made = drive(Substring(**options), [table(docs)])
    went = texts_after(made)
    removed = [part for outcome in made["apply"] for part in outcome.removed]
    assert [one for part in removed for one in part.survivor] == [docs[0][0]] * sum(len(part.index) for part in removed)
    return [went.get(one) for one, _ in docs], removed


def in_wanted_order(texts):
    """Documents with ids that put them into this order."""
    docs, tried = [], 0
    least = -1
    for text in texts:
        while True:
            tried += 1
            (order,) = ranks(pa.array([f"id{tried}"]), pa.array([text], pa.string())).tolist()
            if least < order < (len(docs) + 1) * 2**64 // len(texts):
                break
        docs.append((f"id{tried}", text))
        least = order
    return docs


def test_the_first_copy_stays():
    texts = ["a b " + SPAN, "c d " + SPAN + " e", SPAN + " " + SPAN]
    assert after(texts, min_left=0)[0] == ["a b " + SPAN, "c d e", ""]
    assert after(texts, min_left=0, mode="remove_all")[0] == ["a b", "c d e", ""]
    assert after(texts, min_left=0, mode="mask", mark="<x>")[0] == ["a b " + SPAN, "c d <x> e", "<x>"]


def test_min_length_is_exact():
    for length in (49, 50):
        same = " ".join(WORDS[:length])
        went, _ = after([f"a {same} b", f"c {same} d"], min_left=0)
        assert went[1] == ("c d" if length == 50 else f"c {same} d")
        letters = "".join(chr(97 + i * i % 26) for i in range(length))
        went, _ = after([f"1{letters}2", f"3{letters}4"], unit="bytes", min_left=0)
        assert went[1] == ("34" if length == 50 else f"3{letters}4")


def test_white_space_between_tokens_does_not_count():
    other = "\n".join(WORDS)
    assert after([SPAN, f"Title\n{other}\nend"], min_left=0)[0][1] == "Title\nend"
    assert after([SPAN, f"Title {other}\n\nend"], min_left=0)[0][1] == "Title\n\nend"
    assert after([SPAN, f"Title\n\n{other} end"], min_left=0)[0][1] == "Title\n\nend"
    assert after([SPAN, f"Title\n{other}\nend"], min_left=0, unit="bytes")[0][1] == f"Title\n{other}\nend"


def test_a_run_keeps_its_first_window():
    assert after(["la " * 200], min_left=0)[0] == [("la " * 50).strip()]
    assert after(["-" * 99, "-" * 120], min_left=0, unit="bytes", min_length=50)[0] == ["-" * 99, ""]
    assert after(["-" * 100], min_left=0, unit="bytes", min_length=50)[0] == ["-" * 50]
    # no two copies that do not touch
    assert after(["-" * 99], min_left=0, unit="bytes", min_length=50, mode="remove_all")[0] == ["-" * 99]


def test_whole_lines():
    lines = "\n".join(" ".join(WORDS[at : at + 10]) for at in range(0, 60, 10))
    first = f"intro\n{lines}\nend of it"
    second = f"other\nbefore {lines} behind\nlast"
    for unit in ("tokens", "bytes"):
        went, _ = after([first, second], whole_lines=True, min_left=0, unit=unit)
        cut = lines.split("\n")
        assert went == [first, f"other\nbefore {cut[0]}\n{cut[-1]} behind\nlast"]
        assert after([first, f"a\n{lines}\nz"], whole_lines=True, min_left=0, unit=unit)[0][1] == "a\nz"
        assert after([lines, lines], whole_lines=True, min_left=0, unit=unit)[0][1] == ""


def test_characters_are_never_cut():
    ends = "éèêë"  # all begin with the byte 0xC3
    same = "".join(chr(0x4E00 + i) for i in range(30))
    went, _ = after([f"{ends[0]}{same}ж", f"x {ends[1]}{same}и y"], unit="bytes", min_length=50, min_left=0)
    assert went[1] == f"x {ends[1]}и y"
    went, _ = after([f"ã{same}", f"é{same}"], unit="bytes", min_length=50, min_left=0)
    assert went[1] == "é"


def test_too_little_left_is_dropped():
    went, removed = after([SPAN, SPAN + " nineteen letters...", SPAN + " twenty letters here."])
    assert went == [SPAN, None, "twenty letters here."]
    (gone,) = removed
    assert (gone.fate, gone.rule, gone.value.tolist(), gone.bound.tolist()) == (
        "dropped",
        "too_little_left",
        [19],
        [20],
    )
    # what nothing was taken out of stays, however short
    assert after(["", "a", "a", None])[0] == ["", "a", "a", None]


@pytest.mark.parametrize("unit", ["tokens", "bytes"])
def test_one_of_100_000_stays(unit):
    """Identical documents, and a boilerplate in different surroundings, which make as many classes to compare."""
    stage = Substring(unit=unit)
    made = drive(stage, sharded([(f"d{i}", SPAN) for i in range(100_000)], 3), batch=4096)
    assert list(texts_after(made).values()) == [SPAN] and made["contested"].num_rows == 0
    docs = [(f"d{i}", f"number {i * i % 99991} begins {SPAN} and {i * i % 99989} ends it all") for i in range(20_000)]
    made = drive(stage, sharded(docs, 3), batch=4096)
    went = texts_after(made)
    whole = [one for one, text in went.items() if SPAN in text]
    assert len(whole) == 1
    if unit == "tokens":
        assert sorted(len(text.split()) for text in went.values())[:-1] == [6] * 19_999


def test_books_in_many_editions():
    """Each chapter stands once, however many editions have it, but for what an edition changed."""
    rng = np.random.default_rng(9)
    chapters = [" ".join(f"t{i}" for i in rng.integers(0, 5000, 400)) for _ in range(8)]
    docs = [(f"edition{e}", "\n\n".join(f"{e}\n{chapter}" for chapter in chapters)) for e in range(12)]
    made = drive(Substring(), sharded(docs, 4))
    said = "\n".join(texts_after(made).values())
    assert all(said.count(chapter) == 1 for chapter in chapters)
    for e in range(12):
        assert said.split().count(str(e)) == 8


def test_cuts_are_explained(tmp_path):
    """`curate dedup explain` finds the evidence: bytes of the text, and an id."""
    from datacurate.audit import dedup_cuts
    from tests.contract import exam

    texts = [f"{exam.prose(i)}\n{exam.prose(99)}" for i in range(6)]
    exam.run("substring", exam.write_shards(tmp_path / "in", exam.shards(texts, 2)), tmp_path / "out")
    parts = list((tmp_path / "out" / ".store").glob("substring.removed-*/*.parquet"))
    assert len(parts) == 2 and all(set(pq.read_schema(part).names) >= dedup_cuts.EVIDENCE for part in parts)
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    assert len(rows) == 5 and len({row["survivor"] for row in rows}) == 1
