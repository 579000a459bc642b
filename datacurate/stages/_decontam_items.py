"""Items of benchmarks as a table, and the texts of them that are looked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.core.errors import InputError
from datacurate.stages._decontam_files import (
    FROM_ONE,
    KNOWN,
    USUAL,
    Benchmark,
    files_of,
    has,
    rows_of,
    texts_of,
    value_of,
)
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

LOOKED = 100
"""Rows in which fields are looked for: not every row need have all."""
SENTENCE = re.compile(r"(?<=[.!?。！？])\s*(?=\S)|\n+")
"""Where a sentence ends."""

LABEL = re.compile(r"\s*\w[\w ]{0,20}:\s")
"""What a template puts before a question: "Question: "."""
LABELLED = 10
"""Fewest questions of which a label in front of all is taken for the template's, not for a word of theirs."""


@dataclass
class Item:
    """One item; rows of a benchmark with the same question are one (MMLU is spread with a row for every choice)."""

    benchmark: str
    number: int
    id: str
    question: str
    answers: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    without_text: int = 0
    """Rows of the benchmark that hold no question; the same for all its items."""


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
        without_text=([item.without_text for item in found], "int32"),
    )


def rows(items: pa.Table) -> list[dict[str, Any]]:
    """The items of a table, with their lists."""
    lists = ("answers", "choices")
    return [{**row, **{name: json.loads(row[name]) for name in lists}} for row in items.to_pylist()]


def _items(name: str, benchmark: Benchmark, folder: str | None) -> list[Item]:
    found: dict[str, Item] = {}
    number = blank = 0
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
                    said = list(_enter(found, name, number, one, fields))
                    blank += not any(map(str.strip, said))
                    number += len(said)
                waiting = []
    if not found:
        raise InputError(
            f"decontaminate: {name}: none of {number:,} rows holds a question. Name its field in `fields`."
        )
    return [replace(item, without_text=blank) for item in found.values()]


def _with_none_behind(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any] | None]:
    yield from rows
    yield None


def _fields(name: str, benchmark: Benchmark, path: Path, rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The fields of a file by what they hold: those that are given must be there, others may be."""
    there = sorted({column for row in rows for column in row})
    if not rows:
        raise InputError(f"{path}: {name}: the file holds no rows. Restore the file, or take the benchmark out.")
    if benchmark.fields:
        for role, names in benchmark.fields.items():
            for one in names:
                if not any(has(row, one) for row in rows):
                    raise InputError(f"{path}: no field '{one}' ({name}: fields: {role}). Its fields: {_said(there)}.")
        if not {"question", "turns"} & set(benchmark.fields):
            raise InputError(
                f"{path}: {name}: fields: name the one that holds the question. Its fields: {_said(there)}."
            )
        return benchmark.fields
    wanted = KNOWN[name][1] if name in KNOWN else USUAL
    found = {role: [next(o for o in names if _any(rows, o))] for role, names in wanted.items() if _any(rows, *names)}
    if not {"question", "turns"} & set(found):
        looked = ", ".join(wanted.get("question", []) + wanted.get("turns", []))
        raise InputError(
            f"{path}: none of the fields that hold questions in files of {name} ({looked}). Its fields: "
            f"{_said(there)}. {_hint(rows)}Say which: {name}: {{path: FILE, fields: {{question: FIELD}}}}."
        )
    return found


def _hint(rows: list[dict[str, Any]]) -> str:
    """What files that are written otherwise than they should be look like."""
    row = rows[0]
    if len(row) == 1 and any(mark in next(iter(row)) for mark in ";\t|"):
        return "It looks like a table with other signs than commas between its cells: write commas. "
    for key, value in row.items() if len(rows) == 1 else ():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"The rows seem to be in '{key}': write them as one list, or one object per line. "
    return ""


def _any(rows: list[dict[str, Any]], *names: str) -> bool:
    return any(has(row, name) for row in rows for name in names)


def _said(columns: list[str]) -> str:
    return ", ".join(columns) or "none"


def _enter(
    found: dict[str, Item], name: str, number: int, row: dict[str, Any], fields: dict[str, list[str]]
) -> Iterator[str]:
    """Enter the items of a row, numbered from `number` on; their questions, empty where the row has none."""
    texts = {
        role: [t for n in names if has(row, n) for t in texts_of(value_of(row, n))] for role, names in fields.items()
    }
    id = (texts.get("id") or [""])[0]
    turns = texts.get("turns", [])
    right, said = _right(name, row, fields, texts)
    answers = right + [one for one in texts.get("answer", []) if one != said]
    for at, question in enumerate(turns or ["\n".join(texts.get("question", []))]):
        yield question
        if not question.strip():
            continue
        turn = f"{id} turn {at + 1}".strip() if turns else id
        item = found.setdefault(question, Item(name, number + at, turn, question))
        item.answers += [one for one in answers if one not in item.answers]
        item.choices += [one for one in texts.get("choices", []) if one not in item.choices]


def _right(
    name: str, row: dict[str, Any], fields: dict[str, list[str]], texts: dict[str, list[str]]
) -> tuple[list[str], str | None]:
    """The choice that a row's label says is right, and the label; nothing where it names none."""
    field = next((one for one in fields.get("label", []) if has(row, one)), None)
    label = None if field is None else value_of(row, field)
    if label is None or isinstance(label, bool | dict | list) or not texts.get("choices"):
        return [], None
    choices, said = texts["choices"], str(label).strip()
    named = [one.removesuffix("text") + "label" for one in fields["choices"] if one.endswith(".text")]
    names = [str(t) for one in named if has(row, one) for t in texts_of(value_of(row, one))]
    if said in names:
        at = names.index(said)
    elif said.isascii() and said.isdigit():
        at = int(said) - (name in FROM_ONE and isinstance(label, str))
    else:
        at = ord(said.upper()) - ord("A") if len(said) == 1 else -1
    return ([choices[at]], said) if 0 <= at < len(choices) else ([], None)


def whole(row: dict[str, Any]) -> str:
    """An item as a test would show it: question, choices, answers that are none of these."""
    more = [answer for answer in row["answers"] if answer not in row["choices"]]
    return "\n".join([row["question"], *row["choices"], *more])


def unlabelled(rows: list[dict[str, Any]]) -> list[str]:
    """The questions without the label that all of their benchmark begin with: who repeats an item leaves it out."""
    by_name: dict[str, list[str]] = {}
    for row in rows:
        by_name.setdefault(row["benchmark"], []).append(row["question"])
    cuts = {name: _label(questions) for name, questions in by_name.items()}
    return [row["question"][cuts[row["benchmark"]] :] for row in rows]


def _label(questions: list[str]) -> int:
    """Characters of a label that stands before all questions, 0 if there is none."""
    found = LABEL.match(questions[0])
    if found is None or len(questions) < LABELLED:
        return 0
    return found.end() if all(question.startswith(found.group()) for question in questions) else 0


def last_sentence(question: str) -> str:
    """The last sentence of a question."""
    return ([part for part in SENTENCE.split(question) if part and part.strip()] or [""])[-1].strip()
