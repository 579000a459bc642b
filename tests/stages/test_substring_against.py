"""`against` of `substring` through the engine: indexes, their extension, and what is told of a piece that went."""

from __future__ import annotations

import random

import pytest
from against_tools import dataset, index, run, write

from datacurate.core.dataset import Dataset
from datacurate.core.errors import CurateError
from datacurate.core.store import read_parts

SAID = " ".join(f"w{at}" for at in range(30))
OLD = [("a", f"Once there was this: {SAID} And so on."), ("b", "Other words that stand nowhere else.")]
NEW = [
    ("n", f"Something of its own comes before. {SAID} Then something else behind it."),
    ("m", f"Again, {SAID}"),
    ("o", "Nothing of it stands here."),
]
LEFT = {"n": "Something of its own comes before. Then something else behind it.", "o": NEW[2][1]}


def left(out):
    table = Dataset.open(out).table(["id", "text"])
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def evidence(out):
    """(beginning, end, survivor) of every piece."""
    rows = read_parts(sorted((out / ".store").glob("substring.removed-*/*.parquet"))).to_pylist()
    return sorted((row["start"], row["end"], row["survivor"]) for row in rows)


def passages(seed, count, prefix):
    """Documents of passages, of which all datasets have some in common."""
    rng = random.Random(seed)
    common = [" ".join(f"p{at}w{word}" for word in range(40)) for at in range(30)]
    own = lambda at: " ".join(f"{prefix}{at}x{word}" for word in range(20))  # noqa: E731
    return [
        (f"{prefix}{at}", f"{own(at)} {' '.join(rng.sample(common, 3))[rng.randrange(60) :]}") for at in range(count)
    ]


def test_what_another_dataset_has_goes_and_is_told(tmp_path):
    from datacurate.audit.dedup_explain import explain
    from datacurate.audit.trace import trace

    old = dataset(tmp_path, "old", OLD, 2)
    run("substring", write(tmp_path / "new", NEW, 2), tmp_path / "out", against=str(old), min_length=20)
    assert left(tmp_path / "out") == LEFT
    assert {survivor for *_, survivor in evidence(tmp_path / "out")} == {"old:a"}
    [cuts] = explain(tmp_path / "out", "n").cuts
    assert [(cut.text.strip(), cut.survivor) for cut in cuts.cuts] == [(SAID, "old:a")]
    [copy] = trace(tmp_path / "out", "n").copies
    assert [event.cut.longest[0].also_in for event in copy.events if event.cut] == ["old:a"]
    [gone] = trace(tmp_path / "out", "m").copies
    assert (gone.events[-1].rule, gone.events[-1].survivor) == ("too_little_left", "old:a")
    assert "also in old:a" in explain(tmp_path / "out", "n").as_text()


@pytest.mark.parametrize("options", [{}, {"unit": "bytes", "min_length": 60}], ids=str)
def test_an_index_is_as_good_as_the_datasets_and_can_be_extended(tmp_path, options):
    """In any dealing, with workers or without: the same texts, and the same evidence."""
    given = {"min_length": 20, **options}
    older, newer, docs = passages(1, 12, "o"), passages(2, 12, "p"), passages(3, 25, "n")
    found = []
    for shards, workers in ((1, None), (3, 2)):
        at = tmp_path / str(shards)
        folders = [dataset(at, "a", older, shards), dataset(at, "b", newer, shards)]
        new, seen = write(at / "new", docs, shards), at / "seen.index"
        run("substring", new, at / "both", workers, against=[str(folder) for folder in folders], **given)
        index(seen, folders[:1], "substring", **given)
        run("substring", new, at / "one", against=str(seen), **given)
        index(seen, folders[1:])
        for name, against in (("by", [str(seen)]), ("mixed", [str(seen), str(folders[0])])):
            run("substring", new, at / name, against=against, **given)
            assert left(at / name) == left(at / "both")
            assert evidence(at / name) == evidence(at / "both")
        assert left(at / "one") != left(at / "both")
        found.append((left(at / "both"), evidence(at / "both")))
    assert found[0] == found[1]
    assert {survivor.partition(":")[0] for *_, survivor in found[0][1]} >= {"a", "b"}


def test_of_other_lengths_an_index_is_refused_but_modes_may_differ(tmp_path):
    old, new = dataset(tmp_path, "old", OLD), write(tmp_path / "new", NEW)
    index(tmp_path / "seen", [old], "substring", min_length=20)
    with pytest.raises(CurateError, match=r"made with substring of min_length 20, not 50.*dedup index"):
        run("substring", new, tmp_path / "out", against=str(tmp_path / "seen"))
    run("substring", new, tmp_path / "out", against=str(tmp_path / "seen"), min_length=20, mode="remove_all", slices=3)
    assert left(tmp_path / "out") == LEFT


def test_what_was_found_without_it_is_found_again(tmp_path):
    """`against` adds phases; anchors of the run are not made anew."""
    old, new = dataset(tmp_path, "old", OLD), write(tmp_path / "new", NEW)
    run("substring", new, tmp_path / "out", min_length=20)
    anchors = sorted((tmp_path / "out/.store").glob("substring.anchors-*"))
    run("substring", new, tmp_path / "out", against=str(old), min_length=20)
    assert sorted((tmp_path / "out/.store").glob("substring.anchors-*")) == anchors
    assert left(tmp_path / "out") == LEFT


@pytest.mark.parametrize("theirs", [[], [("e", "")], [("s", "short")]], ids=["none", "empty", "short"])
def test_hardly_anything_to_compare_with(tmp_path, theirs):
    docs = [*NEW, ("empty", "")]
    old = dataset(tmp_path, "old", [("x", "x"), *theirs], 2)
    new = write(tmp_path / "new", docs, 2)
    run("substring", new, tmp_path / "alone", min_length=20)
    run("substring", new, tmp_path / "out", against=str(old), min_length=20)
    assert left(tmp_path / "out") == left(tmp_path / "alone") and len(left(tmp_path / "out")) == 4


def test_texts_that_are_there_many_times(tmp_path):
    """Batches with the same texts, in files and datasets of different names, are one to those who ask for them."""
    same = [(f"o{at}", f"{at % 2} {SAID} {at % 2}") for at in range(60)]
    folders = [dataset(tmp_path, name, same, shards) for name, shards in (("a", 1), ("b", 3))]
    new = write(tmp_path / "new", NEW)
    run("substring", new, tmp_path / "out", against=[str(folder) for folder in folders], min_length=20)
    assert left(tmp_path / "out") == LEFT
