"""Forecasts of `curate plan --probe`, as text for people and as JSON for machines."""

from __future__ import annotations

from typing import Any

from datacurate.audit.probe import Forecast
from datacurate.describe import size, table


def forecast_as_json(forecast: Forecast) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "share": forecast.share, **vars(forecast.count), "disk": forecast.disk, "memory": forecast.memory,
        "base_memory": forecast.base,
        "phases": {made.label: {"disk": made.disk, "parts": made.wanted, "growth": round(made.growth, 2)}
                   for made in forecast.made.values()},
        "tasks": {need.label: {"memory": need.predicted, "measured": need.measured, "assumed": need.assumed}
                  for need in forecast.needs.values()},
    }  # fmt: skip


def forecast_as_text(forecast: Forecast) -> str:
    """The forecast for people."""
    count = forecast.count
    lines = [
        f"{count.sampled:,} of {count.documents:,} documents ({count.sampled / count.documents:.2%}), "
        f"{size(count.sampled_bytes)} of {size(count.bytes)}, were run."
    ]
    rows = [["disk of", "files", "in the sample", "of the full run"]]
    rows += [[m.label, f"{m.wanted:,}", size(m.content + m.overhead), size(m.disk)] for m in forecast.made.values()]
    lines += ["", table(rows), "", f"In all {size(forecast.disk)} of disk."]
    rows = [["memory of one task of", "in the sample", "of the full run"]]
    rows += [[n.label, size(n.measured), size(n.predicted) + (" (assumed)" if n.assumed else "")]
             for n in forecast.needs.values()]  # fmt: skip
    lines += ["", table(rows), ""]
    lines.append(f"At most {size(forecast.memory)} for one worker, {size(forecast.base)} of them when it idles.")
    return "\n".join(lines)
