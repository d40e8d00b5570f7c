"""False objects: what a mask shows where there is no such thing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED

_SMALLEST = 15
"""Objects of fewer pixels are not counted: nobody would correct one."""


def count_false_objects(truth: NDArray[np.uint8], mask: NDArray[np.uint8]) -> int:
    """The objects of a mask, 8-connected regions of one class, of which more than half is not of that class in truth.

    Both are classes (h, w); where `truth` is 255 nothing is known, and nothing counted.
    """
    known = truth != UNLABELLED
    false = 0
    for value in np.unique(mask[(mask != BACKGROUND) & known]):
        _, numbers = cv2.connectedComponents(((mask == value) & known).astype(np.uint8), connectivity=8)
        sizes = np.bincount(numbers.ravel())
        right = np.bincount(numbers[truth == value], minlength=len(sizes))
        false += int(np.count_nonzero((sizes[1:] >= _SMALLEST) & (2 * right[1:] < sizes[1:])))
    return false
