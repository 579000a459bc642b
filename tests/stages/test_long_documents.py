"""Long documents: what is related, how long they get, where every document went."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.api import run_stage
from datacurate.core.errors import InputError, RecipeError, TaskError
from datacurate.core.store import read_parts
from datacurate.kernels import topics
from datacurate.stages import _joining, _related
from datacurate.stages.long_documents import LongDocuments
from tests.contract import exam


def run(folder, tables, name="out", **options):
    inputs = exam.write_shards(folder / f"{name}-in" / "docs", tables)
    done = exam.run("long_documents", inputs, folder / name, **options)
    return done, exam.rows(folder / name).to_pylist()


def pages(count: int = 60, hosts: int = 5) -> pa.Table:
    texts = [f"Page {i} of the host. " + exam.prose(i, 20 + i % 7) for i in range(count)]
    table = exam.documents(texts)
    urls = [None if i % 17 == 0 else f"https://{'www.' * (i % 2)}h{i % hosts}.example/p{i}" for i in range(count)]
    return table.append_column("url", pa.array(urls)).append_column("number", pa.array(range(count, 0, -1)))


def host_of(row: dict) -> str:
    return row["url"].split("/")[2].removeprefix("www.")


def test_documents_of_a_host_become_one(tmp_path):
    table = pages()
    done, rows = run(tmp_path, [table], related="host", max_bytes=700, between="\n--\n")
    given = {row["id"]: row for row in table.to_pylist()}
    held = [name for row in rows for name in row["joined"] or [row["id"]]]
    assert sorted(held) == sorted(given), "every document is somewhere, once"
    for row in rows:
        if row["joined"]:
            assert row["text"] == "\n--\n".join(given[name]["text"] for name in row["joined"])
            assert row["joined"][0] == row["id"] and len(row["joined"]) > 1
            assert len(row["text"].encode()) <= 700 and len({host_of(given[name]) for name in row["joined"]}) == 1
        else:
            assert row["text"] == given[row["id"]]["text"]
    # greedy: of two documents of one host that follow each other, the second did not fit
    assert 12 <= sum(row["joined"] is not None for row in rows) <= 25
    books = exam.books(done)
    assert books["merged"]["joined"]["documents"] == 60 - len(rows)
    assert books["in"]["bytes"] + books["rewritten"] == books["out"]["bytes"] + books["merged"]["joined"]["bytes"]


def test_the_ledger_names_every_survivor(tmp_path):
    done, rows = run(tmp_path, [pages()], related="host")
    manifest = done.manifests[-1]
    ledger = read_parts([tmp_path / "out" / manifest["folder"] / part for part in manifest["ledgers"]]).to_pylist()
    said = {row["id"]: row["survivor"] for row in ledger if row["fate"] == "merged"}
    assert said == {name: row["id"] for row in rows for name in (row["joined"] or [])[1:]} and len(said) > 40


@pytest.mark.parametrize("related", ["host", "similar", "column"])
def test_shards_and_order_of_documents_do_not_matter(tmp_path, related):
    options = {"related": related, "max_bytes": 1_500} | ({"column": "number"} if related == "column" else {})
    table = pages().set_column(4, "number", pa.array([i % 6 for i in range(60)]))
    shuffled = table.take(pa.array(random.Random(1).sample(range(60), 60)))
    one = run(tmp_path, [table], "one", **options)[1]
    many = run(tmp_path, [shuffled.slice(at, 13) for at in range(0, 60, 13)], "many", **options)[1]
    assert sorted(one, key=lambda r: r["id"]) == sorted(many, key=lambda r: r["id"])
    assert any(row["joined"] for row in one)


def test_ids_that_repeat_are_told_apart_by_their_texts(tmp_path):
    table = pages(30, 2)
    table = table.set_column(0, "id", pa.array(["same"] * 30))
    turned = table.take(pa.array(range(29, -1, -1)))
    made = []
    for name, table_ in (("one", table), ("two", turned)):
        rows = run(tmp_path, [table_.slice(at, 7) for at in range(0, 30, 7)], name, related="host", max_bytes=500)[1]
        made.append(sorted(row["text"] for row in rows))
    assert made[0] == made[1] and len(made[0]) < 20


def test_order_by_a_column_and_seeds(tmp_path):
    rows = run(tmp_path, [pages()], "by", related="host", order_by="number")[1]
    number = {row["id"]: row["number"] for row in pages().to_pylist()}
    joined = [[number[name] for name in row["joined"]] for row in rows if row["joined"]]
    assert joined and all(some == sorted(some) for some in joined)
    said = [
        {tuple(r["joined"] or ()) for r in run(tmp_path, [pages()], f"s{s}", related="host", seed=s)[1]} for s in (0, 1)
    ]
    assert said[0] != said[1]


def test_pages_without_text_are_not_joined(root, tmp_path):
    """Before `extract` a page has HTML and no text: joining it would lose it."""
    exam.run("long_documents", root / "sample" / "web.warc.gz", tmp_path / "out", related="host")
    rows = exam.rows(tmp_path / "out")
    pages = rows.filter(rows["html"].is_valid())
    assert pages.num_rows > 700 and pages["joined"].null_count == pages.num_rows


def test_groups_of_a_key_of_meta(tmp_path):
    table = exam.documents(["a", "b", "c", "d", "e"])
    meta = ['{"k": "x", "n": 2}', '{"k": "x", "n": 1}', "[]", "broken", '{"k": 7}']
    rows = run(
        tmp_path, [table.append_column("meta", pa.array(meta))], related="column", column="meta.k", order_by="meta.n"
    )[1]
    assert [row["joined"] for row in rows] == [None if i else ["docs-00001", "docs-00000"] for i in range(4)]


def test_sources_do_not_mix(tmp_path):
    inputs = [exam.write_shards(tmp_path / name, [pages(20, 1).slice(at, 10)]) for name, at in (("a", 0), ("b", 10))]
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    run_stage(exam.make("long_documents", related="host"), inputs, tmp_path / "out", profile=profile)
    rows = exam.rows(tmp_path / "out").to_pylist()
    assert [{int(name[-5:]) // 10 for name in row["joined"]} for row in rows if row["joined"]] == [{0}, {1}]


def topical(topics_: int = 20, each: int = 7) -> list[str]:
    rng = random.Random(5)
    texts = []
    for i in range(topics_ * each):
        own = [f"topic{i % topics_}word{rng.randrange(4)}" for _ in range(10)]
        common = [rng.choice(exam.WORDS) for _ in range(60)]
        words = own + common
        rng.shuffle(words)
        texts.append(" ".join(words))
    return texts


def test_similar_documents_follow_each_other(tmp_path):
    """Documents of twenty topics, whose other words are common to all: each long document is of one topic."""
    rows = run(tmp_path, [exam.documents(topical())], max_bytes=3_000)[1]
    joined = [[int(name[-5:]) % 20 for name in row["joined"]] for row in rows if row["joined"]]
    assert sum(map(len, joined)) > 120 and all(len(set(some)) == 1 for some in joined)


def test_what_is_too_short_or_too_long_stays(tmp_path):
    table = pages(20, 2)
    assert not any(row["joined"] for row in run(tmp_path, [table], "a", related="host", max_bytes=150)[1])
    assert not any(row["joined"] for row in run(tmp_path, [table], "b", related="host", min_bytes=120_000)[1])
    nothing = [None, "", None]
    empty = exam.documents(["", "", "a", "b"]).append_column("key", pa.array(["x"] * 4))
    kept = [row["joined"] for row in run(tmp_path, [empty], "d", related="column", column="key")[1]]
    assert kept.count(None) == 2 and sorted(kept[-1]) == ["docs-00002", "docs-00003"]
    lone = exam.documents(["a", "b", "c"]).append_column("key", pa.array(nothing, pa.string()))
    assert len(run(tmp_path, [lone], "c", related="column", column="key")[1]) == 3


def test_twice_keeps_the_first_ids(tmp_path):
    run(tmp_path, [pages()], "first", related="host", max_bytes=600)
    exam.run("long_documents", tmp_path / "first", tmp_path / "second", related="host")
    rows = exam.rows(tmp_path / "second").to_pylist()
    assert sorted(name for row in rows for name in row["joined"] or [row["id"]]) == sorted(pages()["id"].to_pylist())


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"name the column that `related: column` compares"):
        LongDocuments(related="column")
    with pytest.raises(ValueError, match=r"order_by: similar documents"):
        LongDocuments(order_by="date")
    with pytest.raises(RecipeError, match=r"url"):
        run(tmp_path, [exam.documents(["a"])], related="host")
    nested = exam.documents(["a", "b"]).append_column("key", pa.array([[1], [2]]))
    with pytest.raises((InputError, TaskError), match=r"name one of texts or numbers"):
        run(tmp_path, [nested], "n", related="column", column="key")


def test_a_group_that_is_too_large_is_cut_by_hash(monkeypatch):
    """Its documents are dealt to parts, evenly and whatever shard they are in."""
    monkeypatch.setattr(_related, "HEAVY", 2_000)
    stage = LongDocuments(related="column", column="key")
    docs = exam.documents([f"text {i} " * 8 for i in range(300)]).append_column("key", pa.array(["same"] * 300))
    keyed = _related.keyed(stage, docs, None)
    total = int(pa.compute.sum(keyed["bytes"]).as_py())
    heavy = _related.heavy([_related.sized(keyed.slice(0, 100)), _related.sized(keyed.slice(100))])
    assert heavy["parts"].to_pylist() == [-(-total // 2_000)]
    from datacurate.core.phase import Size

    made = _related.near(stage, docs, np.arange(300, dtype=np.uint64), Size(1, 1), keyed, heavy)
    sizes = [len(members) for members in _joining.groups(made)]
    assert len(sizes) == heavy["parts"][0].as_py() and sum(sizes) == 300 and max(sizes) < 3 * 300 / len(sizes)


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 40), st.integers(0, 3))
def test_piles_are_greedy(sizes, most, between):
    made, at = [], 0
    while at < len(sizes):
        end = at + 1
        while end < len(sizes) and sum(sizes[at : end + 1]) + between * (end - at) <= most:
            end += 1
        made.append((at, end))
        at = end
    assert list(_joining.piles(sizes, most, between)) == made


def slow_path(vectors: list[dict[int, int]]) -> list[int]:
    """Shi et al. 2024, algorithm 1: on to the nearest, or from a dead end to the one of least degree."""
    alike = [[sum(min(a[w], b[w]) for w in a.keys() & b.keys()) for b in vectors] for a in vectors]
    degree = [sum(row) - row[i] for i, row in enumerate(alike)]
    left, walked = list(range(len(vectors))), []
    while left:
        last = walked[-1] if walked else None
        near = max((alike[last][k] for k in left), default=0) if last is not None else 0
        nearest = [k for k in left if near and alike[last][k] == near]
        step = min(nearest) if nearest else min(left, key=lambda k: (degree[k], k))
        walked.append(step)
        left.remove(step)
    return walked


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.integers(1, 6), st.integers(1, 9), max_size=topics.TERMS), min_size=1, max_size=9))
def test_path_is_that_of_the_paper(vectors):
    terms = np.zeros((len(vectors), topics.TERMS), np.uint64)
    scores = np.zeros((len(vectors), topics.TERMS), np.int32)
    for i, vector in enumerate(vectors):
        for k, (word, score) in enumerate(vector.items()):
            terms[i, k], scores[i, k] = word, score
    assert topics.path(terms, scores).tolist() == slow_path(vectors)


@settings(deadline=None)
@given(st.lists(st.text("ab c", max_size=30), min_size=1, max_size=5))
def test_telling_words_are_those_of_a_slow_count(texts):
    """Words by (1 + ln n) x weight; which is told by hashes of each word alone."""
    from collections import Counter

    from datacurate.kernels import shingles

    found = {word for text in texts for word in text.split()}
    hashes = {w: int(shingles.shingle_sets(pa.array([w]), 1)[0][0]) for w in found}
    weight = np.zeros(topics.CLASSES, np.float32)
    for word, h in hashes.items():
        weight[h >> 42] = 0.0 if word == "ab" else len(word)
    terms, scores = topics.telling(pa.array(texts), weight)
    for text, t, s in zip(texts, terms.tolist(), scores.tolist(), strict=True):
        told = {
            hashes[w]: int((1 + np.log(n)) * float(weight[hashes[w] >> 42]) * 1024)
            for w, n in Counter(text.split()).items()
        }
        best = sorted(((n, h) for h, n in told.items() if n), key=lambda one: (-one[0], one[1]))[: topics.TERMS]
        assert [(n, h) for n, h in zip(s, t, strict=True) if n] == best
