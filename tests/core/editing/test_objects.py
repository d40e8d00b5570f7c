"""What is done with an object changes that object, never another class, and never more than it says."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import LARGEST_RADIUS
from unet_studio.core.editing.objects import (
    ObjectError,
    delete,
    fill_object_holes,
    grow,
    object_at,
    relabel,
    shrink,
    smooth,
    split,
)
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.repaint import Repaint, repaint_edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.tiles import TILE, Box

PLANE = PlaneId("slide.png")
CLASS = 3

Mask = NDArray[np.uint8]


def view_of(mask: Mask) -> MaskView:
    labels = LabelPlane((mask.shape[0], mask.shape[1]))
    labels.write(Box.of_shape(mask.shape), mask)
    return MaskView(labels, None)


def done(mask: Mask, repaint: Repaint) -> Mask:
    """The whole mask after a repaint."""
    result = mask.copy()
    result[repaint.region.box.slices] = repaint.over(result[repaint.region.box.slices])
    return result


def placed(region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    whole = np.zeros(shape, bool)
    whole[region.box.slices] = region.inside
    return whole


def discs(shape: tuple[int, int], *circles: tuple[float, float, float]) -> Mask:
    """Discs (y, x, radius) of `CLASS`."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return (CLASS * np.any([np.hypot(ys - y, xs - x) <= r for y, x, r in circles], axis=0)).astype(np.uint8)


