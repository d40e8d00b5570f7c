"""Finds planes, channels and pyramid levels among the pages of a TIFF."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffPage, TiffPageSeries

from unet_studio.core.slides.tiff.colour import TiffColour
from unet_studio.core.tiles import Box

# Planes run over time, then z; whatever else there is (positions, views, pages) runs slowest.
_ORDER = "TZCYXS"
_PAGE_AXES = ("YX", "YXS", "SYX")


@dataclass(frozen=True, slots=True)
class TiffLevel:
    """One size in which a slide is stored.

    Attributes:
        factor: how many times smaller than the slide, a power of two.
        series: its pages.
        box: its own size; it may lack the last row or column of the slide at that factor.
        colour: how to turn its samples into pixels.
    """

    factor: int
    series: TiffPageSeries
    box: Box
    colour: TiffColour


def page_numbers(series: TiffPageSeries) -> NDArray[np.intp] | None:
    """For every plane and channel the index of its page in the series; None where a page isn't a plane."""
    key = series.keyframe
    axes, shape = series.get_axes(squeeze=True), series.get_shape(squeeze=True)
    leading = len(axes) - key.ndim
    own = axes[leading:]
    if leading < 0 or shape[leading:] != key.shape or key.axes not in _PAGE_AXES or series.transform is not None:
        return None
    if any(own.find(axis) != key.axes.find(axis) for axis in "YX"):
        return None
    count = math.prod(shape[:leading])
    if len(series) != count and series.dataoffset is None:
        return None
    order = sorted(range(leading), key=lambda i: _ORDER.find(axes[i]))
    channels = math.prod(size for size, axis in zip(shape[:leading], axes, strict=False) if axis in "CS")
    return np.arange(count).reshape(shape[:leading]).transpose(order).reshape(-1, channels)


def pyramid(series: TiffPageSeries) -> list[TiffLevel]:
    """The levels of a series that can stand for a power-of-two reduction, the slide itself first."""
    base = _level(series, 1)
    levels = [base]
    for smaller in series.levels[1:]:
        factor = 2 ** round(math.log2(base.box.height / smaller.keyframe.imagelength))
        level = _level(smaller, factor)
        if _stands_for(level, base):
            levels.append(level)
    return levels


def decoded_stack(series: TiffPageSeries, colour: TiffColour) -> tuple[NDArray[Any], TiffColour]:
    """All samples of a series, (planes, channels, height, width, samples), and what turns them into pixels.

    For series in which the axes are in unusual order. Raises ValueError if the series isn't made of planes.
    """
    axes, shape = series.get_axes(squeeze=True), series.get_shape(squeeze=True)
    if not {"Y", "X"} <= set(axes):
        raise ValueError(f"no height and width among the axes {axes}")
    order = sorted(range(len(axes)), key=lambda i: _ORDER.find(axes[i]))
    stack = series.asarray().reshape(shape).transpose(order)
    samples = _size(series, "S")
    if samples != series.keyframe.samplesperpixel:
        colour = replace(colour, kept=tuple(range(samples)))
    return stack.reshape(-1, *(_size(series, axis) for axis in "CYXS")), colour


def _size(series: TiffPageSeries, axis: str) -> int:
    axes, shape = series.get_axes(squeeze=True), series.get_shape(squeeze=True)
    return math.prod(size for size, name in zip(shape, axes, strict=True) if name == axis)


def _level(series: TiffPageSeries, factor: int) -> TiffLevel:
    key: TiffPage = series.keyframe
    return TiffLevel(factor, series, Box(0, 0, key.imagelength, key.imagewidth), TiffColour.of_page(key))


def _stands_for(level: TiffLevel, base: TiffLevel) -> bool:
    """Whether a level shows the same as the slide, but for rounding of its sides."""
    key, base_key = level.series.keyframe, base.series.keyframe
    off = max(
        abs(level.box.height * level.factor - base.box.height), abs(level.box.width * level.factor - base.box.width)
    )
    same = key.dtype == base_key.dtype and key.photometric == base_key.photometric
    same = same and level.colour.kept == base.colour.kept and len(level.series) == len(base.series)
    return same and level.factor > 1 and off <= level.factor
