"""Label planes: what a person said of each pixel of a plane, kept as tiles; only an edit changes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, tile_box


class PlaneState(StrEnum):
    """How far a person got with a plane; `NEW` and `PROPOSED` follow from whether there is a proposal."""

    NEW = "new"
    PROPOSED = "proposed"
    CORRECTED = "corrected"
    REVIEWED = "reviewed"

    @property
    def after_edit(self) -> "PlaneState":
        """A reviewed plane stays reviewed when it is touched up; any other becomes corrected."""
        return PlaneState.REVIEWED if self is PlaneState.REVIEWED else PlaneState.CORRECTED


@dataclass(frozen=True, slots=True, order=True)
class PlaneId:
    """One plane of one slide; `slide` is the slide's path relative to its folder, with forward slashes."""

    slide: str
    plane: int = 0


@dataclass(frozen=True, slots=True)
class ProposalId:
    """One proposal for a plane among all that models ever made: the model's id, and what tells its proposals apart."""

    model: str
    version: str

    def __str__(self) -> str:
        return f"{self.model}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> "ProposalId":
        """The proposal that `str` wrote; a model's id is the name of a folder, so it has no slash."""
        model, _, version = text.partition("/")
        return cls(model, version)


UNKNOWN_PROPOSAL = ProposalId("", "")
"""Some proposal of which a project of an earlier version doesn't tell which one it was."""


class LabelPlane:
    """The labels of one plane, kept as the tiles that have any; a missing tile is all unlabelled.

    Tiles of one class throughout take almost no memory. Only one thread may write, and others read a `snapshot`.
    """

    def __init__(self, shape: tuple[int, int], tiles: Iterable[tuple[Cell, NDArray[np.uint8]]] = ()) -> None:
        self.shape = shape
        self.version = 0
        """Grows with every write."""
        self._tiles = {cell: _shared(tile) for cell, tile in tiles}
        self._own: set[Cell] = set()  # the tiles that are not shared, which may be written in place

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells that may hold labelled pixels."""
        return frozenset(self._tiles)

    def tile(self, cell: Cell) -> NDArray[np.uint8] | None:
        """The stored tile (256, 256), not a copy and not to be written, or None where nothing was labelled."""
        return self._tiles.get(cell)

    @property
    def is_full(self) -> bool:
        """Whether every pixel of the plane is labelled."""
        plane = Box.of_shape(self.shape)
        for cell in cells_over(plane):
            covered = tile_box(cell)
            tile = self._tiles.get(cell)
            if tile is None or (tile[covered.intersect(plane).within(covered)] == UNLABELLED).any():
                return False
        return True

    def has_objects(self) -> bool:
        """Whether any pixel is labelled as something else than background."""
        return any(((tile != BACKGROUND) & (tile != UNLABELLED)).any() for tile in self._tiles.values())

    def read(self, box: Box, *, shrink: int = 1) -> NDArray[np.uint8]:
        """A copy of the labels inside `box`, (h, w) uint8; unlabelled where the box leaves the plane.

        With `shrink`, a power of two up to 256, every shrink-th pixel is taken and `box` counts these.
        """
        labels = np.full(box.shape, UNLABELLED, dtype=np.uint8)
        side = TILE // shrink
        for cell in cells_over(box, side):
            tile = self._tiles.get(cell)
            if tile is not None:  # plain numbers: a picture of a whole large plane takes thousands of tiles
                top, left = cell[0] * side, cell[1] * side
                y0, y1 = max(top, box.y0), min(top + side, box.y1)
                x0, x1 = max(left, box.x0), min(left + side, box.x1)
                labels[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = tile[
                    (y0 - top) * shrink : (y1 - top) * shrink : shrink,
                    (x0 - left) * shrink : (x1 - left) * shrink : shrink,
                ]
        return labels

    def write(self, box: Box, labels: NDArray[np.uint8]) -> None:
        """Replace the labels inside `box`, which must lie on the plane."""
        self.version += 1
        for cell in cells_over(box):
            covered = tile_box(cell)
            common = covered.intersect(box)
            part = labels[common.within(box)]
            if common == covered:
                shared = _shared(part)
                self._tiles[cell] = part.copy() if shared is part else shared
                self._own.discard(cell)
            else:
                self._own_tile(cell)[common.within(covered)] = part

    def snapshot(self) -> "LabelPlane":
        """The labels as they are now, for another thread; tiles are shared until one of the two writes them."""
        copy = LabelPlane(self.shape)
        copy._tiles = dict(self._tiles)
        self._own.clear()
        return copy

    def adopt(self, other: "LabelPlane") -> None:
        """Take over all labels of a plane of the same shape, such as a snapshot that was worked on."""
        self.version += 1
        self._tiles = dict(other._tiles)
        self._own.clear()
        other._own.clear()

    def _own_tile(self, cell: Cell) -> NDArray[np.uint8]:
        """The tile at `cell`, made or copied first if it is shared with another plane."""
        if cell not in self._own:
            tile = self._tiles.get(cell)
            self._tiles[cell] = np.full((TILE, TILE), UNLABELLED, np.uint8) if tile is None else tile.copy()
            self._own.add(cell)
        return self._tiles[cell]


def _shared(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same tile; one of a single value throughout shares its memory with all others of that value."""
    value = tile[0, 0]
    return _constant_tile(int(value)) if (tile == value).all() else tile


@lru_cache(maxsize=256)  # of one byte each
def _constant_tile(value: int) -> NDArray[np.uint8]:
    """A read-only tile (256, 256) of one value, a single byte in memory."""
    return np.broadcast_to(np.uint8(value), (TILE, TILE))
