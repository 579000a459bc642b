"""Cells: what gets a share of the budget. The documents with equal values in some columns, and which may be drawn when.

A cell's name is its values joined by `/`, such as `4/maths`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.condition_text import parse
from datacurate.core.conditions import mismatch, values_of
from datacurate.core.errors import InputError, RecipeError, did_you_mean
from datacurate.core.stage import one_array
from datacurate.mixture import draw
from datacurate.mixture.stages import weighing

NONE = "null"
"""What stands in a name for a value that is missing."""
MOST = 100_000
"""Cells that a mixture may have. With more, a column was named that tells single documents apart."""


def names(docs: pa.Table, by: Sequence[str]) -> pa.Array:
    """The name of every document's cell."""
    parts = [_texts(docs, column) for column in by]
    for column, part in zip(by[:-1], parts, strict=False):
        found = pc.filter(part.dictionary, pc.match_substring(part.dictionary, "/"))
        if len(found):
            raise InputError(
                f"mixture: the column '{column}' holds '{found[0]}', and names of cells join values by '/'. Name this "
                "column last in 'by', or rename its values."
            )
    if len(parts) == 1:
        return parts[0].dictionary_decode()
    codes = np.zeros(docs.num_rows, np.int64)
    for part in parts:
        codes = codes * max(1, len(part.dictionary)) + np.asarray(part.indices)
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    rows = [part.take(pa.array(first)).dictionary_decode() for part in parts]
    return pc.binary_join_element_wise(*rows, "/").take(pa.array(place))


def _texts(docs: pa.Table, column: str) -> pa.DictionaryArray:
    """The values of a column as texts; 4.0 is 4, and what is missing (NaN is, too) is NONE."""
    values = _values(docs, column)
    if values is None:
        hint = did_you_mean(column, docs.schema.names)
        raise InputError(f"mixture: 'by' names the column '{column}', which the documents do not have. {hint}")
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if problem := no_cell(column, values.type):
        raise InputError(problem)
    coded = values.dictionary_encode(null_encoding="encode")
    texts = pa.array([_text(value) for value in coded.dictionary.to_pylist()], pa.string())
    return pc.take(texts, coded.indices).dictionary_encode()


def _values(docs: pa.Table, column: str) -> pa.Array | None:
    """A column, a field of one, or what documents have under a key of the JSON objects in `meta`, if they have that."""
    found = values_of(docs, column)
    name, _, key = column.partition(".")
    if found is not None or name != "meta" or not key:
        return found
    if name not in docs.schema.names:
        return pa.nulls(docs.num_rows)
    made = [_under(text, key) for text in docs[name].to_pylist()]
    try:
        return pa.array(made)
    except OverflowError:
        raise InputError(
            f"mixture: '{column}' holds whole numbers beyond 64 bits. Write them as texts or as decimals (1e30)."
        ) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"mixture: '{column}' holds values of several kinds: {error}. Make them of one kind."
        ) from None


def _under(text: str | None, key: str) -> object:
    """The value under a key of a JSON object, if it is one."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    return found.get(key) if isinstance(found, dict) else None


def _text(value: object) -> str:
    if value is None or value != value:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def no_cell(column: str, kind: pa.DataType) -> str | None:
    """Why values of a type make no cells."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    plain = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_null)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or any(is_kind(kind) for is_kind in plain):
        return None
    return (
        f"mixture: 'by' names the column '{column}', which holds {kind}. Cells are made of texts, numbers, true and "
        "false: name another column."
    )


def check_types(by: Sequence[str], wheres: Sequence[str | None], known: dict[str, pa.DataType]) -> None:
    """RecipeError when a column is known to hold what makes no cells, or something else than it is compared with."""
    for column in by:
        if (kind := known.get(column)) is not None and (problem := no_cell(column, kind)):
            raise RecipeError(problem)
    for where in wheres:
        if where is None:
            continue
        for column in (node := parse(where)).columns():
            if (kind := known.get(column)) is not None and (problem := mismatch(node, column, kind)):
                raise RecipeError(f"mixture: the condition '{where}': {problem}")


