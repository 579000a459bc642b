"""Items of benchmarks as a table, and the texts of them that are looked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.core.errors import InputError
from datacurate.stages._decontam_files import KNOWN, USUAL, Benchmark, files_of, has, rows_of, texts_of, value_of
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

LOOKED = 100
"""Rows in which fields are looked for: not every row need have all."""
SENTENCE = re.compile(r"(?<=[.!?。！？])\s*(?=\S)|\n+")
"""Where a sentence ends."""


@dataclass
class Item:
    """One item; rows of a benchmark with the same question are one (MMLU is spread with a row for every choice)."""

    benchmark: str
    number: int
    id: str
    question: str
    answers: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)


def items(benchmarks: dict[str, Benchmark], folder: str | None) -> pa.Table:
    """All items, by benchmark and number: the row that has the question first, counted from 0 over a benchmark's files.

    InputError when a file cannot be read, or has no field with questions.
    """
    return as_table([item for name in sorted(benchmarks) for item in _items(name, benchmarks[name], folder)])


def as_table(found: list[Item]) -> pa.Table:
    """Items as a table."""
    return _rows.table(
        benchmark=([item.benchmark for item in found], "string"),
        item=([item.number for item in found], "int32"),
        name=([item.id for item in found], "string"),
        question=([item.question for item in found], "large_string"),
        answers=([json.dumps(item.answers) for item in found], "large_string"),
        choices=([json.dumps(item.choices) for item in found], "large_string"),
    )


def rows(items: pa.Table) -> list[dict[str, Any]]:
    """The items of a table, with their lists."""
    lists = ("answers", "choices")
    return [{**row, **{name: json.loads(row[name]) for name in lists}} for row in items.to_pylist()]


def _items(name: str, benchmark: Benchmark, folder: str | None) -> list[Item]:
    found: dict[str, Item] = {}
    number = 0
    for path in files_of(name, benchmark, folder):
        fields: dict[str, list[str]] | None = None
        waiting: list[dict[str, Any]] = []
        for row in _with_none_behind(rows_of(path)):
            if row is not None:
                waiting.append(row)
            if fields is None and (row is None or len(waiting) == LOOKED):
                fields = _fields(name, benchmark, path, waiting)
            if fields is not None:
                for one in waiting:
                    _enter(found, name, number, one, fields)
                    number += 1
                waiting = []
    return list(found.values())


def _with_none_behind(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any] | None]:
    yield from rows
    yield None


def _fields(name: str, benchmark: Benchmark, path: Path, rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The fields of a file by what they hold: those that are given must be there, others may be."""
    there = sorted({column for row in rows for column in row})
    if benchmark.fields:
        for role, names in benchmark.fields.items():
            for one in names:
                if rows and not any(has(row, one) for row in rows):
                    raise InputError(f"{path}: no field '{one}' ({name}: fields: {role}). Its fields: {_said(there)}.")
        if "question" not in benchmark.fields:
            raise InputError(
                f"{path}: {name}: fields: name the one that holds the question. Its fields: {_said(there)}."
            )
        return benchmark.fields
    wanted = KNOWN[name][1] if name in KNOWN else USUAL
    found = {role: [next(o for o in names if _any(rows, o))] for role, names in wanted.items() if _any(rows, *names)}
    if rows and "question" not in found:
        looked = ", ".join(wanted["question"])
        raise InputError(
            f"{path}: none of the fields that hold questions in files of {name} ({looked}). Its fields: "
            f"{_said(there)}. Say which: {name}: {{path: FILE, fields: {{question: FIELD}}}}."
        )
    return found


def _any(rows: list[dict[str, Any]], *names: str) -> bool:
    return any(has(row, name) for row in rows for name in names)


def _said(columns: list[str]) -> str:
    return ", ".join(columns) or "none"


def _enter(found: dict[str, Item], name: str, number: int, row: dict[str, Any], fields: dict[str, list[str]]) -> None:
    texts = {
        role: [t for n in names if has(row, n) for t in texts_of(value_of(row, n))] for role, names in fields.items()
    }
    question = "\n".join(texts.get("question", []))
    id = (texts.get("id") or [""])[0]
    item = found.setdefault(question, Item(name, number, id, question))
    item.answers += [one for one in texts.get("answer", []) if one not in item.answers]
    item.choices += [one for one in texts.get("choices", []) if one not in item.choices]


def whole(row: dict[str, Any]) -> str:
    """An item as a test would show it: question, choices, answers that are none of these."""
    more = [answer for answer in row["answers"] if answer not in row["choices"]]
    return "\n".join([row["question"], *row["choices"], *more])


def last_sentence(question: str) -> str:
    """The last sentence of a question."""
    return ([part for part in SENTENCE.split(question) if part and part.strip()] or [""])[-1].strip()
