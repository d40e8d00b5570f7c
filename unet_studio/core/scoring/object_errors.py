"""Where a mask is wrong, object by object: false, missed, merged, split, or with its border off."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError

_TOUCHED = 0.1
"""An object that shares less than this part of its pixels with objects of the other side isn't among them."""
_MOST = 0.5
"""An object that shares more than this part of its pixels with another belongs to it."""


class ErrorKind(StrEnum):
    """What is wrong with an object."""

    FALSE = "false"
    """It is in the mask, and the labels have nothing of its class there."""
    MISSED = "missed"
    """It is labelled, and the mask has nothing of its class there."""
    MERGED = "merged"
    """One object of the mask covers most of each of several labelled ones."""
    SPLIT = "split"
    """Several objects of the mask lie in one labelled one."""
    BORDER = "border"
    """It is found, but its border is somewhere else."""


@dataclass(frozen=True, slots=True)
class ObjectError:
    """One error: of which class, in which box of the plane, and how large.

    `size` counts pixels: of the object in the mask (false, merged), of the labelled one (missed, split), and for a
    border the pixels that are wrong. `distance` is how far the border is off at most, in pixels; 0 for other kinds.
    """

    kind: ErrorKind
    class_index: int
    box: Box
    size: int
    distance: float = 0.0


def find_object_errors(
    labels: NDArray[np.uint8], mask: NDArray[np.uint8], *, smallest: int = 10, least_distance: float = 2.0
) -> list[ObjectError]:
    """The errors of a mask against labels, the largest first.

    Objects are the 4-connected components of each class. What nobody labelled counts neither way: an object is judged
    by its labelled pixels. Each object of the labels and of the mask is part of one error at most.

    Args:
        labels: (h, w) class indices, 255 where unlabelled.
        mask: (h, w) class indices.
        smallest: objects of fewer pixels are passed over.
        least_distance: a border that is off by less is right.

    Raises MaskError where the shapes differ.
    """
    if labels.shape != mask.shape:
        raise MaskError(f"The mask is {mask.shape} pixels and the labels are {labels.shape}; they must be the same.")
    judged = labels != UNLABELLED
    found: list[ObjectError] = []
    for index in np.unique(np.concatenate((np.unique(labels), np.unique(mask)))):
        if index not in (BACKGROUND, UNLABELLED):
            found += _errors_of_class(int(index), labels == index, (mask == index) & judged, smallest, least_distance)
    return sorted(found, key=lambda error: (-error.size, error.box.y0, error.box.x0))


@dataclass(frozen=True, slots=True, eq=False)
class _Objects:
    """The components of one side: their numbers (h, w), and by number their pixels and boxes; 0 is none."""

    numbers: NDArray[np.int32]
    sizes: NDArray[np.int64]
    boxes: list[Box]

    @classmethod
    def of(cls, is_class: NDArray[np.bool_]) -> "_Objects":
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(is_class.view(np.uint8), connectivity=4)
        boxes = [Box(int(y), int(x), int(y + h), int(x + w)) for x, y, w, h, _ in stats]
        return cls(np.asarray(numbers, np.int32), stats[:, cv2.CC_STAT_AREA].astype(np.int64), boxes)


def _errors_of_class(
    index: int, labelled: NDArray[np.bool_], masked: NDArray[np.bool_], smallest: int, least_distance: float
) -> Iterator[ObjectError]:
    truth, found = _Objects.of(labelled), _Objects.of(masked)
    shared = _shared(truth, found)
    covers: dict[int, list[int]] = defaultdict(list)  # labelled objects by the one of the mask that has most of each
    holds: dict[int, list[int]] = defaultdict(list)  # those of the mask by the labelled one that most of each lies in
    for (t, f), pixels in shared.items():
        if pixels > _MOST * truth.sizes[t]:
            covers[f].append(t)
        if pixels > _MOST * found.sizes[f] and pixels > _TOUCHED * truth.sizes[t]:
            holds[t].append(f)
    done_truth: set[int] = set()
    done_found: set[int] = set()

    def error(kind: ErrorKind, objects: _Objects, number: int) -> Iterator[ObjectError]:
        if objects.sizes[number] >= smallest:
            yield ObjectError(kind, index, objects.boxes[number], int(objects.sizes[number]))

    for f, parts in covers.items():
        if len(large := [t for t in parts if truth.sizes[t] >= smallest]) > 1:
            yield from error(ErrorKind.MERGED, found, f)
            done_found.add(f)
            done_truth.update(large)
    for t, pieces in holds.items():
        large = [f for f in pieces if found.sizes[f] >= smallest and f not in done_found]
        if t not in done_truth and len(large) > 1:
            yield from error(ErrorKind.SPLIT, truth, t)
            done_truth.add(t)
            done_found.update(large)
    in_truth, in_found = np.zeros(len(truth.sizes)), np.zeros(len(found.sizes))
    for (t, f), pixels in shared.items():
        in_truth[t] += pixels
        in_found[f] += pixels
    for f in range(1, len(found.sizes)):
        if f not in done_found and in_found[f] < _TOUCHED * found.sizes[f]:
            yield from error(ErrorKind.FALSE, found, f)
            done_found.add(f)
    for t in range(1, len(truth.sizes)):
        if t not in done_truth and in_truth[t] < _TOUCHED * truth.sizes[t]:
            yield from error(ErrorKind.MISSED, truth, t)
            done_truth.add(t)
    pairs = sorted(((pixels, t, f) for (t, f), pixels in shared.items()), reverse=True)
    for _, t, f in pairs:
        if t not in done_truth and f not in done_found:
            done_truth.add(t)
            done_found.add(f)
            yield from _border_error(index, truth, t, found, f, smallest, least_distance)


def _shared(truth: _Objects, found: _Objects) -> dict[tuple[int, int], int]:
    """How many pixels each two objects share, where they share any."""
    both = (truth.numbers > 0) & (found.numbers > 0)
    pairs = truth.numbers[both].astype(np.int64) * len(found.sizes) + found.numbers[both]
    values, counts = np.unique(pairs, return_counts=True)
    return {
        (int(value) // len(found.sizes), int(value) % len(found.sizes)): int(number)
        for value, number in zip(values, counts, strict=True)
    }


def _border_error(
    index: int, truth: _Objects, t: int, found: _Objects, f: int, smallest: int, least_distance: float
) -> Iterator[ObjectError]:
    """How far the border of an object of the mask is at most from that of the labelled one that it is."""
    box = truth.boxes[t].union(found.boxes[f])
    around = box.grow(1).intersect(Box.of_shape(truth.numbers.shape))
    is_truth = truth.numbers[around.slices] == t
    is_found = found.numbers[around.slices] == f
    wrong = is_truth != is_found
    size = int(np.count_nonzero(wrong))
    if size < smallest:
        return
    outside = cv2.distanceTransform((~is_truth).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # A box that the labelled object fills has no pixel outside it to measure from.
    inside = cv2.distanceTransform(np.pad(is_truth, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    distance = float(np.where(is_truth, inside, outside)[wrong].max())
    if distance >= least_distance:
        yield ObjectError(ErrorKind.BORDER, index, box, size, distance)
