"""What all tests share: where data lies, and small documents of every kind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser):
    parser.addoption("--golden-update", action="store_true", help="write the golden digests anew")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data folder beside the checkout; tests that need it are skipped without it."""
    folder = Path(os.environ.get("DATACURATE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("needs the data folder beside the checkout (DATACURATE_SHARED)")
    return folder / "data"


@pytest.fixture
def write_jsonl(tmp_path):
    """Writes records to a JSON Lines file and gives its path."""

    def write(records, name="docs.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write
