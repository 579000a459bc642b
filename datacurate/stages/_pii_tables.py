"""The tables of keys, papers, words and addresses as the arrays that kernels read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any

from datacurate.stages._pii_keys import (
    HASH_WORDS,
    KEY_NAMES,
    KEYS,
    PASSWORD_NAMES,
    PLACEHOLDERS,
    QUERY_NAMES,
    SCHEMES,
    TYPED_A,
    TYPED_P,
    TYPED_U,
)
from datacurate.stages._pii_papers import PAPERS

PHONE_WORDS = (
    "phone", "phones", "telephone", "telephones", "tel", "mobile", "mob", "cell", "cellphone", "cellular", "fax",
    "call", "calls", "called", "calling", "caller", "callback", "dial", "dialed", "dialing", "ring", "sms", "text me",
    "texting", "whatsapp", "viber", "hotline", "helpline", "landline", "voicemail", "answering",
    "ph", "reach me", "reach us", "reach him", "reach her", "reach them", "reached at", "contact", "contacts",
    "my number", "our number", "your number", "his number", "her number", "their number", "message me", "text us",
    "tlf", "tlf.", "telefon", "telefoon", "telefono", "teléfono", "téléphone",
    "telefone", "telefonnummer", "tél", "móvil", "movil", "celular", "cellulare", "portable", "handy", "rufnummer",
    "mobil", "puhelin", "telefax", "direct line", "telephone number", "hot line", "toll free",
    "toll-free", "pager", "телефон", "Телефон", "тел", "Тел", "моб", "Моб", "电话", "電話", "手机", "手機",  # noqa: RUF001
    "전화", "هاتف", "फोन", "โทร", "τηλέφωνο", "Τηλέφωνο", "τηλ", "טלפון", "☎", "✆", "📞", "📱",
)  # fmt: skip
"""Behind these a number of seven to thirteen digits is a telephone number, whatever its layout."""
PHONE_LABELS = ("fax", "mobile", "office", "home", "work", "cell", "phone", "tel", "desk", "direct")
"""Right behind a number these say that it is a telephone number: `555 1234-Fax`, `555 1234 (mobile)`."""
NET_WORDS = (
    "ip", "ips", "ipv4", "ipaddr", "ip address", "address", "addresses", "addr", "host", "hosts", "hostname", "server",
    "servers", "nameserver", "ping", "traceroute", "tracert", "whois", "inet", "gateway", "dns", "proxy", "subnet",
    "netmask", "peer", "ssh", "scp", "rsync", "telnet", "curl", "wget", "root", "remote", "client", "banned",
)  # fmt: skip
"""In front of four numbers these say that they are an address, even if they look like a version."""
VERSION_WORDS = (
    "ver", "vers", "version", "versions", "rev", "revision", "release", "releases", "section", "build", "builds",
    "firmware", "driver", "drivers", "update", "patch", "plugin", "bios", "sdk", "jdk", "jre", "kernel", "agent",
)  # fmt: skip
"""Right in front of four numbers these say that they are a version."""
CARD_WORDS = (
    "card", "cards", "credit", "debit", "visa", "mastercard", "maestro", "amex", "american express", "discover",
    "diners", "jcb", "unionpay", "cc", "ccnum", "cardnumber", "creditcard", "card number", "payment", "tarjeta",
    "carte", "karte", "kreditkarte", "carta", "cartão", "kort", "kaart", "karta", "карта", "карты", "Карта", "卡",
    "カード", "카드", "بطاقة",
)  # fmt: skip
"""Near these a number with a right check digit is a card's, whatever its length."""

RESOLVERS = (
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "9.9.9.9", "9.9.9.10",
    "149.112.112.112", "149.112.112.10", "208.67.222.222", "208.67.220.220", "208.67.222.123", "208.67.220.123",
    "8.26.56.26", "8.20.247.20", "76.76.19.19", "76.223.122.150", "76.76.2.0", "76.76.10.0", "94.140.14.14",
    "94.140.15.15", "94.140.14.15", "94.140.15.16", "64.6.64.6", "64.6.65.6", "4.2.2.1", "4.2.2.2", "4.2.2.3",
    "4.2.2.4", "4.2.2.5", "4.2.2.6", "84.200.69.80", "84.200.70.40", "77.88.8.8", "77.88.8.1", "114.114.114.114",
    "114.114.115.115", "223.5.5.5", "223.6.6.6", "119.29.29.29", "180.76.76.76", "185.228.168.9", "185.228.169.9",
    "156.154.70.1", "156.154.71.1", "193.110.81.0", "185.253.5.0",
)  # fmt: skip
"""Public name servers, which stand in configurations everywhere: StarCoder's list (bigcode-dataset,
pii/pii_redaction.py) and those of other providers."""

