"""Language identification on gold sentences: the raw model's labels, floors by set, and mixed documents."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from datacurate.stages.language import Language
from tests.quality.lid_gold import LINGUA, TATOEBA, Sentences

pytestmark = pytest.mark.shared
_MAJOR = "ar cs de el en es fr hi it ja ko nl pl pt ru sv tr uk vi zh"
MAJOR = _MAJOR.split()
FLOORS = {LINGUA: 0.894, TATOEBA: 0.727}
"""Mean over languages of the share of sentences with the right label: 0.8945 and 0.7270 were measured on 2026-11-21."""


@pytest.mark.parametrize("kind", [LINGUA, TATOEBA])
def test_labels_are_the_raw_models(kind, shared):
    sentences = Sentences.read(shared, kind)
    ours, scores = sentences.by_stage()
    theirs, expected = sentences.by_library()
    assert ours == theirs
    assert max(abs(a - b) for a, b in zip(scores, expected, strict=True)) < 1e-4
    shares = [hits / every for hits, every in sentences.right(ours).values()]
    assert sum(shares) / len(shares) >= FLOORS[kind]


def test_major_languages_are_told_apart(shared):
    """Floors: 0.986 of the sentences of these 20 languages measured; the worst language is Czech with 0.93."""
    sentences = Sentences.read(shared, LINGUA)
    right = {code: counts for code, counts in sentences.right(sentences.by_stage()[0]).items() if code in MAJOR}
    assert sum(hits for hits, _ in right.values()) / sum(every for _, every in right.values()) > 0.98
    assert all(hits / every > 0.9 for hits, every in right.values())


def documents(by: dict[str, list[str]], rng: random.Random, second: bool) -> tuple[str, str, float]:
    """Forty sentences, of one language or some of a second; the main language, and the other's share."""
    main, other = rng.sample(sorted(by), 2)
    count = rng.randrange(4, 14) if second else 0
    lines = rng.sample(by[main], 40 - count) + rng.sample(by[other], count)
    letters = [sum(char.isalpha() for char in line) for line in lines]
    rng.shuffle(order := list(range(40)))
    share = sum(letters[40 - count :]) / sum(letters) if count else 0.0
    return "\n".join(lines[at] for at in order), main if share < 0.5 else other, min(share, 1 - share)


@pytest.mark.parametrize(("second", "most", "error"), [(False, 0.02, 0.01), (True, None, 0.04)])
def test_shares_of_mixed_documents(second, most, error, shared):
    """Share of letters in another language, of documents put together from sentences: measured 0.003 where there is
    none, and 0.024 beside the truth on average where there is one; then 194 of 200 main languages were right."""
    sentences = Sentences.read(shared, LINGUA)
    by: dict[str, list[str]] = {code: [] for code in MAJOR}
    for code, text in zip(sentences.codes, sentences.texts, strict=True):
        if code in by:
            by[code].append(text)
    rng = random.Random(3)
    made = [documents(by, rng, second) for _ in range(200)]
    found = Language(by="paragraph").measure(pa.array([text for text, _, _ in made]))
    mains = [main == label for (_, main, _), label in zip(made, found["language"].to_pylist(), strict=True)]
    apart = [abs(share - mixed) for (_, _, share), mixed in zip(made, found["mixed"].tolist(), strict=True)]
    assert sum(mains) / len(mains) >= (0.96 if second else 1)
    assert sum(apart) / len(apart) < error
    assert most is None or sum(found["mixed"] > 0.1) / len(made) <= most
