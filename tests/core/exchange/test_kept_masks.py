"""The masks of reviewed planes lie in the project, up to date."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box

SHAPE = (64, 64)
Mask = NDArray[np.uint8]


def label(project: Project, plane: PlaneId, labels: Mask, state: PlaneState) -> None:
    """Give a plane all its labels in one edit."""
    before = np.full_like(labels, UNLABELLED)
    box = Box.of_shape(labels.shape)
    edit = make_edit(plane, box, before, labels, "labels", state_before=PlaneState.NEW, state_after=state)
    assert edit is not None
    project.record(project.next_edit_id(), edit, labels.shape)


def half(value: int, rest: int) -> Mask:
    """A plane whose upper half is `value`."""
    mask = np.full(SHAPE, rest, np.uint8)
    mask[: SHAPE[0] // 2] = value
    return mask


def add_stack(folder: Path, planes: int = 3) -> str:
    pixels = np.random.default_rng(0).integers(0, 4000, (planes, *SHAPE)).astype(np.uint16)
    tifffile.imwrite(folder / "stack.tif", pixels, photometric="minisblack")
    return "stack.tif"


def test_masks_of_reviewed_planes_are_kept_up_to_date(project: Project) -> None:
    plane = PlaneId("sub/c.png")
    label(project, plane, half(1, 0), PlaneState.REVIEWED)
    keep_masks(project, [plane])
    kept = project.place / "masks" / "sub" / "c.png"
    assert np.array_equal(read_mask(kept), half(1, 0))
    project.undo(1)
    keep_masks(project, [plane])
    assert not kept.exists()


def test_the_mask_of_a_stack_is_kept_as_tiff(project: Project) -> None:
    stack = add_stack(project.folder)
    for number in (0, 2):
        label(project, PlaneId(stack, number), half(1, 0), PlaneState.REVIEWED)
    keep_masks(project, [PlaneId(stack, 2)])
    masks = read_mask(project.place / "masks" / "stack.tif")
    assert [int(mask.max()) for mask in masks] == [1, UNLABELLED, 1]


def test_the_mask_of_a_large_slide_is_kept_as_a_tiled_tiff_written_in_parts(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unet_studio.core.exchange.kept_masks._LARGE", 1000)
    label(project, PlaneId("sub/c.png"), half(1, 0), PlaneState.REVIEWED)
    keep_masks(project, [PlaneId("sub/c.png")])
    assert np.array_equal(read_mask(project.place / "masks" / "sub" / "c.tif"), half(1, 0))
    stack = add_stack(project.folder)
    label(project, PlaneId(stack, 2), half(1, 0), PlaneState.REVIEWED)
    keep_masks(project, [PlaneId(stack, 2)])
    masks = read_mask(project.place / "masks" / "stack.tif")
    assert np.array_equal(masks[2], half(1, 0))
    assert [int(mask.min()) for mask in masks] == [UNLABELLED, UNLABELLED, 0]
