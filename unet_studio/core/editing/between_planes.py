"""Between planes: labels carried over from the planes above and below in a stack."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, MAX_CLASSES, UNLABELLED
from unet_studio.core.editing.regions import NOWHERE, Region, check_size
from unet_studio.core.editing.repaint import Repaint
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.tiles import Box, tile_box


def interpolate(first: NDArray[np.uint8], last: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The labels (h, w) at `share`, 0…1, of the way from the plane `first` to the plane `last`.

    Shape-based interpolation (Raya & Udupa 1990): each pixel gets the class with the largest signed distance to its
    own outline, interpolated between the two planes. Background and unlabelled count as one class here, the rest; it
    is background where both planes are labelled, and unlabelled elsewhere. A class that only one of the planes has
    counts as unlabelled there, background too, for nobody said where it ends. At 0 and 1 the result is the plane.
    """
    if share in (0.0, 1.0):
        return (last if share else first).copy()
    classes = sorted(_classes(first) & _classes(last))
    first, last = _only(first, classes), _only(last, classes)
    rest = np.uint8(BACKGROUND if BACKGROUND in classes else UNLABELLED)
    result = np.where((first != UNLABELLED) & (last != UNLABELLED), rest, np.uint8(UNLABELLED))
    highest = _between(_is_rest(first), _is_rest(last), share)
    for index in classes:
        if index != BACKGROUND:
            distance = _between(first == index, last == index, share)
            result[distance > highest] = index
            np.maximum(highest, distance, out=highest)
    return result


def interpolate_planes(lower: LabelPlane, upper: LabelPlane, between: Sequence[LabelPlane]) -> Iterator[Repaint]:
    """What the planes between two labelled ones are to be labelled with, in the order of `between`.

    Pixels that are labelled there already stay as they are. Only the box around the labels is worked on, each plane
    when its turn comes. All planes have the same shape. Raises RegionError where the box is too large.
    """
    box = _labelled_box(lower).union(_labelled_box(upper))
    check_size(box)
    # One pixel more is unlabelled, unless the plane ends here: so that distances are the same as on the whole plane.
    around = box.grow(1).intersect(Box.of_shape(lower.shape)) if not box.is_empty else box
    first, last = lower.read(around), upper.read(around)
    for number, plane in enumerate(between, start=1):
        yield _where_unlabelled(plane, around, interpolate(first, last, number / (len(between) + 1)))


def copy_labels(source: LabelPlane, target: LabelPlane) -> Repaint:
    """What `target` is to be labelled with to have the labels of `source` as well, a plane of the same shape.

    Pixels that are labelled there already stay as they are. Raises RegionError where the labels span too large a box.
    """
    box = _labelled_box(source)
    check_size(box)
    return _where_unlabelled(target, box, source.read(box))


def _where_unlabelled(plane: LabelPlane, box: Box, labels: NDArray[np.uint8]) -> Repaint:
    if box.is_empty:
        return Repaint(NOWHERE, labels)
    return Repaint(Region(box, (labels != UNLABELLED) & (plane.read(box) == UNLABELLED)), labels)


def _labelled_box(plane: LabelPlane) -> Box:
    """The smallest box around all labels."""
    box = Box(0, 0, 0, 0)
    for cell in plane.cells:
        tile = plane.tile(cell)
        if tile is not None:
            x, y, width, height = cv2.boundingRect((tile != UNLABELLED).view(np.uint8))
            origin = tile_box(cell)
            box = box.union(Box(origin.y0 + y, origin.x0 + x, origin.y0 + y + height, origin.x0 + x + width))
    return box


def _classes(labels: NDArray[np.uint8]) -> set[int]:
    pixels = cv2.calcHist([labels], [0], None, [256], [0, 256])
    return {index for index in range(MAX_CLASSES) if pixels[index] > 0}


def _only(labels: NDArray[np.uint8], classes: Sequence[int]) -> NDArray[np.uint8]:
    """`labels` with every class but these as unlabelled."""
    table = np.full(256, UNLABELLED, dtype=np.uint8)
    table[list(classes)] = classes
    return np.take(table, labels)


def _is_rest(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.isin(labels, (BACKGROUND, UNLABELLED))


def _between(first: NDArray[np.bool_], last: NDArray[np.bool_], share: float) -> NDArray[np.float32]:
    """The signed distances to two shapes, interpolated."""
    distance = _signed_distance(first)
    distance *= np.float32(1 - share)
    distance += np.float32(share) * _signed_distance(last)
    return distance


def _signed_distance(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance in pixels of each pixel's centre to a shape's outline, positive inside.

    Where there is no outline, all is as far inside or outside as the array's diagonal is long.
    """
    farthest = float(np.hypot(*inside.shape))
    if inside.all() or not inside.any():
        return np.full(inside.shape, farthest if inside.any() else -farthest, dtype=np.float32)
    bits = np.ascontiguousarray(inside).view(np.uint8)
    distance = _distance(bits)
    distance -= _distance(1 - bits)
    distance -= np.float32(0.5) * (2 * bits.astype(np.float32) - 1)
    return distance


def _distance(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    """From each pixel that is 1 to the nearest that is 0."""
    return np.asarray(cv2.distanceTransform(bits, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
