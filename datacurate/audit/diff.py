"""Two runs side by side: totals, options, and the documents whose fate is another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.audit.markup import seen, share
from datacurate.audit.run_folder import Finished, FinishedStage, open_run

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLES = 5
"""Documents that are named per kind of change."""
KEPT, ABSENT = "kept", "not in this run"


@dataclass(frozen=True)
class StageTotals:
    """What a stage handed on in both runs; None where a run has no such stage."""

    stage: str
    documents: tuple[int | None, int | None]
    bytes: tuple[int | None, int | None]


@dataclass(frozen=True)
class Field:
    """An option that differs; None where it has its default. Of a stage that one run lacks, `name` is `stage`."""

    stage: str
    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Flip:
    """Documents that had one fate in A and have another in B."""

    a: str
    b: str
    documents: int
    samples: list[dict[str, str]]


@dataclass(frozen=True)
class Difference:
    """What differs between two runs."""

    a: str
    b: str
    sources: list[str]
    """How the input differs, one line each; empty when it is the same."""
    stages: list[StageTotals]
    fields: list[Field]
    flips: list[Flip]
    """The largest first."""

    @property
    def changed(self) -> int:
        """Documents whose fate differs."""
        return sum(flip.documents for flip in self.flips)

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "changed": self.changed}

    def as_text(self) -> str:
        """Plain text for people."""
        return render(self)


def diff(a: str | Path, b: str | Path) -> Difference:
    """Compare two finished runs by their manifests and ledgers.

    A document is known by its source and id. It was kept when no ledger names it; only when the inputs differ
    are the ids of the last documents read too, to tell what was kept from what was never there.
    """
    first, second = open_run(a), open_run(b)
    sources = _sources(first, second)
    flips = _flips(first, second, whole=bool(sources))
    return Difference(str(a), str(b), sources, _totals(first, second), _fields(first, second), flips)


def _pairs(a: Finished, b: Finished) -> Iterator[tuple[FinishedStage | None, FinishedStage | None]]:
    """Stages of equal label, in the order of A, and those that only B has after the one they follow."""
    left, right = ({stage.label: stage for stage in run.stages} for run in (a, b))
    order = list(left)
    for before, label in zip_longest([None, *right], right):
        if label is not None and label not in left:
            order.insert(order.index(before) + 1 if before in order else 0, label)
    for label in order:
        yield left.get(label), right.get(label)


def _totals(a: Finished, b: Finished) -> list[StageTotals]:
    made = []
    for pair in _pairs(a, b):
        if any(stage is not None and stage.books for stage in pair):
            documents, sizes = (tuple(_out(stage, unit) for stage in pair) for unit in ("documents", "bytes"))
            made.append(StageTotals(_label(pair), documents, sizes))  # type: ignore[arg-type]
    return made


def _label(pair: tuple[FinishedStage | None, FinishedStage | None]) -> str:
    return next(stage.label for stage in pair if stage is not None)


def _out(stage: FinishedStage | None, unit: str) -> int | None:
    return stage.books["out"][unit] if stage is not None and stage.books else None


def _fields(a: Finished, b: Finished) -> list[Field]:
    made = []
    for pair in _pairs(a, b):
        a_stage, b_stage = pair
        if a_stage is None or b_stage is None:
            made.append(Field(_label(pair), "stage", *("absent" if stage is None else "present" for stage in pair)))
            continue
        left, right = ({**s.manifest["fields"], "version": s.manifest["version"]} for s in (a_stage, b_stage))
        names = sorted(set(left) | set(right))
        made += [Field(a_stage.label, n, left.get(n), right.get(n)) for n in names if left.get(n) != right.get(n)]
    return made


def _sources(a: Finished, b: Finished) -> list[str]:
    """How what was read differs: files, options, or (where no file is known) amounts."""
    left, right = (run.plan["stages"][0].get("sources", {}) if run.plan["stages"] else {} for run in (a, b))
    lines = []
    for name in sorted(set(left) | set(right)):
        files = [set(side.get(name, {"files": []})["files"]) for side in (left, right)]
        if files[0] != files[1]:
            lines.append(
                f"{name}: files only in A {len(files[0] - files[1]):,}, only in B {len(files[1] - files[0]):,}"
            )
        elif left[name]["key"] != right[name]["key"]:
            lines.append(f"{name}: read with other options")
    lines = lines or _amounts(a, b)
    blind = [side for side, run in (("A", a), ("B", b)) if run.documents is None]
    return lines + [f"{side} stores no documents: those that no ledger names count as kept" for side in blind if lines]


def _amounts(a: Finished, b: Finished) -> list[str]:
    left, right = (run.booked[0].manifest["sources"] if run.booked else {} for run in (a, b))
    lines = []
    for name in sorted(set(left) | set(right)):
        came = [side[name]["in"] if name in side else {"documents": 0, "bytes": 0} for side in (left, right)]
        if came[0] != came[1]:
            lines.append(f"{name}: {came[0]['documents']:,} documents in A, {came[1]['documents']:,} in B")
    return lines


def _flips(a: Finished, b: Finished, whole: bool) -> list[Flip]:
    """Documents with another fate, counted by kind and sampled in the order of source and id."""
    import pyarrow.compute as pc

    both = _fates(a, whole).join(_fates(b, whole), ["source", "id"], join_type="full outer", right_suffix="_b")
    unnamed = [ABSENT if whole and run.documents is not None else KEPT for run in (a, b)]
    both = both.set_column(2, "a", pc.fill_null(both["fate"], unnamed[0]))
    both = both.set_column(3, "b", pc.fill_null(both["fate_b"], unnamed[1]))
    changed = both.filter(pc.not_equal(both["a"], both["b"])).select(["source", "id", "a", "b"])
    kinds = changed.group_by(["a", "b"]).aggregate([([], "count_all")]).to_pylist()
    kinds.sort(key=lambda kind: (-kind["count_all"], kind["a"], kind["b"]))
    return [Flip(k["a"], k["b"], k["count_all"], _samples(changed, k["a"], k["b"])) for k in kinds]


def _samples(changed: pa.Table, a: str, b: str) -> list[dict[str, str]]:
    import pyarrow.compute as pc

    mine = changed.filter(pc.and_(pc.equal(changed["a"], a), pc.equal(changed["b"], b))).select(["source", "id"])
    first = pc.select_k_unstable(mine, SAMPLES, [("source", "ascending"), ("id", "ascending")])
    return mine.take(first).to_pylist()


def _fates(run: Finished, whole: bool) -> pa.Table:
    """Source, id and fate of every document that was removed, and (`whole`) of those that were kept.

    Documents that share source and id have one row, with all their fates.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = [_removed(stage, path) for stage in run.booked for path in stage.ledgers.values()]
    if whole and run.documents is not None:
        tables += [_kept(path) for path in run.documents.shards.values()]
    empty = pa.table({name: pa.array([], pa.string()) for name in ("source", "id", "fate")})
    every = pa.concat_tables([empty, *tables]).sort_by("fate")
    grouped = every.group_by(["source", "id"], use_threads=False).aggregate([("fate", "list")])
    joined = pc.binary_join(grouped["fate_list"], " and ")
    return grouped.select(["source", "id"]).append_column("fate", joined)


