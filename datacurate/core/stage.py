"""Stages: frozen options plus phases. A stage knows nothing of paths, workers or clusters."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from datacurate.core.errors import nearest
from datacurate.core.identity import file_digest, key
from datacurate.core.phase import Phase, chosen, each

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MEASURED = "measured."
"""Begins the names of columns that hold a filter's signals."""
NAMED = "(a file)"
"""Stands in keys for the name of a file whose digest enters the key."""
DERIVED = ("token_ids", "tokens", "maths", "maths_symbols", "quality_signals", "pii", "pieces", "fim")
FAMILIES = (MEASURED, "ccnet_", "rps_doc_", "rps_lines_", "gopher_v1__", "c4_v1__", "c4_v2__")
"""Columns, and beginnings of names of columns, that stages compute from the text: a stage that rewrites texts removes
them."""

Fate = Literal["dropped", "merged", "quarantined"]
"""What became of a document that does not go on: dropped by a rule, merged into a survivor, or unusable."""


@dataclass(frozen=True)
class Removed:
    """Documents of one batch that do not go on, and why.

    `index` holds their positions in the batch that the phase was given; the other columns run parallel to it
    (a single string stands for all). `rule` names the reason, `rules` every reason that applied,
    `value` the measured figure that `rule` compared with `bound`.
    """

    index: np.ndarray
    fate: Fate
    rule: str | Sequence[str]
    rules: Sequence[Sequence[str]] | pa.Array | None = None
    value: np.ndarray | None = None
    bound: np.ndarray | None = None
    survivor: Sequence[str] | None = None
    similarity: np.ndarray | None = None
    error: Sequence[str] | None = None
    excerpt: Sequence[str] | None = None
    """What the ledger shows of the documents instead of how they begin."""


@dataclass(frozen=True)
class Outcome:
    """What a document phase returns when not every row goes on: the rows that do, and the removed ones.

    `docs: None` stands for the documents that came and were not removed, as they came: the engine picks them, and need
    not compare their texts.
    """

    docs: pa.Table | None
    removed: list[Removed] = field(default_factory=list)

    def rest(self, came: pa.Table) -> pa.Table:
        """The documents that go on, of those that came."""
        if self.docs is not None:
            return self.docs
        return came.filter(kept(came.num_rows, self.removed)) if self.removed else came


@functools.cache
def _phases(stage: type[Stage]) -> tuple[Phase, ...]:
    found: dict[str, Phase] = {}
    for klass in reversed(stage.__mro__):
        for value in vars(klass).values():
            if hasattr(value, "__phase__"):
                found[value.__phase__.name] = value.__phase__
    return tuple(found.values())


def kept(count: int, removed: Sequence[Removed]) -> pa.Array:
    """Whether each of `count` documents goes on."""
    import numpy as np
    import pyarrow as pa

    stays = np.ones(count, bool)
    for one in removed:
        stays[one.index] = False
    return pa.array(stays)


