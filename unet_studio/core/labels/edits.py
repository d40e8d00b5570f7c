"""Edits: one undoable change each, as the labels before and after it, tile by tile."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import Step
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState, ProposalId
from unet_studio.core.tiles import Box, cells_over, pack, tile_box, unpack
from unet_studio.errors import ProjectError

_PATCH_BYTES = 400
_EDIT_BYTES = 1000
"""What Python needs for the objects of a patch and of an edit, about, besides the compressed labels."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Labels that changed inside one tile: the smallest box around them, and its labels (h, w), compressed."""

    box: Box
    before: bytes
    after: bytes

    @property
    def labels_before(self) -> NDArray[np.uint8]:
        """The labels before, (h, w) uint8, read-only; raises `ProjectError` if the stored data is damaged."""
        return _unpack_patch(self.before, self.box.shape)

    @property
    def labels_after(self) -> NDArray[np.uint8]:
        """The labels after, (h, w) uint8, read-only; raises `ProjectError` if the stored data is damaged."""
        return _unpack_patch(self.after, self.box.shape)


@dataclass(frozen=True, slots=True)
class ProposalChange:
    """Which proposal lay under the labels of a plane, for good, and which one does after an edit; None: no such one."""

    before: ProposalId | None
    after: ProposalId | None


@dataclass(frozen=True, slots=True)
class PlaneChange:
    """What an edit changes on one plane: labels, how far a person got with it, and the proposal under the labels."""

    plane: PlaneId
    patches: tuple[Patch, ...]
    state_before: PlaneState
    state_after: PlaneState
    proposal: ProposalChange | None = None

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

    def replay(self, labels: LabelPlane, *, undone: bool) -> None:
        """Take the change back, or make it."""
        if undone:
            self.take_back(labels)
        else:
            self.make(labels)


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
        """What the edit takes in memory, in bytes, about: mainly its compressed labels."""
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


@lru_cache(maxsize=1024)  # of some 100 bytes each
def _pack_constant(value: int, shape: tuple[int, int]) -> bytes:
    """Labels of one value; a whole plane of them is thousands of times the same."""
    return pack(np.full(shape, value, np.uint8))


@lru_cache(maxsize=64)  # of a tile at most, packed and unpacked: 8 MiB
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
