"""The detectors of personal data in plain Python: regular expressions, int, ipaddress, and lists."""

from __future__ import annotations

import ipaddress
import re
import unicodedata

from datacurate.stages._pii_tables import IBANS, RESOLVERS

EMAIL = re.compile(
    r"\b[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*"
    r"[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?|\[(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}"
    r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?|[A-Za-z0-9-]*[A-Za-z0-9]:)])"
)
QUAD = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)")
"""datatrove's expressions (pipeline/formatters/pii.py)."""
Span = tuple[str, int, int]


def like_datatrove(text: str) -> list[Span]:
    """Emails, and addresses between them, in characters."""
    found = [("email", *match.span()) for match in EMAIL.finditer(text)]
    for begin, end in zip([0, *(s[2] for s in found)], [*(s[1] for s in found), len(text)], strict=True):
        for match in QUAD.finditer(text[begin:end]):
            try:
                public = ipaddress.ip_address(match.group()).is_global
            except ValueError:
                continue
            if public:
                found.append(("ip", begin + match.start(), begin + match.end()))
    return sorted(found, key=lambda span: span[1:])


def fold(text: str) -> str:
    """Digits, full-width characters, spaces and dashes as ASCII, character by character."""
    return "".join(map(_folded, text))


def _folded(char: str) -> str:
    point = ord(char)
    if 0xFF01 <= point <= 0xFF5E:
        return chr(point - 0xFEE0)
    digits = [0x660, 0x6F0, *range(0x966, 0xD70, 0x80), 0xE50, 0xED0]
    if any(first <= point <= first + 9 for first in digits):
        return str(unicodedata.digit(char))
    if 0x2000 <= point <= 0x200A or point in (0xA0, 0x202F, 0x3000):
        return " "
    if 0x2010 <= point <= 0x2015 or point == 0x2212:
        return "-"
    return "@" if point == 0xFE6B else char


def luhn(digits: str) -> bool:
    """The sum of digits, every second one from the right doubled, is a multiple of ten."""
    doubled = [int(d) * (2 if at % 2 else 1) for at, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_card(digits: str) -> bool:
    """An issuer's prefix, a length that it has, and a right check digit."""
    ranges = [
        (r"4", (13, 16, 19)), (r"5[1-5]", (16,)), (r"3[47]", (15,)), (r"30[0-5]|3[689]", (14,)),
        (r"30[0-5]|3[89]", (16,)), (r"6011|64[4-9]|65", range(16, 20)), (r"2131|1800", (15,)), (r"62", range(16, 20)),
        (r"5018|5020|5038|5893|6304|6390|67(?:59|6[0-3])|5[678]", range(12, 20)), (r"220[0-4]", range(16, 20)),
    ]  # fmt: skip
    four = int(digits[:4])
    known = any(len(digits) in sizes and re.match(prefix, digits) for prefix, sizes in ranges)
    known |= len(digits) == 16 and 2221 <= four <= 2720
    return (known or (16 <= len(digits) <= 19 and 3528 <= four <= 3589)) and luhn(digits)


def cards(text: str) -> list[Span]:
    """Digits in a row, or in groups of 4-4-4-..., or 4-6-..., that stand alone and need no word near them."""
    grouped = r"\d{4}([ -])(?:\d{4}|\d{6})(?:\1\d{4})*\1\d{1,6}"
    found = []
    for match in re.finditer(rf"(?<!\w)(?:\d{{14,16}}|{grouped})(?!\w)", text):
        before = text[max(0, match.start() - 2) : match.start()]
        if re.search(r"[0-9A-Za-z][-./,:@]$|[$+]$", before) or re.match(r"[-./,:]\d|[ -]\d", text[match.end() :]):
            continue
        digits = re.sub(r"\D", "", match.group())
        if 14 <= len(digits) <= 19 and is_card(digits) and len(set(digits[:-1])) > 1:
            found.append(("card", *match.span()))
    return found


def is_iban(written: str) -> bool:
    """The country's length, and 1 as the remainder by 97 with the first four characters put last."""
    plain = written.upper().replace(" ", "").replace("-", "")
    if IBANS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def stays(address: str) -> bool:
    """Whether an address of version 4 is nobody's, or is like a version."""
    ip = ipaddress.ip_address(address)
    a, b, c, d = ip.packed
    small = a < 20 and b < 20 and c < 64 and d < 100
    return not ip.is_global or ip.is_multicast or small or address in RESOLVERS


def stays6(address: str) -> bool:
    """Whether an address of version 6 is nobody's: as Python 3.13 has it, which knows later entries of the registry."""
    ip = ipaddress.IPv6Address(address)
    given = ("2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28", "2001:1::1/128", "2001:1::2/127")
    if any(ip in ipaddress.ip_network(net) for net in given):
        return False
    later = ("2002::/16", "3fff::/20", "64:ff9b:1::/48", "5f00::/16")
    if any(ip in ipaddress.ip_network(net) for net in later) or ip.is_multicast or ip.is_site_local:
        return True
    return not ip.is_global


def settled(spans: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Of (document, kind, start, end) those that stay: one after the other, and the better of two that overlap."""
    kept: list[tuple[int, int, int, int]] = []
    for span in sorted(spans, key=lambda s: (s[0], s[2], s[1], -s[3])):
        if kept and kept[-1][0] == span[0] and span[2] < kept[-1][3]:
            last = kept[-1]
            if (span[1], last[3] - last[2]) >= (last[1], span[3] - span[2]) and not (
                span[1] == last[1] and span[3] - span[2] > last[3] - last[2]
            ):
                continue
            if span[1] > last[1]:
                continue
            kept.pop()
        kept.append(span)
    return kept
