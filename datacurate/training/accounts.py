"""What a training has been given, beside what was planned, drawn and packed for it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from datacurate.core.errors import LedgerError

ACCOUNTS = pa.schema(
    {
        "stage": pa.string(),
        "source": pa.string(),
        "planned_tokens": pa.int64(),
        "drawn_tokens": pa.int64(),
        "packed_tokens": pa.int64(),
        "not_reached_tokens": pa.int64(),
        "repeated_tokens": pa.int64(),
        "trained_tokens": pa.int64(),
        "unscored_tokens": pa.int64(),
        "scored_tokens": pa.int64(),
    }
)
"""packed - not reached + repeated = trained: the last pass ended early, or there was more than one.
trained - unscored = scored: nothing comes before a row's first token, and with `mask_documents` no first token of a
document is asked for."""


def accounts(trained: pa.Table, receipt: pa.Table, index: pa.Table, size: int) -> pa.Table:
    """The accounts of all training stages and sources. LedgerError when steps held other tokens than were packed."""
    steps = [row for row in trained.to_pylist() if row["split"] == "train"]
    passes, rest = divmod(len(steps), _steps(index, size))
    rows = [_account(row, steps) for row in receipt.to_pylist() if row["split"] == 0]
    most = passes + (rest > 0)
    off = [r for r in rows if not passes * r["packed_tokens"] <= r["trained_tokens"] <= most * r["packed_tokens"]]
    if off:
        told = [f"{r['stage']}, {r['source']}: {r['packed_tokens']:,} and {r['trained_tokens']:,}" for r in off]
        raise LedgerError(
            f"training: packed and trained tokens do not balance in {passes} to {most} passes ({'; '.join(told)}). "
            "Please report this as a bug."
        )
    return pa.Table.from_pylist(rows, schema=ACCOUNTS)


def _steps(index: pa.Table, size: int) -> int:
    """Steps of one pass."""
    rows: dict[int, int] = {}
    for row in index.to_pylist():
        if row["split"] == 0:
            rows[row["stage"]] = rows.get(row["stage"], 0) + row["rows"]
    return max(1, sum(-(-count // size) for count in rows.values()))


def _account(row: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The account of one training stage and source."""
    mine = [step for step in steps if step["stage"] == row["stage_index"]]
    trained, scored = (sum(step[name][row["index"]] for step in mine) for name in ("held", "scored"))
    packed = row["written_tokens"]
    return {
        "stage": row["stage"],
        "source": row["source"],
        "planned_tokens": row["planned_tokens"],
        "drawn_tokens": row["drawn_tokens"],
        "packed_tokens": packed,
        "not_reached_tokens": max(0, packed - trained),
        "repeated_tokens": max(0, trained - packed),
        "trained_tokens": trained,
        "unscored_tokens": trained - scored,
        "scored_tokens": scored,
    }
