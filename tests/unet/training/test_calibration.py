"""Calibration: probabilities become the frequencies with which they are right, and no mask changes."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture
from unet_studio.unet.training.calibration import fit_temperature, likeliest_temperature
from unet_studio.unet.training.validation import ValidationWindow, judge

ARCHITECTURE = Architecture(depth=2, width=2)


def calibration_error(probability: NDArray[np.floating], truth: NDArray[np.integer], bins: int = 15) -> float:
    """The expected calibration error of the probability of class 1; Guo et al. 2017, arXiv:1706.04599, equation 3."""
    place = np.minimum((probability * bins).astype(int), bins - 1).ravel()
    gaps = np.bincount(place, truth.ravel(), bins) - np.bincount(place, probability.ravel(), bins)
    return float(np.abs(gaps).sum() / truth.size)


NOISE = 0.25
"""Standard deviation, where spots are 0.7 and the ground is 0.3."""
SHARE = 0.15
"""Of the pixels that are spots, about."""


def sure_network(factor: float) -> keras.Model:
    """A network that looks at one pixel at a time and knows the true odds, but makes its logits too large or small."""
    inputs = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(2, 1)
    network = keras.Model(inputs, layer(inputs))
    slope = (0.7 - 0.3) / NOISE**2
    offset = np.log(SHARE / (1 - SHARE)) - slope / 2
    kernel = np.array([0, factor * slope], np.float32).reshape(1, 1, 1, 2)
    layer.set_weights([kernel, np.array([0, factor * offset], np.float32)])
    return network


@pytest.fixture(scope="module")
def windows(spots: Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> list[ValidationWindow]:
    """Slides of spots under so much noise that no class is certain."""
    rng = np.random.default_rng(0)
    drawn = []
    for seed in range(6):
        truth = spots(seed)[1]
        pixels = 0.3 + 0.4 * truth + rng.normal(0, NOISE, truth.shape)
        drawn.append(ValidationWindow(pixels[..., None].astype(np.float32), truth))
    return drawn


@pytest.mark.parametrize("factor", [0.3, 1.0, 6.0])
def test_what_is_too_sure_or_too_modest_becomes_calibrated_on_other_slides(
    windows: list[ValidationWindow], factor: float
) -> None:
    network = sure_network(factor)
    plain = Predictor(network, ARCHITECTURE)
    temperature = fit_temperature(plain, windows[:4])
    tempered = Predictor(network, ARCHITECTURE, temperature=temperature)
    truth = np.stack([window.labels for window in windows[4:]])

    def error(predictor: Predictor) -> float:
        said = [predictor.probabilities(window.pixels)[..., 0] / 255 for window in windows[4:]]
        return calibration_error(np.stack(said), truth)

    assert temperature == pytest.approx(factor, rel=0.2)
    assert error(tempered) <= error(plain) + 0.002
    assert error(tempered) < (1 if factor == 1 else 0.5) * error(plain) + 0.002
    assert judge(tempered, windows).mean_dice == judge(plain, windows).mean_dice


@given(st.floats(0.2, 5), st.integers(2, 5), st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_temperature_of_labels_drawn_by_their_probabilities_is_found_again(
    temperature: float, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    right = rng.normal(0, 2, (20_000, classes))
    shares = np.exp(right) / np.exp(right).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < rng.random((len(right), 1))).sum(axis=1).clip(0, classes - 1).astype(np.uint8)
    found = likeliest_temperature((right * temperature).astype(np.float32), labels)
    assert found == pytest.approx(temperature, rel=0.1)


def test_where_all_is_right_the_temperature_stays_within_bounds() -> None:
    logits = np.array([[3, -3], [-4, 4]], np.float32)
    assert likeliest_temperature(logits, np.array([0, 1], np.uint8)) == pytest.approx(1 / 20, rel=0.01)
    assert likeliest_temperature(logits, np.array([1, 0], np.uint8)) == pytest.approx(20, rel=0.01)


def test_unlabelled_pixels_say_nothing(windows: list[ValidationWindow]) -> None:
    predictor = Predictor(sure_network(6), ARCHITECTURE)
    halves = []
    for window in windows:
        pixels, labels = window.pixels.copy(), window.labels.copy()
        labels[32:] = UNLABELLED
        pixels[32:] = 5.0
        halves.append(ValidationWindow(pixels, labels))
    upper = [ValidationWindow(window.pixels[:32], window.labels[:32]) for window in windows]
    assert fit_temperature(predictor, halves) == pytest.approx(fit_temperature(predictor, upper), rel=1e-3)
    nothing = [ValidationWindow(windows[0].pixels, np.full((64, 64), UNLABELLED, np.uint8))]
    assert fit_temperature(predictor, nothing) == 1.0


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(13, 40), (64, 64)])
def test_logits_are_those_that_the_probabilities_come_from(padding: str, shape: tuple[int, int]) -> None:
    architecture = Architecture(depth=2, width=2, padding=padding)
    predictor = Predictor(build_unet(architecture, channels=1, classes=2), architecture)
    pixels = np.random.default_rng(0).random((*shape, 1), dtype=np.float32)
    logits = predictor.logits(pixels).astype(np.float64)
    assert logits.shape == (*shape, 2)
    expected = 255 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    assert np.abs(predictor.probabilities(pixels)[..., 0] - expected).max() <= 0.51
