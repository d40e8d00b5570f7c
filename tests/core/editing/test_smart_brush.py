"""The smart brush paints what is like the pixel under its centre, and leaves the rest of what it covers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.editing.smart_brush import agreeing

SIDE = 41
CENTRE = (20, 20)

DISC = np.hypot(*(np.mgrid[:SIDE, :SIDE] - 20)) <= 12
"""An object under the centre, smaller than the brush."""


def slide_of(inside: NDArray[np.bool_], noise: float, channels: int = 1) -> NDArray[np.float32]:
    """Object at 160 on a ground of 60, in every channel."""
    rng = np.random.default_rng(0)
    return (60 + 100 * inside[..., None] + rng.normal(0, noise, (*inside.shape, channels))).astype(np.float32)


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_of_a_plain_object_it_paints_exactly_that(dtype: type[np.generic], channels: int) -> None:
    np.testing.assert_array_equal(agreeing(slide_of(DISC, 0, channels).astype(dtype), None, CENTRE), DISC)


def test_of_the_ground_beside_it_paints_the_ground() -> None:
    np.testing.assert_array_equal(agreeing(slide_of(DISC, 0), None, (2, 3)), ~DISC)


@pytest.mark.parametrize("noise", [5, 10, 20])
def test_noise_leaves_the_object_nearly_whole_and_the_ground_alone(noise: float) -> None:
    found = agreeing(slide_of(DISC, noise), None, CENTRE)
    assert overlap(found, DISC) > 0.8
    assert not (found & ~DISC).any() or (found & ~DISC).mean() < 0.02


def test_an_object_without_noise_may_be_shaded() -> None:
    shaded = slide_of(DISC, 0) + DISC[..., None] * np.linspace(-20, 20, SIDE, dtype=np.float32)[:, None]
    np.testing.assert_array_equal(agreeing(shaded, None, CENTRE), DISC)


def test_where_there_is_nothing_but_noise_it_paints_nearly_all() -> None:
    assert agreeing(slide_of(np.zeros_like(DISC), 20), None, CENTRE).mean() > 0.8


def test_where_all_is_alike_it_paints_all() -> None:
    assert agreeing(np.full((SIDE, SIDE, 3), 7, np.uint8), None, CENTRE).all()


def test_a_difference_in_one_channel_is_enough() -> None:
    pixels = slide_of(DISC, 0, 3)
    pixels[..., :2] = 80
    np.testing.assert_array_equal(agreeing(pixels, None, CENTRE), DISC)


def test_an_object_of_the_same_intensity_beside_it_is_left() -> None:
    other = np.zeros_like(DISC)
    other[:4] = True
    np.testing.assert_array_equal(agreeing(slide_of(DISC | other, 0), None, CENTRE), DISC)


def test_one_bright_pixel_under_the_centre_counts_for_little() -> None:
    pixels = slide_of(DISC, 0)
    pixels[CENTRE] = 255
    np.testing.assert_array_equal(agreeing(pixels, None, CENTRE), DISC)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_agree_with_none(odd: float) -> None:
    pixels = slide_of(DISC, 0)
    pixels[:, :5] = odd
    np.testing.assert_array_equal(agreeing(pixels, None, CENTRE), DISC)
    assert not agreeing(pixels, None, (20, 2)).any()
    assert not agreeing(np.full_like(pixels, odd), None, CENTRE).any()


@pytest.mark.parametrize("centre", [(-1, 5), (5, -1), (SIDE, 5), (5, SIDE)])
def test_a_centre_beside_the_box_agrees_with_none(centre: tuple[int, int]) -> None:
    probability = np.full((SIDE, SIDE), 255, np.uint8)
    assert not agreeing(slide_of(DISC, 0), probability, centre).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_the_thinnest_boxes_are_answered(shape: tuple[int, int]) -> None:
    assert agreeing(np.full((*shape, 1), 3, np.uint8), None, (0, 0)).all()


# With a proposal


def test_where_the_model_sees_the_class_at_the_centre_the_model_decides() -> None:
    seen = np.zeros((SIDE, SIDE), np.uint8)
    seen[10:30, 10:30], seen[:, :2] = 90, 200  # the second part isn't connected
    expected = np.zeros((SIDE, SIDE), dtype=bool)
    expected[10:30, 10:30] = True
    np.testing.assert_array_equal(agreeing(slide_of(DISC, 0), seen, CENTRE), expected)


def test_where_the_model_does_not_see_the_class_at_the_centre_intensity_decides() -> None:
    seen = np.full((SIDE, SIDE), 255, np.uint8)
    seen[CENTRE] = 10
    np.testing.assert_array_equal(agreeing(slide_of(DISC, 0), seen, CENTRE), DISC)


def test_the_level_is_a_probability() -> None:
    seen = np.tile(np.arange(SIDE, dtype=np.uint8) * 6, (SIDE, 1))
    found = agreeing(slide_of(DISC, 0), seen, (20, 40), level=0.5)
    np.testing.assert_array_equal(found, seen > 127.5)


planes = hnp.arrays(np.uint8, st.tuples(st.integers(1, 15), st.integers(1, 15), st.just(1)))


@given(planes, st.data(), st.booleans())
def test_what_agrees_holds_the_centre_and_is_connected_and_has_no_specks(
    pixels: NDArray[np.uint8], data: Any, proposed: bool
) -> None:
    height, width = pixels.shape[:2]
    centre = data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)))
    found = agreeing(pixels, np.ascontiguousarray(pixels[::-1, :, 0]) if proposed else None, centre)
    assert found.shape == (height, width)
    assert found[centre]
    assert ndimage.label(found)[1] == 1
    holes, _ = ndimage.label(ndimage.binary_fill_holes(found) & ~found)
    assert (np.bincount(holes.ravel())[1:] > 16).all()
