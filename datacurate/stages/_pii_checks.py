"""Check digits and other rules of national numbers. Each takes the letters and digits alone and says if they fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

Check = Callable[[str], bool]


def anything(_: str) -> bool:
    """No rule beyond the layout."""
    return True


def weighted(text: str, weights: tuple[int, ...]) -> int:
    """The sum of digits times weights."""
    return sum(int(c) * w for c, w in zip(text, weights, strict=False))


def luhn(text: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = [int(c) for c in reversed(text)]
    return sum(d if at % 2 == 0 else d * 2 - 9 * (d > 4) for at, d in enumerate(digits)) % 10 == 0


def us_ssn(text: str) -> bool:
    """No area 000, 666 or 900 to 999, no group 00, no serial 0000 (ssa.gov, randomization of 2011); none of the numbers
    of advertisements (078-05-1120, 219-09-9999)."""
    area, group, serial = text[:3], text[3:5], text[5:]
    if text in ("078051120", "219099999", "123456789", "111111111"):
        return False
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def us_itin(text: str) -> bool:
    """9xx-50..65, 70..88, 90..92, 94..99-xxxx (irs.gov)."""
    group = int(text[3:5])
    return text[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def gb_nino(text: str) -> bool:
    """Prefixes that are not given out (HMRC, NIM39110), among them QQ of the examples."""
    first, second = text[0], text[1]
    if first in "DFIQUV" or second in "DFIQUVO" or text[:2] in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
        return False
    return text[8] in "ABCD"


def gb_nhs(text: str) -> bool:
    """Modulus 11 with weights 10 to 2."""
    key = 11 - weighted(text[:9], (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return key != 10 and key % 11 == int(text[9]) and len(set(text)) > 1


def fr_nir(text: str) -> bool:
    """Key of 97 less the remainder of the first 13; Corsica's 2A and 2B count as 19 and 18."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    month = int(text[3:5]) if text[3:5].isdigit() else 0
    if not number.isdigit() or text[0] not in "123478" or not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    return 97 - int(number) % 97 == int(text[13:])


