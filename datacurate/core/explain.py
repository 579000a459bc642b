"""Why a stage runs again: the plan of the last run against the plan of this one."""

from __future__ import annotations

from typing import Any

from datacurate.core.plan import Plan, PlannedStage


def explain_changes(plan: Plan, before: dict[str, Any] | None) -> list[str]:
    """Why stages run again since the last run of this recipe, one line each; empty for a first run."""
    if not before:
        return []
    old = {stage["name"]: stage for stage in before["stages"]}
    lines = []
    for planned in plan.stages:
        now, then = planned.identity(), old.get(planned.name)
        if then is None:
            lines.append(f"{planned.name}: new in this recipe")
        elif now["key"] != then["key"] or now["phases"] != then["phases"] or now["sources"] != then["sources"]:
            lines += _differences(planned, now, then)
    gone = set(old) - {planned.name for planned in plan.stages}
    return lines + [f"{name}: no longer in this recipe" for name in sorted(gone)]


def _differences(planned: PlannedStage, now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    moved = [name for name, own in now["phases"].items() if then["phases"].get(name) != own]
    phase = next((name for name in moved if name != list(now["phases"])[-1]), None)
    label = f"{planned.name}.{phase}" if phase else planned.name
    lines = []
    if now["version"] != then["version"]:
        lines.append(f"{label}: version {then['version']} → {now['version']}")
    for name in sorted(set(now["fields"]) | set(then["fields"])):
        was, got = (_value(planned, name, side["fields"]) for side in (then, now))
        if was != got:
            lines.append(f"{label}: {name} {was} → {got}")
    lines += _source_differences(now["sources"], then["sources"])
    return lines or [f"{label}: what it reads has changed"]


def _value(planned: PlannedStage, name: str, fields: dict[str, Any]) -> Any:
    if name in fields:
        return fields[name]
    model = type(planned.stage).model_fields if planned.stage is not None else {}
    return model[name].get_default() if name in model else "none"


def _source_differences(now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    lines = []
    for name in sorted(set(now) | set(then)):
        a, b = (set(side.get(name, {"files": []})["files"]) for side in (then, now))
        if a != b:
            lines.append(f"read: source {name}: {len(b - a)} new and {len(a - b)} gone of {len(a | b)} files")
        elif name in now and name in then and now[name]["key"] != then[name]["key"]:
            lines.append(f"read: source {name}: its options changed")
    return lines
