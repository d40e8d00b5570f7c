"""The network sees the same picture at any bit depth, whatever odd pixels are in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import ModelError

GREY = Normalisation(channels=1)
COLOUR = Normalisation(channels=3)


def picture(shape: tuple[int, ...] = (120, 150, 1), seed: int = 0) -> NDArray[np.uint8]:
    """A dim slide with some texture: values 0…110."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, (4, 4, 0)) + 0.05 * noise
    return np.asarray(110 * (smooth - smooth.min()) / np.ptp(smooth), np.uint8)


def network_input(tmp_path: Path, pixels: NDArray[Any], normalisation: Normalisation = GREY) -> NDArray[np.float32]:
    """What a network gets of a slide file with these pixels (h, w, c)."""
    file = tmp_path / f"{pixels.dtype}.tif"
    colours = {"photometric": "rgb"} if pixels.shape[2] == 3 else {"photometric": "minisblack"}
    tifffile.imwrite(file, pixels if pixels.shape[2] > 1 else pixels[..., 0], **colours)
    with open_slide(file) as reader:
        measured = normalisation.measure(reader, 0)
        return normalisation.apply(reader.read(0, reader.info.box()), measured)


@pytest.mark.parametrize(
    "scaled",
    [
        lambda pixels: pixels.astype(np.uint16) * 257,
        lambda pixels: pixels.astype(np.uint16) * 16 + 1000,
        lambda pixels: pixels.astype(np.float32) / 255,
        lambda pixels: pixels.astype(np.float32) * 1e4 - 5e5,
    ],
    ids=["16 bits", "12 bits over an offset", "float 0 to 1", "float below 0"],
)
@pytest.mark.parametrize(("normalisation", "channels"), [(GREY, 1), (COLOUR, 3), (COLOUR, 1), (GREY, 3)])
def test_every_bit_depth_gives_the_same_input(
    tmp_path: Path, scaled: Any, normalisation: Normalisation, channels: int
) -> None:
    pixels = picture((120, 150, channels))
    expected = network_input(tmp_path, pixels, normalisation)
    found = network_input(tmp_path, scaled(pixels), normalisation)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_a_dim_channel_is_seen_beside_a_bright_one_but_colours_keep_their_tint(channels: int) -> None:
    values = np.random.default_rng(0).uniform(0, 1, (5000, channels)).astype(np.float32)
    values[:, 0] *= 50
    usual = Normalisation.usual(channels)
    seen = usual.apply(values[None], usual.measure_values(values))[0].max(axis=0)
    assert seen[0] > 0.9
    if channels == 3:
        np.testing.assert_array_less(seen[1:], 0.05)
    else:
        np.testing.assert_array_less(0.9, seen)


def test_most_of_the_input_lies_between_0_and_1_and_none_far_off(tmp_path: Path) -> None:
    pixels = picture()
    pixels[5, 5] = 255
    found = network_input(tmp_path, pixels)
    assert np.mean((found >= 0) & (found <= 1)) > 0.98
    assert found.max() == 1.5
    assert found.min() >= -0.25


def test_a_hot_pixel_changes_the_rest_of_the_input_little(tmp_path: Path) -> None:
    pixels = picture().astype(np.uint16)
    expected = network_input(tmp_path, pixels)
    pixels[5, 5] = 65535
    np.testing.assert_allclose(
        np.delete(network_input(tmp_path, pixels), 5, axis=0), np.delete(expected, 5, axis=0), atol=0.02
    )


def test_nan_and_infinite_pixels_leave_the_others_as_they_were(tmp_path: Path) -> None:
    pixels = picture().astype(np.float32)
    expected = network_input(tmp_path, pixels)
    pixels[0, :3, 0] = np.nan, np.inf, -np.inf
    found = network_input(tmp_path, pixels)
    assert found[0, :3, 0].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(found[1:], expected[1:], atol=0.01)


def test_a_plane_of_nothing_but_nan_is_zero(tmp_path: Path) -> None:
    assert not network_input(tmp_path, np.full((20, 30, 1), np.nan, np.float32)).any()


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_plane_is_zero(tmp_path: Path, value: int) -> None:
    assert not network_input(tmp_path, np.full((20, 30, 1), value, np.uint8)).any()


