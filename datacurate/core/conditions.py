"""Conditions over columns, such as `words >= 50 and language in ["en", "de"]`: read here, never run as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
WORDS = ("and", "or", "not", "in", "is", "null", "true", "false")


@dataclass(frozen=True)
class Truth:
    """Per document: whether a condition is true, and whether that cannot be said because a value is missing."""

    true: np.ndarray
    unknown: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """One column against one value, `sign` between them: numbers by size, texts by code point."""

    column: str
    sign: str
    value: Any

    def columns(self) -> Iterator[str]:
        yield self.column

    def truth(self, given: dict[str, pa.Array]) -> Truth:
        return _compared(given[self.column], self)

    def __str__(self) -> str:
        return f"{_name(self.column)} {self.sign} {_literal(self.value)}"


@dataclass(frozen=True)
class IsNull:
    """Whether a column has no value; NaN is none."""

    column: str

    def columns(self) -> Iterator[str]:
        yield self.column

    def truth(self, given: dict[str, pa.Array]) -> Truth:
        import numpy as np

        missing = _missing(given[self.column])
        return Truth(missing, np.zeros(len(missing), bool))

    def __str__(self) -> str:
        return f"{_name(self.column)} is null"


@dataclass(frozen=True)
class OneOf:
    """Whether a column holds one of some values."""

    column: str
    values: tuple[Any, ...]

    def columns(self) -> Iterator[str]:
        yield self.column

    def truth(self, given: dict[str, pa.Array]) -> Truth:
        parts = [_compared(given[self.column], Comparison(self.column, "==", value)) for value in self.values]
        true = parts[0].true.copy()
        for part in parts[1:]:
            true |= part.true
        return Truth(true, parts[0].unknown)

    def __str__(self) -> str:
        return f"{_name(self.column)} in [{', '.join(_literal(value) for value in self.values)}]"


@dataclass(frozen=True)
class Not:
    part: Node

    def columns(self) -> Iterator[str]:
        yield from self.part.columns()

    def truth(self, given: dict[str, pa.Array]) -> Truth:
        inner = self.part.truth(given)
        return Truth(~inner.true & ~inner.unknown, inner.unknown)

    def __str__(self) -> str:
        return f"not {_bracketed(self.part, Both)}"


@dataclass(frozen=True)
class Both:
    """`and` (`either` is false) or `or` of several conditions. What is missing matters only where it could decide."""

    parts: tuple[Node, ...]
    either: bool

    def columns(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.columns()

    def truth(self, given: dict[str, pa.Array]) -> Truth:
        import numpy as np

        inner = [part.truth(given) for part in self.parts]
        true = np.stack([one.true for one in inner])
        false = ~true & ~np.stack([one.unknown for one in inner])
        yes: Any = true.any(axis=0) if self.either else true.all(axis=0)
        no: Any = false.all(axis=0) if self.either else false.any(axis=0)
        return Truth(yes, ~yes & ~no)

    def __str__(self) -> str:
        return (" or " if self.either else " and ").join(_bracketed(part, Both) for part in self.parts)


Node = Comparison | IsNull | OneOf | Not | Both


def _name(column: str) -> str:
    return column if re.fullmatch(r"[^\W\d][\w.]*", column) and column.lower() not in WORDS else f"`{column}`"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def _bracketed(part: Node, loose: type) -> str:
    return f"({part})" if isinstance(part, loose) else str(part)


def kind_of_value(value: Any) -> str:
    """What a value is compared as."""
    return "true or false" if isinstance(value, bool) else "a text" if isinstance(value, str) else "a number"


def kind_of(type_: pa.DataType) -> str | None:
    """What values of an Arrow type are compared as; None for lists and the like."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_boolean(type_):
        return "true or false"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "a number"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "a text"
    return "nothing" if pa.types.is_null(type_) else None


def mismatch(node: Node, column: str, type_: pa.DataType) -> str | None:
    """What is wrong when a condition compares a column of this type with a value of another kind."""
    kind = kind_of(type_)
    for one in leaves(node):
        if one.column != column or isinstance(one, IsNull) or kind == "nothing":
            continue
        value = one.value if isinstance(one, Comparison) else one.values[0]
        if kind != kind_of_value(value):
            own = f"Compare it with {kind}." if kind else "Only numbers, texts, true and false can be compared."
            other = f"{kind_of_value(value)}, {_literal(value)}"
            return f"the column '{column}' holds {type_} and is compared with {other}. {own}"
    return None


def negated(node: Node) -> str:
    """A condition that is true where this one is false."""
    if isinstance(node, Not):
        return str(node.part)
    if isinstance(node, Comparison):
        if node.value is True or node.value is False:
            return str(Comparison(node.column, "==" if node.sign == "!=" else "!=", node.value))
        return str(Comparison(node.column, OPPOSITE[node.sign], node.value))
    if isinstance(node, Both):
        return f"not ({node})"
    return str(node).replace(" is ", " is not ", 1) if isinstance(node, IsNull) else f"not {node}"


def values_of(docs: pa.Table, column: str) -> pa.Array | None:
    """A column of documents, or a field of one (`a.b`), as one array; None where there is none."""
    from datacurate.core.stage import one_array

    names = docs.schema.names
    if column in names:
        return one_array(docs[column])
    for at in (at for at, char in enumerate(column) if char == "."):
        if column[:at] in names and (found := _field(one_array(docs[column[:at]]), column[at + 1 :])) is not None:
            return found
    return None


def _field(values: pa.Array, path: str) -> pa.Array | None:
    """A field of a struct, by its name or by names joined with dots; None when there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_struct(values.type):
        return None
    for name in (field.name for field in values.type):
        if name == path:
            return pc.struct_field(values, name)
        if path.startswith(f"{name}."):
            return _field(pc.struct_field(values, name), path[len(name) + 1 :])
    return None


def leaves(node: Node) -> Iterator[Comparison | IsNull | OneOf]:
    """The parts of a condition that look at one column each."""
    if isinstance(node, Not):
        yield from leaves(node.part)
    elif isinstance(node, Both):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node


def _missing(values: pa.Array) -> np.ndarray:
    """Where there is no value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nan = pa.types.is_floating(values.type)
    return pc.is_null(values, nan_is_null=nan).to_numpy(zero_copy_only=False)


def _compared(values: pa.Array, comparison: Comparison) -> Truth:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = _missing(values)
    if pa.types.is_null(values.type):
        return Truth(np.zeros(len(values), bool), missing)
    operation = {"==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater,
                 ">=": pc.greater_equal}[comparison.sign]  # fmt: skip
    true = operation(*_alike(values, comparison.value)).fill_null(False).to_numpy(zero_copy_only=False)
    return Truth(true & ~missing, missing)


def _alike(values: pa.Array, value: Any) -> tuple[pa.Array, pa.Scalar]:
    """Both in types that Arrow compares without rounding or overflow where there are such."""
    import pyarrow as pa

    type_ = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if isinstance(value, str):
        return values.cast(pa.large_string()), pa.scalar(value, pa.large_string())
    if isinstance(value, bool):
        return values.cast(pa.bool_()), pa.scalar(value)
    if pa.types.is_uint64(type_) and isinstance(value, int) and 0 <= value < 2**64:
        return values.cast(type_), pa.scalar(value, pa.uint64())
    if pa.types.is_integer(type_) and not pa.types.is_uint64(type_) and isinstance(value, int) and abs(value) < 2**63:
        return values.cast(pa.int64()), pa.scalar(value, pa.int64())
    return values.cast(pa.float64(), safe=False), pa.scalar(float(value))
