"""Recipes: sources, stages, mixture, training. YAML and Python are the same thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, SerializeAsAny, StringConstraints, ValidationError

from datacurate.core.errors import CurateError, RecipeError, did_you_mean
from datacurate.core.registry import ENDINGS, stage_class
from datacurate.core.source import Source
from datacurate.core.stage import Stage
from datacurate.core.types import Fraction
from datacurate.core.web import masked

DEPTH = 20
"""Recipes are nested a handful of levels."""
KEYS = ("name", "sources", "stages", "mixture", "training", "quarantine_limit")


class Recipe(BaseModel):
    """What is to be done: where documents come from, what happens to them, how they become a training set."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
    """Names the run's folder: letters, digits, `_`, `.` and `-`."""
    sources: dict[str, SerializeAsAny[Source]]
    """Where documents come from; the name is their `source` column."""
    stages: list[SerializeAsAny[Stage]] = []
    """What happens to them, in order."""
    mixture: SerializeAsAny[Stage] | None = None
    """How they become a training set."""
    training: SerializeAsAny[Stage] | None = None
    """The model that proves the data."""
    quarantine_limit: Fraction = 0.05
    """Largest share of all records that may be quarantined before the run stops."""

    def all_stages(self) -> list[Stage]:
        """Stages, mixture and training, in order."""
        return [*self.stages, *(stage for stage in (self.mixture, self.training) if stage is not None)]

    def as_yaml(self, secrets: bool = True) -> str:
        """The recipe as YAML that loads to an equal recipe; on request without the secrets in addresses."""
        value: dict[str, Any] = {"name": self.name}
        value["sources"] = {name: _source_value(source) for name, source in self.sources.items()}
        value["stages"] = [_stage_value(stage) for stage in self.stages]
        for key in ENDINGS:
            if getattr(self, key) is not None:
                value[key] = getattr(self, key).options()
        value["quarantine_limit"] = self.quarantine_limit
        return yaml.safe_dump(value if secrets else masked(value), sort_keys=False, allow_unicode=True)


def _source_value(source: Source) -> Any:
    options = source.model_dump(mode="json", exclude_defaults=True)
    return {source.name(): options.pop("path"), **options}


def _stage_value(stage: Stage) -> Any:
    options = stage.options()
    name = stage_reference(type(stage))
    return {name: options} if options else name


def stage_reference(stage: type[Stage]) -> str:
    """How a recipe names a stage class: its name, or for classes outside the package their import path."""
    own = stage.__module__.startswith("datacurate.")
    return stage.name() if own else f"{stage.__module__}.{stage.__qualname__}"


