"""Going through large masks part by part, so that what is worked out on the way takes little memory."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.errors import MaskError

_PART = 2**20
_MOST_VALUES = 2**24
"""Of all masks those with colours can have the most: 8 bits each of red, green and blue."""


def parts(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Indices that divide an array of a shape into parts of about a million values, in order."""
    inner = math.prod(shape[1:])
    if inner > _PART:
        for index in range(shape[0]):
            for rest in parts(shape[1:]):
                yield index, *rest
        return
    step = max(1, _PART // max(1, inner))
    for start in range(0, shape[0], step):
        yield (slice(start, start + step),)


def count_values(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different values, ascending, and how many pixels have each.

    Raises MaskError where there are more than colours have, as in a picture that is no mask.
    """
    present, counts = values.ravel()[:0], np.zeros(0, np.int64)
    waiting: list[tuple[NDArray[Any], NDArray[np.int64]]] = []
    for part in parts(values.shape):
        found, times = np.unique(values[part], return_counts=True)
        waiting.append((found, times))
        if sum(len(new) for new, _ in waiting) > max(_PART, len(present)):  # so that few merges are needed
            present, counts = _merged([(present, counts), *waiting])
            waiting.clear()
    return _merged([(present, counts), *waiting])


def _merged(found: list[tuple[NDArray[Any], NDArray[np.int64]]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    present, where = np.unique(np.concatenate([values for values, _ in found]), return_inverse=True)
    if len(present) > _MOST_VALUES:
        raise MaskError(
            f"The mask has more than {_MOST_VALUES:,} different values, as a picture has. Choose the folder with the "
            "masks, or export the mask as class numbers."
        )
    counts = np.zeros(len(present), np.int64)
    np.add.at(counts, where.ravel(), np.concatenate([times for _, times in found]))
    return present, counts
