"""Slow, obvious twins of the HTML kernels, over the canonical form."""

from __future__ import annotations

import html
import re

from resiliparse.parse.html import NodeType

from datacurate.kernels.html_tags import BLOCK, CUSTOM, KEPT, KIND, RAW, SKIPPED, TAG, VOID
from datacurate.kernels.html_words import CLASS_BIT, CLASS_WORDS, MARK_BIT, MARK_WORDS

_PIECE = re.compile(rb"<!--.*?-->|<[!?][^>]*>|<(/?)([^\s>/]+)([^>]*)>|[^<]+", re.DOTALL)
_ATTRIBUTE = re.compile(rb'([^\s=>]+)="([^"]*)"')
_WITH_WORDS = (b"class", b"id", b"role", b"itemprop")


def code_of(name: bytes) -> int:
    """A tag's code."""
    known = TAG.get(name.decode("utf-8", "replace"), 0)
    return known or (CUSTOM if b"-" in name else 0)


def events(page: bytes) -> list[tuple]:
    """Texts as (0, text); start tags as (code, attributes); end tags as (-code,)."""
    made: list[tuple] = []
    at = 0
    while at < len(page):
        piece = _PIECE.match(page, at)
        at = piece.end()
        if piece[2] is None:
            if not piece[0].startswith(b"<"):
                made.append((0, piece[0]))
            continue
        code = code_of(piece[2])
        if piece[1]:
            if KIND[code] & KEPT:
                made.append((-code,))
            continue
        if not KIND[code] & KEPT:
            continue
        formula = code == TAG["script"] and b"math/tex" in piece[3]
        made.append((TAG["math"] if formula else code, piece[3]))
        if (KIND[code] & SKIPPED and not KIND[code] & VOID) or code == TAG["math"]:
            at = _behind(page, at, piece[2], bool(KIND[code] & RAW))
    return made


_RAW = ["script", "style", "iframe", "noembed", "noframes", "xmp"]


def _behind(page: bytes, at: int, name: bytes, raw: bool) -> int:
    """Behind the end tag of an element whose contents start at `at`; contents of scripts and the like are skipped."""
    depth, inner = 1, b""
    names = b"|".join([re.escape(name), *(one.encode() for one in _RAW)])
    for tag in re.compile(rb"<(/?)(" + names + rb")(?=[\s>/])").finditer(page, at):
        if inner or (raw and not tag[1]):
            inner = b"" if tag[1] and tag[2] == inner else inner
        elif tag[2] == name:
            depth += -1 if tag[1] else 1
            if depth == 0:
                return page.index(b">", tag.start()) + 1
        elif not tag[1] and not raw:
            inner = tag[2]
    return len(page)


def words(attributes: bytes) -> int:
    """Groups of words that the attributes of a tag name."""
    made = 0
    for name, value in _ATTRIBUTE.findall(attributes):
        if name in _WITH_WORDS:
            made |= class_words(value.decode())
        hides = name == b"style" and re.search(rb"display: ?none|visibility: ?hidden", value)
        if hides or name == b"hidden" or (name == b"aria-hidden" and value == b"true"):
            made |= CLASS_BIT["hidden"]
        if name == b"style" and re.search(rb"[^:]e: ?pre(?=[; ]|$)", value):
            made |= MARK_BIT["block"]
    return made


_APART = {"div", "p", "ul", "pre", "table"}


def seen(node) -> str:
    """An element and what is in it, without elements that are hidden or hold line numbers; formulas stay."""
    if node.type == NodeType.TEXT:
        return html.escape(node.text, quote=False)
    if node.type != NodeType.ELEMENT:
        return ""
    if _hidden(node):
        formulas = "".join(one.html for one in node.get_elements_by_tag_name("math"))
        return f"<{node.tag}>{formulas}</{node.tag}>" if node.tag in _APART else formulas
    if node.tag == "math":
        return node.html
    inside = "".join(map(seen, node.child_nodes))
    text = re.sub("</?(?!math)[a-z][^>]*>", "", inside)
    if "lineno" in node.getattr("class", "") and re.fullmatch(r"[\s\d.:|]*", text):
        return ""
    return f"<{node.tag}>{inside}</{node.tag}>"


def _hidden(node) -> bool:
    style = node.getattr("style", "")
    hides = re.search("display: ?none|visibility: ?hidden", style) or node.getattr("aria-hidden", "") == "true"
    attribute = node.hasattr("hidden") and node.getattr("hidden") != "until-found" and node.tag != "span"
    return bool(hides or attribute) and node.getattr("role", "") != "tabpanel"


def class_words(value: str) -> int:
    """Groups whose words stand in a value, with `_` for what is no letter, and in front of inner capitals."""
    parted = re.sub("([a-z])([A-Z])", r"\1_\2", value)
    plain = "_" + re.sub("[^a-z\x80-\U0010ffff]", "_", parted.lower() if parted.isascii() else _lower(parted)) + "_"
    made = 0
    for bit, (_, group) in enumerate((*CLASS_WORDS, *MARK_WORDS)):
        made |= any(word in plain for word in group.split()) << bit
    return made


