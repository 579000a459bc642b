"""The report of a run: one HTML file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from datacurate.audit import evidence, sections
from datacurate.audit.contamination_show import STYLE
from datacurate.audit.contamination_show import section as contamination
from datacurate.audit.dedup_report import deduplication
from datacurate.audit.markup import Markup, e, join, tag
from datacurate.audit.mixture_report import mixture
from datacurate.audit.pii_report import personal_data
from datacurate.audit.repairs import section as repairs
from datacurate.audit.run_folder import Finished, open_run
from datacurate.audit.spoken import section as spoken
from datacurate.audit.style import CSS
from datacurate.audit.tune_plot import NOTE as SIGNALS_NOTE
from datacurate.audit.tune_plot import signals
from datacurate.core.errors import InputError
from datacurate.core.store import atomic

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load and run for this page: nothing, even should hostile text slip through the escaping."""


def write_report(run: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a finished run, as `report.html` in its folder if `out` names no other file.

    The same run gives the same bytes. InputError when the folder is no run or the run has not finished.
    """
    path = Path(out) if out is not None else Path(run) / "report.html"
    if path.is_dir():
        raise InputError(f"{path} is a folder. Name the file to write, e.g. {path / 'report.html'}.")
    page = render(open_run(run))
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(run: Finished) -> str:
    """The whole page."""
    made = [(anchor, title, note, content) for anchor, title, note, content in _sections(run) if content]
    nav = tag("nav", [tag("a", title, href=f"#{anchor}") for anchor, title, _, _ in made])
    body = [tag("section", tag("h2", t), tag("p", n, class_="soft") if n else None, c, id=a) for a, t, n, c in made]
    head = [tag("h1", run.name), tag("p", _subtitle(run), class_="soft"), nav]
    footer = tag("footer", "Written by datacurate from the run's manifests and ledgers.")
    headline = sections.headline(run, evidence.receipt_rows(run))
    return document(f"{run.name}: report", join([tag("header", head), headline, body, footer]), STYLE)


def _subtitle(run: Finished) -> str:
    names = [stage.label for stage in run.stages]
    return f"What became of every document, in {len(names)} stages: {' → '.join(names)}"


def document(title: str, body: Markup, style: str = "") -> str:
    """A page that loads nothing and runs nothing; `style` stands behind the report's own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>{e(title)}</title>\n'
        f"<style>{CSS}{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _sections(run: Finished) -> list[tuple[str, str, str, Markup | None]]:
    receipt, metrics = evidence.receipt_rows(run), evidence.metric_rows(run)
    booked: Callable = lambda section: section(run) if run.booked else None  # noqa: E731
    return [
        ("funnel", "Stage by stage", "", booked(sections.funnel)),
        ("rules", "What each rule removed", "A document counts under the first rule it fails.", booked(sections.drops)),
        ("signals", "Signals and thresholds", SIGNALS_NOTE, signals(run)),
        ("sources", "Source by source", "Darker cells lost a larger share.", booked(sections.sources)),
        ("samples", "Removed documents", SAMPLES_NOTE, booked(evidence.samples)),
        ("deduplication", "Deduplication", DEDUPLICATION_NOTE, booked(deduplication)),
        ("similarity", "Near-duplicates", SIMILARITY_NOTE, evidence.similarities(run)),
        ("contamination", "Contamination", CONTAMINATION_NOTE, contamination(run)),
        ("pii", "Personal data", PII_NOTE, booked(personal_data)),
        ("languages", "Languages", "Of the documents that are left.", sections.languages(run)),
        ("spoken", "Languages and scripts by source", SPOKEN_NOTE, spoken(run)),
        ("repairs", "Texts mended", "By `normalize`, of all documents that came to it.", repairs(run)),
        ("lengths", "Lengths", LENGTHS_NOTE, sections.lengths(run)),
        ("mixture", "Mixture", RECEIPT_NOTE, mixture(run, receipt) if receipt else None),
        ("training", "Training", TRAINING_NOTE, _training(run, metrics) if metrics else None),
        ("recipe", "Recipe", "", sections.recipe(run)),
        ("identity", "Keys and versions", IDENTITY_NOTE, sections.identity(run)),
    ]


def _training(run: Finished, metrics: list[evidence.Row]) -> Markup:
    accounts = evidence.account_rows(run)
    return join([evidence.training(metrics), *([evidence.accounts(accounts)] if accounts else [])])


SAMPLES_NOTE = join(
    [
        f"The first {evidence.SAMPLES} of each rule, with the figure that decided. Texts are cut to their beginning, ",
        "and characters that cannot be seen are spelled out as [U+202E]. ",
        tag("code", "curate trace RUN ID"),
        " tells a document's whole life.",
    ]
)
DEDUPLICATION_NOTE = join(
    [
        "The mixture is shown as if deduplication alone had removed anything. ",
        tag("code", "curate dedup explain RUN ID"),
        " shows a document beside its survivor.",
    ]
)
CONTAMINATION_NOTE = join(
    [
        "Items of benchmarks that documents hold, those in most documents first; words that both have are marked. ",
        tag("code", "curate contamination RUN --html FILE"),
        " shows more.",
    ]
)
PII_NOTE = "What the stage pii found, in the documents that came to it; texts are not shown."
SIMILARITY_NOTE = "How alike removed documents are to the document that was kept in their stead."
SPOKEN_NOTE = "By bytes of all documents that came to `language`; by paragraph, a document counts for each language."
LENGTHS_NOTE = "Of the documents that are left. A column holds lengths from its label up to the next, twice as long."
RECEIPT_NOTE = (
    "Tokens asked for and tokens counted in the packed sequences, end-of-text tokens included. Padding counts for the "
    "source of the document in front of it. What is left of the document that ends a budget is not drawn: it is cut. "
    "Marks are tokens that open and close documents. Epochs so far count the stages of training before, too."
)
TRAINING_NOTE = "Mean loss over the scored tokens; only losses with the same tokenizer can be compared."
IDENTITY_NOTE = "Equal keys mean equal content: they depend on inputs, options and versions, never on machines."
