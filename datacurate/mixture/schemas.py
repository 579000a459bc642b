"""The tables that the phases of a mixture make, but for packed rows (`pack.packed_schema`)."""

from __future__ import annotations

import pyarrow as pa

from datacurate.mixture.pack import TOKENS

TOKENIZED = pa.schema(
    {
        "order": pa.uint64(),
        "row": pa.uint64(),
        "split": pa.int8(),
        "n": pa.int64(),
        "tokens": TOKENS,
    }
)
CELLED = pa.schema({"source": pa.string(), "mask": pa.int64()})
COUNTED = pa.schema(
    {
        "source": pa.string(),
        "order": pa.uint64(),
        "row": pa.uint64(),
        "split": pa.int8(),
        "n": pa.int64(),
        "mask": pa.int64(),
    }
)
SUMMED = pa.schema(
    {
        "source": pa.string(),
        "split": pa.int8(),
        "mask": pa.int64(),
        "bin": pa.int16(),
        "documents": pa.int64(),
        "empty": pa.int64(),
        "tokens": pa.int64(),
    }
)
GROUP = {
    "index": pa.int32(),
    "source": pa.string(),
    "split": pa.int8(),
    "weight": pa.float64(),
    "available_tokens": pa.int64(),
    "documents": pa.int64(),
    "empty": pa.int64(),
    "planned_tokens": pa.int64(),
    "truncated_tokens": pa.int64(),
    "earlier_tokens": pa.int64(),
}
"""A training stage, cell and split: what there is, and what is to be drawn of it."""
CUT = {
    "fresh": pa.bool_(),
    "start_order": pa.uint64(),
    "start_row": pa.uint64(),
    "whole_epochs": pa.int64(),
    "cut_order": pa.uint64(),
    "cut_row": pa.uint64(),
    "cut_tokens": pa.int64(),
}
"""Which interval of the cell's ring that is; see `rings.Interval`."""
ALLOCATED = pa.schema({"stage": pa.int32(), "stage_name": pa.string()} | GROUP | CUT)
DRAWN = pa.schema(
    {
        "stage": pa.int32(),
        "part": pa.int32(),
        "position": pa.uint64(),
        "source": pa.int32(),
        "split": pa.int8(),
        "order": pa.uint64(),
        "row": pa.uint64(),
        "n": pa.int64(),
        "tokens": TOKENS,
    }
)
KEY = {"stage": pa.int32(), "split": pa.int8(), "source": pa.int32()}
TAKEN = pa.schema(KEY | {"copies": pa.int64(), "tokens": pa.int64()})
WRITTEN = pa.schema(
    {"part": pa.int32()}
    | KEY
    | {
        "tokens": pa.int64(),
        "cropped": pa.int64(),
        "padded": pa.int64(),
        "special": pa.int64(),
        "unscored": pa.int64(),
        "rows": pa.int64(),
    }
)
INDEX = pa.schema({"stage": pa.int32(), "part": pa.int32(), "split": pa.int8(), "rows": pa.int64()})
RECEIPT = pa.schema(
    {"stage_index": pa.int32(), "stage": pa.string()}
    | GROUP
    | {
        "drawn_tokens": pa.int64(),
        "drawn_documents": pa.int64(),
        "written_tokens": pa.int64(),
        "cropped_tokens": pa.int64(),
        "padded_tokens": pa.int64(),
        "special_tokens": pa.int64(),
        "unscored_tokens": pa.int64(),
        "epochs": pa.float64(),
        "epochs_so_far": pa.float64(),
        "vocabulary": pa.int32(),
        "end_of_text": pa.int32(),
    }
)


def table_of(rows: list[tuple], schema: pa.Schema) -> pa.Table:
    """A table from rows in the schema's column order."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
