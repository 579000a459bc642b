"""Benchmark files: which they are, what their fields mean, and the items in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from datacurate.core.errors import InputError, RecipeError, did_you_mean

ENDINGS = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".parquet")
PACKED = ("", ".gz", ".zst")
"""Endings that may stand behind those; Parquet is packed inside."""

Fields = dict[str, list[str]]
QUESTIONS = ["question", "query", "prompt", "problem", "goal", "context", "ctx", "premise", "sentence", "text"]
ANSWERS = ["answer", "answers", "solution", "canonical_solution", "continuation", "target", "output"]
CHOICES = ["choices", "options", "endings"]
USUAL: Fields = {"question": QUESTIONS, "answer": ANSWERS, "choices": CHOICES}
"""Fields of benchmarks that nobody knows, by what they mean; the first that is there counts."""


def _known(
    patterns: str,
    question: str = "",
    answer: str = "",
    choices: str = "",
    id: str = "",
    label: str = "",
    turns: str = "",
) -> tuple[list[str], Fields]:
    wanted = {"question": question, "answer": answer, "choices": choices, "id": id, "label": label, "turns": turns}
    return patterns.split(), {name: words.split() for name, words in wanted.items() if words}


INSIDE = "choices.text choices question.choices.text"
"""Choices as ARC and its like have them, or spread flat."""
RIGHT = "gold label answerKey"
"""Fields that say which choice is right: its number from 0, or its letter."""
FROM_ONE = ("siqa", "winogrande")
"""Benchmarks whose own files count choices from 1, as texts ("1"). Numbers that are none count from 0."""
ROLES = ("question", "answer", "choices", "label", "turns", "id")
"""What fields may hold."""

KNOWN = {
    "agieval": _known("agi*eval*", "question query", "answer label", "choices options", "", "label gold answer"),
    "arc_challenge": _known("arc*chal* arc_c* arc-c*", "question query question.stem", "", INSIDE, "", RIGHT),
    "arc_easy": _known("arc*easy* arc_e* arc-e*", "question query question.stem", "", INSIDE, "", RIGHT),
    "bbh": _known("bbh* big*bench*hard*", "input question query", "target answer"),
    "boolq": _known("boolq*", "question query", "", "choices", "", RIGHT),
    "commonsense_qa": _known("commonsense*qa* csqa*", "question.stem question query", "", INSIDE, "", RIGHT),
    "copa": _known("copa*", "premise query", "", "choices choice1+choice2", "", RIGHT),
    "gpqa": _known("gpqa*", "Question question", "Correct+Answer correct_answer answer"),
    "gsm8k": _known("gsm8k* gsm_8k*", "question", "answer"),
    "hellaswag": _known("hellaswag*", "ctx query", "", "endings choices", "ind", RIGHT),
    "humaneval": _known("humaneval* human*eval*", "prompt", "canonical_solution", "", "task_id"),
    "ifeval": _known("ifeval*", "prompt", "", "", "key"),
    "lambada": _known("lambada*", "context text", "continuation"),
    "math": _known("math*", "problem question", "solution answer"),
    "mbpp": _known("mbpp*", "text prompt", "code", "", "task_id"),
    "mmlu": _known("mmlu*", "question", "answer", "choices", "", "answer"),
    "mt_bench": _known("mt*bench*", id="question_id", turns="turns"),
    "openbookqa": _known("openbook*", "question_stem question.stem query", "", INSIDE, "", RIGHT),
    "piqa": _known("piqa*", "goal query", "", "choices sol1+sol2", "", RIGHT),
    "siqa": _known("siqa* social*iqa*", "question query", "", "choices answerA+answerB+answerC", "", RIGHT),
    "squad": _known("squad*", "question", "answers.text", "", "id"),
    "triviaqa": _known("trivia*qa*", "question context", "answer.value answer"),
    "truthfulqa": _known("truthful*qa*", "question Question", "best_answer Best+Answer"),
    "winograd_wsc": _known("winograd* wsc*", "text context_options", "continuation"),
    "winogrande": _known("winogrande*", "sentence context_options", "continuation", "option1+option2", "", "answer"),
}  # fmt: skip
"""Benchmarks by name: what their files are called, whatever the case, and the fields of the forms they are spread in.
`a+b` means both fields, together."""


class Benchmark(BaseModel):
    """A benchmark: a file (or pattern of files), and which fields hold what."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    path: str | None = None
    """A file, or a pattern such as `mmlu/*.parquet`. `null`: found in `folder` by the benchmark's name."""
    fields: dict[str, list[str]] = Field(default_factory=dict)
    """Names of fields by what they hold: `question`, `answer`, `choices`, `label` (which choice is right: its number
    from 0, or its letter), `turns` (each of its texts is an item) and `id`. A name may lead into an object, as in
    `question.stem`. None given: those that the benchmark's name stands for, or usual ones."""

    @model_validator(mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        """Words that mean nothing here are told with those that do."""
        for word in given if isinstance(given, dict) else ():
            if word not in ("path", "fields"):
                raise ValueError(f"'{word}' says nothing of a benchmark. {did_you_mean(str(word), ['path', 'fields'])}")
        return given

    @field_validator("fields", mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        """One name may stand alone."""
        if not isinstance(given, dict):
            return given
        for role in given:
            if role not in ROLES:
                known = did_you_mean(str(role), ROLES)
                raise ValueError(f"'{role}' is not what a field may hold. {known}")
        return {role: [names] if isinstance(names, str) else names for role, names in given.items()}


def as_benchmarks(given: Any) -> Any:
    """A list of names, or paths or descriptions by name, as descriptions by name."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list | tuple):
        given = {name: {} for name in given}
    if not isinstance(given, dict):
        return given
    return {str(name): {"path": one} if isinstance(one, str) else (one or {}) for name, one in given.items()}


def files_of(name: str, benchmark: Benchmark, folder: str | None) -> list[Path]:
    """The files of a benchmark, in order. RecipeError or InputError when there are none."""
    if benchmark.path is not None:
        path = Path(benchmark.path)
        found = [path] if path.is_file() else _matching(path)
        if not found:
            raise InputError(f"decontaminate: {name}: {path}: no such file. Name a benchmark's file in `path`.")
        return found
    if folder is None:
        raise RecipeError(
            f"decontaminate: {name}: no `path` is given, and no `folder` to look for it in. Name the benchmark's file "
            f"({name}: path/to/file.jsonl) or the folder that holds it."
        )
    patterns = KNOWN[name][0] if name in KNOWN else [f"{name}*"]
    there = sorted(path for path in Path(folder).glob("*") if path.is_file() and _stem(path)) if folder else []
    found = [path for path in there if any(fnmatch(path.name.lower(), pattern) for pattern in patterns)]
    if not found:
        hint = "" if name in KNOWN else did_you_mean(name, KNOWN)
        what = f"no file like {' or '.join(patterns)} ({', '.join(ENDINGS)}, also .gz or .zst) in {folder}"
        raise InputError(
            f"decontaminate: {name}: {what}. {hint} Put it there, or name it in `path`.".replace("  ", " ")
        )
    return found


def _matching(path: Path) -> list[Path]:
    parent, pattern = path.parent, path.name
    if path.is_dir():
        parent, pattern = path, "*"
    return sorted(one for one in parent.glob(pattern) if one.is_file() and _stem(one)) if parent.is_dir() else []


def _stem(path: Path) -> str | None:
    """The ending that says how a file is written; None for one that holds no benchmark."""
    name = path.name.lower()
    return next((end for end in ENDINGS for packed in PACKED if name.endswith(end + packed)), None)


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, whatever it is written in."""
    kind = _stem(path)
    if kind is None:
        raise InputError(
            f"{path}: not a benchmark file. It must end in {', '.join(ENDINGS)}, or in .gz or .zst behind."
        )
    try:
        if kind == ".parquet":
            yield from _parquet(path)
        elif kind in (".csv", ".tsv"):
            yield from _cells(path, "\t" if kind == ".tsv" else ",")
        else:
            yield from _json(path)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}. Restore the file, or name another.") from error


def _cells(path: Path, delimiter: str) -> Iterator[dict[str, Any]]:
    """The rows of a table of text."""
    with _opened(path) as file:
        reader = csv.DictReader(file, delimiter=delimiter)
        for row in reader:
            if None in row:
                extra = len(row[None]) + len(row) - 1  # type: ignore[call-overload]
                raise InputError(
                    f"{path}, line {reader.line_num}: {extra} cells, but the header has {len(row) - 1}. Put cells that "
                    f"hold a '{delimiter}' in double quotes."
                )
            yield row


def _opened(path: Path) -> io.TextIOBase:
    """A file as text, without a byte order mark."""
    csv.field_size_limit(1 << 30)
    if path.name.lower().endswith(".zst"):
        import pyarrow as pa

        return io.TextIOWrapper(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"), "utf-8-sig", newline="")
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")  # type: ignore[return-value]


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: cannot be read: {error}. Restore the file, or name another.") from error


def _json(path: Path) -> Iterator[dict[str, Any]]:
    """Lines of JSON, or one list."""
    with _opened(path) as file:
        first = file.read(1)
        while first and first.isspace():
            first = file.read(1)
        if first == "[":
            rows: Iterator[tuple[int, Any]] = enumerate(_decoded(path, 1, first + file.read()), 1)
        else:
            lines = ((n, line) for n, line in enumerate(file, 1) if line.strip() or n == 1)
            rows = ((n, _decoded(path, n, first + line if n == 1 else line)) for n, line in lines if first)
        for number, row in rows:
            if not isinstance(row, dict):
                raise InputError(f"{path}, row {number}: not an object with fields. Write one JSON object per line.")
            yield row


def _decoded(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        whole = " A file holds one object per line, or one list of objects." if number == 1 else ""
        raise InputError(f"{path}, line {number}: not JSON: {error}. Mend the line or take it out.{whole}") from None


def value_of(row: dict[str, Any], field: str) -> Any:
    """What a field holds; `a.b` leads into objects and lists of them, `a+b` is both. KeyError when it is not there."""
    if field in row:
        return row[field]
    if "+" in field and " ".join(field.split("+")) in row:
        return row[" ".join(field.split("+"))]
    if "+" in field:
        return [value_of(row, one) for one in field.split("+")]
    head, _, rest = field.partition(".")
    value = row[head]
    if not rest:
        return value
    if isinstance(value, list):
        return [value_of(one, rest) for one in value]
    if isinstance(value, dict):
        return value_of(value, rest)
    raise KeyError(field)


def has(row: dict[str, Any], field: str) -> bool:
    """Whether a row has a field."""
    try:
        value_of(row, field)
    except (KeyError, TypeError):
        return False
    return True


def texts_of(value: Any) -> list[str]:
    """What a field holds, as texts: of lists and objects all texts and numbers in them."""
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, list | tuple):
        return [text for one in value for text in texts_of(one)]
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts_of(one)]
    if isinstance(value, bytes):
        return [value.decode("utf-8", "replace")]
    return [str(value).encode("utf-8", "replace").decode("utf-8")]  # halves of surrogate pairs are no text
