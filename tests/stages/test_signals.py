"""`signals`: published values, lists by language, and filters that find what they would measure."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.api import run_recipe
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.recipe import loads
from datacurate.core.registry import stage_class, stages_in
from datacurate.core.stage import Filter
from datacurate.core.store import read_parts
from datacurate.stages import _wordlists
from datacurate.stages.signals import UT1, Signals
from tests.contract import exam

sys.path.append(str(Path(__file__).parents[1] / "kernels"))
import oracle_redpajama as twin
import text_samples

TEXTS = [*exam.ordinary(20), *exam.planes()[:6], "", None, "Die Katze {saß} auf dem Ei, und...\n\n• Ende"]


def table(texts=TEXTS, **columns) -> pa.Table:
    docs = exam.documents(texts)
    for name, values in columns.items():
        docs = docs.append_column(name, pa.array(values))
    return docs


def words_of(folder: str, name: str) -> set[str]:
    path = _wordlists.DATA / folder / name
    return {line.strip() for line in path.read_text(encoding="utf-8").splitlines()} if path.exists() else set()


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_columns_are_the_published_signals(language):
    real = [document[:3000].decode("utf-8", "replace") for document in text_samples.real_documents()[::40]]
    texts = TEXTS + real
    made = Signals().mapped(table(texts, language=[language] * len(texts))).to_pylist()
    stop, bad = words_of("stopwords", f"{language}.txt"), words_of("ldnoobw", language)
    assert len(stop) > 500
    for row, text in zip(made, texts, strict=True):
        wanted = twin.document(text or "", stop, bad)
        if not bad:
            wanted["rps_doc_ldnoobw_words"] = None
        assert {name: row[name] for name in wanted} == wanted
        for name, triples in twin.of_lines(text or "").items():
            assert row[name] == [score for _, _, score in triples]
            assert row["rps_lines_spans"] == [offset for start, end, _ in triples for offset in (start, end)]


def test_json_is_what_columns_say():
    """Each signal of the string equals its column, as [start, end, score] with the document's length in characters."""
    docs = table(language=["en"] * len(TEXTS), perplexity=[1.5] * len(TEXTS), bucket=["middle"] * len(TEXTS))
    columns = Signals().mapped(docs).to_pylist()
    strings = Signals(format="redpajama").mapped(docs)["quality_signals"].to_pylist()
    for row, string, text in zip(columns, strings, TEXTS, strict=True):
        signals, size = json.loads(string), len(text or "")
        assert signals["ccnet_perplexity"] == [[0, size, 1.5]] and signals["ccnet_bucket"] == [[0, size, 1.0]]
        for name, triples in signals.items():
            if name.startswith("rps_lines_"):
                lines = [[start, end, score] for start, end, score in twin.of_lines(text or "")[name]]
                empty = [[0, size, None]] if name == "rps_lines_start_with_bulletpoint" else []
                assert triples == (lines or empty)
            else:
                assert triples == [[0, size, row[name]]]
        assert isinstance(signals["rps_doc_word_count"][0][2], int)
        assert isinstance(signals["rps_doc_num_sentences"][0][2], float)


def test_languages_choose_the_lists():
    texts = ["the and und der"] * 5
    docs = table(texts, language=["en", "de", "xx", None, "und"])
    fraction = Signals().mapped(docs)["rps_doc_stop_word_fraction"].to_pylist()
    assert fraction == [0.5, 0.5, None, None, None]
    assert Signals(language="de").mapped(docs)["rps_doc_stop_word_fraction"].to_pylist() == [0.5, 0.5, None, 0.5, 0.5]
    assert Signals().mapped(table(texts))["rps_doc_stop_word_fraction"].null_count == 5


def test_made_says_what_is_made():
    of_ccnet = {"language": "en", "language_score": 0.5, "bucket": "head", "perplexity": 1.0, "original_length": 1}
    docs = table(**{name: [value] * len(TEXTS) for name, value in {**of_ccnet, "original_nlines": 1}.items()})
    for stage in (Signals(), Signals(of=["gopher_quality", "redpajama"]), Signals(format="redpajama")):
        made = stage.mapped(docs)
        added = set(made.column_names) - set(docs.column_names)
        told = stage.made(docs.column_names)
        assert added == set(told)
        assert all(kind in (None, made.schema.field(name).type) for name, kind in told.items())
        bare = stage.mapped(table(TEXTS))
        assert set(bare.column_names) - {"id", "text", "source"} == set(stage.made(["id", "text", "source"]))


