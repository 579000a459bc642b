"""Verbs of `curate dedup` that are no stages."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from datacurate import cli_stages


def add_verbs(app: typer.Typer) -> None:
    """Add the verbs to the group."""
    app.command()(explain)
    app.command()(index)


def explain(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    id: Annotated[str, typer.Argument(metavar="ID", help="A document's id.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option(help="Write a page with more of the texts to this file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")] = False,
) -> None:
    """Explain why a document was merged or cut: its survivor, how alike they are, both texts side by side."""
    from datacurate.audit.dedup_explain import explain as why
    from datacurate.core.store import write_text

    explanation = why(run, id)
    if html is not None:
        write_text(html, explanation.as_html())
        sys.stdout.write(cli_stages.printable(json.dumps({"page": str(html)}) if as_json else str(html)) + "\n")
    elif as_json:
        sys.stdout.write(cli_stages.printable(json.dumps(explanation.as_json(), indent=1)) + "\n")
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size((120, 24)).columns
        sys.stdout.write(explanation.as_text(max(width, 40), colour) + "\n")


def index(
    datasets: Annotated[list[str], typer.Argument(metavar="DATASET...", help="Finished datasets.", show_default=False)],
    stage: Annotated[
        str | None, typer.Option(help="The stage whose `against` will name the index.", show_default=False)
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="OPTION=VALUE of the stage; later runs must have the same.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the new index.", show_default=False)] = None,
    extend: Annotated[Path | None, typer.Option(help="An index that is added to.", show_default=False)] = None,
    profile: Annotated[Path | None, typer.Option(help="A profile: where and how to run.", show_default=False)] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one per core")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")] = False,
) -> None:
    """Make an index of datasets, or add to one, so that later runs can remove what these hold without their texts."""
    from datacurate.api import index_stage, make_index
    from datacurate.describe import index_as_json, index_as_text

    if (out is None) == (extend is None) or (stage is None) != (out is None) or (set_ and extend):
        raise typer.BadParameter("give --stage and --out for a new index, or --extend for one that is there.")
    wanted = index_stage(stage, set_ or []) if stage else None
    made = make_index(wanted, list(datasets), out or extend or "", profile, workers, quiet=as_json)
    text = json.dumps(index_as_json(made), indent=1) if as_json else index_as_text(made)
    sys.stdout.write(cli_stages.printable(text) + "\n")
