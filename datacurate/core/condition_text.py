"""Conditions from text: a hand-written parser, so that a text is never run as code and errors say where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from datacurate.core.conditions import WORDS, Both, Comparison, IsNull, Node, Not, OneOf, kind_of_value

DEPTH = 50
"""Brackets and `not` may be nested this deep."""
SIGNS = {"=": "==", "==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<column>`[^`]+`)
      | (?P<word>[^\W\d][\w.]*)
      | (?P<sign><=|>=|==|!=|<|>|=)
      | (?P<mark>[()\[\],])
      | (?P<wrong>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)


class ConditionError(ValueError):
    """A condition that cannot be read; the message shows where."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """The condition that a text says; ConditionError with the place when it says none."""
    reader = _Reader(text)
    node = reader.either(0)
    if reader.now.kind != "end":
        reader.fail(reader.now, "expected 'and', 'or' or the end")
    return node


def _tokens(text: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "wrong":
            _refuse(text, match.start(kind), _odd(match[kind]))
        word = kind == "word" and match[kind].lower() in WORDS
        found.append(Token("keyword", match[kind].lower(), match.start(kind)) if word
                     else Token(kind, match[kind], match.start(kind)))  # fmt: skip
    return [*found, Token("end", "", len(text))]


def _odd(char: str) -> str:
    if char in "&|!":
        return f"'{char}' is not known here; write 'and', 'or', 'not'"
    if char in "\"'`":
        return f"the {char} is not closed"
    return f"'{char}' is not known here; a column with such a name stands in `...`"


def _refuse(text: str, at: int, problem: str) -> Any:
    shown = " ".join(text.split()) if "\n" in text else text
    raise ConditionError(f"cannot read the condition '{shown}': {problem}, at character {at + 1}")


class _Reader:
    """Reads `or` over `and` over `not` over comparisons."""

    def __init__(self, text: str):
        self.text, self.tokens, self.at = text, _tokens(text), 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def fail(self, token: Token, problem: str) -> Any:
        seen = f"'{token.text}'" if token.text else "the end"
        _refuse(self.text, token.at, f"{problem}, not {seen}")

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, *texts: str) -> bool:
        """Step over the next token if it is one of these words or marks."""
        if self.now.kind in ("keyword", "mark") and self.now.text in texts:
            self.at += 1
            return True
        return False

    def either(self, depth: int) -> Node:
        parts = [self.both(depth)]
        while self.skip("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts), either=True)

    def both(self, depth: int) -> Node:
        parts = [self.one(depth)]
        while self.skip("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts), either=False)

    def one(self, depth: int) -> Node:
        if depth > DEPTH:
            _refuse(self.text, self.now.at, f"nested deeper than {DEPTH}")
        if self.skip("not"):
            return Not(self.one(depth + 1))
        if self.skip("("):
            node = self.either(depth + 1)
            if not self.skip(")"):
                self.fail(self.now, "expected ')'")
            return node
        return self.comparison()

    def comparison(self) -> Node:
        if self.now.kind in ("number", "string") or self.now.text in ("true", "false", "null"):
            value = self.value()
            sign = self.sign()
            return self.made(self.column(), TURNED[sign], value)
        column = self.column()
        if self.skip("is"):
            turned = self.skip("not")
            if not self.skip("null"):
                self.fail(self.now, "expected 'null'")
            return Not(IsNull(column)) if turned else IsNull(column)
        if self.skip("not"):
            if not self.skip("in"):
                self.fail(self.now, "expected 'in'")
            return Not(self.listed(column))
        if self.skip("in"):
            return self.listed(column)
        if self.now.kind == "sign":
            sign = self.sign()
            if self.now.kind in ("word", "column"):
                self.fail(self.now, "expected a number, a text in quotes, true, false or null")
            return self.made(column, sign, self.value())
        return Comparison(column, "==", True)

    def made(self, column: str, sign: str, value: Any) -> Node:
        if self.now.kind == "sign":
            self.fail(self.now, "two comparisons in one go: write them with 'and'; expected 'and', 'or' or the end")
        if value is None:
            if sign not in ("==", "!="):
                _refuse(self.text, self.now.at, "null has no order; write 'is null' or 'is not null'")
            return IsNull(column) if sign == "==" else Not(IsNull(column))
        if isinstance(value, bool) and sign not in ("==", "!="):
            _refuse(self.text, self.now.at, "true and false have no order")
        return Comparison(column, sign, value)

    def listed(self, column: str) -> Node:
        """`[a, b]` or `(a, b)` behind `in`."""
        closing = {"[": "]", "(": ")"}.get(self.now.text)
        if closing is None or self.now.kind != "mark":
            self.fail(self.now, 'expected a list, e.g. ["en", "de"]')
        self.take()
        start = self.now
        values = [self.value()]
        while self.skip(","):
            values.append(self.value())
        if not self.skip(str(closing)):
            self.fail(self.now, f"expected ',' or '{closing}'")
        if len({kind_of_value(value) for value in values}) > 1 or None in values:
            _refuse(self.text, start.at, "a list holds values of one kind, without null")
        return OneOf(column, tuple(values))

    def sign(self) -> str:
        if self.now.kind != "sign":
            self.fail(self.now, "expected a comparison such as '<=' or 'in'")
        return SIGNS[self.take().text]

    def column(self) -> str:
        if self.now.kind not in ("word", "column"):
            self.fail(self.now, "expected a column")
        return self.take().text.strip("`")

    def value(self) -> Any:
        token = self.take()
        if token.kind == "number":
            plain = token.text.replace("_", "")
            return float(plain) if re.search(r"[.eE]", plain) else int(plain)
        if token.kind == "string":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if token.kind == "keyword" and token.text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.text]
        self.at -= 1
        return self.fail(token, "expected a number, a text in quotes, true, false or null")
