"""One document of every address: what counts as one, which stays, in any sharding."""

from __future__ import annotations

import random

import part_tools
import pyarrow as pa
import pytest
from part_tools import dealt, ledger, table

from datacurate.core.errors import InputError, RecipeError
from tests.contract import exam

PAGES = {
    "a": "http://Example.org/News/?utm_source=x",
    "b": "https://example.org:443/News#top",
    "c": "https://example.org/news",
    "d": "example.org/News?id=1&fbclid=2",
    "e": "//user:word@example.org/News?id=1",
    "f": None,
    "g": None,
    "h": "",
    "i": "no address",
    "j": "no address",
    "k": "https://www.example.org/News",
    "l": "https://example.org/%4eews",
}


def result(tmp_path, stage, docs, name="run", **options) -> dict[str, str]:
    return part_tools.result(tmp_path, stage, docs, name, column="url", **options)


def pages(**columns: list) -> pa.Table:
    texts = {name: name * (at + 1) for at, name in enumerate(PAGES)}
    return table(texts, url=pa.array(PAGES.values(), pa.string()), **columns)


def kept(tmp_path, docs, **options) -> str:
    return "".join(sorted(result(tmp_path, "url_dedup", docs, **options)))


def test_addresses_that_differ_in_nothing_that_matters(tmp_path):
    assert kept(tmp_path, [pages()]) == "cefghijkl"
    rows = {row["id"]: row for row in ledger(tmp_path, "url_dedup")}
    assert {name: row["survivor"] for name, row in rows.items()} == {"a": "l", "b": "l", "d": "e"}
    assert {(row["fate"], row["rule"], row["similarity"]) for row in rows.values()} == {
        ("merged", "same_address", None)
    }


@pytest.mark.parametrize(
    ("options", "stay"),
    [
        ({"ignore_www": True}, "cefghijl"),
        ({"ignored_parameters": []}, "acdefghijkl"),
        ({"keep": "newest"}, "bcdfghijk"),
        ({"keep": "best", "best": "score"}, "acdfghijk"),
        ({"keep": "first"}, "acdfghijk"),
    ],
    ids=str,
)
def test_options(tmp_path, options, stay):
    dates = ["2020-01-01", "2024-05-05T00:00:00Z", None, "2021", "2020", *[None] * 7]
    docs = pages(date=dates, score=[float(-at) for at in range(len(PAGES))])
    assert kept(tmp_path, [docs], **options) == stay


def test_any_sharding_removes_the_same_documents(tmp_path):
    rng = random.Random(4)
    places = [f"https://h{rng.randrange(5)}.org/{rng.choice('aAbB')}?x={rng.randrange(3)}" for _ in range(300)]
    urls = [f"{place}&utm_id={at}" for at, place in enumerate(places)]
    docs = table({f"d{at}": "x" * rng.randrange(4) for at in range(300)}, url=urls)
    made = [result(tmp_path, "url_dedup", dealt(docs, count, count), f"run{count}") for count in (1, 3, 7)]
    assert made[0] == made[1] == made[2]
    assert len(made[0]) == len(set(places)) <= 60


def test_a_hundred_thousand_documents_of_one_address(tmp_path):
    docs = table({f"d{at:06d}": "text" for at in range(100_000)}, url=["https://example.org/"] * 100_000)
    assert result(tmp_path, "url_dedup", [docs], max_loss=None) == {"d000000": "text"}


def test_a_column_that_is_not_there_or_is_no_text(tmp_path):
    inputs = exam.write_shards(tmp_path / "in", [pages()])
    with pytest.raises(RecipeError, match=r"needs the column 'ulr'.*url"):
        exam.run("url_dedup", inputs, tmp_path / "out", column="ulr")
    inputs = exam.write_shards(tmp_path / "numbers", [table({"a": "b"}, url=[3])])
    with pytest.raises(InputError, match=r"column 'url' holds int64, not text. Convert it or name another"):
        exam.run("url_dedup", inputs, tmp_path / "out2", column="url")


def test_addresses_that_another_dataset_has(tmp_path):
    old = exam.write_shards(tmp_path / "old" / "in", [table({"o": "x"}, url=["http://example.org/news"])])
    exam.run("url_dedup", old, tmp_path / "old" / "out", column="url")
    got = result(tmp_path, "url_dedup", [pages()], against=[str(tmp_path / "old" / "out")])
    assert "".join(sorted(got)) == "efghijkl"
    [row] = [row for row in ledger(tmp_path, "url_dedup") if row["id"] == "c"]
    assert row["survivor"].endswith(":o") and row["rule"] == "same_address_against"
