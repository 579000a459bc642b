"""Lines and paragraphs that stand in more than one place: against a slow twin, in any sharding, at the edges."""

from __future__ import annotations

import random
import time

import pyarrow as pa
import pytest
from part_tools import dealt, ledger, rank, result, table

from datacurate.core.errors import InputError, RecipeError
from datacurate.core.phase import Size
from datacurate.stages.dedup.lines import Lines
from tests.contract import exam
from tests.kernels import oracle_lines

WORDS = [
    "Menu",
    "menu ",
    "Home",
    "© 2024 Site",
    "© 2023 site",
    "a b c",
    "a  b, c",
    "",
    " ",
    "one",
    "Two.",
    "deux é",
    "deux e",
]


def corpus(seed: int, count: int = 40) -> pa.Table:
    """Documents of few different lines, with groups."""
    rng = random.Random(seed)
    texts = {f"d{at}": "\n".join(rng.choices(WORDS, k=rng.randrange(7))) for at in range(count)}
    return table(texts, language=rng.choices(["en", "de", None], k=count))


def twin(docs: pa.Table, stage: Lines) -> dict[str, str]:
    """What is left of every document, in Python: documents in the order of their ranks, part after part."""
    rows = sorted(docs.to_pylist(), key=lambda row: rank(row["id"]))
    spans = {row["id"]: oracle_lines.parts(row["text"].encode(), stage.unit, not stage.skip_empty) for row in rows}
    places: dict[tuple, list[tuple]] = {}
    for row in rows:
        group = {"corpus": None, "group": row.get(stage.group) or "", "document": row["id"]}[stage.scope]
        for a, b in spans[row["id"]]:
            form = oracle_lines.form(row["text"].encode()[a:b], stage.normalize)
            text = form.decode()
            if len(text) >= stage.min_chars and len(text.split()) >= stage.min_words:
                places.setdefault((group, form), []).append((row["id"], (a, b)))
    stay = 1 if stage.keep == "first" else 0
    gone: dict[str, list] = {row["id"]: [] for row in rows}
    for found in places.values():
        for name, span in found[stay:] if len(found) > 1 else []:
            gone[name].append(span)
    left = {row["id"]: oracle_lines.without_lines(row["text"].encode(), gone[row["id"]]).decode() for row in rows}
    enough = {name: not gone[name] or len("".join(text.split())) >= stage.min_left for name, text in left.items()}
    return {name: text for name, text in left.items() if enough[name]}


