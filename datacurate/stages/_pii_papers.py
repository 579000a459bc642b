"""National numbers and passports: a table, to be read and extended."""

from __future__ import annotations

from typing import NamedTuple

from datacurate.stages import _pii_checks as checks


class Paper(NamedTuple):
    """A number that a state gives to people.

    `layouts`: 9 stands for a digit, A for a capital, X for either, all else for itself. `weak` are layouts that need
    one of `words` in the 64 bytes in front of them, because too many other numbers look so. `check` decides.
    """

    form: str
    country: str
    layouts: tuple[str, ...]
    weak: tuple[str, ...]
    words: tuple[str, ...]
    check: checks.Check = checks.anything
    kind: str = "national_id"


_SSN = ("ssn", "ssns", "social security", "social-security", "social sec", "soc sec", "itin", "taxpayer")
_TAX = ("tax id", "tax number", "tax no", "tax file", "tfn", "steuer", "steuernummer", "steuer-id", "idnr", "tin")
_PASSPORT = (
    "passport", "passports", "passeport", "reisepass", "reisepassnummer", "pasaporte", "passaporto", "passaporte",
    "paspoort", "paspoortnummer", "pasnummer", "pas nr", "paszport", "pass no", "pass nr", "pass number", "passnummer",
    "pass-nr", "pass:", "ausweis", "personalausweis", "паспорт", "Паспорт", "护照",
    "旅券", "パスポート", "여권", "جواز",
)  # fmt: skip

