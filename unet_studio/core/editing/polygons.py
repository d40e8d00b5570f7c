"""Polygons: the pixels inside a line that a person drew."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.regions import NOWHERE, Region, check_size
from unet_studio.core.editing.strokes import Point
from unet_studio.core.tiles import Box


def polygon_region(points: Sequence[Point], shape: tuple[int, int]) -> Region:
    """The pixels of a plane of `shape` whose centre lies inside the polygon through `points`, which closes itself.

    Inside is what a ray leaves through an odd number of sides (even-odd), so that the loops of a line that crosses
    itself may be out. A centre on a left or upper side is inside, on a right or lower one outside: polygons that share
    a side share no pixel. Fewer than three points, or a polygon off the plane, give an empty region. Raises
    RegionError where the polygon spans more than `LARGEST_AREA`.
    """
    corners = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return NOWHERE
    (y0, x0), (y1, x1) = np.clip(_first_centre([corners.min(axis=0), corners.max(axis=0)]), 0, shape).tolist()
    box = Box(int(y0), int(x0), int(y1), int(x1))
    if box.is_empty:
        return NOWHERE
    check_size(box)
    rows, columns = _crossings(corners, box)
    crossed = np.zeros(box.shape, dtype=np.uint8)
    before_the_right_edge = columns < box.width
    np.bitwise_xor.at(crossed, (rows[before_the_right_edge], columns[before_the_right_edge]), np.uint8(1))
    return Region(box, np.bitwise_xor.accumulate(crossed, axis=1).view(np.bool_))


def _first_centre(position: object) -> NDArray[np.float64]:
    """The first pixel, along either axis, whose centre is at `position` or beyond."""
    return np.ceil(np.asarray(position, dtype=np.float64) - 0.5)


def _crossings(corners: NDArray[np.float64], box: Box) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the polygon's sides cross the middles of the box's rows: (row, first column to the right of it) in the box.

    Sides are taken from top to bottom, so that a side that two polygons share is crossed at the same place in both.
    """
    ends = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    sides = np.take_along_axis(ends, ends[..., :1].argsort(axis=1), axis=1)
    first, last = (np.clip(_first_centre(sides[:, end, 0]), box.y0, box.y1).astype(np.intp) for end in (0, 1))
    count = last - first
    side = np.repeat(np.arange(len(sides)), count)
    row = np.arange(side.size) - np.repeat(np.cumsum(count) - count - first, count)
    (top, start), (bottom, end) = sides[side].transpose(1, 2, 0)
    x = start + (row + 0.5 - top) * (end - start) / (bottom - top)
    column = np.clip(_first_centre(x), box.x0, box.x1).astype(np.intp)
    return row - box.y0, column - box.x0
