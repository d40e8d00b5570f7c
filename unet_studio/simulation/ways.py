"""What a person corrects on a plane, by the way of working."""

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.simulation.runs import Way
from unet_studio.simulation.strokes import worst_regions

_WORST = 3


def minded_truth(
    way: Way, cleaned: NDArray[np.uint8], truth: NDArray[np.uint8], *, smallest: int, thinnest: int
) -> NDArray[np.uint8]:
    """The true classes (h, w) where the person would correct what is wrong, and 255 where it would be left.

    `cleaned` is the cleaned-up proposal (h, w). Regions of less than `smallest` pixels, or nowhere `thinnest` pixels
    thick, aren't among the worst.
    """
    if way is Way.ERASE_ONLY:
        minded = truth == BACKGROUND
    elif way is Way.ADD_ONLY:
        minded = truth != BACKGROUND
    elif way is Way.WORST_THREE:
        minded = worst_regions(cleaned, truth, _WORST, smallest=smallest, thinnest=thinnest)
    else:
        return truth
    return np.where(minded, truth, np.uint8(UNLABELLED))
