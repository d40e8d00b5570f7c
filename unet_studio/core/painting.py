"""Strokes and fills: the pixels a tool covers, and the edit that comes of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels import Edit, LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks import MaskView
from unet_studio.core.tiles import Box, Cell, cells_over, tile_box

Point = tuple[float, float]
"""(y, x) in pixels; pixel (0, 0) covers 0 ≤ y < 1, so its centre is at 0.5."""

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
    """One stroke under way: it paints at once, and remembers what was there so that it can end as one edit."""

    def __init__(self, labels: LabelPlane, plane: PlaneId, *, value: int, radius: float) -> None:
        self.labels = labels
        self.plane = plane
        self.value = value
        self.radius = radius
        self._last: Point | None = None
        self._touched = Box(0, 0, 0, 0)
        self._before: dict[Cell, NDArray[np.uint8]] = {}

    def extend(self, point: Point) -> Box:
        """Paint from the last point to this one; returns the box that may have changed (empty off the plane)."""
        box, covered = capsule(self._last or point, point, self.radius, self.labels.shape)
        self._last = point
        if box.is_empty:
            return box
        self._remember(box)
        values = self.labels.read(box)
        values[covered] = self.value
        self.labels.write(box, values)
        self._touched = self._touched.union(box)
        return box

    def finish(self, sentence: str, *, state: PlaneState) -> Edit | None:
        """The stroke, on a plane that was in `state`, as an edit of the smallest box that changed; None if none did."""
        if self._touched.is_empty:
            return None
        self._remember(self._touched)  # the box around a bent stroke can hold tiles that it never touched
        earlier = LabelPlane(self.labels.shape, self._before)
        edit = make_edit(
            self.plane,
            self._touched,
            earlier.read(self._touched),
            self.labels.read(self._touched),
            sentence,
            state_before=state,
            state_after=state.after_edit,
        )
        return None if edit is None or edit.box.is_empty else edit

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
    """An edit of the smallest box around the changed pixels; None where neither labels nor state change."""
    changed = before != after
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if rows.size == 0:
        if state_before == state_after:
            return None
        small = Box(box.y0, box.x0, box.y0, box.x0)
    else:
        small = Box(
            box.y0 + int(rows[0]), box.x0 + int(columns[0]), box.y0 + int(rows[-1]) + 1, box.x0 + int(columns[-1]) + 1
        )
    inside = small.within(box)
    return Edit(plane, small, before[inside].copy(), after[inside].copy(), sentence, state_before, state_after)


def fill_region(
    view: MaskView, plane: PlaneId, seed: tuple[int, int], value: int, sentence: str, *, state: PlaneState
) -> Edit | None:
    """The edit that gives the region of equal class around pixel `seed` (y, x) of a mask the class `value`."""
    box = Box.of_shape(view.labels.shape)
    before = view.labels.read(box)
    after = np.where(flood_region(view.read(box), seed), np.uint8(value), before)
    return make_edit(plane, box, before, after, sentence, state_before=state, state_after=state.after_edit)


def flood_region(mask: NDArray[np.uint8], seed: tuple[int, int]) -> NDArray[np.bool_]:
    """The 4-connected region of equal class around pixel `seed` (y, x) of a mask (h, w); bool of the same shape."""
    same = (mask == mask[seed]).astype(np.uint8)
    _, components = cv2.connectedComponents(same, connectivity=4)
    return np.asarray(components == components[seed])
