"""Flood fill: the connected region around a pixel, read block by block, so that the cost follows its area."""

from collections import deque
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.intensity import around_pixel, between
from unet_studio.core.editing.regions import LARGEST_AREA, NOWHERE, Region, check_size, fill_specks
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.tiles import Box, Cell, tile_box

BLOCK = 512
"""Side of the blocks that a flood reads."""

_OPEN, _INSIDE = 1, 2
"""A pixel of a block that matches, and one that the flood has reached as well; 0 is one that doesn't match."""

_Pixels = NDArray[np.intp]
"""(n, 2): row and column of pixels of a plane."""


def flood(
    matches: Callable[[Box], NDArray[np.bool_]],
    seed: tuple[int, int],
    shape: tuple[int, int],
    *,
    block: int = BLOCK,
    limit: int = LARGEST_AREA,
) -> Region:
    """The 4-connected pixels for which `matches` is True, around pixel `seed` (y, x) of a plane of `shape`.

    `matches(box)` gives (h, w) bool; it is asked once for each block that the region touches or borders on. The
    region's box is the smallest around it. A seed that doesn't match, or lies off the plane, gives an empty region.
    Raises RegionError where the box would have more than `limit` pixels.
    """
    plane = Box.of_shape(shape)
    if _pixel_box(seed).intersect(plane).is_empty:
        return NOWHERE
    blocks: dict[Cell, NDArray[np.uint8]] = {}
    extent = Box(0, 0, 0, 0)
    waiting = deque([((seed[0] // block, seed[1] // block), np.array([seed]))])
    while waiting:
        cell, entries = waiting.popleft()
        box = tile_box(cell, block).intersect(plane)
        if box.is_empty:
            continue
        if cell not in blocks:
            blocks[cell] = np.array(matches(box), dtype=np.uint8, order="C")
        reached = _fill_block(blocks[cell], box, entries)
        if not reached.is_empty:
            extent = extent.union(reached)
            check_size(extent, limit)
            waiting.extend(_exits(blocks[cell], cell, box))
    inside = np.zeros(extent.shape, dtype=bool)
    for cell, values in blocks.items():
        box = tile_box(cell, block).intersect(plane)
        common = box.intersect(extent)
        if not common.is_empty:
            inside[common.within(extent)] = values[common.within(box)] == _INSIDE
    return Region(extent, inside)


def class_region(view: MaskView, seed: tuple[int, int]) -> Region:
    """The 4-connected region of equal class around pixel `seed` (y, x) of a mask; empty off the plane.

    Raises RegionError where it is too large.
    """
    shape = view.labels.shape
    pixel = _pixel_box(seed).intersect(Box.of_shape(shape))
    if pixel.is_empty:
        return NOWHERE
    value = view.read(pixel)[0, 0]
    return flood(lambda box: view.read(box) == value, seed, shape)


def wand_region(
    read: Callable[[Box], NDArray[np.generic]], seed: tuple[int, int], tolerance: float, shape: tuple[int, int]
) -> Region:
    """The 4-connected pixels whose raw values differ by at most `tolerance` from those at pixel `seed` (y, x).

    `read(box)` gives raw pixels (h, w, channels); all channels must be that near. They are compared with the median of
    the 3 × 3 pixels around the seed, which neither noise nor an edge beside the seed moves far; the seed itself always
    belongs. NaN and infinite pixels never match, and from one of them, or off the plane, the region is empty. Holes of
    up to 16 pixels are filled.

    The same boxes are asked for at every tolerance, so where tolerance follows the mouse, let `read` keep what it read.
    Raises RegionError where the region is too large.
    """
    plane = Box.of_shape(shape)
    pixel = _pixel_box(seed).intersect(plane)
    if pixel.is_empty or not np.isfinite(read(pixel)).all():
        return NOWHERE
    near = pixel.grow(1).intersect(plane)
    centre = np.median(around_pixel(read(near), (seed[0] - near.y0, seed[1] - near.x0), 1), axis=0)

    def matches(box: Box) -> NDArray[np.bool_]:
        alike = between(read(box), centre - tolerance, centre + tolerance)
        own = pixel.intersect(box)
        if not own.is_empty:
            alike[own.within(box)] = True
        return alike

    region = flood(matches, seed, shape)
    return Region(region.box, fill_specks(region.inside))


def _pixel_box(pixel: tuple[int, int]) -> Box:
    return Box(pixel[0], pixel[1], pixel[0] + 1, pixel[1] + 1)


def _fill_block(values: NDArray[np.uint8], box: Box, entries: _Pixels) -> Box:
    """Mark what is open and connected to `entries` in a block as inside, in place; returns the box around it."""
    reached = Box(0, 0, 0, 0)
    pixels = entries - (box.y0, box.x0)
    for row, column in pixels[values[pixels[:, 0], pixels[:, 1]] == _OPEN].tolist():
        if values[row, column] == _OPEN:
            _, _, _, (x, y, width, height) = cv2.floodFill(values, None, (column, row), _INSIDE, flags=4)
            y, x = box.y0 + y, box.x0 + x
            reached = reached.union(Box(y, x, y + height, x + width))
    return reached


def _exits(values: NDArray[np.uint8], cell: Cell, box: Box) -> Iterator[tuple[Cell, _Pixels]]:
    """The four blocks around one, each with the pixels in it that lie beside an inside pixel of this one."""
    row, column = cell
    for down, right, edge in ((-1, 0, values[0]), (1, 0, values[-1]), (0, -1, values[:, 0]), (0, 1, values[:, -1])):
        along = np.flatnonzero(edge == _INSIDE)
        if along.size:
            ys = box.y0 + along if right else np.full(along.size, box.y0 - 1 if down < 0 else box.y1)
            xs = box.x0 + along if down else np.full(along.size, box.x0 - 1 if right < 0 else box.x1)
            yield (row + down, column + right), np.stack([ys, xs], axis=1)
