"""Least probabilities of GlotLID's labels that FineWeb-2 kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_TABLE = """
afr_Latn 0.3    als_Latn 0.757  amh_Ethi 0.3    arb_Arab 0.711  ary_Arab 0.418  arz_Arab 0.339  azj_Latn 0.3
bel_Cyrl 0.892  ben_Beng 0.872  bos_Latn 0.516  bul_Cyrl 0.9    cat_Latn 0.815  ces_Latn 0.88   cmn_Hani 0.692
cym_Latn 0.745  dan_Latn 0.3    deu_Latn 0.821  ekk_Latn 0.638  ell_Grek 0.826  epo_Latn 0.837  eus_Latn 0.701
fas_Arab 0.85   fil_Latn 0.68   fin_Latn 0.764  fra_Latn 0.824  gle_Latn 0.3    glg_Latn 0.3    guj_Gujr 0.728
hau_Latn 0.3    heb_Hebr 0.9    hin_Deva 0.692  hrv_Latn 0.467  hun_Latn 0.744  hye_Armn 0.678  ind_Latn 0.685
isl_Latn 0.863  ita_Latn 0.817  jpn_Jpan 0.886  kan_Knda 0.9    kat_Geor 0.9    kaz_Cyrl 0.844  khk_Cyrl 0.889
khm_Khmr 0.3    kor_Hang 0.842  lat_Latn 0.727  lit_Latn 0.699  lvs_Latn 0.3    mal_Mlym 0.9    mar_Deva 0.9
mkd_Cyrl 0.88   mya_Mymr 0.839  nld_Latn 0.689  nno_Latn 0.3    nob_Latn 0.813  npi_Deva 0.896  pan_Guru 0.84
pol_Latn 0.689  por_Latn 0.799  ron_Latn 0.822  rus_Cyrl 0.9    sin_Sinh 0.798  slk_Latn 0.667  slv_Latn 0.6
som_Latn 0.3    spa_Latn 0.84   srp_Cyrl 0.872  swe_Latn 0.629  swh_Latn 0.3    tam_Taml 0.888  tel_Telu 0.722
tha_Thai 0.9    tur_Latn 0.875  ukr_Cyrl 0.9    urd_Arab 0.847  uzn_Latn 0.631  vie_Latn 0.802  yor_Latn 0.3
zsm_Latn 0.618
"""
_VALUES = _TABLE.split()
THRESHOLDS = {label: float(least) for label, least in zip(_VALUES[::2], _VALUES[1::2], strict=True)}
"""`language_score` in configs/LABEL.yml of github.com/huggingface/fineweb-2 (Penedo et al. 2025), for languages with
much text; the repository has more than 1,800, which `from_folder` reads."""
LEAST = 0.3
"""The lowest of them all: thresholds were made of each language's scores and kept between 0.3 and 0.9."""


def from_folder(folder: Path) -> dict[str, Any]:
    """The thresholds of a copy of that repository's folder configs; ValueError when there are none."""
    import yaml

    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yml")):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(config, dict) and "language_score" in config:
            found[path.stem] = config["language_score"]
    if not found:
        raise ValueError(
            f"'{folder}' holds no LABEL.yml with a language_score. Name the folder configs of a copy of FineWeb-2's "
            "repository, or give thresholds as a table of labels and numbers"
        )
    return found
