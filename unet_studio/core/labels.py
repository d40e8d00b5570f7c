"""Labels: what a person said of a plane; only an edit changes them."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.clean_up import Step
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, pack, tile_box, unpack
from unet_studio.errors import ProjectError

_PATCH_BYTES = 400
_EDIT_BYTES = 1000
"""What Python needs for the objects of a patch and of an edit, about, besides the compressed labels."""


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


class LabelPlane:
    """The labels of one plane, kept as the tiles that have any; a missing tile is all unlabelled.

    Tiles of one class throughout cost next to nothing. Only one thread may write, and others read a `snapshot`.
    """

    def __init__(self, shape: tuple[int, int], tiles: Iterable[tuple[Cell, NDArray[np.uint8]]] = ()) -> None:
        self.shape = shape
        self.version = 0
        """Grows with every write."""
        self._tiles = {cell: _slim(tile) for cell, tile in tiles}
        self._own: set[Cell] = set()  # the tiles that nobody else has, which may be written in place

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells that may hold labelled pixels."""
        return frozenset(self._tiles)

    def tile(self, cell: Cell) -> NDArray[np.uint8] | None:
        """The stored tile (256, 256), not a copy and not to be written, or None where nothing was labelled."""
        return self._tiles.get(cell)

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
                slim = _slim(part)
                self._tiles[cell] = part.copy() if slim is part else slim
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
        """The tile at `cell`, made or copied first if it isn't ours to write."""
        if cell not in self._own:
            tile = self._tiles.get(cell)
            self._tiles[cell] = np.full((TILE, TILE), UNLABELLED, np.uint8) if tile is None else tile.copy()
            self._own.add(cell)
        return self._tiles[cell]


@dataclass(frozen=True, slots=True)
class Patch:
    """Labels that changed inside one tile: the smallest box around them, and its labels (h, w), compressed."""

    box: Box
    before: bytes
    after: bytes

    @property
    def labels_before(self) -> NDArray[np.uint8]:
        """What was there, (h, w) uint8, read-only; raises `ProjectError` if it was stored and the file decayed."""
        return _unpack_patch(self.before, self.box.shape)

    @property
    def labels_after(self) -> NDArray[np.uint8]:
        """What is there since, (h, w) uint8, read-only; raises `ProjectError` if it was stored and the file decayed."""
        return _unpack_patch(self.after, self.box.shape)


@dataclass(frozen=True, slots=True)
class PlaneChange:
    """What an edit changes on one plane: labels, and how far a person got with it."""

    plane: PlaneId
    patches: tuple[Patch, ...]
    state_before: PlaneState
    state_after: PlaneState

    @property
    def box(self) -> Box:
        """The smallest box around all changed pixels; empty where only the state changes."""
        if not self.patches:
            return Box(0, 0, 0, 0)
        boxes = [patch.box for patch in self.patches]
        return Box(
            min(box.y0 for box in boxes),
            min(box.x0 for box in boxes),
            max(box.y1 for box in boxes),
            max(box.x1 for box in boxes),
        )

    def make(self, labels: LabelPlane) -> None:
        """Change the labels of the plane."""
        for patch in self.patches:
            labels.write(patch.box, patch.labels_after)

    def take_back(self, labels: LabelPlane) -> None:
        """Give the plane the labels that it had before."""
        for patch in self.patches:
            labels.write(patch.box, patch.labels_before)


@dataclass(frozen=True, slots=True)
class MaskRecipe:
    """How proposals become masks, for a whole folder: the clean-up's steps and the threshold."""

    steps: tuple[Step, ...] = ()
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class RecipeChange:
    """What an edit changes of the mask recipe."""

    before: MaskRecipe
    after: MaskRecipe


@dataclass(frozen=True, slots=True)
class Edit:
    """One undoable change, of planes or of the mask recipe, and a sentence for the menu."""

    sentence: str
    planes: tuple[PlaneChange, ...] = ()
    recipe: RecipeChange | None = None

    @property
    def change(self) -> PlaneChange:
        """What an edit of one plane changes on it, the usual case; raises ValueError for any other edit."""
        (change,) = self.planes
        return change

    def change_of(self, plane: PlaneId) -> PlaneChange | None:
        """What the edit changes on a plane."""
        return next((change for change in self.planes if change.plane == plane), None)

    @property
    def nbytes(self) -> int:
        """What the edit weighs in memory, about: mainly its compressed labels."""
        patches = [patch for change in self.planes for patch in change.patches]
        return _EDIT_BYTES + sum(_PATCH_BYTES + len(patch.before) + len(patch.after) for patch in patches)


def make_patches(box: Box, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Iterator[Patch]:
    """The patches that turn labels (h, w) inside `box` into others, one for each tile with a changed pixel."""
    for cell in cells_over(box):
        common = tile_box(cell).intersect(box)
        old, new = before[common.within(box)], after[common.within(box)]
        x, y, width, height = cv2.boundingRect((old != new).view(np.uint8))
        if width:
            inside = slice(y, y + height), slice(x, x + width)
            top, left = common.y0 + y, common.x0 + x
            small = Box(top, left, top + height, left + width)
            yield Patch(small, _pack_patch(old[inside]), _pack_patch(new[inside]))


def _pack_patch(labels: NDArray[np.uint8]) -> bytes:
    value = labels[0, 0]
    return _pack_constant(int(value), labels.shape) if (labels == value).all() else pack(labels)


@lru_cache(maxsize=1024)
def _pack_constant(value: int, shape: tuple[int, int]) -> bytes:
    """Labels of one value; a whole plane of them is thousands of times the same."""
    return pack(np.full(shape, value, np.uint8))


@lru_cache(maxsize=64)
def _unpack_patch(data: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The labels of a patch, read-only; in an edit of a whole plane many patches are alike."""
    try:
        labels = unpack(data, shape)
    except (zlib.error, ValueError) as error:
        raise ProjectError(
            f"An edit can't be read from the project ({error}). Restore a copy of the project from your backup."
        ) from error
    labels.setflags(write=False)
    return labels


def _slim(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same tile, without memory of its own where it has one value throughout."""
    value = tile[0, 0]
    return _constant_tile(int(value)) if (tile == value).all() else tile


@lru_cache(maxsize=256)
def _constant_tile(value: int) -> NDArray[np.uint8]:
    """A read-only tile (256, 256) of one value, a single byte in memory."""
    return np.broadcast_to(np.uint8(value), (TILE, TILE))