def rough(shape: tuple[int, int], sigma: float, seed: int = 0) -> Mask:
    """Ragged blobs of background and two classes."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(3, *shape)), (0, sigma, sigma))
    return np.array([0, CLASS, 5], np.uint8)[noise.argmax(axis=0)]


small_masks = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=14),
    elements=st.sampled_from([0, 0, CLASS, CLASS, CLASS, 5]),
)
masks = st.one_of(small_masks, st.builds(rough, st.just((40, 50)), st.floats(1, 4), st.integers(0, 999)))
radii = st.integers(1, 6)


@st.composite
def objects(draw: st.DrawFn) -> tuple[Mask, Region]:
    """A mask and one object of `CLASS` in it."""
    mask = draw(masks)
    pixels = np.argwhere(mask == CLASS)
    assume(len(pixels))
    y, x = pixels[draw(st.integers(0, len(pixels) - 1))].tolist()
    return mask, object_at(view_of(mask), (y, x))


def around(own: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    return np.asarray(morphology.dilation(own, morphology.disk(radius)))


# Which object


@given(objects())
def test_an_object_is_a_connected_component_of_its_class(mask_and_object: tuple[Mask, Region]) -> None:
    mask, region = mask_and_object
    components, _ = ndimage.label(mask == CLASS)
    own = placed(region, mask.shape)
    np.testing.assert_array_equal(own, components == components[own][0])


@pytest.mark.parametrize("pixel", [(0, 0), (-1, 5), (5, 30)])
def test_there_is_no_object_on_background_or_off_the_plane(pixel: tuple[int, int]) -> None:
    with pytest.raises(ObjectError, match="no object under the cursor"):
        object_at(view_of(discs((30, 30), (15, 15, 4))), pixel)


# Relabel and delete


@given(objects(), st.sampled_from([0, 1, CLASS, 253]))
def test_relabel_gives_the_object_and_nothing_else_the_class(mask_and_object: tuple[Mask, Region], index: int) -> None:
    mask, region = mask_and_object
    expected = np.where(placed(region, mask.shape), index, mask)
    np.testing.assert_array_equal(done(mask, relabel(region, index)), expected)


@given(objects())
def test_delete_leaves_background(mask_and_object: tuple[Mask, Region]) -> None:
    mask, region = mask_and_object
    np.testing.assert_array_equal(done(mask, delete(region)), np.where(placed(region, mask.shape), 0, mask))


# Grow and shrink


@given(objects(), radii)
def test_growing_takes_background_within_the_radius_and_keeps_the_object_one(
    mask_and_object: tuple[Mask, Region], radius: int
) -> None:
    mask, region = mask_and_object
    own = placed(region, mask.shape)
    after = done(mask, grow(view_of(mask), region, radius))
    changed = after != mask
    assert (mask[changed] == 0).all()
    assert (after[changed] == CLASS).all()
    assert not (changed & ~around(own, radius)).any()
    grown = placed(object_at(view_of(after), tuple(np.argwhere(own)[0].tolist())), mask.shape)
    np.testing.assert_array_equal(grown, own | changed)


@given(objects(), radii)
def test_growing_leaves_out_only_what_touches_its_like_or_lies_behind_others(
    mask_and_object: tuple[Mask, Region], radius: int
) -> None:
    mask, region = mask_and_object
    own = placed(region, mask.shape)
    others = ndimage.binary_dilation((mask == CLASS) & ~own)
    reachable = own | (around(own, radius) & (mask == 0) & ~others)
    components, _ = ndimage.label(reachable)
    expected = components == components[own][0]
    after = done(mask, grow(view_of(mask), region, radius))
    np.testing.assert_array_equal((after != mask) | own, expected)


def test_growing_does_not_jump_over_a_wall() -> None:
    mask = discs((40, 60), (20, 20, 8))
    mask[:, 30:33] = 5
    assert not done(mask, grow(view_of(mask), object_at(view_of(mask), (20, 20)), 20))[:, 33:].any()


def test_growing_stops_a_pixel_short_of_the_next_object_of_the_class() -> None:
    mask = discs((40, 60), (20, 18, 8), (20, 42, 8))
    after = done(mask, grow(view_of(mask), object_at(view_of(mask), (20, 18)), 30))
    assert ndimage.label(after)[1] == 2
    assert after[20, 32] == CLASS
    assert after[20, 33] == 0


@given(objects(), radii)
def test_shrinking_is_erosion_that_the_edge_of_the_plane_takes_no_part_in(
    mask_and_object: tuple[Mask, Region], radius: int
) -> None:
    mask, region = mask_and_object
    own = placed(region, mask.shape)
    left = morphology.erosion(own, morphology.disk(radius), mode="max")
    if not left.any():
        with pytest.raises(ObjectError, match="nothing of this object"):
            shrink(view_of(mask), region, radius)
        return
    after = done(mask, shrink(view_of(mask), region, radius))
    np.testing.assert_array_equal(after, np.where(own & ~left, 0, mask))


# Smooth


@given(objects(), st.integers(1, 4))
def test_smoothing_never_takes_another_class_or_loses_the_object(
    mask_and_object: tuple[Mask, Region], radius: int
) -> None:
    mask, region = mask_and_object
    own = placed(region, mask.shape)
    try:
        after = done(mask, smooth(view_of(mask), region, radius))
    except ObjectError as error:
        assert "too thin" in str(error)
        return
    others = (mask != 0) & ~own
    np.testing.assert_array_equal(after[others], mask[others])
    assert np.isin(after[~others], (0, CLASS)).all()
    assert ((after == CLASS) & own).any()
    components, _ = ndimage.label(after == CLASS)
    of_others = np.unique(components[(mask == CLASS) & ~own])
    assert not np.isin(components[own & (after == CLASS)], of_others).any()


def test_a_pixel_at_the_border_is_too_thin_and_stays() -> None:
    """The border repeats what is beside it, so that the blurred object is highest where the object isn't."""
    mask = np.array([[0, CLASS, 0, 0]], np.uint8)
    region = object_at(view_of(mask), (0, 1))
    with pytest.raises(ObjectError, match="too thin"):
        smooth(view_of(mask), region, 1)


@pytest.mark.parametrize("radius", [1, 2, 4, 8])
def test_smoothing_takes_the_roughness_and_keeps_place_and_area(radius: int) -> None:
    disc = discs((120, 130), (60, 60, 40)) > 0
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=disc.shape), 1)
    distance = ndimage.distance_transform_edt(disc) - ndimage.distance_transform_edt(~disc)
    ragged = distance + 12 * noise > 0
    components, _ = ndimage.label(ragged)
    mask = (CLASS * (components == components[60, 60])).astype(np.uint8)
    after = done(mask, smooth(view_of(mask), object_at(view_of(mask), (60, 60)), radius))
    assert np.count_nonzero(after) == pytest.approx(np.count_nonzero(mask), rel=0.01)
    assert outline(after) < 0.9 * outline(mask)
    assert np.count_nonzero((after > 0) ^ disc) <= np.count_nonzero((mask > 0) ^ disc)


def outline(mask: Mask) -> int:
    """Sides of pixels between the object and what is not."""
    inside = np.pad(mask > 0, 1).astype(np.int8)
    return sum(int(np.abs(np.diff(inside, axis=axis)).sum()) for axis in (0, 1))


