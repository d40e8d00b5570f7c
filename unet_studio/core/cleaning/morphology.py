"""Binary morphology by discs, and by the area of components, on one class of a plane at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
"""One class of a plane: (h, w), 1 inside and 0 outside."""


def _dilate(bits: Bits, radius: int) -> Bits:
    """1 wherever a pixel of `bits` lies within `radius`, dy² + dx² ≤ radius².

    Works on 64 pixels at once: the rows are packed into one line of words, widened pixel by pixel, and laid over the
    result at each distance dy that the disc is so wide.
    """
    height, width = bits.shape
    # The empty end of each row is longer than the radius, so that no row runs into the next.
    words = (width + radius) // 64 + 1
    rows = np.zeros((height, words * 8), np.uint8)
    rows[:, : (width + 7) // 8] = np.packbits(bits, axis=1, bitorder="little")
    line = rows.view("<u8").ravel()
    result = np.zeros_like(line)
    half_width = 0
    for dy in range(radius, -1, -1):
        while dy * dy + (half_width + 1) ** 2 <= radius * radius:
            line = _widen(line)
            half_width += 1
        overlap = max(0, height - dy) * words
        result[line.size - overlap :] |= line[:overlap]
        result[:overlap] |= line[line.size - overlap :]
    unpacked = np.unpackbits(result.view(np.uint8).reshape(height, -1), axis=1, bitorder="little")
    return unpacked[:, :width]


def _widen(line: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Set the bits on both sides of each set bit; bit 0 is the leftmost of a word."""
    one, last = np.uint64(1), np.uint64(63)
    wider: NDArray[np.uint64] = line | line << one | line >> one
    wider[:-1] |= line[1:] << last
    wider[1:] |= line[:-1] >> last
    return wider


def _erode(bits: Bits, radius: int) -> Bits:
    return 1 - _dilate(1 - bits, radius)


def _open(bits: Bits, radius: int) -> Bits:
    return _dilate(_erode(bits, radius), radius)


def _close(bits: Bits, radius: int) -> Bits:
    return _erode(_dilate(bits, radius), radius)


def _fill_holes(bits: Bits, area: int) -> Bits:
    """Fill what 4-connected paths can't leave, up to `area` pixels a hole (0: any size)."""
    labels, size = _components(1 - bits, connectivity=4)
    filled = size <= area if area else np.ones(len(size), dtype=bool)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        filled[border] = False
    filled[0] = True
    return np.take(filled.view(np.uint8), labels)


def _remove_small(bits: Bits, area: int) -> Bits:
    """Keep the 8-connected components of `area` pixels and more."""
    labels, size = _components(bits, connectivity=8)
    kept = size >= area
    kept[0] = False
    return np.take(kept.view(np.uint8), labels)


def _components(bits: Bits, *, connectivity: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """(h, w) component numbers, 0 where `bits` is 0, and the area of each component.

    OpenCV's own statistics take three times as long as the components themselves, for more than is needed here.
    """
    _, labels = cv2.connectedComponents(bits, connectivity=connectivity)
    numbers = np.asarray(labels, np.int32)
    return numbers, np.bincount(numbers.ravel())


@dataclass(frozen=True, slots=True)
class Operation:
    """What a step does to the bits of one class."""

    apply: Callable[[Bits, int], Bits]
    discs: int
    """How often a disc goes over the plane; 0 where the amount is an area."""
    least: int
    """The smallest amount that makes sense."""


OPERATIONS = {
    "dilate": Operation(_dilate, discs=1, least=1),
    "erode": Operation(_erode, discs=1, least=1),
    "open": Operation(_open, discs=2, least=1),
    "close": Operation(_close, discs=2, least=1),
    "fill-holes": Operation(_fill_holes, discs=0, least=0),
    "remove-small": Operation(_remove_small, discs=0, least=1),
}
"""The morphology by the names that recipes use."""