OPTIONS = [
    {},
    {"preset": "ccnet"},
    {"normalize": "lower"},
    {"normalize": "letters", "min_left": 4},
    {"skip_empty": False},
    {"scope": "group", "group": "language"},
    {"scope": "document", "keep": "none"},
    {"min_chars": 4, "min_words": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_against_the_twin_in_any_sharding(tmp_path, options):
    docs = corpus(len(str(options)))
    expected = twin(docs, Lines(**options))
    assert expected and expected != dict(zip(docs["id"].to_pylist(), docs["text"].to_pylist(), strict=True))
    for seed, count in enumerate((1, 3, 7)):
        assert result(tmp_path, "lines", dealt(docs, count, seed), f"run{seed}", **options) == expected
    if Lines(**options).keep == "first":
        for seed, count in enumerate((1, 4)):
            shards = dealt(docs, count, seed)
            assert result(tmp_path, "lines", shards, f"bloom{seed}", bloom=1e-9, slices=3, **options) == expected


def test_paragraphs(tmp_path):
    texts = {"a": "Head\n\nSame\nlines\n\n\nEnd a", "b": "Same\nlines\n\nOther\nlines\n", "c": "x\n\n Same\nlines\n\n"}
    first = min("ab", key=rank)
    got = result(tmp_path, "lines", [table(texts)], unit="paragraph")
    expected = {"a": "Head\n\nEnd a", "b": "Other\nlines\n", "c": texts["c"]}
    assert got == {**expected, first: texts[first]}


def test_the_evidence_names_rows_places_and_survivors():
    """The table of cuts says which bytes of which row go, and in which row they stand first."""
    import numpy as np

    docs = table({"a": "x\nMenu", "b": "é\nMenu\ny", "c": "Menu"})
    stage = Lines()
    first = min("abc", key=rank)
    hashed = stage.hashed(docs, np.arange(3, dtype=np.uint64), Size(0, 1))
    found = sorted(pa.concat_tables(stage.repeats([hashed], 0)).to_pylist(), key=lambda cut: cut["row"])
    spans = {"a": (2, 6), "b": (3, 7), "c": (0, 4)}
    expected = [(at, *spans[name], "abc".index(first)) for at, name in enumerate("abc") if name != first]
    assert [(row["row"], row["start"], row["end"], row["survivor"]) for row in found] == expected


def test_a_filter_errs_alike_in_any_sharding_and_says_so(tmp_path):
    """At a rate of one half, more goes than is there twice; the evidence names the filter, not a document."""
    from datacurate.core.store import read_parts

    rng = random.Random(4)
    texts = {f"d{at}": "\n".join(f"{rng.randrange(600)}" for _ in range(9)) for at in range(60)}
    docs = table(texts | {"e": "x\ny\nx"})
    runs = [result(tmp_path, "lines", dealt(docs, n, n), f"run{n}", bloom=0.5, slices=2) for n in (1, 4, 9)]
    assert runs[0] == runs[1] == runs[2] != twin(docs, Lines())
    cuts = read_parts(sorted((tmp_path / "run4/out/.store").glob("lines.repeats-*/*.parquet")))
    assert set(cuts["survivor"].to_pylist()) == {"a document before it, by a Bloom filter that errs at 0.5"}
    exact = 543 - len({line for text in docs["text"].to_pylist() for line in text.split("\n")})
    assert exact < cuts.num_rows < exact + 0.5 * (543 - exact)


def test_long_lines_through_a_filter(tmp_path):
    """Lines of more than 65,535 bytes are kept apart in records."""
    line = "word " * 14_000
    docs = table({name: f"{name}\n{line}\n{name}2\n{line * 2}\n" for name in "abc"})
    expected = result(tmp_path, "lines", [docs], "exact")
    first = min("abc", key=rank)
    assert expected == {n: docs["text"][at].as_py() if n == first else f"{n}\n{n}2\n" for at, n in enumerate("abc")}
    assert result(tmp_path, "lines", [docs.slice(0, 1), docs.slice(1)], "bloom", bloom=1e-9) == expected


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bloom": 0.01, "keep": "none"}, "bloom: .*first copy.*take keep: first"),
        ({"bloom": 1.0}, "less than 1"),
        ({"against": ["x"], "scope": "document"}, "against: .*leave one out"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Lines(**options)


def test_what_is_left_decides_and_the_ledger_says_why(tmp_path):
    texts = {f"d{at}": f"Menu\nHome\nnumber {at}" for at in range(9)} | {"short": "x"}
    got = result(tmp_path, "lines", [table(texts)], min_left=8)
    first = min(texts.keys() - {"short"}, key=rank)
    assert got == {first: texts[first], "short": "x"}, "short documents are kept where nothing was cut"
    rows = ledger(tmp_path, "lines")
    assert {(row["fate"], row["rule"], row["value"], row["bound"]) for row in rows} == {
        ("dropped", "too_little_left", 7.0, 8.0)
    }
    assert len(rows) == 8


def test_empty_and_boilerplate_only_documents(tmp_path):
    texts = {"e1": "", "e2": "", "n": None, "s1": " \n ", "s2": " \n ", "m1": "Menu\nHome", "m2": "Home\nMenu"}
    docs = table({name: text for name, text in texts.items() if text is not None})
    got = result(tmp_path, "lines", [docs])
    assert got == {"e1": "", "e2": "", "s1": " \n ", "s2": " \n ", **{n: texts[n] for n in [min("m1", "m2", key=rank)]}}


def test_a_hundred_thousand_identical_documents(tmp_path):
    """One stays, in linear time."""
    text = "Home\nAbout us\nAll rights reserved"
    docs = table({f"d{at:06d}": text for at in range(100_000)})
    Lines().warm()
    started = time.perf_counter()
    got = result(tmp_path, "lines", [docs], max_loss=None)
    assert time.perf_counter() - started < 30
    assert got == {min(docs["id"].to_pylist(), key=rank): text}


def test_another_bound_does_not_read_the_documents_again(tmp_path):
    inputs = exam.write_shards(tmp_path / "in", [corpus(1)])
    exam.run("lines", inputs, tmp_path / "out")
    store = tmp_path / "out" / ".store"
    before = {str(path): path.stat().st_mtime_ns for path in store.glob("lines.[hr]*/*")}
    exam.run("lines", inputs, tmp_path / "out", min_left=9)
    assert before == {str(path): path.stat().st_mtime_ns for path in store.glob("lines.[hr]*/*")}
    assert len(list(store.glob("lines-*"))) == 2


def test_a_missing_group_column_is_refused(tmp_path):
    inputs = exam.write_shards(tmp_path / "in", [corpus(1)])
    with pytest.raises(RecipeError, match=r"needs the column 'languag'.*language"):
        exam.run("lines", inputs, tmp_path / "out", scope="group", group="languag")


def test_the_number_of_slices_does_not_matter(tmp_path):
    docs = corpus(3)
    made = [result(tmp_path, "lines", [docs], f"run{slices}", slices=slices) for slices in (1, 16, 100)]
    assert made[0] == made[1] == made[2] == twin(docs, Lines())


def test_a_group_column_of_lists_is_refused(tmp_path):
    docs = table({"a": "b"}, where=[[1]])
    with pytest.raises(InputError, match=r"lines: the column 'where' holds list.*Convert it or name another"):
        result(tmp_path, "lines", [docs], scope="group", group="where")
