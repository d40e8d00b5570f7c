"""The labels of a plane are an array of unlabelled pixels until someone writes, and cost only what was written."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.edits import Edit, Patch, PlaneChange, make_patches
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.tiles import TILE, Box
from unet_studio.errors import ProjectError

SHAPE = (300, 530)
PLANE = Box.of_shape(SHAPE)


def boxes_on(plane: Box) -> st.SearchStrategy[Box]:
    ys = st.tuples(st.integers(plane.y0, plane.y1), st.integers(plane.y0, plane.y1)).map(sorted)
    xs = st.tuples(st.integers(plane.x0, plane.x1), st.integers(plane.x0, plane.x1)).map(sorted)
    return st.builds(lambda y, x: Box(y[0], x[0], y[1], x[1]), ys, xs)


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).choice(np.array([0, 1, 2, UNLABELLED], np.uint8), shape)


def labelled_everywhere() -> tuple[LabelPlane, NDArray[np.uint8]]:
    plane, values = LabelPlane(SHAPE), noise(SHAPE)
    plane.write(PLANE, values)
    return plane, values


def test_a_new_plane_is_unlabelled_and_keeps_no_tile() -> None:
    plane = LabelPlane(SHAPE)
    assert (plane.read(PLANE) == UNLABELLED).all()
    assert plane.read(PLANE).shape == SHAPE
    assert plane.cells == frozenset()
    assert plane.tile((0, 0)) is None


@settings(max_examples=40)
@given(st.lists(st.tuples(boxes_on(PLANE), st.integers(0, 2**32)), max_size=5), boxes_on(PLANE))
def test_what_is_written_is_read_back_like_from_an_array(writes: list[tuple[Box, int]], view: Box) -> None:
    plane, expected = LabelPlane(SHAPE), np.full(SHAPE, UNLABELLED, np.uint8)
    for box, seed in writes:
        plane.write(box, noise(box.shape, seed))
        expected[box.slices] = noise(box.shape, seed)
    np.testing.assert_array_equal(plane.read(view), expected[view.slices])


@settings(max_examples=10)
@pytest.mark.parametrize("shrink", [2, 8, 64, 256])
@given(data=st.data())
def test_a_shrunken_view_takes_every_so_manieth_pixel(shrink: int, data: st.DataObject) -> None:
    plane, values = labelled_everywhere()
    shrunken = values[::shrink, ::shrink]
    view = data.draw(boxes_on(Box.of_shape(shrunken.shape)))
    np.testing.assert_array_equal(plane.read(view, shrink=shrink), shrunken[view.slices])


def test_pixels_off_the_plane_are_unlabelled() -> None:
    plane, values = labelled_everywhere()
    around = PLANE.grow(3)
    found = plane.read(around)
    np.testing.assert_array_equal(found[PLANE.within(around)], values)
    found[PLANE.within(around)] = UNLABELLED
    assert (found == UNLABELLED).all()


def test_changing_what_was_read_changes_no_label() -> None:
    plane, values = labelled_everywhere()
    plane.read(PLANE)[:] = 9
    np.testing.assert_array_equal(plane.read(PLANE), values)


def test_changing_what_was_written_changes_no_label() -> None:
    plane, values = LabelPlane(SHAPE), noise(SHAPE)
    plane.write(PLANE, values)
    values[:] = 9
    np.testing.assert_array_equal(plane.read(PLANE), noise(SHAPE))


def test_only_the_tiles_that_were_written_are_kept() -> None:
    plane = LabelPlane((100_000, 100_000))
    plane.write(Box(TILE - 1, 0, TILE + 1, 2), np.ones((2, 2), np.uint8))
    assert plane.cells == {(0, 0), (1, 0)}
    tile = plane.tile((1, 0))
    assert tile is not None
    assert np.argwhere(tile != UNLABELLED).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PlaneState.NEW, PlaneState.CORRECTED),
        (PlaneState.PROPOSED, PlaneState.CORRECTED),
        (PlaneState.CORRECTED, PlaneState.CORRECTED),
        (PlaneState.REVIEWED, PlaneState.REVIEWED),
    ],
)
def test_an_edit_makes_a_plane_corrected_unless_it_was_reviewed(before: PlaneState, after: PlaneState) -> None:
    assert before.after_edit is after


def test_planes_sort_by_slide_and_then_by_number() -> None:
    assert sorted([PlaneId("b", 0), PlaneId("a", 2), PlaneId("a", 1)]) == [
        PlaneId("a", 1),
        PlaneId("a", 2),
        PlaneId("b", 0),
    ]


# Sharing tiles


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), boxes_on(PLANE), st.sampled_from([0, 1, UNLABELLED])), max_size=8))
def test_a_snapshot_and_its_plane_never_see_what_the_other_writes(writes: list[tuple[bool, Box, int]]) -> None:
    plane, values = labelled_everywhere()
    snapshot, copied = plane.snapshot(), values.copy()
    for on_snapshot, box, value in writes:
        (snapshot if on_snapshot else plane).write(box, np.full(box.shape, value, np.uint8))
        (copied if on_snapshot else values)[box.slices] = value
    np.testing.assert_array_equal(plane.read(PLANE), values)
    np.testing.assert_array_equal(snapshot.read(PLANE), copied)
    plane.adopt(snapshot)
    plane.write(Box(0, 0, 9, 9), np.full((9, 9), 7, np.uint8))
    np.testing.assert_array_equal(snapshot.read(PLANE), copied)


def test_every_write_is_seen_in_the_version() -> None:
    plane = LabelPlane(SHAPE)
    versions = [plane.version]
    plane.write(Box(0, 0, 3, 3), noise((3, 3)))
    versions.append(plane.version)
    plane.adopt(LabelPlane(SHAPE))
    versions.append(plane.version)
    assert len(set(versions)) == 3


def test_a_plane_of_one_class_costs_next_to_nothing() -> None:
    side = 40 * TILE
    tracemalloc.start()
    try:
        plane = LabelPlane((side, side))
        for y in range(0, side, TILE):
            plane.write(Box(y, 0, y + TILE, side), np.zeros((TILE, side), np.uint8))
        stored = LabelPlane((side, side), ((cell, np.zeros((TILE, TILE), np.uint8)) for cell in plane.cells))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 << 20  # 200 MiB of pixels
    stored.write(Box(3, 3, 4, 4), np.ones((1, 1), np.uint8))
    assert np.argwhere(stored.read(Box(0, 0, 600, 600))).tolist() == [[3, 3]]
    assert not plane.read(Box(0, 0, 600, 600)).any()


# Edits


@settings(max_examples=30)
@given(boxes_on(PLANE), st.integers(0, 2**32), st.booleans())
def test_patches_hold_just_what_changed_tile_by_tile(box: Box, seed: int, sparse: bool) -> None:
    before, after = noise(box.shape, seed), noise(box.shape, seed + 1)
    if sparse:
        after = np.where(np.random.default_rng(seed).random(box.shape) < 0.9999, before, after)
    patches = list(make_patches(box, before, after))
    rebuilt, undone = before.copy(), after.copy()
    for patch in patches:
        tile = {(patch.box.y0 // TILE, patch.box.x0 // TILE), ((patch.box.y1 - 1) // TILE, (patch.box.x1 - 1) // TILE)}
        assert len(tile) == 1
        changed = patch.labels_before != patch.labels_after
        assert changed[0].any() and changed[-1].any() and changed[:, 0].any() and changed[:, -1].any()
        rebuilt[patch.box.within(box)] = patch.labels_after
        undone[patch.box.within(box)] = patch.labels_before
    np.testing.assert_array_equal(rebuilt, after)
    np.testing.assert_array_equal(undone, before)


def change_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> PlaneChange:
    patches = tuple(make_patches(PLANE, before, after))
    return PlaneChange(PlaneId("a"), patches, PlaneState.NEW, PlaneState.CORRECTED)


@settings(max_examples=20)
@given(st.lists(st.tuples(boxes_on(PLANE), st.integers(0, 2**32)), max_size=6))
def test_taking_edits_back_gives_what_was_there_and_making_them_again_what_came(writes: list[tuple[Box, int]]) -> None:
    plane, values = labelled_everywhere()
    changes, states = [], [values]
    for box, seed in writes:
        after = states[-1].copy()
        after[box.slices] = noise(box.shape, seed)
        changes.append(change_between(states[-1], after))
        states.append(after)
        changes[-1].make(plane)
    for change, state in zip(reversed(changes), reversed(states[:-1]), strict=True):
        change.take_back(plane)
        np.testing.assert_array_equal(plane.read(PLANE), state)
    for change in changes:
        change.make(plane)
    np.testing.assert_array_equal(plane.read(PLANE), states[-1])


def test_an_edit_knows_what_it_weighs() -> None:
    values, other = noise(SHAPE), noise(SHAPE, 1)
    tracemalloc.start()
    try:
        edits = [Edit("brush", (change_between(values, other),)) for _ in range(10)]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    weight = sum(edit.nbytes for edit in edits)
    assert kept <= weight < 1.5 * kept


def test_many_small_edits_weigh_what_they_take() -> None:
    tracemalloc.start()
    try:
        edits = []
        for row in range(300):
            patches = tuple(make_patches(Box(row, 0, row + 1, 9), noise((1, 9), row), noise((1, 9), row + 1)))
            change = PlaneChange(PlaneId("a"), patches, PlaneState.NEW, PlaneState.CORRECTED)
            edits.append(Edit(f"brush {row}", (change,)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept <= sum(edit.nbytes for edit in edits) < 4 * kept


def test_an_edit_of_one_plane_gives_its_change_and_any_other_refuses() -> None:
    change = change_between(noise(SHAPE), noise(SHAPE, 1))
    assert Edit("brush", (change,)).change is change
    assert Edit("brush", (change,)).change_of(PlaneId("a")) is change
    assert Edit("brush", (change,)).change_of(PlaneId("b")) is None
    for edit in (Edit("none"), Edit("two", (change, change))):
        with pytest.raises(ValueError):
            _ = edit.change


def test_a_patch_that_decayed_says_so() -> None:
    with pytest.raises(ProjectError, match=r"can't be read.*Restore a copy"):
        _ = Patch(Box(0, 0, 3, 3), b"decayed", b"decayed").labels_before