PAPERS = (
    Paper("us_ssn", "US", ("999-99-9999",), ("999 99 9999", "999999999"), _SSN, checks.us_ssn),
    Paper("us_itin", "US", (), ("999-99-9999", "999 99 9999", "999999999"), _SSN, checks.us_itin),
    Paper(
        "gb_nino", "GB", ("AA999999A", "AA 99 99 99 A", "AA 999999 A"), ("AA-99-99-99-A",),
        ("national insurance", "ni number", "ni no", "nino"), checks.gb_nino,
    ),
    Paper("gb_nhs", "GB", (), ("999 999 9999", "999-999-9999", "9999999999"), ("nhs",), checks.gb_nhs),
    Paper(
        "fr_nir", "FR", ("9 99 99 99 999 999 99", "9 99 99 9X 999 999 99", "999999X99999999"), (),
        ("sécurité sociale", "securite sociale", "nir", "numéro de sécu"), checks.fr_nir,
    ),
    Paper("de_steuer_id", "DE", (), ("99 999 999 999", "99999999999"), _TAX, checks.de_steuer_id),
    Paper(
        "es_dni", "ES", (), ("99999999A", "99999999-A", "99.999.999-A", "A9999999A", "A-9999999-A"),
        ("dni", "nif", "nie", "documento", "identidad", "d.n.i"), checks.es_dni,
    ),
    Paper("it_codice_fiscale", "IT", ("AAAAAA99A99A999A",), (), ("codice fiscale",), checks.it_codice_fiscale),
    Paper("nl_bsn", "NL", (), ("999999999", "9999.99.999"), ("bsn", "burgerservicenummer", "sofi"), checks.nl_bsn),
    Paper(
        "be_nrn", "BE", ("99.99.99-999.99",), ("99999999999",),
        ("rijksregister", "rijksregisternummer", "registre national", "numéro national", "niss", "insz"), checks.be_nrn,
    ),
    Paper("br_cpf", "BR", ("999.999.999-99",), ("99999999999", "999999999-99"), ("cpf",), checks.br_cpf),
    Paper(
        "in_aadhaar", "IN", (), ("9999 9999 9999", "9999-9999-9999", "999999999999"),
        ("aadhaar", "aadhar", "adhaar", "uid", "uidai", "आधार"), checks.in_aadhaar,
    ),
    Paper("in_pan", "IN", (), ("AAAAA9999A",), ("pan", "permanent account", "pan card"), checks.in_pan),
    Paper(
        "ca_sin", "CA", (), ("999-999-999", "999 999 999", "999999999"), ("sin", "social insurance", "nas"),
        checks.ca_sin,
    ),
    Paper("au_tfn", "AU", (), ("999 999 999", "999999999"), ("tfn", "tax file"), checks.au_tfn),
    Paper("pl_pesel", "PL", (), ("99999999999",), ("pesel",), checks.pl_pesel),
    Paper(
        "se_personnummer", "SE", (), ("999999-9999", "99999999-9999"), ("personnummer", "personal number", "pnr"),
        checks.se_personnummer,
    ),
    Paper("fi_hetu", "FI", (), ("999999-999X", "999999A999X"), ("henkilötunnus", "hetu", "personal identity"),
          checks.fi_hetu),
    Paper("cn_resident", "CN", ("99999999999999999X",), (), ("身份证", "id"), checks.cn_resident),
    Paper("kr_rrn", "KR", (), ("999999-9999999",), ("주민등록번호", "주민번호", "rrn"), checks.kr_rrn),
    Paper("za_id", "ZA", (), ("9999999999999", "999999 9999 999"), ("id number", "id no", "identity"), checks.za_id),
    Paper("tr_kimlik", "TR", (), ("99999999999",), ("tc kimlik", "t.c. kimlik", "kimlik", "tckn"), checks.tr_kimlik),
    Paper("no_fnr", "NO", (), ("999999 99999", "99999999999"),
          ("fødselsnummer", "fodselsnummer", "fnr", "personnummer"), checks.no_fnr),
    Paper("dk_cpr", "DK", (), ("999999-9999",), ("cpr", "cpr-nummer", "personnummer"), checks.dk_cpr),
    Paper("ro_cnp", "RO", (), ("9999999999999",), ("cnp", "cod numeric personal"), checks.ro_cnp),
    Paper("bg_egn", "BG", (), ("9999999999",), ("егн", "egn"), checks.bg_egn),
    Paper("cz_rc", "CZ", (), ("999999/9999", "9999999999"),
          ("rodné číslo", "rodne cislo", "rodné č", "r.č"), checks.cz_rc),
    Paper("cl_rut", "CL", (), ("99.999.999-X", "9.999.999-X", "99999999-X"),
          ("rut", "r.u.t", "rol único"), checks.cl_rut),
    Paper("mx_curp", "MX", ("AAAA999999AAAAAAX9",), (), ("curp",), checks.mx_curp),
    Paper("sg_nric", "SG", (), ("A9999999A",), ("nric", "fin", "identity card", "ic no"), checks.sg_nric),
    Paper("pt_nif", "PT", (), ("999999999", "999 999 999"), ("nif", "contribuinte"), checks.pt_nif),
    Paper("il_id", "IL", (), ("999999999",), ("תעודת זהות", "teudat zehut", "ת.ז"), checks.luhn),
    Paper("ru_snils", "RU", ("999-999-999 99",), ("99999999999",), ("снилс", "snils"), checks.ru_snils),
    Paper("ru_inn", "RU", (), ("999999999999",), ("инн", "inn"), checks.ru_inn),
    Paper("us_passport", "US", (), ("999999999", "A99999999"), _PASSPORT, kind="passport"),
    Paper("gb_passport", "GB", (), ("999999999",), _PASSPORT, kind="passport"),
    Paper("de_passport", "DE", (), ("AXXXXXXX9", "AXXXXXXXX9"), _PASSPORT, kind="passport"),
    Paper("fr_passport", "FR", (), ("99AA99999",), _PASSPORT, kind="passport"),
    Paper("it_passport", "IT", (), ("AA9999999",), _PASSPORT, kind="passport"),
    Paper("es_passport", "ES", (), ("AAA999999", "AA999999", "AAA999999A"), _PASSPORT, kind="passport"),
    Paper("in_passport", "IN", (), ("A9999999",), _PASSPORT, kind="passport"),
    Paper("ca_passport", "CA", (), ("AA999999", "A999999AA"), _PASSPORT, kind="passport"),
    Paper("jp_passport", "JP", (), ("AA9999999",), _PASSPORT, kind="passport"),
    Paper("cn_passport", "CN", (), ("A99999999", "AA9999999"), _PASSPORT, kind="passport"),
    Paper("ru_passport", "RU", (), ("99 9999999", "9999 999999"), _PASSPORT, kind="passport"),
    Paper("br_passport", "BR", (), ("AA999999",), _PASSPORT, kind="passport"),
    Paper("pl_passport", "PL", (), ("AA9999999",), _PASSPORT, kind="passport"),
    Paper("nl_passport", "NL", (), ("AAXXXXXX9",), _PASSPORT, kind="passport"),
    Paper("au_passport", "AU", (), ("A9999999", "AA9999999"), _PASSPORT, kind="passport"),
)  # fmt: skip
"""Layouts and checks as the states publish them. US driving licences and other numbers without any check are left out:
they look like all other numbers."""
COUNTRIES = tuple(dict.fromkeys(paper.country for paper in PAPERS))
