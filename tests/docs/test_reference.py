"""The reference pages say what the classes say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "build_docs.py"))


def test_the_committed_pages_are_those_of_the_classes(built: dict[str, Any]) -> None:
    made = built["pages"]()
    committed = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert sorted(made) == sorted(committed)
    for name, text in made.items():
        assert committed[name] == text, f"docs/reference/{name} is out of date: run `make docs` and commit it"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, "integer, at least 1"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "number, 0 to 1"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"enum": ["a", "b"], "type": "string"}, "`a` or `b`"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "mapping to number"),
    ],
)
def test_types_in_words(built: dict[str, Any], schema: dict[str, Any], words: str) -> None:
    assert built["_type"](schema, {}) == words


def test_every_exit_status_of_main_is_on_the_page(built: dict[str, Any]) -> None:
    page = built["pages"]()["cli.md"]
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert f"\n| {code} | " in page