@pytest.mark.parametrize(
    "mask", [np.full((20, 30), CLASS, np.uint8), np.pad(np.full((20, 9), CLASS), ((0, 0), (9, 9)))]
)
def test_smoothing_straight_edges_changes_nothing(mask: Mask) -> None:
    mask = mask.astype(np.uint8)
    np.testing.assert_array_equal(done(mask, smooth(view_of(mask), object_at(view_of(mask), (5, 12)), 2)), mask)


def test_an_object_thinner_than_the_smoothing_stays_and_the_error_says_what_to_do() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[20, 5:35] = CLASS
    with pytest.raises(ObjectError, match=r"too thin to be smoothed by 5 pixels\. Take a smaller radius"):
        smooth(view_of(mask), object_at(view_of(mask), (20, 20)), 5)


@pytest.mark.parametrize("operation", [grow, shrink, smooth])
@pytest.mark.parametrize("radius", [-1, 0, LARGEST_RADIUS + 1])
def test_a_radius_out_of_range_is_refused(operation: Callable[..., Repaint], radius: int) -> None:
    view = view_of(discs((30, 30), (15, 15, 9)))
    with pytest.raises(ObjectError, match=f"from 1 to {LARGEST_RADIUS} pixels, not {radius}"):
        operation(view, object_at(view, (15, 15)), radius)


# Split


def split_parts(mask: Mask, repaint: Repaint) -> tuple[NDArray[np.int32], int]:
    after = done(mask, repaint)
    assert np.isin(after[after != mask], 0).all()
    return ndimage.label(after == CLASS)


@pytest.mark.parametrize("angle", [0.0, 0.4, 0.8, 1.3, 2.2])
@pytest.mark.parametrize("radius", [6, 15, 40, 130, 300])
def test_two_discs_that_overlap_are_cut_between_them(radius: int, angle: float) -> None:
    centre, half = 2.2 * radius, 0.8 * radius
    dy, dx = half * np.sin(angle), half * np.cos(angle)
    side = int(2 * centre) + 1
    first, second = (centre - dy, centre - dx), (centre + dy, centre + dx)
    mask = discs((side, side), (*first, radius), (*second, radius))
    repaint = split(object_at(view_of(mask), (int(first[0]), int(first[1]))))
    parts, count = split_parts(mask, repaint)
    assert count == 2
    one, other = np.bincount(parts.ravel())[1:].tolist()
    assert abs(one - other) <= 2 * repaint.region.area + 0.01 * one  # the line lies about a pixel off the middle
    assert repaint.region.area <= 3 * np.sqrt(radius**2 - half**2) + 2  # half as much again as a straight line
    in_both = [discs(mask.shape, (*disc, radius + 2)) > 0 for disc in (first, second)]
    assert not (placed(repaint.region, mask.shape) & ~np.logical_and(*in_both)).any()


def test_a_cluster_falls_apart_into_all_its_discs() -> None:
    centres = [(30 + 42 * row, 30 + 42 * column) for row in range(3) for column in range(4)]
    mask = discs((150, 190), *((y, x, 23) for y, x in centres))
    parts, count = split_parts(mask, split(object_at(view_of(mask), (30, 30))))
    assert count == 12
    assert len({int(parts[y, x]) for y, x in centres}) == 12


@pytest.mark.parametrize("radius", [10, 300])
def test_what_has_no_waist_is_not_cut(radius: int) -> None:
    side = 4 * radius
    ys, xs = np.mgrid[:side, :side] - side // 2
    ring = (np.hypot(ys, xs) <= radius) & (np.hypot(ys, xs) >= radius / 2)
    shapes = [np.hypot(ys, xs / 1.8) <= radius, ring, (abs(ys) <= radius / 3) & (abs(xs) <= radius)]
    for shape in shapes:
        mask = (CLASS * shape).astype(np.uint8)
        seed = tuple(np.argwhere(shape)[0].tolist())
        with pytest.raises(ObjectError, match=r"no waist .* eraser"):
            split(object_at(view_of(mask), seed))


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (2, 2), (12, 9)])
def test_an_object_that_fills_its_plane_has_no_waist(shape: tuple[int, int]) -> None:
    mask = np.full(shape, CLASS, np.uint8)
    with pytest.raises(ObjectError, match="no waist"):
        split(object_at(view_of(mask), (0, 0)))


