"""Plans, runs, datasets and stages, as text for people and as JSON for machines."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from datacurate.core import ledger
from datacurate.core.dataset import Dataset
from datacurate.core.errors import RecipeError, did_you_mean, plural
from datacurate.core.explain import explain_changes
from datacurate.core.index import Index
from datacurate.core.plan import Plan
from datacurate.core.registry import ENDINGS, stage_class, stage_modules
from datacurate.core.run import Run
from datacurate.core.task import EachTask, Task
from datacurate.describe_mixture import mixture_as_json, mixture_as_text

UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: int | float) -> str:
    """Bytes with a unit: 1.4 MB."""
    value = float(count)
    for unit in UNITS:
        if abs(value) < 1000 or unit == UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def table(rows: list[list[str]], left: int = 1) -> str:
    """Rows as aligned columns, the first `left` ones to the left."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) if at < left else c.rjust(w) for at, (c, w) in enumerate(zip(row, widths, strict=True)))
        .rstrip()
        for row in rows
    )  # fmt: skip


def index_as_json(index: Index) -> dict[str, Any]:
    """What an index was made with, its datasets, and its size."""
    datasets = [{"name": one["name"], "documents": one["documents"]} for one in index.manifest["datasets"]]
    documents, size = sum(one["documents"] for one in datasets), sum(p["bytes"] for p in index.manifest["parts"])
    each = round(size / documents, 1) if documents else None
    rules = index.manifest["rules"]
    head = {"index": str(index.folder), "stage": rules["stage"], "options": rules["options"], "datasets": datasets}
    return {**head, "documents": documents, "bytes": size, "bytes_per_document": each}


def index_as_text(index: Index) -> str:
    """The same for people."""
    made = index_as_json(index)
    options = ", ".join(f"{name} {json.dumps(value)}" for name, value in made["options"].items())
    rows = [["dataset", "documents"], *([one["name"], f"{one['documents']:,}"] for one in made["datasets"])]
    each = f", {made['bytes_per_document']:,} bytes a document" if made["documents"] else ""
    total = f"{made['documents']:,} documents, {size(made['bytes'])}{each}"
    return f"{made['index']}: an index for {made['stage']} ({options})\n{table(rows)}\n{total}"


def plan_as_json(plan: Plan, past: dict[str, Any] | None) -> dict[str, Any]:
    """Stages with keys, barriers with task counts, and why something runs again."""
    barriers = [
        {"label": b.label, "tasks": len(b.tasks), "missing": len(missing), "from": _begins(missing)}
        for b in plan.barriers
        for missing in [[task for task in b.tasks if not task.done()]]
    ]
    stages = [{"number": s.number, **s.identity()} for s in plan.stages]
    made = {"recipe": plan.recipe.name, "stages": stages, "barriers": barriers, "why": explain_changes(plan, past)}
    return made | ({"mixture": mixture_as_json(plan)} if plan.recipe.mixture is not None else {})


def _begins(missing: list[Task]) -> str:
    """Where the fused tasks that are to do begin, when that is not at their beginning."""
    stored, signals = set(), set()
    for task in missing:
        if isinstance(task, EachTask):
            at, head = task.start()
            if isinstance(head, str) and head != task.head:
                stored.add(Path(head).parent.name.rpartition("-")[0])
            measures = [step for step in task.steps[at:] if step.role == "measure"]
            signals |= {step.stage.name() for step in measures if Path(step.out).exists()}
    lines = [f"from stored {', '.join(sorted(stored))}"] if stored else []
    return "; ".join(lines + ([f"stored signals of {', '.join(sorted(signals))}"] if signals else []))


def plan_as_text(plan: Plan, past: dict[str, Any] | None) -> str:
    """The same for people."""
    from datacurate.sources._listing import left_out

    value = plan_as_json(plan, past)
    rows = [["stage", "key", "options that differ from the defaults"]]
    for s in value["stages"]:
        options = ", ".join(f"{k}={v}" for k, v in s["fields"].items() if k != "files")
        rows.append([f"{s['number']:02d}-{s['name']}", s["key"], options])
    lines = [table(rows, left=3), ""]
    rows = [["barrier", "tasks", "to do", ""]]
    rows += [[b["label"], str(b["tasks"]), str(b["missing"]), b["from"]] for b in value["barriers"]]
    lines.append(table(rows))
    found = {name: one["left_out"] for s in plan.stages for name, one in s.sources.items() if "left_out" in one}
    lines += ["", *left_out(found)] if found else []
    lines += ["", *mixture_as_text(value["mixture"])] if "mixture" in value else []
    if value["why"]:
        lines += ["", "Since the last run:", *(f"  {line}" for line in value["why"])]
    return "\n".join(lines)


