"""Every slide shows something whatever its numbers are, and masks get the colours of their classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.display import Contrast, auto_contrast, colour_table, outline, to_rgb

RNG = np.random.default_rng(0)


# Contrast


def test_an_ordinary_8_bit_slide_is_shown_as_it_is() -> None:
    assert auto_contrast(RNG.integers(0, 256, (50, 50, 3), dtype=np.uint8)) == Contrast(0, 255)


@pytest.mark.parametrize(
    "pixels",
    [
        RNG.integers(3, 30, (50, 50, 1)).astype(np.uint8),
        RNG.integers(300, 900, (50, 50, 1)).astype(np.uint16),
        RNG.normal(-5, 1e-3, (50, 50, 1)).astype(np.float32),
    ],
    ids=["dark 8 bits", "16 bits", "float below 0"],
)
def test_dark_16_bit_and_float_slides_use_all_of_the_screen(pixels: NDArray[np.generic]) -> None:
    shown = to_rgb(pixels, auto_contrast(pixels))
    assert shown.min() == 0
    assert shown.max() == 255
    assert 60 < shown.mean() < 190


def test_a_hot_pixel_does_not_blacken_the_slide() -> None:
    pixels = RNG.integers(300, 900, (100, 100)).astype(np.uint16)
    pixels[5, 5] = 65535
    assert auto_contrast(pixels).high < 1000


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_slide_has_a_range_too(value: int) -> None:
    contrast = auto_contrast(np.full((5, 5), value, np.uint16))
    assert contrast.low == value
    assert contrast.high > contrast.low


def test_a_lone_bright_spot_is_within_the_range() -> None:
    pixels = np.zeros((100, 100), np.uint16)
    pixels[3, 3] = 500
    assert auto_contrast(pixels) == Contrast(0, 500)


def test_nan_and_infinite_values_are_left_out_of_the_range() -> None:
    pixels = RNG.uniform(0, 1, (50, 50)).astype(np.float32)
    expected = auto_contrast(pixels[1:])
    pixels[0] = np.nan
    pixels[0, :9] = np.inf
    assert auto_contrast(pixels) == expected
    assert auto_contrast(np.full((3, 3), np.nan, np.float32)) == Contrast(0, 1)


# Pixels


@given(
    hnp.arrays(np.uint16, (3, 4, 3)),
    st.integers(0, 60000),
    st.integers(1, 5000),
    st.sampled_from([np.uint16, np.float32]),
)
def test_raw_values_are_stretched_between_black_and_white(
    pixels: NDArray[np.uint16], low: int, width: int, kind: type[np.generic]
) -> None:
    shown = to_rgb(pixels.astype(kind), Contrast(low, low + width))
    exact = np.clip((pixels.astype(float) - low) / width, 0, 1) * 255
    assert shown.dtype == np.uint8
    assert np.abs(shown - exact).max() <= 1


@pytest.mark.parametrize(("channels", "shown"), [(1, [5, 5, 5]), (2, [5, 6, 0]), (3, [5, 6, 7]), (5, [5, 6, 7])])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_any_number_of_channels_becomes_red_green_and_blue(
    channels: int, shown: list[int], kind: type[np.generic]
) -> None:
    pixels = np.arange(5, 5 + channels).reshape(1, 1, channels).astype(kind)
    assert to_rgb(pixels, Contrast(0, 255))[0, 0].tolist() == shown


def test_nan_is_black_and_infinite_values_are_black_or_white() -> None:
    pixels = np.array([[[np.nan], [-np.inf], [np.inf]]], np.float32)
    assert to_rgb(pixels, Contrast(-3, -2))[0, :, 0].tolist() == [0, 0, 255]


def test_the_range_may_be_empty() -> None:
    assert to_rgb(np.array([[[3], [4]]], np.uint8), Contrast(3, 3))[0, :, 0].tolist() == [0, 255]


# Masks


def test_colours_come_as_blue_green_red_and_alpha_times_the_opacity() -> None:
    classes = (*make_classes("a"), LabelClass(2, "b", (10, 20, 200)))
    table = colour_table(classes, hidden=frozenset(), opacity=0.5)
    assert table.shape == (256, 4)
    assert table[2].tolist() == [100, 10, 5, 128]


def test_background_hidden_classes_and_unlabelled_pixels_are_clear() -> None:
    table = colour_table(make_classes("a", "b", "c"), hidden=frozenset({2}), opacity=1.0)
    assert [index for index in range(256) if table[index].any()] == [1, 3]
    assert not table[UNLABELLED].any()


@given(
    hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.sampled_from([0, 1, 2, UNLABELLED])
    )
)
def test_an_outline_is_where_a_neighbour_is_of_another_class(mask: NDArray[np.uint8]) -> None:
    around = np.pad(mask, 1, mode="edge")
    neighbours = around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]
    expected = np.any([neighbour != mask for neighbour in neighbours], axis=0) & (mask != UNLABELLED)
    np.testing.assert_array_equal(outline(mask), expected)
