"""Curves over the steps of a training as SVG inside the page: quick to draw, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 560, 264
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 28, 12, 44
_DASHES = ("", "6 3", "2 3", "8 3 2 3")  # lines can be told apart without their colours
_LOG_FROM = 10.0  # ratio of the highest to the lowest value above which the axis is logarithmic


@dataclass(frozen=True)
class Chart:
    """A drawn chart: its title, the picture, and the names of its lines with their dashes."""

    title: str
    svg: Markup
    lines: list[tuple[str, str]]


def chart(title: str, steps: Sequence[float], lines: Mapping[str, Sequence[float]], last_step: float) -> Chart:
    """Draw lines over steps.

    Args:
        title: What is drawn.
        steps: Abscissa.
        lines: Name -> a value a step; at most four.
        last_step: Where the axis ends: the whole training.

    Raises:
        ValueError: There are more lines than can be told apart.
    """
    if len(lines) > len(_DASHES):
        raise ValueError(f"{len(lines)} lines, {len(_DASHES)} can be told apart")
    values = [value for line in lines.values() for value in line if math.isfinite(value)]
    axis = _Axis.over(values)
    parts = []
    for tick in axis.ticks():
        y = axis.place(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _across(share * last_step, last_step)
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{share * last_step:g}</text>')
    parts.append(f'<text x="{_across(0.5, 1.0):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">step</text>')
    for number, line in enumerate(lines.values()):
        points = [(_across(s, last_step), axis.place(v)) for s, v in zip(steps, line, strict=True) if math.isfinite(v)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dash = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
        parts.append(f'<polyline class="line-{number}" points="{path}"{dash}/>')
        parts += [f'<circle class="line-{number}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points]
    told = "; ".join(f"{name}: {line[0]:.3g} to {line[-1]:.3g}" for name, line in lines.items() if line)
    alt = escape(f"{title} over {last_step:g} steps. {told}.")
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{alt}">{"".join(parts)}</svg>'
    return Chart(title, Markup(svg), list(zip(lines, _DASHES, strict=False)))


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    log: bool

    @classmethod
    def over(cls, values: Sequence[float]) -> _Axis:
        low, high = min(values, default=0.0), max(values, default=1.0)
        if low > 0 and high / low >= _LOG_FROM:
            return cls(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)), True)
        step = _step(max(high, 0.0) - min(low, 0.0))
        return cls(step * math.floor(min(low, 0.0) / step), step * max(math.ceil(high / step), 1), False)

    def ticks(self) -> list[float]:
        if self.log:
            return [10.0**power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]
        step = _step(self.high - self.low)
        return [self.low + step * number for number in range(round((self.high - self.low) / step) + 1)]

    def place(self, value: float) -> float:
        share = (
            math.log(value / self.low) / math.log(self.high / self.low)
            if self.log
            else (value - self.low) / (self.high - self.low)
        )
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _step(reach: float) -> float:
    """A round number of which the reach has two to five."""
    if reach <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(reach))
    return next(power * factor for factor in (0.2, 0.25, 0.5, 1.0, 2.0) if reach / (power * factor) <= 5.0)


def _across(step: float, last_step: float) -> float:
    return _LEFT + step / last_step * (_WIDTH - _LEFT - _RIGHT)
