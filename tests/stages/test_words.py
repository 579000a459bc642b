"""Other tokenizers' words as byte offsets: equal to what the tokenizer itself says, on any text."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.core.errors import CurateError, InputError
from datacurate.kernels import text as kernel
from datacurate.stages import _dictionary, _tokenizers, _words

sys.path.insert(0, str(Path(__file__).parent.parent / "kernels"))
import text_samples

sentence_like = st.lists(
    st.sampled_from(["a", "Don't", "I.B.M.", ".", "!", "...", '"', ")", "(", "。", "?!", "é", "\n", "  ", " ", "\t "]),
    max_size=30,
).map("".join)
unicode_text = st.one_of(st.text(max_size=60), sentence_like, text_samples.anything.map(_words.decoded))


def strings(documents, found):
    spans = list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))
    parts = [spans[a:b] for a, b in pairwise(found.offsets.tolist())]
    encoded = [document.encode() if isinstance(document, str) else document for document in documents]
    return [[e[a:b].decode("utf-8", "surrogateescape") for a, b in p] for e, p in zip(encoded, parts, strict=True)]


def words_of(documents, how, languages=None):
    language = None if languages is None else pa.array(languages, pa.string())
    return strings(documents, _words.tokens(pa.array(documents), how, language))


def stripped(words):
    """What datatrove does to every tokenizer's words."""
    return [word.strip() for word in words if word.strip()]


@given(st.lists(unicode_text, max_size=4))
@settings(max_examples=200, deadline=None)
def test_whitespace_is_str_split(documents):
    assert words_of(documents, "whitespace") == [document.split() for document in documents]


@given(text_samples.documents)
@settings(max_examples=100, deadline=None)
def test_whitespace_takes_any_bytes(documents):
    found = _words.tokens(pa.array(documents, pa.binary()), "whitespace")
    assert strings(documents, found) == [d.decode("utf-8", "surrogateescape").split() for d in documents]


def test_fast_mode_leaves_words_to_the_kernel():
    assert _words.tokens(pa.array(["a b"]), "fast") is None and _words.files("fast") == []


@pytest.mark.parametrize("code", ["en", "fr", "xx"])
@given(documents=st.lists(unicode_text, max_size=4))
@example(documents=[" a  b.\u00a0c \ufeff", "\x1c\x85", "x\u2028y"])
@settings(max_examples=30, deadline=None)
def test_spacy_words_and_sentences_are_spacy_s(code, documents):
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank(code)
    nlp.add_pipe("sentencizer")
    parsed = [nlp(document) for document in documents]
    assert words_of(documents, "spacy", [code] * len(documents)) == [stripped(t.text for t in d) for d in parsed]
    counted = _words.sentences(pa.array(documents, pa.string()), "spacy", default_language=code)
    assert counted.tolist() == [len(stripped(s.text for s in d.sents)) for d in parsed]


def test_spacy_on_real_text_in_many_languages():
    spacy = pytest.importorskip("spacy")
    documents = [document.decode("utf-8", "replace")[:3000] for document in text_samples.real_documents()]
    if not documents:
        pytest.skip("no data folder beside the checkout")
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    parsed = [nlp(document) for document in documents]
    assert words_of(documents, "spacy", ["xx"] * len(documents)) == [stripped(t.text for t in d) for d in parsed]
    counted = _words.sentences(pa.array(documents), "spacy", default_language="xx")
    assert counted.tolist() == [len(stripped(s.text for s in d.sents)) for d in parsed]


@pytest.mark.parametrize("how", ["nltk", "uniseg"])
@given(documents=st.lists(unicode_text, max_size=4))
@example(documents=["He said \"hi.\" ``x'' don't", "a\u202f1 b\u0301 \u0301c", '" ""\'\'', "--...-- cannot [x]"])
@settings(max_examples=100, deadline=None)
def test_nltk_and_uniseg_words_are_theirs(how, documents):
    expected = {"nltk": nltk_words, "uniseg": uniseg_words}[how]
    assert words_of(documents, how) == [expected(document) for document in documents]


def nltk_words(document):
    """NLTK's own spans where it finds them; double quotes are those of the text."""
    punkt = pytest.importorskip("nltk.tokenize.punkt").PunktSentenceTokenizer()
    words = sys.modules["nltk.tokenize"].NLTKWordTokenizer()
    found = []
    for a, b in punkt.span_tokenize(document):
        tokens = words.tokenize(document[a:b])
        spans, at = [], a
        for token in tokens:
            forms = {"``": ('"', "``", "''"), "''": ('"', "''", "``")}.get(token, (token,))
            start, form = min((document.index(form, at), form) for form in forms if document.find(form, at) >= 0)
            assert not document[at:start].strip()
            spans.append(form)
            at = start + len(form)
        found += spans
    return found


