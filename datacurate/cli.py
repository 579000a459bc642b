"""`curate`: verbs for recipes and runs, and one command per stage, made from the stage classes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from datacurate import cli_stages
from datacurate.core.memory import keep_memory

RECIPE = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe (YAML).", show_default=False)]
RUN = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
OUT = Annotated[Path | None, typer.Option(help="Folder of the run.", show_default="runs/NAME")]
STORE = Annotated[Path, typer.Option(help="Folder of the store, shared by runs.")]
PROFILE = Annotated[Path | None, typer.Option(help="A profile (YAML): where and how to run.", show_default=False)]
WORKERS = Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one per core")]
SET = Annotated[list[str] | None, typer.Option("--set", help="STAGE.OPTION=VALUE, instead of the recipe's value.")]
FORMATS = Literal["megatron", "datatrove", "mds", "litdata", "numpy", "huggingface", "packed"]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


class Root(cli_stages.Lazy):
    """The verbs below, and the stages; a stage's module is imported when its command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *cli_stages.top_level()]

    def get_command(self, ctx: Any, name: str) -> Any:
        if (verb := super().get_command(ctx, name)) is not None or name not in cli_stages.top_level():
            return verb
        return cli_stages.group(name) if name in cli_stages.GROUPS else self.stage_command(name)


app = typer.Typer(
    cls=Root, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback()
def _root() -> None:
    """Turn raw crawl into token-budgeted training mixtures, and account for every document on the way."""


@app.command()
def run(
    recipe: RECIPE,
    out: OUT = None,
    store: STORE = Path("store"),
    profile: PROFILE = None,
    workers: WORKERS = None,
    set_: SET = None,
    as_json: JSON = False,
) -> None:
    """Run a recipe: do what is not done yet."""
    from datacurate.api import load_recipe, run_recipe

    loaded = load_recipe(recipe, set_ or [])
    finished = run_recipe(loaded, out or Path("runs") / loaded.name, store, profile, workers, quiet=as_json)
    cli_stages.print_run(finished, as_json)


@app.command()
def plan(
    recipe: RECIPE,
    out: OUT = None,
    store: STORE = Path("store"),
    set_: SET = None,
    probe: Annotated[bool, typer.Option("--probe", help="Run a sample; predict disk and memory of the run.")] = False,
    share: Annotated[float, typer.Option(help="Share of the documents that --probe runs.")] = 0.01,
    as_json: JSON = False,
) -> None:
    """Show what a run would do, and why, without doing it."""
    from datacurate.api import load_recipe
    from datacurate.core.plan import plan as resolve
    from datacurate.describe import plan_as_json, plan_as_text

    loaded = load_recipe(recipe, set_ or [])
    if probe:
        from datacurate.audit.probe import probe as forecast
        from datacurate.describe_forecast import forecast_as_json, forecast_as_text

        found = forecast(loaded, store, share)
        _print(forecast_as_json(found) if as_json else forecast_as_text(found))
        return
    resolved = resolve(loaded, store)
    before = (out or Path("runs") / loaded.name) / "plan.json"
    past = json.loads(before.read_text(encoding="utf-8")) if before.exists() else None
    _print(plan_as_json(resolved, past) if as_json else plan_as_text(resolved, past))


@app.command()
def lint(recipe: RECIPE, set_: SET = None, as_json: JSON = False) -> None:
    """Find what is wrong in a recipe before it runs; exit status 2 for more than notes."""
    from datacurate.api import load_recipe
    from datacurate.audit.lint import lint as check

    findings = check(load_recipe(recipe, set_ or []))
    _print(findings if as_json else "\n".join(findings) or "Nothing found.")
    raise typer.Exit(2 if any(not finding.startswith("note: ") for finding in findings) else 0)


@app.command()
def show(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A dataset: RUN/NN-stage, or the --out of a stage command.")
    ],
    rows: Annotated[int, typer.Option(min=0, help="Documents to print.")] = 3,
    as_json: JSON = False,
) -> None:
    """Show a dataset: size, columns, the first documents."""
    from datacurate.core.dataset import Dataset
    from datacurate.describe import dataset_as_json, dataset_as_text

    dataset = Dataset.open(folder)
    _print(dataset_as_json(dataset, rows) if as_json else dataset_as_text(dataset, rows))


@app.command()
def audit(
    run: RUN,
    out: Annotated[Path | None, typer.Option(help="Where to write the report.", show_default="RUN/report.html")] = None,
    as_json: JSON = False,
) -> None:
    """Write a report of a run: one HTML file that says what happened to every document."""
    from datacurate.audit.report import write_report

    path = write_report(run, out)
    _print({"report": str(path)} if as_json else str(path))


