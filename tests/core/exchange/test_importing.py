"""Masks made elsewhere become labels that can be undone; one that doesn't fit is said and holds up no other."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange import importing
from unet_studio.core.exchange.importing import Outcome, import_pairs
from unet_studio.core.exchange.pairs import paired
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.slides import budget
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError

SHAPE = (64, 64)
WHOLE = Box.of_shape(SHAPE)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return tmp_path / "masks"


def import_masks(
    project: Project, masks: Path, *, foreground: str | None = None, overwrite: bool = False
) -> Iterator[Outcome]:
    """Import the masks of a folder."""
    return import_pairs(project, paired(project.folder, masks).pairs, foreground=foreground, overwrite=overwrite)


def save(path: Path, values: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, values, photometric="minisblack")
    else:
        cv2.imwrite(str(path), values)


def halves(value: int = 1, rest: int = 0) -> NDArray[np.uint8]:
    """A mask whose upper half is of a class."""
    values = np.full(SHAPE, rest, np.uint8)
    values[:32] = value
    return values


def labels_of(project: Project, slide: str, plane: int = 0) -> NDArray[np.uint8]:
    return project.labels(PlaneId(slide, plane), SHAPE).read(WHOLE)


def paint(project: Project, slide: str, box: Box, value: int) -> None:
    before, after = np.full(box.shape, UNLABELLED, np.uint8), np.full(box.shape, value, np.uint8)
    edit = make_edit(
        PlaneId(slide), box, before, after, "brush", state_before=PlaneState.NEW, state_after=PlaneState.CORRECTED
    )
    assert edit is not None
    project.record(project.next_edit_id(), edit, SHAPE)


def add_stack(project: Project) -> None:
    save(project.folder / "stack.tif", np.zeros((3, *SHAPE), np.uint8))


# Which mask is whose


def test_a_folder_without_a_mask_of_any_slide_is_said_at_once(project: Project, masks: Path) -> None:
    save(masks / "stranger.png", halves())
    with pytest.raises(MaskError, match=r"No mask in .* has the name of a slide"):
        next(import_masks(project, masks))


# What becomes of it


def test_each_slide_with_a_mask_gets_its_labels_and_is_reported(project: Project, masks: Path) -> None:
    save(masks / "a.png", halves())
    save(masks / "sub" / "c.tif", halves(0, rest=1))
    assert list(import_masks(project, masks)) == [Outcome("a.png"), Outcome("sub/c.png")]
    np.testing.assert_array_equal(labels_of(project, "a.png"), halves())
    np.testing.assert_array_equal(labels_of(project, "sub/c.png"), halves(0, rest=1))
    assert project.states() == {PlaneId("a.png"): PlaneState.REVIEWED, PlaneId("sub/c.png"): PlaneState.REVIEWED}


def test_an_import_can_be_undone(project: Project, masks: Path) -> None:
    save(masks / "a.png", halves())
    list(import_masks(project, masks))
    (entry,) = project.history()
    assert entry.edit.sentence == "import mask of a.png"
    project.undo(entry.id)
    assert (labels_of(project, "a.png") == UNLABELLED).all()
    assert project.states() == {}


def test_importing_the_same_masks_again_changes_nothing(project: Project, masks: Path) -> None:
    save(masks / "a.png", halves())
    list(import_masks(project, masks))
    assert list(import_masks(project, masks)) == [Outcome("a.png", changed=False)]
    assert len(project.history()) == 1


def test_a_mask_of_another_size_is_said_and_the_others_go_on(project: Project, masks: Path) -> None:
    save(masks / "a.png", np.zeros((30, 40), np.uint8))
    save(masks / "b.png", halves())
    bad, good = import_masks(project, masks)
    assert bad.problem == (
        "The mask 'a.png' is 40 × 30 pixels, but its slide 'a.png' is 64 × 64 pixels. "
        "Export it again at the slide's own size."
    )
    assert good == Outcome("b.png")
    np.testing.assert_array_equal(labels_of(project, "b.png"), halves())
    assert PlaneId("a.png") not in project.states()


def test_a_mask_that_cannot_be_read_is_said_and_the_others_go_on(project: Project, masks: Path) -> None:
    save(masks / "b.png", halves())
    (masks / "a.png").write_bytes(b"no picture")
    bad, good = import_masks(project, masks)
    assert "can't be read" in bad.problem
    assert good == Outcome("b.png")


def test_a_slide_that_cannot_be_read_is_said_and_the_others_go_on(project: Project, masks: Path) -> None:
    (project.folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    save(masks / "a.png", halves())
    save(masks / "b.png", halves())
    bad, good = import_masks(project, masks)
    assert "a.png" in bad.problem
    assert good == Outcome("b.png")


def test_values_that_are_no_class_are_said_and_the_others_go_on(project: Project, masks: Path) -> None:
    save(masks / "a.png", halves(7))
    save(masks / "b.png", halves())
    bad, good = import_masks(project, masks)
    assert "7" in bad.problem
    assert good == Outcome("b.png")
    assert (labels_of(project, "a.png") == UNLABELLED).all()


def test_a_full_disk_is_said_and_leaves_nothing_half_imported(project: Project, masks: Path) -> None:
    project.set_classes(make_classes(*(f"class {number}" for number in range(200))))
    save(masks / "a.png", np.random.default_rng(0).integers(0, 200, SHAPE, dtype=np.uint8))
    connection = sqlite3.connect(project.place / "project.sqlite")
    connection.execute("PRAGMA max_page_count = 1")  # as many pages as it has, that is
    with Project(project.folder, project.place, connection) as cramped:
        (outcome,) = import_masks(cramped, masks)
    assert "database or disk is full" in outcome.problem
    assert project.history() == []
    assert (labels_of(project, "a.png") == UNLABELLED).all()


# Which values


def test_0_and_255_are_background_and_the_one_class(project: Project, masks: Path) -> None:
    save(masks / "a.png", halves(255))
    list(import_masks(project, masks))
    np.testing.assert_array_equal(labels_of(project, "a.png"), halves(1))


def test_255_stays_unlabelled_where_there_are_indices_and_the_plane_is_only_corrected(
    project: Project, masks: Path
) -> None:
    values = halves(1)
    values[:, :5] = UNLABELLED
    save(masks / "a.png", values)
    list(import_masks(project, masks))
    np.testing.assert_array_equal(labels_of(project, "a.png"), values)
    assert project.states() == {PlaneId("a.png"): PlaneState.CORRECTED}


@pytest.mark.parametrize(("foreground", "value"), [("nonzero", 77), ("77", 77), ("0", 0)])
def test_the_foreground_can_be_said(project: Project, masks: Path, foreground: str, value: int) -> None:
    save(masks / "a.png", halves(value, rest=0 if value else 77))
    list(import_masks(project, masks, foreground=foreground))
    np.testing.assert_array_equal(labels_of(project, "a.png"), halves(1))


def test_several_classes_are_taken_by_index(project: Project, masks: Path) -> None:
    project.set_classes(make_classes("axon", "myelin"))
    save(masks / "a.png", halves(2, rest=1))
    list(import_masks(project, masks))
    np.testing.assert_array_equal(labels_of(project, "a.png"), halves(2, rest=1))


# Labels that are there already


def test_pixels_that_someone_labelled_are_kept(project: Project, masks: Path) -> None:
    strip = Box(0, 0, 64, 10)
    paint(project, "a.png", strip, 0)
    save(masks / "a.png", np.ones(SHAPE, np.uint8))
    list(import_masks(project, masks))
    expected = np.ones(SHAPE, np.uint8)
    expected[strip.slices] = 0
    np.testing.assert_array_equal(labels_of(project, "a.png"), expected)
    assert project.history()[-1].edit.change.state_before is PlaneState.CORRECTED


def test_they_are_overwritten_on_request_but_not_by_unlabelled_pixels(project: Project, masks: Path) -> None:
    paint(project, "a.png", Box(0, 0, 64, 10), 0)
    values = np.ones(SHAPE, np.uint8)
    values[:32] = UNLABELLED
    values[40] = 0
    save(masks / "a.png", values)
    list(import_masks(project, masks, overwrite=True))
    labels = labels_of(project, "a.png")
    np.testing.assert_array_equal(labels[32:], values[32:])
    assert (labels[:32, :10] == 0).all()
    assert (labels[:32, 10:] == UNLABELLED).all()


def test_labels_made_on_another_size_are_kept_and_the_change_is_said(project: Project, masks: Path) -> None:
    paint(project, "a.png", WHOLE, 1)
    save(project.folder / "a.png", np.zeros((30, 40), np.uint8))
    save(masks / "a.png", np.zeros((30, 40), np.uint8))
    (outcome,) = import_masks(project, masks)
    assert "was 64 × 64 pixels when it was labelled" in outcome.problem
    assert (labels_of(project, "a.png") == 1).all()


# Stacks


def test_a_stack_gets_what_was_exported_of_its_planes(project: Project, masks: Path) -> None:
    add_stack(project)
    save(masks / "stack_p0001.png", halves(1))
    save(masks / "stack_p0003.png", halves(0))
    assert list(import_masks(project, masks)) == [Outcome("stack.tif")]
    unlabelled = np.full(SHAPE, UNLABELLED, np.uint8)
    expected = np.stack([halves(1), unlabelled, halves(0)])
    np.testing.assert_array_equal(np.stack([labels_of(project, "stack.tif", n) for n in range(3)]), expected)
    assert PlaneId("stack.tif", 1) not in project.states()


def test_a_mask_of_a_plane_that_the_slide_lacks_is_named(project: Project, masks: Path) -> None:
    add_stack(project)
    for name in ("stack_p0001.png", "stack_p0004.png"):
        save(masks / name, halves(1))
    (outcome,) = import_masks(project, masks)
    assert "'stack_p0004.png' is of plane 4, but its slide 'stack.tif' has 3" in outcome.problem
    assert not project.states()


def test_a_stack_that_is_too_large_in_one_piece_is_refused_before_it_takes_memory(
    project: Project, masks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_stack(project)
    save(masks / "stack_p0002.png", halves(1))
    monkeypatch.setattr(budget, "MAX_BYTES", 3 * SHAPE[0] * SHAPE[1] - 1)
    monkeypatch.setattr(importing, "read_classes", lambda *_, **__: pytest.fail("it was read"))
    (outcome,) = import_masks(project, masks)
    assert "more than the limit" in outcome.problem
    assert not project.states()


def test_a_mask_of_one_plane_has_that_plane_s_size(project: Project, masks: Path) -> None:
    add_stack(project)
    save(masks / "stack_p0002.png", halves(1)[:10])
    (outcome,) = import_masks(project, masks)
    assert "Export it again at the slide's own size" in outcome.problem
    assert not project.states()


def test_a_stack_gets_a_mask_for_each_plane(project: Project, masks: Path) -> None:
    add_stack(project)
    planes = np.stack([halves(1), halves(0), np.full(SHAPE, UNLABELLED, np.uint8)])
    save(masks / "stack.tif", planes)
    assert list(import_masks(project, masks)) == [Outcome("stack.tif")]
    np.testing.assert_array_equal(np.stack([labels_of(project, "stack.tif", n) for n in range(3)]), planes)
    assert project.states()[PlaneId("stack.tif", 1)] is PlaneState.REVIEWED


def test_255_means_the_same_on_every_plane_of_a_stack(project: Project, masks: Path) -> None:
    add_stack(project)
    planes = np.stack([halves(1), halves(UNLABELLED), halves(1)])
    save(masks / "stack.tif", planes)
    list(import_masks(project, masks))
    np.testing.assert_array_equal(labels_of(project, "stack.tif", 1), planes[1])


def test_a_stack_with_too_few_masks_is_said(project: Project, masks: Path) -> None:
    add_stack(project)
    save(masks / "stack.tif", np.stack([halves(), halves()]))
    (outcome,) = import_masks(project, masks)
    assert (
        "is 64 × 64 pixels with 2 planes, but its slide 'stack.tif' is 64 × 64 pixels with 3 planes" in outcome.problem
    )


def test_a_stack_with_a_bad_value_on_its_last_plane_is_left_out_as_a_whole(project: Project, masks: Path) -> None:
    add_stack(project)
    save(masks / "stack.tif", np.stack([halves(1), halves(1), halves(9)]))
    (outcome,) = import_masks(project, masks)
    assert "9" in outcome.problem
    assert project.states() == {}


def test_pixels_that_stayed_although_the_mask_says_something_else_are_counted(project: Project, masks: Path) -> None:
    paint(project, "a.png", Box(0, 0, 64, 10), 0)
    save(masks / "a.png", np.ones(SHAPE, np.uint8))
    assert list(import_masks(project, masks)) == [Outcome("a.png", kept=640)]
    assert list(import_masks(project, masks)) == [Outcome("a.png", changed=False, kept=640)]
    assert list(import_masks(project, masks, overwrite=True)) == [Outcome("a.png")]


def test_255_means_the_same_in_every_mask(project: Project, masks: Path) -> None:
    border = halves(1)
    border[:, :5] = UNLABELLED
    save(masks / "a.png", border)
    save(masks / "b.png", np.where(border == 1, 0, border).astype(np.uint8))
    list(import_masks(project, masks))
    assert (labels_of(project, "b.png")[:, :5] == UNLABELLED).all()
    assert project.states()[PlaneId("b.png")] is PlaneState.CORRECTED
