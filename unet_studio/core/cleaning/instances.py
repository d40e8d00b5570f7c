"""Instances: connected components as numbered objects, and the thinning of the borders between them."""

from collections.abc import Collection

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
