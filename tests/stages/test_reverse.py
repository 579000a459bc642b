"""Reverse training: which documents, in which order, and both directions of one file."""

from __future__ import annotations

import pyarrow as pa
import pytest
import yaml
from tokenizers import Tokenizer

from datacurate.api import run_recipe
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.recipe import loads
from datacurate.mixture import pieces, tokenize
from datacurate.stages.reverse import Reverse
from tests.contract import exam

FACT = "Tom Cruise was born on July 3, 1962, in Syracuse, New York."


def turned(texts, more=None, **options) -> list[dict]:
    docs = exam.documents(texts)
    for name, column in (more or {}).items():
        docs = docs.append_column(name, column)
    return Reverse(**options).turned(docs).to_pylist()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"unit": "words"}, ".York New ,Syracuse in ,1962 ,3 July on born was Cruise Tom"),
        ({}, ".New York ,Syracuse in ,1962 ,July 3 on born was Tom Cruise"),
        ({"unit": "segments", "longest": 10**9}, ".Tom Cruise was born on July 3, 1962, in Syracuse, New York"),
    ],
)
def test_units(options, text):
    row = turned([FACT], share=1, **options)[0]
    assert row["text"] == text and row["reversed"] == options.get("unit", "names") and row["pieces"] is None


def test_names_of_a_column():
    column = pa.array([["born on July", "absent"], None, []], pa.list_(pa.string()))
    rows = turned([FACT, "a b", "C D"], {"names": column}, share=1, names_column="names")
    assert "born on July was Cruise Tom" in rows[0]["text"] and [r["text"] for r in rows[1:]] == ["b a", "D C"]
    assert turned(["A B"], {"names": pa.nulls(1)}, share=1, names_column="names")[0]["text"] == "B A"


def test_share_seed_and_sources():
    rows = turned(["one two"] * 4_000, share=0.25)
    count = sum(row["text"] == "two one" for row in rows)
    assert abs(count - 1_000) < 4 * 28 and count == sum(row["reversed"] is not None for row in rows)
    again = turned(["one two"] * 4_000, share=0.25, seed=1)
    assert [r["text"] for r in rows] != [r["text"] for r in again]
    assert turned(["one two"] * 50, share=0) == [{**r, "reversed": None} for r in turned(["one two"] * 50, share=0)]
    assert all(r["text"] == "one two" for r in turned(["one two"] * 50, share=1, sources=["other"]))
    assert all(r["text"] == "two one" for r in turned(["one two"] * 50, share=1, sources=["docs"]))
    assert [r["reversed"] for r in turned(["", None, "x"], share=1)] == [None, None, "names"]
    assert turned([]) == []


def test_tokens_between_stretches_are_real(root, tmp_path):
    found = Tokenizer.from_file(str(root / "sample" / "tokenizer.json"))
    found.add_special_tokens(["[REV]"])
    found.save(str(tmp_path / "tokenizer.json"))
    encoder = tokenize.load(str(tmp_path / "tokenizer.json"), "<|endoftext|>")
    texts = [f"{exam.prose(i, 60)} A literal [REV] stays." for i in range(20)]
    rows = turned(texts, share=0.5, unit="segments", longest=5, token="[REV]")
    plain = turned(texts, share=0.5, unit="segments", longest=5)
    docs = pa.Table.from_pylist(rows)
    assert docs["text"].to_pylist() == [row["text"] for row in plain], "the token is no part of the text"
    flat, offsets = pieces.encode(encoder, docs["text"], docs["pieces"])
    for row, given, begin, end in zip(rows, texts, offsets, offsets[1:], strict=False):
        ids = flat[begin:end]
        marks = int((ids == encoder.special["[REV]"]).sum())
        if row["reversed"] is None:
            assert row["text"] == given and marks == 0
            continue
        raw = row["text"].encode()
        parts = [raw[p["begin"] : p["end"]].decode() for p in row["pieces"]]
        assert "".join(parts) == row["text"] and marks == len(parts) - 1 > 10
        assert all(part[-1].isalnum() for part in parts[:-1]), "the token stands right behind a stretch"
        stretches = [part.strip(" \n.[]") for part in parts]
        assert all(len(part.split()) <= 5 and part in given for part in stretches)
        assert max(len(part.split()) for part in stretches) == 5
        assert encoder.decode(ids) == row["text"]


def test_pieces_of_documents_that_stay_are_kept():
    given = pa.array([[("<fim_prefix>", 0, 1)]] * 40, pieces.TYPE)
    rows = turned(["one two"] * 40, {"pieces": given}, share=0.5)
    assert {(row["reversed"], row["pieces"] is None) for row in rows} == {(None, False), ("names", True)}


def test_both_directions_of_one_file(tmp_path):
    """Two sources over the same files: one forward, one backward; what is held out is so in both."""
    inputs = exam.write_shards(tmp_path / "in", exam.shards(exam.ordinary(40), 2))
    stages = [{"reverse": {"sources": ["backward"], "share": 1.0}}]
    files = str(inputs / "*.parquet")
    text = yaml.safe_dump({"sources": {"forward": files, "backward": files}, "stages": stages})
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    run = run_recipe(loads(text), tmp_path / "out", tmp_path / "store", profile)
    rows = exam.rows(tmp_path / "out" / run.manifests[-1]["folder"]).to_pylist()
    there = {row["id"]: row["text"] for row in rows if row["source"] == "forward"}
    back = {row["id"]: row["text"] for row in rows if row["source"] == "backward"}
    assert there.keys() == back.keys() and len(there) == 40
    assert all(sorted(there[i]) == sorted(back[i]) for i in there) and sum(there[i] != back[i] for i in there) > 35


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"names_column is for"):
        Reverse(unit="words", names_column="x")
    with pytest.raises(ValueError, match=r"token stands between segments"):
        Reverse(token="[REV]")
    with pytest.raises(RecipeError, match=r"no source 'wbe'"):
        Reverse(sources=["wbe"]).check_sources(["web"])
    with pytest.raises(InputError, match=r"holds string, not lists of names"):
        turned(["a"], {"names": pa.array(["A"])}, share=1, names_column="names")
