"""Boxes behave as sets of pixels, the grid covers them, and packing is lossless."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.tiles import TILE, Box, cells_over, pack, tile_box, unpack

sides = st.integers(-4, 12)
boxes = st.builds(Box, sides, sides, sides, sides)
wide = st.one_of(st.integers(-300, 600), st.sampled_from([-256, -64, 0, 64, 256, 320, 512]))


def pixels_of(box: Box) -> set[tuple[int, int]]:
    return {(y, x) for y in range(box.y0, box.y1) for x in range(box.x0, box.x1)}


@given(boxes)
def test_shape_and_emptiness_follow_from_the_pixels(box: Box) -> None:
    assert box.height * box.width == len(pixels_of(box))
    assert box.is_empty == (not pixels_of(box))


@given(boxes, boxes)
def test_an_intersection_has_the_pixels_that_both_have(first: Box, second: Box) -> None:
    assert pixels_of(first.intersect(second)) == pixels_of(first) & pixels_of(second)


@given(boxes, boxes)
def test_a_union_is_the_smallest_box_around_both(first: Box, second: Box) -> None:
    both = pixels_of(first) | pixels_of(second)
    union = first.union(second)
    assert pixels_of(union) >= both
    if both:
        rows, columns = zip(*both, strict=True)
        assert union == Box(min(rows), min(columns), max(rows) + 1, max(columns) + 1)


@given(boxes, boxes)
def test_a_box_indexes_the_same_pixels_in_every_array_that_covers_it(first: Box, second: Box) -> None:
    inner, outer = first.intersect(second), second
    if inner.is_empty:
        return
    ys, xs = np.mgrid[outer.y0 : outer.y1, outer.x0 : outer.x1]
    index = inner.within(outer)
    assert set(zip(ys[index].ravel().tolist(), xs[index].ravel().tolist(), strict=True)) == pixels_of(inner)
    assert ys[index].shape == inner.shape


def test_the_box_of_a_shape_is_all_of_its_pixels() -> None:
    array = np.zeros((5, 7, 3))
    assert Box.of_shape(array.shape).shape == (5, 7)
    assert array[Box.of_shape(array.shape).slices].shape == array.shape


def test_growing_adds_the_margin_on_every_side_and_shrinking_can_leave_nothing() -> None:
    assert Box(2, 3, 4, 6).grow(2) == Box(0, 1, 6, 8)
    assert Box(2, 3, 4, 6).grow(-1).is_empty
    assert Box(2, 3, 4, 6).grow(-2).shape == (0, 0)


@given(st.builds(Box, wide, wide, wide, wide), st.sampled_from([TILE, 64]))
def test_the_cells_over_a_box_are_the_tiles_that_share_a_pixel_with_it_row_by_row(box: Box, side: int) -> None:
    rows, columns = range(-5, 11), range(-5, 11)
    sharing = [(r, c) for r in rows for c in columns if not tile_box((r, c), side).intersect(box).is_empty]
    assert list(cells_over(box, side)) == sharing


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9)), st.sampled_from(["C", "F"])
)
def test_packed_values_come_back_as_they_were(values: NDArray[np.uint8], order: str) -> None:
    data = pack(np.array(values, order=order))
    np.testing.assert_array_equal(unpack(data, values.shape), values)


def test_unpacked_values_can_be_written_to() -> None:
    values = unpack(pack(np.zeros((2, 2), np.uint8)), (2, 2))
    values[0, 0] = 7
    assert values[0, 0] == 7


@settings(max_examples=20)
@given(st.integers(0, 255))
def test_a_constant_tile_takes_next_to_nothing(value: int) -> None:
    assert len(pack(np.full((TILE, TILE), value, np.uint8))) < 400


def test_data_of_another_size_is_refused() -> None:
    for size in (0, 3, 5, 1 << 24):
        with pytest.raises(ValueError, match="other than 4 values"):
            unpack(pack(np.zeros(size, np.uint8)), (2, 2))
