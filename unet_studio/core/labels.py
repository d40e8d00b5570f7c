"""Labels: what a person said of a plane; only an edit changes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
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


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One undoable change of a plane: the labels (h, w), uint8, inside `box` before and after, and a sentence."""

    plane: PlaneId
    box: Box
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    sentence: str
    state_before: PlaneState
    state_after: PlaneState

    @property
    def nbytes(self) -> int:
        return self.before.nbytes + self.after.nbytes


class LabelPlane:
    """The labels of one plane, kept as the tiles that have any; a missing tile is all unlabelled."""

    def __init__(self, shape: tuple[int, int], tiles: Mapping[Cell, NDArray[np.uint8]] | None = None) -> None:
        self.shape = shape
        self._tiles = dict(tiles or {})

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells that may hold labelled pixels."""
        return frozenset(self._tiles)

    def tile(self, cell: Cell) -> NDArray[np.uint8] | None:
        """The stored tile (256, 256), not a copy, or None where nothing was labelled."""
        return self._tiles.get(cell)

    def read(self, box: Box, *, shrink: int = 1) -> NDArray[np.uint8]:
        """A copy of the labels inside `box`, (h, w) uint8; unlabelled where the box leaves the plane.

        With `shrink`, a power of two up to 256, every shrink-th pixel is taken and `box` counts these.
        """
        labels = np.full(box.shape, UNLABELLED, dtype=np.uint8)
        side = TILE // shrink
        for cell in cells_over(box, side):
            tile = self._tiles.get(cell)
            if tile is not None:
                covered = tile_box(cell, side)
                common = covered.intersect(box)
                labels[common.within(box)] = tile[::shrink, ::shrink][common.within(covered)]
        return labels

    def write(self, box: Box, labels: NDArray[np.uint8]) -> None:
        """Replace the labels inside `box`, which must lie on the plane."""
        for cell in cells_over(box):
            covered = tile_box(cell)
            common = covered.intersect(box)
            tile = self._tiles.get(cell)
            if tile is None:
                tile = self._tiles[cell] = np.full((TILE, TILE), UNLABELLED, dtype=np.uint8)
            tile[common.within(covered)] = labels[common.within(box)]
