"""A region is exactly the pixels that its tool promises, whatever the blocks it was read in."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.editing.flood import class_region, flood, wand_region
from unet_studio.core.editing.polygons import polygon_region
from unet_studio.core.editing.regions import (
    LARGEST_AREA,
    NOWHERE,
    Region,
    check_size,
    fill_specks,
    holes_of,
    minus,
    union,
)
from unet_studio.core.editing.strokes import Point
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.tiles import Box
from unet_studio.errors import RegionError

SHAPE = (20, 30)
LARGE = (16384, 16384)

bits = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20))
blocks = st.integers(1, 9)


def on_plane(region: Region, shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    """The region as a bool plane; fails where it doesn't fit its box or the plane."""
    assert region.inside.shape == region.box.shape
    assert region.inside.dtype == np.bool_
    plane = np.zeros(shape, dtype=bool)
    if not region.box.is_empty:
        assert region.box.intersect(Box.of_shape(shape)) == region.box
        plane[region.box.slices] = region.inside
    assert region.area == plane.sum()
    assert region.is_empty == (not plane.any())
    return plane


def region_of(inside: NDArray[np.bool_], y0: int = 0, x0: int = 0) -> Region:
    return Region(Box(y0, x0, y0 + inside.shape[0], x0 + inside.shape[1]), inside)


def reading(pixels: NDArray[Any]) -> Callable[[Box], NDArray[Any]]:
    """Read boxes of a plane as a slide does: refuses what isn't on it, and gives a copy."""

    def read(box: Box) -> NDArray[Any]:
        assert box.intersect(Box.of_shape(pixels.shape)) == box
        return pixels[box.slices].copy()

    return read


@st.composite
def seeded(draw: st.DrawFn, values: st.SearchStrategy[NDArray[Any]]) -> tuple[NDArray[Any], tuple[int, int]]:
    plane = draw(values)
    return plane, (draw(st.integers(0, plane.shape[0] - 1)), draw(st.integers(0, plane.shape[1] - 1)))


# Polygons

coordinates = st.integers(-64 * 8, 64 * 38).map(lambda steps: steps / 64) | st.integers(-8, 38).map(lambda i: i + 0.5)
corners = st.lists(st.tuples(coordinates, coordinates), max_size=9)


