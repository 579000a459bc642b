"""Pages as strings: which encoding their bytes are in, and how far what a page says of itself is believed.

In this order:

1. A byte order mark.
2. Zero bytes in the pattern of UTF-16 or UTF-32; the escape sequences of ISO-2022-JP and -KR; HZ where it is declared.
3. Bytes that are all ASCII. UTF-7 is never used: what it hides from filters, browsers do not show.
4. Bytes that are UTF-8, whatever is declared: other texts are valid UTF-8 by accident only if they are a few characters
   long. Also where few sequences are damaged, and where at least one is sound and the text is likelier than any other.
5. The HTTP header, the page's own declaration (`<?xml encoding=…>`, `<meta charset=…>`) and what the bytes look like
   (`_charset_model.py`): the declared encoding that makes the likelier text, unless another makes one that is clearly
   likelier. Servers send `ISO-8859-1` for everything, so that name counts for less.

Labels mean what browsers mean by them (https://encoding.spec.whatwg.org/#names-and-labels): `gb2312` is GB 18030,
`iso-8859-1` is Windows-1252. Japanese, Korean and Big5 pages are decoded by the national table first and by its
superset where that does not fit. Single bytes in UTF-8 that are letters or quotation marks of Windows-1252 (pasted from
elsewhere) are read as these; what remains undecodable becomes U+FFFD.
"""

from __future__ import annotations

import encodings
import encodings.aliases
import pkgutil
import re
from functools import cache, lru_cache
from typing import NamedTuple

BOMS = (
    (b"\xef\xbb\xbf", "utf_8"),
    (b"\xff\xfe\0\0", "utf_32_le"),
    (b"\0\0\xfe\xff", "utf_32_be"),
    (b"\xff\xfe", "utf_16_le"),
    (b"\xfe\xff", "utf_16_be"),
)
HEAD = 4096
"""Declarations are looked for so far. Browsers look at 1,024 bytes; feeds with comments in front need more."""
WIDER = {
    "shift_jis": ("cp932", "shift_jis_2004"),
    "euc_jp": ("euc_jis_2004",),
    "euc_kr": ("cp949",),
    "big5": ("cp950", "big5hkscs"),
    "gb18030": (),
}
"""Tables that hold another one's characters and more, tried in turn."""
MEANS = {
    "latin_1": "cp1252", "iso8859_1": "cp1252", "ascii": "cp1252", "iso8859_9": "cp1254", "iso8859_11": "cp874",
    "tis_620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "cp949": "euc_kr",
    "cp932": "shift_jis", "cp950": "big5", "big5hkscs": "big5", "utf_8_sig": "utf_8",
}  # fmt: skip
"""What browsers take a label for, by Python's names."""
LABELS = {
    "x-sjis": "shift_jis", "windows-31j": "shift_jis", "ks_c_5601-1987": "euc_kr", "windows-949": "euc_kr",
    "x-gbk": "gb18030", "x-euc-jp": "euc_jp", "x-mac-cyrillic": "mac_cyrillic", "x-mac-ukrainian": "mac_cyrillic",
    "x-mac-roman": "mac_roman", "macintosh": "mac_roman", "windows-874": "cp874", "dos-874": "cp874", "utf8": "utf_8",
    "unicode-1-1-utf-8": "utf_8", "koi8": "koi8_r", "koi8-ru": "koi8_u", "x-cp1251": "cp1251", "x-cp1252": "cp1252",
    "x-cp1250": "cp1250", "iso-8859-8-i": "iso8859_8", "iso-8859-8-e": "iso8859_8", "iso-8859-6-i": "iso8859_6",
    "iso-8859-6-e": "iso8859_6", "x-x-big5": "big5", "visual": "iso8859_8", "logical": "iso8859_8", "x-johab": "johab",
}  # fmt: skip
"""Labels of pages that Python does not know."""
TEXT = re.compile(
    r"utf_(8|16|32)(_[lb]e)?|cp(125[0-8]|874|437|737|775|85[0257-8]|86[0-6]|869|720|949|932|1125)|iso8859_\d+|koi8_[rut]|"
    r"mac_\w+|kz1048|ptcp154|euc_\w+|shift_jis\w*|johab|big5\w*|gb\w+|hz|iso2022_\w+|tis_620"
)
"""The Python codecs that pages are decoded with. No UTF-7, EBCDIC or codecs that make no text of bytes."""
DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']\s*([\w.:+-]{2,40})|<meta\b[^>]{0,400}?\bcharset\s*=\s*[\"']?\s*([\w.:+-]{2,40})",
    re.I,
)
ODD = re.compile("[\ufffd\x00-\x08\x0b\x0e-\x1f\ue000-\uf8ff]")
COMMENT = re.compile(rb"<!--.*?-->", re.S)
ESCAPES = (
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"\x1b(\$[@B]|\(J|\(I|\$\(D)"), "iso2022_jp_ext"),
)
DAMAGED_PRIOR = -4.0
"""How much rarer (natural logarithm) damaged UTF-8 is than UTF-8."""
BROKEN_WORD, BROKEN_BYTE = -3.0, -14.0
"""What a byte that is read as Windows-1252 costs, and one that becomes U+FFFD: more than a letter does in the
right encoding, where it counts with both neighbours."""
DAMAGE = re.compile("[\udc80-\udcff]+")
MOST_MENDED = 20_000
"""Damaged places that are looked at one by one."""
MENDABLE = frozenset(
    (
        *b"\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b",
        *b"\xa3\xa7\xa9\xab\xae\xb0\xb1\xb7\xbb",
        *range(0xC0, 0x100),
    )
) - {0xC2, 0xC3}
"""Bytes that are likely Windows-1252 when they stand alone in UTF-8; C2 and C3 are mostly rests of letters."""
BONUS, DEFAULT_BONUS = 20.0, 6.0
"""By how much (natural logarithm of likelihood) another encoding must be likelier than the declared one; the second for
`iso-8859-1` and `windows-1252`, which servers and editors declare by default."""