def snake(name: str) -> str:
    """CamelCase to snake_case: `GopherQuality` to `gopher_quality`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Stage(BaseModel):
    """Base of all stages. Fields are the options: CLI, YAML, help, schema, docs and cache key come from them.

    The last phase is the one whose rows the stage hands on; in a stage that hands on documents it is an `@each`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: ClassVar[int] = 1
    """Bumped by hand when the output changes while the options do not."""
    needs: ClassVar[tuple[str, ...]] = ("text",)
    """Columns that the documents must have."""
    makes: ClassVar[tuple[str, ...]] = ()
    """Columns that are there after the stage, besides those that came in."""
    unkeyed: ClassVar[tuple[str, ...]] = ()
    """Fields that say how to work, not what comes out: they do not enter the key."""
    judged_by: ClassVar[str | None] = None
    """The phase whose table is all that `refuse` looks at: it is asked as soon as that is there. None: it looks at the
    books, and is asked when all ledgers are there."""
    result: ClassVar[Literal["documents", "sequences", "model"]] = "documents"
    """What the stage hands on."""
    handed_on: ClassVar[str | None] = None
    """The phase whose parts the stage hands on; the last one when None."""
    rewrites: ClassVar[bool] = False
    """Whether the stage may change texts; the ledger fails a stage that does so without saying."""
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    """Options by whose rules they are; a stage that has some declares a field `preset: str`. Its default names the
    class's own defaults."""
    column_options: ClassVar[dict[str, str]] = {}
    """Parameters of `measure` or `columns` whose column an option names: the parameter, and the option."""
    reads_meta: ClassVar[bool] = False
    """Whether an option that names a column may name a key of `meta`, as `meta.KEY`."""
    costly: ClassVar[bool] = False
    """Whether its documents are stored even between fused stages, so that later changes do not repeat it."""

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, given: Any) -> Any:
        """The options of the named preset, under those that are given."""
        if not cls.presets or not isinstance(given, dict):
            return given
        name = given.get("preset", cls.model_fields["preset"].default)
        if name not in cls.presets:
            said = [f"no preset '{name}'.", nearest(str(name), cls.presets), f"All: {', '.join(cls.presets)}"]
            raise ValueError(" ".join(part for part in said if part))
        return {**cls.presets[name], **given}

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> Self:
        """No `min_X` is above its `max_X`."""
        for name in type(self).model_fields:
            most = f"max_{name[4:]}"
            low, high = getattr(self, name), getattr(self, most, None)
            if name.startswith("min_") and low is not None and high is not None and low > high:
                raise ValueError(f"{name} {low} is above {most} {high}, so nothing passes both. Lower one, raise one")
        return self

    @classmethod
    def name(cls) -> str:
        """The stage's name in recipes, folders and ledgers."""
        return snake(cls.__name__)

    @classmethod
    def phases(cls) -> list[Phase]:
        """The phases in the order of their definition, base classes first."""
        return list(_phases(cls))

    def chosen_phases(self) -> list[Phase]:
        """The phases that these options call for."""
        return chosen(self.phases(), lambda field: getattr(self, field))

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """The fields (all, or those in `uses`) that differ from their defaults, as plain JSON values.

        This is what the cache key is made of. A field that names one of `files()`, or its folder, says so and no more:
        the file's digest stands for it. `preset` is left out: the fields that it sets are there themselves.
        """
        changed = self.model_dump(mode="json", exclude_defaults=True)
        files = {place for file in self.files() for place in (file, os.path.dirname(file))}
        hidden = {*self.unkeyed, "preset"} if self.presets else self.unkeyed
        own = {n: v for n, v in changed.items() if (uses is None or n in uses) and n not in hidden}
        return {n: NAMED if isinstance(v, str) and v.rstrip("/") in files else v for n, v in own.items()}

    def options(self) -> dict[str, Any]:
        """The options that make an equal stage, as plain JSON values: those that neither default nor preset gives."""
        fields = type(self).model_fields
        usual = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
        preset = self.presets.get(getattr(self, "preset", ""), {})
        wanted = {name for name in fields if getattr(self, name) != preset.get(name, usual[name])}
        return self.model_dump(mode="json", include=wanted)

    def seeing(self, names: Sequence[str]) -> Any:
        """This stage with only the named fields: reading another one raises AttributeError."""
        blind = object.__new__(type(self))
        visible = {name: getattr(self, name) for name in names}
        object.__setattr__(blind, "__dict__", visible)
        object.__setattr__(blind, "__pydantic_fields_set__", set(visible))
        object.__setattr__(blind, "__pydantic_extra__", None)
        object.__setattr__(blind, "__pydantic_private__", None)
        return blind

    def column_of(self, parameter: str) -> str:
        """The document column that a parameter of `measure` or `columns` gets."""
        option = self.column_options.get(parameter)
        return getattr(self, option) if option else parameter

    def files(self) -> list[str]:
        """Paths of model files, word lists and the like that the output depends on; their digests enter the key."""
        return []

    def reads(self) -> dict[str, bool]:
        """Columns of the documents that the stage looks at, and whether it cannot do without them."""
        return dict.fromkeys(self.needs, True)

    def reads_over(self) -> tuple[str, ...]:
        """Columns that `over` phases look at, of the documents of other datasets."""
        return self.needs

    def check_columns(self, known: dict[str, Any]) -> None:
        """Raise RecipeError when a column holds something that the stage cannot read; `known` are Arrow types."""

    def check_sources(self, known: Iterable[str]) -> None:
        """Raise RecipeError when an option names a source that the recipe does not have."""

    def refuse(self, books: dict[str, dict[str, Any]], tables: Callable[[str], Any]) -> None:
        """Raise CurateError when what the stage did, by source, must not be published.

        Asked when all its ledgers are there, whose `books` these are, or, with none, when what `judged_by` names is;
        `tables(phase)` are a phase's rows, as Parts.
        """

    def made(self, columns: Container[str] = ()) -> dict[str, Any]:
        """What is there behind the stage beside the `columns` in front, with Arrow types; None: unknown."""
        return dict.fromkeys(self.makes)

    def warm(self) -> None:
        """Compile or load what is slow to start; called once, before workers fan out."""


class Map(Stage):
    """A stage that computes columns and keeps every row."""

    def columns(self, *args: Any, **docs: Any) -> dict[str, Any]:
        """New or replaced columns, from the document columns that the parameters name.

        A value of `None` removes the column.
        """
        raise NotImplementedError

    def reads(self) -> dict[str, bool]:
        """The columns of `needs` and those that the parameters of `columns` name."""
        return super().reads() | _parameters(self, self.columns)

    @each
    def mapped(self, docs: pa.Table) -> pa.Table:
        """The documents with the computed columns."""
        made = self.columns(**_arguments(self, self.columns, docs))
        return with_columns(docs, made)


