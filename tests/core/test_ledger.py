"""The books balance, for documents and bytes, or the run fails and names the stage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import stages_for_tests as bad
from core_tools import books, fates, ids, ledger_rows, manifest, recipe_of, run, write_jsonl

from datacurate.core import ledger
from datacurate.core.errors import LedgerError
from datacurate.core.ledger import EXCERPT_CHARS, EXCERPTS, ShardLedger
from datacurate.core.source import PAYLOAD_BYTES
from datacurate.core.stage import Removed
from datacurate.core.store import read_parts


@pytest.fixture
def source(tmp_path):
    return write_jsonl(tmp_path / "in" / "a.jsonl", ["one", "to", "thrée", "four four", "", "x"])


def test_documents_and_bytes_are_counted_at_every_stage(source, tmp_path):
    done = run(recipe_of(source, bad.MinChars(), bad.MaxChars(max_chars=5)), tmp_path)
    assert fates(done, "read") == {"in": 6, "out": 6}
    assert fates(done, "min_chars") == {"in": 6, "out": 3, "short": 3}
    assert fates(done, "max_chars") == {"in": 3, "out": 2, "long": 1}
    own = books(done, "min_chars")
    assert own["in"]["bytes"] == len("onetothréefour fourx".encode())
    assert own["dropped"]["short"] == {"documents": 3, "bytes": 3}
    assert own["out"]["bytes"] == own["in"]["bytes"] - 3
    assert ids(done) == ["a-0", "a-2"]


def test_books_are_kept_by_source(source, tmp_path):
    other = write_jsonl(tmp_path / "in" / "b.jsonl", ["y", "long enough"])
    done = run(recipe_of({"web": source, "books": other}, bad.MinChars()), tmp_path)
    own = manifest(done, "min_chars")["sources"]
    assert {name: value["out"]["documents"] for name, value in own.items()} == {"web": 3, "books": 1}
    assert {row["source"] for row in ledger_rows(done, "min_chars")} == {"web", "books"}


def test_rewritten_bytes_are_in_the_books(source, tmp_path):
    done = run(recipe_of(source, bad.Doubled()), tmp_path)
    own = books(done, "doubled")
    assert own["rewritten"] == own["in"]["bytes"] + 6
    assert own["out"]["bytes"] == own["in"]["bytes"] + own["rewritten"]


def test_the_first_failing_rule_is_the_reason_and_all_are_recorded(source, tmp_path):
    from datacurate.stages.filters.gopher_quality import GopherQuality

    done = run(recipe_of(source, GopherQuality()), tmp_path)
    [row] = [row for row in ledger_rows(done, "gopher_quality") if row["id"] == "a-0"]
    assert row["rule"] == row["rules"][0] == "too_few_words"
    assert "few_stop_words" in row["rules"]
    assert (row["value"], row["bound"]) == (1, 50)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (bad.LosesRow(), "6 documents came in, 5 went on and 0 were removed"),
        (bad.RemovesTwice(), "6 documents came in, 6 went on and 1 were removed"),
        (bad.ChangesText(), "texts changed, but the stage says it rewrites none"),
        (bad.ReordersIds(), "ids changed or moved"),
    ],
)
def test_a_violation_is_an_error_that_names_the_stage(source, tmp_path, stage, words):
    with pytest.raises(LedgerError, match=words) as caught:
        run(recipe_of(source, stage), tmp_path)
    assert stage.name() in str(caught.value)
    assert caught.value.exit_code == 6
    assert not list((tmp_path / "store").glob(f"{stage.name()}-*/*.parquet")), "nothing of it is committed"


def test_texts_that_change_at_equal_length_are_a_violation(source, tmp_path):
    class Swaps(bad.Upper):
        """Changes texts but not their lengths, without saying so."""

        rewrites = False

    with pytest.raises(LedgerError, match="texts changed"):
        run(recipe_of(source, Swaps()), tmp_path)


def test_books_that_do_not_balance_are_refused():
    own = ledger.nothing()
    own["in"] = {"documents": 3, "bytes": 30}
    own["out"] = {"documents": 2, "bytes": 20}
    own["dropped"] = {"r": {"documents": 1, "bytes": 9}}
    with pytest.raises(LedgerError, match=r"here: 30 bytes came in, but 20 went on and 9 were removed"):
        ledger.check(own, "here")
    own["rewritten"] = -1
    ledger.check(own, "here")
    own["out"]["documents"] = 3
    with pytest.raises(LedgerError, match="3 documents came in, but 3 went on and 1 were removed"):
        ledger.check(own, "here")


def test_what_a_stage_hands_on_must_reach_the_next(source, tmp_path):
    from datacurate.core.run import _check_chain

    done = run(recipe_of(source, bad.MinChars(), bad.MaxChars()), tmp_path)
    _check_chain(done.manifests)
    done.manifests[-1]["ledger"]["in"]["documents"] += 1
    done.manifests[-1]["ledger"]["out"]["documents"] += 1
    with pytest.raises(LedgerError, match=r"01-min_chars handed on .* but 02-max_chars got"):
        _check_chain(done.manifests)


def entered(tmp_path, docs: pa.Table, removed: Removed) -> list[dict]:
    own = ShardLedger(str(tmp_path / "a.ledger.parquet"), {"stage": "s", "shard": "a"})
    keep = np.ones(docs.num_rows, bool)
    keep[removed.index] = False
    own.enter(docs, docs.filter(pa.array(keep)), [removed], rewrites=False)
    own.commit()
    return read_parts([tmp_path / "a.ledger.parquet"]).to_pylist()


def documents(texts: list[str]) -> pa.Table:
    return pa.table({"id": [str(n) for n in range(len(texts))], "text": texts, "source": ["web"] * len(texts)})


def test_quarantined_rows_keep_error_and_bounded_payload(tmp_path):
    docs = documents(["fine", "é" * PAYLOAD_BYTES, "bad"])
    removed = Removed(np.array([1, 2]), "quarantined", "broken", error=["too long", "no sense"])
    rows = entered(tmp_path, docs, removed)
    assert [row["error"] for row in rows] == ["too long", "no sense"]
    assert len(rows[0]["payload"]) == PAYLOAD_BYTES
    assert rows[1]["payload"] == b"bad"
    assert rows[0]["bytes"] == 2 * PAYLOAD_BYTES, "the whole text is counted, not its head"


def test_excerpts_are_few_and_short_and_dropped_rows_keep_no_payload(tmp_path):
    docs = documents(["z" * 1000] * (EXCERPTS + 3))
    rows = entered(tmp_path, docs, Removed(np.arange(docs.num_rows), "dropped", "long"))
    assert [len(row["excerpt"]) for row in rows[:EXCERPTS]] == [EXCERPT_CHARS] * EXCERPTS
    assert [row["excerpt"] for row in rows[EXCERPTS:]] == [None] * 3
    assert {row["payload"] for row in rows} == {None}
