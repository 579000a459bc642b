"""`against` of `minhash`: near-duplicates that other datasets, or an index of them, hold already."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from against_tools import dataset, index, inline, kept, merged, run, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from datacurate.api import run_recipe
from datacurate.core.errors import CurateError
from datacurate.core.recipe import loads
from datacurate.kernels import pairs
from datacurate.stages.dedup import _index, _neighbours, _rows
from datacurate.stages.dedup.minhash import Minhash

VERIFY = 0.7
THOROUGH = {"bands": 60, "rows": 1, "max_loss": None}
"""One minimum per band: a pair of similarity 0.7 stays unproposed once in 10^31 times."""


def corpus(prefix: str, count: int, bases: int, seed: int) -> list[tuple[str, str]]:
    """Documents that are edits of some common ones: similarities are spread over all of 0 to 1."""
    rng = random.Random(seed)
    docs = []
    for at in range(count):
        base = random.Random(rng.randrange(bases))
        words = [f"w{base.randrange(5000)}" for _ in range(100)]
        for _ in range(rng.randrange(6)):
            words[rng.randrange(100)] = f"e{rng.randrange(9999)}"
        docs.append((f"{prefix}{at:03d}", " ".join(words)))
    return docs


def jaccard(left: str, right: str) -> float:
    words = left.split(), right.split()
    one, other = ({tuple(mine[at : at + 5]) for at in range(len(mine) - 4)} for mine in words)
    return len(one & other) / len(one | other)


OLD, NEW = corpus("o", 60, 30, 1), corpus("n", 90, 60, 2)
TEXT = dict(OLD + NEW)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with the old corpus, without duplicates, and what a thorough run finds against it."""
    folder = tmp_path_factory.mktemp("against")
    run("minhash", write(folder / "files", OLD, 2), folder / "old", **THOROUGH)
    run("minhash", write(folder / "new", NEW), folder / "out", against=[str(folder / "old")], **THOROUGH)
    return folder


def test_a_minus_b_is_that_of_all_pairs(made):
    """Every new document with a similar old one goes, into the most similar; no other one goes because of these."""
    old, gone = kept(made / "old"), merged(made / "out")
    against = {id: row for id, row in gone.items() if row[0] == "near_duplicate_against"}
    expected = {}
    for id, text in NEW:
        best = min((-jaccard(text, TEXT[other]), other) for other in old)
        if -best[0] >= VERIFY:
            expected[id] = ("near_duplicate_against", f"old:{best[1]}", pytest.approx(-best[0]))
    assert len(expected) > 10 and len(NEW) - len(gone) > 10
    assert against == expected


def test_nothing_that_stays_is_similar(made):
    stays = kept(made / "out")
    assert max(jaccard(TEXT[new], TEXT[old]) for new in stays for old in kept(made / "old")) < VERIFY
    assert max(jaccard(TEXT[a], TEXT[b]) for a in stays for b in stays if a < b) < VERIFY
    own = {id: row for id, row in merged(made / "out").items() if row[0] == "near_duplicate"}
    assert own
    for id, (_, survivor, similarity) in own.items():
        assert survivor in stays and similarity >= VERIFY
        assert similarity == pytest.approx(jaccard(TEXT[id], TEXT[survivor]))


@pytest.mark.parametrize(("left", "right", "workers"), [(1, 3, 0), (5, 1, 0), (3, 2, 2)])
def test_neither_files_nor_workers_matter(made, tmp_path, left, right, workers):
    docs = [row for row in OLD if row[0] in kept(made / "old")]
    random.Random(left).shuffle(docs)
    old = dataset(tmp_path, "old", docs, left)
    new = list(NEW)
    random.Random(right).shuffle(new)
    run(
        "minhash",
        write(tmp_path / "new", new, right),
        tmp_path / "out",
        workers or None,
        against=[str(old)],
        **THOROUGH,
    )
    assert merged(tmp_path / "out") == merged(made / "out")


