"""Instances: which pixels belong to one object, and the lines that part objects that touch."""

from collections.abc import Collection, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED


def instances(mask: NDArray[np.uint8], *, boundaries: Collection[int] = ()) -> NDArray[np.int32]:
    """The 4-connected components of every class but background, numbered from 1; 0 is background and unlabelled.

    Args:
        mask: (h, w) class indices; touching components of different classes stay apart.
        boundaries: classes that only divide, such as membranes. They get 0, and where there are any it is the
            components of the background between them that are numbered.
    """
    result = np.zeros(mask.shape, np.int32)
    total = 0
    for index in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)):
        divides = index in boundaries or (index == BACKGROUND and not boundaries)
        if divides or index == UNLABELLED:
            continue
        found, labels = cv2.connectedComponents((mask == index).view(np.uint8), connectivity=4)
        np.add(result, labels + total, out=result, where=labels > 0)
        total += found - 1
    return result


def thin_borders(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """Instance numbers (h, w) in which every pixel that was 0 has the number of the nearest instance.

    Scores of how a plane is divided use it, so that no border between instances is too thick or too thin. All 0 where
    there is no instance.

    Reference: Arganda-Carreras et al. 2015, doi 10.3389/fnana.2015.00142 (V-Rand "after border thinning").
    """
    if not numbers.any():
        return numbers.copy()
    is_border = (numbers == 0).view(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        is_border, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number_of = np.zeros(int(nearest.max()) + 1, np.int32)
    number_of[nearest[is_border == 0]] = numbers[is_border == 0]
    return number_of[nearest]


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
    island = list(range(len(peak)))  # all that is connected above the pass at hand
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
        parent[number] = parent[parent[number]]  # halve the way for those who come after
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