def test_a_lone_bright_spot_on_a_constant_plane_is_still_seen(tmp_path: Path) -> None:
    pixels = np.full((200, 200, 1), 7, np.uint8)
    pixels[50:52, 50:52] = 90
    found = network_input(tmp_path, pixels)
    assert found[50:52, 50:52] == pytest.approx(1.0)
    assert np.count_nonzero(found) == 4


def test_colours_share_one_range_so_that_their_balance_stays(tmp_path: Path) -> None:
    pixels = picture((120, 150, 3))
    pixels[..., 2] //= 4
    found = network_input(tmp_path, pixels, COLOUR)
    assert found[..., 0].mean() > 3 * found[..., 2].mean()


def test_each_channel_can_have_its_own_range(tmp_path: Path) -> None:
    pixels = np.repeat(picture(), 3, axis=2)
    pixels[..., 2] = 255 - pixels[..., 2] // 4
    measured = Normalisation(channels=3, joint=False).measure_values(pixels.reshape(-1, 3).astype(np.float32))
    assert measured.low[0] == measured.low[1] < measured.low[2]
    assert measured.high[0] == measured.high[1] < measured.high[2]


def test_a_grey_network_sees_the_mean_of_the_colours() -> None:
    pixels = np.array([[[30, 60, 90]]], np.uint8)
    assert GREY.apply(pixels, Range((0.0,), (100.0,))) == pytest.approx(0.6)


def test_a_colour_network_sees_grey_three_times() -> None:
    found = COLOUR.apply(np.array([[[50]]], np.uint8), Range((0.0,) * 3, (100.0,) * 3))
    assert found.tolist() == [[[0.5, 0.5, 0.5]]]


@pytest.mark.parametrize(("wanted", "given"), [(1, 2), (1, 4), (3, 2), (3, 4), (2, 3), (4, 1)])
def test_other_numbers_of_channels_are_refused_in_a_sentence(wanted: int, given: int) -> None:
    normalisation = Normalisation(channels=wanted)
    assert not normalisation.fits(given)
    with pytest.raises(ModelError, match=f"looks at {wanted} channels, but the slide has {given}"):
        normalisation.apply(np.zeros((2, 2, given), np.uint8), Range((0.0,) * wanted, (1.0,) * wanted))


@pytest.mark.parametrize(("wanted", "given"), [(1, 1), (1, 3), (3, 1), (3, 3), (5, 5)])
def test_grey_and_colour_turn_into_each_other(wanted: int, given: int) -> None:
    normalisation = Normalisation(channels=wanted)
    assert normalisation.fits(given)
    found = normalisation.apply(np.zeros((2, 3, given), np.uint8), Range((0.0,) * wanted, (1.0,) * wanted))
    assert found.shape == (2, 3, wanted)


def test_a_large_plane_is_measured_well_from_a_part_of_it(tmp_path: Path) -> None:
    tile = picture((512, 512, 1))
    pixels = np.tile(tile[..., 0], (5, 9))
    tifffile.imwrite(tmp_path / "large.tif", pixels)
    with open_slide(tmp_path / "large.tif") as reader:
        measured = GREY.measure(reader, 0)
    exact = GREY.measure_values(pixels.reshape(-1, 1).astype(np.float32))
    assert measured.low == pytest.approx(exact.low, abs=2)
    assert measured.high == pytest.approx(exact.high, abs=2)


def test_each_plane_of_a_stack_has_its_own_range(tmp_path: Path) -> None:
    planes = np.stack([picture()[..., 0], picture()[..., 0] + 100])
    tifffile.imwrite(tmp_path / "stack.tif", planes, photometric="minisblack")
    with open_slide(tmp_path / "stack.tif") as reader:
        first, second = (GREY.apply(reader.read(n, Box(0, 0, 120, 150)), GREY.measure(reader, n)) for n in range(2))
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_was_not_measured_changes_nothing_around_it_and_is_black(value: float) -> None:
    pixels = np.random.default_rng(0).random((32, 32, 1)).astype(np.float32)
    part = pixels.copy()
    part[:, :8] = value
    normalisation = Normalisation(channels=1)
    measured = normalisation.measure_values(part.reshape(-1, 1))
    assert measured == normalisation.measure_values(pixels[:, 8:].reshape(-1, 1))
    given = normalisation.apply(part, measured)
    assert (given[:, :8] == 0).all()
    assert (given[:, 8:] == normalisation.apply(pixels[:, 8:], measured)).all()
