"""Any filter or formatter of datatrove as a stage."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator, model_validator

from datacurate.core.errors import InputError, did_you_mean
from datacurate.core.phase import each
from datacurate.core.stage import Outcome, Removed, Stage, snake, with_columns

if TYPE_CHECKING:
    import pyarrow as pa

MODULES = ("datatrove.pipeline.filters", "datatrove.pipeline.formatters")
"""Where a step is looked for when its name has no dot."""
OBJECT = "py:"
"""Begins the value of an option that stands for a Python object, e.g. `py:my_rules.is_poem`."""
NOT_HERE = {"exclusion_writer": "the ledger and the excerpts in it hold what is dropped"}
"""Options of datatrove's steps that make no sense here."""


class Datatrove(Stage):
    """What a filter or formatter of datatrove keeps and makes of the documents.

    `- datatrove: {GopherQualityFilter: {min_doc_words: 30}}` runs datatrove's own class, one document at a time, at its
    own speed; its reasons for dropping are the rules in the ledger. `source`, `url` and the other columns of the
    document are its metadata. What a step adds to the metadata is kept in the column of that name if there is one, else
    in the JSON of `meta`. Random generators of a step are seeded anew for every document, with its id, so that no
    result depends on shards or order; it therefore differs from datatrove's.
    Needs `pip install 'datacurate[datatrove]'` and whatever the step itself needs.
    """

    rewrites: ClassVar[bool] = True
    makes: ClassVar[tuple[str, ...]] = ("meta",)

    step: str
    """A class in datatrove.pipeline.filters or .formatters, or the dotted path of any step that handles one document
    at a time."""
    arguments: dict[str, Any] = {}
    """Its arguments by name. A value `py:package.module.name` stands for that Python object."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        """`{GopherQualityFilter: {...}}` for `{step: GopherQualityFilter, arguments: {...}}`."""
        if isinstance(given, dict) and len(given) == 1:
            ((name, options),) = given.items()
            if name not in cls.model_fields:
                return {"step": name, "arguments": options or {}}
        return given

    @field_validator("step")
    @classmethod
    def _exists(cls, step: str) -> str:
        find_step(step)
        return step

    @model_validator(mode="after")
    def _arguments_fit(self) -> Datatrove:
        for name in self.arguments.keys() & NOT_HERE.keys():
            raise ValueError(f"{self.step}: '{name}' is not for a stage: {NOT_HERE[name]}. Remove it")
        signature = inspect.signature(find_step(self.step))
        for name in self.arguments:
            if name not in signature.parameters:
                hint = did_you_mean(name, set(signature.parameters) - NOT_HERE.keys())
                raise ValueError(f"{self.step} has no option '{name}'. {hint}")
        try:
            signature.bind(**self.arguments)
        except TypeError as error:
            raise ValueError(f"{self.step}: {error}. Add it to its options") from None
        return self

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """The fields, and the version of datatrove: another one may decide otherwise."""
        return {**super().changed_fields(uses), "datatrove": version("datatrove")}

    @each
    def handled(self, docs: pa.Table) -> Outcome:
        """The documents that the step hands on, as it changed them."""
        import numpy as np
        import pyarrow as pa

        step = made_step(self.step, json.dumps(self.arguments, sort_keys=True))
        rows = [_to_document(row) for row in docs.to_pylist()]
        came = [{**document.metadata} for document in rows]
        reasons = [_handle(step, document) for document in rows]
        kept = np.array([reason is None for reason in reasons], bool)
        went = _with_results(docs, rows, came).filter(pa.array(kept))
        if kept.all():
            return Outcome(went)
        dropped = np.flatnonzero(~kept)
        return Outcome(went, [Removed(dropped, "dropped", [str(reasons[at]) for at in dropped])])


def find_step(name: str) -> Any:
    """datatrove's class of this name. Raises ValueError when there is none, InputError when datatrove is missing."""
    try:
        modules = [importlib.import_module(module) for module in MODULES]
    except ImportError as error:
        raise InputError(f"cannot import datatrove: {error}. Run: pip install 'datacurate[datatrove]'") from error
    if "." in name:
        return _imported(name)
    known = {n: value for module in modules for n, value in vars(module).items() if inspect.isclass(value)}
    if name not in known:
        raise ValueError(f"datatrove has no filter or formatter '{name}'. {did_you_mean(name, known)}")
    return known[name]


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot import '{path}': {error}. Check the name and PYTHONPATH") from error