def columns(by: Sequence[str], wheres: Sequence[str | None]) -> list[str]:
    """The columns that cells and conditions are made of."""
    named = [column for where in wheres if where for column in parse(where).columns()]
    return list(dict.fromkeys([*by, *named]))


def allowed(docs: pa.Table, wheres: Sequence[str | None]) -> np.ndarray:
    """Per document, as bits of an int64: the training stages whose condition it fulfils."""
    found = np.zeros(docs.num_rows, np.int64)
    for stage, where in enumerate(wheres):
        true = _fulfilled(docs, where) if where else np.ones(docs.num_rows, bool)
        found |= true.astype(np.int64) << stage
    for key, bit in _key_bits(wheres).items():
        values = one_array(_values(docs, key))
        found |= np.asarray(pc.is_valid(values)).astype(np.int64) << bit
    return found


def _key_bits(wheres: Sequence[str | None]) -> dict[str, int]:
    """Keys of `meta` that conditions name, and the bits that say which documents have a value under them.

    From the topmost bit down, as far as stages leave some.
    """
    keys = [column for column in columns([], wheres) if column.startswith("meta.")]
    return dict(zip(keys, range(62, 2 * len(wheres) - 1, -1), strict=False))


def check_keys(by: Sequence[str], wheres: Sequence[str | None], names: Sequence[str], masks: np.ndarray) -> None:
    """InputError when no document has a value under a key of `meta` that cells or conditions are made of."""
    seen = int(np.bitwise_or.reduce(masks)) if len(masks) else -1
    idle = [key for key, bit in _key_bits(wheres).items() if not seen >> bit & 1]
    values = [name.split("/", len(by) - 1) for name in names]
    idle += [key for at, key in enumerate(by) if key.startswith("meta.") and {v[at] for v in values} == {NONE}]
    if idle:
        raise InputError(
            f"mixture: no document has a value under '{idle[0]}', which cells or conditions are made of. See how the "
            "key is written: case counts, and 'meta.a.b' is the key 'a.b' of meta itself."
        )


def _fulfilled(docs: pa.Table, where: str) -> np.ndarray:
    node = parse(where)
    given = {}
    for column in node.columns():
        values = _values(docs, column)
        if values is None:
            hint = did_you_mean(column, docs.schema.names)
            raise InputError(f"mixture: the condition '{where}' reads '{column}', which the documents lack. {hint}")
        if problem := mismatch(node, column, values.type):
            raise InputError(f"mixture: the condition '{where}': {problem}")
        given[column] = one_array(values)
    return node.truth(given).true


def masks(allowed: np.ndarray, order: np.ndarray, n: np.ndarray, rules: Sequence[tuple[int, float]]) -> np.ndarray:
    """Per document, as bits of an int64: the training stages that may draw it, given those whose condition it fulfils.

    Behind them, for stages that leave short documents out, come bits of the conditions alone: by the tokens of these
    documents cells are weighed, so that no rule of length changes their shares (`stages.weighing`).
    """
    found = allowed & (long_enough(order, n, rules) | -1 << min(63, 2 * len(rules)))
    for stage, bit in enumerate(weighing([short_share for _, short_share in rules])):
        if bit != stage:
            found |= (allowed >> stage & 1) << bit
    return found


def long_enough(order: np.ndarray, n: np.ndarray, rules: Sequence[tuple[int, float]]) -> np.ndarray:
    """Per document, as bits of an int64: the training stages in which its length lets it be drawn.

    A rule is of a stage: tokens from which on a document is long, and the share of the shorter ones that may be drawn.
    The document's hash decides, so that the documents of a small share are among those of a larger one.
    """
    found = np.zeros(len(order), np.int64)
    lot = draw.mix(order ^ LENGTHS).astype(np.float64)
    for stage, (long_tokens, short_share) in enumerate(rules):
        kept = (n >= long_tokens) | (lot < short_share * 2.0**64) | (short_share == 1)
        found |= kept.astype(np.int64) << stage
    return found


LENGTHS = np.uint64(0x6C656E6774687321)
"""Makes the hash by which short documents are chosen another one than that of their order."""
