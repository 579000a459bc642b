"""The package as a whole: public names, layers, light imports, recipes that load."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import datacurate
from datacurate.core.plan import plan
from datacurate.core.recipe import load, loads

PUBLIC = [
    "CurateError", "Dataset", "Filter", "Map", "Outcome", "PackedDataset", "Plan", "Profile", "Read", "Recipe",
    "Removed", "Run", "Source", "Stage", "Unread", "__version__", "by", "each", "load_recipe", "once", "plan",
    "run_recipe", "run_stage", "stage_class",
]  # fmt: skip

MAY_IMPORT = {
    "kernels": {"kernels"},
    "core": {"core", "sources"},
    "executors": {"executors", "core"},
    "sources": {"sources", "core"},
    "stages": {"stages", "core", "kernels", "mixture"},
    "mixture": {"mixture", "core", "kernels"},
    "training": {"training", "core", "mixture"},
    "audit": {"audit", "core", "sources", "stages", "mixture"},
}
"""Which folders a folder may import from. core reaches sources only to find a format by its name."""


def test_public_names_are_pinned():
    assert sorted(datacurate.__all__) == sorted(PUBLIC)
    assert all(getattr(datacurate, name) is not None for name in PUBLIC)


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("datacurate"):
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from [a.name.split(".")[1] for a in node.names if a.name.startswith("datacurate.")]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_layers(folder, root):
    files = sorted((root / "datacurate" / folder).rglob("*.py"))
    assert files
    wrong = {str(file.name): set(_imports(file)) - MAY_IMPORT[folder] for file in files}
    assert {name: bad for name, bad in wrong.items() if bad} == {}


@pytest.mark.parametrize("words", ["import datacurate", "import sys; sys.argv = ['curate', '--help']; "
                                   "from datacurate.cli import main; main()"])  # fmt: skip
def test_start_is_light(words):
    code = f"""
import atexit, sys
heavy = ("torch", "transformers", "vllm", "numba", "pyarrow", "numpy", "tokenizers")
atexit.register(lambda: print("HEAVY", [m for m in heavy if m in sys.modules]))
{words}
"""
    assert "HEAVY []" in subprocess.check_output([sys.executable, "-c", code], text=True)


def recipes(root):
    return sorted((root / "pipelines").glob("*.yaml"))


def test_every_recipe_loads_and_plans(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    assert recipes(root)
    for path in recipes(root):
        recipe = load(path)
        resolved = plan(recipe, tmp_path)
        assert [stage.name for stage in resolved.stages][1:] == [stage.name() for stage in recipe.all_stages()]
        assert resolved.tasks and loads(recipe.as_yaml()) == recipe


def test_profiles_load(root):
    profiles = sorted((root / "pipelines" / "profiles").glob("*.yaml"))
    assert {datacurate.Profile.load(path).executor for path in profiles} == {"inline", "local"}


def test_files_are_short(root):
    """Under 400 lines, so that a newcomer reads a file in one sitting."""
    long = {p.name: n for p in (root / "datacurate").rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert set(long) <= {"unicode_data.py"}, long
