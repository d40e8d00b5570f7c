"""Border weights: against equation 2 written out, pixel by pixel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.measure import label

from unet_studio.core.classes import UNLABELLED
from unet_studio.unet.training.border_weights import border_weights


def written_out(labels: NDArray[np.uint8], w0: float, sigma: float) -> NDArray[np.float64]:
    numbers = label((labels != 0) & (labels != UNLABELLED), connectivity=2)
    weights = np.zeros(labels.shape)
    for y, x in np.argwhere(labels == 0):
        distances = [
            np.sqrt(((np.argwhere(numbers == n) - (y, x)) ** 2).sum(axis=1).min()) for n in range(1, numbers.max() + 1)
        ]
        if len(distances) > 1:
            d1, d2 = sorted(distances)[:2]
            weights[y, x] = w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
    return weights


@given(seed=st.integers(0, 2**31), sigma=st.sampled_from([1.0, 5.0]), share=st.sampled_from([0.0, 0.01, 0.1, 0.5]))
@settings(max_examples=30, deadline=None)
def test_they_agree_with_the_equation(seed: int, sigma: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.integers(1, 3, (24, 18)) * (rng.random((24, 18)) < share)).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.1] = UNLABELLED
    weights = border_weights(labels, w0=10, sigma=sigma)
    assert (weights.shape, weights.dtype) == (labels.shape, np.float32)
    # Both distances together end at four σ, beyond which e⁻⁸ of w0 is left at the most.
    np.testing.assert_allclose(weights, written_out(labels, 10, sigma), atol=10 * np.exp(-8) + 1e-5)


def test_the_gap_between_two_objects_weighs_most() -> None:
    labels = np.zeros((20, 40), np.uint8)
    labels[:, :10] = 1
    labels[:, 12:30] = 1
    weights = border_weights(labels, w0=10, sigma=5)
    assert weights[:, 10:12].min() > 8
    assert weights.max() == weights[:, 10:12].max()
    assert np.all(weights[labels == 1] == 0)
    assert weights[:, -1].max() < 1e-3


def test_one_object_alone_has_no_border_to_another() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[5:9, 5:9] = 1
    assert not border_weights(labels, w0=10, sigma=5).any()