def test_a_speck_in_an_object_does_not_hide_its_waist() -> None:
    mask = discs((60, 100), (30, 30, 20), (30, 64, 20))
    mask[29:32, 29:32] = 0
    assert split_parts(mask, split(object_at(view_of(mask), (30, 64))))[1] == 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sigma", [6.0, 12.0])
def test_a_large_object_is_split_by_lines_a_pixel_wide(seed: int, sigma: float) -> None:
    mask = np.where(rough((500, 700), sigma, seed) == CLASS, CLASS, 0).astype(np.uint8)
    components, _ = ndimage.label(mask)
    largest = np.argmax(np.bincount(components.ravel())[1:]) + 1
    region = object_at(view_of(mask), tuple(np.argwhere(components == largest)[0].tolist()))
    repaint = split(region)
    lines, parts = repaint.region.inside, region.inside & ~repaint.region.inside
    assert not (lines & ~region.inside).any()
    assert ndimage.label(parts)[1] >= 2
    assert not ndimage.binary_erosion(lines, np.ones((2, 2))).sum() > 0.1 * lines.sum()


@given(objects())
def test_a_split_only_ever_gives_more_objects(mask_and_object: tuple[Mask, Region]) -> None:
    _, region = mask_and_object
    try:
        repaint = split(region)
    except ObjectError:
        return
    assert not (repaint.region.inside & ~region.inside).any()
    assert ndimage.label(region.inside & ~repaint.region.inside)[1] >= 2


# Fill holes


@given(objects())
def test_filling_takes_the_background_that_the_object_encloses(mask_and_object: tuple[Mask, Region]) -> None:
    mask, region = mask_and_object
    own = placed(region, mask.shape)
    holes = ndimage.binary_fill_holes(own) & (mask == 0)
    np.testing.assert_array_equal(done(mask, fill_object_holes(view_of(mask), region)), np.where(holes, CLASS, mask))


def test_an_object_in_a_hole_stays() -> None:
    mask = discs((60, 60), (30, 30, 25))
    mask[20:40, 20:40] = 0
    mask[25:35, 25:35] = 5
    after = done(mask, fill_object_holes(view_of(mask), object_at(view_of(mask), (30, 8))))
    assert (after == 5).sum() == 100
    assert not (after[20:40, 20:40] == 0).any()


# Edits


def test_a_repaint_becomes_an_edit_of_what_changes() -> None:
    mask = discs((TILE + 60, TILE + 60), (TILE, TILE, 12))
    view = view_of(mask)
    repaint = relabel(object_at(view, (TILE, TILE)), 7)
    edit = repaint_edit(view.labels, PLANE, repaint, "relabel", state=PlaneState.REVIEWED)
    assert edit is not None
    assert edit.change.box == Box(TILE - 12, TILE - 12, TILE + 13, TILE + 13)
    assert (edit.change.plane, edit.sentence, edit.change.state_after) == (PLANE, "relabel", PlaneState.REVIEWED)
    edit.change.make(view.labels)
    np.testing.assert_array_equal(view.labels.read(Box.of_shape(mask.shape)), np.where(mask == CLASS, 7, mask))
    edit.change.take_back(view.labels)
    np.testing.assert_array_equal(view.labels.read(Box.of_shape(mask.shape)), mask)


def test_deleting_what_was_only_proposed_labels_it_background_and_nothing_around_it() -> None:
    labels = LabelPlane((20, 20))
    inside = np.eye(4, dtype=bool)
    edit = repaint_edit(labels, PLANE, delete(Region(Box(3, 3, 7, 7), inside)), "delete", state=PlaneState.PROPOSED)
    assert edit is not None
    assert edit.change.state_after is PlaneState.CORRECTED
    edit.change.make(labels)
    np.testing.assert_array_equal(labels.read(Box(3, 3, 7, 7)), np.where(inside, 0, UNLABELLED))
    assert np.count_nonzero(labels.read(Box(0, 0, 20, 20)) != UNLABELLED) == 4


@pytest.mark.parametrize(
    "region", [Region(Box(0, 0, 4, 4), np.zeros((4, 4), bool)), Region(Box(0, 0, 4, 4), np.eye(4) > 0)]
)
def test_a_repaint_that_changes_nothing_is_no_edit(region: Region) -> None:
    labels = LabelPlane((20, 20))
    repaint = Repaint.with_class(region, UNLABELLED)
    assert repaint_edit(labels, PLANE, repaint, "nothing", state=PlaneState.PROPOSED) is None
