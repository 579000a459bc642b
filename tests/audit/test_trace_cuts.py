"""`curate trace` tells what was cut out of a document, and where the longest parts stand."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_runs import run_recipe

from datacurate.audit.dedup_explain import explain
from datacurate.audit.run_folder import open_run
from datacurate.audit.trace import trace
from datacurate.audit.trace_cuts import UNTOLD
from datacurate.core.recipe import Recipe
from datacurate.sources.parquet import Parquet
from datacurate.stages.dedup.lines import Lines
from datacurate.stages.dedup.ngram_bloom import NgramBloom
from datacurate.stages.filters.where import Where
from tests.contract import exam

SHARED = [exam.prose(seed, 13).replace("\n", " ") for seed in (5, 6)] + [exam.prose(7, 60).replace("\n", " ")]
TEXTS = {
    "a": "\n".join([exam.prose(1, 60).replace("\n", " "), *SHARED, "The end of a."]),
    "b": "\n".join(["How b begins, in Ümläuts.", *SHARED, exam.prose(2, 60).replace("\n", " ")]),
    "c": exam.prose(4, 60),
}


def run(tmp_path, stage: str, **options) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for id, text in TEXTS.items():
        pq.write_table(pa.table({"id": [id], "text": [text]}), folder / f"{id}.parquet")
    exam.run(stage, folder, tmp_path / "out", **options)
    return tmp_path / "out"


@pytest.mark.parametrize("stage", ["lines", "sentence_spans", "substring", "ngram_bloom"])
def test_what_was_cut_is_told(tmp_path, stage):
    out = run(tmp_path, stage, **({"min_length": 20} if stage == "substring" else {}))
    left = dict(zip(*exam.rows(out).select(["id", "text"]).to_pydict().values(), strict=True))
    cut = {id for id in TEXTS if left[id] != TEXTS[id]}
    assert len(cut) == 1 and cut < {"a", "b"}
    for id in TEXTS:
        life = trace(out, id)
        found = [event.cut for event in life.copies[0].events]
        assert [event.stage for event in life.copies[0].events] == ["read", stage] and found[0] is None
        assert (found[1] is not None) == (id in cut)
    (id,), (other,) = cut, {"a", "b"} - cut
    lost = trace(out, id).copies[0].events[1].cut
    gone = len(TEXTS[id].encode()) - len(left[id].encode())
    assert lost and 0 <= gone - lost.bytes <= 2 * lost.parts, "but for line ends and spaces"
    assert lost.longest[0].bytes == max(part.bytes for part in lost.longest)
    assert all(lost.longest[0].begins[:20] in " ".join(TEXTS[at].split()) for at in "ab")
    assert {part.also_in for part in lost.longest} == {None if stage == "ngram_bloom" else other}
    said = trace(out, id).as_text()
    assert (
        "bytes in all" in said
        and ("a filter does not know where" if stage == "ngram_bloom" else f"also in {other}") in said
    )
    event = json.loads(json.dumps(trace(out, id).as_json()))["copies"][0]["events"][1]
    assert event["cut"]["bytes"] == lost.bytes and event["cut"]["parts"] == lost.parts
    assert "cut" not in trace(out, "c").as_json()["copies"][0]["events"][1]


def test_the_longest_come_first_and_are_few(tmp_path):
    out = run(tmp_path, "lines")
    [lost] = [cut for id in "ab" if (cut := trace(out, id).copies[0].events[1].cut)]
    assert lost.parts == 3 and [part.bytes for part in lost.longest] == sorted(
        (len(t.encode()) for t in SHARED), reverse=True
    )


@pytest.mark.parametrize("stage", ["lines", "ngram_bloom"])
def test_files_that_are_gone_are_said(tmp_path, stage):
    out = run(tmp_path, stage)
    [id] = [id for id in TEXTS if trace(out, id).copies[0].events[1].cut]
    for path in (tmp_path / "docs").iterdir():
        pq.write_table(pa.table({"id": ["a"], "text": ["something else"]}), path)
    assert "what was cut out cannot be told: its file is neither in the store nor" in trace(out, id).as_text()


MANY = [exam.prose(seed, 24).replace("\n", " ") for seed in range(100, 130)]


def bloomed(tmp_path, slices: int | None) -> Path:
    """A run in which many paragraphs, of n-grams in every slice, are cut out of several documents of several shards."""
    folder = tmp_path / "docs"
    folder.mkdir(parents=True)
    for part in range(2):
        texts = [f"{exam.prose(9 * part + n, 60)}\n" + "\n".join(MANY[n * 5 : n * 5 + 15]) for n in range(4)]
        pq.write_table(pa.table({"id": [f"{part}-{n}" for n in range(4)], "text": texts}), folder / f"{part}.parquet")
    exam.run("ngram_bloom", folder, tmp_path / "out", **({} if slices is None else {"slices": slices}))
    return tmp_path / "out"


IDS = [f"{part}-{n}" for part in range(2) for n in range(4)]


def test_what_a_filter_cut_does_not_depend_on_its_slices(tmp_path):
    outs = [bloomed(tmp_path / str(slices), slices) for slices in (1, 7, None)]
    one, seven, default = ([trace(out, id).copies[0].events[1].cut for id in IDS] for out in outs)
    assert one == seven == default
    assert sum(lost.parts for lost in one if lost) == 4 * 15 * 2 - len(MANY)


@pytest.mark.parametrize("slices", [1, 7])
def test_explain_tells_what_a_filter_cut(tmp_path, slices):
    out = bloomed(tmp_path, slices)
    for id in IDS:
        lost, told = trace(out, id).copies[0].events[1].cut, explain(out, id)
        cuts = told.as_json()["cuts"]
        assert bool(lost) == bool(cuts)
        if lost:
            assert (cuts[0]["stage"], cuts[0]["count"], cuts[0]["bytes"]) == ("ngram_bloom", lost.parts, lost.bytes)
            assert {part["survivor"] for part in cuts[0]["parts"]} == {None}
            said = f"ngram_bloom cut {lost.parts} part{'s' * (lost.parts > 1)} out of it, {lost.bytes:,} of"
            assert said in told.as_text() and "a filter does not know where" in told.as_text()
            assert "Cut by ngram_bloom" in told.as_html() and "a filter does not know where" in told.as_html()
            assert "also in" not in told.as_text() + told.as_html()
    assert any(explain(out, id).cuts for id in IDS)


def twins(tmp_path, stage: str, texts: list[str], **options) -> Path:
    """A run over one file of several documents of the id `z`, and one whose parts come before theirs."""
    folder = tmp_path / "docs"
    folder.mkdir()
    before = "\n".join([exam.prose(40, 60).replace("\n", " "), *SHARED])
    ids = ["first", *["z"] * len(texts)]
    pq.write_table(pa.table({"id": ids, "text": [before, *texts]}), folder / "docs.parquet")
    exam.run(stage, folder, tmp_path / "out", **options)
    return tmp_path / "out"


def own(seed: int) -> str:
    return exam.prose(seed, 60).replace("\n", " ")


@pytest.mark.parametrize("stage", ["lines", "substring", "ngram_bloom"])
def test_each_document_of_an_id_has_its_own_cuts(tmp_path, stage):
    texts = [f"{own(50)}\n{SHARED[2]}", own(51), "\n".join([own(52), *SHARED[:2], own(53)]), f"{SHARED[2]}"]
    out = twins(tmp_path, stage, texts, **({"min_length": 20} if stage == "substring" else {}))
    left = exam.rows(out).filter(pa.compute.equal(exam.rows(out)["id"], "z"))["text"].to_pylist()
    life, cuts = trace(out, "z"), explain(out, "z").cuts
    assert len(life.copies) == len(texts)
    kept = [copy for copy in life.copies if copy.kept]
    came = [text for text in texts if any(own_part in text for own_part in map(own, range(50, 54)))]
    assert len(kept) == len(left) == len(came) == 3, "the last is nothing but what was seen"
    for copy, old, new in zip(kept, came, left, strict=True):
        lost = copy.events[1].cut
        assert (lost is not None) == (old != new)
        assert lost is None or 0 <= len(old) - len(new) - lost.bytes <= 2 * lost.parts
    told = [copy.events[1].cut for copy in life.copies if copy.events[1].cut]
    assert sorted((lost.parts, lost.bytes) for lost in told) == sorted((one.count, one.bytes) for one in cuts)
    assert [lost.parts for lost in told] == ([1, 1, 1] if stage == "substring" else [1, 1, 2])


def test_documents_that_cannot_be_told_apart_are_said(tmp_path):
    out = twins(tmp_path, "lines", [f"{own(50)}\n{SHARED[2]}", SHARED[2], SHARED[2]])
    told = [copy.events[1].cut for copy in trace(out, "z").copies]
    assert [(lost.parts, lost.remark) for lost in told] == [(0, UNTOLD)] * 3
    assert len(explain(out, "z").cuts) == 3, "each once"


def test_documents_that_an_earlier_stage_removed_are_left_out(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    texts = [
        "\n".join([own(40), *SHARED]),
        "to go",
        f"{own(50)}\n{SHARED[2]}",
        "to go, too",
        SHARED[0] + "\n" + own(51),
    ]
    pq.write_table(pa.table({"id": ["first", *"zzzz"], "text": texts, "n": [1, 0, 2, 0, 3]}), folder / "docs.parquet")
    stages = [Where(keep=["n > 0"]), Lines(), Where(keep=["n < 9"])]
    out = run_recipe(Recipe(name="d", sources={"docs": Parquet(path=str(folder))}, stages=stages), tmp_path, "run")
    copies = trace(out, "z").copies
    assert [copy.kept for copy in copies] == [False, False, True, True]
    told = [copy.events[2].cut for copy in copies if len(copy.events) > 2]
    assert [lost.bytes for lost in told] == [len(SHARED[2]), len(SHARED[0])]


@pytest.mark.parametrize("gone", ["documents", "seen"])
def test_files_that_the_store_no_longer_has(tmp_path, gone):
    """Texts from before an edit are not judged; the places would be of another text."""
    folder = tmp_path / "docs"
    folder.mkdir()
    # A line that `lines` cuts, and those that differ in the last word, which only `ngram_bloom` does.
    almost = [[f"{own(seed)} ends{n}" for seed in (200, 201)] for n in range(4)]
    texts = ["\n".join(["All have this.", own(60 + n), *almost[n]]) for n in range(4)]
    pq.write_table(pa.table({"id": list("abcd"), "text": texts}), folder / "docs.parquet")
    stages = [Lines(), NgramBloom()]
    out = run_recipe(Recipe(name="d", sources={"docs": Parquet(path=str(folder))}, stages=stages), tmp_path, "run")
    assert any(copy.events[2].cut for id in "abcd" for copy in trace(out, id).copies)
    finished = open_run(out)
    before, last = finished.booked[-2:]
    ledgers = before.ledgers.values()
    paths = [Path(str(path).replace(".ledger.parquet", ".parquet")) for path in ledgers]
    for path in paths if gone == "documents" else last.phase("seen").values():
        path.unlink()
    for id in "abcd":
        said = trace(out, id).as_text()
        assert gone == "seen" or "cannot be told: its text is there only as it was before lines" in said
        assert not [cuts for cuts in explain(out, id).cuts if cuts.stage == "ngram_bloom"]
