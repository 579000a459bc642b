"""The Jinja that chat templates are written for: sandboxed, with transformers' helpers and `{% generation %}`."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """`{% generation %}…{% endgeneration %}`: what a model is to write, put between the two texts of `_enclosed`."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        """The block as a call."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_enclose", [nodes.Name("_enclosed", "load")])
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _enclose(self, enclosed: tuple[str, str], caller: Any) -> str:
        return f"{enclosed[0]}{caller()}{enclosed[1]}"


def environment(today: date | None) -> ImmutableSandboxedEnvironment:
    """What templates run in; `strftime_now` is there only if a day is given."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = _json
    made.globals["raise_exception"] = _raise
    if today is not None:
        made.globals["strftime_now"] = today.strftime
    return made


def _raise(message: str) -> None:
    raise TemplateError(message)


def _json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Without Jinja's own escapes for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