@app.command()
def contamination(
    run: RUN,
    benchmark: Annotated[str | None, typer.Option(help="List the items of this benchmark.", show_default=False)] = None,
    item: Annotated[
        int | None, typer.Option(help="Show where this item of the benchmark is, side by side.", show_default=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with all places.", show_default=False)] = None,
    as_json: JSON = False,
) -> None:
    """Tell which items of benchmarks the documents of a run hold, where, and in which sources."""
    from datacurate.audit import contamination_show
    from datacurate.audit.contamination import contamination as leaks_of
    from datacurate.core.store import write_text

    if item is not None and benchmark is None:
        raise typer.BadParameter("--item is a number of one benchmark: name it with --benchmark.")
    found = leaks_of(run, benchmark)
    if html is not None:
        write_text(html, contamination_show.page(found, benchmark, item))
        _print({"page": str(html)} if as_json else str(html))
    elif as_json:
        _print(contamination_show.as_json(found, benchmark, item))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        width = max(shutil.get_terminal_size((120, 24)).columns, 40)
        sys.stdout.write(contamination_show.as_text(found, benchmark, item, width, colour) + "\n")


@app.command()
def trace(
    run: RUN,
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="A document's id.", show_default=False)] = None,
    row: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help="Instead of an id: a packed row, or validation:NUMBER.", show_default=False
        ),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Tell one document's life: where it went on or was removed, why, and in which packed rows it lies; or tell which
    documents a packed row holds."""
    from datacurate.audit.trace import trace as follow
    from datacurate.audit.trace_rows import trace_row

    if (id is None) == (row is None):
        raise typer.BadParameter("Give the id of a document, or a packed row with --row.")
    found = trace_row(run, row) if row is not None else follow(run, str(id))
    _print(found.as_json() if as_json else found.as_text())


@app.command()
def export(
    run: RUN,
    format_: Annotated[FORMATS, typer.Option("--format", help="What reads the files.", show_default=False)],
    to: Annotated[Path, typer.Option(help="The new folder.", show_default=False)],
    split: Annotated[Literal["train", "validation", "all"], typer.Option(help="What to write.")] = "all",
    source: Annotated[
        list[str] | None, typer.Option(help="Only documents of this source; may be given again.", show_default="all")
    ] = None,
    unit: Annotated[
        Literal["documents", "rows"] | None,
        typer.Option(help="What a sample is: a document, or a packed row.", show_default="as the format's own tools"),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Write the tokens of a mixture, or of tokenized documents, for another training framework."""
    from datacurate.mixture.export.run import as_text
    from datacurate.mixture.export.run import export as write

    receipt = write(run, format_, to, split, source, unit)
    _print(receipt if as_json else as_text(receipt, to))


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The folder of another run.", show_default=False)],
    as_json: JSON = False,
) -> None:
    """Tell which documents changed fate between two runs, and why."""
    from datacurate.audit.diff import diff as compare

    difference = compare(a, b)
    _print(difference.as_json() if as_json else difference.as_text())


@app.command()
def tune(
    run: RUN,
    signal: Annotated[
        str | None,
        typer.Argument(metavar="SIGNAL", help="What to plot, also without --plot: FILTER, SIGNAL or FILTER.SIGNAL."),
    ] = None,
    set_: SET = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw how signals are distributed, with thresholds.")] = False,
    by: Annotated[
        Literal["source", "language"] | None,
        typer.Option(help="What the lines of a plot stand for.", show_default="source"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File of the plot, .html or .svg.", show_default="RUN/signals.html")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Show what other thresholds would keep, from the signals that a run has stored."""
    from datacurate.api import load_recipe
    from datacurate.audit.run_folder import open_run

    plot = plot or bool(signal or out or by)
    if plot and set_:
        raise typer.BadParameter("SIGNAL, --plot, --by and --out draw what a run has stored: leave --set out, or them.")
    finished = open_run(run)
    before, then = (load_recipe(run / "recipe.yaml", changes) for changes in ([], set_ or []))
    if plot:
        from datacurate.audit.tune_plot import plot as draw

        path = draw(finished, before, signal, out or run / "signals.html", by or "source")
        _print({"plot": str(path)} if as_json else str(path))
        return
    from datacurate.audit.tune import tune as what_if
    from datacurate.audit.tune_rules import overview

    answer = what_if(finished, before, then, set_) if set_ else overview(finished, before)
    _print(answer.as_json() if as_json else answer.as_text())


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A stage or a source format.")], as_json: JSON = False
) -> None:
    """Explain a stage: what survives, why, every option and where its number comes from."""
    from datacurate.describe import explain_as_json, explain_as_text

    _print(explain_as_json(name) if as_json else explain_as_text(name))


@app.command()
def stages(as_json: JSON = False) -> None:
    """List all stages, each with the first line of its explanation."""
    from datacurate.describe import stage_list

    found = stage_list()
    width = max(map(len, found))
    _print(found if as_json else "\n".join(f"{name:{width}}  {line}" for name, line in found.items()))


@app.command()
def schema(name: Annotated[str, typer.Argument(metavar="NAME", help="A stage, or 'recipe'.")] = "recipe") -> None:
    """Print the JSON Schema of recipes (for editors), or of one stage."""
    from datacurate.describe import schema_of

    _print(schema_of(name))


def _print(value: Any) -> None:
    """Text as it is, anything else as JSON; control characters of web text are shown, never sent to the terminal."""
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=not isinstance(value, str))
    sys.stdout.write(cli_stages.printable(text) + "\n")


def _stop(*_: Any) -> None:
    from datacurate.core.errors import Stopped

    raise Stopped("stopped. What was finished is kept; run the same command again to go on.")


def main() -> None:
    """Entry point. Exit status: 0 done, 1 error, 2 recipe or options, 3 input, 4 tasks, 5 quarantine, 6 ledger."""
    from datacurate.core.errors import CurateError, Stopped
    from datacurate.core.web import masked

    signal.signal(signal.SIGINT, _stop)
    keep_memory()
    try:
        app(prog_name="curate")
    except (CurateError, Stopped) as error:
        print(f"curate: {cli_stages.printable(masked(str(error)))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
