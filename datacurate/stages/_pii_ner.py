"""Names and addresses, which no pattern finds: presidio's or GLiNER's model, when they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from datacurate.core.errors import CurateError

_PIECE = {"presidio": 50_000, "gliner": 1_200}
"""Characters of a text that a model gets at once: spaCy refuses more than a million, GLiNER reads 384 words."""
_PRESIDIO = {"PERSON": "name", "LOCATION": "address"}
_GLINER = {"person": "name", "address": "address"}
_MODELS = {"presidio": "en_core_web_lg", "gliner": "urchade/gliner_multi_pii-v1"}


@cache
def engine(kind: str, model: str | None, language: str) -> Any:
    """A function from a text to (kind, start, end, score) in characters; CurateError when something is missing."""
    try:
        return _presidio(model, language) if kind == "presidio" else _gliner(model)
    except ImportError:
        package = {"presidio": "presidio-analyzer", "gliner": "gliner"}[kind]
        raise CurateError(f"pii: ner: {kind} needs the package {package}: pip install {package}") from None
    except (OSError, SystemExit) as error:
        name = model or _MODELS[kind]
        raise CurateError(
            f"pii: ner: the model '{name}' cannot be loaded ({str(error)[:200]}). Install or download it first, "
            "and name it, or the folder that it is in, with ner_model."
        ) from None


def _presidio(model: str | None, language: str) -> Any:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    models = [{"lang_code": language, "model_name": model or _MODELS["presidio"]}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=[language])

    def found(text: str) -> Iterator[tuple[str, int, int, float]]:
        for one in analyzer.analyze(text=text, entities=list(_PRESIDIO), language=language):
            yield _PRESIDIO[one.entity_type], one.start, one.end, one.score

    return found


def _gliner(model: str | None) -> Any:
    from gliner import GLiNER

    loaded = GLiNER.from_pretrained(model or _MODELS["gliner"])

    def found(text: str) -> Iterator[tuple[str, int, int, float]]:
        for one in loaded.predict_entities(text, list(_GLINER)):
            yield _GLINER[one["label"]], one["start"], one["end"], one["score"]

    return found


def pieces(text: str, size: int) -> Iterator[tuple[int, str]]:
    """The text in pieces of at most `size` characters, cut behind white space if possible, and where they begin."""
    at = 0
    while at < len(text):
        stop = at + size
        if stop < len(text):
            space = max(text.rfind(c, at + size // 2, stop) for c in " \n")
            stop = space + 1 if space > 0 else stop
        yield at, text[at:stop]
        at = stop


def entities(text: str, kind: str, model: str | None, language: str, min_score: float) -> list[tuple[str, int, int]]:
    """Names and addresses in a text: kind, and bytes from and to."""
    found = []
    for begin, piece in pieces(text, _PIECE[kind]):
        for what, start, end, score in engine(kind, model, language)(piece):
            if score >= min_score:
                found.append((what, begin + start, begin + end))
    at, bytes_ = 0, 0
    places = {}
    for place in sorted({p for _, start, end in found for p in (start, end)}):
        bytes_ += len(text[at:place].encode("utf-8", "replace"))
        at = place
        places[place] = bytes_
    return sorted((what, places[start], places[end]) for what, start, end in found)
