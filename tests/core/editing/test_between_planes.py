"""Labels between planes: shapes pass over into each other, and what is labelled already stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.between_planes import copy_labels, interpolate, interpolate_planes
from unet_studio.core.editing.regions import LARGEST_AREA
from unet_studio.core.editing.repaint import Repaint
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.tiles import TILE, Box
from unet_studio.errors import RegionError

Labels = NDArray[np.uint8]

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=16)
shares = st.integers(1, 31).map(lambda steps: steps / 32)


def labels_of(shape: tuple[int, ...]) -> st.SearchStrategy[Labels]:
    return hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 253, UNLABELLED]))


pairs = shapes.flatmap(lambda shape: st.tuples(labels_of(shape), labels_of(shape)))


def plane_of(labels: Labels, shape: tuple[int, int] | None = None, at: tuple[int, int] = (0, 0)) -> LabelPlane:
    plane = LabelPlane(shape or (labels.shape[0], labels.shape[1]))
    plane.write(Box(at[0], at[1], at[0] + labels.shape[0], at[1] + labels.shape[1]), labels)
    return plane


def whole(plane: LabelPlane) -> Labels:
    return plane.read(Box.of_shape(plane.shape))


def done(plane: LabelPlane, repaint: Repaint) -> Labels:
    """All labels of a plane after a repaint."""
    labels = whole(plane)
    labels[repaint.region.box.slices] = repaint.over(labels[repaint.region.box.slices])
    return labels


def disc(y: float, x: float, radius: float, *, ground: int = 0, shape: tuple[int, int] = (80, 120)) -> Labels:
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return np.where(np.hypot(ys - y, xs - x) <= radius, 1, ground).astype(np.uint8)


# Two planes


@given(pairs)
def test_the_ends_are_the_planes(pair: tuple[Labels, Labels]) -> None:
    first, last = pair
    np.testing.assert_array_equal(interpolate(first, last, 0.0), first)
    np.testing.assert_array_equal(interpolate(first, last, 1.0), last)


@given(shapes.flatmap(labels_of), shares)
def test_between_a_plane_and_itself_is_the_plane(labels: Labels, share: float) -> None:
    np.testing.assert_array_equal(interpolate(labels, labels, share), labels)


@given(pairs, shares)
def test_from_either_end_it_is_the_same(pair: tuple[Labels, Labels], share: float) -> None:
    first, last = pair
    np.testing.assert_array_equal(interpolate(first, last, share), interpolate(last, first, 1 - share))


@given(pairs, shares)
def test_only_classes_that_both_planes_have_are_said(pair: tuple[Labels, Labels], share: float) -> None:
    first, last = pair
    assert set(np.unique(interpolate(first, last, share))) <= (set(np.unique(first)) & set(np.unique(last))) | {
        UNLABELLED
    }


@given(pairs, shares)
def test_background_is_said_only_where_both_planes_are_labelled(pair: tuple[Labels, Labels], share: float) -> None:
    first, last = pair
    background = interpolate(first, last, share) == 0
    assert not (background & ((first == UNLABELLED) | (last == UNLABELLED))).any()


@given(pairs, shares)
def test_a_shape_covers_what_it_covers_on_both_planes(pair: tuple[Labels, Labels], share: float) -> None:
    first, last = (np.where(labels == 1, 1, 0).astype(np.uint8) for labels in pair)
    on_both = (first == 1) & (last == 1)
    assert (interpolate(first, last, share)[on_both] == 1).all()


@pytest.mark.parametrize("ground", [0, UNLABELLED])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_disc_that_moves_is_a_disc_on_its_way(share: float, ground: int) -> None:
    result = interpolate(disc(40, 50, 20, ground=ground), disc(40, 62, 20, ground=ground), share)
    assert set(np.unique(result)) == {1, ground}
    expected = disc(40, 50 + 12 * share, 20)
    assert np.count_nonzero((result == 1) != (expected == 1)) < 0.12 * np.count_nonzero(expected)
    y, x = ndimage.center_of_mass(result == 1)
    assert (y, x) == (pytest.approx(40, abs=0.1), pytest.approx(50 + 12 * share, abs=1.0))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_disc_that_shrinks_has_the_radius_between(share: float) -> None:
    result = interpolate(disc(40, 60, 30), disc(40, 60, 10), share)
    radius = np.sqrt(np.count_nonzero(result == 1) / np.pi)
    assert radius == pytest.approx(30 - 20 * share, abs=0.6)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_where_nobody_said_anything_nothing_is_said(share: float) -> None:
    nothing = np.full((20, 30), UNLABELLED, np.uint8)
    assert (interpolate(nothing, nothing, share) == UNLABELLED).all()
    assert (interpolate(nothing, disc(10, 10, 5, shape=(20, 30)), share) == UNLABELLED).all()


def test_what_only_one_plane_has_is_left_open_in_between() -> None:
    first, last = disc(40, 40, 15), disc(40, 40, 15)
    first[10:20, 90:110] = 2
    result = interpolate(first, last, 0.01)
    assert (result[10:20, 90:110] == UNLABELLED).all()
    assert (np.delete(result, range(90, 110), axis=1) == np.delete(last, range(90, 110), axis=1)).all()


def test_a_border_between_two_classes_moves_without_a_gap() -> None:
    first, last = np.ones((30, 60), np.uint8), np.ones((30, 60), np.uint8)
    first[:, 20:], last[:, 40:] = 2, 2
    expected = np.ones((30, 60), np.uint8)
    expected[:, 30:] = 2
    np.testing.assert_array_equal(interpolate(first, last, 0.5), expected)


def test_three_classes_that_fill_the_planes_leave_no_pixel_out() -> None:
    ys, xs = np.mgrid[:60, :60]
    first, last = (
        (1 + (np.arctan2(ys - y, xs - x) // (2 * np.pi / 3)).astype(int) % 3).astype(np.uint8)
        for y, x in ((22, 25), (37, 33))
    )
    assert np.isin(interpolate(first, last, 0.5), (1, 2, 3)).all()


# Stacks


@given(pairs, st.integers(1, 4), st.tuples(st.integers(0, 5), st.integers(0, 5)), st.booleans())
def test_a_stack_is_what_its_whole_planes_give(
    pair: tuple[Labels, Labels], count: int, at: tuple[int, int], fills: bool
) -> None:
    height, width = pair[0].shape
    shape = (height, width) if fills else (height + 11, width + 11)
    place = (0, 0) if fills else at
    lower, upper = (plane_of(labels, shape, place) for labels in pair)
    between = [LabelPlane(shape) for _ in range(count)]
    repaints = list(interpolate_planes(lower, upper, between))
    assert len(repaints) == count
    for number, (plane, repaint) in enumerate(zip(between, repaints, strict=True), start=1):
        expected = interpolate(whole(lower), whole(upper), number / (count + 1))
        np.testing.assert_array_equal(done(plane, repaint), expected)


def test_labels_far_from_the_origin_cost_only_the_box_around_them() -> None:
    shape = (60_000, 80_000)
    lower, upper = (plane_of(disc(20, 20, r, ground=UNLABELLED), shape, (50_000, 70_000)) for r in (8, 14))
    (repaint,) = interpolate_planes(lower, upper, [LabelPlane(shape)])
    assert repaint.region.box.height * repaint.region.box.width < 40 * 40
    assert repaint.region.area == pytest.approx(np.pi * 11**2, rel=0.05)


@given(pairs)
def test_labels_in_between_stay(pair: tuple[Labels, Labels]) -> None:
    first, last = pair
    own = np.random.default_rng(0).choice(np.array([0, 7, UNLABELLED], np.uint8), first.shape)
    (repaint,) = interpolate_planes(plane_of(first), plane_of(last), [plane_of(own)])
    expected = np.where(own == UNLABELLED, interpolate(first, last, 0.5), own)
    np.testing.assert_array_equal(done(plane_of(own), repaint), expected)


def test_between_planes_without_labels_nothing_changes() -> None:
    emptied = plane_of(np.full((TILE, TILE), UNLABELLED, np.uint8))
    for plane in (LabelPlane((TILE, TILE)), emptied):
        for repaint in interpolate_planes(plane, plane, [LabelPlane((TILE, TILE))] * 2):
            assert repaint.region.is_empty


# Copies


@given(pairs)
def test_a_copy_fills_what_is_unlabelled(pair: tuple[Labels, Labels]) -> None:
    source, target = (plane_of(labels) for labels in pair)
    expected = np.where(whole(target) == UNLABELLED, whole(source), whole(target))
    np.testing.assert_array_equal(done(target, copy_labels(source, target)), expected)


def test_a_copy_spans_the_smallest_box_around_the_labels() -> None:
    shape = (3 * TILE, 3 * TILE)
    source = plane_of(np.full((5, 4), 2, np.uint8), shape, (TILE - 2, 2 * TILE - 1))
    source.write(Box(0, 0, 9, 9), np.full((9, 9), UNLABELLED, np.uint8))
    repaint = copy_labels(source, LabelPlane(shape))
    assert repaint.region.box == Box(TILE - 2, 2 * TILE - 1, TILE + 3, 2 * TILE + 3)
    assert repaint.region.area == 20


def test_copying_a_plane_without_labels_changes_nothing() -> None:
    assert copy_labels(LabelPlane((9, 9)), plane_of(np.ones((9, 9), np.uint8))).region.is_empty


def test_labels_that_span_too_much_for_one_edit_are_refused() -> None:
    side = 2 * int(LARGEST_AREA**0.5)
    source = plane_of(np.ones((1, 1), np.uint8), (side, side))
    source.write(Box(side - 1, side - 1, side, side), np.ones((1, 1), np.uint8))
    with pytest.raises(RegionError, match="too large"):
        copy_labels(source, LabelPlane((side, side)))
    with pytest.raises(RegionError, match="too large"):
        next(interpolate_planes(source, source, [LabelPlane((side, side))]))
