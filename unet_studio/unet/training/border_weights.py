"""Border weights: a larger loss on the thin background between objects that nearly touch."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED

_CUTOFF = 4.0
"""Beyond so many σ of both distances together a weight is below e⁻⁸ of w0 and taken as 0."""


def border_weights(labels: NDArray[np.uint8], *, w0: float, sigma: float) -> NDArray[np.float32]:
    """The border weight (h, w) float32 of each background pixel of labels (h, w): w0 exp(-(d1 + d2)² / 2σ²).

    d1 and d2 are the distances in pixels to the nearest and the second nearest object: a connected component of any
    class but background. Everywhere else the weight is 0, and so it is where there are fewer than two objects near.

    Reference: Ronneberger et al. 2015, arXiv:1505.04597, equation 2, without the class weights w_c.
    """
    objects = (labels != BACKGROUND) & (labels != UNLABELLED)
    count, numbers = cv2.connectedComponents(objects.astype(np.uint8), connectivity=8)
    cutoff = int(np.ceil(_CUTOFF * sigma))
    first = np.full(labels.shape, np.inf, dtype=np.float32)
    second = first.copy()
    for number, part in enumerate(_slices(numbers, count, cutoff), start=1):
        inside = numbers[part] == number
        distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        second[part] = np.minimum(second[part], np.maximum(first[part], distance))
        first[part] = np.minimum(first[part], distance)
    weights = w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))
    return np.where(labels == BACKGROUND, weights, 0).astype(np.float32)


def _slices(numbers: NDArray[np.int32], count: int, cutoff: int) -> list[tuple[slice, slice]]:
    """The part of the array around each component 1…count - 1 within which a weight of it isn't 0."""
    top, left = np.full((2, count), max(numbers.shape))
    bottom, right = np.zeros((2, count), dtype=np.int64)
    y, x = np.nonzero(numbers)
    of_pixel = numbers[y, x]
    for least, most, place in ((top, bottom, y), (left, right, x)):
        np.minimum.at(least, of_pixel, place)
        np.maximum.at(most, of_pixel, place)
    return [
        (slice(max(0, top[n] - cutoff), bottom[n] + cutoff + 1), slice(max(0, left[n] - cutoff), right[n] + cutoff + 1))
        for n in range(1, count)
    ]
