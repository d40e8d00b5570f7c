"""Strokes and fills: the pixels a tool covers, and the edit that comes of it."""

import math
from collections.abc import Callable, Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.tiles import Box, Cell, cells_over, tile_box

Point = tuple[float, float]
"""(y, x) in pixels; pixel (0, 0) covers 0 ≤ y < 1, so its centre is at 0.5."""

Agreeing = Callable[[Box, Point], NDArray[np.bool_]]
"""Which pixels of a box agree with the pixel at a point: bool of the box's shape; for a brush that takes only these."""

_STILL = 1e-12
"""Points no further apart than the root of this, a millionth of a pixel, are one; float32 can't divide by less."""


def capsule(start: Point, end: Point, radius: float, shape: tuple[int, int]) -> tuple[Box, NDArray[np.bool_]]:
    """The pixels whose centre is at most `radius` from the segment between two points.

    Returns the box around them, clipped to a plane of `shape`, and a bool mask of the box's shape. The union of
    the capsules of a path doesn't depend on how often the path was sampled along straight parts. A radius of half a
    pixel or less counts as half a pixel, and covers the pixel under `end` as well, however far its centre.
    """
    radius = max(radius, 0.5)
    (y0, x0), (y1, x1) = start, end
    box = Box(
        int(np.floor(min(y0, y1) - radius)),
        int(np.floor(min(x0, x1) - radius)),
        int(np.ceil(max(y0, y1) + radius)) + 1,
        int(np.ceil(max(x0, x1) + radius)) + 1,
    ).intersect(Box.of_shape(shape))
    if box.is_empty:
        return Box(0, 0, 0, 0), np.zeros((0, 0), dtype=bool)
    ys = np.arange(box.y0, box.y1, dtype=np.float32)[:, None] + np.float32(0.5 - y0)
    xs = np.arange(box.x0, box.x1, dtype=np.float32)[None, :] + np.float32(0.5 - x0)
    dy, dx = y1 - y0, x1 - x0
    length2 = dy * dy + dx * dx
    along = np.clip((ys * dy + xs * dx) / length2, 0.0, 1.0) if length2 > _STILL else np.float32(0.0)
    distance2 = (ys - along * dy) ** 2 + (xs - along * dx) ** 2
    covered = distance2 <= radius * radius
    if radius == 0.5:
        _cover_pixel(covered, box, end)
    return box, covered


def _cover_pixel(covered: NDArray[np.bool_], box: Box, point: Point) -> None:
    row, column = int(np.floor(point[0])) - box.y0, int(np.floor(point[1])) - box.x0
    if 0 <= row < covered.shape[0] and 0 <= column < covered.shape[1]:
        covered[row, column] = True


class Stroke:
    """One stroke while it is painted: it changes the labels at once, and keeps those before it, to end as one edit."""

    def __init__(
        self, labels: LabelPlane, plane: PlaneId, *, value: int, radius: float, agreeing: Agreeing | None = None
    ) -> None:
        self.labels = labels
        self.plane = plane
        self.value = value
        self.radius = radius
        self._agreeing = agreeing
        self._last: Point | None = None
        self._since_dab = 0.0
        self._before: dict[Cell, NDArray[np.uint8]] = {}

    def extend(self, point: Point, pressure: float = 1.0) -> Box:
        """Paint from the last point to this one; returns the box that may have changed (empty off the plane).

        A pen's `pressure`, 0…1, makes the stroke thinner.
        """
        radius = self.radius * pressure
        if self._agreeing is None:
            box = self._paint(self._last or point, point, radius)
        else:
            dabs = [self._paint(dab, dab, radius, self._agreeing) for dab in self._dabs_to(point)]
            box = reduce(Box.union, dabs, Box(0, 0, 0, 0))
        self._last = point
        return box

    def _dabs_to(self, point: Point) -> Iterator[Point]:
        """Points from the last one to `point`, evenly spaced along the whole stroke, however often it was sampled."""
        if self._last is None:
            yield point
            return
        spacing = max(self.radius / 2, 1.0)
        (y0, x0), (y1, x1) = self._last, point
        length = math.hypot(y1 - y0, x1 - x0)
        along = spacing - self._since_dab
        while along <= length:
            yield y0 + (y1 - y0) * along / length, x0 + (x1 - x0) * along / length
            along += spacing
        self._since_dab = length - (along - spacing)

    def _paint(self, start: Point, end: Point, radius: float, agreeing: Agreeing | None = None) -> Box:
        box, covered = capsule(start, end, radius, self.labels.shape)
        if box.is_empty:
            return box
        if agreeing is not None:
            covered &= agreeing(box, end)
        self._remember(box)
        values = self.labels.read(box)
        values[covered] = self.value
        self.labels.write(box, values)
        return box

    def finish(self, sentence: str, *, state: PlaneState) -> Edit | None:
        """The stroke, on a plane that was in `state`, as an edit of what it changed; None if it changed nothing."""
        patches = [
            patch
            for cell, before in self._before.items()
            for patch in make_patches(tile_box(cell), before, self.labels.read(tile_box(cell)))
        ]
        if not patches:
            return None
        return Edit(sentence, (PlaneChange(self.plane, tuple(patches), state, state.after_edit),))

    def take_back(self) -> Box:
        """Give up the stroke: all is as it was before; returns the box that may have changed."""
        changed = Box(0, 0, 0, 0)
        for cell, before in self._before.items():
            box = tile_box(cell).intersect(Box.of_shape(self.labels.shape))
            self.labels.write(box, before)
            changed = changed.union(box)
        return changed

    def _remember(self, box: Box) -> None:
        for cell in cells_over(box):
            if cell not in self._before:
                self._before[cell] = self.labels.read(tile_box(cell))


def make_edit(
    plane: PlaneId,
    box: Box,
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    sentence: str,
    *,
    state_before: PlaneState,
    state_after: PlaneState,
) -> Edit | None:
    """The edit that turns the labels (h, w) inside `box` into others; None where neither they nor the state change."""
    patches = tuple(make_patches(box, before, after))
    if not patches and state_before == state_after:
        return None
    return Edit(sentence, (PlaneChange(plane, patches, state_before, state_after),))
