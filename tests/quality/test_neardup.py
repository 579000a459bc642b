"""What the exact and minhash stages remove, phase by phase, without the engine; on real near-duplicates, too."""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datacurate.core.phase import Size
from datacurate.core.stage import Outcome
from datacurate.stages.dedup import _rows
from datacurate.stages.dedup.exact import Exact
from datacurate.stages.dedup.minhash import Minhash

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "kernels"))
import oracle_minhash as oracle  # noqa: E402

SHARED = Path(os.environ.get("DATACURATE_SHARED", HERE.parents[2].parent / "shared"))
NEARDUP = SHARED / "data" / "neardup"


def table(docs):
    ids, texts = [d[0] for d in docs], [d[1] for d in docs]
    source = pa.array(["s"] * len(docs), pa.string())
    return pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string()), "source": source})


def drive(stage, shards, batch=7, size=None):
    """Run the stage's phases in memory; `{removed id: (survivor id, similarity)}` and the kept ids."""
    made: dict[str, list] = {}
    size = size or Size(sum(shard.nbytes for shard in shards), len(shards))
    for phase in stage.chosen_phases():
        call = getattr(stage, phase.name)
        known = {name: handed(stage, phase, name, parts) for name, parts in made.items() if name in phase.reads}
        if phase.grouping == "each":
            made[phase.name] = [
                call(**pick(phase, docs=d, rows=r, size=size, **known)) for d, r in batches(shards, batch)
            ]
        elif phase.grouping == "once":
            result = call(**known)
            made[phase.name] = [result] if isinstance(result, pa.Table) else list(result)
        else:
            (name,) = known
            keys = [key for (key,) in phase.keys(stage, size)]
            column = known[name][phase.by[0]].to_numpy()
            assert np.isin(column, keys).all()
            made[phase.name] = [call(known[name].filter(column == key)) for key in keys]
        assert len({part.schema for part in made[phase.name] if isinstance(part, pa.Table)}) <= 1, phase.name
    return judged(made["apply"], shards, batch)


def handed(stage, phase, name, parts):
    """What an earlier phase made, as the engine hands it over."""
    if name in phase.streams:
        return parts
    shardwise = {p.name for p in stage.chosen_phases() if p.shardwise}
    return pa.concat_tables(parts).sort_by("row") if name in shardwise else pa.concat_tables(parts)


def pick(phase, **available):
    return {name: available[name] for name in phase.reads if name in available or name not in phase.optional}


def whole(result):
    """A table, or the tables that a phase yields, as one."""
    return result if isinstance(result, pa.Table) else pa.concat_tables(result)


def batches(shards, size):
    for number, shard in enumerate(shards):
        for start in range(0, max(shard.num_rows, 1), size):
            part = shard.slice(start, size)
            rows = np.arange(start, start + part.num_rows, dtype=np.uint64) + np.uint64(number << 40)
            yield part, rows


def judged(outcomes, shards, size):
    kept, removed = [], {}
    for outcome, (docs, _) in zip(outcomes, batches(shards, size), strict=True):
        assert isinstance(outcome, Outcome)
        kept += outcome.rest(docs)["id"].to_pylist()
        for part in outcome.removed:
            ids = docs["id"].take(part.index).to_pylist()
            removed.update(zip(ids, zip(part.survivor, part.similarity, strict=True), strict=True))
    assert sorted([*kept, *removed]) == sorted(i for shard in shards for i in shard["id"].to_pylist())
    assert not set(kept) & set(removed)
    assert {survivor for survivor, _ in removed.values()} <= set(kept)
    return removed, kept


def sharded(docs, count):
    bounds = np.linspace(0, len(docs), count + 1).astype(int)
    return [table(docs[a:b]) for a, b in pairwise(bounds)]


def prose(seed, count=60):
    rng = np.random.default_rng(seed)
    return [f"w{i}" for i in rng.integers(0, 5000, count)]


