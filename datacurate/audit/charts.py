"""Charts as inline SVG and HTML, with axes, units and figures beside the bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from datacurate.audit.markup import Markup, join, number, share, tag

WIDTH, HEIGHT = 560, 250
"""Of a chart in its own units: a phone shows about two thirds of this, so 11 units of text stay readable."""
POINTS = 300
"""Points of a line; more are averaged."""
COLORS = 8


@dataclass(frozen=True)
class Line:
    """One line of a line chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    faint: bool = False


@dataclass(frozen=True)
class Frame:
    """The plotting area: from data to the chart's units."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 52
    right: int = 16
    top: int = 26
    bottom: int = 42
    width: int = field(default=WIDTH)

    def across(self, value: float) -> float:
        low, high = self.x
        return round(self.left + (value - low) / (high - low or 1) * (self.width - self.left - self.right), 2)

    def up(self, value: float) -> float:
        low, high = self.y
        return round(HEIGHT - self.bottom - (value - low) / (high - low or 1) * (HEIGHT - self.top - self.bottom), 2)


def stacked(parts: dict[str, int], whole: int) -> Markup:
    """A horizontal bar of coloured parts; `whole` is its full width."""
    shown = [(kind, amount) for kind, amount in parts.items() if amount > 0]
    pieces = [
        tag("i", class_=kind, style=f"width:{100 * n / max(whole, 1):.3f}%", title=f"{kind} {n:,}") for kind, n in shown
    ]
    return tag("div", pieces, class_="bar")


def legend(kinds: dict[str, str]) -> Markup:
    """Class of the colour → its meaning."""
    keys = [tag("span", tag("i", class_=f"key {kind}"), meaning) for kind, meaning in kinds.items()]
    return tag("div", keys, class_="legend")


def ranked(counts: Sequence[tuple[str, int]], unit: str) -> Markup:
    """Names with a bar, a count and a share of the sum each."""
    most, whole = max((n for _, n in counts), default=1), sum(n for _, n in counts)
    head = [tag("span", class_="head name"), tag("span", class_="head")]
    head += [tag("span", unit, class_="head n"), tag("span", "share", class_="head n")]
    rows = [
        [
            tag("span", name, class_="name"),
            stacked({"kept": count}, most),
            tag("span", number(count), class_="n"),
            tag("span", share(count, whole), class_="n"),
        ]
        for name, count in counts
    ]
    return tag("div", head, rows, class_="bars")


def shares(amounts: Sequence[int], names: Sequence[str]) -> Markup:
    """A horizontal bar of full width, in the colours of lines, one part per name."""
    whole = sum(amounts) or 1
    parts = [
        tag("i", style=f"width:{100 * n / whole:.3f}%;background:var(--s{at})", title=f"{name} {share(n, whole)}")
        for at, (n, name) in enumerate(zip(amounts, names, strict=True))
        if n
    ]
    return tag("div", parts, class_="bar")


def bullets(rows: Sequence[tuple[str, float, float]], unit: str, mark: str, shown: Callable[[float], str]) -> Markup:
    """Per name a bar, and a mark on it at another amount; behind it how long it is, and its share of the mark's."""
    most = max((max(n, at) for _, n, at in rows), default=1) or 1
    head = [tag("span", class_="head name"), tag("span", f"| {mark}", class_="head")]
    head += [tag("span", unit, class_="head n"), tag("span", "of it", class_="head n")]
    made = []
    for name, n, at in rows:
        bar = tag("i", class_="kept", style=f"width:{100 * n / most:.3f}%")
        tick = tag("b", class_="mark", style=f"left:{100 * at / most:.3f}%")
        made += [tag("span", name, class_="name"), tag("div", bar, tick, class_="bar bullet")]
        made += [tag("span", shown(n), class_="n"), tag("span", share(n, at), class_="n")]
    return tag("div", head, made, class_="bars")


def histogram(bins: Sequence[tuple[str, int]], x_title: str, y_title: str) -> Markup:
    """Columns with their counts on top; labels stand under the left edge of the columns they open."""
    frame = Frame((0, max(len(bins), 1)), (0, nice_ticks(0, max((n for _, n in bins), default=1))[-1]))
    step = frame.across(1) - frame.across(0)
    every = max(1, math.ceil(44 / step))
    drawn = [_column(frame, at, step, count, name) for at, (name, count) in enumerate(bins)]
    names = [_text(frame.across(at), HEIGHT - 26, bins[at][0], "middle") for at in range(0, len(bins), every)]
    return _svg(f"{y_title} by {x_title}", frame, [*_y_axis(frame), *drawn, *names], x_title, y_title)


def _column(frame: Frame, at: int, step: float, count: int, name: str) -> Markup:
    top, base = frame.up(count), frame.up(0)
    height = max(base - top, 1) if count else 0
    box = tag(
        "rect", tag("title", f"from {name}: {count:,}"), class_="column",
        x=round(frame.across(at) + 1, 2), y=round(base - height, 2), width=round(step - 2, 2), height=round(height, 2),
    )  # fmt: skip
    return join([box, _text(round(frame.across(at) + step / 2, 2), top - 4, short(count), "middle") if count else None])


