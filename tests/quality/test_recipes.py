"""The recipes that follow published systems run end to end on the sample, and draw what they say."""

from __future__ import annotations

import pytest

from datacurate.api import run_recipe
from datacurate.audit.evidence import receipt_rows
from datacurate.audit.report import write_report
from datacurate.audit.run_folder import open_run
from datacurate.core.recipe import load

MIXTURES = ("smollm2", "llama3", "afm", "qwen2", "fox1", "long_128k", "domain_upsampling")


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXTURES)
def test_a_published_mixture(name, root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    recipe = load(root / "pipelines" / f"{name}.yaml")
    run_recipe(recipe, tmp_path / "run", tmp_path / "store", quiet=True)
    rows = [row for row in receipt_rows(open_run(tmp_path / "run")) if row["split"] == 0]
    assert sum(row["written_tokens"] for row in rows) == recipe.mixture.tokens
    for stage in recipe.mixture.training_stages:
        own = {row["source"]: row for row in rows if row["stage"] == stage.name}
        assert sum(row["written_tokens"] for row in own.values()) == stage.budget
        if stage.weights and stage.on_shortfall == "error":
            whole = sum(stage.weights.values())
            for source, weight in stage.weights.items():
                assert own[source]["written_tokens"] == pytest.approx(stage.budget * weight / whole, abs=1)
    assert write_report(tmp_path / "run").stat().st_size > 10_000