def run_as_json(run: Run) -> dict[str, Any]:
    """Where the run is, how many tasks were done now, and the manifest of every stage."""
    return {"run": str(run.folder), "tasks": run.tasks, "stages": run.manifests, "notes": _notes(run)}


def run_as_text(run: Run) -> str:
    """The funnel: what every stage got, handed on and removed, and the reasons."""
    rows = [["stage", "in", "out", "dropped", "merged", "quarantined", "out"]]
    for m in run.manifests:
        if "ledger" not in m:
            continue
        books = m["ledger"]
        fates = [f"{ledger.total(books, fate):,}" for fate in ledger.FATES]
        rows.append([m["folder"], f"{books['in']['documents']:,}", f"{books['out']['documents']:,}", *fates,
                     size(books["out"]["bytes"])])  # fmt: skip
    lines = [table(rows)] if len(rows) > 1 else []
    lines += [_receipt_line(run, m) for m in run.manifests if "receipt" in m["phases"]]
    if removed := rules(run.manifests):
        lines += ["", table([["removed by", "documents"], *removed], left=1), ""]
    if said := _notes(run):
        lines += [*said, ""]
    lines.append(f"{plural(run.tasks, 'task')} done now; results in {run.folder}")
    return "\n".join(lines)


def _notes(run: Run) -> list[str]:
    """What else a reader of the funnel should know."""
    from datacurate.audit import repairs
    from datacurate.audit.dedup_notes import notes
    from datacurate.sources._listing import left_out

    said = []
    for manifest in run.manifests:
        said += left_out(manifest.get("left_out", {}))
        parts = manifest["phases"].get("guard", {}).get("parts", [])
        said += notes(manifest, [run.folder / manifest["folder"] / part for part in parts])
        if manifest["stage"] == "normalize":
            parts = manifest["phases"].get("measured", {}).get("parts", [])
            said += repairs.notes(manifest["folder"], [run.folder / manifest["folder"] / part for part in parts])
    return said


RULES = 12
"""The rules that removed most are listed; the report lists all."""


def rules(manifests: list[dict[str, Any]]) -> list[list[str]]:
    """The rules that removed most documents, by stage, as rows of a table."""
    counts = {
        f"{m['stage']}: {rule}" + (f" ({fate})" if fate != "dropped" else ""): amounts["documents"]
        for m in manifests
        if "ledger" in m
        for fate in ledger.FATES
        for rule, amounts in m["ledger"][fate].items()
    }
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = [["and others", f"{sum(n for _, n in most[RULES:]):,}"]] if most[RULES:] else []
    return [[name, f"{n:,}"] for name, n in most[:RULES]] + rest


def _receipt_line(run: Run, manifest: dict[str, Any]) -> str:
    from datacurate.core.store import read_parts

    parts = [run.folder / manifest["folder"] / part for part in manifest["phases"]["receipt"]["parts"]]
    receipt = read_parts(parts).to_pylist()
    train = [row for row in receipt if row["split"] != "validation" and row["split"] != 1]
    names = ("planned_tokens", "written_tokens", "cropped_tokens", "padded_tokens")
    planned, written, cropped, padded = (sum(row.get(name) or 0 for row in train) for name in names)
    lost = f", {cropped:,} cropped" if cropped else ""
    said = [manifest["fields"], *manifest["fields"].get("stages", [])]
    filled = all(one.get("packing", "concatenate") == "concatenate" for one in said)  # all but the last row
    empty = "" if filled else f"; {padded:,} places padded ({100 * padded / max(1, written + padded):.2f} %)"
    return f"{manifest['folder']}: {planned:,} training tokens planned, {written:,} written{lost}{empty}"


def dataset_as_json(dataset: Dataset, rows: int) -> dict[str, Any]:
    """Size, columns and the first rows (long values cut)."""
    import pyarrow.parquet as pq

    shards = dataset.shards
    schema = pq.read_schema(shards[0].path) if shards else None
    first: list[dict[str, Any]] = []
    for batch in dataset.batches():
        first += batch.slice(0, rows - len(first)).to_pylist()
        if len(first) >= rows:
            break
    return {
        "stage": dataset.manifest["stage"],
        "key": dataset.key,
        "shards": len(shards),
        "rows": len(dataset),
        "bytes": sum(shard.bytes for shard in shards),
        "columns": {field.name: str(field.type) for field in schema} if schema else {},
        "first": [{name: _short(value) for name, value in row.items()} for row in first],
    }


