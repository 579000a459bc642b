"""From texts to spans: what kernels propose, and what the library of phone numbers and the checks of papers say."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from datacurate.core.errors import CurateError
from datacurate.stages._pii_papers import PAPERS
from datacurate.stages._pii_tables import forms, tables

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from datacurate.kernels.pii import Spans

_EXTENSION = re.compile(r"\s?(?:ext\.?\s?|x)\d{1,7}$", re.IGNORECASE)
_GROUPS = re.compile(r"\d+")
_FILMS = re.compile(r"(?:1|001|)\d{3}55501\d\d|(?:44|0|0044|440)7700900\d{3}")
_OFCOM = ("7700900", "1134960", "1174960", "1214960", "1314960", "1614960", "2079460")
ASK_INTERNATIONAL, ASK_WORDED = 2, 4
"""As in kernels/pii_bytes.py, which brings numba."""
_TEST_CARDS = (
    "4111111111111111", "4012888888881881", "4222222222222", "4242424242424242", "5555555555554444", "5105105105105100",
    "2223003122003222", "5200828282828210", "378282246310005", "371449635398431", "378734493671000", "6011111111111117",
    "6011000990139424", "3530111333300000", "3566002020360505", "30569309025904", "38520000023237", "36227206271667",
    "6200000000000005", "4000056655665556",
)  # fmt: skip
"""Numbers that payment services publish for tests (Stripe, PayPal, Adyen): they are nobody's. `replace` puts them in
place of cards."""


def library() -> Any:
    """The module phonenumbers; CurateError when it is not installed."""
    try:
        import phonenumbers
    except ImportError:
        raise CurateError("pii: phone numbers need the package phonenumbers: pip install phonenumbers") from None
    return phonenumbers


@lru_cache(maxsize=65_536)
def is_phone(written: str, sure: int, regions: tuple[str, ...], possible: bool) -> bool:
    """Whether a number, as it is written, is one that somebody may have.

    International numbers are asked as such (in three groups or more they need only be of a possible length), others of
    every region: with the region's 0, or as North America's. Numbers kept for films (555-01xx, Ofcom's) are nobody's.
    """
    written = _EXTENSION.sub("", written)
    digits = "".join(_GROUPS.findall(written))
    if sure == ASK_WORDED or _FILMS.fullmatch(digits):
        return not _FILMS.fullmatch(digits)
    phones = library()
    if sure == ASK_INTERNATIONAL:
        plain = "+" + (digits if written.startswith("+") else digits[2:])
        grouped = len(_GROUPS.findall(written)) > 2
        return _holds(phones, plain, None, possible or grouped) is not None
    for region in regions:
        number = _holds(phones, digits, region, possible)
        if number is not None and (digits[0] == "0" or number.country_code == 1):
            return True
    return False


def _holds(phones: Any, text: str, region: str | None, possible: bool) -> Any:
    try:
        number = phones.parse(text.replace("+440", "+44") if region is None else text, region)
    except phones.NumberParseException:
        return None
    good = phones.is_possible_number(number) if possible else phones.is_valid_number(number)
    return number if good and not is_fiction(number.country_code, str(number.national_number)) else None


def is_fiction(country: int, national: str) -> bool:
    """Whether a number is kept for films and examples: 555-0100 to 0199 in North America, Ofcom's in Britain."""
    if country == 1:
        return national[3:8] == "55501"
    return country == 44 and national[:7] in _OFCOM


@lru_cache(maxsize=1)
def _checks() -> dict[int, Any]:
    return {forms().index(paper.form): paper.check for paper in PAPERS}


def find(
    text: pa.Array, kinds: tuple[str, ...], countries: tuple[str, ...] | None, regions: tuple[str, ...], possible: bool,
    entropy: bool, public_only: bool, limit: int,
) -> Spans:  # fmt: skip
    """All spans of a batch, without overlaps, in bytes of the texts that came; `lost` says what was not checked."""
    from dataclasses import replace

    from datacurate.kernels import pii

    proposed, folded = pii.scan(text, tables(kinds, countries, entropy, public_only), limit)
    found = proposed.where(_confirmed(proposed, folded, regions, possible))
    starts = folded.original(found.doc, found.start)
    ends = folded.original(found.doc, found.end)
    return pii.settled(replace(found, start=starts, end=ends))


def _confirmed(spans: Spans, folded: Any, regions: tuple[str, ...], possible: bool) -> np.ndarray:
    """Which spans the checks confirm."""
    import numpy as np

    from datacurate.kernels.pii_bytes import F_CARD, F_PHONE, SURE

    good = np.ones(len(spans), bool)
    for at in np.flatnonzero((spans.sure != SURE) | (spans.form == F_CARD)).tolist():
        begin = int(folded.offsets[spans.doc[at]])
        written = bytes(folded.data[begin + spans.start[at] : begin + spans.end[at]]).decode("utf-8", "replace")
        form = int(spans.form[at])
        if form == F_PHONE:
            good[at] = is_phone(written, int(spans.sure[at]), regions, possible)
        elif form == F_CARD:
            good[at] = "".join(_GROUPS.findall(written)) not in _TEST_CARDS
        else:
            good[at] = _checks()[form]("".join(c for c in written if c.isalnum()))
    return good
