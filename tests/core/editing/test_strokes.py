"""A brush paints what geometry says, however the mouse was sampled, and every stroke can be taken back."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import Point, Stroke, capsule, make_edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.tiles import TILE, Box

PLANE = PlaneId("slide.png")
SHAPE = (40, 50)
WHOLE = Box.of_shape(SHAPE)
ROUNDING = 1e-3
"""Pixels whose centre is this near the brush's edge may fall on either side of it."""


def lengths(low: int, high: int) -> st.SearchStrategy[float]:
    """Fractions of a pixel as the mouse gives them on a canvas, exact in binary."""
    return st.integers(64 * low, 64 * high - 1).map(lambda steps: steps / 64)


points = st.tuples(lengths(-15, 55), lengths(-15, 65))
points_on_the_plane = st.tuples(lengths(0, 40), lengths(0, 50))
radii = st.floats(0.51, 20)


def distances(start: Point, end: Point, shape: tuple[int, int]) -> NDArray[np.float64]:
    """From each pixel's centre to the nearest of very many points of the segment, or to its exact foot."""
    a, b = np.array(start), np.array(end)
    centres = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1) + 0.5
    length = np.linalg.norm(b - a)
    if length == 0:
        return np.asarray(np.linalg.norm(centres - a, axis=-1))
    direction = (b - a) / length
    along = np.clip((centres - a) @ direction, 0, length)
    return np.asarray(np.linalg.norm(centres - (a + along[..., None] * direction), axis=-1))


def painted(path: Sequence[Point], radius: float, shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    """The pixels that a stroke along `path` paints on an empty plane."""
    labels = LabelPlane(shape)
    stroke = Stroke(labels, PLANE, value=1, radius=radius)
    for point in path:
        stroke.extend(point)
    return labels.read(Box.of_shape(shape)) == 1


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).choice(np.array([0, 1, 2, UNLABELLED], np.uint8), shape)


def plane_of(values: NDArray[np.uint8]) -> LabelPlane:
    plane = LabelPlane((values.shape[0], values.shape[1]))
    plane.write(Box.of_shape(values.shape), values)
    return plane


# The brush


@given(points, points, radii)
def test_a_capsule_is_the_pixels_near_enough_to_the_segment(start: Point, end: Point, radius: float) -> None:
    box, covered = capsule(start, end, radius, SHAPE)
    whole = np.zeros(SHAPE, bool)
    whole[box.slices] = covered
    distance = distances(start, end, SHAPE)
    assert whole[distance < radius - ROUNDING].all()
    assert not whole[distance > radius + ROUNDING].any()


@pytest.mark.parametrize(("radius", "pixels"), [(0.5, 1), (1.0, 5), (1.5, 9), (2.0, 13), (2.5, 21), (10.0, 317)])
def test_a_click_on_the_centre_of_a_pixel_paints_a_disc(radius: float, pixels: int) -> None:
    mask = painted([(20.5, 25.5)], radius)
    assert np.count_nonzero(mask) == pixels
    np.testing.assert_array_equal(mask[10:31, 15:36], mask[10:31, 15:36].T)


@pytest.mark.parametrize("radius", [0.0, 0.1, 0.5])
@given(point=points_on_the_plane)
def test_the_smallest_brush_paints_the_pixel_under_the_point(radius: float, point: Point) -> None:
    mask = painted([point], radius)
    assert mask[int(point[0]), int(point[1])]
    assert np.count_nonzero(mask) <= 4  # a corner is as near to four pixels


@given(st.lists(points_on_the_plane, min_size=1, max_size=5), st.floats(0, 0.5))
def test_the_smallest_brush_leaves_no_gap(path: list[Point], radius: float) -> None:
    _, pieces = ndimage.label(painted(path, radius), structure=np.ones((3, 3)))
    assert pieces == 1


@given(points, radii)
def test_a_brush_off_the_plane_covers_nothing(point: Point, radius: float) -> None:
    y, x = point
    box, covered = capsule((y - 200, x), (y - 200, x - 30), radius, SHAPE)
    assert box.is_empty
    assert covered.shape == (0, 0)


# The stroke


