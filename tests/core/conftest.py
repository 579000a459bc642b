"""Workers and commands that the tests start can import the stages of `stages_for_tests.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = str(Path(__file__).resolve().parent)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Spawned workers get sys.path; commands get PYTHONPATH."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [HERE, os.environ.get("PYTHONPATH")])))
