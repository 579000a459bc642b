"""`semantic` with `against`: what means the same as a document of another dataset goes first."""

from __future__ import annotations

import numpy as np
import pytest
from against_tools import dataset, index, kept, merged, run, write

from datacurate.stages.dedup.semantic import Semantic
from tests import models
from tests.contract import exam

THRESHOLD = 0.997
OLD = [(f"o{seed:03d}", exam.prose(seed, 20 + seed % 40)) for seed in range(50, 60)]
NEW = [(f"n{seed:03d}", exam.prose(seed, 20 + seed % 40)) for seed in range(50, 170)]


@pytest.fixture(scope="module")
def tiny():
    return models.tiny()


def vectors(model: str, docs: list) -> np.ndarray:
    table = Semantic(model=model).embed(exam.documents([text for _, text in docs]))
    made = np.stack([np.frombuffer(v, np.int16).astype(np.float64) for v in table["vector"].to_pylist()])
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def twin(tiny) -> dict[str, tuple[str, str, float]]:
    """All pairs with numpy, of one cluster: the most alike of the old ones, then stars among the rest."""
    old, new = vectors(tiny, OLD), vectors(tiny, NEW)
    gone = {}
    left = []
    for at, (id, _) in enumerate(NEW):
        alike = old @ new[at]
        best = max(range(len(OLD)), key=lambda other: (round(alike[other], 12), -other))
        if alike[best] >= THRESHOLD:
            gone[id] = ("semantic_duplicate_against", f"old:{OLD[best][0]}", pytest.approx(alike[best]))
        else:
            left.append(at)
    stays: list[int] = []
    for at in sorted(left, key=lambda at: (-len(NEW[at][1].encode()), NEW[at][0])):
        best = max(stays, key=lambda other: (new[at] @ new[other], -stays.index(other)), default=None)
        if best is not None and new[at] @ new[best] >= THRESHOLD:
            gone[NEW[at][0]] = ("semantic_duplicate", NEW[best][0], pytest.approx(new[at] @ new[best]))
        else:
            stays.append(at)
    return gone


@pytest.mark.parametrize(("left", "right", "workers"), [(1, 1, None), (3, 4, None), (2, 3, 2)])
def test_all_pairs(tmp_path, tiny, twin, left, right, workers):
    """Whatever the files of either side, and with workers."""
    old = dataset(tmp_path, "old", OLD, left)
    new, out = write(tmp_path / "new", NEW, right), tmp_path / "out"
    run("semantic", new, out, workers, model=tiny, threshold=THRESHOLD, against=[str(old)], max_loss=None)
    found = merged(out)
    assert found == twin
    rules = [rule for rule, *_ in found.values()]
    assert rules.count("semantic_duplicate_against") > 10 and rules.count("semantic_duplicate") > 5
    assert kept(out) == sorted({id for id, _ in NEW} - found.keys()) and len(kept(out)) > 10


def test_an_index_says_what_its_datasets_say_and_embeds_nothing_again(tmp_path, tiny, twin):
    old = [dataset(tmp_path, "a/old", OLD[:5]), dataset(tmp_path, "b/more", OLD[5:])]
    seen = tmp_path / "seen.index"
    index(seen, old[:1], "semantic", model=tiny)
    index(seen, old[1:])
    options = {"model": tiny, "threshold": THRESHOLD, "max_loss": None}
    new = write(tmp_path / "new", NEW, 2)
    run("semantic", new, tmp_path / "x", against=[str(folder) for folder in old], **options)
    finished = run("semantic", new, tmp_path / "y", against=[str(seen)], **options)
    assert merged(tmp_path / "x") == merged(tmp_path / "y")
    names = {f"old:{id}": f"{'old' if at < 5 else 'more'}:{id}" for at, (id, _) in enumerate(OLD)}
    assert merged(tmp_path / "y") == {id: (rule, names.get(to, to), value) for id, (rule, to, value) in twin.items()}
    assert finished.tasks and not list((tmp_path / "y" / ".store").glob("semantic.index-*"))
    assert (
        run("semantic", new, tmp_path / "y", against=[str(seen)], **{**options, "threshold": 0.9}).tasks
        < finished.tasks
    )


def test_with_clusters_nothing_goes_that_is_not_alike(tmp_path, tiny):
    old = dataset(tmp_path, "old", OLD)
    out = tmp_path / "out"
    run("semantic", write(tmp_path / "new", NEW), out, model=tiny, threshold=THRESHOLD, against=str(old), clusters=4,
        max_loss=None)  # fmt: skip
    texts = dict(OLD) | dict(NEW)
    against = [(id, to, value) for id, (rule, to, value) in merged(out).items() if rule.endswith("_against")]
    for id, to, value in against:
        one, other = vectors(tiny, [(id, texts[id]), (to, texts[to.removeprefix("old:")])])
        assert one @ other == pytest.approx(value) and value >= THRESHOLD
    copies = {f"n{seed:03d}" for seed in range(50, 60)}
    assert copies <= {id for id, *_ in against}, "equal vectors are in one cluster"


def test_what_is_not_compared_is_no_survivor(tmp_path, tiny):
    """Empty, short and unreadable documents of the other dataset, and a run that has no others."""
    few = [("a", ""), ("b", "a b"), ("c", "ЖЖЖ ДДД ЩЩЩ ЮЮЮ ЯЯЯ")]
    old = dataset(tmp_path, "old", few)
    for name, docs in {"same": few, "other": [*few, ("e", exam.prose(1, 30))]}.items():
        out = tmp_path / name
        run(
            "semantic",
            write(tmp_path / f"{name}-in", docs),
            out,
            model=tiny,
            threshold=0.5,
            against=str(old),
            max_loss=None,
        )
        assert kept(out) == sorted(id for id, _ in docs)
    run("semantic", write(tmp_path / "in", few), tmp_path / "out", model=tiny, threshold=1.0, against=str(old),
        min_tokens=0, max_unknown=1.0, max_loss=None)  # fmt: skip
    assert {id: rule for id, (rule, *_) in merged(tmp_path / "out").items()} == {
        "b": "semantic_duplicate_against",
        "c": "semantic_duplicate_against",
    }
