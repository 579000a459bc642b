"""The books of one stage and shard: in = out + dropped + merged + quarantined, for documents and bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.errors import LedgerError
from datacurate.core.source import PAYLOAD_BYTES, Unread
from datacurate.core.stage import Removed
from datacurate.core.store import PartWriter, row_bytes

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rules", pa.list_(pa.string())),
        ("value", pa.float64()),
        ("bound", pa.float64()),
        ("survivor", pa.string()),
        ("similarity", pa.float64()),
        ("error", pa.string()),
        ("bytes", pa.int64()),
        ("excerpt", pa.string()),
        ("payload", pa.binary()),
    ]
)
EXCERPTS = 5
EXCERPT_CHARS = 300
"""The first EXCERPTS removed documents of a rule and shard keep this much of their text, for the report."""

Amounts = dict[str, int]
FATES = ("dropped", "merged", "quarantined")


def nothing() -> dict[str, Any]:
    """The books of nothing at all."""
    zero = {"documents": 0, "bytes": 0}
    return {"in": dict(zero), "out": dict(zero), **{fate: {} for fate in FATES}, "rewritten": 0}


def add(books: dict[str, Any], more: dict[str, Any]) -> None:
    """Add one set of books to another, in place."""
    for side in ("in", "out"):
        _add_amounts(books[side], more[side])
    for fate in FATES:
        for rule, amounts in more[fate].items():
            _add_amounts(books[fate].setdefault(rule, {}), amounts)
    books["rewritten"] += more["rewritten"]


def _add_amounts(mine: Amounts, more: Amounts) -> None:
    for unit, amount in more.items():
        mine[unit] = mine.get(unit, 0) + amount


def total(books: dict[str, Any], fate: str, unit: str = "documents") -> int:
    """All of one fate, over its rules."""
    return sum(amounts.get(unit, 0) for amounts in books[fate].values())


def check(books: dict[str, Any], where: str) -> None:
    """Raise LedgerError unless the books balance, in every unit that is known on both sides.

    `rewritten` is what edits added to (or took from) the bytes.
    """
    for unit in books["in"].keys() & books["out"].keys():
        gone = sum(total(books, fate, unit) for fate in FATES)
        made = books["rewritten"] if unit == "bytes" else 0
        if books["in"][unit] + made != books["out"][unit] + gone:
            raise LedgerError(
                f"{where}: {books['in'][unit]} {unit} came in, but {books['out'][unit]} went on and {gone} were "
                f"removed ({made} rewritten). Please report this bug; the shard was not committed."
            )


def row_amounts(docs: pa.Table) -> dict[str, np.ndarray]:
    """What every row counts for: one document, its bytes and, where a column `tokens` tells, its tokens."""
    amounts = {"documents": np.ones(docs.num_rows, np.int64), "bytes": row_bytes(docs)}
    if "tokens" in docs.schema.names and pa.types.is_integer(docs.schema.field("tokens").type):
        amounts["tokens"] = pc.fill_null(docs["tokens"], 0).to_numpy().astype(np.int64)
    return amounts


class ShardLedger:
    """Keeps the books of one stage over one shard and writes its ledger file."""

    def __init__(self, path: str, header: dict[str, Any]):
        self.header = header
        self.writer = PartWriter(path)
        self.books: dict[str, dict[str, Any]] = defaultdict(nothing)
        self.lengths: Counter[int] = Counter()
        self.languages: Counter[str] = Counter()
        self._excerpts: Counter[str] = Counter()
        self.writer.write(SCHEMA.empty_table())

    def unread(self, records: Iterable[Unread], source: str) -> None:
        """Enter records of a source that did not become documents."""
        rows = []
        for record in records:
            row: dict[str, Any] = {"id": record.id, "source": source, "fate": record.fate, "rule": record.rule}
            row |= {"rules": [record.rule], "error": record.error or None, "bytes": record.bytes}
            rows.append(row | {"payload": record.payload[:PAYLOAD_BYTES] or None})
            one = {"documents": 1, "bytes": record.bytes}
            books = nothing()
            books["in"], books[record.fate] = one, {record.rule: one}
            add(self.books[source], books)
        if rows:
            self.writer.write(pa.Table.from_pylist(rows, SCHEMA))

    def enter(self, came: pa.Table, went: pa.Table, removed: list[Removed], rewrites: bool) -> None:
        """Enter one batch: what came in, what goes on, what was removed. Raises LedgerError when rows are missing.

        Texts are compared unless the stage `rewrites` them, or cannot: then only ids are.
        """
        taken = np.concatenate([r.index for r in removed]) if removed else np.empty(0, np.int64)
        kept = np.ones(came.num_rows, bool)
        kept[taken] = False
        if len(taken) + went.num_rows != came.num_rows or kept.sum() != went.num_rows:
            raise LedgerError(
                f"{self.header['stage']}: {came.num_rows} documents came in, {went.num_rows} went on and "
                f"{len(taken)} were removed. Please report this bug; the shard was not committed."
            )
        expected = came.select(["id"] if rewrites else ["id", "text"])
        expected = expected.filter(pa.array(kept)) if len(taken) else expected
        if not expected["id"].equals(went["id"]):
            raise LedgerError(f"{self.header['stage']}: ids changed or moved. Please report this bug.")
        before, after = row_amounts(came), row_amounts(went)
        grown = after["bytes"] - before["bytes"][kept]
        if not rewrites and not expected["text"].equals(went["text"]):
            raise LedgerError(f"{self.header['stage']}: texts changed, but the stage says it rewrites none.")
        self._count(came["source"], before, "in")
        self._count(went["source"], after, "out")
        for source, mine in _groups(went["source"]):
            self.books[source]["rewritten"] += int(grown[mine].sum())
        for fate in removed:
            self._remove(came, before, fate)
        self._describe(went, after["bytes"])

    def _count(self, sources: Any, amounts: dict[str, np.ndarray], side: str) -> None:
        for source, mine in _groups(sources):
            _add_amounts(self.books[source][side], {u: int(each[mine].sum()) for u, each in amounts.items()})

    def _remove(self, came: pa.Table, amounts: dict[str, np.ndarray], removed: Removed) -> None:
        rows = came.select(["id", "source"]).take(pa.array(removed.index))
        count = len(removed.index)
        rule = [removed.rule] * count if isinstance(removed.rule, str) else list(removed.rule)
        sizes = {unit: each[removed.index] for unit, each in amounts.items()}
        for source, mine in _groups(rows["source"]):
            self._add_removed(self.books[source][removed.fate], np.array(rule, object)[mine], sizes, mine)
        columns = {
            "id": rows["id"],
            "source": rows["source"],
            "fate": [removed.fate] * count,
            "rule": rule,
            "rules": removed.rules if removed.rules is not None else [[name] for name in rule],
            "value": _floats(removed.value),
            "bound": _floats(removed.bound),
            "survivor": removed.survivor,
            "similarity": _floats(removed.similarity),
            "error": removed.error,
            "bytes": sizes["bytes"],
            "excerpt": self._excerpts_of(came, removed, rule),
            "payload": _payloads(came, removed),
        }
        arrays = [_column(columns[field.name], field.type, count) for field in SCHEMA]
        self.writer.write(pa.table(arrays, schema=SCHEMA))

    def _add_removed(self, books: dict[str, Amounts], rule: np.ndarray, sizes: dict, mine: Any) -> None:
        names, which = np.unique(rule, return_inverse=True)
        for at, name in enumerate(names.tolist()):
            amounts = {unit: int(each[mine][which == at].sum()) for unit, each in sizes.items()}
            _add_amounts(books.setdefault(name, {}), amounts)

    def _excerpts_of(self, came: pa.Table, removed: Removed, rule: list[str]) -> list[str | None]:
        excerpts: list[str | None] = []
        for at, (index, name) in enumerate(zip(removed.index.tolist(), rule, strict=True)):
            self._excerpts[name] += 1
            shown = None
            if self._excerpts[name] <= EXCERPTS:
                shown = removed.excerpt[at] if removed.excerpt is not None else came["text"][index].as_py() or ""
            excerpts.append(shown[:EXCERPT_CHARS] if shown is not None else None)
        return excerpts

    def _describe(self, went: pa.Table, sizes: np.ndarray) -> None:
        bins, counts = np.unique(np.frexp(sizes)[1], return_counts=True)
        self.lengths.update(dict(zip(bins.tolist(), counts.tolist(), strict=True)))
        if "language" in went.schema.names:
            for entry in pc.value_counts(went["language"]).to_pylist():
                self.languages[entry["values"] or "und"] += entry["counts"]

    def receipt(self) -> dict[str, Any]:
        """The books by source, lengths (bytes of text, as powers of two) and languages of what goes on."""
        for source, books in self.books.items():
            check(books, f"{self.header['stage']}, shard {self.header['shard']}, source {source}")
        return {
            **self.header,
            "books": {source: self.books[source] for source in sorted(self.books)},
            "lengths": {str(bin): self.lengths[bin] for bin in sorted(self.lengths)},
            "languages": {name: self.languages[name] for name in sorted(self.languages)},
        }

    def commit(self) -> dict[str, Any]:
        """Write the ledger file and return its receipt."""
        receipt = self.receipt()
        self.writer.commit(receipt)
        return receipt


def _groups(source: Any) -> list[tuple[str, Any]]:
    """(source, selector) of the rows of each source; one slice when all rows share theirs."""
    names = pc.unique(source).to_pylist()
    if len(names) == 1:
        return [(names[0], slice(None))]
    return [(name, pc.equal(source, name).to_numpy(zero_copy_only=False)) for name in names]


def _floats(values: Any) -> Any:
    return None if values is None else pa.array(np.asarray(values, np.float64), from_pandas=True)


def _payloads(came: pa.Table, removed: Removed) -> Any:
    if removed.fate != "quarantined":
        return None
    heads = []
    for index in removed.index.tolist():
        value = came["text"][index].as_py()
        if value is None and "html" in came.schema.names:
            value = came["html"][index].as_py()
        data = value.encode("utf-8", "replace") if isinstance(value, str) else value or b""
        heads.append(data[:PAYLOAD_BYTES])
    return heads


def _column(values: Any, kind: pa.DataType, count: int) -> Any:
    if values is None:
        return pa.nulls(count, kind)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(kind)
    return pa.array(values, kind)
