"""The report's sections that read more than manifests: removed documents, similarities, receipts, losses."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from datacurate.audit.charts import Line, histogram, lines
from datacurate.audit.markup import Markup, e, join, number, table, tag
from datacurate.audit.run_folder import Finished, FinishedStage

SAMPLES = 5
"""Removed documents shown per rule; ledgers keep excerpts of as many per shard."""
PAYLOAD = 300
"""Bytes shown of a quarantined record."""
COLUMNS = ["id", "source", "fate", "rule", "rules", "value", "bound", "survivor", "similarity", "error", "bytes"]
BIN = 0.02
"""Width of the bins of similarities."""

Row = dict[str, Any]


def samples(run: Finished) -> Markup:
    """A few removed documents of every rule, with the figures that removed them."""
    made = [_rule(stage, *key, rows) for stage in run.booked for key, rows in _samples(stage).items()]
    return join(made or [tag("p", "No document was removed.")])


def _samples(stage: FinishedStage) -> dict[tuple[str, str], list[Row]]:
    """Removed documents by fate and rule; those with an excerpt come first in every ledger."""
    books = stage.books or {}
    missing = {(f, r): min(SAMPLES, a["documents"]) for f in books if f in FATES for r, a in books[f].items()}
    found: dict[tuple[str, str], list[Row]] = {key: [] for key in missing}
    for row in _ledger_rows(stage, with_payload=bool(books.get("quarantined"))):
        key = (row["fate"], row["rule"])
        if missing.get(key):
            missing[key] -= 1
            found[key].append(row)
        if not any(missing.values()):
            break
    return found


FATES = ("dropped", "merged", "quarantined")


def _ledger_rows(stage: FinishedStage, with_payload: bool) -> Iterator[Row]:
    import pyarrow.parquet as pq

    columns = [*COLUMNS, "excerpt", *(["payload"] if with_payload else [])]
    for path in stage.ledgers.values():
        with pq.ParquetFile(path) as file:
            # A payload may have 64 KiB.
            for batch in file.iter_batches(batch_size=64 if with_payload else 1024, columns=columns):
                yield from batch.to_pylist()


def _rule(stage: FinishedStage, fate: str, rule: str, rows: list[Row]) -> Markup:
    count = (stage.books or {})[fate][rule]["documents"]
    key = tag("i", class_=f"key {fate}")
    head = tag("summary", key, f"{stage.label} · {rule} · {count:,} {fate}")
    return tag("details", head, [_document(row) for row in rows])


def _document(row: Row) -> Markup:
    about = [tag("code", e(row["id"], 200)), f" from {row['source']}, {row['bytes']:,} bytes"]
    text = row.get("excerpt")
    if not text and row.get("payload"):
        text = row["payload"][:PAYLOAD].decode("utf-8", "backslashreplace")
    quote = tag("blockquote", e(text), dir="auto") if text else None
    return tag("article", tag("p", about), tag("p", reason(row), class_="soft"), quote)


def reason(row: Row) -> str:
    """Why a document was removed: value and bound, survivor and similarity, or the error."""
    said = [row["rule"]]
    if row["value"] is not None:
        bound = f", bound {number(row['bound'])}" if row["bound"] is not None else ""
        said = [f"{row['rule']}: {number(row['value'])}{bound}"]
    if row["survivor"] is not None:
        alike = f", similarity {row['similarity']:.3f}" if row["similarity"] is not None else ""
        said.append(f"survivor {row['survivor'][:200]}{alike}")
    if row["error"]:
        said.append(row["error"])
    also = [rule for rule in row["rules"] or [] if rule != row["rule"]]
    return "; ".join(said + ([f"also {', '.join(also)}"] if also else []))


def similarities(run: Finished) -> Markup | None:
    """How alike removed documents and their survivors are, per stage that measured it."""
    made = []
    for stage in run.booked:
        bins = _similarity_bins(stage)
        if set(bins) == {round(1 / BIN)}:
            made += [tag("h3", stage.label), tag("p", f"All {bins.total():,} merged documents equal their survivor.")]
        elif bins:
            made += [tag("h3", stage.label), _similarity_chart(bins)]
    return join(made) if made else None


def _similarity_bins(stage: FinishedStage) -> Counter[int]:
    import numpy as np
    import pyarrow.parquet as pq

    bins: Counter[int] = Counter()
    if not (stage.books or {}).get("merged"):
        return bins
    for path in stage.ledgers.values():
        column = pq.read_table(path, columns=["similarity"])["similarity"].drop_null().to_numpy()
        values, counts = np.unique(np.floor(column / BIN + 1e-9).astype(int), return_counts=True)
        bins.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return bins


def _similarity_chart(bins: Counter[int]) -> Markup:
    low, high = min(bins), round(1 / BIN)
    columns = [(f"{at * BIN:.2f}", bins.get(at, 0)) for at in range(low, high + 1)]
    return histogram(columns, "similarity with the survivor (Jaccard)", "merged documents")


def receipt_rows(run: Finished) -> list[Row]:
    """The receipt of the mixture; empty without one."""
    return _phase_rows(run.last("mixture"), "receipt")


def metric_rows(run: Finished) -> list[Row]:
    """The metrics of the training; empty without one."""
    return _phase_rows(run.last("training"), "trained")


def _phase_rows(stage: FinishedStage | None, phase: str) -> list[Row]:
    from datacurate.core.store import read_parts

    paths = list(stage.phase(phase).values()) if stage else []
    return read_parts(paths).to_pylist() if paths else []


def training(rows: list[Row]) -> Markup:
    """The loss by step: training, and validation by source; constant reference losses as dashed lines."""
    curves: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        curves[row["split"], row["source"]].append((row["step"], row["loss"]))
    moving = {key: points for key, points in curves.items() if key[0] in KNOWN}
    series = [Line(_curve(*key), *_axes(points), key[0] == "train") for key, points in moving.items()]
    levels = {_curve(*key): points[-1][1] for key, points in curves.items() if key[0] not in KNOWN}
    chart = lines(series, "optimizer step", "loss (nats per token)", levels)
    return join([tag("figure", chart), _last_losses(curves)])


def account_rows(run: Finished) -> list[Row]:
    """What the training was given beside what was packed for it; empty without one."""
    return _phase_rows(run.last("training"), "accounts")


BETWEEN = {
    "planned tokens": "planned_tokens",
    "drawn": "drawn_tokens",
    "packed": "packed_tokens",
    "not reached": "not_reached_tokens",
    "repeated": "repeated_tokens",
    "trained": "trained_tokens",
    "not scored": "unscored_tokens",
    "scored": "scored_tokens",
}


def accounts(rows: list[Row]) -> Markup:
    """From planned to trained and scored tokens of every training stage and cell."""
    made = [[f"{row['stage']}, {row['source']}", *(number(row[name]) for name in BETWEEN.values())] for row in rows]
    total = ["all", *(number(sum(row[name] for row in rows)) for name in BETWEEN.values())]
    return join([tag("h3", "Tokens, from planned to trained"), table(["stage, cell", *BETWEEN], made, foot=total)])


KNOWN = ("train", "validation")
"""Splits that are curves; another one (such as the entropy of single tokens) is a level to compare with."""


def _axes(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    points = sorted(points)
    return [step for step, _ in points], [loss for _, loss in points]


def _curve(split: str, source: str) -> str:
    return f"{split}, {source}" if source else (f"{split}, all" if split == "validation" else split)


def _last_losses(curves: dict[tuple[str, str], list[tuple[int, float]]]) -> Markup:
    rows = []
    for key, points in curves.items():
        steps, losses = _axes(points)
        last = losses[-1]
        perplexity = f"{math.exp(last):,.1f}" if last < 50 else "—"
        at = number(steps[-1]) if key[0] in KNOWN else "—"
        rows.append([_curve(*key), at, f"{losses[0]:.3f}", f"{last:.3f}", perplexity])
    return table(["loss", "last step", "first", "last", "perplexity"], rows)
