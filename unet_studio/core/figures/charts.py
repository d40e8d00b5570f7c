"""Charts: lines in a frame, as a picture, without a window or a plotting library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unet_studio.core.classes import class_colour

Colour = tuple[int, int, int]

_FINE = 2
"""The chart is drawn this much larger and then reduced, so that slanted lines are smooth."""
_INK: Colour = (30, 30, 30)
_GRID: Colour = (220, 220, 220)
_PAPER: Colour = (255, 255, 255)
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name and its (x, y) points from left to right; a point that isn't finite leaves a gap.

    `dots` marks the points; a curve that was worked out has none.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    dots: bool = True


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values are on the picture: pixels from the left and the top, and the values at the edges.

    `unit` is how many of its pixels a pixel of the chart is.
    """

    unit: int
    left: int
    top: int
    right: int
    bottom: int
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    y_title: str,
    width: int = 640,
    height: int = 400,
    scale: int = 1,
) -> NDArray[np.uint8]:
    """A line for each series with axes, grid and legend, without a finite point no lines: RGB, (height, width, 3).

    With a `scale` there are so many times more pixels of the same chart, as a page needs that is printed.
    """
    unit = _FINE * scale
    size = (width * unit, height * unit)
    top = 48 if title else 28
    image = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13 * unit)
    finite = [point for one in series for point in one.points if all(map(math.isfinite, point))]
    xs, ys = ([point[axis] for point in finite] for axis in (0, 1))
    counts = all(float(x).is_integer() for x in xs)  # of slides or rounds: there is none between two of them
    x_ticks, y_ticks = _ticks(xs, least=1.0 if counts else 0.0), _ticks(ys)
    frame = _Frame(
        unit, 60 * unit, top * unit, size[0] - 16 * unit, size[1] - 44 * unit,
        (x_ticks[0], x_ticks[-1]), (y_ticks[0], y_ticks[-1]),
    )  # fmt: skip
    draw.text((size[0] // 2, 8 * unit), title, _INK, ImageFont.load_default(15 * unit), anchor="mt")
    draw.text((frame.right, size[1] - 6 * unit), x_title, _INK, font, anchor="rb")
    draw.text((6 * unit, (top - 22) * unit), y_title, _INK, font, anchor="lt")
    _draw_grid(draw, frame, x_ticks, y_ticks, font)
    for index, one in enumerate(series):
        _draw_line(draw, frame, one, class_colour(index + 1))
    _draw_legend(draw, frame, series, font)
    return np.asarray(image.resize((width * scale, height * scale), Image.Resampling.LANCZOS))


def _draw_grid(
    draw: ImageDraw.ImageDraw,
    frame: _Frame,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    for tick in x_ticks:
        x, _ = frame.place(tick, frame.y[0])
        draw.line([(x, frame.top), (x, frame.bottom)], _GRID, frame.unit)
        draw.text((x, frame.bottom + 5 * frame.unit), f"{tick:g}", _INK, font, anchor="mt")
    for tick in y_ticks:
        _, y = frame.place(frame.x[0], tick)
        draw.line([(frame.left, y), (frame.right, y)], _GRID, frame.unit)
        draw.text((frame.left - 5 * frame.unit, y), f"{tick:g}", _INK, font, anchor="rm")


def _draw_line(draw: ImageDraw.ImageDraw, frame: _Frame, one: Series, colour: Colour) -> None:
    run: list[tuple[float, float]] = []
    for point in (*one.points, (math.nan, math.nan)):
        if all(map(math.isfinite, point)):
            run.append(frame.place(*point))
            continue
        draw.line(run, colour, 2 * frame.unit, joint="curve")
        for x, y in run if one.dots else ():
            draw.circle((x, y), 2.5 * frame.unit, colour)
        run = []


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    frame: _Frame,
    series: Sequence[Series],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """The names beside each other above the frame, the last at its right edge; one name needs no legend."""
    right, y = float(frame.right), frame.top - 14 * frame.unit
    for index in reversed(range(len(series) if len(series) > 1 else 0)):
        right -= draw.textlength(series[index].name, font)
        draw.text((right, y), series[index].name, _INK, font, anchor="lm")
        right -= 22 * frame.unit
        draw.line([(right, y), (right + 16 * frame.unit, y)], class_colour(index + 1), 3 * frame.unit)
        right -= 14 * frame.unit


def _ticks(values: Sequence[float], *, least: float = 0.0) -> list[float]:
    """Round numbers, two or more and evenly spread, from below the least of the values to above the largest.

    They are `least` apart or more.
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    most = max(1.0, abs(low), abs(high))
    if high - low < 1e-9 * most:  # a level line, in the middle
        low, high = low - most / 2, high + most / 2
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(least, next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
