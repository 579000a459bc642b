"""From texts to spans: what kernels propose, and what the library of phone numbers and the checks of papers say."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from datacurate.core.errors import CurateError
from datacurate.stages._pii_context import (
    AFTER,
    BEFORE,
    Around,
    is_address6,
    is_connection,
    is_email,
    is_paper,
    is_passport,
    is_secret,
    phone_part,
    says_phone,
    stands_alone,
)
from datacurate.stages._pii_papers import PAPERS, Paper
from datacurate.stages._pii_tables import forms, tables

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.kernels.pii import Spans

_EXTENSION = re.compile(r"\s?(?:ext\.?\s?|x)\d{1,7}$", re.IGNORECASE)
_GROUPS = re.compile(r"\d+")
_FILMS = re.compile(r"(?:1|001|)\d{3}55501\d\d|(?:44|0|0044|440)7700900\d{3}")
_OFCOM = ("7700900", "1134960", "1174960", "1214960", "1314960", "1614960", "2079460")
ASK_INTERNATIONAL, ASK_NATIONAL, ASK_WORDED = 2, 3, 4
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
def _papers() -> dict[str, Paper]:
    return {paper.form: paper for paper in PAPERS}


def find(
    text: pa.Array, kinds: tuple[str, ...], countries: tuple[str, ...] | None, regions: tuple[str, ...], possible: bool,
    entropy: bool, public_only: bool, limit: int,
) -> Spans:  # fmt: skip
    """All spans of a batch, without overlaps, in bytes of the texts that came; `lost` says what was not checked."""
    from dataclasses import replace

    import numpy as np

    from datacurate.kernels import pii
    from datacurate.kernels.pii_bytes import KINDS

    proposed, folded = pii.scan(text, tables(kinds, countries, entropy, public_only), limit)
    found = _confirmed(proposed, folded, regions, possible)
    found = found.where(np.isin(found.kind, [KINDS.index(kind) for kind in kinds]))
    starts = folded.original(found.doc, found.start)
    ends = folded.original(found.doc, found.end)
    return pii.settled(replace(found, start=starts, end=ends))


def _confirmed(spans: Spans, folded: Any, regions: tuple[str, ...], possible: bool) -> Spans:
    """The spans that checks and what stands around them confirm, some of them shorter than they were."""
    from dataclasses import replace

    import numpy as np

    from datacurate.kernels.pii_bytes import ASK, F_CARD, F_EMAIL, F_IPV6, F_KEY, F_PASSWORD, F_PHONE, F_QUERY, PASSWORD

    good = np.ones(len(spans), bool)
    columns = {name: getattr(spans, name).copy() for name in ("kind", "form", "start", "end")}
    asked = np.isin(spans.form, (F_CARD, F_EMAIL, F_IPV6, F_KEY, F_PASSWORD, F_PHONE, F_QUERY))
    for at in np.flatnonzero(asked | (spans.sure == ASK)).tolist():
        form, start, end = int(spans.form[at]), int(spans.start[at]), int(spans.end[at])
        around = _around(folded, int(spans.doc[at]), start, end)
        if form == F_PHONE:
            low, high = phone_part(around.written, around.after)
            columns["start"][at], columns["end"][at] = start + low, start + high
            whole = around._replace(written=around.written[low:high])
            good[at] = _is_somebodys(whole, int(spans.sure[at]), regions, possible)
        elif form == F_QUERY:
            if is_connection(around):
                columns["kind"][at], columns["form"][at] = PASSWORD, F_PASSWORD
        else:
            good[at] = _is_meant(forms()[form], around)
    return replace(spans, **columns).where(good)


def _around(folded: Any, doc: int, start: int, end: int) -> Around:
    """The candidate at these bytes of a document, and what stands near it there."""
    begin, stop = int(folded.offsets[doc]), int(folded.offsets[doc + 1])
    places = (max(0, start - BEFORE), start, end, min(stop - begin, end + AFTER))
    texts = (bytes(folded.data[begin + a : begin + b]) for a, b in itertools.pairwise(places))
    return Around(*(text.decode("utf-8", "replace") for text in texts))


def _is_somebodys(around: Around, sure: int, regions: tuple[str, ...], possible: bool) -> bool:
    """Whether a telephone number is one: by the word near it, else as the library says."""
    if len("".join(_GROUPS.findall(around.written))) < 7:
        return False
    if sure == ASK_WORDED and not says_phone(around) and not _EXTENSION.search(around.written):
        if not stands_alone(around.written) and around.written[0] != "+":
            return False
        sure = ASK_INTERNATIONAL if around.written[0] == "+" else ASK_NATIONAL
    return is_phone(around.written, sure, regions, possible)


def _is_meant(form: str, around: Around) -> bool:
    """Whether a span of a form other than `phone` is what it looks like."""
    if form == "email":
        return is_email(around)
    if form == "ipv6":
        return is_address6(around)
    if form in ("assigned_password", "assigned_key"):
        return is_secret(around)
    if form == "card":
        return "".join(_GROUPS.findall(around.written)) not in _TEST_CARDS
    paper = _papers()[form]
    if not paper.check("".join(c for c in around.written if c.isalnum())):
        return False
    return is_passport(around) if paper.kind == "passport" else is_paper(around, paper.words)
