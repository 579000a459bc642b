"""Names and addresses by a model: what is asked of it, how its spans join the others, what is said when it lacks."""

import sys
import types

import pyarrow as pa
import pytest

from datacurate.core.errors import CurateError
from datacurate.stages import _pii_ner
from datacurate.stages.pii import Pii


class Entity:
    def __init__(self, entity_type, start, end, score):
        self.entity_type, self.start, self.end, self.score = entity_type, start, end, score


class Analyzer:
    """Finds every Zoë, surely, and every Paris, less so."""

    def __init__(self, nlp_engine, supported_languages):
        assert nlp_engine == "engine" and supported_languages == ["en"]

    def analyze(self, text, entities, language):
        assert set(entities) == {"PERSON", "LOCATION"} and language == "en"
        for word, kind, score in (("Zoë", "PERSON", 0.85), ("Paris", "LOCATION", 0.4)):
            at = text.find(word)
            while at >= 0:
                yield Entity(kind, at, at + len(word), score)
                at = text.find(word, at + 1)


class Provider:
    def __init__(self, nlp_configuration):
        assert nlp_configuration["models"][0]["model_name"] == "en_core_web_lg"

    def create_engine(self):
        return "engine"


class Model:
    @classmethod
    def from_pretrained(cls, name):
        if name == "missing":
            raise OSError("no such model")
        return cls()

    def predict_entities(self, text, labels):
        assert set(labels) == {"person", "address"} and len(text) <= 1_200
        at = text.find("Zoë")
        return [{"label": "person", "start": at, "end": at + 3, "score": 0.9}] if at >= 0 else []


@pytest.fixture(autouse=True)
def _models(monkeypatch):
    """Stand-ins for both packages, with the part of their interfaces that we use."""
    _pii_ner.engine.cache_clear()
    presidio, nlp, gliner = (types.ModuleType(n) for n in ("presidio_analyzer", "nlp_engine", "gliner"))
    presidio.AnalyzerEngine, nlp.NlpEngineProvider, gliner.GLiNER = Analyzer, Provider, Model
    monkeypatch.setitem(sys.modules, "presidio_analyzer", presidio)
    monkeypatch.setitem(sys.modules, "presidio_analyzer.nlp_engine", nlp)
    monkeypatch.setitem(sys.modules, "gliner", gliner)
    yield
    _pii_ner.engine.cache_clear()


def masked(text, **options):
    stage = Pii(**options)
    docs = pa.table({"id": ["a"], "text": [text], "source": ["s"]})
    return stage.decided(docs, pa.table(stage.measure(docs["text"].combine_chunks()))).docs["text"][0].as_py()


def test_presidio():
    options = {"ner": "presidio", "kinds": ["name", "address", "email"]}
    assert masked("é Zoë of Paris: zoe@gmail.com, Zoë", **options) == "é <NAME> of Paris: <EMAIL>, <NAME>"
    assert masked("Zoë of Paris", ner_min_score=0.3, **options) == "<NAME> of <ADDRESS>"
    assert masked("Zoë@gmail.com", **options) == "<EMAIL>", "emails win"


def test_gliner_reads_pieces():
    text = "word " * 1_000 + "Zoë " + "word " * 500 + "Zoë"
    assert masked(text, ner="gliner", kinds=["name"]) == text.replace("Zoë", "<NAME>")


def test_pieces_are_the_text():
    for text in ("", "a" * 50, "ab cd " * 20, "ab\ncd " * 9 + "x" * 30):
        made = list(_pii_ner.pieces(text, 10))
        assert "".join(piece for _, piece in made) == text
        assert all(text[at : at + len(piece)] == piece and 0 < len(piece) <= 10 for at, piece in made)


def test_what_lacks_is_said(monkeypatch):
    with pytest.raises(CurateError, match="ner_model"):
        masked("x", ner="gliner", kinds=["name"], ner_model="missing")
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(CurateError, match="pip install presidio-analyzer"):
        masked("x", ner="presidio", kinds=["name"])
