"""Which files a chat template is in, and the names of tokens that it may use."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from datacurate.core.errors import RecipeError

CONFIG = "tokenizer_config.json"
HOLDERS = ("chat_template.jinja", "chat_template.json", CONFIG)
"""Where transformers keeps a template, in the order in which it looks."""


@dataclass(frozen=True)
class Found:
    """A template's source, and variables such as `bos_token`."""

    template: str
    names: dict[str, str]


def folder_of(tokenizer: str) -> str | None:
    """The folder beside whose tokenizer a template may lie; None for a Hugging Face name."""
    if os.path.isdir(tokenizer):
        return tokenizer
    return os.path.dirname(tokenizer) or "." if os.path.isfile(tokenizer) else None


def files(tokenizer: str, template: str | None) -> list[str]:
    """The files that say what a conversation looks like."""
    folder = folder_of(tokenizer)
    wanted = [template] if template else []
    if folder is not None:
        wanted += [os.path.join(folder, name) for name in ((CONFIG,) if template else HOLDERS)]
    return [path for path in wanted if os.path.isfile(path)]


def find(tokenizer: str, template: str | None) -> Found:
    """The template that is named, or lies beside the tokenizer. RecipeError when there is none."""
    folder = folder_of(tokenizer)
    config = _parsed(os.path.join(folder, CONFIG)) if folder is not None else {}
    names = {key: _content(value) for key, value in config.items() if key.endswith("_token") and _content(value)}
    if template is not None:
        if not os.path.isfile(template):
            raise RecipeError(f"template '{template}': there is no such file. Name a .jinja file or a {CONFIG}.")
        source = _source(template)
    else:
        paths = [os.path.join(folder, name) for name in HOLDERS] if folder is not None else []
        source = next((found for path in paths if (found := _source(path))), None)
    if not source:
        where = f"'{template}' has none" if template else f"there is none beside the tokenizer '{tokenizer}'"
        raise RecipeError(
            f"chat needs the model's chat template, and {where}. Set template to a chat_template.jinja or to a "
            f"{CONFIG} with a chat_template."
        )
    return Found(source, names)


def _content(value: Any) -> str:
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _parsed(path: str) -> dict[str, Any]:
    if not os.path.isfile(path):
        return {}
    try:
        with open(path, encoding="utf-8-sig") as file:
            found = json.load(file)
    except ValueError as error:
        raise RecipeError(f"{path}: not JSON ({error}). Mend it, or set template to another file.") from error
    return found if isinstance(found, dict) else {}


def _source(path: str) -> str | None:
    """The template in a file, if there is one."""
    if not os.path.isfile(path):
        return None
    if not path.endswith(".json"):
        with open(path, encoding="utf-8") as file:
            return file.read()
    found = _parsed(path).get("chat_template")
    if isinstance(found, list):
        by_name = {str(one.get("name")): one.get("template") for one in found if isinstance(one, dict)}
        if "default" not in by_name:
            raise RecipeError(
                f"{path} has the chat templates {', '.join(by_name)} and no default one. Write the one that you want "
                "into a file and set template to that."
            )
        found = by_name["default"]
    return found if isinstance(found, str) else None