IBANS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
"""Lengths of account numbers (SWIFT, IBAN Registry)."""


@cache
def forms() -> tuple[str, ...]:
    """Names of all forms, by the number that kernels know them by."""
    from datacurate.kernels.pii_bytes import FIXED_FORMS

    return tuple(dict.fromkeys((*FIXED_FORMS, *(key.form for key in KEYS), *(paper.form for paper in PAPERS))))


@lru_cache(maxsize=16)
def tables(kinds: tuple[str, ...], countries: tuple[str, ...] | None, entropy: bool, public_only: bool = True) -> Any:
    """What kernels read: arrays for these kinds, papers of these countries (None: all)."""
    import numpy as np

    from datacurate.kernels.pii_bytes import KINDS, TABLES

    papers = [paper for paper in PAPERS if countries is None or paper.country in countries]
    word_sets = [
        PHONE_WORDS,
        CARD_WORDS,
        QUERY_NAMES,
        KEY_NAMES,
        PASSWORD_NAMES,
        PLACEHOLDERS,
        HASH_WORDS,
        PHONE_LABELS,
        NET_WORDS,
        VERSION_WORDS,
        SCHEMES,
        TYPED_P,
        TYPED_U,
        TYPED_A,
    ]
    keys = sorted(KEYS, key=lambda key: (key.prefix.encode()[0], -len(key.prefix)))
    firsts = [key.prefix.encode()[0] for key in keys]
    made = {
        "wanted": np.array([kind in kinds for kind in KINDS]),
        **_layouts(papers, len(word_sets), KINDS),
        **_words([*word_sets, *(paper.words for paper in papers)]),
        "prefixes": _bytes(key.prefix for key in keys),
        "prefix_at": _ends(key.prefix for key in keys),
        "prefix_first": np.array([sum(f < c for f in firsts) for c in range(257)], np.int32),
        "prefix_chars": np.array([key.chars for key in keys], np.uint8),
        "prefix_least": np.array([key.least for key in keys], np.int32),
        "prefix_most": np.array([key.most for key in keys], np.int32),
        "prefix_form": np.array([forms().index(key.form) for key in keys], np.int32),
        "tails": _tails(),
        "tlds": _tlds(),
        "resolvers": np.array([_number(address) for address in RESOLVERS], np.int64),
        "ibans": _iban_lengths(),
        "pairs": _pairs(),
        "options": np.array([entropy, entropy, public_only, _head(papers)], np.int8),
    }
    made |= {"tld_count": len(made["tlds"]), "resolver_count": len(RESOLVERS)}
    record = np.zeros(1, TABLES)
    for name, values in made.items():
        place = record[name][0] if np.ndim(values) else record[name]
        place[tuple(slice(size) for size in np.shape(values))] = values
    record.flags.writeable = False
    return record


def _bytes(words: Iterable[str]) -> Any:
    import numpy as np

    return np.frombuffer("".join(words).encode(), np.uint8).copy()


def _ends(words: Iterable[str]) -> Any:
    import numpy as np

    return np.array([0, *accumulate(len(word.encode()) for word in words)], np.int32)


