"""Conversations as the model's own chat template writes them, with the loss on the assistant's turns."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field, StringConstraints, model_validator

from datacurate.core.phase import each
from datacurate.core.stage import Outcome, Removed, Stage, one_array, with_columns

Role = Annotated[str, StringConstraints(min_length=1)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]


class Chat(Stage):
    """Every conversation as its template writes it, so that the loss is taken of the assistant's turns alone.

    The template is the model's own (`chat_template.jinja`, or `chat_template` in `tokenizer_config.json`). Where it
    marks answers with `{% generation %}`, these are trained on; else turns are found by rendering the conversation up
    to each, which is verified. Special tokens that the template writes become such tokens; one that a message spells
    stays text. Conversations that are malformed, or that the template refuses, are quarantined; those without a turn to
    train on are dropped. Documents without messages stay as they are. Put it behind stages that change texts.
    """

    version: ClassVar[int] = 2
    rewrites: ClassVar[bool] = True
    makes: ClassVar[tuple[str, ...]] = ("pieces", "scored", "fim")

    tokenizer: str
    """The model's tokenizer: its folder, or its tokenizer.json, SentencePiece .model or .tiktoken file."""
    template: str | None = None
    """A file with the template: Jinja, or a tokenizer_config.json. Unset, it is looked for beside the tokenizer."""
    messages: str = "messages"
    """Column of the conversations: lists of messages, or their JSON. Where there is no such column, a key of `meta`."""
    train_on: Annotated[list[Role], Field(min_length=1)] = ["assistant"]
    """Roles whose turns are trained on. The assistant's begin behind the template's prompt for them; those of others
    with what the template writes in front."""
    roles: Annotated[list[Role], Field(min_length=1)] = ["system", "developer", "user", "assistant", "tool"]
    """Roles that messages may have."""
    variables: dict[str, Any] = {}
    """More that the template may ask for, such as `enable_thinking: false`."""
    today: Day | None = None
    """The day that a template gets that asks for today's date (2024-07-26)."""

    @model_validator(mode="after")
    def _known_roles(self) -> Chat:
        if unknown := [role for role in self.train_on if role not in self.roles]:
            raise ValueError(f"train_on names roles that no message may have: {', '.join(unknown)}. Add them to roles")
        return self

    def reads(self) -> dict[str, bool]:
        """The texts; and the conversations' column, which must be there if it was named."""
        named = "messages" in self.model_fields_set and not self.messages.startswith("meta.")
        return {**super().reads(), self.messages.removeprefix("meta."): named, "meta": False}

    def made(self, columns: Any = ()) -> dict[str, Any]:
        """The columns for tokenizers; and that of `fim` where it is, since documents without messages keep theirs."""
        from datacurate.mixture import pieces, scored

        kept = {"fim": None} if "fim" in columns else {}
        return {"pieces": pieces.TYPE, "scored": scored.TYPE, **kept}

    def files(self) -> list[str]:
        """The files of the tokenizer and of the template, when they are local."""
        from datacurate.mixture import chat_files, tokenize

        found = [*tokenize.local_files(self.tokenizer), *chat_files.files(self.tokenizer, self.template)]
        return list(dict.fromkeys(found))

    def warm(self) -> None:
        """Load the template and try it."""
        self._template()

    def _template(self) -> Any:
        from datacurate.core.identity import file_digest

        digests = tuple(file_digest(path) for path in self.files())
        options = (self.tokenizer, self.template, json.dumps(self.variables), tuple(self.train_on), self.today)
        return _loaded(*options, digests)

    @each
    def rendered(self, docs: pa.Table) -> Outcome:
        """The documents, with conversations written out."""
        from datacurate.mixture import pieces, scored

        template, values = self._template(), self._values(docs)
        kept = [name for name in ("fim",) if name in docs.schema.names]
        texts = one_array(docs["text"]).to_pylist()
        columns: dict[str, list[Any]] = {"text": texts}
        for name in ("pieces", "scored", *kept):
            there = name in docs.schema.names
            columns[name] = one_array(docs[name]).to_pylist() if there else [None] * docs.num_rows
        wrong: dict[str, list[tuple[int, str, str]]] = {"quarantined": [], "dropped": []}
        for at, value in enumerate(values):
            if value is not None:
                self._one(template, at, value, columns, wrong)
        removed = [_removed(fate, found) for fate, found in wrong.items() if found]  # type: ignore[arg-type]
        keep = np.ones(docs.num_rows, bool)
        keep[[at for found in wrong.values() for at, _, _ in found]] = False
        types = {"text": docs.schema.field("text").type, "pieces": pieces.TYPE, "scored": scored.TYPE}
        types |= {name: docs.schema.field(name).type for name in kept}
        made = {name: pa.array(columns[name], kind) for name, kind in types.items()}
        return Outcome(with_columns(docs, made).filter(pa.array(keep)), removed)

    def _values(self, docs: pa.Table) -> list[Any]:
        """What each document has for a conversation; None where it has nothing."""
        if self.messages in docs.schema.names:
            return one_array(docs[self.messages]).to_pylist()
        if "meta" not in docs.schema.names:
            return [None] * docs.num_rows
        key = self.messages.removeprefix("meta.")
        return [_of_meta(meta, key) for meta in docs["meta"].to_pylist()]

    def _one(self, template: Any, at: int, value: Any, columns: dict[str, list[Any]], wrong: dict[str, list]) -> None:
        """Write out one conversation in place, or note what is wrong with it."""
        from datacurate.mixture import messages, scored
        from datacurate.mixture.chat import Unusable

        try:
            found = messages.of_value(value)
            if found is None:
                if not columns["text"][at]:
                    raise Unusable("no_messages", "neither messages nor a text")
                return
            messages.check(found, self.roles)
            if self.messages != "text":
                messages.check_text(found, columns["text"][at] or "")
            if not messages.is_answered(found, self.train_on):
                wrong["dropped"].append((at, "nothing_to_train_on", f"no turn of {', '.join(self.train_on)}"))
                return
            made = template.render(found)
        except Unusable as why:
            wrong["quarantined"].append((at, why.rule, str(why)))
            return
        columns["text"][at] = made.text
        columns["pieces"][at] = [{"token": t, "begin": begin, "end": end} for t, begin, end in made.pieces]
        columns["scored"][at] = scored.value(made.text, made.scored)
        if "fim" in columns:
            columns["fim"][at] = None


def _removed(fate: Any, found: list[tuple[int, str, str]]) -> Removed:
    index, rules, errors = (list(column) for column in zip(*found, strict=True))
    return Removed(np.array(index, np.int64), fate, rules, error=errors)


def _of_meta(meta: str | None, key: str) -> Any:
    """What is under a key of a JSON object, if that is one."""
    try:
        found = json.loads(meta or "{}")
    except ValueError:
        return None
    return found.get(key) if isinstance(found, dict) else None


@lru_cache(maxsize=4)
def _loaded(
    tokenizer: str, template: str | None, variables: str, train_on: tuple[str, ...], today: str | None, digests: Any
) -> Any:
    from datacurate.mixture import chat

    return chat.load(tokenizer, template, json.loads(variables), train_on, today)