class Choice(NamedTuple):
    """An encoding (Python's name) and why it was chosen."""

    codec: str
    how: str


def decoded(html: bytes, charset: str | None) -> str:
    """The page as a string; `charset` is what the HTTP header says."""
    codec, how = chosen(html, charset)
    if how == "mark":
        html = html[next(len(mark) for mark, name in BOMS if name == codec and html.startswith(mark)) :]
    if codec == "utf_8":
        return mended(html)
    for wider in (codec, *WIDER.get(codec, ())):
        try:
            return html.decode(wider)
        except UnicodeDecodeError:
            continue
    if codec in WIDER:
        texts = [html.decode(wider, "replace") for wider in (codec, *WIDER[codec])]
        return min(texts, key=lambda text: text.count("\ufffd"))
    return html.decode(codec, "replace")


def chosen(html: bytes, charset: str | None) -> Choice:
    """The encoding of a page, and why."""
    for mark, codec in BOMS:
        if html.startswith(mark):
            return Choice(codec, "mark")
    if b"\0" in html[:HEAD] and (wide := _wide(html[:HEAD])):
        return Choice(wide, "zeros")
    if b"\x1b" in html and (escaped := _escaped(html)):
        return Choice(escaped, "escapes")
    if html.isascii():
        hz = "hz" in (resolved(charset), declared(html)) or (b"~{" in html and _is_hz(html))
        return Choice("hz", "declared") if hz else Choice("utf_8", "ascii")
    said = [codec for codec in (resolved(charset), declared(html)) if codec]
    sound, broken = _sequences(html)
    if not broken or sound > (broken if "utf_8" in said else 5 * broken):
        return Choice("utf_8", "utf-8")
    damaged = "declared" if sound and "utf_8" in said else "detected" if 4 * sound >= broken else ""
    return _legacy(
        html, damaged, [codec for codec in dict.fromkeys(said) if not codec.startswith(("utf", "hz", "iso2022"))]
    )


@lru_cache(4096)
def resolved(label: str | None) -> str | None:
    """Python's name of the encoding that a label means, None for those that no page is decoded with."""
    name = (label or "").strip(" \t\r\n\"'").lower()
    if not name.isascii():
        return None
    plain = encodings.normalize_encoding(LABELS.get(name, name.removeprefix("x-")))
    codec = encodings.aliases.aliases.get(plain, plain)
    meant = MEANS.get(codec, codec)
    return meant if meant in _usable() else None


@cache
def _usable() -> frozenset[str]:
    """The codecs of this Python that pages are decoded with."""
    names = (module.name for module in pkgutil.iter_modules(encodings.__path__))
    return frozenset(name for name in names if TEXT.fullmatch(name))


def declared(html: bytes) -> str | None:
    """The encoding that the page names; UTF-16 there means UTF-8, for the name could be read."""
    head = html[:HEAD]
    if b"<!--" in head:
        head = COMMENT.sub(b"", html[: 4 * HEAD])
    found = DECLARED.search(head)
    codec = resolved((found[1] or found[2]).decode("ascii", "replace")) if found else None
    return "utf_8" if codec and codec.startswith(("utf_16", "utf_32")) else codec


