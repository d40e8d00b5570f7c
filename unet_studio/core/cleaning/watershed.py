"""Watersheds: the lines that separate touching objects of one class.

- `watershed` cuts where the class is less probable: for blobs such as cells and nuclei,
- `watershed-distance` at necks, far from the middle of either object: for blobs with one even probability,
- `watershed-boundary` closes the gaps in a class that is itself the boundary, such as a membrane.
"""

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND
from unet_studio.core.cleaning.steps import Step

_CERTAIN = 65535
"""A probability of 1, in the units of a relief."""
_A_PIXEL = 128
"""A distance of 1 pixel, in the units of a relief; from 511 pixels on an object's inside is flat."""


def divide(step: Step, mask: NDArray[np.uint8], index: int, probability: NDArray[np.uint8]) -> None:
    """Draw the watershed lines of one class into `mask`, in place; `probability` (h, w) of the class is 0…255."""
    inside, line, unit = mask == index, BACKGROUND, _CERTAIN
    relief = probability.astype(np.uint16) * 257
    if step.operation == "watershed-distance":
        relief, unit = _distance(inside), _A_PIXEL
    elif step.operation == "watershed-boundary":
        inside, line, relief = mask == BACKGROUND, index, ~relief
    lines = dividing_lines(inside, _blur(relief, step.amount), max(1, round(step.height * unit)))
    mask[lines] = line


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """The distance to the nearest pixel that isn't inside, in units of `_A_PIXEL`; the edge of the plane is none."""
    distance = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.minimum(distance * _A_PIXEL, _CERTAIN), np.uint16)


def _blur(relief: NDArray[np.uint16], sigma: float) -> NDArray[np.uint16]:
    side = 2 * blur_radius(sigma) + 1
    # Integers, because OpenCV rounds them alike wherever a pixel lies, and fractions not.
    return np.asarray(cv2.GaussianBlur(relief, (side, side), sigma) if sigma else relief, np.uint16)


def blur_radius(sigma: float) -> int:
    """How many pixels around one the smoothing by a standard deviation `sigma` looks at."""
    return math.ceil(3 * sigma)


def dividing_lines(inside: NDArray[np.bool_], relief: NDArray[np.uint16], height: int) -> NDArray[np.bool_]:
    """Watershed lines between the hills of `relief` within the 8-connected components of `inside`, (h, w).

    A hill counts if every way from its top to higher ground leads down by `height` or more (h-maxima); the highest
    of a component always counts. The lines follow the valleys, 1 px wide (2 where a valley steps aside), and no
    top is ever on one. The pieces that they leave don't touch, not even at a corner. Components don't influence each
    other.

    Args:
        inside: (h, w), where to look.
        relief: (h, w), high within objects and low between them.
        height: 1 or more, in the units of `relief`.

    Reference: Meyer, "Topographic distance and watershed lines" (1994); the hills that count are those of a dynamic
    of `height` or more after Grimaud, "A new measure of contrast: the dynamics" (1992).
    """
    # SciPy takes half a second to load, and the window opens without it.
    from skimage.segmentation import watershed

    lowered = -relief.astype(np.int32)
    # With lines of its own this function takes minutes for a megapixel.
    hills = np.asarray(watershed(lowered, connectivity=2, mask=inside), np.int32)
    return _between(_merge_low_hills(hills, relief, height)[hills], relief)


def _merge_low_hills(hills: NDArray[np.int32], relief: NDArray[np.uint16], height: int) -> NDArray[np.int32]:
    """For each number in `hills`, (h, w) with 0 for none, the number of the hill that counts and that it is part of."""
    peak = np.zeros(int(hills.max(initial=0)) + 1, np.int64)
    np.maximum.at(peak, hills, relief)
    highest = peak.tolist()
    island = list(range(len(peak)))  # what is connected above the height of the current pass
    piece = list(range(len(peak)))
    for one, other, level in _passes(hills, relief):
        upper, lower = _root(island, one), _root(island, other)
        if upper == lower:
            continue
        if highest[upper] < highest[lower]:
            upper, lower = lower, upper
        island[lower] = upper
        if highest[lower] - level < height:
            piece[_root(piece, one)] = _root(piece, other)
    return np.array([_root(piece, number) for number in piece], np.int32)


def _passes(hills: NDArray[np.int32], relief: NDArray[np.uint16]) -> Iterator[tuple[int, int, int]]:
    """Two neighbouring hills and the height of the highest pass between them, from the highest to the lowest."""
    count = int(hills.max(initial=0)) + 1
    keys, levels = [], []
    for here, there in _NEIGHBOURS:
        one, other = hills[here], hills[there]
        meets = (one != other) & (one > 0) & (other > 0)
        one, other = one[meets].astype(np.int64), other[meets].astype(np.int64)
        keys.append(np.minimum(one, other) * count + np.maximum(one, other))
        levels.append(np.minimum(relief[here][meets], relief[there][meets]))
    key, level = np.concatenate(keys), np.concatenate(levels).astype(np.int64)
    order = np.lexsort((key, -level))
    key, level = key[order], level[order]
    first = np.sort(np.unique(key, return_index=True)[1])
    yield from zip((key[first] // count).tolist(), (key[first] % count).tolist(), level[first].tolist(), strict=True)


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]  # path halving, so that later look-ups are short
        number = parent[number]
    return number


def _between(pieces: NDArray[np.int32], relief: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """The lower pixel of every two that touch and lie in different pieces; 0 is no piece."""
    lines = np.zeros(pieces.shape, np.bool_)
    for here, there in _NEIGHBOURS:
        meets = (pieces[here] != pieces[there]) & (pieces[here] > 0) & (pieces[there] > 0)
        is_lower = relief[here] < relief[there]
        lines[here] |= meets & is_lower
        lines[there] |= meets & ~is_lower
    return lines


_ALL, _HEAD, _TAIL = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = (
    ((_HEAD, _ALL), (_TAIL, _ALL)),
    ((_ALL, _HEAD), (_ALL, _TAIL)),
    ((_HEAD, _HEAD), (_TAIL, _TAIL)),
    ((_HEAD, _TAIL), (_TAIL, _HEAD)),
)
"""Pairs of views in which each pixel lies over one of its neighbours; each pair of neighbours comes once."""