class Filter(Stage):
    """A stage that measures signals and keeps the documents whose signals pass all rules.

    Measuring and deciding are apart: thresholds never enter the key of the measure, so a new threshold
    reads the stored signals instead of the text. The first failing rule, in order, is the drop reason;
    all failing rules are recorded.
    """

    measured_with: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that `measure` may read; the others are thresholds and out of its sight."""
    adds: ClassVar[tuple[str, ...]] = ()
    """Signals that stay with the document as columns."""

    def measure(self, *args: Any, **docs: Any) -> dict[str, Any]:
        """Signals (arrays, one value per document), from the document columns that the parameters name."""
        raise NotImplementedError

    def reads(self) -> dict[str, bool]:
        """The columns of `needs` and those that the parameters of `measure` name."""
        return super().reads() | _parameters(self, self.measure)

    def made(self, columns: Container[str] = ()) -> dict[str, Any]:
        """The columns of `makes` and the signals that stay."""
        return dict.fromkeys((*self.makes, *self.adds))

    def rules(self, *args: Any, **signals: Any) -> dict[str, Any]:
        """One mask per rule, true where the document passes, from the signals that the parameters name.

        `rules(self, **signals)` gets all that was measured, as Arrow arrays.
        """
        raise NotImplementedError

    def signal_column(self) -> str:
        """Where the stage `signals` leaves this filter's signals; the name says how they were measured."""
        fields = self.changed_fields(self.measured_with)
        digests = [file_digest(path) for path in self.files()]
        known = {name: self._measures_as(preset) for name, preset in self.presets.items()}
        variant = next((f".{name}" for name, same in known.items() if same), f".{key(fields, digests)[:8]}")
        plain = not fields and not digests
        return f"{MEASURED}{self.name()}{'' if plain else variant}{f'.v{self.version}' if self.version > 1 else ''}"

    def _measures_as(self, preset: dict[str, Any]) -> bool:
        """Whether everything that `measure` sees is as in a preset."""
        fields = type(self).model_fields
        usual = {name: preset.get(name, fields[name].default) for name in self.measured_with}
        return not self.files() and all(getattr(self, name) == value for name, value in usual.items())

    def handed(self, docs: pa.Table, measured: pa.Table) -> pa.Table:
        """The documents that pass, as they go on."""
        return with_columns(docs, {name: measured[name] for name in self.adds})

    @each
    def measured(self, docs: pa.Table) -> pa.Table:
        """The signals of every document; co-partitioned with the documents."""
        import pyarrow as pa

        from datacurate.core.signals import ready

        if (found := ready(self, docs)) is not None:
            return pa.table(found.flatten(), names=[field.name for field in found.type])
        made = self.seeing(self.measured_with).measure(**_arguments(self, self.measure, docs))
        return pa.table({name: as_arrow(values) for name, values in made.items()})

    @each
    def decided(self, docs: pa.Table, measured: pa.Table) -> Outcome:
        """The documents that pass all rules."""
        from datacurate.core.signals import judge

        keep, removed = judge(self, measured)
        return Outcome(self.handed(docs.filter(keep), measured.filter(keep)), removed)


def _parameters(stage: Stage, method: Callable) -> dict[str, bool]:
    """The columns that a method's parameters name, and whether they must be there."""
    given = inspect.signature(method).parameters.values()
    return {
        stage.column_of(p.name): p.default is p.empty for p in given if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }


def _arguments(stage: Stage, method: Callable, docs: pa.Table) -> dict[str, pa.Array]:
    """The document columns that a method's parameters name, each as one contiguous array.

    A parameter with a default names a column that need not be there.
    """
    there = set(docs.schema.names)
    wanted = [(p, stage.column_of(p.name)) for p in inspect.signature(method).parameters.values()]
    return {p.name: one_array(docs[column]) for p, column in wanted if column in there or p.default is p.empty}


def one_array(column: Any) -> pa.Array:
    """A table column as one Arrow array."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def as_arrow(values: Any) -> Any:
    """A numpy array, list or Arrow array as an Arrow array."""
    import pyarrow as pa

    return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)


def with_columns(docs: pa.Table, made: dict[str, Any]) -> pa.Table:
    """`docs` with columns appended, replaced, or (value None) removed."""
    for name, values in made.items():
        at = docs.schema.get_field_index(name)
        if values is None:
            docs = docs if at < 0 else docs.remove_column(at)
        elif at < 0:
            docs = docs.append_column(name, as_arrow(values))
        else:
            docs = docs.set_column(at, name, as_arrow(values))
    return docs


def holds(columns: Container[str], wanted: str) -> bool:
    """Whether a column is there, or one that it is a field of: `a.b` may be the field b of a."""
    return wanted in columns or any(wanted[:at] in columns for at, char in enumerate(wanted) if char == ".")


def is_derived(column: str) -> bool:
    """Whether a column was computed from the text and is wrong once the text changes."""
    return column in DERIVED or column.startswith(FAMILIES)


def without_derived(docs: pa.Table, made: Container[str] = ()) -> pa.Table:
    """`docs` without columns that were computed from texts as they were before; those `made` with the texts stay."""
    stale = [name for name in docs.schema.names if is_derived(name) and name not in made]
    return docs.drop_columns(stale) if stale else docs
