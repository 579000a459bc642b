"""What was planned beside what was drawn and written, by training stage, cell and split: equal to the token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import LedgerError
from datacurate.mixture.pack import input_ids, lists, marked, numbers
from datacurate.mixture.schemas import KEY, RECEIPT, TAKEN, WRITTEN
from datacurate.mixture.stages import TrainingStage

DREW = {"drawn_tokens": "tokens", "drawn_documents": "copies"}
WROTE = {
    "written_tokens": "tokens",
    "cropped_tokens": "cropped",
    "padded_tokens": "padded",
    "special_tokens": "special",
    "unscored_tokens": "unscored",
}


def taken(drawn: pa.Table) -> pa.Table:
    """Copies of documents and tokens that were drawn, by training stage, split and cell."""
    n = numbers(drawn["n"])
    return _summed([numbers(drawn[name]) for name in KEY], {"copies": np.ones(len(n), np.int64), "tokens": n}, TAKEN)


def written(packed: pa.Table, part: int, special: np.ndarray) -> pa.Table:
    """What a file holds, by training stage, split and cell; `special` are the ids that open and close documents.

    What a row crops or pads counts for its last document.
    """
    starts, pieces = lists(packed["starts"])
    length = numbers(packed["length"])
    width = packed.schema.field("input_ids").type.list_size
    row = np.repeat(np.arange(len(length)), pieces)
    ends = np.append(starts[1:], 0)
    final = np.cumsum(pieces) - 1
    ends[final] = length
    keys = [numbers(packed["stage"])[row], numbers(packed["split"])[row], lists(packed["sources"])[0]]
    amounts = {
        name: np.zeros(len(row), np.int64) for name in ("tokens", "cropped", "padded", "special", "unscored", "rows")
    }
    amounts["tokens"] += ends - starts
    amounts["cropped"][final] = numbers(packed["cropped"])
    amounts["padded"][final] = width - length
    amounts["rows"][final] = 1
    ids = input_ids(packed)
    marks = np.flatnonzero(np.logical_or.reduce([ids == one for one in special]))
    counted = {"special": marks[marks % width < length[marks // width]]}
    if len(unscored := lists(packed["unscored"])[0]):
        counted["unscored"] = np.flatnonzero(marked(ids, unscored, lists(packed["unscored"])[1]) < 0)
    for name, places in counted.items():
        np.add.at(amounts[name], np.searchsorted(row * width + starts, places, side="right") - 1, 1)
    made = _summed(keys, amounts, WRITTEN)
    return made.set_column(0, WRITTEN.field(0), pa.array(np.full(made.num_rows, part, np.int32)))


def _summed(keys: list[np.ndarray], amounts: dict[str, np.ndarray], schema: pa.Schema) -> pa.Table:
    """Sums of amounts over rows with equal keys."""
    found, at = np.unique(np.stack(keys).astype(np.int64), axis=1, return_inverse=True)
    made: dict[str, Any] = dict(zip(KEY, found, strict=True))
    for name, values in amounts.items():
        made[name] = np.zeros(found.shape[1], np.int64)
        np.add.at(made[name], at.reshape(-1), values)
    none = np.zeros(found.shape[1], np.int64)
    return pa.table([pa.array(made.get(field.name, none), field.type) for field in schema], schema=schema)


def receipt(
    allocated: pa.Table, took: pa.Table, wrote: pa.Table, stages: list[TrainingStage], more: dict[str, int]
) -> pa.Table:
    """The receipt. LedgerError unless planned = drawn = written + cropped, and every document drawn has its marks.

    `more` are values that all rows have: the size of the vocabulary, the end-of-text token.
    """
    named = allocated.rename_columns({"stage": "stage_index", "stage_name": "stage"})
    rows = named.select([name for name in named.schema.names if name in RECEIPT.names]).to_pylist()
    cells = len(rows) // (2 * len(stages))
    amounts = {name: _placed(took, column, cells, len(rows)) for name, column in DREW.items()}
    amounts |= {name: _placed(wrote, column, cells, len(rows)) for name, column in WROTE.items()}
    for at, r in enumerate(rows):
        r |= {name: int(values[at]) for name, values in amounts.items()} | more
        r["epochs"] = r["written_tokens"] / r["available_tokens"] if r["available_tokens"] else 0.0
    _epochs_so_far(rows, cells)
    _check(rows, stages)
    return pa.Table.from_pylist(rows, schema=RECEIPT)


def _placed(table: pa.Table, column: str, cells: int, count: int) -> np.ndarray:
    """Sums in the order of the receipt's rows: by training stage, cell and split."""
    stage, split, source = (numbers(table[name]).astype(np.int64) for name in KEY)
    found = np.zeros(count, np.int64)
    np.add.at(found, (stage * cells + source) * 2 + split, numbers(table[column]))
    return found


def _epochs_so_far(rows: list[dict[str, Any]], cells: int) -> None:
    """Tokens drawn in this stage and before, of the documents that it may draw, over the tokens that these have."""
    for r in rows:
        there = r["available_tokens"]
        r["epochs_so_far"] = (r["drawn_tokens"] + r["earlier_tokens"]) / there if there else 0.0


def _check(rows: list[dict[str, Any]], stages: list[TrainingStage]) -> None:
    told = []
    for r in rows:
        planned, drawn, wrote = r["planned_tokens"], r["drawn_tokens"], r["written_tokens"]
        if planned != drawn or drawn != wrote + r["cropped_tokens"]:
            name = r["source"] if len(stages) == 1 else f"{r['stage']}, {r['source']}"
            more = f", {r['cropped_tokens']:,} cropped" if r["cropped_tokens"] else ""
            told.append(f"{name}: planned {planned:,}, drew {drawn:,}, wrote {wrote:,}{more}")
    if told:
        raise LedgerError(f"mixture: tokens do not balance ({'; '.join(told)}). Please report this as a bug.")
