"""Telephone numbers of all regions, account numbers of all countries, and all papers of the table."""

import random
import re
import string

import phonenumbers
import pyarrow as pa
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from datacurate.stages._pii_papers import PAPERS
from datacurate.stages._pii_tables import IBANS
from datacurate.stages.pii import Pii

FORMATS = {
    "international": PhoneNumberFormat.INTERNATIONAL,
    "e164": PhoneNumberFormat.E164,
    "rfc3966": PhoneNumberFormat.RFC3966,
    "national": PhoneNumberFormat.NATIONAL,
}


def examples(how: str) -> list[tuple[str, str]]:
    """The library's example of a landline and of a mobile number of every region, but those that are kept for films."""
    made = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"US"}):
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                made.append((region, phonenumbers.format_number(number, FORMATS[how]).removeprefix("tel:")))
    return made


def missed(rows: list[tuple[str, str]], around: str, kind: str) -> list[tuple[str, str]]:
    """Those of the numbers that are not found in a text, as a whole."""
    texts = [around.format(written) for _, written in rows]
    spans = Pii().measure(pa.array(texts))["spans"].to_pylist()
    begin = len(around.split("{}")[0].encode())
    ends = [begin + len(written.encode()) for _, written in rows]
    return [
        row
        for row, found, end in zip(rows, spans, ends, strict=True)
        if not any(one["kind"] == kind and one["start"] <= begin and one["end"] >= end for one in found)
    ]


@pytest.mark.parametrize("how", ["international", "e164", "rfc3966"])
def test_international_numbers_need_no_word(how):
    """Of 244 regions, alone and in a sentence."""
    rows = examples(how)
    assert len({region for region, _ in rows}) > 240
    for around in ("{}", "See {} for more.", "({})"):
        assert missed(rows, around, "phone") == []


WORDS = (
    "Tel. {}",
    "Phone: {}",
    "call me on {} today",
    "WhatsApp {}",
    "Telefon: {}",
    "Тел.: {}",
    "电话：{}",
    "هاتف: {}",
    "☎ {}",
)


@pytest.mark.parametrize("around", WORDS)
def test_national_numbers_behind_a_word(around):
    """All of eight digits or more; seven digits need groups or a colon."""
    rows = [row for row in examples("national") if len(re.sub(r"\D", "", row[1])) > 7]
    assert len({region for region, _ in rows}) > 190
    plain = [row for row in missed(rows, around, "phone") if not (row[1].isdigit() and ":" not in around)]
    assert plain == []


def test_national_numbers_alone():
    """Without a word: what begins with 0, or is written as in North America, of the regions that are asked."""
    regions = set(Pii().regions) - {"SE", "CH", "BR", "US"}
    rows = [row for row in examples("national") if row[0] in regions and re.match(r"\(?0", row[1])]
    rows += [row for row in examples("national") if row[0] == "CA"]
    assert len(rows) >= 15 and missed(rows, "{}", "phone") == []


@pytest.mark.parametrize("country", IBANS)
def test_account_numbers_of_all_countries(country):
    rng = random.Random(country)
    rows = []
    for _ in range(20):
        body = "".join(rng.choice(string.digits) for _ in range(IBANS[country] - 4))
        key = 98 - int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
        number = f"{country}{key:02}{body}"
        grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        rows += [(country, number), (country, grouped), (country, grouped.replace(" ", "-")), (country, number.lower())]
    assert missed(rows, "pay to {} now", "iban") == []
    wrong = [(country, f"{n[:2]}{(int(n[2:4]) + 1) % 100:02}{n[4:]}") for _, n in rows[::4]]
    assert missed(wrong, "pay to {} now", "iban") == wrong


def valid(paper, layout: str) -> str:
    """A number of a layout that passes its check."""
    rng = random.Random(layout)
    pools = {"9": string.digits, "A": string.ascii_uppercase, "X": string.digits + string.ascii_uppercase}
    for _ in range(500_000):
        made = "".join(rng.choice(pools.get(c, c)) for c in layout)
        try:
            if paper.check("".join(c for c in made if c.isalnum())):
                return made
        except (ValueError, KeyError):
            continue
    raise AssertionError(f"nothing of {layout} passes")


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.form)
def test_papers(paper):
    """Every layout of every paper behind each of its words; the strong ones without any."""
    for layout in (*paper.layouts, *paper.weak):
        number = valid(paper, layout)
        for word in paper.words:
            for around in (f"{word}: {{}}.", f"My {word.upper()} {{}}, please", f"({word} no. {{}})"):
                found = Pii(kinds=(paper.kind,)).measure(pa.array([around.format(number)]))["spans"].to_pylist()[0]
                assert [one["kind"] for one in found] == [paper.kind], around.format(number)
        if layout in paper.layouts:
            assert missed([(paper.country, number)], "see {} there", paper.kind) == []
        else:
            found = Pii(kinds=(paper.kind,)).measure(pa.array([f"see {number} there"]))["spans"].to_pylist()[0]
            assert paper.form not in [one["form"] for one in found]


PUBLISHED = {
    "tr_kimlik": "10000000146", "no_fnr": "01010750160", "ro_cnp": "1800101221144", "bg_egn": "7523169263",
    "cz_rc": "7103192745", "cl_rut": "123456785", "mx_curp": "BOXW310820HNERXN09", "sg_nric": "S1234567D",
    "pt_nif": "123456789", "ru_snils": "11223344595", "ru_inn": "500100732259", "il_id": "039337423",
    "pl_pesel": "44051401359", "in_aadhaar": "234123412346", "br_cpf": "52998224725", "za_id": "8001015009087",
    "se_personnummer": "8112189876", "fi_hetu": "131052308T", "nl_bsn": "111222333", "es_dni": "12345678Z",
}  # fmt: skip
"""Examples that states and reference pages publish."""


@pytest.mark.parametrize("form", PUBLISHED)
def test_published_examples_pass(form):
    """The check passes what is published, and nothing with another character at the end but modulus' twins."""
    check = next(paper.check for paper in PAPERS if paper.form == form)
    number = PUBLISHED[form]
    assert check(number)
    pool = string.digits if number[-1].isdigit() else string.ascii_uppercase
    assert [check(number[:-1] + last) for last in pool if last != number[-1]].count(True) == 0