@given(st.lists(points, min_size=2, max_size=4), radii, st.lists(st.floats(0, 1), max_size=6).map(sorted))
def test_sampling_straight_parts_more_densely_paints_the_same(
    corners: list[Point], radius: float, shares: list[float]
) -> None:
    dense = [corners[0]]
    near_the_edge = np.zeros(SHAPE, bool)
    for (y0, x0), (y1, x1) in pairwise(corners):
        dense += [(y0 + share * (y1 - y0), x0 + share * (x1 - x0)) for share in shares] + [(y1, x1)]
        near_the_edge |= abs(distances((y0, x0), (y1, x1), SHAPE) - radius) < ROUNDING
    differs = painted(corners, radius) != painted(dense, radius)
    assert not (differs & ~near_the_edge).any()


@given(st.lists(points, min_size=1, max_size=6), st.floats(0.1, 20))
def test_leaving_and_coming_back_paints_what_a_larger_plane_would_show_here(path: list[Point], radius: float) -> None:
    margin = 100
    on_large = painted([(y + margin, x + margin) for y, x in path], radius, (SHAPE[0] + 200, SHAPE[1] + 200))
    here = on_large[margin : margin + SHAPE[0], margin : margin + SHAPE[1]]
    differs = painted(path, radius) != here
    for start, end in zip(path, path[1:] or path, strict=False):
        differs &= abs(distances(start, end, SHAPE) - max(radius, 0.5)) > ROUNDING
    assert not differs.any()


def test_a_stroke_that_comes_back_elsewhere_draws_no_line_along_the_edge() -> None:
    mask = painted([(20, 10), (-30, 10), (-30, 40), (20, 40)], 3.0)
    assert mask[0, 10]
    assert mask[0, 40]
    assert not mask[:, 14:36].any()


def test_each_point_reports_the_box_that_may_have_changed() -> None:
    labels = LabelPlane(SHAPE)
    stroke = Stroke(labels, PLANE, value=1, radius=2.0)
    first = stroke.extend((5.5, 5.5))
    before = labels.read(WHOLE)
    second = stroke.extend((5.5, 30.5))
    assert first.intersect(Box(3, 3, 8, 8)) == Box(3, 3, 8, 8)
    changed = before != labels.read(WHOLE)
    changed[second.slices] = False
    assert not changed.any()
    assert stroke.extend((-20.0, 30.5)).y0 == 0
    assert stroke.extend((-20.0, 20.5)).is_empty


@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(lengths(-40, 340), lengths(-40, 560)), min_size=1, max_size=5),
    st.floats(0, 60),
    st.sampled_from([0, 1, 3, UNLABELLED]),
)
def test_an_edit_is_the_smallest_box_that_changed_and_takes_everything_back(
    seed: int, path: list[Point], radius: float, value: int
) -> None:
    original = noise((300, 520), seed)
    labels = plane_of(original)
    stroke = Stroke(labels, PLANE, value=value, radius=radius)
    for point in path:
        stroke.extend(point)
    edit = stroke.finish("brush", state=PlaneState.CORRECTED)
    after = labels.read(Box.of_shape(original.shape))
    changed = np.argwhere(after != original)
    if edit is None:
        assert changed.size == 0
        return
    (y0, x0), (y1, x1) = changed.min(axis=0), changed.max(axis=0) + 1
    assert edit.change.box == Box(y0, x0, y1, x1)
    edit.change.take_back(labels)
    np.testing.assert_array_equal(labels.read(Box.of_shape(original.shape)), original)
    edit.change.make(labels)
    np.testing.assert_array_equal(labels.read(Box.of_shape(original.shape)), after)


def test_taking_a_bent_stroke_back_spares_the_tile_inside_the_bend() -> None:
    shape = (2 * TILE, 2 * TILE)
    labels = plane_of(np.full(shape, 2, np.uint8))
    stroke = Stroke(labels, PLANE, value=1, radius=4.0)
    for point in ((20.0, 20.0), (TILE + 200.0, 20.0), (TILE + 200.0, TILE + 200.0)):
        stroke.extend(point)
    edit = stroke.finish("brush", state=PlaneState.CORRECTED)
    assert edit is not None
    edit.change.take_back(labels)
    assert (labels.read(Box.of_shape(shape)) == 2).all()
    assert (0, 1) not in {(patch.box.y0 // TILE, patch.box.x0 // TILE) for patch in edit.change.patches}


@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(lengths(-40, 340), lengths(-40, 560)), min_size=1, max_size=5),
    st.floats(0, 60),
)
def test_a_stroke_that_is_given_up_leaves_all_as_it_was(seed: int, path: list[Point], radius: float) -> None:
    original = noise((300, 520), seed)
    whole = Box.of_shape(original.shape)
    labels = plane_of(original)
    stroke = Stroke(labels, PLANE, value=1, radius=radius)
    for point in path:
        stroke.extend(point)
    changed = labels.read(whole) != original
    box = stroke.take_back()
    np.testing.assert_array_equal(labels.read(whole), original)
    assert box.intersect(whole) == box
    changed[box.slices] = False
    assert not changed.any()