def uniseg_words(document):
    """DCLM's `split_words(text, model="uniseg", ignore_punctuation=True)`."""
    words = pytest.importorskip("uniseg.wordbreak").words
    return [word for word in words(document) if word[0].isalnum()]


@given(documents=st.lists(st.one_of(unicode_text, st.text("กาไทยเป็น่ ລາວ\u200bab.", max_size=40)), max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_dictionary_cuts_only_its_scripts(documents):
    """Thai stretches are what PyThaiNLP makes of them; everything else is fast mode's."""
    thai = pytest.importorskip("pythainlp.tokenize")
    fast = strings(documents, kernel.words(pa.array(documents, pa.string())))
    found = words_of(documents, "dictionary")
    is_thai = [[re.match("[\u0e01-\u0e7f]", word) and word[0].isalpha() for word in words] for words in fast]
    for document, mine, theirs, flags in zip(documents, found, fast, is_thai, strict=True):
        if not any(flags):
            assert mine == theirs
        assert "".join(mine).replace("\u200b", "") == "".join(theirs).replace("\u200b", "")
        if mine and all(flags) and " " not in document and "\u200b" not in document:
            assert mine == thai.word_tokenize(document, engine="newmm-safe")


def test_dictionary_words_as_people_expect_them():
    pytest.importorskip("pythainlp")
    documents = ["ภาษาไทย is ไม่\u200bเป็นไรครับ5", "", "東京 ລາວ", "ครับ"]
    expected = [["ภาษาไทย", "is", "ไม่", "เป็นไร", "ครับ", "5"], [], ["東", "京", "ລາວ"], ["ครับ"]]
    assert words_of(documents, "dictionary") == expected


def test_a_dictionary_that_changes_letters_names_the_document(monkeypatch):
    pytest.importorskip("pythainlp")
    monkeypatch.setattr(_dictionary, "_loaded", lambda _: lambda text: [text[0], "ฮ"])
    with pytest.raises(ValueError, match="pythainlp's 'ฮ' is not in document 2"):
        _dictionary.words(pa.array(["a", "กข"]))


def test_long_stretches_are_given_in_pieces(monkeypatch):
    given_pieces = []
    monkeypatch.setattr(_dictionary, "chosen", lambda: {"thai": "none"})
    monkeypatch.setattr(_dictionary, "_loaded", lambda _: lambda text: given_pieces.append(text) or [text])
    _dictionary.words(pa.array(["ก" * 2500]))
    assert [len(piece) for piece in given_pieces] == [1000, 1000, 500]


PEERS = Path(__file__).parents[2] / ".venv-bench" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.skipif(not (PEERS / "site-packages" / "datatrove").exists(), reason="no .venv-bench with datatrove")
def test_datatrove_s_own_choice_and_its_spacy():
    """In a process of its own, which sees datatrove. The word IS_ALPHA is not compared: from run to
    run spaCy raises at it, keeps it or writes another word of the text in its place."""
    code = """
import sys; sys.path.append(sys.argv[1])
import pyarrow as pa
from itertools import pairwise
from datacurate.stages import _words
from datatrove.utils.word_tokenizers import SpaCyTokenizer, load_word_tokenizer
text = "I don't know (him): l'été, e.g. this! ภาษาไทยดี 10,5 Straße \u00a0 x"
for language in ("en", "deu", "fr", "th", "arz", "heb_Hebr", "vep"):
    batch = pa.array([text + language, "", None, text])
    for how, peer in (("datatrove", load_word_tokenizer), ("spacy", SpaCyTokenizer)):
        if how == "spacy" and len(language) > 2:
            continue
        found = _words.tokens(batch, how, default_language=language)
        peer = peer(language)
        for row, (a, b) in enumerate(pairwise(found.offsets)):
            raw = (batch[row].as_py() or "").encode()
            mine = [raw[x:y].decode() for x, y in zip(found.starts[a:b], found.ends[a:b])]
            theirs = peer.word_tokenize(raw.decode())
            assert mine == theirs, (how, language, mine, theirs)
print("equal")
"""
    run = subprocess.run([sys.executable, "-c", code, PEERS / "site-packages"], capture_output=True, text=True)
    assert run.stdout == "equal\n", run.stderr[-2000:]


def test_every_document_has_its_own_language():
    pytest.importorskip("spacy")
    documents = ["l'été don't"] * 3 + [""]
    found = words_of(documents, "spacy", ["fra_Latn", None, "und", "zxx"])
    assert found == [["l'", "été", "don'", "t"], ["l'été", "do", "n't"], ["l'été", "do", "n't"], []]


def test_the_word_that_breaks_spacy_is_left_out_as_datatrove_does():
    pytest.importorskip("spacy")
    documents = ["a", "see IS_ALPHA: IS_ALPHA", "xIS_ALPHAy don't"]
    assert words_of(documents, "spacy") == [["a"], ["see", ":"], ["xIS_ALPHAy", "do", "n't"]]


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "en"), ("no", "nb"), ("zh", "zh"), ("deu", "de"), ("eng_Latn", "en"), ("pt-BR", "pt"), ("war", "xx"),
     ("sh", "xx"), ("char_classes", "xx"), ("../x", "xx")],
)  # fmt: skip
def test_language_codes(language, code):
    pytest.importorskip("spacy")
    assert _tokenizers.spacy_code(language) == code