def edited(words, changes, seed):
    rng = np.random.default_rng(seed)
    words = list(words)
    for at in rng.integers(0, len(words), changes):
        words[at] = f"e{seed}"
    return words


DOCS = [
    (f"{base}-{variant}", " ".join(edited(prose(base, 200), variant, 100 * base + variant)))
    for base in range(12)
    for variant in (0, 1, 2, 9)
]


@pytest.mark.parametrize("stage", [Exact(), Minhash(), Minhash(verify=None), Minhash(keep="first")])
def test_nothing_in_nothing_out(stage):
    assert drive(stage, [table([])]) == ({}, [])
    assert drive(stage, [table([]), table([("a", None), ("b", "")])]) == ({}, ["a", "b"])


@pytest.mark.parametrize("stage", [Exact(), Minhash()])
def test_tables_without_chunks(stage):
    """What an engine that found no rows hands over, and the schema that comes back."""
    docs, rows = table([("a", " ".join(prose(1))), ("b", " ".join(prose(1)))]), np.arange(2, dtype=np.uint64)
    made = {}
    for phase in stage.chosen_phases()[:-1]:
        given = {"docs": docs, "rows": rows, "size": Size(1000, 1)}
        inputs = given | {n: [t] if n in phase.streams else t for n, t in made.items()}
        full = whole(getattr(stage, phase.name)(**pick(phase, **inputs)))
        bare = {n: t.schema.empty_table() for n, t in made.items()}
        bare = (
            {n: [t] if n in phase.streams else t for n, t in bare.items()}
            | given
            | {"docs": docs[:0], "rows": rows[:0]}
        )
        empty = whole(getattr(stage, phase.name)(**pick(phase, **bare)))
        assert full.num_rows > 0 and empty.num_rows == 0
        assert full.schema == empty.schema
        made[phase.name] = full
    assert stage.apply(docs, rows, made["verdict"].schema.empty_table(), made["guard"]).rest(docs) == docs


def test_exact_keeps_the_first():
    docs = [("a", "x  y\n"), ("b", "z"), ("c", "x y"), ("d", "X y"), ("e", " x\u3000y"), ("f", "\n"), ("g", None)]
    for count in (1, 2, 4):
        assert drive(Exact(keep="first"), sharded(docs, count))[0] == {"c": ("a", 1.0), "e": ("a", 1.0)}
    removed, _ = drive(Exact(ignore_case=True, keep="first"), sharded(docs, 2))
    assert removed == {"c": ("a", 1.0), "d": ("a", 1.0), "e": ("a", 1.0)}


def test_short_documents_never_merge():
    docs = [(str(i), text) for i, text in enumerate(["cat", "dog", "cat", "one two three four", "", "!!!"] * 3)]
    removed, _ = drive(Minhash(verify=None), sharded(docs, 3))
    assert removed == {}
    removed, _ = drive(Minhash(ngram=4, verify=None), sharded(docs, 3))
    assert removed == {"9": ("15", 1.0), "3": ("15", 1.0)}


def test_ties_and_lengths_decide_who_survives():
    long = " ".join(prose(1, 100))
    docs = [("b", long), ("c", long + " more"), ("a", long)]
    assert drive(Minhash(), sharded(docs, 2))[1] == ["c"]
    assert drive(Minhash(), sharded(docs[::2], 2))[1] == ["a"]
    assert drive(Minhash(keep="first"), sharded(docs, 2))[1] == ["b"]


def test_sharding_and_order_do_not_matter():
    expected, kept = drive(Minhash(), sharded(DOCS, 1))
    assert 12 < len(expected) < 36
    rng = np.random.default_rng(0)
    for count in (2, 5, 9):
        mixed = [DOCS[i] for i in rng.permutation(len(DOCS))]
        again, kept_again = drive(Minhash(), sharded(mixed, count), batch=count)
        assert again == expected and set(kept_again) == set(kept)


