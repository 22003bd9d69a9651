"""Charts as inline SVG: lines over time or rate, and bars, with their values in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 30
_POINTS = 600  # drawn at most; each stands for the greatest of its share


@dataclass(frozen=True, slots=True)
class Series:
    """A named line; its points share the chart's x values."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, in the units of the drawing, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart, ready for its template."""

    title: str
    x_name: str
    x: tuple[float, ...]
    series: tuple[Series, ...]
    shown: Callable[[float], str]  # a y value in words
    log: bool = False  # the y axis in powers of ten: for what spans several of them
    mark: float | None = None  # an x value that is drawn as a line: the knee

    @property
    def _decades(self) -> tuple[int, int]:
        """The powers of ten that hold all values above zero."""
        found = [value for one in self.series for value in one.values if value > 0] or [1.0]
        low, high = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
        return low, max(high, low + 1)

    @property
    def mark_at(self) -> float | None:
        low, high = self._span
        return self.x_at(self.mark) if self.mark is not None and low <= self.mark <= high else None

    @property
    def top(self) -> float:
        """The end of the y axis."""
        greatest = max((max(one.values, default=0.0) for one in self.series), default=0.0)
        return step_of(greatest or 1.0) * math.ceil((greatest or 1.0) / step_of(greatest or 1.0))

    @property
    def paths(self) -> Iterator[tuple[str, Markup]]:
        """Name and SVG path of every series."""
        for one in self.series:
            points = (f"{self.x_at(x):.1f} {self.y_at(y):.1f}" for x, y in self._points(one))
            yield one.name, Markup("M" + "L".join(points))  # noqa: S704 - numbers

    def _points(self, one: Series) -> Iterator[tuple[float, float]]:
        share = math.ceil(len(self.x) / _POINTS)
        for start in range(0, len(self.x), share):
            yield self.x[start], max(one.values[start : start + share])

    @property
    def y_ticks(self) -> list[Tick]:
        if self.log:
            low, high = self._decades
            return [Tick(self.y_at(10.0**n), self.shown(10.0**n)) for n in range(low, high + 1)]
        step = step_of(self.top)
        count = round(self.top / step)
        return [Tick(self.y_at(n * step), self.shown(n * step)) for n in range(count + 1)]

    @property
    def x_ticks(self) -> list[Tick]:
        low, high = self._span
        step = step_of(high - low)
        first = math.ceil(low / step)
        marks = (n * step for n in range(first, math.floor(high / step) + 1))
        return [Tick(self.x_at(mark), f"{mark:,.6g}") for mark in marks]

    @property
    def _span(self) -> tuple[float, float]:
        low, high = min(self.x), max(self.x)
        return (low, high) if high > low else (low, low + 1)

    def x_at(self, value: float) -> float:
        low, high = self._span
        return _LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y_at(self, value: float) -> float:
        if self.log:
            low, high = self._decades
            share = (math.log10(max(value, 10.0**low)) - low) / (high - low)
            return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)
        return HEIGHT - _BOTTOM - value / self.top * (HEIGHT - _TOP - _BOTTOM)

    @property
    def spoken(self) -> str:
        """The chart in a sentence, for those who do not see it."""
        low, high = self._span
        parts = [
            f"{one.name} from {self.shown(min(one.values))} to {self.shown(max(one.values))}, "
            f"middle {self.shown(sorted(one.values)[len(one.values) // 2])}"
            for one in self.series
        ]
        return f"{self.title}, {self.x_name} {low:,.6g} to {high:,.6g}: {'; '.join(parts)}"

    @property
    def data(self) -> Markup:
        """JSON for the script: x values with their place, and each series in words."""
        rows = [
            [round(self.x_at(x), 1), f"{x:,.6g}", *(self.shown(one.values[n]) for one in self.series)]
            for n, x in enumerate(self.x)
        ]
        return escape(msgspec.json.encode(rows).decode())

    @property
    def table(self) -> list[list[str]]:
        """Rows of the table of values, thinned to what can be read."""
        share = max(1, math.ceil(len(self.x) / 60))
        return [
            [f"{self.x[n]:,.6g}", *(self.shown(one.values[n]) for one in self.series)]
            for n in range(0, len(self.x), share)
        ]


def step_of(span: float) -> float:
    """A round step that cuts the span into four to eight parts."""
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * n for n in (5, 2, 1) if power * n <= rough * 1.0001)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its share of the longest, 0 to 1."""

    name: str
    share: float
    text: str


def bars(values: Sequence[tuple[str, float]], shown: Callable[[float], str]) -> list[Bar]:
    """Bars that share one scale."""
    greatest = max((value for _, value in values), default=0.0) or 1.0
    return [Bar(name, max(0.0, value) / greatest, shown(value)) for name, value in values]
