"""Extraction against the peers, on pages whose hosts the judging classifier has not seen.

`tests/quality/blocks_folds.npz` holds a pair of classifiers for each fold of hosts, trained on the other folds.
`scripts/train_blocks.py` writes it together with the shipped pair, which has learned from all these pages and would be
judged too kindly. Documentation is left out by family: packages that one program makes are in one fold. Gold for it is
made by rules (`scripts/blocks_labels.py`, CONTENT). What is judged is the text that the writer makes. All pages take
two minutes of CPU, nearly all of it trafilatura's; `make test` takes a fifth of the documentation.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDS = ROOT / "tests" / "quality" / "blocks_folds.npz"
FLOORS = {
    "trafilatura segments": 0.936,
    "article-extraction-benchmark 4-grams": 0.97,
    "mozilla-readability 4-grams": 0.908,
    "docs_pages segments": 0.905,
    "docs_pages 4-grams": 0.948,
}
"""F1 of `blocks`, at least; measured: docs/extraction.md."""
LANGUAGES = ("de", "en", "fr", "hi", "ja", "ru", "zh")
"""Languages with enough pages to be judged alone."""
pytestmark = [pytest.mark.shared, pytest.mark.xdist_group("extraction")]


@pytest.fixture(scope="module", params=[5, pytest.param(1, marks=pytest.mark.slow)], ids=["fifth", "all"])
def judged(shared, request):
    """Pages with gold, of documentation each fifth or all, and what each engine makes of them."""
    pytest.importorskip("trafilatura", exc_type=ImportError)
    sys.path.insert(0, str(ROOT / "scripts"))
    import blocks_labels

    web = [blocks_labels.web_page(*one) for one in blocks_labels.read(shared / "web_pages", "web_a")]
    docs = blocks_labels.read(shared / "docs_pages", "docs_a")
    pages = [page for page in web + [blocks_labels.docs_page(*one) for one in docs[:: request.param]] if page.texts]
    return pages, {"blocks": _blocks(pages), **_peers(pages)}


def _blocks(pages):
    """By the classifiers of the page's fold."""
    from train_folds import fold_of

    from datacurate.kernels.html_text import text_of
    from datacurate.stages._blocks import judged, main, parsed, read_models

    models = read_models(FOLDS)
    made = []
    for page in pages:
        found = parsed(page.html)
        blocks, values = judged(found, models[fold_of(page.site)])
        made.append(text_of(found.data, found.events, blocks.rows, main(found, blocks, values)).decode())
    return made


def _peers(pages):
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    return {
        "trafilatura": [trafilatura.extract(page.html) or "" for page in pages],
        "resiliparse": [extract_plain_text(page.html, main_content=True) for page in pages],
    }


@pytest.fixture(scope="module")
def table(judged):
    """Precision, recall and F1 by engine and set."""
    from blocks_scores import by_set

    pages, texts = judged
    made = {engine: by_set(pages, own) for engine, own in texts.items()}
    for engine, rows in made.items():
        for name, score in rows.items():
            print(f"{engine:12} {name:40}", *(f"{x:.4f}" for x in score))
    return made


def test_folds_are_of_hosts(judged):
    from train_folds import FOLDS as COUNT
    from train_folds import fold_of

    from datacurate.stages._blocks import read_models

    pages, _ = judged
    assert len(read_models(FOLDS)) == COUNT
    assert {fold_of(page.site) for page in pages} == set(range(COUNT))


@pytest.mark.parametrize("name", FLOORS)
def test_blocks_is_at_least_as_good_as_trafilatura(table, name):
    assert table["blocks"][name][2] >= FLOORS[name]
    assert table["blocks"][name][2] >= table["trafilatura"][name][2]
    assert table["blocks"][name][2] >= table["resiliparse"][name][2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_each_language(judged, language):
    """4-grams and segments together: the mean F1 of what the language's pages have."""
    from blocks_scores import by_set

    pages, texts = judged
    own = [at for at, page in enumerate(pages) if page.language == language]
    chosen = [pages[at] for at in own]
    for page in chosen:
        page.set = language
    scores = {}
    for engine in ("blocks", "trafilatura"):
        rows = by_set(chosen, [texts[engine][at] for at in own])
        scores[engine] = sum(score[2] for score in rows.values()) / len(rows)
        print(language, len(own), engine, rows)
    assert len(own) >= 15
    assert scores["blocks"] >= scores["trafilatura"] - 0.01
