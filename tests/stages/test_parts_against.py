"""`against` of stages that cut parts out of documents: what other datasets, or an index of them, hold goes first."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from against_tools import dataset, index, kept, run, write
from part_tools import rank

from datacurate.core.dataset import Dataset
from datacurate.core.store import read_parts

WORDS = ["Menu", "Home", "one two", "Two.", "deux é", "© 2024", "x", "", "long line of several words"]
SENTENCES = {"min_words": 0, "min_sentences": 0}
NGRAMS = {"ngram": 2, "min_ngram": 1, "fp_rate": 1e-9, "remove": "paragraph", "threshold": 0}
RARE = 1e-9


def texts(seed: int, count: int, prefix: str) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    return [(f"{prefix}{at:03d}", "\n".join([*rng.choices(WORDS, k=rng.randrange(4)), f"{prefix}{at % 9}"]))
            for at in range(count)]  # fmt: skip


def left(out: Path) -> dict[str, str]:
    table = Dataset.open(out).table(["id", "text"])
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def twin(old: list[tuple[str, str]], new: list[tuple[str, str]], keep: str = "first") -> dict[str, str]:
    """Lines that the old documents have go; of the others the first copy stays, or none of several."""
    had = {line for _, text in old for line in text.split("\n") if line.strip()}
    ordered = sorted(new, key=lambda doc: rank(doc[0]))
    counts: dict[str, int] = {}
    for _, text in ordered:
        for line in text.split("\n"):
            counts[line] = counts.get(line, 0) + 1
    made, seen = {}, set(had)
    for name, text in ordered:
        rest = []
        for line in text.split("\n"):
            gone = line in seen if keep == "first" else line in had or counts[line] > 1
            if not line.strip() or not gone:
                rest.append(line)
            seen.add(line)
        whole = "\n".join(rest)
        if whole == text or whole.strip():
            made[name] = whole
    return made


@pytest.mark.parametrize("options", [{}, {"keep": "none"}, {"bloom": RARE}], ids=str)
def test_lines_of_other_datasets_go_first(tmp_path, options):
    """In any dealing of either side, of several datasets in any order, and of an index of them."""
    older, old, new = texts(1, 30, "o"), texts(2, 30, "p"), texts(3, 60, "n") + texts(1, 5, "o")
    expected = twin(older + old, new, options.get("keep", "first"))
    assert expected != twin([], new, options.get("keep", "first"))
    for at, (left_shards, right) in enumerate([(1, 1), (3, 4)]):
        folders = [dataset(tmp_path, f"d{at}/a", older, left_shards), dataset(tmp_path, f"d{at}/b", old, left_shards)]
        names = [str(folder) for folder in folders[:: 1 if at else -1]]
        run(
            "lines", write(tmp_path / f"new{at}", new, right), tmp_path / f"out{at}", against=names, slices=5, **options
        )
        assert left(tmp_path / f"out{at}") == expected
    index(tmp_path / "seen.index", [tmp_path / "d1/a"], "lines")
    index(tmp_path / "seen.index", [tmp_path / "d1/b"])
    run("lines", tmp_path / "new1", tmp_path / "by", workers=2, against=str(tmp_path / "seen.index"), **options)
    assert left(tmp_path / "by") == expected


@pytest.mark.parametrize(
    ("stage", "options"), [("lines", {"bloom": 0.5}), ("ngram_bloom", {**NGRAMS, "fp_rate": 0.5, "threshold": 0.6})]
)
def test_accidents_of_a_filter_are_the_same_however_files_are_cut(tmp_path, stage, options):
    """Of either side, though both say the same in several of their files."""
    rng = random.Random(9)
    docs = [(f"n{at}", "\n".join(f"{rng.randrange(500)} {rng.randrange(3)} x" for _ in range(9))) for at in range(60)]
    old = [(f"o{at}", "\n".join(f"{rng.randrange(500)} {rng.randrange(3)} x" for _ in range(9))) for at in range(30)]
    made = []
    for left_shards, right in ((1, 1), (5, 3)):
        folder = dataset(tmp_path, f"{left_shards}/old", old, left_shards)
        out = tmp_path / f"{left_shards}/out"
        run(stage, write(tmp_path / f"{right}/new", docs, right), out, against=str(folder), slices=2, **options)
        made.append(left(out))
    assert made[0] == made[1] != dict(docs)


def test_the_evidence_names_the_other_document(tmp_path):
    """The least of those that have the part, by name and id; for what is here twice the row."""
    old = dataset(tmp_path, "old", [("b", "Menu\nx"), ("a", "y\nMenu"), ("c", "x")], 2)
    run("lines", write(tmp_path / "new", [("d", "Menu\nd\nhere"), ("e", "x\ne\nhere")]), tmp_path / "out",
        against=str(old))  # fmt: skip
    cuts = read_parts(sorted((tmp_path / "out/.store").glob("lines.repeats-*/*.parquet"))).to_pylist()
    assert sorted((row["row"], row["start"], row["end"], row["elsewhere"]) for row in cuts if row["elsewhere"]) == [
        (0, 0, 4, "old:a"),
        (1, 0, 1, "old:b"),
    ]
    [other] = [row for row in cuts if not row["elsewhere"]]
    assert {other["row"], other["survivor"]} == {0, 1}


def test_explain_says_in_which_dataset_a_line_stands(tmp_path):
    from datacurate.audit.dedup_explain import explain

    old = dataset(tmp_path, "old", [("a", "Menu")])
    run("lines", write(tmp_path / "new", [("d", "Menu\nd")]), tmp_path / "out", against=str(old))
    [cuts] = explain(tmp_path / "out", "d").cuts
    assert [(cut.text, cut.survivor) for cut in cuts.cuts] == [("Menu", "old:a")]


def test_groups_meet_their_own_in_another_dataset(tmp_path):
    docs = [("a", "Menu"), ("b", "Menu\nb")]
    old = dataset(tmp_path, "old", [("z", "Menu")])
    new = write(tmp_path / "new", docs)
    run("lines", new, tmp_path / "out", against=str(old), scope="group", group="id")
    assert left(tmp_path / "out") == dict(docs), "no document of the old dataset has the id a or b"
    run("lines", new, tmp_path / "out", against=str(dataset(tmp_path, "older", [("b", "Menu")])), scope="group",
        group="id")  # fmt: skip
    assert left(tmp_path / "out") == {"a": "Menu", "b": "b"}


def test_sentences_of_other_datasets_go_first(tmp_path):
    said = "One thing was said. Another thing too. And a third."
    old = dataset(tmp_path, "old", [("o", f"Before. {said}")])
    new = write(tmp_path / "new", [("a", f"{said} Own words here."), ("b", "Nothing of that. At all. Here.")])
    for bloom in (None, RARE):
        run("sentence_spans", new, tmp_path / "out", against=str(old), bloom=bloom, **SENTENCES)
        assert left(tmp_path / "out") == {"a": "Own words here.", "b": "Nothing of that. At all. Here."}


def test_ngrams_of_other_datasets_are_in_the_filter(tmp_path):
    """A paragraph goes when any of its pairs of words stands in the other dataset, or before it."""
    rng = random.Random(3)
    line = lambda: " ".join(rng.choices("abcdefghijklmnopqrst", k=3))  # noqa: E731
    old, new = ([(f"{name}{at}", line()) for at in range(25)] for name in "on")
    pairs = lambda text: set(zip(text.split(), text.split()[1:], strict=False))  # noqa: E731
    for slices in (1, 5, 128):
        seen = {pair for _, text in old for pair in pairs(text)}
        expected = []
        for name, text in sorted(new, key=lambda doc: rank(doc[0])):
            expected += [name] if not pairs(text) & seen else []
            seen |= pairs(text)
        folder = dataset(tmp_path, f"old{slices}", old, 2)
        run("ngram_bloom", write(tmp_path / "new", new, 3), tmp_path / "out", against=str(folder), slices=slices,
            **NGRAMS)  # fmt: skip
        assert kept(tmp_path / "out") == sorted(expected) and 0 < len(expected) < 25
    index(tmp_path / "seen.index", [folder], "ngram_bloom", ngram=2, min_ngram=1)
    run("ngram_bloom", tmp_path / "new", tmp_path / "by", against=str(tmp_path / "seen.index"), **NGRAMS)
    assert kept(tmp_path / "by") == sorted(expected)