def test_a_stroke_that_changes_nothing_is_no_edit() -> None:
    labels = plane_of(np.full(SHAPE, 1, np.uint8))
    stroke = Stroke(labels, PLANE, value=1, radius=5.0)
    stroke.extend((20.0, 20.0))
    assert stroke.finish("brush", state=PlaneState.CORRECTED) is None


def test_taking_labels_back_where_there_are_none_is_no_edit_and_leaves_the_plane_new() -> None:
    stroke = Stroke(LabelPlane(SHAPE), PLANE, value=UNLABELLED, radius=5.0)
    stroke.extend((20.0, 20.0))
    assert stroke.finish("take labels back", state=PlaneState.NEW) is None


def test_a_stroke_off_the_plane_is_no_edit() -> None:
    stroke = Stroke(LabelPlane(SHAPE), PLANE, value=1, radius=5.0)
    stroke.extend((-20.0, -20.0))
    assert stroke.finish("brush", state=PlaneState.NEW) is None


@pytest.mark.parametrize(
    ("before", "after"), [(PlaneState.PROPOSED, PlaneState.CORRECTED), (PlaneState.REVIEWED, PlaneState.REVIEWED)]
)
def test_an_edit_carries_the_states_and_the_sentence(before: PlaneState, after: PlaneState) -> None:
    stroke = Stroke(LabelPlane(SHAPE), PLANE, value=1, radius=5.0)
    stroke.extend((20.0, 20.0))
    edit = stroke.finish("brush nucleus on slide.png", state=before)
    assert edit is not None
    assert (edit.change.state_before, edit.change.state_after) == (before, after)
    assert (edit.change.plane, edit.sentence) == (PLANE, "brush nucleus on slide.png")


# Edits from arrays


def test_an_edit_keeps_copies_of_what_it_was_made_from() -> None:
    before, after = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)
    edit = make_edit(PLANE, WHOLE, before, after, "x", state_before=PlaneState.NEW, state_after=PlaneState.CORRECTED)
    before[:], after[:] = 9, 9
    assert edit is not None
    (patch,) = edit.change.patches
    assert (patch.labels_before == 0).all()
    assert (patch.labels_after == 1).all()


def test_confirming_a_plane_without_a_change_is_an_edit_without_patches() -> None:
    values = np.zeros(SHAPE, np.uint8)
    edit = make_edit(
        PLANE, WHOLE, values, values, "review", state_before=PlaneState.NEW, state_after=PlaneState.REVIEWED
    )
    assert edit is not None
    assert edit.change.patches == ()
    assert edit.change.box.is_empty


def test_an_edit_that_changes_neither_labels_nor_state_is_none() -> None:
    values = np.zeros(SHAPE, np.uint8)
    edit = make_edit(
        PLANE, WHOLE, values, values, "x", state_before=PlaneState.REVIEWED, state_after=PlaneState.REVIEWED
    )
    assert edit is None


@given(st.lists(st.floats(0.05, 0.95), max_size=6))
def test_a_stroke_that_agrees_with_pixels_doesnt_depend_on_how_often_it_was_sampled(shares: list[float]) -> None:
    checks = np.indices(SHAPE).sum(axis=0) % 3 > 0

    def painted(points: list[tuple[float, float]]) -> NDArray[np.uint8]:
        labels = LabelPlane(SHAPE)
        stroke = Stroke(
            labels, PLANE, value=1, radius=6.0, agreeing=lambda box, point: checks[box.slices] == (int(point[1]) % 2)
        )
        for point in points:
            stroke.extend(point)
        return labels.read(WHOLE)

    start, end = (10.0, 10.25), (50.0, 40.25)
    between = [(start[0] + 40 * share, start[1] + 30 * share) for share in sorted(shares)]
    np.testing.assert_array_equal(painted([start, end]), painted([start, *between, end]))