def _removed(stage: FinishedStage, path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = pq.read_table(path, columns=["source", "id", "fate", "rule"])
    words = [pc.cast(rows["fate"], pa.string()), " by ", stage.label, ".", pc.cast(rows["rule"], pa.string())]
    return _plain(rows, pc.binary_join_element_wise(*words, ""))


def _kept(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(path, columns=["source", "id"])
    return _plain(rows, pa.array([KEPT] * rows.num_rows, pa.string()))


def _plain(rows: pa.Table, fate: Any) -> pa.Table:
    import pyarrow as pa

    return pa.table({"source": rows["source"].cast(pa.string()), "id": rows["id"].cast(pa.string()), "fate": fate})


def render(difference: Difference) -> str:
    """The difference as plain text."""
    lines = [f"A: {difference.a}", f"B: {difference.b}", ""]
    lines += ["The inputs differ:", *[f"  {line}" for line in difference.sources], ""] if difference.sources else []
    lines += [*_totals_text(difference.stages), ""]
    if difference.fields:
        lines += ["Options that differ:", *[f"  {_field_text(field)}" for field in difference.fields], ""]
    lines += _flips_text(difference)
    return "\n".join(seen(line) for line in lines)


def _totals_text(stages: list[StageTotals]) -> list[str]:
    rows = [("handed on by", "documents A", "B", "change", "bytes A", "B", "change")]
    rows += [(s.stage, *_change(s.documents), *_change(s.bytes)) for s in stages]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([r[0].ljust(widths[0]), *map(str.rjust, r[1:], widths[1:])]) for r in rows]


def _change(pair: tuple[int | None, int | None]) -> tuple[str, str, str]:
    a, b = pair
    shown = [f"{value:,}" if value is not None else "—" for value in pair]
    if a is None or b is None or a == b:
        return shown[0], shown[1], "" if a is None or b is None else "0"
    return shown[0], shown[1], f"{b - a:+,} ({'+' if b > a else '-'}{share(abs(b - a), a)})" if a else f"{b:+,}"


def _field_text(field: Field) -> str:
    a, b = ("default" if value is None else str(value)[:200] for value in (field.a, field.b))
    return f"{field.stage}.{field.name}: {a} → {b}"


def _flips_text(difference: Difference) -> list[str]:
    if not difference.flips:
        return ["Every document has the same fate in both."]
    plural = "" if difference.changed == 1 else "s"
    lines = [f"{difference.changed:,} document{plural} changed fate:"]
    for flip in difference.flips:
        lines.append(f"  {flip.documents:,}: {flip.a} → {flip.b}")
        lines += [f"    {sample['id'][:200]} (source {sample['source']})" for sample in flip.samples]
        more = flip.documents - len(flip.samples)
        lines += [f"    and {more:,} more"] if more else []
    return lines
