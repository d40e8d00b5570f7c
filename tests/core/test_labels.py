"""The labels of a plane are an array of unlabelled pixels until someone writes, and cost only what was written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels import Edit, LabelPlane, PlaneId, PlaneState
from unet_studio.core.tiles import TILE, Box

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


def test_an_edit_knows_what_it_weighs() -> None:
    box = Box(0, 0, 3, 4)
    edit = Edit(PlaneId("a"), box, noise(box.shape), noise(box.shape), "brush", PlaneState.NEW, PlaneState.CORRECTED)
    assert edit.nbytes == 24
