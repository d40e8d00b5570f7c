"""How tiles cover a plane: where they lie, how they blend where they overlap, and what is read for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.tiles import Box

Read = Callable[[Box], NDArray[np.float32]]
"""Gives the network's input (h, w, channels) for a box on a plane."""
OVERLAP = 96
"""Neighbouring tiles share so many pixels or more."""

Tile = tuple[int, int]
"""(row, column) of a tile among those that cover a plane, or of a block of them."""

Span = tuple[int, int]
"""First pixel and end along one axis of a plane."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How tiles cover a plane in one direction: the first pixel of each, and how much each of its pixels counts.

    `weights` are (n, side) float32; those of all tiles that cover a pixel sum to 1.
    """

    side: int
    starts: Sequence[int]
    weights: NDArray[np.float32]

    @classmethod
    def covering(cls, length: int, side: int) -> "Axis":
        starts = _starts(length, side)
        places = np.array(starts)[:, None] + np.arange(side)
        ramps = np.tile(_ramp(side), (len(starts), 1))
        total = np.bincount(places.ravel(), ramps.ravel())
        return cls(side, starts, (ramps / total[places]).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Grid:
    """The tiles of a plane of `shape` (h, w)."""

    shape: tuple[int, int]
    y: Axis
    x: Axis

    def box(self, tile: Tile) -> Box:
        """The pixels of a tile; beyond the plane where that is smaller."""
        y0, x0 = self.y.starts[tile[0]], self.x.starts[tile[1]]
        return Box(y0, x0, y0 + self.y.side, x0 + self.x.side)

    def add(self, total: NDArray[np.float32], covered: Box, tile: Tile, values: NDArray[np.float32]) -> None:
        """Add what a tile says (side, side, n) to `total`, an array over the box `covered`, by the pixels' weights."""
        box = self.box(tile)
        common = box.intersect(covered)
        rows, columns = common.within(box)
        weights = self.y.weights[tile[0], rows, None] * self.x.weights[tile[1], columns]
        total[common.within(covered)] += values[rows, columns] * weights[..., None]


class Blocks:
    """The tiles of a plane in blocks, each (row, column) of these `rows` and `columns` of tiles.

    Blocks overlap as their tiles do: the plane falls into pieces that are part of the same blocks.
    """

    def __init__(self, grid: Grid, rows: Sequence[range], columns: Sequence[range]) -> None:
        self.grid = grid
        self.all = list(product(range(len(rows)), range(len(columns))))
        self._rows, self._columns = rows, columns
        self._spans = (_spans(grid.y, grid.shape[0], rows), _spans(grid.x, grid.shape[1], columns))
        self._parts = tuple(_parts(spans) for spans in self._spans)

    def tiles(self, block: Tile) -> list[Tile]:
        return list(product(self._rows[block[0]], self._columns[block[1]]))

    def box(self, block: Tile) -> Box:
        """The pixels of a block on the plane."""
        (y0, y1), (x0, x1) = (spans[number] for spans, number in zip(self._spans, block, strict=True))
        return Box(y0, x0, y1, x1)

    def pieces(self, block: Tile) -> Iterator[tuple[Box, int]]:
        """The pieces of a block, from top to bottom, and of how many blocks each is part."""
        rows, columns = (
            [(start, end, len(among)) for (start, end), among in parts if number in among]
            for parts, number in zip(self._parts, block, strict=True)
        )
        for (y0, y1, blocks_y), (x0, x1, blocks_x) in product(rows, columns):
            yield Box(y0, x0, y1, x1), blocks_y * blocks_x


def even_groups(tiles: int, size: int) -> list[range]:
    """Neighbouring tiles in groups of at most `size`, as even as can be."""
    count = -(-tiles // size)
    return [range(first, end) for first, end in pairwise(tiles * number // count for number in range(count + 1))]


def _spans(axis: Axis, length: int, groups: Sequence[range]) -> list[Span]:
    """What each group of tiles covers of a plane of this length."""
    return [(axis.starts[group[0]], min(axis.starts[group[-1]] + axis.side, length)) for group in groups]


def _parts(spans: Sequence[Span]) -> list[tuple[Span, list[int]]]:
    """The parts into which the ends of `spans` cut what they cover, and the numbers of the spans that cover each."""
    cuts = sorted({cut for span in spans for cut in span})
    return [
        ((start, end), [number for number, span in enumerate(spans) if span[0] <= start and end <= span[1]])
        for start, end in pairwise(cuts)
    ]


def distance(box: Box, other: Box) -> int:
    """How far the middles of two boxes are apart, squared, in half pixels."""
    down, right = box.y0 + box.y1 - other.y0 - other.y1, box.x0 + box.x1 - other.x0 - other.x1
    return down * down + right * right


def read_mirrored(read: Read, box: Box, shape: tuple[int, int]) -> NDArray[np.float32]:
    """What `read` gives for a box that may leave the plane, mirrored at the plane's borders."""
    inside = box.intersect(Box.of_shape(shape))
    values = read(inside)
    before_y, after_y = inside.y0 - box.y0, box.y1 - inside.y1
    before_x, after_x = inside.x0 - box.x0, box.x1 - inside.x1
    if before_y == after_y == before_x == after_x == 0:
        return values
    return np.pad(values, ((before_y, after_y), (before_x, after_x), (0, 0)), mode="symmetric")


def _starts(length: int, side: int) -> list[int]:
    """First pixels of tiles of `side` that cover `length`, evenly spread, overlapping by `OVERLAP` or more."""
    if length <= side:
        return [0]
    count = -(-(length - OVERLAP) // (side - OVERLAP))
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _ramp(side: int) -> NDArray[np.float32]:
    edge = min(OVERLAP, side // 2)
    distance = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
    # A squared cosine (Hann window), which is smooth. Never 0, so that the plane's own border has a weight.
    ramp: NDArray[np.float64] = np.sin(np.minimum(distance / edge, 1.0) * np.pi / 2) ** 2
    return np.maximum(ramp, 1e-3).astype(np.float32)