def test_a_chain_is_not_a_group():
    """Neighbours share 83 %, ends nothing: with a star around the first, the far ones stay."""
    words = prose(5, 400)
    docs = [(f"{i:02d}", " ".join(words[i * 10 : i * 10 + 100])) for i in range(20)]
    texts = dict(docs)
    removed, kept = drive(Minhash(keep="first", verify=0.7, bands=40, rows=4), sharded(docs, 3))
    assert removed and len(kept) >= 8
    for one, (survivor, similarity) in removed.items():
        assert similarity == truth(texts, one, survivor) >= 0.7


def truth(texts, one, other):
    return oracle.jaccard(*(oracle.true_shingles((texts[i] or "").encode(), 5) for i in (one, other)))


def test_trusting_the_bands_removes_more():
    removed, _ = drive(Minhash(verify=None), sharded(DOCS, 2))
    verified, _ = drive(Minhash(verify=0.9), sharded(DOCS, 2))
    assert set(verified) < set(removed)
    texts = dict(DOCS)
    assert all(similarity == truth(texts, one, s) for one, (s, similarity) in removed.items())


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.shared
@pytest.mark.skipif(not NEARDUP.exists(), reason="needs the shared data folder")
@pytest.mark.parametrize("corpus", ["18f_handbook_history", "gutenberg_editions_1"])
def test_real_editions(corpus):
    docs = [(d["id"], d["text"]) for d in lines(NEARDUP / corpus / "docs.jsonl.gz")]
    gold = {frozenset((p["a"], p["b"])): p["jaccard5"] for p in lines(NEARDUP / corpus / "pairs.jsonl.gz")}
    removed, _ = drive(Minhash(verify=0.8), sharded(docs, 5), batch=500)
    texts = dict(docs)
    wrong = [one for one, (s, _) in removed.items() if gold.get(frozenset((one, s)), 0) < 0.8]
    wrong += [one for one, (s, found) in removed.items() if found != truth(texts, one, s) or found < 0.8]
    close = [pair for pair, similarity in gold.items() if similarity >= 0.85]
    missed = [pair for pair in close if not pair & set(removed)]
    print(f"{corpus}: {len(removed)} of {len(docs)} removed, {len(wrong)} wrong, {len(missed)}/{len(close)} missed")
    assert len(removed) > 100
    assert wrong == []
    assert len(missed) <= 0.02 * len(close)


def test_two_hops_are_no_hop():
    """b is like a and like c, which are not alike: when b goes, c stays, for nothing that is like it does."""
    words = prose(8, 300)
    a, b = words, [*words[:250], *prose(9, 50)]
    c = [*b[30:], *prose(10, 30)]
    docs = [(name, " ".join(one)) for name, one in (("a", a), ("b", b), ("c", c))]
    texts = dict(docs)
    assert truth(texts, "a", "b") > 0.7 and truth(texts, "b", "c") > 0.7 and truth(texts, "a", "c") < 0.6
    removed, kept = drive(Minhash(keep="first", bands=60, rows=4), sharded(docs, 3))
    assert list(removed) == ["b"] and kept == ["a", "c"]


def test_more_slices_do_not_matter():
    """The same documents go when hashes and groups are spread over the tasks of an input of 1 GB."""
    few, many = (drive(Minhash(), sharded(DOCS, 3), size=Size(size, 3))[0] for size in (1, 1 << 30))
    assert few == many and len(few) > 12
    assert [_rows.spread(Size(size, 1)) for size in (0, 1 << 30, 1 << 50)] == [2, 32, _rows.MOST_SLICES]
    assert _rows.spread(Size(1 << 30, 1), 450 / 14) == 2048, "more bands take more"


def test_a_hundred_thousand_identical_documents():
    """One stays, and five times as many take about five times as long."""
    text = " ".join(prose(2, 30))
    seconds = []
    for count in (20_000, 100_000):
        docs = [(f"{i:06d}", text) for i in range(count)]
        start = time.process_time()
        removed, kept = drive(Minhash(max_loss=None), sharded(docs, 4), batch=4096)
        seconds.append(time.process_time() - start)
        assert kept == ["000000"] and {survivor for survivor, _ in removed.values()} == {"000000"}
    assert seconds[1] < 10 * seconds[0]


