"""What stands around a candidate and says that it is something else: rules of words, for what kernels propose."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from datacurate.stages._pii_tables import NET_WORDS, PHONE_LABELS, PHONE_WORDS

BEFORE, AFTER = 64, 24
"""Bytes in front of and behind a candidate that rules see."""
_PHONE_REACH = 48
"""As in kernels/pii_phone.py."""


class Around(NamedTuple):
    """A candidate as it is written, and what stands in front of it and behind it, in the same document."""

    before: str
    written: str
    after: str


@cache
def _words(words: tuple[str, ...]) -> str:
    """An expression for any of these words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The last match in a text."""
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


_UNIT = re.compile(
    r"\s?(?:[€£¥%$]|(?:ms|ns|us|µs|s|sec\w*|min\w*|hours?|days?|years?|times|bytes?|bits?|[kmgt]i?b|[kmg]?hz|px|pixels?|dpi"
    r"|fps|euros?|eur|dollars?|usd|gbp|kr|francs?|million|units?|users?|people|subscri\w+|customers?|copies|iterations?"
    r"|messages|hits|slots|cells|lines|pairs|calls|ops?|work|home|office)\b)",
    re.IGNORECASE,
)
"""What makes an amount of the number in front of it."""

_PHONE_WORD = re.compile(rf"(?<![^\W\d_])(?:{_words(PHONE_WORDS)})(?![A-Za-z])", re.IGNORECASE)
_LABEL = re.compile(rf"\s?[-(]\s?(?:{_words(PHONE_LABELS)})\b", re.IGNORECASE)
_WEAK = re.compile(
    r"call|calls|called|calling|caller|callback|dial|dialed|dialing|ring|cell|cellular|mobile|mob|contacts?|portable|handy"
    r"|mobil|sms|texting|text me|text us|answering|ph|pager|phones|telephones",
    re.IGNORECASE,
)
"""Words for telephones that are as often about something else: calls of functions, cells of tables, rings."""
_COUNTED = re.compile(r"calls|called|phones|telephones|contacts|sms", re.IGNORECASE)
_PEOPLE = re.compile(r"contact|call|text|mobile|cell", re.IGNORECASE)
"""Words behind which a name may stand: `Contact: Rahul, 98...`."""
_KEY_BETWEEN = re.compile(r"[\"'][\w .-]+[\"']\s*:|[\w.]\s*=|[,;{]\s*\w+_\w+\s*:")
"""The name of another value: what a word in front of it says is said of its own value alone."""
_NAME_GOES_ON = re.compile(r"_(?!no\b|nr\b|num|home|work|office|mobile|cell|primary|main|alt|\d)\w")
_LINKS = frozenset((
    "a", "an", "and", "any", "anytime", "are", "as", "at", "back", "by", "call", "cell", "direct", "directly",
    "email", "fax", "for", "free", "from", "he", "her", "here", "him", "home", "i", "if", "in", "is", "it", "its",
    "line", "main", "me", "mobile", "my", "n", "no", "nr", "num", "number", "numbers", "o", "of", "office", "on",
    "or", "our", "phone", "please", "she", "tel", "telephone", "text", "the", "their", "them", "to", "today",
    "toll", "us", "via", "was", "we", "whatsapp", "with", "work", "you", "your", "now",
    "casa", "centralita", "contact", "contacto", "de", "del", "fijo",
    "kontakt", "nummer", "numero", "número", "numéro", "oficina", "unter",
))  # fmt: skip
"""Words that may stand between `phone` and its number, or behind it."""
_AMOUNT = re.compile(r"\d{1,3}(?: \d{3})+(?: \d{1,3}(?: \d{3})+)*")
_POINTS_AT = re.compile(r"\b(?:at|on|to|from|me|us|number|no|nr)\b", re.IGNORECASE)
_AMERICAN = re.compile(r"(?:1[-. ]?)?(?:\(\d{3}\)[-. ]?|\d{3}[-.])\d{3}[-. ]\d{4}")


def phone_part(written: str, after: str) -> tuple[int, int]:
    """Which part of a proposed number is one: without a bracket that is not closed, and up to a gap of spaces."""
    start, stop = 0, len(written)
    opened = written.rfind("(")
    if opened >= 0 and ")" not in written[opened:]:
        start, stop = (1, stop) if opened == 0 else (0, opened)
    gap = re.search(r"(?<=\d) {2,}", written)
    if gap and written[0] not in "+0(" and gap.start() < stop:
        stop = gap.start()
    return start, start + len(written[start:stop].rstrip(" -./"))


def says_phone(around: Around) -> bool:
    """Whether a word that stands near a number is about it: it is not the name of something else, nor is the number
    an amount or a count."""
    before, written, after = around
    if _LABEL.match(after):
        return not (_AMOUNT.fullmatch(written) and written.endswith(" 000"))
    word = _last(_PHONE_WORD, before[-_PHONE_REACH:])
    if word is None:
        return False
    between = word.string[word.end() :]
    if written[0] != "+" and (_KEY_BETWEEN.search(between) or _NAME_GOES_ON.match(between)):
        return False
    groups = re.findall(r"\d+", written)
    spaced = len(groups) > 1 and not re.search(r"[-/.()]", written)
    if written[0] == "+" or (len(groups) > 1 and not spaced) or (spaced and written[0] == "0"):
        return True
    weak = _WEAK.fullmatch(word[0]) is not None
    if _UNIT.match(after) or (weak and ("=" in between or "|" in between)):
        return False
    if _COUNTED.fullmatch(word[0]) and not _POINTS_AT.search(between) and (not spaced or _AMOUNT.fullmatch(written)):
        return False
    named = len(groups) == 1 and len(written) > 9 and _PEOPLE.fullmatch(word[0]) is not None
    said = [one for one in re.findall(r"[a-zA-Z0-9À-ÿ]+", between) if not (named and one[0].isupper())]
    unknown = [one for one in said if one.lower() not in _LINKS]
    if spaced:
        return _is_spaced_phone(written, groups, weak, unknown, after)
    if weak and (len(written) < 9 or written.endswith("000000") or (len(written) == 10 and written[0] == "1")):
        return False
    return len(unknown) <= (0 if weak or len(written) < 9 else 2) and not any(one.isdigit() for one in unknown)


def _is_spaced_phone(written: str, groups: list[str], weak: bool, unknown: list[str], after: str) -> bool:
    """Whether groups of digits with spaces between them are a telephone number rather than amounts or sizes."""
    if all(group.endswith("0") for group in groups) and (weak or len(groups) > 1):
        return False
    if not _AMOUNT.fullmatch(written):
        return True
    behind = re.match(r" ([a-z]+)", after)
    if unknown or groups[-1] == "000" or (weak and len(groups[0]) == 1):
        return False
    return not (weak and behind and behind[1] not in _LINKS)


def stands_alone(written: str) -> bool:
    """Whether a number is worth to be asked of the library without a word near it: it begins with 0, or is written as
    in North America."""
    return written.lstrip("(").startswith("0") or _AMERICAN.fullmatch(written) is not None


_NETWORK = re.compile(rf"\b(?:{_words(NET_WORDS)}|ipv6|inet6|route|aaaa|listen|bind)\b", re.IGNORECASE)


def is_address6(around: Around) -> bool:
    """Whether a short form of version 6 is an address: of decimal digits alone, up to four groups, it may be a slice or
    a year, and needs a word of networks, a mask, or `//[` in front."""
    before, written, after = around
    if "::" not in written or re.search("[a-fA-F]", written) or len(re.findall(r"\d+", written)) > 4:
        return True
    return before.endswith("//[") or re.match(r"/\d", after) is not None or _NETWORK.search(before[-32:]) is not None


_PASS = re.compile(r"(?:^|[\n(,;|]\s*|\bmy )pass:+ ?(?:n[or]\.? ?)?$|Pass(?:-?N[ro]\.?)?:+ ?$|PASS:+ ?$", re.IGNORECASE)
_PASSPORT = re.compile(
    r"passports?|passeport|reisepass\w*|pasaporte|passaporto|passaporte|paspoort\w*|paszport|pass ?-?n(?:o|r|um)\w*"
    r"|pas ?-?n(?:o|r|um)\w*|ausweis|personalausweis|[^\x00-\x7f]{2}",
    re.IGNORECASE,
)


def is_passport(around: Around) -> bool:
    """Whether the word in front is a passport's: `Pass:` right in front of the number, others with no number between,
    and no unit behind."""
    before, written, after = around
    if _UNIT.match(after):
        return False
    word = _last(_PASSPORT, before)
    if word is not None:
        return not (written.isdigit() and re.search(r"\d", before[word.end() :]))
    return _PASS.search(before) is not None


_GOODS = re.compile(
    r"\b(?:parts?|lot|items?|serial|model|ref|reference|order|invoice|sku|product|ticket|batch|catalog|cat|zip|zip\+4|code"
    r"|phone|tel|telephone|fax|mobile|cell|call)\b[\s:#.]*(?:(?:no|nr|num|number)\b)?[\s:#.]*$",
    re.IGNORECASE,
)
_SHORT = 4


def is_paper(around: Around, words: tuple[str, ...]) -> bool:
    """Whether a national number is not one of goods, with none of the paper's own words near; a word of four letters or
    less must be no function, and no other number may stand behind it."""
    before = around.before
    word = _last(re.compile(rf"(?<![^\W\d_])(?:{_words(words)})", re.IGNORECASE), before)
    if word is None:
        return _GOODS.search(before) is None
    between = before[word.end() :]
    return len(word[0]) > _SHORT or not word[0].isascii() or not (re.search(r"\d", between) or between == "(")


_ALGORITHM = re.compile(
    r"(?:s?sha|md|aes|rsa|hmac|pbkdf|bcrypt|scrypt|argon|utf|base|iso|tls|ssl|oauth|rc|crc)[-_]?\d{1,4}(?:[-_/]\w{1,8})*",
    re.IGNORECASE,
)
_STAND_IN = re.compile(r"(?:your|insert|replace|enter)[_-].*|.*[_-]here\d*", re.IGNORECASE)
_COMMON = re.compile(r"([\w']+)[ -](?:pass|passes|secret|secrets)[\"'*]*\s*[:=]+\s*[\"']?$", re.IGNORECASE)
_OWNERS = frozenset((
    "my", "your", "our", "his", "her", "the", "user", "db", "database", "root", "admin", "wifi", "login", "mysql",
    "client", "app", "api", "ftp", "ssh", "sudo",
    "account", "fi", "guest", "network", "new", "old", "secret", "temp",
))  # fmt: skip
_ACCOUNT = re.compile(r"\b(?:user|username|login|account|email|host|uid)\b", re.IGNORECASE)
_PLAIN_PASS = re.compile(r"(?:pass|secret)[\"'*]*\s*[:=]+\s*[\"']?$", re.IGNORECASE)


def is_secret(around: Around) -> bool:
    """Whether a value is a secret rather than a stand-in, an algorithm, a score, or what a pass of another kind is."""
    before, written, _ = around
    if _STAND_IN.fullmatch(written) or _ALGORITHM.fullmatch(written):
        return False
    if _PLAIN_PASS.search(before) and re.fullmatch(r"\d+/\d+\w*|\d[\d.:]*[a-zA-Z]", written):
        return False
    if re.fullmatch(r"[\d.:-]{1,7}[a-zA-Z]", written):
        return False
    owner = _COMMON.search(before)
    return owner is None or owner[1].lower() in _OWNERS or _ACCOUNT.search(before) is not None


_CONNECTION = re.compile(r"(?:^|[;\s\"'])[\w ]+=[^;?&\s]*;\s*(?:pwd|password)=$", re.IGNORECASE)


def is_connection(around: Around) -> bool:
    """Whether a value stands in a connection string, `Uid=sa;Pwd=...;`, rather than in an address."""
    return "?" not in around.before.rsplit(" ", 1)[-1] and _CONNECTION.search(around.before) is not None


_SPELLED = re.compile(r"(.+?) ?[\[({<] ?(?:at|ad) ?[\])}>] ?(.+)\.([a-z]+)", re.IGNORECASE)
_WORD_TLDS = frozenset((
    "it", "is", "so", "me", "we", "go", "to", "be", "am", "in", "do", "id", "my", "no", "at", "as", "us", "io",
))  # fmt: skip
_PLACES = frozenset((
    "this", "that", "it", "here", "there", "row", "col", "column", "index", "idx", "cost", "home", "noon", "end",
    "start", "first", "last", "all", "least", "most", "point", "time", "position", "size", "length", "top",
    "bottom", "night", "once",
))  # fmt: skip
_VERBS = frozenset((
    "look", "looked", "looking", "sold", "meet", "meeting", "arrive", "arrived", "array", "matrix", "element",
    "vector", "list", "map", "string", "get", "item", "value", "character", "start", "stop", "stay", "be", "is",
    "are", "was",
))  # fmt: skip
_MEASURED = re.compile(r"@(?:\d+x|\d|\d+(?:\.\d+)+)\.[a-z]+", re.IGNORECASE)


def is_email(around: Around) -> bool:
    """Whether an address is none of a version, a price, or a sentence with a bracket: `Look (at) this.it is`."""
    written = around.written
    if "@" in written:
        return _MEASURED.search(written) is None
    parts = _SPELLED.fullmatch(written)
    if parts is None or parts[3].lower() not in _WORD_TLDS or "." in parts[2]:
        return True
    host = parts[2].lower()
    return not (len(host) == 1 or host in _PLACES or parts[1].lower() in _VERBS)
