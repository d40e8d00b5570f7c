"""Clean-up: the ordered recipe of steps that turns a proposal's classes into a tidy mask.

Its steps are morphology (`morphology.py`), watersheds, which separate touching objects (`watershed.py`), and the dense
CRF, which moves the outlines of a proposal to those of the slide (`dense_crf.py`). The CRF works on the probabilities,
so it comes before all others, wherever it stands in the recipe, and isn't applied here.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, MAX_CLASSES
from unet_studio.core.cleaning.morphology import OPERATIONS, Bits
from unet_studio.core.cleaning.steps import WATERSHEDS, Step, without_crf
from unet_studio.core.cleaning.watershed import blur_radius, divide
from unet_studio.core.tiles import Box

LONGEST_OBJECT = 256
"""An object or a hole longer than this many pixels may come out differently on a region than on the whole plane."""


def clean_up(
    mask: NDArray[np.uint8], steps: Sequence[Step], probabilities: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Apply `steps` one after the other to `mask`, (h, w) class indices; returns a new array.

    The watersheds look at `probabilities`, (h, w, channels) of all classes but background, 0…255; without them the
    classes of `mask` count as certain. A step crf changes nothing here: it is for the probabilities that `mask` is of.

    Each step treats its classes in order of index. A class that grows takes background only, never a pixel of another
    class, and a pixel that a class loses becomes background. Beyond the edge of the plane nothing is known: classes
    neither grow from there nor are eroded from there, and a gap that touches the edge is no hole.
    """
    result = np.array(mask, order="C")
    for step in without_crf(steps):
        for index in _classes_of(step, result):
            if step.operation in WATERSHEDS:
                divide(step, result, index, _probability(index, mask, probabilities))
            else:
                _apply(step, result, index)
    return result


def halo(steps: Iterable[Step]) -> int:
    """How many pixels of surroundings a region needs so that its inside comes out as on the whole plane.

    It is for the steps that work on a mask; a crf reads what surrounds it by itself. Exact for the four operations with
    a disc. For fill-holes and remove-small it is exact up to an area of `LONGEST_OBJECT`; beyond that only for objects
    and holes that are no longer than this. So are the watersheds, where an object is a component before they
    divide it: in a longer one the lines within the region may run elsewhere, or one may be missing or too many.
    """
    total = 0
    for step in without_crf(steps):
        if step.operation in WATERSHEDS:
            total += LONGEST_OBJECT + blur_radius(step.amount)
        elif discs := OPERATIONS[step.operation].discs:
            total += discs * int(step.amount)
        else:
            total += min(int(step.amount) or LONGEST_OBJECT, LONGEST_OBJECT)
    return total


def _classes_of(step: Step, mask: NDArray[np.uint8]) -> Sequence[int]:
    if step.class_index is not None:
        return (step.class_index,)
    pixels = cv2.calcHist([mask], [0], None, [256], [0, 256])
    return [index for index in range(BACKGROUND + 1, MAX_CLASSES) if pixels[index] > 0]


def _apply(step: Step, mask: NDArray[np.uint8], index: int) -> None:
    """Apply `step` to one class of `mask`, in place."""
    operation = OPERATIONS[step.operation]
    bits = (mask == index).view(np.uint8)
    extent = _extent(bits)
    if extent.is_empty:
        return
    # As far as the class can grow, and one pixel more, so that the cut is not taken for the edge of the plane.
    amount = int(step.amount)
    margin = 1 + (amount if operation.discs else 0)
    box = extent.grow(margin).intersect(Box.of_shape(mask.shape)).slices
    region, before = mask[box], bits[box]
    after = operation.apply(before, amount)
    lost, gained = before > after, (after > before) & (region == BACKGROUND)
    # In sums, because assigning through a boolean index takes many times as long on ragged masks.
    region -= lost * np.uint8(index)
    region += gained * np.uint8(index)


def _probability(index: int, mask: NDArray[np.uint8], probabilities: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """(h, w), 0…255; of a class that the model doesn't know, 0 everywhere."""
    if probabilities is None:
        return np.where(mask == index, np.uint8(255), np.uint8(0))
    if index > probabilities.shape[2]:
        return np.zeros(mask.shape, np.uint8)
    of_class: NDArray[np.uint8] = probabilities[..., index - 1]
    return of_class


def _extent(bits: Bits) -> Box:
    x, y, width, height = cv2.boundingRect(bits)
    return Box(y, x, y + height, x + width)
