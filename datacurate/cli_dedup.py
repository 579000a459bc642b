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
