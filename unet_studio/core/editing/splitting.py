"""Splitting: the line along which an object that is really several ought to be cut."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.editing.regions import Region, fill_specks
from unet_studio.core.tiles import Box

WAIST = 0.9
"""An object has a waist where it is narrower than this share of what lies to either side of it."""

_Number = TypeVar("_Number", bound=np.generic)
_COARSE_PIXELS = 200 * 200
"""The parts are looked for on no more pixels than this; only the line itself is drawn on every pixel."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


def waist_lines(object_: Region) -> NDArray[np.bool_] | None:
    """The pixels of an object, bool (h, w) of its box, without which it falls apart at its waists; None without any.

    A watershed of the distance to the outside (Beucher & Lantuéjoul 1979; Meyer 1994), from its h-maxima (Soille 2003,
    6.3.4): the lines are one pixel wide and separate 4-connected parts. The maxima are those of the logarithm of the
    distance, so that the same share of narrowing counts in small objects and in large ones. Holes of up to 16 pixels
    count as inside, for noise in the middle of an object says nothing of its waist.
    """
    from skimage.segmentation import watershed  # SciPy takes half a second to load, and the window opens without it

    solid = np.pad(fill_specks(object_.inside).view(np.uint8), 1)
    scale = 1
    while solid.size > scale * scale * _COARSE_PIXELS:
        scale *= 2
    solid = np.pad(solid, [(0, -side % scale) for side in solid.shape])
    depth = np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    coarse = _reduced(depth, scale)
    relief = np.log(cv2.GaussianBlur(coarse, (0, 0), 1.0) + scale)
    seeds = np.where(coarse > 0, _high_maxima(relief, -np.log(WAIST)), 0)
    if seeds.max(initial=0) < 2:
        return None
    parts = watershed(-relief, seeds, mask=coarse > 0, watershed_line=scale == 1).astype(np.uint16)
    while scale > 1:
        scale //= 2
        undecided = _near_another(parts) & (seeds == 0)
        parts, seeds = _doubled(parts), _doubled(seeds)
        _redraw(parts, undecided, _reduced(depth, scale), lines=scale == 1)
    rows, columns = object_.inside.shape
    return np.asarray((parts == 0)[1 : rows + 1, 1 : columns + 1] & object_.inside)


def _reduced(depth: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """The mean of each `scale` × `scale` pixels."""
    height, width = depth.shape
    return np.asarray(cv2.resize(depth, (width // scale, height // scale), interpolation=cv2.INTER_AREA), np.float32)


def _doubled(values: NDArray[_Number]) -> NDArray[_Number]:
    """Each pixel as 2 × 2."""
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)


def _high_maxima(relief: NDArray[np.float32], height: float) -> NDArray[np.int32]:
    """Numbers from 1 for the maxima of `relief` that one leaves only by going down by `height`; 0 elsewhere."""
    from skimage.morphology import local_maxima

    filled, previous = relief - np.float32(height), None
    while previous is None or not np.array_equal(filled, previous):
        previous = filled
        for _ in range(16):  # comparing costs as much as a step
            filled = np.minimum(cv2.dilate(filled, _SQUARE), relief)
    _, numbers = cv2.connectedComponents(local_maxima(filled).astype(np.uint8), connectivity=8)
    return np.asarray(numbers, np.int32)


def _near_another(parts: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Where one of the eight neighbours belongs to another part; 0 is no part."""
    lowest = cv2.erode(np.where(parts == 0, np.uint16(65535), parts), _SQUARE)
    return np.asarray((parts > 0) & (cv2.dilate(parts, _SQUARE) != lowest))


def _redraw(
    parts: NDArray[np.uint16], undecided: NDArray[np.bool_], depth: NDArray[np.float32], *, lines: bool
) -> None:
    """Draw the borders between `parts` anew by a watershed of `depth`, in place; with `lines`, as zeros.

    It does so where it is `undecided`, which has half as many rows and columns. Each connected piece of that is flooded
    for itself, so that the cost follows the length of the borders.
    """
    from skimage.segmentation import watershed

    count, pieces, boxes, _ = cv2.connectedComponentsWithStats(undecided.view(np.uint8), connectivity=8)
    for piece, (x, y, width, height, _) in zip(range(1, count), boxes[1:].tolist(), strict=True):
        half = Box(y, x, y + height, x + width).grow(1).intersect(Box.of_shape(undecided.shape))
        box = Box(2 * half.y0, 2 * half.x0, 2 * half.y1, 2 * half.x1).slices
        inside = depth[box] > 0
        own = _doubled(pieces[half.slices] == piece) & inside
        reached = (cv2.dilate(own.view(np.uint8), _CROSS) > 0) & inside  # with a rim of decided pixels to flood from
        decided = np.where(own, 0, parts[box] * reached).astype(np.int32)
        flooded = watershed(-depth[box], decided, mask=reached, watershed_line=lines)
        parts[box][own] = flooded[own]