def test_a_signal_that_copies_a_column_is_not_there_without_it(tmp_path):
    """A condition on one is refused when the run is planned, and found by lint."""
    from datacurate.audit.lint import lint
    from datacurate.core.plan import plan

    def recipe(**columns):
        pq.write_table(pa.table({"id": ["a"], "text": ["x"], **columns}), tmp_path / "in.parquet")
        stages = "[signals, where: {keep: ccnet_perplexity > 1}]"
        return loads(f"sources: {{a: {tmp_path / 'in.parquet'}}}\nstages: {stages}")

    with pytest.raises(RecipeError, match="where needs the column 'ccnet_perplexity', which nothing before it makes"):
        plan(recipe(), tmp_path / "store")
    assert "reads the column 'ccnet_perplexity', which nothing before it makes" in lint(recipe(), probe=False)[0]
    plan(recipe(perplexity=[2.0]), tmp_path / "store")
    assert lint(recipe(perplexity=[2.0]), probe=False) == []


# ---- UT1


def ut1(folder: Path) -> Path:
    for name, domains in {"adult": "a.com\nboth.com\n", "gambling": "both.com\nb.com:80\n", "news": "c.com\n"}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "domains").write_text(domains)
    return folder


def test_ut1_numbers_sets_of_categories(tmp_path):
    urls = [
        "http://a.com/x",
        "https://both.com",
        "http://b.com:80/",
        "http://b.com/",
        "c.com",
        None,
        "http://[",
        "http://c.com",
    ]
    docs = table(["x"] * len(urls), url=urls)
    made = Signals(ut1=str(ut1(tmp_path)), ut1_categories=["gambling", "adult"]).mapped(docs)
    assert made["rps_doc_ut1_blacklist"].to_pylist() == [0, 2, 1, None, None, None, None, None]


def test_numbers_of_sets_are_places_in_redpajama_s_list():
    from itertools import chain, combinations

    known = sorted(UT1)
    every = chain.from_iterable(combinations(known, size) for size in range(1, len(known) + 1))
    for place, chosen in enumerate(every):
        assert _wordlists.set_number(chosen, known) == place


def test_a_folder_without_ut1(tmp_path):
    with pytest.raises(Exception, match=r"no CATEGORY/domains below .*Unpack"):
        Signals(ut1=str(tmp_path)).files()
    with pytest.raises(Exception, match=r"has none of porn\. It has: adult, gambling, news"):
        Signals(ut1=str(ut1(tmp_path)), ut1_categories=["porn"]).files()


# ---- filters that find their signals

OWN = [name for name in stages_in("filter") if stage_class(name).measured is Filter.measured]
FILTERS = [name for name in OWN if name != "language"]


def variants():
    for name in FILTERS:
        yield name
        yield from (f"{name}:{preset}" for preset in stage_class(name).presets)


def of(variant: str) -> Filter:
    name, _, preset = variant.partition(":")
    return stage_class(name)(**({"preset": preset} if preset else {}))


@pytest.mark.parametrize("variant", list(variants()))
def test_a_filter_reads_its_signals_instead_of_measuring(variant, monkeypatch):
    """The filter's `measure` is not called, and measured, kept and removed rows are the same."""
    stage, texts = of(variant), [text for text in TEXTS if text]
    docs = table(texts, language=["en"] * len(texts), url=["http://a.com/b.py"] * len(texts))
    if missing := [name for name, needed in stage.reads().items() if needed and name not in docs.column_names]:
        pytest.skip(f"needs {missing}")
    if not set(stage.reads()) <= {"id", "text"}:
        pytest.skip("other columns may change: it always measures (test_signals_of_other_columns_are_not_reused)")
    measured = stage.measured(docs)
    kept = stage.decided(docs, measured)
    with_signals = Signals(of=[variant]).mapped(docs)
    assert stage.signal_column() in with_signals.column_names

    def refuse(*args, **kwargs):
        raise AssertionError("measured again")

    refuse.__signature__ = inspect.signature(type(stage).measure)
    monkeypatch.setattr(type(stage), "measure", refuse)
    with pytest.raises(AssertionError, match="measured again"):
        stage.measured(docs)
    found = stage.measured(with_signals)
    assert str(found.to_pydict()) == str(measured.to_pydict()), "as text, since NaN differs from itself"
    again = stage.decided(with_signals, found)
    assert again.docs["id"].equals(kept.docs["id"]) and again.docs["text"].equals(kept.docs["text"])
    for one, other in zip(again.removed, kept.removed, strict=True):
        assert list(one.rule) == list(other.rule) and one.index.tolist() == other.index.tolist()


