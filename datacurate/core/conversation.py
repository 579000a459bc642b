"""What conversations say: lists of messages, each with a `content`."""

from __future__ import annotations

from typing import Any

GAP = "\n\n"
"""Between the contents of messages where these stand for the text."""


def contents(message: Any) -> list[str] | None:
    """The texts of a message's content, which may be in parts; None when there is something else in it."""
    content = message.get("content") if isinstance(message, dict) else 0
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return None
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    found = [text for text in texts if isinstance(text, str)]
    return found if len(found) == len(texts) else None


def as_text(messages: Any) -> str | None:
    """The contents of a conversation, one behind the other; None for what is no list of messages with contents."""
    if not isinstance(messages, list) or not messages:
        return None
    found = [contents(message) for message in messages]
    if any(texts is None for texts in found):
        return None
    return GAP.join(text for texts in found for text in texts or [])