def test_a_language_that_needs_more_is_said(monkeypatch):
    spacy = pytest.importorskip("spacy")

    def absent(*_, **__):
        raise ImportError("no mecab")

    monkeypatch.setattr(spacy, "blank", absent)
    _tokenizers.blank.cache_clear()
    with pytest.raises(CurateError, match=r"'ko' needs another package: no mecab\. .*words: fast"):
        _words.tokens(pa.array(["a"]), "spacy", default_language="ko")


@pytest.mark.parametrize("how", ["spacy", "nltk", "uniseg", "datatrove", "dictionary"])
def test_a_missing_package_is_said_before_anything_runs(how, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    for kept in (_words._metadata_file, _dictionary._distribution):
        kept.cache_clear()
    needs = "a dictionary segmenter" if how == "dictionary" else f"the package {how}"
    for ask in (_words.files, lambda how: _words.tokens(pa.array(["ก"]), how)):
        with pytest.raises(InputError, match=rf"words: {how} needs {needs}: .*pip install 'datacurate\[words\]'"):
            ask(how)
    _dictionary._distribution.cache_clear()


def test_the_files_of_a_mode_move_with_its_version():
    pytest.importorskip("spacy")
    (file,) = _words.files("spacy")
    assert f"Version: {metadata.version('spacy')}\n" in Path(file).read_text(encoding="utf-8")


@pytest.mark.parametrize("part", ["(", "a", "http://", ".-", "\u0301", "ab "])
def test_spacy_ends_on_hostile_text(part):
    pytest.importorskip("spacy")
    document = (part * 200_000)[:200_000]
    found = _words.tokens(pa.array([document]), "spacy")
    joined = "".join(strings([document], found)[0])
    assert joined == document.replace(" ", "")


def test_long_texts_are_cut_where_nothing_changes(monkeypatch):
    spacy = pytest.importorskip("spacy")
    document = "I don't know (him), U.S. or e.g. you.  \n" * 40
    monkeypatch.setattr(_tokenizers, "_BLOCK", 30)
    _words._words.cache_clear()
    assert words_of([document], "spacy") == [stripped(t.text for t in spacy.blank("en")(document))]


def test_a_package_that_turns_out_to_be_missing_fails_the_task_and_no_document(monkeypatch):
    pytest.importorskip("spacy")

    def absent(*_):
        raise ImportError("no sudachi")

    monkeypatch.setattr(_tokenizers, "_pieces", absent)
    _words._words.cache_clear()
    with pytest.raises(CurateError, match="words: spacy: no sudachi; install it, or use words: fast"):
        _words.tokens(pa.array(["a", "b"]), "spacy")


def test_a_tokenizer_that_fails_names_the_document(monkeypatch):
    pytest.importorskip("spacy")
    monkeypatch.setattr(_tokenizers, "_pieces", lambda *_: 1 / 0)
    _words._words.cache_clear()
    with pytest.raises(ValueError, match="words: spacy: document 1 of 2: division by zero"):
        _words.tokens(pa.array(["a", "b"]), "spacy")


def test_offsets_from_characters_are_trimmed_bytes():
    document = "é  añ\u2003 b"
    found = kernel.from_characters(pa.array([document]), [0, 1, 3, 5, 6], [1, 3, 5, 6, 8], [0, 5])
    assert strings([document], found) == [["é", "añ", "b"]]
    kept = kernel.from_characters(pa.array([document]), [1, 3], [3, 6], [0, 2], trim=False)
    assert strings([document], kept) == [["  ", "añ\u2003"]]
