"""Explaining deduplication: the true shared parts, the right survivor and chain, cuts, hostile and huge texts."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_runs import HOSTILE, run_recipe
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.audit.dedup_explain import explain
from datacurate.audit.dedup_match import match
from datacurate.audit.dedup_show import pieces
from datacurate.core.errors import InputError
from datacurate.core.recipe import Recipe
from datacurate.sources.jsonl import Jsonl
from datacurate.sources.parquet import Parquet
from datacurate.stages.dedup._compare import Shingle, alike, words
from datacurate.stages.dedup.exact import Exact
from datacurate.stages.dedup.lines import Lines
from datacurate.stages.dedup.minhash import Minhash
from datacurate.stages.dedup.substring import Substring
from datacurate.stages.filters.where import Where

DRAW = random.Random(7)
WORDS = [f"word{n}" for n in range(5_000)]


def prose(count: int) -> list[str]:
    return [DRAW.choice(WORDS) for _ in range(count)]


BASE = prose(200)
NEAR = [*BASE[:100], "only", "here", *BASE[100:]]
ROWS = [
    {"id": "longest", "text": " ".join([*BASE[:100], "only", "there", "too", *BASE[100:]])},
    {"id": "near", "text": " ".join(NEAR)},
    {"id": "copy", "text": "  ".join(NEAR)[:-1] + NEAR[-1][-1]},
    {"id": "alone", "text": " ".join(prose(50))},
    {"id": "short", "text": "three words only"},
    {"id": "<script>alert(1)</script>", "text": HOSTILE[0] + " " + " ".join(prose(30))},
]
ROWS.append({"id": "twin\x1b[31m", "text": ROWS[-1]["text"] + " "})


@pytest.fixture(scope="module", params=["jsonl", "parquet"])
def run(tmp_path_factory, request) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    sources = {}
    for number, rows in enumerate((ROWS[:2], ROWS[2:])):
        path = folder / f"part{number}.{request.param}"
        if request.param == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            sources[f"s{number}"] = Jsonl(path=str(path))
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)
            sources[f"s{number}"] = Parquet(path=str(path))
    return run_recipe(Recipe(name="d", sources=sources, stages=[Exact(keep="first"), Minhash()]), folder, "run")


def only(items):
    assert len(items) == 1
    return items[0]


def test_the_survivor_its_similarity_and_the_chain(run):
    merge = only(explain(run, "copy").merges)
    assert (merge.stage, merge.event.survivor, merge.event.similarity, merge.same) == ("exact", "near", 1.0, True)
    assert [(s.id, s.stage, s.survivor) for s in merge.chain] == [
        ("copy", "exact", "near"), ("near", "minhash", "longest")
    ]  # fmt: skip
    assert merge.end == "went through all stages"
    assert (merge.document.source, merge.survivor.source) == ("s1", "s0")
    assert merge.document.text.split() == NEAR


def test_the_recomputed_similarity_is_the_ledgers(run):
    merge = only(explain(run, "near").merges)
    assert merge.event.similarity == pytest.approx(merge.alike.jaccard) and 0.7 < merge.alike.jaccard < 1
    assert not merge.same and merge.shingle == Shingle("words", 5)
    text = explain(run, "near").as_text()
    assert f"similarity in the ledger: {merge.alike.jaccard:.3f}" in text
    assert "(Jaccard of the sets of runs of 5 words)" in text


def test_what_differs_stands_alone(run):
    found = only(explain(run, "near").merges).match
    differ = [(found.left[slice(*p.left)], found.right[slice(*p.right)]) for p in found.passages if not p.same]
    assert differ == [("here ", "there too ")]
    assert [found.left[a:b].split()[-1] for a, b in found.left_shared] == ["only", BASE[-1]]


def test_brackets_or_colour(run):
    plain = explain(run, "near").as_text(100)
    assert "⟦" in plain and "\x1b" not in plain
    colour = explain(run, "near").as_text(100, colour=True)
    assert "⟦" not in colour and colour.count("\x1b[32m") == colour.count("\x1b[0m") > 2
    assert max(len(line) for line in plain.splitlines() if " │ " in line) <= 100


def test_one_that_was_not_merged(run):
    found = explain(run, "alone")
    assert found.merges == [] and "No deduplicating stage merged it" in found.as_text()
    assert "minhash  went on" in found.as_text()
    assert "exact merged 1 documents into it: s1 1" in explain(run, "near").as_text()
    with pytest.raises(InputError, match="no document has the id 'nobody'"):
        explain(run, "nobody")


def test_hostile_texts_and_ids(run):
    found = explain(run, "twin\x1b[31m")
    page = found.as_html()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "default-src 'none'" in page
    assert "\x1b" not in page + found.as_text() and "[U+001B]" in found.as_text()
    assert json.loads(json.dumps(found.as_json()))["merges"][0]["equal"] is True


def test_a_text_that_is_gone_is_said_so(tmp_path):
    path = tmp_path / "docs.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS[:3]), path)
    recipe = Recipe(name="d", sources={"s": Parquet(path=str(path))}, stages=[Minhash()])
    folder = run_recipe(recipe, tmp_path, "run")
    assert only(explain(folder, "near").merges).match is not None
    pq.write_table(pa.Table.from_pylist(ROWS[1:3]), path)
    merge = only(explain(folder, "near").merges)
    assert merge.match is None and "its file is neither in the store nor" in merge.remarks[0]
    assert "recomputed: not possible" in explain(folder, "near").as_text()


def test_parts_that_were_cut(tmp_path):
    shared = " ".join(prose(80))
    texts = {"a": "Before it. " + shared + " Behind it.", "b": " ".join(prose(40)) + " ä " + shared}
    path = tmp_path / "docs.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts.items()))
    recipe = Recipe(name="d", sources={"s": Jsonl(path=str(path))}, stages=[Substring()])
    run = run_recipe(recipe, tmp_path, "run")
    found = {id: explain(run, id) for id in texts}
    (id,) = [id for id, one in found.items() if one.cuts]
    (other,) = set(texts) - {id}
    cuts = only(found[id].cuts)
    left = pq.read_table(only(list((tmp_path / "run").glob("01-*/*.parquet")))).to_pylist()
    went = {row["id"]: row["text"] for row in left}
    assert cuts.bytes == len(texts[id].encode()) - len(went[id].encode()) > len(shared) - 20
    ((start, end),) = cuts.spans()
    assert texts[id][:start] + texts[id][end:] == went[id]
    assert only(cuts.cuts).survivor == other and only(cuts.cuts).text[:200] in texts[id]
    assert f"also in {other}" in found[id].as_text() and 'class="cut"' in found[id].as_html()


def test_lines_that_were_cut(tmp_path):
    """The survivors are references there: shards and rows must be read aright, in files that are read again too."""
    footer = "All rights reserved by everybody who wrote this."
    for number in range(3):
        rows = [
            {"id": f"{number}-{at}", "text": f"Page {number} {at}.\n{footer}\nÄ end {number}{at}"} for at in range(4)
        ]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"docs{number}.parquet")
    recipe = Recipe(name="d", sources={"s": Parquet(path=f"{tmp_path}/*.parquet")}, stages=[Lines()])
    run = run_recipe(recipe, tmp_path, "run")
    left = pa.concat_tables(pq.read_table(path) for path in (tmp_path / "run").glob("01-*/*.parquet")).to_pylist()
    (stays,) = [row["id"] for row in left if footer in row["text"]]
    for row in left:
        cuts = explain(run, row["id"]).cuts
        assert bool(cuts) == (row["id"] != stays)
        if cuts:
            assert [(cut.text, cut.survivor) for cut in only(cuts).cuts] == [(footer, stays)]
            assert only(cuts).document.text.encode()[only(cuts).cuts[0].start :].decode().startswith(footer)


def test_what_was_cut_out_of_a_document_that_was_dropped_then(tmp_path):
    """The ledger names no survivor of a document that lost too much; the evidence does."""
    texts = {"a": "The menu of every page.", "b": "The menu of every page.\nx"}
    texts |= {"c": "The menu of every page.\nAnd words of its own, which are many."}
    path = tmp_path / "docs.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts.items()))
    recipe = Recipe(name="d", sources={"s": Jsonl(path=str(path))}, stages=[Lines(min_left=5)])
    run = run_recipe(recipe, tmp_path, "run")
    cut = {id: found for id in texts if (found := explain(run, id)).cuts}
    (stays,) = texts.keys() - cut.keys()
    dropped = [found for found in cut.values() if found.life.copies[0].events[-1].rule == "too_little_left"]
    assert dropped
    for found in dropped:
        assert [(one.text, one.survivor) for one in only(found.cuts).cuts] == [("The menu of every page.", stays)]
        assert f"also in {stays}" in found.as_text() and "dropped by too_little_left" in found.as_text()


def test_shingles_of_characters_as_the_stage_has_them(tmp_path):
    path = tmp_path / "docs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[:2]))
    recipe = Recipe(name="d", sources={"s": Jsonl(path=str(path))}, stages=[Minhash(preset="nemo")])
    merge = only(explain(run_recipe(recipe, tmp_path, "run"), "near").merges)
    assert merge.shingle == Shingle("characters", 24)
    assert (merge.match.ngram, merge.match.unit) == (24, "characters")
    for text, other, shared in (
        (merge.match.left, merge.match.right, merge.match.left_shared),
        (merge.match.right, merge.match.left, merge.match.right_shared),
    ):
        runs = {other[at : at + 24] for at in range(len(other) - 23)}
        inside = {place for at in range(len(text) - 23) if text[at : at + 24] in runs for place in range(at, at + 24)}
        assert {place for span in shared for place in range(*span)} == inside != set(range(len(text)))
    said = explain(tmp_path / "run", "near")
    assert "Shared runs of at least 24 characters are" in said.as_text()
    assert "Runs of at least 24 characters that both" in said.as_html()
    assert merge.event.similarity == pytest.approx(merge.alike.jaccard)


def an_old_dataset(tmp_path):
    """A dataset of the first document; the second, which is near it, is in new.jsonl."""
    for name, rows in (("old", ROWS[:1]), ("new", ROWS[1:2])):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    keep = [Where(keep=["id is not null"])]
    old = Recipe(name="old", sources={"s": Jsonl(path=str(tmp_path / "old.jsonl"))}, stages=keep)
    return run_recipe(old, tmp_path, "old") / "01-where"


def test_a_survivor_in_another_dataset(tmp_path):
    folder = an_old_dataset(tmp_path)
    recipe = Recipe(
        name="d", sources={"s": Jsonl(path=str(tmp_path / "new.jsonl"))}, stages=[Minhash(against=str(folder))]
    )
    merge = only(explain(run_recipe(recipe, tmp_path, "run"), "near").merges)
    assert merge.event.survivor == "old:longest" and "another dataset" in merge.end
    assert merge.survivor.text == ROWS[0]["text"]
    assert merge.event.similarity == pytest.approx(merge.alike.jaccard)


def test_a_survivor_in_an_index_leaves_the_documents_text(tmp_path):
    from datacurate.api import make_index

    folder = an_old_dataset(tmp_path)
    (tmp_path / "inline.yaml").write_text("executor: inline\n")
    make_index(Minhash(), [folder], tmp_path / "index", tmp_path / "inline.yaml")
    sources = {"s": Jsonl(path=str(tmp_path / "new.jsonl"))}
    recipe = Recipe(name="d", sources=sources, stages=[Minhash(against=str(tmp_path / "index"))])
    found = explain(run_recipe(recipe, tmp_path, "run"), "near")
    assert only(found.merges).survivor is None and only(found.merges).match is None
    said = found.as_text()
    assert "recomputed: not possible, the text of the survivor is not there" in said
    assert "The text of near:" in said and ROWS[1]["text"][:100] in said
    assert ROWS[1]["text"][:300] in found.as_html()
    assert found.as_json()["merges"][0]["document_text"].startswith(ROWS[1]["text"][:300])


def covered(text: str, other: str, ngram: int) -> list[bool]:
    """Which words of a text stand in a run that the other has: slow and obvious."""
    mine, theirs = ([t[a:b].lower() for a, b in zip(words(t).start, words(t).end, strict=True)] for t in (text, other))
    ngram = max(1, min(ngram, len(mine), len(theirs)))
    known = {tuple(theirs[at : at + ngram]) for at in range(len(theirs) - ngram + 1)}
    marks = [False] * len(mine)
    for at in range(len(mine) - ngram + 1):
        if tuple(mine[at : at + ngram]) in known:
            marks[at : at + ngram] = [True] * ngram
    return marks


LETTERS = st.text(st.sampled_from("ab B.\n中ü "), max_size=60)


@settings(max_examples=300, deadline=None)
@given(LETTERS, LETTERS, st.integers(1, 4))
def test_shared_parts_are_the_obvious_ones(left, right, ngram):
    found = match(left, right, ngram)
    for text, other, shared in ((left, right, found.left_shared), (right, left, found.right_shared)):
        own = words(text)
        inside = [any(a <= s and e <= b for a, b in shared) for s, e in zip(own.start, own.end, strict=True)]
        assert inside == covered(text, other, ngram)
    assert "".join(left[slice(*p.left)] for p in found.passages) == left
    assert "".join(right[slice(*p.right)] for p in found.passages) == right
    for passage in found.passages:
        if passage.same:
            one, two = words(left[slice(*passage.left)]), words(right[slice(*passage.right)])
            assert one.hash.tolist() == two.hash.tolist()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_words_are_the_kernels(left, right):
    from datacurate.kernels import shingles

    text = pa.array([t.encode("utf-8", "replace").decode() for t in (left, right)])
    _, offsets = shingles.shingle_sets(text, 1)
    for at in (0, 1):
        assert len(set(words(text[at].as_py()).hash.tolist())) == offsets[at + 1] - offsets[at]


def test_similarity_of_known_texts():
    found = alike("a b c d", "b c d e", Shingle("words", 2))
    assert (found.jaccard, found.contained) == (0.5, pytest.approx(2 / 3))
    assert alike("a", "a b", Shingle("words", 2)) is None
    assert alike("abc", "bcd", Shingle("characters", 2)).jaccard == pytest.approx(1 / 3)


def test_pieces_leave_the_middle_out():
    found = pieces("a" * 1_000, (0, 1_000), [(0, 10), (990, 1_000)], 50, 20)
    assert [(len(t), shared) for t, shared in found] == [(10, True), (40, False), (22, False), (10, False), (10, True)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a " * 5_000_000, "a " * 4_000_000 + "b"),
        ("x" * 10_000_000, "x" * 9_000_000),
        ("\u0301" * 10_000_000, "\n" * 10_000_000),
        (" ".join(f"w{n}" for n in range(900_000)), " ".join(f"w{n}" for n in range(900_000, 0, -1))),
    ],
)
def test_ten_megabytes_end_soon(left, right):
    start = time.process_time()
    found = match(left, right, 5)
    assert time.process_time() - start < 20 and found.clipped