def test_templates_stay_and_their_copies_go():
    """Pages of one template share 40 % of their words or less; those without any text of their own are one."""
    before, after = prose(1, 40), prose(2, 40)
    own = [(f"own{i:03d}", " ".join([*before, *prose(100 + i, 120), *after])) for i in range(200)]
    bare = [(f"bare{i:03d}", " ".join([*before, *after])) for i in range(200)]
    removed, kept = drive(Minhash(verify=0.8), sharded([*own, *bare], 4), batch=50)
    assert sorted(kept) == sorted(["bare000", *(name for name, _ in own)])
    assert set(removed) == {name for name, _ in bare[1:]}


def test_a_book_in_twelve_editions():
    """Licences in front, misprints, other spelling: one edition stays, and so does another book."""
    book, other = prose(3, 20_000), prose(4, 20_000)
    docs = [("other", " ".join(other))]
    for edition in range(12):
        licence = prose(50 + edition, 400)
        docs.append((f"edition{edition:02d}", " ".join([*licence, *edited(book, 100, edition + 1)])))
    removed, kept = drive(Minhash(), sharded(docs, 5))
    assert len(kept) == 2 and "other" in kept and len(removed) == 11


def test_containment():
    """What a survivor holds goes, however small it is; what has a text of its own does not."""
    words = prose(6, 400)
    docs = [
        ("whole", " ".join(words)),
        ("part", " ".join(words[:310])),
        ("half", " ".join([*words[:355], *prose(7, 40)])),
    ]
    many = {"bands": 60, "rows": 4, "keep": "first"}
    assert drive(Minhash(verify=0.9, **many), sharded(docs, 2))[0] == {}
    removed, _ = drive(Minhash(verify=0.9, verify_by="containment", **many), sharded(docs, 2))
    assert removed == {"part": ("whole", 1.0)}
    removed, _ = drive(Minhash(verify=0.85, verify_by="containment", **many), sharded(docs, 2))
    texts = {name: oracle.true_shingles(text.encode(), 5) for name, text in docs}
    assert removed["half"] == ("whole", oracle.contained(texts["half"], texts["whole"]))


PAIRS = {
    "case": ("The Cat sat on the mat and Looked at the Moon", "the cat SAT on the mat and looked at the moon"),
    "accents": ("le café est déjà fermé à cette heure du soir", "le cafe est deja ferme a cette heure du soir"),
    "numbers": ("it cost 1,200 euros in 2019 and less than 7 now", "it cost 9 euros in 1.5 and less than 40 now"),
    "punctuation": ("one (two) three, four; five. six - seven!", "one two three four five six seven"),
    "marks of code": ("for(i=0;i<n;i++){sum+=a[i];} return sum", "for(i=0;i>n;i--){sum-=a{i};} return sum"),
}
SAME = {
    "datacurate": {"case", "punctuation", "marks of code"},
    "datatrove": {"case", "accents", "numbers", "punctuation", "marks of code"},
    "nemo": set(),
    "bigcode": {"marks of code"},
}


@pytest.mark.parametrize("preset", SAME)
def test_what_presets_take_for_the_same(preset):
    for what, pair in PAIRS.items():
        docs = list(zip("ab", pair, strict=True))
        removed, _ = drive(Minhash(preset=preset, verify=1.0), sharded(docs, 2))
        assert bool(removed) == (what in SAME[preset]), what


@pytest.mark.parametrize("preset", Minhash.presets)
def test_every_preset_finds_copies_and_keeps_others(preset):
    letters = str.maketrans("0123456789", "abcdefghij")  # all numbers are 0 in some
    docs = [(f"{base}{copy}", " ".join(prose(base, 80)).translate(letters)) for base in range(5) for copy in "ab"]
    removed, _ = drive(Minhash(preset=preset), sharded(docs, 3))
    assert removed == {f"{base}b": (f"{base}a", 1.0) for base in range(5)}
