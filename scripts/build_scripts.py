"""Writes datacurate/kernels/script_data.py: the script of every character, as the module regex knows it.

Run it with a regex of a newer Unicode version, then raise `version` of the stage language.
"""

from __future__ import annotations

import base64
import textwrap
import zlib
from pathlib import Path

import numpy as np
import regex

_CODES = """
Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks Bopo Brah Brai Bugi Buhd Cakm Cans Cari Cham
Cher Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm Goth Gran Grek
Gujr Gukh Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi Khar Khmr Khoj Kits Knda
Krai Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf Mend Merc Mero Mlym Modi
Mong Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc Perm
Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sidt Sind Sinh Sogd Sogo Sora Soyo
Sund Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Tayo Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Todr Tols Toto
Tutg Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb
"""
TARGET = Path(__file__).resolve().parent.parent / "datacurate" / "kernels" / "script_data.py"


def main() -> None:
    """Ask regex for each script's characters, and write runs of equal scripts."""
    every = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF)
    of = np.zeros(0x110000, np.uint8)
    known = ["Zyyy"]
    for code in _CODES.split():
        try:
            found = regex.findall(rf"\p{{Script={code}}}", every)
        except regex.error:  # a script that this version does not have
            continue
        if found:
            of[[ord(char) for char in found]] = len(known)
            known.append(code)
    starts = np.flatnonzero(np.diff(of, prepend=255)).astype("<u4")
    packed = base64.b85encode(zlib.compress(starts.tobytes() + of[starts].tobytes(), 9)).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(packed, 110, break_on_hyphens=False))
    names = "\n".join(textwrap.wrap(" ".join(known), 110))
    TARGET.write_text(
        f'"""Scripts of characters, made by scripts/build_scripts.py."""\n\nREGEX = "{regex.__version__}"\n'
        '"""The version of the module regex that they are from."""\n\n'
        f'_CODES = """\n{names}\n"""\nCODES = _CODES.split()\n"""ISO 15924 codes; Zyyy is none, or any."""\n\n'
        f"RUNS = {len(starts)}\n"
        '"""How many runs of characters of one script there are."""\n\n'
        f"# zlib of where each run starts (four bytes each), then of each run's code\nPACKED = (\n{lines}\n)\n"
    )


if __name__ == "__main__":
    main()