def test_in_a_recipe_the_outcome_is_the_same(tmp_path):
    inputs = exam.write_shards(tmp_path / "in", exam.shards(exam.ordinary(60), 2))
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")

    def run(name, stages):
        recipe = loads(f"sources: {{docs: {inputs}}}\nstages: [{stages}]")
        done = run_recipe(recipe, tmp_path / name, tmp_path / "store", profile)
        made = [m for m in done.manifests if m["stage"].startswith("gopher")]
        parts = [done.folder / manifest["folder"] / path for manifest in made for path in manifest["ledgers"]]
        ledger = read_parts(parts).select(["id", "rule", "value", "bound"])
        return exam.rows(done.folder / made[-1]["folder"]).select(["id", "text"]), ledger

    filters = "gopher_quality, gopher_repetition"
    plain = run("plain", filters)
    ready = run("ready", f"signals: {{of: [redpajama, gopher_quality, gopher_repetition]}}, {filters}")
    assert plain[0].equals(ready[0]) and plain[1].equals(ready[1]) and plain[1].num_rows


def test_other_words_are_measured_again():
    docs = Signals(of=["gopher_quality"]).mapped(table(["the cat"]))
    stage = stage_class("gopher_quality")(stop_words=["cat"])
    assert stage.signal_column() not in docs.column_names
    assert stage.measured(docs)["stop_words"].to_pylist() == [1]


def test_a_new_version_of_a_filter_gives_another_key(monkeypatch):
    before = Signals(of=["gopher_quality"]).changed_fields()
    monkeypatch.setattr(stage_class("gopher_quality"), "version", 99)
    assert Signals(of=["gopher_quality"]).changed_fields() != before
    assert Signals().changed_fields() == {}


def test_a_stage_that_changes_texts_removes_the_signals(tmp_path):
    from datacurate.core.stage import without_derived

    docs = Signals(of=["redpajama", "gopher_quality"]).mapped(table())
    assert without_derived(docs).column_names == ["id", "text", "source"]


# ---- options


@pytest.mark.parametrize(
    ("of_", "said"),
    [
        (["redpyjama"], r"unknown stage 'redpyjama'.*Families: redpajama, dolma"),
        (["gopher_qualty"], "Did you mean 'gopher_quality'"),
        (["refinedweb:papr"], "no preset 'papr'"),
        (["extract"], "'extract' measures nothing of its own"),
        (["where"], "'where' measures nothing of its own"),
        (["unless"], "'unless' measures nothing of its own"),
        (["fineweb:x"], "fineweb has no presets"),
    ],
)
def test_unknown_names_are_told(of_, said):
    with pytest.raises(ValueError, match=said):
        Signals(of=of_)


def test_a_column_of_the_wrong_type_is_told():
    with pytest.raises(Exception, match="signals: the column 'perplexity' holds string, not numbers"):
        Signals().mapped(table(["x"], perplexity=["high"]))


def test_signals_of_other_columns_are_not_reused():
    """The language that bad words were counted in may be another one by now."""
    stage = stage_class("bad_words")()
    docs = table([f"{word} " * 9 for word in ("fuck", "fick")], language=["de", "en"])
    stale = Signals(of=["bad_words"]).mapped(docs)
    now = stale.set_column(stale.schema.get_field_index("language"), "language", pa.array(["en", "de"]))
    assert stage.decided(stale, stage.measured(stale)).docs.num_rows == 2
    assert stage.decided(now, stage.measured(now)).docs.num_rows == 0


@pytest.mark.parametrize("values", [["x"], [1.0], [{"words": 3}]])
def test_a_column_that_is_not_the_filter_s_is_an_error(values):
    stage = stage_class("gopher_quality")()
    docs = table(["some text"]).append_column(stage.signal_column(), pa.array(values))
    with pytest.raises(InputError, match=r"column 'measured\.gopher_quality.*the stage 'signals' did not make it"):
        stage.measured(docs)


def test_null_signals_are_measured():
    stage = stage_class("gopher_quality")()
    docs = Signals(of=["gopher_quality"]).mapped(table(TEXTS))
    name = stage.signal_column()
    half = docs[name].to_pylist()
    half[1] = None
    holed = docs.set_column(docs.schema.get_field_index(name), name, pa.array(half, docs.schema.field(name).type))
    assert stage.measured(holed).equals(stage.measured(docs))