def de_steuer_id(text: str) -> bool:
    """ISO/IEC 7064, MOD 11,10; of the first ten digits one stands twice or three times, the others once at most."""
    counts = sorted((text[:10].count(d) for d in set(text[:10])), reverse=True)
    if text[0] == "0" or counts[0] not in (2, 3) or counts[1:] != [1] * (len(counts) - 1):
        return False
    product = 10
    for c in text[:10]:
        total = (int(c) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(text[10])


def es_dni(text: str) -> bool:
    """The letter is the remainder by 23; X, Y and Z of foreigners count as 0, 1 and 2."""
    number = text[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return number.isdigit() and int(number) > 0 and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def it_codice_fiscale(text: str) -> bool:
    """The last letter is a sum over odd and even places (D.M. 23 December 1976); the month is one of twelve letters."""
    if text[8] not in "ABCDEHLMPRST" or not text[:15].isalnum():
        return False
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in text[1:15:2])
    return chr((sum(_ODD[c] for c in text[:15:2]) + even) % 26 + 65) == text[15]


def nl_bsn(text: str) -> bool:
    """The test of eleven: weights 9 to 2 and -1."""
    return int(text) > 0 and weighted(text, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def be_nrn(text: str) -> bool:
    """97 less the remainder of the first nine; with a 2 in front for those born since 2000."""
    key = int(text[9:])
    return key in (97 - int(text[:9]) % 97, 97 - int("2" + text[:9]) % 97) and int(text[2:4]) <= 12


def br_cpf(text: str) -> bool:
    """Two digits of modulus 11; no number of one digit repeated."""
    if len(set(text)) == 1:
        return False
    for size in (9, 10):
        key = weighted(text[:size], tuple(range(size + 1, 1, -1))) * 10 % 11 % 10
        if key != int(text[size]):
            return False
    return True


_D = [[(a + b) % 5 if a < 5 and b < 5 else 0 for b in range(10)] for a in range(10)]
for _a in range(10):
    for _b in range(10):
        if _a < 5 and _b < 5:
            _D[_a][_b] = (_a + _b) % 5
        elif _a < 5:
            _D[_a][_b] = 5 + (_a + _b) % 5
        elif _b < 5:
            _D[_a][_b] = 5 + (_a - _b) % 5
        else:
            _D[_a][_b] = (_a - _b) % 5
_P = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
for _ in range(6):
    _P.append([_P[-1][_P[1][c]] for c in range(10)])


def verhoeff(text: str) -> bool:
    """Verhoeff's check of the dihedral group of order ten (1969)."""
    state = 0
    for at, c in enumerate(reversed(text)):
        state = _D[state][_P[at % 8][int(c)]]
    return state == 0


def in_aadhaar(text: str) -> bool:
    """Verhoeff's check; no number begins with 0 or 1 (UIDAI)."""
    return text[0] not in "01" and len(set(text)) > 1 and verhoeff(text)


def in_pan(text: str) -> bool:
    """The fourth letter says what kind of holder it is."""
    return text[3] in "ABCFGHJLPTK"


def ca_sin(text: str) -> bool:
    """Luhn; no number begins with 0 or 8."""
    return text[0] not in "08" and luhn(text)


def au_tfn(text: str) -> bool:
    """Weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulus 11."""
    return int(text) > 0 and weighted(text, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def pl_pesel(text: str) -> bool:
    """Weights 1, 3, 7, 9, modulus 10; the month says the century."""
    if not 1 <= int(text[2:4]) % 20 <= 12 or not 1 <= int(text[4:6]) <= 31:
        return False
    return (10 - weighted(text[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(text[10])


def se_personnummer(text: str) -> bool:
    """A date (days of coordination numbers are 60 more) and Luhn, over the last ten digits."""
    text = text[-10:]
    return 1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) % 60 <= 31 and luhn(text)


def fi_hetu(text: str) -> bool:
    """The remainder of the nine digits by 31, as a character."""
    digits = text[:6] + text[-4:-1]
    return digits.isdigit() and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[-1]


def cn_resident(text: str) -> bool:
    """ISO/IEC 7064, MOD 11-2, and a date of birth (GB 11643-1999)."""
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    key = weighted(text[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return born.year >= 1900 and "10X98765432"[key] == text[17]


def kr_rrn(text: str) -> bool:
    """A date and a figure for the century; the check digit was given up in 2020."""
    return 1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) <= 31 and text[6] in "12345678"


def za_id(text: str) -> bool:
    """A date, a 0 or 1 for citizens and residents, and Luhn."""
    return 1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) <= 31 and text[10] in "012" and luhn(text)


def tr_kimlik(text: str) -> bool:
    """No 0 in front; the tenth digit is 7 times the odd places less the even ones, the last the sum of all (NVI)."""
    digits = [int(c) for c in text]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] > 0 and digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def no_fnr(text: str) -> bool:
    """A date and two digits of modulus 11 (Skatteetaten)."""
    if not 1 <= int(text[:2]) % 40 <= 31 or not 1 <= int(text[2:4]) % 40 <= 12:
        return False
    first = weighted(text, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    return first == 0 and weighted(text, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def dk_cpr(text: str) -> bool:
    """A date; the check digit was given up in 2007."""
    return 1 <= int(text[:2]) <= 31 and 1 <= int(text[2:4]) <= 12


def ro_cnp(text: str) -> bool:
    """A date and one digit of modulus 11, 10 being 1."""
    key = weighted(text, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (
        text[0] != "0"
        and 1 <= int(text[3:5]) <= 12
        and 1 <= int(text[5:7]) <= 31
        and key % 10 + key // 10 == int(text[12])
    )


def bg_egn(text: str) -> bool:
    """A date, 20 or 40 more in months of other centuries, and one digit of modulus 11."""
    dated = 1 <= int(text[2:4]) % 20 <= 12 and 1 <= int(text[4:6]) <= 31
    return dated and weighted(text, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(text[9])


def cz_rc(text: str) -> bool:
    """A date, months of women 50 more, and divisible by 11."""
    return 1 <= int(text[2:4]) % 50 % 20 <= 12 and 1 <= int(text[4:6]) <= 31 and int(text) % 11 == 0


def cl_rut(text: str) -> bool:
    """Weights 2 to 7 from the right, modulus 11, with K for 10."""
    total = sum(int(c) * (2 + at % 6) for at, c in enumerate(reversed(text[:-1])))
    return "0123456789K0"[11 - total % 11] == text[-1]


def mx_curp(text: str) -> bool:
    """A date, H, M or X, and a digit of modulus 10 over an alphabet with N and O apart by one (RENAPO)."""
    if text[10] not in "HMX" or not 1 <= int(text[6:8]) <= 12 or not 1 <= int(text[8:10]) <= 31:
        return False
    values = [int(c, 36) + (c > "N") for c in text[:17]]
    return (10 - sum(v * (18 - at) for at, v in enumerate(values)) % 10) % 10 == int(text[17])


def sg_nric(text: str) -> bool:
    """Weights 2, 7, 6, 5, 4, 3, 2, four more for T and G; the rest by 11 is a letter."""
    if text[0] not in "STFG":
        return False
    rest = (weighted(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + 4 * (text[0] in "TG")) % 11
    return ("JZIHGFEDCBA" if text[0] in "ST" else "XWUTRQPNMLK")[rest] == text[8]


def pt_nif(text: str) -> bool:
    """Weights 9 to 2, modulus 11; persons have 1, 2 or 3 in front."""
    key = 11 - weighted(text, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return text[0] in "123" and (key if key < 10 else 0) == int(text[8])


def ru_snils(text: str) -> bool:
    """Weights 9 to 1, modulus 101, 100 being 0."""
    return weighted(text, (9, 8, 7, 6, 5, 4, 3, 2, 1)) % 101 % 100 == int(text[9:])


def ru_inn(text: str) -> bool:
    """Two digits of modulus 11."""
    first = weighted(text, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return first == int(text[10]) and weighted(text, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == int(text[11])


def mrz(text: str) -> bool:
    """The second line of a passport: check digits of number, birth and expiry (ICAO 9303, weights 7, 3, 1)."""
    return all(_mrz_digit(text[a:b]) == text[b] for a, b in ((0, 9), (13, 19), (21, 27)))


def _mrz_digit(part: str) -> str:
    values = [0 if c == "<" else int(c, 36) for c in part]
    return str(sum(v * (7, 3, 1)[at % 3] for at, v in enumerate(values)) % 10)