def _words(sets: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The words of all sets one after the other, and by their first two bytes."""
    import numpy as np

    from datacurate.kernels.pii_words import begin_of

    written = [sorted({form for word in one for form in _cased(word)}) for one in sets]
    words = [word.encode() for one in written for word in one]
    of = [at for at, one in enumerate(written) for _ in one]
    keys = np.array([begin_of(word[0], word[1]) for word in words])
    order = np.argsort(keys, kind="stable")
    return {
        "bucket_at": np.searchsorted(keys[order], np.arange(4097)),
        "bucket_word": order,
        "bucket_set": np.array(of)[order],
        "words": np.frombuffer(b"".join(words), np.uint8),
        "word_at": np.array([0, *accumulate(len(word) for word in words)], np.int32),
        "sets": np.array([0, *accumulate(len(one) for one in written)], np.int32),
    }


def _tails() -> Any:
    """By the last two bytes of a name: whether it may be a key's or a password's."""
    import numpy as np

    from datacurate.kernels.pii_words import begin_of

    tails = np.zeros(4096, np.uint8)
    for word in {form.encode() for name in (*KEY_NAMES, *PASSWORD_NAMES) for form in _cased(name)}:
        tails[begin_of(word[-2], word[-1])] = 1
    return tails


def _cased(word: str) -> set[str]:
    """A word as it is written small, with a capital and in capitals; ASCII letters small, as kernels fold these."""
    forms = (word, word.lower(), word.capitalize(), word.upper())
    return {"".join(c.lower() if c.isascii() else c for c in form) for form in forms}


def _layouts(papers: Sequence[Any], first_set: int, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The layouts of papers, by what and how many of it they begin with."""
    import numpy as np

    rows = [
        (layout, at, layout in paper.weak)
        for at, paper in enumerate(papers)
        for layout in (*paper.layouts, *paper.weak)
    ]
    rows.sort(key=lambda row: _group(row[0]))
    groups = [_group(layout) for layout, _, _ in rows]
    return {
        "layouts": _bytes(layout for layout, _, _ in rows),
        "layout_at": _ends(layout for layout, _, _ in rows),
        "layout_of": np.searchsorted(groups, np.arange(53)),
        "layout_kind": np.array([kinds.index(papers[at].kind) for _, at, _ in rows], np.int32),
        "layout_form": np.array([forms().index(papers[at].form) for _, at, _ in rows], np.int32),
        "layout_words": np.array([first_set + at for _, at, _ in rows], np.int32),
        "layout_needs": np.array([needs for _, _, needs in rows], np.bool_),
    }


def _pairs() -> Any:
    """By the first two bytes of a word, 0 for the second of a word of one: whether a key may begin so."""
    import numpy as np

    pairs = np.zeros(65536, np.bool_)
    for prefix in (*(key.prefix for key in KEYS), "eyJ", "BEGIN"):
        first, second = prefix.encode()[:2]
        pairs[first << 8 | (second if chr(second).isalnum() or chr(second) == "_" else 0)] = True
    return pairs


def _head(papers: Sequence[Any]) -> int:
    """The most capitals that stand as a word of their own at the head of a layout."""
    layouts = [layout for paper in papers for layout in (*paper.layouts, *paper.weak)]
    heads = [
        layout[: len(layout) - len(layout.lstrip("A"))] for layout in layouts if not layout.lstrip("A")[:1].isalnum()
    ]
    return max((len(head) for head in heads), default=0)


def _group(layout: str) -> int:
    """How many digits a layout begins with, or 26 and how many capitals; 0 or 26 when either may follow them."""
    rest = layout.lstrip(layout[0])
    return 26 * (layout[0] != "9") + (0 if rest.startswith("X") else len(layout) - len(rest))


def _number(address: str) -> int:
    return int.from_bytes(bytes(int(part) for part in address.split(".")), "big")


def _iban_lengths() -> Any:
    import numpy as np

    lengths = np.zeros(676, np.int8)
    for country, length in IBANS.items():
        lengths[(ord(country[0]) - 65) * 26 + ord(country[1]) - 65] = length
    return lengths


@cache
def _tlds() -> Any:
    """Hashes of the top-level domains of the public suffix list, sorted."""
    import numpy as np

    from datacurate.kernels.memory import hash_bytes
    from datacurate.stages.filters._url_lists import suffix_file

    with open(suffix_file(), encoding="utf-8") as file:
        lines = [line.split("//")[0].strip() for line in file]
    names = {line.rsplit(".", 1)[-1].lower().encode() for line in lines if line}
    hashes = [hash_bytes(np.frombuffer(name, np.uint8), 0, len(name)) for name in sorted(names)]
    return np.array(sorted(hashes), np.uint64)
