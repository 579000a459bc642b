"""Columns that decide which document stays: what lacks them is named when planning, or counted."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.api import load_recipe, run_recipe
from datacurate.audit.report import write_report
from datacurate.core.errors import RecipeError
from datacurate.describe import run_as_json, run_as_text
from tests.stages.against_tools import inline, kept

TEXT = " ".join(f"word{at}" for at in range(40))


def run(tmp_path, sources, stage, **options):
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps({"sources": {k: str(v) for k, v in sources.items()}, "stages": [{stage: options}]}))
    return run_recipe(load_recipe(path, []), tmp_path / "out", tmp_path / "store", inline(tmp_path))


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_documents_without_a_date_are_counted_by_source(tmp_path, stage):
    web = [{"id": "a", "text": TEXT, "date": "2024-01-01"}, {"id": "b", "text": TEXT, "date": "yesterday"}]
    web += [{"id": "c", "text": TEXT}, {"id": "d", "text": "other", "date": "2020-02-02T00:00:00+01:00"}]
    sources = {"web": lines(tmp_path / "web.jsonl", web), "wiki": lines(tmp_path / "wiki.jsonl", web[:1])}
    found = run(tmp_path, sources, stage, keep="newest")
    note = f"01-{stage}: 2 of 4 documents of web have no date that can be read (ISO 8601) and count as the oldest"
    assert run_as_json(found)["notes"] == [note] and note in run_as_text(found)
    again = run(tmp_path, sources, stage, keep="newest")
    assert again.tasks == 0 and run_as_json(again)["notes"] == [note], "said by what is stored, not by who ran"
    assert run_as_json(run(tmp_path, sources, stage))["notes"] == []


@pytest.mark.parametrize(
    ("dates", "stays", "unknown"),
    [([date(2024, 1, 1), None], "a", 1), ([datetime(2024, 1, 1), datetime(2025, 1, 1)], "b", 0)],
    ids=["days", "moments"],
)
def test_dates_of_parquet_are_read_whatever_their_type(tmp_path, dates, stays, unknown):
    pq.write_table(pa.table({"id": ["a", "b"], "text": [TEXT, TEXT], "date": dates}), tmp_path / "docs.parquet")
    found = run(tmp_path, {"s": tmp_path / "docs.parquet"}, "exact", keep="newest")
    assert kept(tmp_path / "out" / "01-exact") == [stays] and len(run_as_json(found)["notes"]) == unknown


def test_the_best_by_a_key_of_json_lines(tmp_path):
    rows = [{"id": id, "text": TEXT, "quality": q} for id, q in (("a", 0.1), ("b", 0.9), ("c", "high"), ("d", None))]
    source = lines(tmp_path / "docs.jsonl", rows)
    found = run(tmp_path, {"docs": source}, "exact", keep="best", best="meta.quality")
    assert kept(tmp_path / "out" / "01-exact") == ["b"]
    [note] = run_as_json(found)["notes"]
    assert note == "01-exact: 2 of 4 documents of docs have no number in 'meta.quality' and count as the least"
    assert note.replace("'", "&#x27;") in write_report(found.folder).read_text()


def test_a_key_that_json_lines_do_not_have_is_named_with_those_there_are(tmp_path):
    (tmp_path / "docs.jsonl").write_text('\n[1]\n{"id": "a", "text": "x", "quality_score": 1}\n')
    with pytest.raises(RecipeError) as caught:
        run(tmp_path, {"docs": tmp_path / "docs.jsonl"}, "exact", keep="best", best="quality")
    said = str(caught.value)
    assert f"{tmp_path / 'docs.jsonl'}, line 3, has the keys id, text, quality_score" in said
    assert "Did you mean 'meta.quality_score'?" in said
    with pytest.raises(RecipeError) as caught:
        run(tmp_path, {"docs": tmp_path / "docs.jsonl"}, "lines", scope="group", group="quality")
    assert "quality_score" in str(caught.value) and "Did you mean" not in str(caught.value), "lines reads no meta"


@pytest.mark.parametrize(
    ("stage", "options", "column"),
    [
        ("exact", {"keep": "best", "best": "score"}, "score"),
        ("minhash", {"keep": "newest"}, "date"),
        ("lines", {"scope": "group", "group": "site"}, "site"),
    ],
)
def test_a_parquet_file_that_lacks_a_column_is_named_when_planning(tmp_path, stage, options, column):
    more = {"score": [0.5], "date": ["2024-01-01"], "site": ["x"]}
    for at in range(4):
        less = {name: value for name, value in more.items() if at % 3 == 0 or name != column}
        pq.write_table(pa.table({"id": [str(at)], "text": [TEXT], **less}), tmp_path / f"{at}.parquet")
    with pytest.raises(RecipeError) as caught:
        run(tmp_path, {"docs": tmp_path / "*.parquet"}, stage, **options)
    assert f"'{column}', which {tmp_path / '1.parquet'} and 1 more files of source docs lack" in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_a_file_may_lack_what_a_stage_makes(tmp_path):
    """`words` makes a column that one file brings along, and another does not."""
    pq.write_table(pa.table({"id": ["a"], "text": [TEXT], "language": ["en"]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"id": ["b"], "text": [TEXT]}), tmp_path / "1.parquet")
    path = tmp_path / "recipe.yaml"
    stages = ["language", {"lines": {"scope": "group", "group": "language"}}]
    path.write_text(json.dumps({"sources": {"docs": str(tmp_path / "*.parquet")}, "stages": stages}))
    run_recipe(load_recipe(path, []), tmp_path / "out", tmp_path / "store", inline(tmp_path))
