"""What a column of token ids says of its tokenizer: it goes wherever the column goes, through later stages as well."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pyarrow as pa

COLUMN = "token_ids"
KEY = b"datacurate.tokens"
"""Of the column's metadata, which Arrow keeps beside its type."""


@dataclass(frozen=True)
class Marks:
    """How many ids there are, and the one that closes a document."""

    vocabulary: int
    end_of_text: int


def marked(docs: pa.Table, marks: Marks) -> pa.Table:
    """The documents, whose token ids say how they were made."""
    at = docs.schema.get_field_index(COLUMN)
    told = docs.schema.field(at).with_metadata({KEY: json.dumps(asdict(marks)).encode()})
    return docs.set_column(at, told, docs.column(at))


def marks_of(schema: pa.Schema) -> Marks | None:
    """What the column of token ids says; None where it is not ours."""
    said = (schema.field(COLUMN).metadata or {}).get(KEY)
    return Marks(**json.loads(said)) if said else None
