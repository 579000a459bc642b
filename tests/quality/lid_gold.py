"""Sentences whose language is known, with the labels of lid.176 for them."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from datacurate.stages._fasttext import raw
from datacurate.stages.language import LANGUAGES, Language, model_path

LINGUA, TATOEBA = "lingua_web_sentence", "tatoeba_short"
_LABELS = """
afr:af amh:am ara:ar arz:arz ast:ast aze:az bel:be ben:bn bos:bs bre:br bul:bg cat:ca cbk:cbk ceb:ceb ces:cs
cmn:zh cor:kw cym:cy dan:da deu:de dsb:dsb ell:el epo:eo est:et eus:eu fin:fi fra:fr fry:fy gla:gd gle:ga glg:gl
gsw:als heb:he hin:hi hrv:hr hsb:hsb hun:hu hye:hy ido:io ile:ie ina:ia ind:id isl:is ita:it jav:jv jpn:ja
kat:ka kaz:kk khm:km kor:ko kur:ku lat:la lit:lt lvs:lv mal:ml mar:mr mhr:mhr mkd:mk mon:mn nds:nds nld:nl
nno:nn nob:no nb:no oci:oc pam:pam pes:fa pms:pms pol:pl por:pt ron:ro rus:ru slk:sk slv:sl spa:es sqi:sq srp:sr
swe:sv swh:sw tam:ta tat:tt tel:te tgl:tl tha:th tuk:tk tur:tr uig:ug ukr:uk urd:ur uzb:uz vie:vi war:war
wuu:wuu yid:yi yue:yue zsm:ms
"""
LABELS = dict(pair.split(":") for pair in _LABELS.split())
"""ISO 639-3 codes of the sentences, and `nb`, as lid.176 labels these languages; other codes are its own."""


@dataclass(frozen=True)
class Sentences:
    """Sentences of one set, and what was found of them."""

    codes: list[str]
    texts: list[str]

    @classmethod
    def read(cls, data: Path, kind: str) -> Sentences:
        with gzip.open(data / "lid" / "sentences.tsv.gz", "rt", encoding="utf-8") as lines:
            rows = [line.rstrip("\n").split("\t") for line in lines]
        kept = [(code, text) for code, which, text in rows if which == kind]
        return cls([LABELS.get(code, code) for code, _ in kept], [text for _, text in kept])

    def known(self) -> list[str]:
        """Languages that the model has a label for."""
        return sorted(set(self.codes) & LANGUAGES)

    def unknown(self) -> list[str]:
        return sorted(set(self.codes) - LANGUAGES)

    def by_stage(self) -> tuple[list[str], list[float]]:
        """Labels and scores that the stage gives."""
        made = Language().measure(pa.array(self.texts, pa.string()))
        return made["language"].to_pylist(), made["language_score"].tolist()

    def by_library(self) -> tuple[list[str], list[float]]:
        """Labels and scores that fastText gives."""
        labels, scores = raw(str(model_path())).predict(self.texts, k=1)
        return [label[0].removeprefix("__label__") for label in labels], [min(float(s[0]), 1.0) for s in scores]

    def right(self, labels: list[str]) -> dict[str, tuple[int, int]]:
        """By language, sentences with the right label, and all."""
        every = Counter(self.codes)
        hits = Counter(code for code, label in zip(self.codes, labels, strict=True) if code == label)
        return {code: (hits[code], every[code]) for code in self.known()}
