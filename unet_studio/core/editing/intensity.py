"""Raw intensity, as tools compare it: what is around a pixel, and which pixels are like it."""

import cv2
import numpy as np
from numpy.typing import NDArray

_CV_CHANNELS = 4  # as many as OpenCV's bounds hold


def around_pixel(pixels: NDArray[np.generic], centre: tuple[int, int], radius: int) -> NDArray[np.float64]:
    """The finite pixels (n, channels) of (h, w, channels) at most `radius` rows and columns from `centre`."""
    row, column = centre
    window = pixels[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1]
    return finite_pixels(window)


def finite_pixels(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    """The pixels (n, channels) of (h, w, channels) that are finite in all channels."""
    values = pixels.reshape(-1, pixels.shape[-1]).astype(np.float64)
    return values[np.isfinite(values).all(axis=1)]


def between(pixels: NDArray[np.generic], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each pixel of (h, w, channels) is within low[c]…high[c] in all channels; NaN and inf never are."""
    if pixels.dtype.kind == "f":
        limits = np.finfo(np.float32)
        least, most = np.maximum(low, limits.min), np.minimum(high, limits.max)
    else:
        least, most = np.ceil(low), np.floor(high)  # OpenCV would round them
    inside = np.ones(pixels.shape[:2], dtype=bool)
    for first in range(0, pixels.shape[2], _CV_CHANNELS):
        group = slice(first, first + _CV_CHANNELS)
        values = np.ascontiguousarray(pixels[..., group])
        inside &= cv2.inRange(values, least[group], most[group]).view(np.bool_)
    return inside