def load(path: str | Path) -> Recipe:
    """Read a recipe. Raises one RecipeError that lists everything wrong with it, each with its line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot read the recipe: {error}. Give the path of a YAML file.") from error
    return loads(text, str(path))


def loads(text: str, where: str = "<recipe>") -> Recipe:
    """Read a recipe from YAML text; `where` stands before the line number in errors."""
    return _Reader(where).read(text)


class _Reader:
    """Turns YAML nodes into a recipe, collecting errors with their lines."""

    def __init__(self, where: str):
        self.where = where
        self.errors: list[tuple[int, str]] = []
        self.lines: dict[tuple, int] = {}

    def read(self, text: str) -> Recipe:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
            problem = getattr(error, "problem", None) or str(error)
            where = f"{self.where}:{line}"
            raise RecipeError(f"{where}: not valid YAML: {problem}. Check indentation and quotes.") from None
        value = self._plain(node, ()) if node is not None else {}
        mapping = isinstance(value, dict)
        recipe: Any = self._recipe(value) if mapping else self._fail((), "a recipe is a mapping of keys.")
        if self.errors:
            lines = [f"{self.where}:{line}: {message}" for line, message in sorted(self.errors)]
            raise RecipeError("\n".join(lines))
        return recipe

    def _fail(self, path: tuple, message: str) -> Any:
        while path and path not in self.lines:
            path = path[:-1]
        self.errors.append((self.lines.get(path, 1), message))

    def _plain(self, node: yaml.Node, path: tuple) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > DEPTH:
            return self._fail(path, "this is nested too deeply, or refers to itself. Write it out.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*path, at)) for at, child in enumerate(node.value)]
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            return self._fail(path, f"cannot read this value: {error}. Quote it if it is text.")

    def _mapping(self, node: yaml.MappingNode, path: tuple) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name_node, child in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                self._fail(path, "a key is a plain word here, not a list or mapping.")
                continue
            name = str(name_node.value)
            self.lines[(*path, name)] = name_node.start_mark.line + 1
            if name in made:
                self._fail((*path, name), f"'{name}' stands here twice. Remove one.")
            made[name] = self._plain(child, (*path, name))
        return made

    def _recipe(self, value: dict[str, Any]) -> Recipe | None:
        for name in value:
            if name not in KEYS:
                self._fail((name,), f"unknown key '{name}'. {did_you_mean(name, KEYS)}")
        sources = self._sources(value.get("sources"))
        stages = self._stages(value.get("stages") or [])
        endings = {key: self._ending(key, value[key]) for key in ENDINGS if value.get(key) is not None}
        self._check_weights(value, sources)
        rest = {"name": value.get("name") or _stem(self.where), "quarantine_limit": value.get("quarantine_limit")}
        rest = {name: given for name, given in rest.items() if given is not None}
        if self.errors:
            self._make(_Head, rest, (), "recipe")
            return None
        return self._make(Recipe, {"sources": sources, "stages": stages, **endings, **rest}, (), "recipe")

    def _sources(self, value: Any) -> dict[str, Source]:
        if isinstance(value, str | list):
            value = {_stem(str(path)): path for path in ([value] if isinstance(value, str) else value)}
        if not isinstance(value, dict) or not value:
            self._fail(("sources",), "sources is a mapping of names to paths, e.g. 'sources: {web: crawl/*.warc.gz}'.")
            return {}
        made = {name: self._source(given, ("sources", name)) for name, given in value.items()}
        return {name: source for name, source in made.items() if source is not None}

    def _source(self, given: Any, path: tuple) -> Source | None:
        from datacurate.sources import find_format, formats

        if isinstance(given, dict):
            named = [name for name in given if name in formats()]
            if len(named) == 1:
                kind = formats()[named[0]]
                return self._make(kind, {"path": given[named[0]], **_without(given, named[0])}, path, named[0])
            known = ", ".join(sorted(formats()))
            return self._fail(path, f"a source names its format once, e.g. {{jsonl: docs/*.jsonl}}. Known: {known}.")
        paths = given if isinstance(given, list) else [given]
        if not paths or not all(isinstance(one, str) for one in paths):
            return self._fail(path, "a source is a path, a list of paths, or a mapping with its format as a key.")
        try:
            first = given[0] if isinstance(given, list) and given else given
            return self._make(find_format(first), {"path": given}, path, path[-1])
        except CurateError as error:
            return self._fail(path, str(error))

    def _stages(self, value: Any) -> list[Stage]:
        if not isinstance(value, list):
            self._fail(("stages",), "stages is a list, e.g. 'stages: [extract, gopher_quality]'.")
            return []
        made = [self._stage(given, ("stages", at)) for at, given in enumerate(value)]
        return [stage for stage in made if stage is not None]

    def _stage(self, given: Any, path: tuple) -> Stage | None:
        name, options = given, dict[str, Any]()
        if isinstance(given, dict) and len(given) == 1:
            ((name, options),) = given.items()
            path = (*path, name)
        if not isinstance(name, str) or not isinstance(options or {}, dict):
            return self._fail(path, "a stage is a name or '- name: {option: value}'.")
        try:
            return self._make(stage_class(name), options or {}, path, name)
        except RecipeError as error:
            return self._fail(path, str(error))

    def _ending(self, key: str, value: Any) -> Stage | None:
        if not isinstance(value, dict):
            return self._fail((key,), f"{key} is a mapping of options. See 'curate schema {key}'.")
        return self._make(stage_class(key), value, (key,), key)

    def _check_weights(self, value: dict[str, Any], sources: dict[str, Source]) -> None:
        """Weights and limits for sources that do not exist; patterns are left to the mixture.

        Datasets keep their own source names: then nothing is checked.
        """
        mixture, given = value.get("mixture"), value.get("sources")
        if not isinstance(mixture, dict) or any(source.name() == "dataset" for source in sources.values()):
            return
        if mixture.get("by", ["source"]) not in ("source", ["source"]):
            return
        stages: Any = mixture.get("stages")
        stages = enumerate(stages if isinstance(stages, list) else [])
        places = [((), mixture), *((("stages", at), s) for at, s in stages if isinstance(s, dict))]
        named = [((*p, f, n), n) for p, o in places for f in ("weights", "limits") for n in _keys(o.get(f))]
        for place, name in named:
            if name not in sources and isinstance(given, dict) and name not in given and not set(name) & set("*?["):
                self._fail(("mixture", *place), f"mixture: no source '{name}'. {did_you_mean(name, sources)}")

    def _make(self, kind: type[BaseModel], options: dict[str, Any], path: tuple, label: str) -> Any:
        try:
            return kind(**options)
        except ValidationError as error:
            for one in error.errors():
                self._fail((*path, *one["loc"]), f"{label}: {explain(one, kind)}")
        except TypeError as error:
            self._fail(path, f"{label}: {error}")


def _keys(value: Any) -> list[str]:
    """The names that a mapping has, if it is one."""
    return [str(name) for name in value] if isinstance(value, dict) else []


class _Head(BaseModel):
    """The recipe's plain values, checked even when a stage is already known to be wrong."""

    name: str
    quarantine_limit: Fraction = 0.0


def explain(error: Any, kind: type[BaseModel]) -> str:
    """One pydantic error in words: the option, what is wrong, what was given or which name was meant."""
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        own = str(error["loc"][-1])
        return f"unknown option '{name}'. {did_you_mean(own, _within(kind, error['loc'][:-1]).model_fields)}"
    if error["type"] == "missing":
        return f"option '{name}' is missing. Give it a value."
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "list_type":
        return f"{name}: a list is wanted, but got {error['input']!r}. Write [{error['input']}]."
    return (
        f"{name}: {message}, but got {error['input']!r}."
        if name
        else message.rstrip(".") + "." * (message[-1] not in "?!")
    )


def _within(kind: type[BaseModel], places: Sequence[Any]) -> type[BaseModel]:
    """The model that an option of a model is of, some levels down; numbers in lists and keys of tables are no level."""
    for place in places:
        field = kind.model_fields.get(place) if isinstance(place, str) else None
        kind = next(_models(field.annotation), kind) if field else kind
    return kind


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _without(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}


def _stem(path: str) -> str:
    return Path(path.partition("?")[0].rstrip("/")).name.split(".")[0].strip("*<>") or "docs"
