"""The index that a mixture makes of its rows, and the order in which readers take them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import export_runs
import numpy as np
import pyarrow.parquet as pq
import pytest
from export_runs import SPLITS

from datacurate.audit.run_folder import open_run
from datacurate.core.errors import InputError
from datacurate.mixture.reading.find import of_paths, open_index
from datacurate.mixture.reading.rows import Reader


@pytest.fixture(scope="module", params=["concatenate", "best_fit"])
def mix(tmp_path_factory, tokenizer, request) -> Path:
    return export_runs.run(tmp_path_factory.mktemp("reading"), tokenizer, request.param)


@pytest.mark.parametrize("split", SPLITS)
def test_the_index_is_that_of_the_files(mix, split):
    stage = open_run(mix).last("mixture")
    expected = []
    for name, path in stage.shards.items():
        found = np.asarray(pq.read_table(path, columns=["split"])["split"]) == SPLITS.index(split)
        if found.any():
            expected.append((name, int(np.argmax(found)), int(found.sum())))
            assert found[expected[-1][1] :][: expected[-1][2]].all(), "the rows of a split follow each other"
    (rows,) = open_index(mix, split).stages
    names = [Path(name).stem for name in rows.names]
    assert list(zip(names, rows.firsts.tolist(), rows.counts.tolist(), strict=True)) == expected


@pytest.mark.parametrize("split", SPLITS)
def test_rows_without_a_seed_are_those_of_the_files_in_order(mix, split):
    index = open_index(mix, split)
    read = Reader(index, seed=None, end=len(index)).rows(np.arange(len(index)))
    rows = export_runs.rows(mix, split)
    assert read.ids.tolist() == [row["input_ids"] for row in rows]
    assert read.lengths.tolist() == [row["length"] for row in rows]
    for lists, name in ((read.starts, "starts"), (read.sources, "sources")):
        cut = [lists.flat[a:b].tolist() for a, b in zip(lists.offsets, lists.offsets[1:], strict=False)]
        assert cut == [row[name] for row in rows]


def test_a_run_its_mixture_and_its_store_have_the_same_rows(mix):
    one = open_index(mix)
    store = Path(open_run(mix).last("mixture").shards["0-0"]).parent
    for folder in (mix / "01-mixture", store, str(mix)):
        other = open_index(folder)
        assert other.key == one.key and [s.counts.tolist() for s in other.stages] == [
            s.counts.tolist() for s in one.stages
        ]
    assert one.sources == ("books", "web") and len(one.key) == 16


def test_places_of_rows(mix):
    index = open_index(mix, "validation")
    rows = export_runs.rows(mix, "validation")
    for number in range(len(index)):
        stage, name, at = index.place(number)
        file = pq.read_table(Path(stage.root) / name)
        assert file["input_ids"][at].as_py() == rows[number]["input_ids"]
    with pytest.raises(InputError, match=r"has rows 0 to \d+, none is 10,000"):
        index.place(10_000)


def test_a_run_that_moves_with_its_store_is_read(mix, tmp_path):
    """Links are not followed: stores behind URLs have none."""
    target = tmp_path / "moved"
    shutil.copytree(mix.parent, target, symlinks=True)
    assert len(open_index(target / "mix")) == len(open_index(mix))


def test_what_is_no_mixture_is_told(mix, tmp_path):
    shutil.copytree(mix, tmp_path / "half", symlinks=True)
    manifest = tmp_path / "half" / "01-mixture" / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "phases": {k: v for k, v in told["phases"].items() if k != "index"}}))
    with pytest.raises(InputError, match=r"older datacurate[.] Run the same command again"):
        open_index(tmp_path / "half")
    manifest.write_text(json.dumps({**told, "stage": "exact"}))
    with pytest.raises(InputError, match="what the stage exact made"):
        open_index(tmp_path / "half" / "01-mixture")
    manifest.unlink()
    with pytest.raises(InputError, match=r"has not finished[.] Run the same command again"):
        open_index(tmp_path / "half")
    (tmp_path / "half" / "plan.json").write_text('{"stages": [{"name": "exact", "key": "1"}]}')
    with pytest.raises(InputError, match="this run has no mixture"):
        open_index(tmp_path / "half")
    (tmp_path / "half" / "plan.json").write_text("[]")
    with pytest.raises(InputError, match="cannot read the plan"):
        open_index(tmp_path / "half")


def test_parts_of_a_phase(mix):
    """Training gets paths and the table, and no folder."""
    stage = open_run(mix).last("mixture")
    tables = [pq.read_table(next(iter(stage.phase(name).values()))) for name in ("index", "receipt")]
    found = of_paths(list(stage.shards.values()), *tables, "train")
    assert [s.counts.tolist() for s in found.stages] == [s.counts.tolist() for s in open_index(mix).stages]
    index = open_index(mix)
    assert np.array_equal(Reader(found).rows(np.arange(9)).ids, Reader(index).rows(np.arange(9)).ids)
