"""Optional columns as filters want them."""

from __future__ import annotations

import json
from typing import Any

from datacurate.core.errors import InputError


def numbers(column: Any, rows: int, stage: str, name: str) -> Any:
    """A column of numbers as float64; all null where there is none."""
    import pyarrow as pa

    if column is None:
        return pa.nulls(rows, pa.float64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type)):
        raise wrong_type(stage, name, "numbers", column.type)
    return column.cast(pa.float64())


def wrong_type(stage: str, name: str, wanted: str, found: Any) -> InputError:
    """An error that names stage, column and type."""
    return InputError(f"{stage}: the column '{name}' holds {found}, not {wanted}. Convert it or name another.")


def field_of(docs: Any, name: str) -> Any:
    """A column, or what documents have under a key of one: `meta.score` of structs or of JSON objects.

    None when there is no such column. What JSON numbers are not becomes null.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column, _, key = name.partition(".")
    if name in docs.schema.names:
        return docs[name]
    if not key or column not in docs.schema.names:
        return None
    kind = docs.schema.field(column).type
    if pa.types.is_struct(kind):
        known = [kind.field(at).name for at in range(kind.num_fields)]
        return pc.struct_field(docs[column], key) if key in known else None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array([_number(value, key) for value in docs[column].to_pylist()], pa.float64())
    return None


def _number(value: str | None, key: str) -> float | None:
    """The number under a key of a JSON object, if it is one."""
    try:
        found = json.loads(value or "{}")
    except ValueError:
        return None
    number = found.get(key) if isinstance(found, dict) else None
    return float(number) if isinstance(number, int | float) and not isinstance(number, bool) else None
