"""The exam that every stage sits, with its default options."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys

import pyarrow as pa
import pytest
import yaml

from datacurate.api import one_stage, run_recipe
from datacurate.core import ledger
from datacurate.core.recipe import loads
from datacurate.core.registry import GROUPS, stage_class, stages_in
from tests.contract import exam

pytestmark = pytest.mark.parametrize("name", exam.STAGES)


def in_yaml(name: str):
    """The stage as a recipe names it, with the options that it cannot do without."""
    required = exam.make(name).model_dump(mode="json", exclude_defaults=True)
    return {name: required} if required else name


def came_and_went(run) -> tuple[int, int, int]:
    """Documents in, out and removed, of the last stage."""
    books = exam.books(run)
    gone = sum(ledger.total(books, fate) for fate in ledger.FATES)
    return books["in"]["documents"], books["out"]["documents"], gone


def test_pickles(name):
    stage = exam.make(name)
    assert pickle.loads(pickle.dumps(stage)) == stage


def test_docstring_says_what_and_whence(name):
    text = inspect.getdoc(stage_class(name))
    first, *rest = text.split("\n")
    assert len(first) > 10 and first.endswith("."), "the first line says what survives or is made"
    assert len(" ".join(rest)) > 80, "then why, and the source"
    for option, field in stage_class(name).model_fields.items():
        assert field.description, f"{option} has no docstring"


def test_import_is_light(name):
    """Importing a stage loads no kernels and no models."""
    module = stage_class(name).__module__
    heavy = "{'numba', 'torch', 'transformers', 'vllm', 'fasttext', 'resiliparse', 'trafilatura'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_empty_shard(name, tmp_path):
    inputs = exam.write_shards(tmp_path / "in", [exam.documents([]), exam.documents(exam.ordinary(20))])
    run = exam.run(name, inputs, tmp_path / "out")
    assert came_and_went(run)[0] == 20
    assert exam.rows(tmp_path / "out").schema.names[:3] == ["id", "text", "source"]


def test_only_empty_shards(name, tmp_path):
    exam.run(name, exam.write_shards(tmp_path / "in", [exam.documents([])]), tmp_path / "out")
    assert exam.rows(tmp_path / "out").num_rows == 0


def test_one_row(name, tmp_path):
    run = exam.run(name, exam.write_shards(tmp_path / "in", [exam.documents([exam.prose(1)])]), tmp_path / "out")
    assert came_and_went(run) == (1, 1, 0)


def test_nulls_are_counted(name, tmp_path):
    texts = [exam.prose(1), None, exam.prose(2), None]
    inputs = exam.write_shards(tmp_path / "in", [exam.documents(texts)])
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    recipe = one_stage(exam.make(name), [inputs]).model_copy(update={"quarantine_limit": 1.0})
    run = run_recipe(recipe, tmp_path / "out", tmp_path / "store", profile)
    first, last = run.manifests[0]["ledger"], exam.books(run)
    assert first["in"]["documents"] == 4
    gone = sum(ledger.total(b, fate) for b in (first, last) for fate in ledger.FATES)
    assert last["out"]["documents"] + gone == 4
    assert ledger.total(first, "quarantined") + ledger.total(last, "quarantined") == 2


def test_every_plane_and_nul(name, tmp_path):
    run = exam.run(name, exam.write_shards(tmp_path / "in", [exam.documents(exam.planes())]), tmp_path / "out")
    came, went, gone = came_and_went(run)
    assert came == len(exam.planes()) == went + gone
    given = dict(zip(exam.documents(exam.planes())["id"].to_pylist(), exam.planes(), strict=True))
    if not stage_class(name).rewrites:
        for row in exam.rows(tmp_path / "out").to_pylist():
            assert row["text"] == given[row["id"]]


def test_ten_megabytes(name, tmp_path):
    long = [exam.prose(3, 1_700_000), "x" * 10_000_000, "line\n" * 2_000_000, exam.prose(4)]
    run = exam.run(name, exam.write_shards(tmp_path / "in", [exam.documents(long)]), tmp_path / "out")
    came, went, gone = came_and_went(run)
    assert came == 4 == went + gone
    assert ledger.total(exam.books(run), "quarantined") == 0


def test_sliced_and_chunked_input(name, tmp_path):
    """The same documents in odd row groups, sliced tables, large and dictionary-coded strings give the same result."""
    texts = exam.ordinary(40)
    plain = exam.documents(texts)
    padded = pa.concat_tables([exam.documents(["before"] * 7), plain, exam.documents(["after"] * 3)]).slice(7, 40)
    large = plain.set_column(1, "text", plain["text"].cast(pa.large_string()))
    coded = plain.set_column(2, "source", plain["source"].dictionary_encode())
    made = []
    for at, (table, how) in enumerate(
        [(plain, {}), (padded, {"row_group_size": 7}), (large, {"row_group_size": 1}), (coded, {"data_page_size": 64})]
    ):
        exam.run(name, exam.write_shards(tmp_path / f"in{at}" / "docs", [table], **how), tmp_path / f"out{at}")
        made.append(exam.rows(tmp_path / f"out{at}").select(["id", "text", "source"]))
    assert made[0].num_rows and all(table.equals(made[0]) for table in made[1:])


def test_sliced_arguments(name, tmp_path):
    """Phases that read documents alone give the same for a slice as for the slice copied."""
    stage = exam.make(name)
    table = exam.documents(exam.ordinary(30))
    for phase in (p for p in stage.phases() if p.grouping == "each" and p.reads == ("docs",)):
        given = getattr(stage, phase.name)(table.slice(5, 20))
        copied = getattr(stage, phase.name)(pa.Table.from_pylist(table.slice(5, 20).to_pylist(), table.schema))
        assert getattr(given, "docs", given).equals(getattr(copied, "docs", copied))


def test_workers_do_not_matter_and_twice_is_once(name, tmp_path):
    """In this process or in 4 workers: the same store, byte for byte; a second run does nothing."""
    inputs = exam.write_shards(tmp_path / "in", exam.shards(exam.ordinary(60), 5))
    exam.run(name, inputs, tmp_path / "one")
    exam.run(name, inputs, tmp_path / "four", workers=4)
    one = exam.digests(tmp_path / "one" / ".store")
    assert one == exam.digests(tmp_path / "four" / ".store")
    again = exam.run(name, inputs, tmp_path / "one")
    assert again.tasks == 0 and exam.digests(tmp_path / "one" / ".store") == one


def test_fused_is_unfused(name, tmp_path):
    """Behind a filter and before one, in one recipe or stage by stage: the same documents under the same keys."""
    inputs = exam.write_shards(tmp_path / "docs", exam.shards(exam.ordinary(60), 2))
    chain = ["gopher_quality", name, "gopher_repetition"]
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    stages = [in_yaml(stage) for stage in chain]
    recipe = loads(yaml.safe_dump({"sources": {"docs": str(inputs)}, "stages": stages}))
    fused = run_recipe(recipe, tmp_path / "fused", tmp_path / "store", profile)
    at = inputs
    for number, stage in enumerate(chain):
        exam.run(stage, at, tmp_path / f"step{number}")
        at = tmp_path / f"step{number}"
    assert fused.dataset().key == json.loads((at / "manifest.json").read_text())["key"]
    assert exam.rows(at).equals(exam.rows(tmp_path / "fused" / fused.manifests[-1]["folder"]))


def test_command_is_recipe_is_python(name, tmp_path):
    """The command line, YAML and Python give the same key and the same bytes."""
    inputs = exam.write_shards(tmp_path / "docs", exam.shards(exam.ordinary(30), 2))
    exam.run(name, inputs, tmp_path / "python")
    recipe = loads(yaml.safe_dump({"sources": {"docs": str(inputs)}, "stages": [in_yaml(name)]}))
    run_recipe(recipe, tmp_path / "yaml", tmp_path / "yaml-store", tmp_path / "inline.yaml")
    group = [g for g in GROUPS if g and name in stages_in(g)]
    words = [*group, name.replace("_", "-"), str(inputs), "--out", str(tmp_path / "cli")]
    required = exam.make(name).model_dump(mode="json", exclude_defaults=True)
    for option, value in required.items():
        words += [f"--{option.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value)]
    words += ["--profile", str(tmp_path / "inline.yaml")]
    subprocess.run([sys.executable, "-c", "from datacurate.cli import main; main()", *words], check=True)
    python = exam.digests(tmp_path / "python" / ".store")
    assert python == exam.digests(tmp_path / "yaml-store") == exam.digests(tmp_path / "cli" / ".store")