def _lower(text: str) -> str:
    """ASCII letters made small."""
    return "".join(chr(ord(char) | 32) if "A" <= char <= "Z" else char for char in text)


def texts(page: bytes) -> list[str]:
    """The texts of the blocks: what stands between tags that end lines, white space collapsed, entities replaced."""
    found, part, breaks = [], "", 0
    for event in [*events(page), (TAG["p"], b"")]:
        code = abs(event[0])
        if event[0] == 0:
            text = html.unescape(event[1].decode())
            part += text
            breaks = breaks if not text.strip() else 0
        elif code == TAG["br"]:
            part += " "
            breaks += 1
        if (KIND[code] & BLOCK and code) or code == TAG["hr"] or breaks >= 2:
            found += [" ".join(part.split())] if part.split() else []
            part, breaks = "", 0
    return found


_PERMALINK = re.compile(
    r'(<h2>[^<]*)<a [^>]*href="#[^"]*"[^>]*>[ \n]*(?:[¶#§🔗\u200b\uf0c1])[ \n]*</a>((?:</?(?:b|span)>|[ \n])*</h2>)'
)


def without_permalinks(page: str) -> str:
    """A page of level-two headings without the links of these to themselves."""
    return _PERMALINK.sub(lambda found: found[1] + found[2] if found[1].strip("<h2> \n") else found[0], page)


def code(text: str) -> str:
    """Code without blank lines at both ends and blanks behind the last character; the first line stays indented."""
    lines = text.replace("\r", "").split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    return "\n".join(lines).rstrip()


def table(rows: list[list[tuple[str, int, int]]]) -> list[list[str]]:
    """Rows of a table of cells `(text, columns, rows)`, each cell in its column, up to the row's last one."""
    width = max(map(len, rows))
    taken: set[tuple[int, int]] = set()
    made = []
    for at, row in enumerate(rows):
        line: list[str] = []
        column = 0
        for text, across, down in row:
            while (at, column) in taken:
                column += 1
            line += [""] * (column - len(line)) + [text]
            wide = min(across or 1, width)
            taken |= {(at + y, column + x) for y in range(1, down or len(rows)) for x in range(wide)}
            column += wide
        made.append(line)
    return made


MATHML = {
    "mfrac": ("(%s)", "/(%s)", "%s"),
    "msup": ("%s", "^{%s}", "%s"),
    "msub": ("%s", "_{%s}", "%s"),
    "munderover": ("%s", "_{%s}", "^{%s}"),
    "mroot": ("(%s)", "^{1/(%s)}", "%s"),
    "mfenced": ("%s", ",%s", ",%s"),
    "mtable": ("%s", " \\\\ %s", " \\\\ %s"),
    "mtr": ("%s", " & %s", " & %s"),
    "msqrt": ("%s", "%s", "%s"),
}
"""What is written for the first child, the second and others."""
_OUTSIDE = {"mfenced": "(%s)", "msqrt": "\\sqrt{%s}"}
_BASES = ("msup", "msub", "munderover")
_WORD = "\ue000"


def markup(tree: tuple) -> str:
    """A formula of `(element, text or children)` as MathML."""
    name, inside = tree
    return f"<{name}>{inside if isinstance(inside, str) else ''.join(map(markup, inside))}</{name}>"


def mathml(trees: list[tuple]) -> str:
    """A formula in one line; empty if it has no text. Texts are first marked, so that it is known which ones touch."""
    line = "".join(map(_linear, trees))
    found = re.findall(f"{_WORD}(.*?){_WORD}", line)
    pieces = re.split(f"{_WORD}.*?{_WORD}", line)
    made = pieces[0]
    for at, text in enumerate(found):
        if at and not pieces[at] and _parted(found[at - 1], text):
            made += " "
        made += re.sub(r"([{}$])", r"\\\1", text) + pieces[at + 1]
    return made if found else ""


def _parted(left: str, right: str) -> bool:
    """Whether a space belongs between two texts: words are parted from letters and digits, and digits from digits."""
    if left[-1].isdigit() and right[0].isdigit():
        return True
    word = re.match("[A-Za-z]{2}", right) or len(re.findall("[A-Za-z]", left)) >= 2
    return bool(word) and left[-1].isalnum() and right[0].isalnum()


def _linear(tree: tuple) -> str:
    name, inside = tree
    if name == "mphantom":
        return ""
    if isinstance(inside, str):
        return f"{_WORD}{' '.join(inside.split())}{_WORD}" if inside.strip() else ""
    made = ""
    for at, child in enumerate(inside):
        text = _linear(child)
        if name in _BASES and at == 0 and not isinstance(child[1], str):
            text = "{" + text + "}"
        made += MATHML.get(name, ("%s",) * 3)[min(at, 2)] % text
    return _OUTSIDE.get(name, "%s") % made
