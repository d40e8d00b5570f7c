"""Patches: pixels and labels stay together through every warp, and are drawn where labels are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels import LabelPlane
from unet_studio.core.tiles import TILE, Box
from unet_studio.unet.patches import LabelledSlide, PatchBatches, draw_patch, relight
from unet_studio.unet.recipes import Architecture, Augmentation, Recipe, Schedule, load_recipe

SAME_LIGHT = Augmentation(gain=0, offset=0, gamma=0, gradient=0, noise=0, blur=0)
AS_IT_IS = replace(SAME_LIGHT, flip=False, rotate=0, scale_low=1, scale_high=1, elastic=0)
RETRAIN = load_recipe("retrain")

MapSlide = Callable[[tuple[int, int]], LabelledSlide]
BLOCK = 16
"""In a map slide each block of so many pixels squared has a label of its own."""
COLUMNS = 15


@pytest.fixture(scope="module")
def map_side() -> int:
    return BLOCK * COLUMNS


@pytest.fixture
def map_slide(slide_of: Callable[..., LabelledSlide], map_side: int) -> LabelledSlide:
    """A slide whose two channels are the y and x of each pixel, and whose label is the number of its block."""
    y, x = np.mgrid[:map_side, :map_side]
    pixels = np.stack([y, x], axis=-1).astype(np.float32) / map_side
    labels = LabelPlane((map_side, map_side))
    labels.write(Box(0, 0, map_side, map_side), (y // BLOCK * COLUMNS + x // BLOCK).astype(np.uint8))
    return slide_of(labels, lambda box: pixels[box.slices].copy(), channels=2)


def dotted(shape: tuple[int, int], *boxes: Box, value: int = 1) -> LabelPlane:
    """A plane that is labelled in these boxes only."""
    labels = LabelPlane(shape)
    for box in boxes:
        labels.write(box, np.full(box.shape, value, np.uint8))
    return labels


def nothing(box: Box) -> NDArray[np.float32]:
    return np.zeros((*box.shape, 1), np.float32)


def draw(slide: LabelledSlide, side: int, augmentation: Augmentation, seed: int = 0) -> Any:
    return draw_patch(slide, side, augmentation, np.random.default_rng(seed))


@given(
    seed=st.integers(0, 2**31),
    side=st.sampled_from([16, 48, 96]),
    rotate=st.sampled_from([0.0, 30.0, 180.0]),
    scales=st.sampled_from([(1.0, 1.0), (0.5, 0.6), (0.8, 1.25), (2.0, 2.0)]),
    elastic=st.sampled_from([0.0, 4.0]),
    flip=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_warped_label_is_the_one_of_the_place_that_its_pixel_shows(
    map_slide_for_all: LabelledSlide,
    map_side: int,
    seed: int,
    side: int,
    rotate: float,
    scales: tuple[float, float],
    elastic: float,
    flip: bool,
) -> None:
    low, high = scales
    augmentation = replace(
        SAME_LIGHT, flip=flip, rotate=rotate, scale_low=low, scale_high=high, elastic=elastic
    )  # fmt: skip
    pixels, labels = draw(map_slide_for_all, side, augmentation, seed)
    assert pixels.shape == (side, side, 2)
    assert labels.shape == (side, side)
    labelled = labels != UNLABELLED
    blocks = np.stack(np.divmod(labels[labelled], COLUMNS), axis=-1)
    centres = blocks * BLOCK + (BLOCK - 1) / 2
    # Half a block, half a pixel that the nearest label may be off, and OpenCV's steps of 1/32 pixel.
    assert np.abs(pixels[labelled] * map_side - centres).max() <= BLOCK / 2 + 1 / 32 + 1e-3


map_slide_for_all = pytest.fixture(name="map_slide_for_all")(lambda map_slide: map_slide)