def _wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by where zeros stand: nine of ten in one place, and no control characters in the text."""
    head = head[: len(head) // 4 * 4]
    zeros = [head[at::4].count(0) for at in range(4)]
    quarter, total = len(head) / 4, sum(zeros)
    if not quarter or total < 0.02 * len(head):
        return None
    if min(zeros[2], zeros[3]) > 0.9 * quarter and zeros[0] < 0.1 * quarter:
        return "utf_32_le"
    if min(zeros[0], zeros[1]) > 0.9 * quarter and zeros[3] < 0.1 * quarter:
        return "utf_32_be"
    codec = "utf_16_le" if zeros[1] + zeros[3] > zeros[0] + zeros[2] else "utf_16_be"
    if max(zeros[1] + zeros[3], zeros[0] + zeros[2]) < 0.9 * total:
        return None
    text = head.decode(codec, "replace")
    odd = len(ODD.findall(text))
    return codec if odd <= 0.02 * len(text) else None


def _escaped(html: bytes) -> str | None:
    """ISO-2022, where an escape sequence says so, and the page has no other bytes beyond ASCII and can be decoded."""
    for escape, codec in ESCAPES:
        if html.isascii() and escape.search(html):
            text = html.decode(codec, "replace")
            if text.count("\ufffd") * 20 < sum(char >= "\x80" for char in text):
                return codec
    return None


def _is_hz(html: bytes) -> bool:
    """Whether `~{` begins GB 2312 in pairs of bytes: at least eight common characters of it, and nothing else in it."""
    parts = re.findall(rb"~\{([^~]{2,}?)~\}", html)
    pairs = [part[at : at + 2] for part in parts for at in range(0, len(part), 2)]
    common = sum(len(pair) == 2 and 0x30 <= pair[0] <= 0x57 and 0x21 <= pair[1] <= 0x7E for pair in pairs)
    return common >= 8 and common > 0.8 * len(pairs)


def _sequences(html: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII are sound UTF-8, and how many places are damaged."""
    text = html.decode("utf-8", "replace")
    broken = text.count("\ufffd") - html.count(b"\xef\xbf\xbd")
    return len(text) - broken - len(html.translate(None, _BEYOND_ASCII)), broken


def mended(html: bytes) -> str:
    """UTF-8 as a string; one or two bytes of Windows-1252 in it are read as such, other damage becomes U+FFFD.

    A byte with which sound characters of the page begin is the rest of one of these.
    """
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        if _sequences(html)[1] > MOST_MENDED:
            return html.decode("utf-8", "replace")
    text = html.decode("utf-8", "surrogateescape")
    begin = {char.encode()[0] for char in set(text) if char >= "\x80" and not "\ud800" <= char <= "\udfff"}
    likely = MENDABLE - begin

    def mend(found: re.Match[str]) -> str:
        damage = found[0].encode("utf-8", "surrogateescape")
        mends = len(damage) <= 2 and likely.issuperset(damage)
        return damage.decode("cp1252") if mends else damage.decode("utf-8", "replace")

    return DAMAGE.sub(mend, text)


_BEYOND_ASCII = bytes(range(128, 256))


def _legacy(html: bytes, damaged: str, said: list[str]) -> Choice:
    """The encoding of a page that is neither ASCII nor sound Unicode; `damaged` says why it may be UTF-8."""
    from datacurate.stages import _charset_model as model

    part = model.sample(html)
    for codec in said:
        if codec not in model.CANDIDATES and _fits(part, codec):
            return Choice(codec, "declared")
    scores = model.scores(part, tuple(said))
    for codec in said:
        if codec in scores:
            scores[codec] += DEFAULT_BONUS if codec == "cp1252" else BONUS
    if damaged:
        scores["utf_8"] = _damaged_likelihood(part) + (BONUS if damaged == "declared" else 0)
    best = max(scores, key=lambda name: scores[name])
    return Choice(best, "declared" if best in said or (best == "utf_8" and damaged == "declared") else "detected")


def _damaged_likelihood(part: bytes) -> float:
    """How likely a sample is, read as UTF-8 with damage."""
    from datacurate.stages import _charset_model as model

    text = mended(part)
    lost, broken = text.count("\ufffd"), _sequences(part)[1]
    text = text.replace("\ufffd", "")
    found = model.text_likelihood(text, model.languages()) if text else 0.0
    return DAMAGED_PRIOR + found + BROKEN_BYTE * lost + BROKEN_WORD * max(broken - lost, 0)


def _fits(part: bytes, codec: str) -> bool:
    """Whether an encoding that the model does not know decodes the sample without control characters."""
    text = part[: max(len(part) - 4, 4)].decode(codec, "replace")
    return "\ufffd" not in text[:-1] and not any("\x80" <= char < "\xa0" for char in text)
