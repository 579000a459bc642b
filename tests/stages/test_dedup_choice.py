"""Which document of a cluster stays, and the guard that stops a run; shared by all stages that merge documents."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import ValidationError

from datacurate.api import run_recipe
from datacurate.core.errors import CurateError
from datacurate.core.recipe import loads
from datacurate.core.registry import stage_class
from datacurate.core.store import read_parts

TEXT = " ".join(f"word{i}" for i in range(60))
ROWS = [
    {"id": "a", "source": "web", "text": TEXT, "date": "2024-01-01T00:00:00Z", "score": 0.1},
    {"id": "b", "source": "web", "text": TEXT + " ", "date": "2024-03-01", "score": None},
    {"id": "c", "source": "books", "text": TEXT, "date": "not a date", "score": 0.7},
    {"id": "d", "source": "wiki", "text": TEXT, "date": None, "score": 0.3},
    {"id": "e", "source": "web", "text": "something else", "date": None, "score": 0.0},
]


SCHEMA = pa.schema({"id": pa.string(), "text": pa.string(), "date": pa.string(), "score": pa.float64()})


def run(tmp_path, rows, stage, more=(), **options):
    """Run a stage over one file per document, in the reverse order; the ids that stay, by source."""
    files: dict[str, Path] = {}
    for at, row in enumerate(rows):
        folder = files.setdefault(row["source"], tmp_path / row["source"])
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([row], SCHEMA), folder / f"{len(rows) - at:04d}.parquet")
    files |= {name: tmp_path / name for name in more}
    sources = {name: str(folder) for name, folder in files.items()}
    recipe = loads(yaml.safe_dump({"sources": sources, "stages": [{stage: options}]}))
    inline = tmp_path / "inline.yaml"
    inline.write_text("executor: inline\n")
    run_recipe(recipe, tmp_path / "out", tmp_path / "store", inline)
    parts = sorted((tmp_path / "out").glob("01-*/*.parquet"))
    return sorted(read_parts(parts)["id"].to_pylist())


@pytest.mark.parametrize("stage", ["exact", "minhash"])
@pytest.mark.parametrize(
    ("options", "stays"),
    [
        ({}, "b"),
        ({"keep": "newest"}, "b"),
        ({"keep": "best", "best": "score"}, "c"),
        ({"priority": ["wiki", "books"]}, "d"),
        ({"priority": ["books", "web"], "keep": "newest"}, "c"),
    ],
)
def test_the_choice(tmp_path, stage, options, stays):
    assert run(tmp_path, ROWS, stage, **options) == sorted([stays, "e"])


def test_a_column_or_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CurateError, match=r"'scor'.*Did you mean 'score'"):
        run(tmp_path, ROWS, "exact", keep="best", best="scor")
    with pytest.raises(CurateError, match=r"no source 'wikipedia'.*Did you mean 'wiki'"):
        run(tmp_path, ROWS, "exact", priority=["wikipedia"])
    with pytest.raises(ValidationError, match="best: name the column"):
        stage_class("exact")(keep="best")


def test_a_source_in_priority_may_be_empty(tmp_path):
    (tmp_path / "wiki").mkdir()
    pq.write_table(pa.Table.from_pylist([], SCHEMA), tmp_path / "wiki" / "none.parquet")
    assert run(tmp_path, ROWS[:3], "exact", ["wiki"], priority=["wiki", "books"]) == ["c"]


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_ids_that_repeat_do_not_make_places_matter(tmp_path, stage):
    twins = [dict(ROWS[0], id="r", text=f"{first} {TEXT}") for first in ("one", "two")]
    options = {"verify": 0.5} if stage == "minhash" else {}
    texts = set()
    for name, rows in (("a", twins), ("b", twins[::-1])):
        run(tmp_path / name, rows, stage, **options)
        parts = sorted((tmp_path / name / "out").glob("01-*/*.parquet"))
        texts.add(tuple(sorted(read_parts(parts)["text"].to_pylist())))
    assert len(texts) == 1


def test_a_source_that_loses_too_much_stops_the_run(tmp_path):
    rows = [{"id": f"{at:03d}", "source": "web", "text": TEXT} for at in range(100)]
    with pytest.raises(CurateError) as caught:
        run(tmp_path, rows, "exact", max_loss=0.5)
    said = str(caught.value)
    assert "web: 99 of 100 documents (99.0%)" in said and "000: 99 merged into it, such as 'word0 word1" in said
    assert "raise max_loss" in said
    assert run(tmp_path, rows, "exact", max_loss=0.99) == ["000"]
    assert run(tmp_path / "few", rows[:99], "minhash", max_loss=0.1) == ["000"], "small sources are let be"


@pytest.mark.parametrize(("older", "newer"), [("2023", "2023-02"), ("2023-05", "2023-05-02"), ("2022-12-31", "2023")])
def test_a_year_or_a_month_is_its_first_day(tmp_path, older, newer):
    rows = [{**ROWS[0], "id": "a", "date": older}, {**ROWS[0], "id": "b", "date": newer}]
    assert run(tmp_path, rows, "exact", keep="newest") == ["b"]


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_another_bound_computes_nothing_again(tmp_path, stage):
    """Neither the stage nor what follows; and it stops in front of the documents."""
    rows = [{"id": f"{at:03d}", "source": "web", "text": TEXT} for at in range(100)]
    with pytest.raises(CurateError, match="99 of 100 documents"):
        run(tmp_path, rows, stage)
    assert not list((tmp_path / "store").glob(f"{stage}-*")) and not list((tmp_path / "out").glob("01-*"))
    run(tmp_path, rows, stage, max_loss=0.99)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.parquet")}
    run(tmp_path, rows, stage, max_loss=None)
    with pytest.raises(CurateError, match="99 of 100 documents"):
        run(tmp_path, rows, stage, max_loss=0.5)
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.parquet")}
