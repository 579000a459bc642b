"""Conversations as a model's own chat template writes them, and which bytes of that its answers are.

Templates are Jinja, in the sandbox and with the helpers that transformers gives them (`utils/chat_template_utils.py`,
5.23), but for `strftime_now`: what a template writes must not depend on the day of the run.

**Special tokens in messages stay text.** Where a message spells one out, a character that is in no message is put
behind its first letter, before the template sees it; where a message begins or ends with a part of one, such a
character stands there. So a special token in what the template wrote is the template's own. Then the characters are
taken out again. A template that looks into messages could be led astray by them: so it is rendered without them, too,
and a conversation of which both are not the same is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import islice, pairwise
from typing import Any

from datacurate.core.errors import RecipeError
from datacurate.mixture import chat_files

SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # noqa: E501
"""White space as `tokenizers` has it (Unicode's White_Space)."""
UNUSED = [*range(0xFDD0, 0xFDF0), *range(0xF0000, 0xFFFFE)]
"""Characters that stand for nothing: noncharacters, which texts for interchange do not have, and private ones."""
WORK = 50_000_000
"""Characters and messages that a conversation may take to render its beginnings, one for each turn."""
ASSISTANT = "assistant"
COMPARED = ("role", "type")
"""Keys whose values templates compare with names."""
DATA = "arguments"
"""Key of what a tool is called with: keys in it are the conversation's, not the format's."""
PROBE = [("user", "One?"), (ASSISTANT, "Two."), ("user", "Three?"), (ASSISTANT, "Four.")]

Messages = list[dict[str, Any]]
Piece = tuple[str | None, int, int]


class Unusable(Exception):
    """A conversation that cannot become a document; `rule` names the kind."""

    def __init__(self, rule: str, error: str) -> None:
        super().__init__(error)
        self.rule = rule


@dataclass(frozen=True)
class Rendered:
    """A conversation as text. Places are bytes of its UTF-8."""

    text: str
    pieces: list[Piece]
    """Special tokens, each with the begin and end of the text behind it; see `mixture/pieces.py`."""
    scored: list[int]
    """Pairs [begin, end) of what the loss is taken of."""


@dataclass(frozen=True)
class Marks:
    """Characters that no message has: `inside` breaks special tokens, `begin` and `end` enclose what is scored."""

    inside: str
    begin: str
    end: str

    @staticmethod
    def absent(text: str) -> Marks:
        """Three that are not in a text, nor as Python and JSON escape them."""
        return Marks(*islice((c for c in map(chr, UNUSED) if c not in text and _escaped(c) not in text), 3))


@dataclass
class Template:
    """A chat template with the special tokens of its tokenizer.

    `train_on` are the roles whose turns are scored. `strips` says for special tokens whether they swallow white space
    (before, behind) them.
    """

    source: str
    special: Iterable[str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    train_on: Sequence[str] = (ASSISTANT,)
    today: date | None = None
    strips: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = sorted(self.special, key=lambda name: (-len(name), name))
        self.either = "|".join(map(re.escape, self.names)) or "(?!)"
        self._begins = re.compile(f"(?=(?:{self.either}))")
        self._heads = {name[:at] for name in self.names for at in range(1, len(name))}
        self._tails = {name[at:] for name in self.names for at in range(1, len(name))}
        self._longest = max(map(len, self.names), default=0)
        self._opening, self._closing = {name[:1] for name in self.names}, {name[-1:] for name in self.names}
        self._closed = re.compile(rf"(?:{self.either})(\s*)\Z")

    @cached_property
    def compiled(self) -> Any:
        """The compiled template. RecipeError when it is no Jinja."""
        try:
            from jinja2 import TemplateError

            from datacurate.mixture.chat_jinja import environment
        except ImportError as error:
            raise RecipeError(f"chat needs Jinja ({error}). Install it: pip install 'datacurate[chat]'") from error
        try:
            return environment(self.today).from_string(self.source)
        except TemplateError as error:
            raise RecipeError(f"the chat template is not valid Jinja (line {_line(error)}): {error}.") from error

    @property
    def marks_answers(self) -> bool:
        """Whether the template itself says, by `{% generation %}`, what a model is to write."""
        return re.search(r"\{%[-+]?\s*generation\s*[-+]?%\}", self.source) is not None

    @property
    def by_blocks(self) -> bool:
        """Whether what is scored is what the template marks."""
        return self.marks_answers and list(self.train_on) == [ASSISTANT]

    def check(self) -> None:
        """Render a short conversation. RecipeError when that fails, or does not show what is to be scored."""
        probe = [{"role": role, "content": content} for role, content in PROBE]
        try:
            made = self.render(probe)
        except Unusable as error:
            try:
                made = self.render([{"role": "system", "content": "Zero."}, *probe])
            except Unusable:
                raise RecipeError(f"the chat template fails on a plain conversation: {error}") from error
        told = [made.text.encode()[a:b] for a, b in zip(made.scored[::2], made.scored[1::2], strict=True)]
        if ASSISTANT in self.train_on and not (b"Two." in b"".join(told) and b"Four." in b"".join(told)):
            raise RecipeError("the chat template leaves the assistant's turns out of what it marks with generation.")

    def render(self, messages: Messages) -> Rendered:
        """A conversation as text, with its special tokens and what is scored of it. Unusable when that cannot be."""
        written = json.dumps(messages, ensure_ascii=False)
        marks = Marks.absent(written + self.source + self.either)
        guarded = self._guarded(messages, marks.inside)
        whole = self._run(guarded, marks)
        if guarded != messages:
            self._prove(whole, messages, marks)
        if not self.by_blocks:
            whole = self._with_turns(whole, guarded, marks)
        try:
            return self._read(whole, marks)
        except UnicodeEncodeError as error:
            raise Unusable("bad_unicode", str(error)[:300]) from error

    def _run(self, messages: Messages, marks: Marks, prompt: bool = False) -> str:
        """What the template writes. With `prompt` it invites the assistant's answer at the end."""
        enclosed = (marks.begin, marks.end) if self.by_blocks else ("", "")
        given = {**self.variables, "messages": messages, "add_generation_prompt": prompt, "_enclosed": enclosed}
        try:
            made: str = self.compiled.render(given)
            return made.replace(_escaped(marks.inside), marks.inside)
        except (RecipeError, MemoryError):
            raise
        except Exception as error:  # a template raises whatever it likes
            hint = ""
            if "strftime_now" in str(error):
                hint = " It asks for today's date; set `today`, so that every run writes the same."
            raise Unusable("template_error", f"the chat template raises: {str(error)[:300]}.{hint}") from error

    def _prove(self, whole: str, messages: Messages, marks: Marks) -> None:
        """Raise Unusable unless what the template wrote of guarded messages is what it writes of them as they are."""
        if whole.replace(marks.inside, "") != self._run(messages, marks):
            raise Unusable(
                "special_in_message",
                "a message spells a special token or a part of one, and the template looks for that or changes it, so "
                "what is the template's own cannot be told",
            )

    def _guarded(self, value: Any, inside: str, key: str = "", data: bool = False) -> Any:
        """Messages with `inside` in every special token that they spell.

        What templates look up or compare (keys, and values of `COMPARED`) is broken only where it spells a whole
        special token; `data` is nothing of this.
        """
        if isinstance(value, str):
            return self._broken(value, inside, data or key not in COMPARED)
        if isinstance(value, Mapping):
            return {
                self._broken(k, inside, data): self._guarded(v, inside, k, data or k == DATA) for k, v in value.items()
            }
        if isinstance(value, list):
            return [self._guarded(one, inside, key, data) for one in value]
        return value

    def _broken(self, text: str, inside: str, parts: bool = True) -> str:
        """A text with `inside` in special tokens that it spells and, with `parts`, where it may be a part of one."""
        places = [found.start() + 1 for found in self._begins.finditer(text)]
        if parts:
            places += self._joints(text)
        if not places:
            return text
        cuts = sorted({0, *places, len(text)})
        between = inside.join(text[a:b] for a, b in pairwise(cuts))
        return ("" if 0 not in places else inside) + between + ("" if len(text) not in places else inside)

    def _joints(self, text: str) -> list[int]:
        """Where a text may be a part of a special token, with what stands beside it."""
        places = []
        first, last = len(text) - len(text.lstrip()), len(text.rstrip())
        head, tail = text[first : first + self._longest], text[max(last - self._longest, first) : last]
        if not self._closing.isdisjoint(head) and any(head[:size] in self._tails for size in range(1, len(head) + 1)):
            places.append(first)
        if not self._opening.isdisjoint(tail) and any(tail[at:] in self._heads for at in range(len(tail))):
            places.append(last)
        if 0 < last - first <= self._longest and any(text[first:last] in name for name in self.names):
            places.append(first)
        return places

    def _with_turns(self, whole: str, messages: Messages, marks: Marks) -> str:
        """The same with the turns of `train_on` enclosed, found by rendering the conversation's beginnings."""
        turns = [at for at, message in enumerate(messages) if message["role"] in self.train_on]
        if len(turns) * (len(whole) + len(messages)) > WORK:
            raise Unusable("too_many_turns", f"{len(turns)} turns to train on in {len(whole):,} characters")
        made, done = [], 0
        for at in turns:
            begin, end = self._turn(whole, messages, at, marks)
            if begin < done:
                raise Unusable("not_incremental", f"message {at + 1} begins before the one in front of it ends")
            made += [whole[done:begin], marks.begin, whole[begin:end], marks.end]
            done = end
        return "".join(made) + whole[done:]

    def _turn(self, whole: str, messages: Messages, at: int, marks: Marks) -> tuple[int, int]:
        """Begin and end of a turn in the whole: behind the prompt for it, up to the special token that closes it."""
        answers = messages[at]["role"] == ASSISTANT
        before = self._run(messages[:at], marks, prompt=answers) if at or answers else ""
        after = self._run(messages[: at + 1], marks)
        if not after.startswith(before) or not whole.startswith(after):
            raise Unusable(
                "not_incremental",
                f"message {at + 1} looks otherwise when it is the last one, so what is to be scored cannot be told. "
                "Enclose it by {% generation %} and {% endgeneration %} in the template",
            )
        closed = self._closed.search(after, len(before))
        return len(before), closed.start(1) if closed and answers else len(after)

    def _read(self, whole: str, marks: Marks) -> Rendered:
        """Take the marks out of what the template wrote, and note where they and special tokens were."""
        walk = re.compile(f"({self.either})|{marks.inside}|{marks.begin}|{marks.end}")
        parts: list[str] = []
        pieces: list[Piece] = []
        scored: list[int] = []
        token, start, at, depth, begin = None, 0, 0, 0, 0
        for text, found in _pieces(walk, whole):
            parts.append(text)
            at += len(text.encode())
            if found is None or found[1]:
                pieces.append((token, start, at))
            if found is not None and found[1]:
                token, start = found[1], at + len(found[1].encode())
                parts.append(token)
                at = start
            elif found is not None and found[0] == marks.begin:
                begin, depth = begin if depth else at, depth + 1
            elif found is not None and found[0] == marks.end:
                depth -= 1
                if depth == 0 and at > begin:
                    scored += [begin, at]
        if depth:
            raise Unusable("template_error", "the chat template writes a part of what it marks with generation")
        text = "".join(parts)
        return Rendered(text, [p for p in self._stripped(text.encode(), pieces) if p[0] or p[1] < p[2]], scored)

    def _stripped(self, text: bytes, pieces: list[Piece]) -> Iterator[tuple[str | None, int, int]]:
        """The pieces without the white space that special tokens swallow."""
        following = [*(token for token, _, _ in pieces[1:]), None]
        for (token, begin, end), then in zip(pieces, following, strict=True):
            inner = text[begin:end].decode() if self.strips else ""
            if self.strips.get(token or "", (False, False))[1]:
                inner = inner.lstrip(SPACE)
                begin = end - len(inner.encode())
            if self.strips.get(then or "", (False, False))[0]:
                end = begin + len(inner.rstrip(SPACE).encode())
            yield token, begin, end


def _pieces(walk: re.Pattern[str], text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """The text in front of each match, with the match; what is behind the last one, with None."""
    done = 0
    for found in walk.finditer(text):
        yield text[done : found.start()], found
        done = found.end()
    yield text[done:], None


def _escaped(char: str) -> str:
    """How Python and JSON write a character of `UNUSED` within other text (those above U+FFFF in Python alone)."""
    return repr(char)[1:-1]


def _line(error: Any) -> Any:
    return getattr(error, "lineno", None) or "?"


def load(
    tokenizer: str, template: str | None, variables: Mapping[str, Any], train_on: Sequence[str], today: str | None
) -> Template:
    """The template of a tokenizer's folder, or of a file, checked. RecipeError when there is none or it fails."""
    from datacurate.mixture import tokenize, tokenizer_files

    read = tokenizer_files.read(tokenizer, None, None)
    found = chat_files.find(tokenizer, template)
    added = (read.definition or {}).get("added_tokens") or []
    strips = {t["content"]: (bool(t.get("lstrip")), bool(t.get("rstrip"))) for t in added}
    special = read.special - {tokenize.unknown(read.definition)}
    strips = {name: sides for name, sides in strips.items() if name in special and any(sides)}
    day = None if today is None else datetime.strptime(today, "%Y-%m-%d").date()
    made = Template(found.template, special, {**found.names, **variables}, train_on, day, strips)
    made.check()
    return made