def test_the_same_as_deduplicating_both_with_the_old_first(made, tmp_path):
    docs = [row for row in OLD if row[0] in kept(made / "old")]
    sources = {"old": str(write(tmp_path / "old", docs, 2)), "new": str(write(tmp_path / "new", NEW, 2))}
    options = {**THOROUGH, "priority": ["old"]}
    recipe = loads(str({"sources": sources, "stages": [{"minhash": options}]}).replace("None", "null"))
    done = run_recipe(recipe, tmp_path / "out", tmp_path / "store", inline(tmp_path))
    both = set(done.dataset().table(["id"])["id"].to_pylist())
    assert both == {*kept(made / "old"), *kept(made / "out")}


def nameless(found: dict) -> dict:
    """What was merged, without the datasets' names."""
    return {id: (rule, survivor.split(":")[-1], alike) for id, (rule, survivor, alike) in found.items()}


def test_an_index_is_extended_and_texts_may_go(made, tmp_path):
    docs = [row for row in OLD if row[0] in kept(made / "old")]
    half = [dataset(tmp_path, f"half{at}", docs[at::2]) for at in (0, 1)]
    rules = {name: value for name, value in THOROUGH.items() if name != "max_loss"}
    index(tmp_path / "grown", half[:1], "minhash", **rules)
    grown = index(tmp_path / "grown", half[1:])
    whole = index(tmp_path / "whole", half, "minhash", **rules)
    assert sorted(map(str, grown.manifest["parts"])) == sorted(map(str, whole.manifest["parts"]))
    new = write(tmp_path / "new", NEW)
    for folder in half:
        shutil.rmtree(folder)
    expected = nameless(merged(made / "out"))
    for name in ("grown", "whole"):
        out = tmp_path / f"out-{name}"
        run("minhash", new, out, against=[str(tmp_path / name)], **THOROUGH)
        found = merged(out)
        assert nameless(found) == expected
        assert {row[1].split(":")[0] for row in found.values() if ":" in row[1]} == {"half0", "half1"}


@pytest.mark.parametrize("option", ["ngram", "bands", "rows", "seed"])
def test_an_index_of_other_signatures_is_refused(made, tmp_path, option):
    index(tmp_path / "index", [made / "old"], "minhash")
    usual = {"ngram": 5, "bands": 14, "rows": 8, "seed": 1}[option]
    with pytest.raises(CurateError, match=rf"made with minhash of {option} {usual}, not 3\. Make the index again"):
        run("minhash", made / "new", tmp_path / "out", against=[str(tmp_path / "index")], **{option: 3})
    run("minhash", made / "new", tmp_path / "out", against=[str(tmp_path / "index")], verify=0.9, keep="first")


def test_what_was_lost_is_made_again(made, tmp_path):
    """Any part of any phase may be missing when a run begins again."""
    old, new = shutil.copytree(made / "old", tmp_path / "old", symlinks=True), write(tmp_path / "new", NEW, 2)
    run("minhash", new, tmp_path / "out", against=[str(old)], **THOROUGH)
    expected = merged(tmp_path / "out")
    store = tmp_path / "out" / ".store"
    lost = {path.parent.name.split("-")[0]: path for path in store.glob("minhash*-*/*.parquet")}
    assert {"minhash.index_bands", "minhash.index_sets", "minhash.met", "minhash.sought", "minhash.known"} < set(lost)
    for at in range(3):
        for path in [*lost.values()][at::3]:
            path.unlink()
        for path in store.glob("minhash-*/*"):
            path.unlink()
        assert run("minhash", new, tmp_path / "out", against=[str(old)], **THOROUGH).tasks > 0
        assert merged(tmp_path / "out") == expected