@functools.lru_cache(maxsize=8)
def made_step(name: str, options: str) -> Any:
    """The step, made once per process: word tokenizers and models are slow to load."""
    given = {option: _value(value) for option, value in json.loads(options).items()}
    try:
        return find_step(name)(**given)
    except ImportError as error:
        raise InputError(f"datatrove's {name}: {' '.join(str(error).split())}") from error


def _value(value: Any) -> Any:
    is_object = isinstance(value, str) and value.startswith(OBJECT)
    return _imported(value.removeprefix(OBJECT)) if is_object else value


def _to_document(row: dict[str, Any]) -> Any:
    from datatrove.data import Document

    text, own = row.pop("text") or "", row.pop("id") or ""
    return Document(text=text, id=own, metadata=row)


def _handle(step: Any, document: Any) -> str | None:
    """None when the document goes on, else why it does not."""
    from datatrove.pipeline.filters.base_filter import BaseFilter, get_filter_result

    _reseed(step, document.id)
    if isinstance(step, BaseFilter):
        ((passes, reason),) = map(get_filter_result, step.filter_batch([document]))
        return None if passes else str(reason or snake(type(step).__name__))
    went = list(step.run(iter([document])))
    if len(went) > 1 or (went and went[0] is not document):
        raise ValueError(
            f"{type(step).__name__} makes other documents; only steps that keep or drop them can be stages"
        )
    return None if went else snake(type(step).__name__)


def _reseed(step: Any, own: str) -> None:
    """Give the step's random generators a state that depends on the document alone."""
    import numpy as np

    seed = int.from_bytes(blake2b(own.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    for name, value in vars(step).items():
        generator = getattr(value, "__self__", value)
        if isinstance(generator, np.random.Generator):
            fresh = np.random.default_rng([seed, getattr(step, "seed", None) or 0])
            setattr(step, name, fresh if generator is value else getattr(fresh, value.__name__))


def _with_results(docs: pa.Table, rows: list[Any], came: list[dict[str, Any]]) -> pa.Table:
    """The table with the texts and metadata as the step left them."""
    import pyarrow as pa

    old = docs["text"].to_pylist()
    new = [was if (was or "") == row.text else row.text for was, row in zip(old, rows, strict=True)]
    made: dict[str, Any] = {"text": pa.array(new, docs.schema.field("text").type)}
    changed = {name for was, row in zip(came, rows, strict=True) for name in was if row.metadata.get(name) != was[name]}
    for name in changed - {"meta", "source"}:
        made[name] = pa.array([row.metadata.get(name) for row in rows], docs.schema.field(name).type)
    return with_columns(docs, {**made, "meta": _meta(rows, came)})


def _meta(rows: list[Any], came: list[dict[str, Any]]) -> pa.Array:
    """The column `meta` with what the step added to the metadata."""
    import pyarrow as pa

    values: list[str | None] = []
    for was, row in zip(came, rows, strict=True):
        more = {name: _plain(value) for name, value in row.metadata.items() if name not in was}
        own = was.get("meta")
        values.append(json.dumps({**json.loads(own or "{}"), **more}) if more else own)
    return pa.array(values, pa.string())


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; numpy's numbers as Python's."""
    item = getattr(value, "item", None)
    try:
        json.dumps(value)
        return value
    except (TypeError, ValueError):
        return item() if callable(item) else str(value)[:1000]
