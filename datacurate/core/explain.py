"""Why a stage runs again: the plan of the last run against the plan of this one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from datacurate.core.plan import Plan, PlannedStage
from datacurate.core.stage import Filter


def explain_changes(plan: Plan, before: dict[str, Any] | None) -> list[str]:
    """Why stages run again since the last run of this recipe, one line each; empty for a first run."""
    if not before:
        return []
    old = _numbered(before["stages"])
    now = _numbered([stage.identity() for stage in plan.stages])
    lines = []
    for planned, (place, own) in zip(plan.stages, now.items(), strict=True):
        then = old.get(place)
        if then is None:
            lines.append(f"{planned.name}: new in this recipe")
        elif any(own[part] != then[part] for part in ("key", "phases", "sources")):
            lines += _differences(planned, own, then)
    return lines + [f"{name}: no longer in this recipe" for name, number in old if (name, number) not in now]


def _numbered(stages: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Stages by name and how often the name stood before."""
    seen: Counter[str] = Counter()
    found = {}
    for stage in stages:
        found[stage["name"], seen[stage["name"]]] = stage
        seen[stage["name"]] += 1
    return found


def _differences(planned: PlannedStage, now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    moved = [name for name, own in now["phases"].items() if then["phases"].get(name) != own]
    lines = []
    if now["version"] != then["version"]:
        lines.append(f"{_label(planned, moved)}: version {then['version']} → {now['version']}")
    for name in sorted(set(now["fields"]) | set(then["fields"])):
        was, got = (_value(planned, name, side["fields"]) for side in (then, now))
        if was != got:
            lines.append(f"{_label(planned, [p for p in moved if _uses(planned, p, name)])}: {name} {was} → {got}")
    lines += _source_differences(now["sources"], then["sources"])
    return lines or [f"{_label(planned, moved)}: what it reads has changed"]


def _label(planned: PlannedStage, moved: list[str]) -> str:
    """The stage, and the first phase that runs again where that is not the last one."""
    early = [name for name in moved if name != list(planned.phases)[-1]]
    return f"{planned.name}.{early[0]}" if early else planned.name


def _uses(planned: PlannedStage, phase: str, field: str) -> bool:
    """Whether a phase's key depends on a field."""
    if isinstance(planned.stage, Filter) and phase == "measured":
        return field in planned.stage.measured_with
    found = {p.name: p.uses for p in planned.stage.phases()} if planned.stage else {}
    return found.get(phase) is None or field in (found[phase] or ())


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