def test_where_reads_signals(tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(table(exam.ordinary(20)), path)
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    column = stage_class("gopher_quality")().signal_column()
    recipe = loads(
        f"sources: {{docs: {path}}}\nstages: [signals: {{of: [redpajama, gopher_quality]}}, "
        f"where: {{keep: [rps_doc_word_count >= 50, {column}.words >= 60]}}]"
    )
    done = run_recipe(recipe, tmp_path / "run", tmp_path / "store", profile)
    kept = exam.rows(done.folder / done.manifests[-1]["folder"])
    assert 0 < kept.num_rows < 20 and min(kept["rps_doc_word_count"].to_pylist()) >= 50


# ---- dolma


def test_dolma_s_attributes():
    """Names and values of dolma's own tagger, on a text whose figures are counted by hand."""
    docs = table(["the cat and # the cat…\n- the cat and # the cat\n- the cat and # the cat\n", "", None])
    made = Signals(of=["dolma"]).mapped(docs)
    assert set(made.column_names) - set(docs.column_names) == set(Signals(of=["dolma"]).made([]))
    row = {name.removeprefix("gopher_v1__"): value for name, value in made.to_pylist()[0].items()}
    assert (row["word_count"], row["median_word_length"], row["required_word_count"]) == (20, 3, 9)
    assert row["symbol_to_word_ratio"] == 4 / 20 and row["fraction_of_words_with_alpha_character"] == 15 / 20
    assert row["fraction_of_lines_starting_with_bullet_point"] == 2 / 4
    assert row["fraction_of_lines_ending_with_ellipsis"] == 1 / 4
    assert row["fraction_of_duplicate_lines"] == 2 / 4 and row["fraction_of_characters_in_duplicate_lines"] == 46 / 51
    assert row["fraction_of_characters_in_most_common_2grams"] == 5 * 6 / 51
    assert made["gopher_v1__word_count"].to_pylist()[1:] == [0, 0]


def test_dolma_s_attributes_of_c4(tmp_path):
    """Counted by hand; `c4_v1` wants javascript as a word, `c4_v2` counts the dotted capital I twice."""
    texts = [
        "One two three.\nno\n\u0130stanbul JavaScripts too\n",
        "Lorem Ipsum {",
        "A bad\u3000WORD, so bad.",
        "",
        None,
    ]
    path = tmp_path / "words.txt"
    path.write_text("so bad\n  word,  \n\n")
    stage = Signals(of=["dolma_c4", "dolma_c4_v1"], naughty_words=str(path))
    docs = table(texts)
    made = stage.mapped(docs)
    assert set(made.column_names) - set(docs.column_names) == set(stage.made())
    assert all(made.schema.field(name).type == kind for name, kind in stage.made().items())
    rows = made.to_pylist()
    second, first = ({k.removeprefix(tagger): v for k, v in rows[0].items()} for tagger in ("c4_v2__", "c4_v1__"))
    assert (second["line_count"], second["lines_with_no_ending_punctuation"], second["lines_with_too_few_words"]) == (
        4,
        3,
        2,
    )
    assert second["lines_with_too_few_words_characters"] == first["lines_with_too_few_words_characters"] == 3
    assert first["lines_with_no_ending_punctuation_characters"] == 3 + 25
    assert second["lines_with_no_ending_punctuation_characters"] == 3 + 26
    assert (first["has_javascript"], second["has_javascript"]) == (0, 1)
    marks = ("has_curly_brace", "has_lorem_ipsum", "has_naughty_word")
    assert [[row[f"c4_v2__{name}"] for name in marks] for row in rows] == [
        [0] * 3,
        [1, 1, 0],
        [0, 0, 1],
        [0] * 3,
        [0] * 3,
    ]
    assert rows[3]["c4_v2__line_count"] == rows[4]["c4_v2__line_count"] == 1


def test_naughty_words_are_ldnoobw_s_unless_given(tmp_path):
    docs = table(["The scat song is jazz.", "A kinbaku rope.", "Nothing."])
    assert Signals(of=["dolma_c4"]).mapped(docs)["c4_v2__has_naughty_word"].to_pylist() == [1, 1, 0]
    path = tmp_path / "words.txt"
    path.write_text("jazz.\n")
    stage = Signals(of=["dolma_c4"], naughty_words=str(path))
    assert stage.mapped(docs)["c4_v2__has_naughty_word"].to_pylist() == [1, 0, 0]
    assert stage.files() == [str(path)] and Signals().files() and not Signals(of=["dolma"]).files()
    assert stage.changed_fields() == {"of": ["dolma_c4"], "naughty_words": "(a file)"}


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot read"), (b"\xff\xfe", "cannot read"), (b" \n\n", "holds no")]
)
def test_a_list_that_is_none_is_told(tmp_path, content, said):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        Signals(of=["dolma_c4"], naughty_words=str(path)).files()


def test_a_stage_that_changes_texts_removes_c4_s_attributes():
    from datacurate.core.stage import without_derived

    docs = Signals(of=["dolma_c4", "dolma_c4_v1"]).mapped(table())
    assert without_derived(docs).column_names == ["id", "text", "source"]
