"""The teacher: what the model at the start says goes on being taught where nobody objected to it.

A training on a few corrections alone forgets everything else: erasing some false positives teaches that there is only
background. So the model that the training begins with gives soft targets for what nobody labelled (learning without
forgetting, Li & Hoiem 2016, arXiv:1606.09282), but for what is near a pixel that a person contradicted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import to_mask
from unet_studio.core.tiles import Box, Cell, cells_over, tile_box
from unet_studio.unet.prediction import TILE, Predictor
from unet_studio.unet.tiling import Read

_REACH = 12
"""Pixels around a contradicted one in which the teacher says nothing: it is wrong there, nobody knows how far."""
_KEPT_BYTES = 256 << 20
_PLACES = 8
"""Tiles of a plane that patches of what nobody labelled are drawn from, at the most."""
_TRIES = 4
"""Tiles in which an object is looked for before any pixel will do."""


class Teacher:
    """A model that is asked for parts of planes; what it said is kept, up to 256 MiB."""

    def __init__(self, predictor: Predictor) -> None:
        self.classes = predictor.classes
        self._predictor = predictor
        self._tiles = ByteCache[tuple[PlaneId, Cell], NDArray[np.uint8]](_KEPT_BYTES, lambda tile: tile.nbytes)

    def of(self, plane: PlaneId, read: Read, shape: tuple[int, int]) -> "TaughtPlane":
        """What it says of a plane of `shape` (h, w), of which `read` gives the network's input for a box."""

        def tile(cell: Cell) -> NDArray[np.uint8]:
            box = tile_box(cell, TILE).intersect(Box.of_shape(shape))
            return self._tiles.get((plane, cell), lambda: self._predictor.region(read, shape, box))

        return TaughtPlane(shape, self.classes, tile)


@dataclass(frozen=True, slots=True)
class TaughtPlane:
    """What the teacher says of one plane; `tile` gives the probabilities of a tile of 512 × 512, 0…255."""

    shape: tuple[int, int]
    classes: int
    tile: Callable[[Cell], NDArray[np.uint8]]

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Probabilities (h, w, classes - 1), 0…255, of a box; 0 beyond the plane."""
        values = np.zeros((*box.shape, self.classes - 1), np.uint8)
        for cell in cells_over(box.intersect(Box.of_shape(self.shape)), TILE):
            covered = tile_box(cell, TILE).intersect(Box.of_shape(self.shape))
            common = covered.intersect(box)
            values[common.within(box)] = self.tile(cell)[common.within(covered)]
        return values

    def targets(self, box: Box, labels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Probabilities (h, w, classes - 1) of a box, and where they are taught (h, w): 255, elsewhere 0.

        They are taught on the plane, where `labels` (h, w) of the box say nothing, but neither in an object that a
        person contradicted nor within 12 pixels of a contradicted pixel.
        """
        probabilities = self.read(box)
        taught = np.where(labels == UNLABELLED, np.uint8(255), np.uint8(0))
        inside = np.zeros_like(taught)
        inside[box.intersect(Box.of_shape(self.shape)).within(box)] = 255
        taught &= inside
        said = to_mask(probabilities)
        contradicted = (labels != UNLABELLED) & (labels != said) & (inside > 0)
        if contradicted.any():
            taught[_doubted(said, contradicted)] = 0
        return probabilities, taught

    def places(self) -> list[Cell]:
        """The tiles that are looked at where nobody labelled: eight at most, always the same."""
        columns = -(-self.shape[1] // TILE)
        cells = np.random.default_rng(0).permutation(-(-self.shape[0] // TILE) * columns)[:_PLACES]
        return [divmod(int(cell), columns) for cell in cells]

    def draw(self, rng: Generator) -> tuple[int, int]:
        """A pixel of the plane; half the time, where one is found soon, of an object.

        Of a large plane it lies in one of eight tiles that are always the same: the teacher must work each of them out.
        """
        cells = self.places()
        wants_object = rng.random() < 0.5
        for left in reversed(range(_TRIES)):
            cell = cells[int(rng.integers(len(cells)))]
            covered = tile_box(cell, TILE).intersect(Box.of_shape(self.shape))
            if not wants_object or left == 0:
                break
            found = np.flatnonzero(to_mask(self.tile(cell)) != BACKGROUND)
            if found.size:
                y, x = divmod(int(rng.choice(found)), covered.width)
                return covered.y0 + y, covered.x0 + x
        return covered.y0 + int(rng.integers(covered.height)), covered.x0 + int(rng.integers(covered.width))


def _doubted(said: NDArray[np.uint8], contradicted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The objects (h, w) of which a pixel is contradicted, and all that is near such a pixel."""
    size = 2 * _REACH + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    doubted = cv2.dilate(contradicted.astype(np.uint8), disc) > 0
    for value in np.unique(said[contradicted & (said != BACKGROUND)]):
        _, objects = cv2.connectedComponents((said == value).astype(np.uint8), connectivity=8)
        wrong = np.unique(objects[contradicted & (said == value)])
        doubted |= cv2.dilate(np.isin(objects, wrong).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(doubted)
