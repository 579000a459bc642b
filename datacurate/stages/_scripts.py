"""In which scripts languages are written (ISO 15924), to see labels that a text contradicts."""

from __future__ import annotations

import re
from functools import cache

_WRITTEN = """
Arab: ar arz azb ckb fa lrc mzn pnb ps sd ug ur kk ku ky az uz tk tg pa ms ha
Armn: hy
Beng: as bn bpy
Cyrl: av ba be bg bxr ce cu cv kk krc kv ky lez mhr mk mn mrj myv os ru rue sah sr tg tt tyv uk xal
Cyrl: sh bs az uz tk ku ro ug
Deva: bh dty gom hi mai mr ne new sa sd hif
Ethi: am
Geor: ka xmf
Glag: cu
Grek: el
Gujr: gu
Guru: pa
Hang: ko
Hani: zh wuu yue ja ko
Hebr: he yi
Jpan: ja
Khmr: km
Knda: kn
Laoo: lo
Latn: sr kk az uz tk tt ku ug gom
Mlym: ml
Mong: mn
Mymr: my
Orya: or
Sinh: si
Taml: ta
Telu: te
Thaa: dv
Thai: th
Tibt: bo
"""
"""Scripts of the labels of lid.176, from the languages' Wikipedias and CLDR's likely and secondary scripts; what is not
listed is written in Latin letters."""

_SAME = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Jpan": ("Jpan", "Hani"),
    "Kore": ("Hang", "Hani"),
    "Hang": ("Hang", "Hani"),
}
"""Scripts of labels, and what texts in them are made of: Chinese characters are one script, and a Japanese heading or
an old Korean one may have nothing else."""


@cache
def _table() -> dict[str, set[str]]:
    made: dict[str, set[str]] = {}
    for line in _WRITTEN.split("\n"):
        script, _, labels = line.partition(":")
        for label in labels.split():
            made.setdefault(label, set()).add(script)
    for label in ("az", "bs", "ha", "hif", "ms", "ro", "sh"):  # mostly or also Latin
        made[label].add("Latn")
    return made


def written_in(label: str, known: frozenset[str]) -> set[str]:
    """The scripts that texts with this label are in; empty if nothing is known of it.

    `arb_Arab` says it itself; `known` are labels without a script that the table is about.
    """
    if found := re.fullmatch(r"[a-z]{2,3}_([A-Z][a-z]{3})", label):
        return set(_SAME.get(found[1], (found[1],)))
    return _table().get(label, {"Latn"} if label in known else set())
