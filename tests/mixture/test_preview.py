"""What `--plan` prints before anything is drawn is what the run draws."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.api import one_stage, run_recipe, run_stage
from datacurate.core.dataset import MANIFEST, Dataset
from datacurate.core.errors import RecipeError
from datacurate.core.identity import file_digest
from datacurate.core.plan import plan
from datacurate.core.store import read_parts
from datacurate.describe import plan_as_json, plan_as_text
from datacurate.describe_mixture import mixture_as_text
from datacurate.mixture.mixture import Mixture
from datacurate.mixture.preview import preview
from datacurate.stages.count_tokens import CountTokens

STAGES = [
    {"name": "core", "share": 5},
    {"name": "long", "share": 1, "where": "tokens > 30", "sequence_length": 256},
    {"name": "end", "share": 1, "seen": "exclude", "weights": {"a": 1, "b": 3}},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    """Documents of two sources with a column of levels."""
    folder = tmp_path_factory.mktemp("preview")
    for name, count in (("a", 90), ("b", 150)):
        ids = [f"{name}{i}" for i in range(count)]
        texts = ["the king met the morning " * (1 + i % 13) for i in range(count)]
        levels = [i % 3 for i in range(count)]
        pq.write_table(pa.table({"id": ids, "text": texts, "level": levels}), folder / f"{name}.parquet")
    return [str(folder / f"{name}.parquet") for name in "ab"]


@pytest.fixture(scope="module")
def counted(files, tokenizer, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("counted") / "counted"
    run_stage(CountTokens(tokenizer=tokenizer), files, out, workers=1)
    return out


def mixture(tokenizer, **options) -> Mixture:
    return Mixture(tokenizer=tokenizer, **{"tokens": 6_000, "sequence_length": 64, **options})


def receipt(stage: Mixture, inputs: list, folder: Path) -> list[dict]:
    """Stage, cell and planned tokens as the finished run says."""
    run = run_recipe(one_stage(stage, inputs), folder / "run", folder / "store", workers=1, quiet=True)
    parts = run.manifests[-1]["phases"]["receipt"]["parts"]
    paths = [run.folder / run.manifests[-1]["folder"] / part for part in parts]
    return [r for r in read_parts(paths).to_pylist() if r["split"] == 0]


def figures(rows: list[dict]) -> list[tuple]:
    same = ("planned_tokens", "available_tokens", "epochs_so_far")
    return [(r.get("stage_name", r["stage"]), r.get("cell", r.get("source")), *(r[n] for n in same)) for r in rows]


@pytest.mark.parametrize(
    "options", [{"stages": STAGES}, {"by": ("source", "level"), "weights": {"a/*": 1, "b/0": 2, "b/[12]": 3}}]
)
def test_as_the_run_plans_it_to_the_token(counted, tokenizer, tmp_path, options):
    stage = mixture(tokenizer, **options)
    before = preview(plan(one_stage(stage, [counted]), tmp_path / "none"))
    drawn = receipt(stage, [counted], tmp_path)
    after = preview(plan(one_stage(stage, [counted]), tmp_path / "store"))
    assert before.exact and after.exact and "column" in before.counts and "before" in after.counts
    assert figures(before.rows) == figures(after.rows) == figures(drawn)
    assert len(before.rows) >= 4 and sum(r["planned_tokens"] for r in before.rows) == 6_000


def test_from_the_books_alone(counted, tokenizer, tmp_path):
    stage = mixture(tokenizer, weights={"a": 1, "b": 2})
    found = preview(plan(one_stage(stage, [counted]), tmp_path / "none"))
    assert not found.exact
    assert [(r["cell"], r["planned_tokens"]) for r in found.rows] == [("a", 2_000), ("b", 4_000)]
    for mine, theirs in zip(found.rows, receipt(stage, [counted], tmp_path), strict=True):
        assert mine["planned_tokens"] == theirs["planned_tokens"]
        assert mine["available_tokens"] == pytest.approx(theirs["available_tokens"], rel=0.05)
    text = plan_as_text(plan(one_stage(stage, [counted]), tmp_path / "none"), None)
    assert "66.67 %" in text and "held out" in text


def test_seen_documents_are_left_out_of_what_there_is(counted, tokenizer, tmp_path):
    end = {"name": "end", "share": 1, "seen": "exclude", "max_epochs": 1}
    whole = sum(b["out"]["tokens"] for b in Dataset.open(counted).manifest["sources"].values())
    fits = mixture(tokenizer, tokens=whole * 9 // 10, stages=[{"name": "core", "share": 1}, end])
    rows = preview(plan(one_stage(fits, [counted]), tmp_path / "none")).rows
    assert sum(r["planned_tokens"] for r in rows) == whole * 9 // 10 and all(r["epochs_so_far"] <= 1 for r in rows)
    more = mixture(tokenizer, tokens=whole * 11 // 10, stages=[{"name": "core", "share": 1}, end])
    with pytest.raises(RecipeError, match="'end'"):
        preview(plan(one_stage(more, [counted]), tmp_path / "none"))


def test_a_later_stage_of_one_recipe_sees_the_counts(files, tokenizer, tmp_path):
    from datacurate.core.recipe import Recipe

    parts = one_stage(CountTokens(tokenizer=tokenizer), files)
    recipe = Recipe(name="both", sources=parts.sources, stages=parts.stages, mixture=mixture(tokenizer))
    assert preview(plan(recipe, tmp_path / "store")) is None
    counting = recipe.model_copy(update={"mixture": None})
    run_recipe(counting, tmp_path / "run", tmp_path / "store", workers=1, quiet=True)
    found = preview(plan(recipe, tmp_path / "store"))
    assert found is not None and sum(r["planned_tokens"] for r in found.rows) == 6_000


def test_unknown_counts_are_said_so(files, counted, tokenizer, tmp_path):
    resolved = plan(one_stage(mixture(tokenizer), files), tmp_path / "none")
    assert preview(resolved) is None and "have not been counted" in plan_as_text(resolved, None)
    assert plan_as_json(resolved, None)["mixture"] is None
    other = plan(one_stage(mixture(tokenizer, begin_of_text="<|user|>"), [counted]), tmp_path / "none")
    assert preview(other) is None


def test_counts_of_another_local_file_are_not_taken(counted, tokenizer, root, tmp_path):
    """Manifests say of a local tokenizer that it is a file, and its digest which."""
    sample = plan(one_stage(mixture(str(root / "sample" / "tokenizer.json")), [counted]), tmp_path / "none")
    assert preview(sample) is None
    moved = tmp_path / "moved.json"
    shutil.copy(tokenizer, moved)
    assert preview(plan(one_stage(mixture(str(moved)), [counted]), tmp_path / "none")) is not None


def test_manifests_say_tokens_by_source(counted, tokenizer):
    """Exactly, with what the tokenizer is."""
    dataset = Dataset.open(counted / "01-count_tokens" if (counted / "01-count_tokens").exists() else counted)
    table = dataset.table(["source", "tokens"])
    sums = table.group_by("source").aggregate([("tokens", "sum")]).to_pylist()
    said = {name: books["out"]["tokens"] for name, books in dataset.manifest["sources"].items()}
    assert said == {row["source"]: row["tokens_sum"] for row in sums} and min(said.values()) > 0
    assert dataset.manifest["fields"]["files"] == [file_digest(tokenizer)]


def test_thousands_of_sources(counted, tokenizer, tmp_path):
    manifest = json.loads((counted / MANIFEST).read_text())
    one = manifest["sources"]["a"]
    names = [f"s{i:05d}" for i in range(2_000)]
    for at, name in enumerate(names):
        manifest["sources"][name] = one | {"out": {"documents": 1, "bytes": 1, "tokens": 1_000 + at}}
    del manifest["sources"]["a"], manifest["sources"]["b"]
    many = tmp_path / "many"
    many.mkdir()
    for shard in manifest["shards"]:
        shard["path"] = str((counted / shard["path"]).resolve())
    (many / MANIFEST).write_text(json.dumps(manifest))
    stage = mixture(tokenizer, tokens=2_000_000, temperature=2, stages=[STAGES[0], STAGES[2] | {"weights": None}])
    rows = preview(plan(one_stage(stage, [many]), tmp_path / "none")).rows
    assert len(rows) == 4_000 and sum(r["planned_tokens"] for r in rows) == 2_000_000
    text = plan_as_text(plan(one_stage(stage, [many]), tmp_path / "none"), None)
    assert "and 1,950 more" in text and len(text.splitlines()) < 150


def row_of(cell: str, planned: int, available: int, stage: str = "core") -> dict:
    return {"stage": stage, "cell": cell, "planned_tokens": planned, "available_tokens": available, "epochs": 0.0,
            "epochs_so_far": 0.0}  # fmt: skip


def test_names_of_cells_stay_in_their_line():
    cells = {"": 5, "two\nlines": 4, "a\tb\x1b[31m": 3, "s3://plain/\u00e9": 2}
    rows = [row_of(cell, planned, 10) for cell, planned in cells.items()]
    _, text = mixture_as_text({"rows": rows, "counts": "as counted", "exact": True})
    lines = text.splitlines()
    told = [" ".join(line.split()[1:3]) for line in lines[1:-1]]
    assert told == ["'' 5", "two[U+000A]lines 4", "a[U+0009]b[U+001B][31m 3", "s3://plain/\u00e9 2"]
    assert len({len(line) for line in lines[:-1]}) == 1 and lines[-1].split() == ["core", "all", "14"]


def test_cells_that_a_stage_leaves_out_are_one_line():
    """Those that it has nothing of; a cell of weight 0 has tokens, and is told."""
    rows = [row_of("web", 7, 10), row_of("none", 0, 10), *(row_of(f"x{i}", 0, 0) for i in range(60))]
    rows += [row_of("web", 1, 10, "end"), row_of("none", 0, 9, "end")]
    _, text = mixture_as_text({"rows": rows, "counts": "as counted", "exact": True})
    told = [" ".join(line.split()) for line in text.splitlines()[1:]]
    assert told == [
        "core web 7 100.00 % 10 0.00 0.00",
        "core none 0 0.00 % 10 0.00 0.00",
        "core and 60 that it leaves out",
        "core all 7",
        "end web 1 100.00 % 10 0.00 0.00",
        "end none 0 0.00 % 9 0.00 0.00",
        "end all 1",
    ]
