"""Other text in place of secrets: placeholders, and fakes that look like what they replace and are nobody's.

A fake depends on the document's id, its kind, and the how-manieth different secret of its kind this is in the document:
not on the secret, which could otherwise be found by trying all numbers.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from hashlib import blake2b

from datacurate.stages._pii_find import _TEST_CARDS as TEST_CARDS
from datacurate.stages._pii_keys import KEYS

_NAMES = (
    "alex", "ana", "ben", "carla", "chen", "dana", "elif", "emil", "fatima", "george", "hana", "ivan", "jo", "kim",
    "lena", "luis", "maria", "mina", "noor", "omar", "paula", "quinn", "ravi", "sam", "sofia", "tariq", "uma", "vera",
    "wei", "zoe",
)  # fmt: skip
_SURNAMES = ("baker", "costa", "diaz", "evans", "fischer", "garcia", "haas", "ito", "jensen", "khan", "lee", "moreau")
_PEOPLE = ("Alex Baker", "Ana Costa", "Chen Lee", "Elif Haas", "Jo Evans", "Maria Diaz", "Ravi Khan", "Sofia Moreau")
_STREETS = ("12 Example Street", "7 Sample Avenue", "101 Placeholder Road", "3 Test Lane")
_BEGIN_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END_KEY = re.compile(r"-----END [A-Z0-9 ]{0,50}-----\s*\Z")
_AREAS = ("202", "212", "303", "305", "312", "404", "415", "503", "512", "602", "617", "702", "713", "801", "907")


class Dice:
    """Numbers that follow from a name alone."""

    def __init__(self, name: str):
        self.left = int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=64).digest(), "big")
        self.name = name

    def below(self, bound: int) -> int:
        """A number from 0 to `bound - 1`."""
        if self.left < bound << 32:
            self.__init__(self.name + "+")  # type: ignore[misc]
        self.left, drawn = divmod(self.left, bound)
        return drawn

    def one(self, of: tuple[str, ...] | str) -> str:
        """One of several."""
        return of[self.below(len(of))]


def like(secret: str, dice: Dice) -> str:
    """Random letters and digits in the layout of a text."""
    kinds = (string.digits, string.ascii_uppercase, string.ascii_lowercase)
    return "".join(next((dice.one(kind) for kind in kinds if c in kind), c) for c in secret)


def _digits_into(layout: str, digits: str) -> str:
    """The digits, in the layout of a number if it has as many."""
    if sum(c.isdigit() for c in layout) != len(digits):
        return digits
    rest = iter(digits)
    return "".join(next(rest) if c.isdigit() else c for c in layout)


def email(_: str, __: str, dice: Dice) -> str:
    """An address at a host that RFC 2606 keeps for examples."""
    return f"{dice.one(_NAMES)}.{dice.one(_SURNAMES)}{dice.below(100)}@example.{dice.one(('com', 'org', 'net'))}"


def ip(_: str, form: str, dice: Dice) -> str:
    """An address of the networks that RFC 5737 and RFC 3849 keep for documentation."""
    if form == "ipv6":
        return f"2001:db8:{dice.below(65536):x}:{dice.below(65536):x}::{1 + dice.below(65535):x}"
    return f"{dice.one(('192.0.2', '198.51.100', '203.0.113'))}.{1 + dice.below(254)}"


def phone(secret: str, _: str, dice: Dice) -> str:
    """A number of 555-0100 to 555-0199 (NANPA), or 07700 900000 to 900999 (Ofcom) for one that begins with 0 or +44."""
    digits = "".join(c for c in secret if c.isdigit())
    if secret.startswith("+44") or (digits.startswith("0") and not digits.startswith("00")):
        rest = f"900{dice.below(1000):03d}"
        return f"+44 7700 {rest}" if secret.startswith("+") else f"07700 {rest}"
    area, last = dice.one(_AREAS), f"01{dice.below(100):02d}"
    if secret.startswith("+"):
        return f"+1 {area}-555-{last}"
    return f"({area}) 555-{last}" if secret.startswith("(") else f"{area}-555-{last}"


def card(secret: str, _: str, dice: Dice) -> str:
    """A number that payment services publish for tests, in the layout of the secret."""
    size = sum(c.isdigit() for c in secret)
    same = tuple(number for number in TEST_CARDS if len(number) == size)
    return _digits_into(secret, dice.one(same or TEST_CARDS))


def iban(secret: str, _: str, dice: Dice) -> str:
    """An account of the same country and layout with right check digits, at a bank that does not exist (0000, XXXX)."""
    plain = [c for c in secret if c.isalnum()]
    drawn = list(like("".join(plain[4:]).upper(), dice))
    for at in range(min(4, len(drawn))):
        drawn[at] = "0" if drawn[at].isdigit() else "X"
    country = "".join(plain[:2]).upper()
    number = int("".join(str(int(c, 36)) for c in "".join(drawn) + country + "00"))
    rest = iter(f"{country}{98 - number % 97:02d}{''.join(drawn)}")
    made = "".join(next(rest) if c.isalnum() else c for c in secret)
    return made.lower() if secret[:2].islower() else made


def national_id(secret: str, form: str, dice: Dice) -> str:
    """A number in the layout of the secret that nobody has: one of 987-65-4320 to 4329 for a social security number
    (kept for advertising), else one whose check fails."""
    from datacurate.stages._pii_papers import PAPERS

    if form in ("us_ssn", "us_itin"):
        return _digits_into(secret, f"98765432{dice.below(10)}")
    if form == "gb_nino":
        return f"QQ{like(secret[2:], dice)}"
    check = next(paper.check for paper in PAPERS if paper.form == form)
    for _ in range(50):
        made = like(secret, dice)
        try:
            right = check("".join(c for c in made if c.isalnum()))
        except (ValueError, KeyError):
            right = False
        if not right:
            return made
    return made


def private_key(value: str, dice: Dice) -> str:
    """The markers of a block, and nothing that stands between them, whatever separates its lines: ends of lines, these
    as `\\n` in JSON and `.env`, or spaces."""
    head, tail = _BEGIN_KEY.match(value), _END_KEY.search(value)
    line = next((mark for mark in ("\n", "\\n") if mark in value), " ")
    body = f"EXAMPLE{like('Aa0' * 19, dice)}"
    return line.join((head.group() if head else "-----BEGIN PRIVATE KEY-----", body, tail.group() if tail else ""))


def secret(value: str, _: str, dice: Dice) -> str:
    """Random characters in the layout of the value, with `EXAMPLE` among them, by which it is known as no secret.

    Nothing of the value stays but the prefix by which its service is known.
    """
    if value.startswith("-----BEGIN"):
        return private_key(value, dice)
    _, colon, password = value.partition(":")
    if colon and "/" not in value:
        return f"user:{like(password, dice)[:8]}EXAMPLE"
    known = max((key.prefix for key in KEYS if value.startswith(key.prefix)), key=len, default="")
    rest = like(value[len(known) :], dice)
    return known + ("EXAMPLE" + rest[7:] if len(rest) > 7 else "EXAMPLE")


FAKES: dict[str, Callable[[str, str, Dice], str]] = {
    "email": email, "ip": ip, "phone": phone, "card": card, "iban": iban, "national_id": national_id,
    "passport": lambda value, form, dice: like(value, dice), "key": secret, "password": secret, "url": secret,
    "name": lambda value, form, dice: dice.one(_PEOPLE), "address": lambda value, form, dice: dice.one(_STREETS),
}  # fmt: skip
"""How a secret of a kind is faked."""


def fakes(id: str, found: list[tuple[str, str, str]], lists: dict[str, tuple[str, ...]], reuse: bool) -> list[str]:
    """A replacement for every (kind, form, secret) of a document, in order.

    A list, of the form or else of the kind, is gone through from its beginning. A secret that stands in the document
    twice gets the same replacement twice, unless `reuse` is false.
    """
    known: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    made = []
    for kind, form, secret_ in found:
        same = (kind, secret_)
        if not reuse or same not in known:
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            given = lists.get(form) or lists.get(kind)
            if given:
                known[same] = given[number % len(given)]
            else:
                known[same] = FAKES[kind](secret_, form, Dice(f"{id}\0{kind}\0{number}"))
        made.append(known[same])
    return made
