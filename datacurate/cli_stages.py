"""One command per stage, made from the stage's fields; a command is the one-stage recipe, nothing more."""

from __future__ import annotations

import ast
import functools
import inspect
import json
import sys
import types
import typing
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from typer.core import TyperGroup

from datacurate.core.errors import RecipeError, did_you_mean

GROUPS = {"filter": "Filters: keep the documents whose signals pass.", "dedup": "Deduplication: keep one of each."}
ALIASES = {"mix": "mixture", "train": "training"}
"""Verbs that name a stage otherwise than recipes do."""
HOW = ("input", "out", "store", "profile", "workers", "plan", "as_json")


class Lazy(TyperGroup):
    """A group of commands that are made when they are used; help shows stand-ins that import no stage."""

    listing = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.listing = True
        super().format_help(ctx, formatter)

    def stage_command(self, name: str) -> Any:
        """The command of a stage, or while help is printed one that only has its first line."""
        stage = ALIASES.get(name, name.replace("-", "_"))
        return _as_command(_stand_in(stage), name) if self.listing else _as_command(_stage_function(stage), name)


class StageGroup(Lazy):
    """A group of stage commands, and verbs of its own behind them."""

    def list_commands(self, ctx: Any) -> list[str]:
        from datacurate.core.registry import stages_in

        return [*(_dashed(name) for name in stages_in(str(self.name))), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, name: str) -> Any:
        if (verb := super().get_command(ctx, name)) is not None:
            return verb
        known = _dashed(name)
        if known in self.list_commands(ctx):
            return self.stage_command(known)
        raise RecipeError(f"no {self.name} stage is called '{name}'. {did_you_mean(known, self.list_commands(ctx))}")


@functools.cache
def top_level() -> list[str]:
    """Names of the groups and of the stages that stand outside groups."""
    from datacurate.core.registry import stages_in

    return sorted([*GROUPS, *ALIASES, *(_dashed(name) for name in stages_in(""))])


def group(name: str) -> Any:
    """The command group with this name."""
    app = typer.Typer(cls=StageGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    app.callback(help=GROUPS[name])(lambda: None)
    if name == "dedup":
        from datacurate.cli_dedup import add_verbs

        add_verbs(app)
    made = typer.main.get_group(app)
    made.name = name
    return made


def _as_command(function: Callable, name: str) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(function)
    return typer.main.get_command(app)


def _stand_in(stage: str) -> Callable:
    def command() -> None: ...

    command.__doc__ = _first_line(stage)
    return command


def _stage_function(stage: str) -> Callable:
    """The function behind `curate GROUP STAGE INPUT... --out OUT`, with one option per field of the stage."""
    from datacurate.core.registry import stage_class

    kind = stage_class(stage)

    def command(**options: Any) -> None:
        given = {name: value for name, value in options.items() if name not in HOW and value is not None}
        _run_stage(kind, given, {name: options[name] for name in HOW})

    parameters = [*inspect.signature(_how, eval_str=True).parameters.values()]
    parameters += [_parameter(name, field, kind.presets) for name, field in kind.model_fields.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = inspect.getdoc(kind)
    return command


def _how(
    input: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, folders or datasets.", show_default=False)
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="Folder of the result.", show_default="none with --plan")] = None,
    store: Annotated[Path | None, typer.Option(help="Folder of the store.", show_default="OUT/.store")] = None,
    profile: Annotated[Path | None, typer.Option(help="A profile: where and how to run.", show_default=False)] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one per core")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, without doing it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")] = False,
) -> None:
    """The options of every stage command; only its signature is used."""


def _parameter(name: str, field: Any, presets: Any) -> inspect.Parameter:
    """One field as an option; whatever is not a number, text, switch or choice is given as YAML."""
    kind, flag = _plain_type(field.annotation), f"--{_dashed(name)}"
    text = " ".join((field.description or "").split())
    text += f" One of: {', '.join(presets)}." if name == "preset" else ""
    shown = _shown(field)
    if kind is bool:
        option = typer.Option(f"{flag}/--no-{_dashed(name)}", help=text, show_default=shown)
    elif kind is None:
        kind, option = str, typer.Option(flag, help=text, show_default=shown, parser=_yaml, metavar="YAML")
    else:
        option = typer.Option(flag, help=text, show_default=shown)
    if field.is_required():
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option])
    annotation: Any = Annotated[kind | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _shown(field: Any) -> Any:
    """The default as help shows it; typer puts a text in brackets."""
    return False if field.is_required() else json.dumps(field.get_default(call_default_factory=True), default=str)


def _plain_type(annotation: Any) -> Any:
    """int, float, str, bool or a Literal of texts; None for anything else, which is read as YAML."""
    if get_origin(annotation) is typing.Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return None
    return annotation if annotation in (int, float, str, bool) or get_origin(annotation) is Literal else None


class Null:
    """Stands for an explicit null, which is not the same as an option that was not given."""


def _yaml(text: Any) -> Any:
    import yaml

    try:
        return Null if (read := yaml.safe_load(text)) is None else read
    except yaml.YAMLError as error:
        raise typer.BadParameter(f"not valid YAML: {error}") from None


def _run_stage(kind: Any, given: dict[str, Any], how: dict[str, Any]) -> None:
    from pydantic import ValidationError

    from datacurate.api import one_stage, run_stage
    from datacurate.core.recipe import explain

    try:
        stage = kind(**{name: None if value is Null else value for name, value in given.items()})
    except ValidationError as error:
        flags = [f"--{_dashed(str(one['loc'][0]))}: " if one["loc"] else "" for one in error.errors()]
        lines = [flag + explain(one, kind) for flag, one in zip(flags, error.errors(), strict=True)]
        raise RecipeError("\n".join(lines)) from None
    inputs = list(how["input"])
    if how["plan"]:
        return _print_plan(one_stage(stage, inputs), how)
    if how["out"] is None:
        raise typer.BadParameter("give --out, the folder of the result; or --plan, to see what would be done.")
    run = run_stage(stage, inputs, how["out"], how["store"], how["profile"], how["workers"], quiet=how["as_json"])
    print_run(run, how["as_json"])


def _print_plan(recipe: Any, how: dict[str, Any]) -> None:
    from datacurate.core.plan import plan
    from datacurate.describe import plan_as_json, plan_as_text

    resolved = plan(recipe, how["store"] or (how["out"] or Path()) / ".store")
    text = json.dumps(plan_as_json(resolved, None), indent=1) if how["as_json"] else plan_as_text(resolved, None)
    sys.stdout.write(printable(text) + "\n")


def print_run(run: Any, as_json: bool) -> None:
    """The funnel of a finished run on standard output."""
    from datacurate.describe import run_as_json, run_as_text

    text = json.dumps(run_as_json(run), indent=1) if as_json else run_as_text(run)
    sys.stdout.write(printable(text) + "\n")


TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
"""Characters that change the direction of text."""


def printable(text: str) -> str:
    """Text with control and direction-changing characters shown as escapes: web text must not drive a terminal."""
    from unicodedata import category

    odd = {c for c in set(text) if category(c) in ("Cc", "Cs", "Zl", "Zp") or ord(c) in TURNING} - {"\n"}
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in odd})


@functools.cache
def _first_line(stage: str) -> str:
    """First line of the docstring of a stage's class, read without importing it."""
    from datacurate.core.registry import ENDINGS, stage_modules

    spec = find_spec({**stage_modules(), **ENDINGS}[stage])
    tree = ast.parse(Path(str(spec and spec.origin)).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.lower() == stage.replace("_", ""):
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _dashed(name: str) -> str:
    return name.replace("_", "-")
