"""Messages of conversations as datasets hold them: lists of structs, or their JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from datacurate.core.conversation import contents
from datacurate.mixture.chat import ASSISTANT, Messages, Unusable


def of_value(value: Any) -> Messages | None:
    """A conversation; None where there is none. Unusable for a value that is no list of messages."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Unusable("not_messages", f"not JSON: {str(error)[:200]}") from error
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        raise Unusable("not_messages", f"a {type(value).__name__}, not a list of messages")
    if wrong := next((one for one in value if not isinstance(one, dict)), None):
        raise Unusable("not_messages", f"a list of {type(wrong).__name__}, not of messages")
    return [_given(one) for one in value]


def _given(value: Any) -> Any:
    """Without nulls, which Arrow has for keys that a message does not have."""
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None}
    return [_given(one) for one in value] if isinstance(value, list) else value


def check(messages: Messages, roles: Sequence[str]) -> None:
    """Raise Unusable for messages without a known role, or without content that is text."""
    for number, message in enumerate(messages, 1):
        role = message.get("role")
        if not isinstance(role, str):
            keys = ", ".join(sorted(map(str, message)))[:200]
            raise Unusable("no_role", f"message {number} has no role; its keys: {keys}")
        if role not in roles:
            raise Unusable("unknown_role", f"message {number} has the role '{role}'. Known: {', '.join(roles)}")
        texts = contents(message)
        if texts is None or not (texts or message.get("tool_calls") or message.get("content") == []):
            what = type(message.get("content")).__name__ if "content" in message else "none"
            raise Unusable("no_content", f"the content of message {number} ({role}) is no text ({what})")


def check_text(messages: Messages, text: str) -> None:
    """Raise Unusable when a text does not have the contents in it, in order: a stage may have changed it."""
    at = 0
    for number, message in enumerate(messages, 1):
        for content in contents(message) or []:
            inner = content.strip()
            found = text.find(inner, at)
            if found < 0:
                raise Unusable(
                    "text_differs",
                    f"the text does not have the content of message {number}: a stage in front of chat has changed it, "
                    "and would have to change the messages, too",
                )
            at = found + len(inner)


def is_answered(messages: Messages, train_on: Sequence[str] = (ASSISTANT,)) -> bool:
    """Whether there is a turn to train on."""
    return any(message["role"] in train_on for message in messages)