@pytest.mark.shared
@pytest.mark.parametrize("corpus", ["18f_handbook_history", "gutenberg_editions_1"])
def test_real_editions(shared, tmp_path, corpus):
    """Half of the editions against the other half, with the usual bands and the exact similarity of all pairs."""
    docs, gold = (lines(shared / "neardup" / corpus / f"{name}.jsonl.gz") for name in ("docs", "pairs"))
    rows = sorted((doc["id"], doc["text"]) for doc in docs)
    alike = {frozenset((pair["a"], pair["b"])): pair["jaccard5"] for pair in gold}
    options = {"verify": 0.8, "max_loss": None}
    run("minhash", write(tmp_path / "files", rows[::2], 3), tmp_path / "old", **options)
    run("minhash", write(tmp_path / "new", rows[1::2], 2), tmp_path / "out", against=str(tmp_path / "old"), **options)
    old, stays, gone = kept(tmp_path / "old"), kept(tmp_path / "out"), merged(tmp_path / "out")
    against = {id: row for id, row in gone.items() if row[0] == "near_duplicate_against"}
    assert len(against) > 50 and {row[1].removeprefix("old:") for row in against.values()} <= set(old)
    for id, (_, survivor, similarity) in gone.items():
        true = alike[frozenset((id, survivor.removeprefix("old:")))]
        assert min(similarity, true) >= 0.8 and similarity == pytest.approx(true, abs=1e-3)
    close = [pair for pair, value in alike.items() if value >= 0.85 and pair & set(old) and pair & {*stays, *against}]
    missed = [pair for pair in close if pair & set(stays) and len(pair & set(old)) == 1]
    print(f"{corpus}: {len(against)} of {len(rows[1::2])} held by the old half, {len(missed)}/{len(close)} missed")
    assert len(missed) <= 0.02 * len(close)


