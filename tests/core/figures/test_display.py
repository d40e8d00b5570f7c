"""What is shown: contrast and colours of slides and channels, and what the network sees."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.figures.display import ChannelView, Display, NetworkView, auto_display, channel_colours, to_rgb
from unet_studio.core.models.normalisation import Normalisation

RNG = np.random.default_rng(0)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def grey(low: float, high: float, gamma: float = 1.0) -> Display:
    return Display((ChannelView(low, high, gamma),))


def one_range(sample: NDArray[np.generic]) -> tuple[float, float]:
    """The automatic range of a slide with one channel."""
    (view,) = auto_display(sample[..., None]).channels
    return view.low, view.high


# A first look


def test_an_ordinary_8_bit_colour_slide_is_shown_as_it_is() -> None:
    pixels = RNG.integers(0, 256, (50, 50, 3), dtype=np.uint8)
    assert np.array_equal(to_rgb(pixels, auto_display(pixels)), pixels)


def test_colours_share_one_range() -> None:
    pixels = RNG.integers(300, 900, (50, 50, 3)).astype(np.uint16)
    pixels[..., 1] //= 3
    views = auto_display(pixels).channels
    assert len({(view.low, view.high) for view in views}) == 1
    assert [view.colour for view in views] == [RED, GREEN, BLUE]


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_scientific_channels_have_a_range_and_a_colour_each(channels: int) -> None:
    pixels = np.stack([RNG.integers(0, 300 * (c + 1), (50, 50)) for c in range(channels)], axis=2).astype(np.uint16)
    views = auto_display(pixels).channels
    for index, view in enumerate(views):
        assert (view.low, view.high) == one_range(pixels[..., index])
    assert len({view.colour for view in views}) == channels
    assert all(view.shown and max(view.colour) == 255 for view in views)


def test_of_very_many_channels_some_are_shown_at_first() -> None:
    views = auto_display(RNG.integers(0, 900, (9, 9, 200)).astype(np.uint16)).channels
    assert len(views) == 200
    assert 1 < sum(view.shown for view in views) < 10


@pytest.mark.parametrize(
    "pixels",
    [
        RNG.integers(3, 30, (50, 50, 1)).astype(np.uint8),
        RNG.integers(0, 4096, (50, 50, 1)).astype(np.uint16),
        RNG.integers(300, 900, (50, 50, 1)).astype(np.uint16),
        RNG.normal(-5, 1e-3, (50, 50, 1)).astype(np.float32),
        RNG.uniform(1e9, 2e9, (50, 50, 1)).astype(np.float32),
    ],
    ids=["dark 8 bits", "12 bits", "16 bits", "float below 0", "32 bits"],
)
def test_dark_deep_and_float_slides_use_all_of_the_screen(pixels: NDArray[np.generic]) -> None:
    shown = to_rgb(pixels, auto_display(pixels))
    assert shown.min() == 0
    assert shown.max() == 255
    assert 60 < shown.mean() < 190
    assert (shown == shown[..., :1]).all()


def test_a_hot_pixel_does_not_blacken_the_slide() -> None:
    pixels = RNG.integers(300, 900, (100, 100)).astype(np.uint16)
    pixels[5, 5] = 65535
    assert one_range(pixels)[1] < 1000


@pytest.mark.parametrize("value", [0, 7, 1e30])
def test_a_constant_slide_has_a_range_too(value: float) -> None:
    low, high = one_range(np.full((5, 5), value, np.float32 if value > 1e9 else np.uint16))
    assert low == pytest.approx(value)
    assert high > low


def test_a_lone_bright_spot_is_within_the_range() -> None:
    pixels = np.zeros((100, 100), np.uint16)
    pixels[3, 3] = 500
    assert one_range(pixels) == (0, 500)


def test_nan_and_infinite_values_are_left_out_of_the_range() -> None:
    pixels = RNG.uniform(0, 1, (50, 50)).astype(np.float32)
    expected = one_range(pixels[1:])
    pixels[0] = np.nan
    pixels[0, :9] = np.inf
    assert one_range(pixels) == expected
    assert one_range(np.full((3, 3), np.nan, np.float32)) == (0, 1)


# Pixels


@given(
    hnp.arrays(np.uint16, (3, 4, 3)),
    st.integers(0, 60000),
    st.integers(1, 5000),
    st.floats(0.1, 10),
    st.sampled_from([np.uint16, np.float32]),
)
def test_raw_values_are_stretched_between_black_and_white(
    pixels: NDArray[np.uint16], low: int, width: int, gamma: float, kind: type[np.generic]
) -> None:
    display = Display(tuple(ChannelView(low, low + width, gamma, colour) for colour in (RED, GREEN, BLUE)))
    shown = to_rgb(pixels.astype(kind), display)
    share = (pixels.astype(float) - low) / width
    step = 1 / 65535  # float values are brought to so many levels
    least, most = (np.clip(share + by, 0, 1) ** (1 / gamma) * 255 for by in (-step, step))
    assert shown.dtype == np.uint8
    assert (least - 1 <= shown).all()
    assert (shown <= most + 1).all()


@given(hnp.arrays(np.uint8, (2, 3, 4)), st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=4, max_size=4))
def test_the_colours_of_shown_channels_are_added_and_clipped(
    pixels: NDArray[np.uint8], colours: list[tuple[int, int, int]]
) -> None:
    views = tuple(ChannelView(0, 255, colour=colour, shown=index != 2) for index, colour in enumerate(colours))
    exact = sum(pixels[..., c, None] / 255 * np.array(colours[c], float) for c in (0, 1, 3))
    assert np.abs(to_rgb(pixels, Display(views)) - np.minimum(exact, 255)).max() <= 1.5 + 1e-9


def test_a_gamma_above_1_brightens_the_middle() -> None:
    pixels = np.array([[[0], [100], [200]]], np.uint16)
    dark, even, bright = (to_rgb(pixels, grey(0, 200, gamma))[0, :, 0].tolist() for gamma in (0.5, 1.0, 2.0))
    assert dark[1] < even[1] < bright[1]
    assert (dark[0], dark[2]) == (even[0], even[2]) == (bright[0], bright[2]) == (0, 255)


def test_a_slide_with_no_channel_shown_is_black() -> None:
    assert not to_rgb(np.full((2, 5, 1), 9, np.uint8), Display((ChannelView(0, 9, shown=False),))).any()


@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (1, 1)])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_planes_of_one_row_or_column_are_shown(shape: tuple[int, int], channels: int, kind: type[np.generic]) -> None:
    pixels = RNG.integers(0, 200, (*shape, channels)).astype(kind)
    assert to_rgb(pixels, auto_display(pixels)).shape == (*shape, 3)


def test_nan_is_black_and_infinite_values_are_black_or_white() -> None:
    pixels = np.array([[[np.nan], [-np.inf], [np.inf]]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_rgb(pixels, grey(-3, -2))[0, :, 0].tolist() == [0, 0, 255]


def test_values_at_the_ends_of_float_are_shown() -> None:
    pixels = np.array([[[-3.4e38], [0], [3.4e38]]], np.float32)
    assert to_rgb(pixels, grey(-3.4e38, 3.4e38))[0, :, 0] == pytest.approx([0, 127.5, 255], abs=0.5)


def test_the_range_may_be_empty() -> None:
    assert to_rgb(np.array([[[3], [4]]], np.uint8), grey(3, 3))[0, :, 0].tolist() == [0, 255]


def test_two_channels_are_complements_and_many_are_all_different() -> None:
    first, second = channel_colours(2)
    assert tuple(np.add(first, second)) == WHITE
    assert channel_colours(1) == (WHITE,)
    assert len(set(channel_colours(6))) == 6


# What the network sees


def test_the_network_s_view_is_its_input_from_black_to_white() -> None:
    pixels = RNG.integers(100, 4000, (60, 60, 1)).astype(np.uint16)
    normalisation = Normalisation(channels=1, low=5, high=95)
    measured = normalisation.measure_values(pixels.reshape(-1, 1).astype(np.float32))
    view = NetworkView(normalisation, measured)
    given_to_it = np.clip(normalisation.apply(pixels, measured), 0, 1)
    assert np.abs(view.to_rgb(pixels) / 255 - given_to_it).max() < 0.003
    assert np.array_equal(view.read(pixels), normalisation.apply(pixels, measured))


def test_the_network_s_view_has_the_model_s_channels_not_the_slide_s() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[..., 0] = 90
    view = NetworkView(Normalisation(channels=1), Normalisation(channels=1).measure_values(np.array([[0.0], [60.0]])))
    shown = view.to_rgb(pixels)
    assert (shown == shown[..., :1]).all()
    assert 100 < shown[0, 0, 0] < 155
