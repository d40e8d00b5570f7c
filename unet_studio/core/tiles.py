"""The tile grid: what is painted, stored, undone and proposed are tiles of 256 × 256 pixels."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE = 256
"""Side of a tile in pixels."""

Cell = tuple[int, int]
"""(row, column) of a tile in the grid."""


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle of pixels, y0 ≤ y < y1 and x0 ≤ x < x1; it is empty where a side is not positive."""

    y0: int
    x0: int
    y1: int
    x1: int

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> "Box":
        """The whole of an array of this (height, width, …)."""
        return cls(0, 0, shape[0], shape[1])

    @property
    def height(self) -> int:
        return max(0, self.y1 - self.y0)

    @property
    def width(self) -> int:
        return max(0, self.x1 - self.x0)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def is_empty(self) -> bool:
        return self.y1 <= self.y0 or self.x1 <= self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this box in an array whose origin is (0, 0)."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def within(self, outer: "Box") -> tuple[slice, slice]:
        """Index of this box in an array that covers `outer`."""
        return slice(self.y0 - outer.y0, self.y1 - outer.y0), slice(self.x0 - outer.x0, self.x1 - outer.x0)

    def intersect(self, other: "Box") -> "Box":
        return Box(max(self.y0, other.y0), max(self.x0, other.x0), min(self.y1, other.y1), min(self.x1, other.x1))

    def union(self, other: "Box") -> "Box":
        """The smallest box around both; an empty box adds nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return Box(min(self.y0, other.y0), min(self.x0, other.x0), max(self.y1, other.y1), max(self.x1, other.x1))

    def grow(self, margin: int) -> "Box":
        return Box(self.y0 - margin, self.x0 - margin, self.y1 + margin, self.x1 + margin)


def tile_box(cell: Cell, side: int = TILE) -> Box:
    """The pixels that the tile at `cell` covers."""
    row, column = cell
    return Box(row * side, column * side, (row + 1) * side, (column + 1) * side)


def cells_over(box: Box, side: int = TILE) -> Iterator[Cell]:
    """The cells of all tiles that share a pixel with `box`, row by row."""
    if box.is_empty:
        return
    for row in range(box.y0 // side, (box.y1 - 1) // side + 1):
        for column in range(box.x0 // side, (box.x1 - 1) // side + 1):
            yield row, column


def pack(values: NDArray[np.uint8]) -> bytes:
    """Compress uint8 values; level 1, since most tiles are nearly constant and painting must not wait."""
    return zlib.compress(np.ascontiguousarray(values).tobytes(), level=1)


def unpack(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The values that `pack` compressed, as a writable array of `shape`.

    Raises zlib.error, ValueError or TypeError for other data, without unpacking more than `shape` takes.
    """
    size = math.prod(shape)
    unpacking = zlib.decompressobj()
    values = unpacking.decompress(data, size + 1)  # one more, so that the end of the data is come to
    if len(values) != size or not unpacking.eof:
        raise ValueError(f"a tile has other than {size} values")
    return np.frombuffer(bytearray(values), dtype=np.uint8).reshape(shape)