def lines(series: Sequence[Line], x_title: str, y_title: str, levels: dict[str, float] | None = None) -> Markup:
    """A line chart with a legend and the last value of each line; `levels` are horizontal dashed lines."""
    levels = levels or {}
    values = [v for line in series for v in line.y if math.isfinite(v)] + list(levels.values())
    if not values:
        return Markup("")
    xs = [x for line in series for x in line.x]
    low, *_, high = nice_ticks(min(values), max(values))
    frame = Frame((0, max(xs, default=1)), (low, high), right=100)
    ends = _spread([(frame.up(line.y[-1]), at) for at, line in enumerate(series) if len(line.y)])
    drawn = [_line(frame, line, at) for at, line in enumerate(series)]
    drawn += [_end(frame, series[at], at, where) for where, at in ends]
    drawn += [_level(frame, name, value) for name, value in levels.items()]
    chart = _svg(f"{y_title} by {x_title}", frame, [*_y_axis(frame), *_x_axis(frame), *drawn], x_title, y_title)
    keys = [
        tag("span", tag("i", class_="key", style=f"background:{_color(at)}"), line.name)
        for at, line in enumerate(series)
    ]
    return join([chart, tag("div", keys, class_="legend")])


def _line(frame: Frame, line: Line, at: int) -> Markup:
    x, y = averaged(line.x), averaged(line.y)
    points = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(b)]
    path = " ".join(f"{frame.across(a)},{frame.up(b)}" for a, b in points)
    style = f"stroke:{_color(at)}" + (";opacity:.45;stroke-width:1.2" if line.faint else "")
    dot = None
    if len(points) == 1:
        dot = tag("circle", cx=frame.across(x[0]), cy=frame.up(y[0]), r=3, style=f"fill:{_color(at)}")
    # tag() bounds attributes like all text, and a path is longer than that.
    return join([Markup(f'<polyline class="line" style="{style}" points="{path}"></polyline>'), dot])


def _end(frame: Frame, line: Line, at: int, where: float) -> Markup:
    label = f"{line.y[-1]:.3f} {line.name.split(', ')[-1][:8]}"
    return tag("text", label, x=WIDTH - frame.right + 6, y=round(where + 4, 2), style=f"fill:{_color(at)}")


def _level(frame: Frame, name: str, value: float) -> Markup:
    y = frame.up(value)
    line = tag("line", class_="axis", stroke_dasharray="4 3", x1=frame.left, x2=WIDTH - frame.right, y1=y, y2=y)
    return join([line, _text(WIDTH - frame.right, y - 4, f"{name} {value:.3f}", "end", "label")])


def _spread(ends: list[tuple[float, int]], gap: float = 12) -> list[tuple[float, int]]:
    """Label heights moved apart so that none covers another."""
    placed: list[tuple[float, int]] = []
    for where, at in sorted(ends, reverse=True):
        highest = placed[-1][0] - gap if placed else where
        placed.append((min(where, highest), at))
    return placed


def averaged(values: Sequence[float]) -> list[float]:
    """At most POINTS values: means of equal runs, the last value kept as it is."""
    run = math.ceil(len(values) / POINTS)
    if run <= 1:
        return list(values)
    means = [sum(values[at : at + run]) / len(values[at : at + run]) for at in range(0, len(values) - 1, run)]
    return [*means, values[-1]]


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that span [low, high], about `about` of them."""
    if high <= low:
        high = low + 1
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def short(count: float) -> str:
    """A figure for narrow places: 9,999 stays, 12,345 becomes 12.3k."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(count) >= limit:
            return f"{count / min(limit, 1e3 if letter == 'k' else limit):.1f}{letter}"
    return f"{count:,.10g}"


def _color(at: int) -> str:
    return f"var(--s{at % COLORS})"


def _text(x: float, y: float, text: str, anchor: str, kind: str | None = None) -> Markup:
    return tag("text", text, x=x, y=round(y, 2), text_anchor=anchor, class_=kind)


def _y_axis(frame: Frame) -> list[Markup]:
    made = []
    for value in nice_ticks(*frame.y):
        y = frame.up(value)
        kind = "axis" if value == frame.y[0] else "grid"
        made.append(tag("line", class_=kind, x1=frame.left, x2=WIDTH - frame.right, y1=y, y2=y))
        made.append(_text(frame.left - 6, y + 4, short(value), "end"))
    return made


def _x_axis(frame: Frame) -> list[Markup]:
    low, high = frame.x
    inside = [value for value in nice_ticks(low, high) if low <= value <= high]
    return [_text(frame.across(value), HEIGHT - 26, short(value), "middle") for value in inside]


def _svg(name: str, frame: Frame, children: list[Markup], x_title: str, y_title: str) -> Markup:
    titles = [
        _text((frame.left + WIDTH - frame.right) / 2, HEIGHT - 6, x_title, "middle", "label"),
        _text(0, 12, y_title, "start", "label"),
    ]
    return tag("svg", children, titles, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=name)
