"""`curate trace` tells what was cut out of a document, and where the longest parts stand."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.audit.trace import trace
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