def enclosed(points: list[Point], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Even-odd, pixel by pixel: how many sides the ray from each centre to the left crosses."""
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    crossings = np.zeros(shape, dtype=int)
    for i, (y0, x0) in enumerate(points):
        y1, x1 = points[i - 1]
        if y0 != y1:
            # Left of the centre or through it: the sign of a cross product, exact for sixty-fourths of pixels.
            side = (xs - x0) * (y1 - y0) - (x1 - x0) * (ys - y0)
            spans = (min(y0, y1) <= ys) & (ys < max(y0, y1))
            crossings += spans & (side * np.sign(y1 - y0) >= 0)
    return np.asarray(crossings % 2 == 1)


@given(corners)
def test_a_polygon_is_the_pixels_whose_centre_it_encloses(points: list[Point]) -> None:
    expected = enclosed(points, SHAPE) if len(points) > 2 else np.zeros(SHAPE, dtype=bool)
    np.testing.assert_array_equal(on_plane(polygon_region(points, SHAPE)), expected)


@given(corners.filter(lambda points: len(points) > 2), st.integers(0, 8))
def test_a_polygon_depends_on_neither_its_first_corner_nor_its_direction(points: list[Point], first: int) -> None:
    turned = points[first % len(points) :] + points[: first % len(points)]
    expected = on_plane(polygon_region(points, SHAPE))
    np.testing.assert_array_equal(on_plane(polygon_region(turned, SHAPE)), expected)
    np.testing.assert_array_equal(on_plane(polygon_region(turned[::-1], SHAPE)), expected)


@given(st.tuples(st.floats(0, 20), st.floats(0, 30)), st.tuples(st.floats(0, 20), st.floats(0, 30)))
def test_polygons_that_share_a_side_cover_the_plane_once(start: Point, end: Point) -> None:
    """Two triangles and the two that they leave of the plane, at a corner of which both points are joined."""
    quadrangle = [(0.0, 0.0), start, (20.0, 30.0), end]
    halves = [quadrangle[:3], [quadrangle[2], quadrangle[3], quadrangle[0]]]
    both = [on_plane(polygon_region(half, SHAPE)) for half in halves]
    np.testing.assert_array_equal(both[0] ^ both[1], on_plane(polygon_region(quadrangle, SHAPE)))


@pytest.mark.parametrize(
    "points", [[], [(1.0, 1.0)], [(1.0, 1.0), (9.0, 9.0)], [(-9.0, 1.0), (-1.0, 9.0), (-9.0, 9.0)]]
)
def test_a_polygon_of_two_points_or_off_the_plane_is_empty(points: list[Point]) -> None:
    region = polygon_region(points, SHAPE)
    assert region.is_empty
    assert region.box.is_empty


def test_the_loops_of_a_line_that_crosses_itself_are_counted() -> None:
    twice_around = [(2.0, 2.0), (2.0, 12.0), (12.0, 12.0), (12.0, 2.0)] * 2
    assert polygon_region(twice_around, SHAPE).is_empty
    eight = [(2.0, 2.0), (12.0, 12.0), (12.0, 2.0), (2.0, 12.0)]
    assert on_plane(polygon_region(eight, SHAPE))[[3, 6, 10], 7].tolist() == [True, False, True]


def test_a_polygon_far_beyond_the_plane_is_cut_at_its_edge() -> None:
    around = [(-1e9, -1e9), (-1e9, 1e9), (1e9, 1e9), (1e9, -1e9)]
    assert on_plane(polygon_region(around, SHAPE)).all()


def test_a_polygon_too_large_for_one_edit_is_refused() -> None:
    with pytest.raises(RegionError, match="16384 × 16384 pixels or more, and one edit can take about 8192 × 8192"):
        polygon_region([(0.0, 0.0), (0.0, 16384.0), (16384.0, 16384.0), (16384.0, 0.0)], LARGE)


# Floods


@given(seeded(bits), blocks)
def test_a_flood_is_the_4_connected_region_of_its_seed_in_blocks_of_any_size(
    plane_and_seed: tuple[NDArray[np.bool_], tuple[int, int]], block: int
) -> None:
    plane, seed = plane_and_seed
    components, _ = ndimage.label(plane)
    expected = plane & (components == components[seed]) & plane[seed]
    region = flood(reading(plane), seed, plane.shape, block=block)
    np.testing.assert_array_equal(on_plane(region, plane.shape), expected)
    if expected.any():  # the box is the smallest one
        assert region.inside[[0, -1]].any(axis=1).all()
        assert region.inside[:, [0, -1]].any(axis=0).all()


def test_a_flood_winds_through_blocks_again_and_again() -> None:
    plane = np.ones((41, 41), dtype=bool)
    plane[1::4, :-1] = plane[3::4, 1:] = False  # one corridor from top to bottom
    region = flood(reading(plane), (0, 0), plane.shape, block=5)
    np.testing.assert_array_equal(on_plane(region, plane.shape), plane)


@pytest.mark.parametrize("seed", [(-1, 3), (3, -1), (20, 3), (3, 30), (600, 3)])
def test_a_seed_off_the_plane_floods_nothing(seed: tuple[int, int]) -> None:
    assert flood(reading(np.ones(SHAPE, dtype=bool)), seed, SHAPE).is_empty
    assert class_region(MaskView(LabelPlane(SHAPE), None), seed).is_empty
    assert wand_region(reading(np.ones((*SHAPE, 1), np.uint8)), seed, 9.0, SHAPE).is_empty


def test_a_flood_reads_each_block_that_it_meets_once_and_no_other() -> None:
    asked: list[Box] = []

    def matches(box: Box) -> NDArray[np.bool_]:
        asked.append(box)
        ys, xs = np.ogrid[box.y0 : box.y1, box.x0 : box.x1]
        return np.asarray((abs(ys - 8192) < 200) & (abs(xs - 8192) < 200))

    region = flood(matches, (8192, 8192), LARGE)
    assert region.box == Box(7993, 7993, 8392, 8392)
    assert region.inside.all()
    assert sorted((box.y0, box.x0) for box in asked) == [(y, x) for y in (7680, 8192) for x in (7680, 8192)]
    assert all(box.shape == (512, 512) for box in asked)


def test_a_flood_that_grows_too_large_stops_and_says_what_to_do() -> None:
    plane = np.ones((40, 40), dtype=bool)
    assert flood(reading(plane), (0, 0), plane.shape, block=8, limit=1600).area == 1600
    with pytest.raises(RegionError, match=r"too large.*take about 39 × 39\. Close it off with a brush stroke, or work"):
        flood(reading(plane), (0, 0), plane.shape, block=8, limit=1599)


def test_background_of_a_large_slide_is_too_large_long_before_memory_is() -> None:
    read = 0

    def matches(box: Box) -> NDArray[np.bool_]:
        nonlocal read
        read += box.height * box.width
        return np.ones(box.shape, dtype=bool)

    with pytest.raises(RegionError):
        flood(matches, (8192, 8192), LARGE)
    assert read <= 1.2 * LARGEST_AREA


# Class regions

masks = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.sampled_from([0, 1, 255])
)


@given(seeded(masks))
def test_a_class_region_is_connected_and_of_the_mask_not_of_the_labels(
    labels_and_seed: tuple[NDArray[np.uint8], tuple[int, int]],
) -> None:
    """Without a proposal, what is unlabelled is background like what is labelled so."""
    values, seed = labels_and_seed
    labels = LabelPlane(values.shape)
    labels.write(Box.of_shape(values.shape), values)
    mask = np.where(values == 255, 0, values)
    components, _ = ndimage.label(mask == mask[seed])
    region = class_region(MaskView(labels, None), seed)
    np.testing.assert_array_equal(on_plane(region, values.shape), components == components[seed])


# The magic wand


@given(
    seeded(hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 3, 5])))),
    st.floats(0, 255),
)
def test_the_wand_takes_what_is_near_in_all_channels_and_connected(
    plane_and_seed: tuple[NDArray[np.uint8], tuple[int, int]], tolerance: float
) -> None:
    pixels, (y, x) = plane_and_seed
    around = pixels[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, pixels.shape[2])
    near = (np.abs(pixels - np.median(around, axis=0)) <= tolerance).all(axis=2)
    near[y, x] = True
    components, _ = ndimage.label(near)
    expected = fill_specks(components == components[y, x])
    region = wand_region(reading(pixels), (y, x), tolerance, pixels.shape[:2])
    np.testing.assert_array_equal(on_plane(region, pixels.shape[:2]), expected)


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 250), (np.float32, 1e-3), (np.float32, 1e30)])
def test_the_wand_measures_in_raw_values_of_any_depth(dtype: type[np.generic], scale: float) -> None:
    pixels = np.array([[[10], [12], [16], [17], [200]]] * 3, np.float64)
    read = reading((pixels * scale).astype(dtype))
    found = [wand_region(read, (1, 0), t * scale, (3, 5)).box.width for t in (0.5, 4.5, 5.5, 6.5, 250)]
    assert found == [1, 2, 3, 4, 5]


def test_a_wider_tolerance_never_takes_less() -> None:
    rng = np.random.default_rng(0)
    pixels = ndimage.gaussian_filter(rng.normal(size=(*SHAPE, 3)), (2, 2, 0)).astype(np.float32)
    regions = [on_plane(wand_region(reading(pixels), (10, 15), t, SHAPE)) for t in np.linspace(0, 0.6, 9)]
    assert all((larger | smaller == larger).all() for smaller, larger in pairwise(regions))
    assert regions[0].sum() < regions[-1].sum()


@pytest.mark.parametrize("turned", [False, True])
def test_the_wand_takes_the_same_across_blocks(turned: bool) -> None:
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(700, 1200)), 8)
    pixels = np.rint(127 + 40 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)[..., None]
    seed = (600, 1100)
    if turned:
        pixels, seed = np.ascontiguousarray(pixels[::-1, ::-1]), (99, 99)
    centre = np.median(pixels[seed[0] - 1 : seed[0] + 2, seed[1] - 1 : seed[1] + 2])
    components, _ = ndimage.label(np.abs(pixels[..., 0] - centre) <= 55)
    expected = fill_specks(components == components[seed])
    assert expected[:512, :1024].any()
    assert expected[512:, :512].any()
    region = wand_region(reading(pixels), seed, 55.0, (700, 1200))
    np.testing.assert_array_equal(on_plane(region, (700, 1200)), expected)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_stop_the_wand_at_any_tolerance(odd: float) -> None:
    pixels = np.ones((*SHAPE, 2), np.float32)
    pixels[:, 15, 1] = odd
    for tolerance in (0.0, 1e38, np.inf):
        region = wand_region(reading(pixels), (5, 14), tolerance, SHAPE)
        assert region.box == Box(0, 0, 20, 15)
        assert region.inside.all()
    assert wand_region(reading(pixels), (5, 15), 1.0, SHAPE).is_empty


def test_one_noisy_pixel_neither_moves_the_wand_nor_leaves_a_hole() -> None:
    pixels = np.full((*SHAPE, 1), 100, np.uint8)
    pixels[5, 5], pixels[12, 12] = 180, 0
    assert wand_region(reading(pixels), (5, 5), 3.0, SHAPE).area == 20 * 30


def test_beside_an_edge_the_wand_takes_the_side_that_was_clicked() -> None:
    pixels = np.full((*SHAPE, 1), 20, np.uint8)
    pixels[:, 10:] = 200
    assert wand_region(reading(pixels), (8, 9), 10.0, SHAPE).box == Box(0, 0, 20, 10)
    assert wand_region(reading(pixels), (8, 10), 10.0, SHAPE).box == Box(0, 10, 20, 30)


def test_dragging_the_tolerance_asks_for_the_same_boxes() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(100, 110, (700, 600, 1)).astype(np.uint8)
    read = lru_cache(reading(pixels))
    assert wand_region(read, (300, 300), 20.0, (700, 600)).area == 700 * 600
    misses = read.cache_info().misses
    for tolerance in range(12, 20):
        wand_region(read, (300, 300), tolerance, (700, 600))
    assert read.cache_info().misses == misses


# Regions with each other


@given(bits, bits, st.integers(0, 9), st.integers(0, 9))
def test_union_and_minus_are_those_of_sets_of_pixels(
    first: NDArray[np.bool_], second: NDArray[np.bool_], y0: int, x0: int
) -> None:
    regions = region_of(first), region_of(second, y0, x0)
    a, b = (on_plane(region, (40, 40)) for region in regions)
    np.testing.assert_array_equal(on_plane(union(*regions), (40, 40)), a | b)
    np.testing.assert_array_equal(on_plane(minus(*regions), (40, 40)), a & ~b)
    np.testing.assert_array_equal(on_plane(regions[0], (40, 40)), a)


def test_nowhere_adds_and_takes_nothing() -> None:
    region = region_of(np.ones((3, 4), dtype=bool), 5, 6)
    for result in (union(region, NOWHERE), union(NOWHERE, region), minus(region, NOWHERE)):
        assert result.box == region.box
        assert result.area == 12
    assert minus(NOWHERE, region).is_empty
    assert union(NOWHERE, NOWHERE).is_empty
    assert holes_of(NOWHERE).is_empty


def test_regions_at_far_ends_of_a_slide_are_not_joined() -> None:
    dot = np.ones((1, 1), dtype=bool)
    with pytest.raises(RegionError, match="16384 × 16384"):
        union(region_of(dot), region_of(dot, 16383, 16383))


def test_a_region_may_be_long_as_long_as_it_is_thin() -> None:
    check_size(Box(0, 0, 100_000, 600))
    with pytest.raises(RegionError):
        check_size(Box(0, 0, 100_000, 700))


# Holes


@given(bits, st.integers(0, 5))
def test_holes_are_what_the_region_encloses(inside: NDArray[np.bool_], offset: int) -> None:
    region = region_of(inside, offset, 2 * offset)
    expected = ndimage.binary_fill_holes(inside) & ~inside
    holes = holes_of(region)
    assert holes.box == region.box
    np.testing.assert_array_equal(holes.inside, expected)


@given(bits)
def test_specks_are_holes_of_up_to_sixteen_pixels(inside: NDArray[np.bool_]) -> None:
    holes, _ = ndimage.label(ndimage.binary_fill_holes(inside) & ~inside)
    small = np.bincount(holes.ravel()) <= 16
    small[0] = False
    np.testing.assert_array_equal(fill_specks(inside), inside | small[holes])


def test_specks_are_filled_across_blocks_as_within_them(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = np.random.default_rng(0).random((150, 150)) < 0.66
    whole = fill_specks(inside)
    monkeypatch.setattr("unet_studio.core.editing.regions._BLOCK", 32)
    np.testing.assert_array_equal(fill_specks(inside), whole)
    assert (whole & ~inside).sum() > 1000
