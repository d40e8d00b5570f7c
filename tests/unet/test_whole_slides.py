"""Models of whole slides see a plane as they saw slides in training: all of it, at one size."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.models.cards import ModelCard
from unet_studio.core.tiles import Box
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.validation import judge, validation_windows
from unet_studio.unet.whole_slides import WholeSlidePredictor, predictor_of

SIDE = 32


@pytest.fixture(scope="module")
def whole(bright: ModelCard, bright_network: keras.Model, recipe: Recipe) -> Predictor:
    """The predictor of `bright`, had it been trained on whole slides at 32 × 32 pixels."""
    schedule = replace(recipe.schedule, whole=True, patch=SIDE)
    return predictor_of(replace(bright, recipe=replace(recipe, schedule=schedule).as_dict()), bright_network)


def test_a_model_of_parts_sees_slides_as_they_are(bright: ModelCard, bright_network: keras.Model) -> None:
    assert not isinstance(predictor_of(bright, bright_network), WholeSlidePredictor)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150))
def test_the_plane_is_seen_at_one_size_and_comes_back_at_its_own(whole: Predictor, height: int, width: int) -> None:
    pixels = np.random.default_rng(height).random((height, width, 1), dtype=np.float32)
    probabilities = whole.probabilities(pixels)
    assert probabilities.shape == (height, width, 1)
    assert probabilities.dtype == np.uint8
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)[..., None]
    seen = whole.logits(small)
    shares = 255 / (1 + np.exp(seen[..., 0] - seen[..., 1]))
    expected = cv2.resize(np.rint(shares).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(probabilities[..., 0] - expected.astype(int)).max() <= 1


def test_a_region_and_the_pieces_are_of_the_same_picture(whole: Predictor) -> None:
    pixels = np.random.default_rng(1).random((100, 70, 1), dtype=np.float32)
    shape, told = (100, 70), []

    def read(box: Box) -> NDArray[np.float32]:
        return pixels[box.slices]

    all_of_it = whole.probabilities(pixels)
    box = Box(10, 20, 64, 50)
    np.testing.assert_array_equal(whole.region(read, shape, box), all_of_it[box.slices])
    ((piece, values),) = whole.outwards(read, shape, box, progress=told.append)
    assert piece == Box.of_shape(shape)
    np.testing.assert_array_equal(values, all_of_it)
    assert told[-1] == 1


def test_what_is_judged_is_what_it_proposes(
    whole: Predictor,
    recipe: Recipe,
    bright_network: keras.Model,
    slide_from: Callable[..., object],
    spots: Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint8]]],
) -> None:
    pixels, truth = spots(3)
    large = np.kron((pixels / 255).astype(np.float32), np.ones((2, 3), np.float32))
    labels = np.kron(truth, np.ones((2, 3), np.uint8))
    schedule = replace(recipe.schedule, whole=True, patch=SIDE)
    (window,) = validation_windows([slide_from(large, labels)], schedule)  # type: ignore[list-item]
    judged = judge(Predictor(bright_network, recipe.architecture), [window]).mean_dice
    mask = whole.probabilities(large[..., None])[..., 0] > 127
    proposed = 2 * np.count_nonzero(mask & (labels == 1)) / (np.count_nonzero(mask) + np.count_nonzero(labels))
    assert judged == pytest.approx(proposed, abs=0.05)