def lines(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


SET = st.frozensets(st.integers(0, 30), max_size=12)


@given(st.lists(SET, max_size=6), st.lists(SET, max_size=6), st.booleans())
def test_similarities_of_pairs(left, right, contained):
    def flat(sets):
        values = [np.sort(np.fromiter(one, np.uint64, len(one))) for one in sets]
        return np.concatenate([np.zeros(0, np.uint64), *values]), np.cumsum([0, *map(len, sets)])

    both = [(a, b) for a in range(len(left)) for b in range(len(right))]
    a, b = (np.array([pair[side] for pair in both], np.int64) for side in (0, 1))
    found = pairs.similarities(a, b, flat(left), flat(right), contained)
    for (i, j), value in zip(both, found.tolist(), strict=True):
        size = len(left[i]) if contained else len(left[i] | right[j])
        assert value == (len(left[i] & right[j]) / size if size else 0.0)


class Pieces(list):
    """Tables as `store.Parts` hands them over."""

    def only(self, keys):
        keys = [key for (key,) in keys]
        return [piece.filter(np.isin(piece["slice"].to_numpy(), keys)) for piece in self]


HASH = st.integers(0, 5)


@given(
    st.lists(st.tuples(HASH, st.integers(0, 9)), max_size=25, unique=True),
    st.lists(st.tuples(HASH, st.integers(0, 9)), max_size=25),
    st.integers(1, 4),
)
def test_what_shares_a_bucket_is_met(own, others, count):
    """The pairs of all that share a hash, whatever pieces an index has; of one bucket those with the least marks."""
    sketch = _rows.table(hash=([h for h, _ in own], "uint64"), row=([r << 38 for _, r in own], "uint64"))
    sketch = sketch.sort_by("row")

    def table(rows):
        hashes = np.array([h for h, _ in rows], np.uint64)
        return _rows.table(
            slice=(_index.slice_of(hashes, _neighbours.SLICES), "int32"),
            hash=(hashes, "uint64"),
            mark=([m for _, m in rows], "uint64"),
        )

    met = pa.concat_tables(_neighbours.met(sketch, Pieces(table(others[at::count]) for at in range(count))))
    expected = sorted((r << 38, m) for h, r in own for g, m in set(others) if h == g)
    assert sorted(zip(met["row"].to_pylist(), met["mark"].to_pylist(), strict=True)) == expected
    assert met["shard"].to_pylist() == sorted(row >> 40 for row in met["row"].to_pylist())


def test_crowded_buckets_are_bounded():
    """Of 1,000 old documents in one bucket some are proposed, the same whatever pieces hold them, and few are tried."""
    mark = np.random.default_rng(1).permutation(1000).astype(np.uint64)

    def pieces(count):
        whole = _rows.table(slice=(np.full(1000, 7), "int32"), hash=(np.full(1000, 7), "uint64"), mark=(mark, "uint64"))
        return Pieces(whole.slice(at * 1000 // count, 1000 // count) for at in range(count))

    sketch = _rows.table(hash=([7, 7], "uint64"), row=([0, 1], "uint64"))
    for count in (1, 10):
        met = pa.concat_tables(_neighbours.met(sketch, pieces(count)))
        assert sorted(met["mark"].to_pylist()) == sorted([*range(_neighbours.BUCKET)] * 2)
    often = pa.concat_tables([met, met.filter(np.isin(met["mark"].to_numpy(), [200, 255]))]).sort_by("row")
    own = np.array([999, 998], np.uint64)
    at, tried = _neighbours.tried(often["row"].to_numpy().astype(np.int64), often["mark"].to_numpy(), own, 8)
    assert sorted(tried[at == 1].tolist()) == [*range(_neighbours.TRIED - 3), 200, 255, 998]


def letters(prefix: str, count: int) -> list[tuple[str, str]]:
    """Form letters: all are alike, but not quite."""
    common = " ".join(f"w{at}" for at in range(100))
    return [(f"{prefix}{at}", f"{common} number {at}") for at in range(count)]


def test_copies_are_found_in_a_crowd(tmp_path):
    """Far more than are tried, each with a copy, here and in another dataset; that holds its own more than once."""
    count = 3 * _neighbours.BUCKET
    run("minhash", write(tmp_path / "both", letters("a", count) + letters("b", count)), tmp_path / "own", verify=1.0)
    assert kept(tmp_path / "own") == sorted(f"a{at}" for at in range(count))
    old = dataset(tmp_path, "old", letters("o", count) + letters("p", count), 3)
    new = write(tmp_path / "new", letters("n", count))
    run("minhash", new, tmp_path / "out", against=[str(old)], verify=1.0, max_loss=None)
    expected = {f"n{at}": ("near_duplicate_against", f"old:o{at}", 1.0) for at in range(count)}
    assert merged(tmp_path / "out") == expected


@pytest.mark.parametrize("verify", [None, 0.0, 0.01])
def test_what_linked_two_may_be_held_elsewhere(tmp_path, verify):
    """The middle one of a chain goes, as another dataset has its like; the ends have nothing in common and stay."""
    words = [f"w{at}" for at in range(900)]
    new = [("a", " ".join(words[:340])), ("b", " ".join(words)), ("c", " ".join(words[560:]))]
    old = dataset(tmp_path, "old", [("m", " ".join(words[340:560]))])
    options = {"bands": 60, "rows": 2, "verify": verify, "max_loss": None}
    run("minhash", write(tmp_path / "new", new), tmp_path / "chain", **options)
    assert kept(tmp_path / "chain") == ["b"]
    run("minhash", tmp_path / "new", tmp_path / "out", against=[str(old)], **options)
    assert kept(tmp_path / "out") == ["a", "c"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": 1_000_000, "rows": 1000}, "1,000,000,000 minima for each document; take at most 65,536"),
        ({"bands": 65_537, "rows": 1}, "take at most 65,536"),
        ({"ngram": 1001}, "less than or equal to 1000"),
    ],
)
def test_unreasonable_numbers_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        Minhash(**options)
    assert Minhash(bands=256, rows=256, ngram=1000).bands == 256