def _short(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= 400 else f"{text[:400]} … ({len(text):,} characters)"


def dataset_as_text(dataset: Dataset, rows: int) -> str:
    """The same for people."""
    value = dataset_as_json(dataset, rows)
    head = f"{value['stage']}-{value['key']}: {plural(value['rows'], 'row')} in {plural(value['shards'], 'shard')}, "
    head += size(value["bytes"])
    if not value["shards"] and "ledger" in dataset.manifest:
        kept = dataset.manifest["ledger"]["out"]
        amount = f"{plural(kept['documents'], 'document')} ({size(kept['bytes'])})"
        return (
            f"{value['stage']}-{value['key']}: handed {amount} on to the next stage without storing them. "
            "Look at a later stage of the run; the last one is always stored."
        )
    columns = ", ".join(f"{name} {kind}" for name, kind in value["columns"].items())
    lines = [head, columns]
    for row in value["first"]:
        lines += ["", *(f"{name}: {given}" for name, given in row.items())]
    return "\n".join(lines)


def stage_list() -> dict[str, str]:
    """All stages by name, with the first line of their explanation."""
    names = [*sorted(stage_modules()), *ENDINGS]
    return {name: (inspect.getdoc(stage_class(name)) or "").partition("\n")[0] for name in names}


def _class(name: str) -> Any:
    from datacurate.sources import formats

    known = name.replace("-", "_")
    if known in formats():
        return formats()[known]
    if known not in {**stage_modules(), **ENDINGS} and "." not in name:
        hint = did_you_mean(known, [*stage_modules(), *ENDINGS, *formats()])
        raise RecipeError(f"no stage or source is called '{name}'. {hint}")
    return stage_class(name)


def explain_as_json(name: str) -> dict[str, Any]:
    """Explanation, options with bounds and defaults, and phases of a stage or source."""
    kind = _class(name)
    schema = kind.model_json_schema()["properties"]
    phases = [f"@{p.grouping} {p.name}({', '.join(p.reads)})" for p in getattr(kind, "phases", list)()]
    return {"name": kind.name(), "text": inspect.getdoc(kind), "options": schema, "phases": phases}


def explain_as_text(name: str) -> str:
    """The same for people."""
    value = explain_as_json(name)
    lines = [value["name"], "", value["text"], "", "Options:"]
    for option, schema in value["options"].items():
        default = f"(default {json.dumps(schema['default'])})" if "default" in schema else "(required)"
        description = " ".join(schema.get("description", "").split())
        lines.append(f"  {option} {default}\n      {description}")
    if value["phases"]:
        lines += ["", "Phases:", *(f"  {phase}" for phase in value["phases"])]
    return "\n".join(lines)


def schema_of(name: str) -> dict[str, Any]:
    """JSON Schema of one stage, or of recipes with all stages and sources."""
    if name != "recipe":
        return _class(name).model_json_schema()
    from datacurate.sources import formats

    stages = {stage: _inlined(stage_class(stage)) for stage in stage_modules()}
    one: list[dict[str, Any]] = [{"enum": sorted(stages)}]
    one += [{"type": "object", "properties": {n: s}, "required": [n], "additionalProperties": False}
            for n, s in sorted(stages.items())]  # fmt: skip
    source: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    source["anyOf"] += [_source_schema(name, kind) for name, kind in sorted(formats().items())]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "datacurate recipe",
        "type": "object",
        "required": ["sources"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string"},
            "sources": {"anyOf": [{"type": "object", "additionalProperties": source}, *source["anyOf"][:2]]},
            "stages": {"type": "array", "items": {"anyOf": one}},
            **{key: _inlined(stage_class(key)) for key in ENDINGS},
            "quarantine_limit": {"type": "number", "minimum": 0, "maximum": 1},
        },
    }


def _inlined(kind: Any) -> dict[str, Any]:
    schema = kind.model_json_schema()
    schema.pop("$defs", None)
    return schema


def _source_schema(name: str, kind: Any) -> dict[str, Any]:
    schema = _inlined(kind)
    options = {key: value for key, value in schema["properties"].items() if key != "path"}
    options[name] = schema["properties"]["path"]
    return {"type": "object", "properties": options, "required": [name], "additionalProperties": False}
