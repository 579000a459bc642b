"""What the end of a run and the report say of mended texts, and of languages and scripts by source."""

from __future__ import annotations

import json

import pytest

from datacurate.api import run_recipe
from datacurate.audit.repairs import WORDS, _words
from datacurate.audit.report import write_report
from datacurate.core.recipe import loads
from datacurate.describe import run_as_text
from datacurate.stages.normalize import REPAIRS

ENGLISH = "This is plainly an English sentence, and it is long enough to be told."
RUSSIAN = "Это совершенно обычное русское предложение, и оно достаточно длинное."
TEXTS = {
    "a": ["schÃ¶n &amp; gut\u00a0!", f"{ENGLISH}\n{RUSSIAN}", "\u200bx\u200b"],
    "b": [RUSSIAN, "clean", "&lt; &gt;"],
}


@pytest.fixture
def finished(tmp_path):
    for name, texts in TEXTS.items():
        lines = [json.dumps({"id": f"{name}{at}", "text": text}) for at, text in enumerate(texts)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    sources = "".join(f"  {name}: {tmp_path}/{name}.jsonl\n" for name in TEXTS)
    (tmp_path / "inline.yaml").write_text("executor: inline\n")
    recipe = loads(f"sources:\n{sources}stages:\n  - normalize\n  - language: {{by: paragraph}}\n")
    return run_recipe(recipe, tmp_path / "run", tmp_path / "store", tmp_path / "inline.yaml")


def test_a_run_says_what_was_mended(finished):
    text = " ".join(run_as_text(finished).split())
    assert "01-normalize mended 3 of 6 documents: 3 HTML entities, 2 invisible characters," in text
    assert "1 line of mojibake" in text and "1 other space" in text


def test_the_report_has_tables(finished):
    page = write_report(finished.folder).read_text()
    assert "normalize changed 3 of 6 documents" in page
    assert '<td>HTML entities</td><td class="n">2</td><td class="n">3</td>' in page
    sizes = {name: len(text.encode()) for name, text in (("en", ENGLISH), ("ru", RUSSIAN))}
    assert sizes["ru"] > sizes["en"]
    assert "Languages and scripts by source" in page and "ru 9" in page


def test_every_repair_has_words():
    assert set(WORDS) == set(REPAIRS)
    assert all(_words(name, 1) != _words(name, 2) for name in WORDS)
