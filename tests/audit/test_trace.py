"""The life of a document: the right rule, value, survivor and draw; nothing invented."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from audit_runs import Shouting, characters, make_run, run_recipe, write_sources

from datacurate.audit import trace as module
from datacurate.audit.trace import trace
from datacurate.core.errors import InputError
from datacurate.core.recipe import Recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("trace"))


def only(life):
    assert len(life.copies) == 1
    return life.copies[0]


def test_dropped_by_a_rule_with_its_value(run):
    copy = only(trace(run, "loud-30"))
    assert (copy.source, copy.kept) == ("web", False)
    assert [(e.stage, e.fate) for e in copy.events] == [("read", "went_on"), ("shouting", "dropped")]
    event = copy.events[1]
    assert (event.rule, event.value, event.bound, event.rules) == ("shouting", pytest.approx(0.3), 0.2, ["shouting"])
    assert event.signals == {"chars": 100, "share": pytest.approx(0.3)}
    assert "dropped by shouting: 0.3, bound 0.2  (chars 100, share 0.3)" in trace(run, "loud-30").as_text()


def test_all_failing_rules_are_told(run):
    life = trace(run, "<script>alert(4)</script>")
    event = only(life).events[-1]
    assert (event.rule, event.rules) == ("shouting", ["shouting", "short"])
    assert "dropped by shouting: 1, bound 0.2; also fails short" in life.as_text()


def test_merged_into_a_survivor(run):
    life = trace(run, "book-3")
    assert [e.fate for e in only(life).events] == ["went_on", "went_on", "merged"]
    event = only(life).events[-1]
    assert (event.survivor, event.similarity, event.rule) == ("book-0", 0.875, "twin")
    assert "twins     merged into book-0, similarity 0.875 (twin)" in life.as_text()


def test_quarantined_with_the_error(run):
    event = only(trace(run, "broken")).events[-1]
    assert (event.stage, event.fate, event.rule) == ("shouting", "quarantined", "shouting_failed")
    assert event.error.startswith("ValueError: boom <b>here</b>")
    event = only(trace(run, "source1.jsonl:8")).events[-1]
    assert (event.stage, event.fate, event.rule) == ("read", "quarantined", "not_json")


def test_an_id_that_two_sources_hold_has_two_lives(run):
    life = trace(run, "calm-00")
    assert {copy.source for copy in life.copies} == {"web", "<b>books</b>"}
    assert all(copy.kept and [e.fate for e in copy.events] == ["went_on"] * 3 for copy in life.copies)
    signals = {copy.source: copy.events[1].signals["chars"] for copy in life.copies}
    assert signals == {"web": len("00 is a calm sentence about nothing."), "<b>books</b>": 44}
    assert "2 documents have this id." in life.as_text()


def test_an_unknown_id_names_near_ones(run):
    with pytest.raises(InputError, match=r"no document has the id 'loud-99'.*'loud-10', 'loud-30', 'loud-50'"):
        trace(run, "loud-99")
    with pytest.raises(InputError, match="No id of this run begins alike"):
        trace(run, "zebra")


def test_texts_are_never_read(run, monkeypatch):
    import pyarrow.parquet as pq

    read, whole = [], pq.ParquetFile.read_row_group

    def watched(self, group, columns=None, **more):
        read.append(columns)
        return whole(self, group, columns=columns, **more)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", watched)
    assert trace(run, "calm-07").copies[0].kept
    names = {name for columns in read for name in columns or ["all columns of a row group"]}
    assert "text" not in names and "payload" not in names
    assert read.count(["id", "source"]) == 1


def test_the_text_shows_no_control_characters(run):
    text = trace(run, "hostile-1").as_text()
    assert "[U+202E]gnp.exe" in text
    assert not set(text) & set("\u202e\x00\x1b\x07")


def test_json_holds_what_applies(run):
    value = json.loads(json.dumps(trace(run, "book-3").as_json()))
    assert value["copies"][0]["events"][0] == {"stage": "read", "fate": "went_on"}
    assert value["copies"][0]["events"][2] == {
        "stage": "twins", "fate": "merged", "rule": "twin", "rules": ["twin"],
        "survivor": "book-0", "similarity": 0.875,
    }  # fmt: skip
    assert value["copies"][0]["kept"] is False


def test_draws_add_up_to_the_receipt(tmp_path):
    """What the trace says of every document sums up, per source and split, to what the mixture wrote."""
    from datacurate.audit.evidence import receipt_rows
    from datacurate.audit.run_folder import open_run
    from datacurate.mixture.mixture import Mixture

    mixture = Mixture(tokens=2_500, tokenizer=characters(tmp_path), validation=0.2, sequence_length=16, seed=3)
    recipe = Recipe(
        name="mixed", sources=write_sources(tmp_path), stages=[Shouting()], mixture=mixture, quarantine_limit=1
    )
    run = run_recipe(recipe, tmp_path, "run")
    finished = open_run(run)
    ids = {id for path in finished.documents.shards.values() for id in column(path, "id")}
    found, times = Counter(), set()
    for id in ids:
        for copy in trace(run, id).copies:
            event = copy.events[-1]
            assert event.stage == "mixture" and (event.fate == "drawn") == (event.times > 0)
            found[copy.source, event.split] += event.tokens_written
            times.add(event.times)
    split = {0: "train", 1: "validation"}
    receipt = {(row["source"], split[row["split"]]): row["written_tokens"] for row in receipt_rows(finished)}
    assert {key: n for key, n in found.items() if n} == {key: n for key, n in receipt.items() if n}
    assert sum(n for (_, kind), n in receipt.items() if kind == "train") == 2_500
    assert max(times) > 1, "the budget makes some documents be drawn more than once"


def column(path: Path, name: str) -> list:
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=[name])[name].to_pylist()


def test_a_run_that_stores_no_documents(tmp_path):
    """Without stages, only the mixture knows what was read; the id's hash finds it there."""
    from datacurate.mixture.mixture import Mixture

    mixture = Mixture(tokens=600, tokenizer=characters(tmp_path), validation=0, sequence_length=16, seed=1)
    sources = {"books": write_sources(tmp_path)["<b>books</b>"]}
    recipe = Recipe(name="m", sources=sources, mixture=mixture, quarantine_limit=1)
    copy = only(trace(run_recipe(recipe, tmp_path, "m"), "book-2"))
    assert [(e.stage, e.fate) for e in copy.events] == [("read", "went_on"), ("mixture", "drawn")]
    assert (copy.source, copy.events[1].tokens) == ("books", len("Chapter 2 of a book, told in copy 2.") + 1)


def test_the_words_for_draws():
    event = module.Event("mixture", "drawn", split="train", times=2, tokens=1_500, tokens_written=2_000)
    assert module.told(event) == "drawn 2 times: 2,000 tokens written, of a document of 1,500"
    event = module.Event("mixture", "drawn", split="train", times=1, tokens=2, tokens_written=1)
    assert module.told(event) == "drawn once: 1 token written, of a document of 2"
    event = module.Event("mixture", "not_drawn", split="train", times=0, tokens=1, tokens_written=0)
    assert module.told(event) == "not drawn (1 token)"
    event = module.Event("mixture", "not_drawn", split="validation", times=0, tokens=7, tokens_written=0)
    assert module.told(event) == "held out for validation, not drawn (7 tokens)"
